#include "test.h"

static void cut(void **state)
{
	static const struct {
		const char *in, *head, *tail;
	} rows[] = {
		{ "a,b", "a", "b" }, { "ab", "ab", "" }, { "", "", "" },
		{ ",b", "", "b" },   { "a,", "a", "" },  { "a,b,c", "a", "b,c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str tail;
		check_str(str_cut(str_from_c(rows[i].in), ',', &tail), str_from_c(rows[i].head));
		check_str(tail, str_from_c(rows[i].tail));
	}
}

static void u64_bounds(void **state)
{
	uint64_t v = 7;

	(void)state;
	assert_true(str_to_u64(S("18446744073709551615"), &v));
	assert_true(v == UINT64_MAX);
	assert_false(str_to_u64(S("18446744073709551616"), &v));
	assert_false(str_to_u64(S(""), &v));
	assert_false(str_to_u64(S("1x"), &v));
	assert_false(str_to_u64(S("-1"), &v));
}

static void doubles(void **state)
{
	double v;

	(void)state;
	assert_true(str_to_double(S("0.61"), &v) && v > 0.6099 && v < 0.6101);
	assert_true(str_to_double(S("-3"), &v) && v < -2.9);
	assert_false(str_to_double(S("1."), &v));
	assert_false(str_to_double(S("."), &v));
	assert_false(str_to_double(S("nan"), &v));
	assert_true(str_to_double(S("1.5e3"), &v) && v > 1499.9 && v < 1500.1);
	assert_true(str_to_double(S("12345678901234567890123"), &v) && v > 1.2e22 && v < 1.3e22);
	assert_true(str_to_double(S("1e-7"), &v) && v > 0.9e-7 && v < 1.1e-7);
	assert_false(str_to_double(S("1e999"), &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut),
		cmocka_unit_test(u64_bounds),
		cmocka_unit_test(doubles),
	};

	return RUN_TESTS(tests);
}
