#include "model/quantity.h"

#include <math.h>

#include "test.h"

static void words(void **state)
{
	static const struct {
		struct quantity q;
		const char *want;
	} rows[] = {
		{ { 0, UNIT_NS }, "0 ns" },
		{ { 950, UNIT_NS }, "950 ns" },
		{ { 1234, UNIT_NS }, "1.23 µs" },
		{ { 999700000, UNIT_NS }, "1.00 s" },
		{ { 12.34e9, UNIT_NS }, "12.3 s" },
		{ { 125e9, UNIT_NS }, "2 min 5 s" },
		{ { 1023, UNIT_BYTES }, "1023 B" },
		{ { 3.1 * 1048576, UNIT_BYTES }, "3.10 MiB" },
		{ { 1234567, UNIT_COUNT }, "1,234,567" },
		{ { 999, UNIT_COUNT }, "999" },
		{ { -1000, UNIT_COUNT }, "-1,000" },
		{ { 1e300, UNIT_COUNT }, "1e+300" },
		{ { 0.632, UNIT_RATIO }, "63.2 %" },
		{ { 0.0001, UNIT_RATIO }, "<0.1 %" },
		{ { 0, UNIT_RATIO }, "0.0 %" },
		{ { 2.5e9, UNIT_CYCLES }, "2.50 G cycles" },
		{ { 99, UNIT_PER_S }, "99/s" },
		{ { (double)NAN, UNIT_NS }, "?" },
		{ { (double)INFINITY, UNIT_COUNT }, "?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_buf b = BUF(256);
		quantity_put(&b, rows[i].q);
		check_str(buf_str(&b), str_from_c(rows[i].want));
	}
}

static void changes_and_shares(void **state)
{
	auto_buf b = BUF(1024);

	(void)state;
	quantity_put_change(&b, (struct quantity){ 0.031, UNIT_RATIO });
	buf_put(&b, S("|"));
	quantity_put_change(&b, (struct quantity){ -0.22, UNIT_RATIO });
	buf_put(&b, S("|"));
	quantity_put_change(&b, (struct quantity){ 0.0001, UNIT_RATIO });
	buf_put(&b, S("|"));
	quantity_put_share(&b, 0.626);
	buf_put(&b, S("|"));
	quantity_put_share(&b, 0.0341);
	check_str(buf_str(&b), S("+3.1 pp|-22.0 pp|±0.0 pp|63 %|3.4 %"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(changes_and_shares),
	};

	return RUN_TESTS(tests);
}
