#include <math.h>

#include "made.h"
#include "present/json/json.h"
#include "test.h"

static void a_report(void **state)
{
	static struct column columns[] = {
		{ .key = { "name", 4 }, .heading = { "name", 4 } },
		{ .key = { "share", 5 }, .heading = { "share", 5 }, .unit = UNIT_RATIO },
	};
	struct cell cells[] = {
		{ .text = S("a\"<\x1b") }, { .v = 0.1 }, { .text = S("b") }, { .v = (double)NAN }
	};
	struct table t = { columns, 2, cells, 2, 3 };
	auto_arena a = arena_open("test", 1 << 24);
	struct run *run = run_new(a);
	struct report r = { .run = run };
	auto_buf out = BUF(1 << 16);

	(void)state;
	run_add_profile(run, MADE(a, { "main", 3, NULL }));
	run_add_limit(run, S("what"), S("why"), S("remedy"));
	*report_section(&r, a) =
		(struct section){ .id = S("top"), .block = BLOCK_TABLE, .table = &t };
	json_report(&r, &out);
	static const char *const parts[] = {
		"{\"schema\":\"perf-ops.report/1\",",
		"{\"name\":\"a\\\"\\u003c\\u001b\",\"share\":0.1},{\"name\":\"b\",\"share\":null}",
		"\"cut\":3",
		"{\"name\":\"cpu\",\"unit\":\"ns\",\"total\":30000000,\"main\":true}",
		"{\"what\":\"what\",\"why\":\"why\",\"remedy\":\"remedy\"}",
		"\"probe_ns\":null",
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (str_find(buf_str(&out), str_from_c(parts[i])) == out.n)
			fail_msg("%s is not in " STR_FMT, parts[i], STR_ARG(buf_str(&out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_report) };

	return RUN_TESTS(tests);
}
