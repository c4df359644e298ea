/* One profile for each shape a verdict can have. */
#include "analyse/verdict.h"

#include "made.h"
#include "test.h"

static void says(const struct verdict *v, const char *want)
{
	if (str_find(v->sentence, str_from_c(want)) == v->sentence.n)
		fail_msg("'" STR_FMT "' does not say '%s'", STR_ARG(v->sentence), want);
}

#define JUDGE(v, a, ...) \
	struct verdict v = verdict_new((a), weights_new((a), MADE((a), __VA_ARGS__)))

static void hot(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;png_read_row;inflate", 630, NULL }, { "main;other", 200, NULL },
	      { "main;third", 170, NULL });

	(void)state;
	assert_int_equal(v.shape, VERDICT_HOT);
	check_str(v.sentence, S("63 % of CPU time is in `inflate` called from `png_read_row` "
				"(95 % interval 60–66 %)."));
	assert_false(v.rough);
}

static void library_leaf(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;build_index;memcpy@libc.so.6", 600, NULL },
	      { "main;build_index", 50, NULL }, { "main;load", 350, NULL });

	(void)state;
	assert_int_equal(v.shape, VERDICT_HOT);
	says(&v, "65 % of CPU time is in `build_index` and the library functions it calls");
	says(&v, "most of it in `memcpy` (60 %)");
}

/* None of what a function makes the C library do is large; together it is most. */
static void many_small_library_calls(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;shape;malloc@libc.so.6", 90, NULL },
	      { "main;shape;free@libc.so.6", 90, NULL },
	      { "main;shape;memcpy@libc.so.6", 90, NULL },
	      { "main;shape;memset@libc.so.6", 90, NULL }, { "main;shape", 30, NULL },
	      { "main;a", 95, NULL }, { "main;b", 95, NULL }, { "main;c", 95, NULL },
	      { "main;d", 95, NULL }, { "main;e", 95, NULL }, { "main;f", 95, NULL },
	      { "main;g", 40, NULL });

	(void)state;
	says(&v, "39 % of CPU time is in `shape` and the library functions it calls");
}

static void several_callers(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;a;hash", 200, NULL }, { "main;b;hash", 180, NULL },
	      { "main;c;hash", 170, NULL }, { "main;d", 450, NULL });

	(void)state;
	says(&v, "55 % of CPU time is in `hash` called from several places, most often from `a`");
}

static void kernel(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;copy;read@libc.so.6;[k]sys_read;[k]copy_to_user", 700, NULL },
	      { "main;sum", 300, NULL });

	(void)state;
	assert_int_equal(v.shape, VERDICT_KERNEL);
	says(&v, "70 % of CPU time is in the kernel");
	says(&v, "`copy_to_user` (70 %), called from `copy` (70 %)");
}

static void unresolved(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;?@/usr/bin/x", 580, NULL }, { "main;sum", 420, NULL });

	(void)state;
	assert_int_equal(v.shape, VERDICT_UNRESOLVED);
	says(&v, "58 % of CPU time is in /usr/bin/x, which has no symbols");
}

static void flat(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = MADE(a, { "main", 1, NULL });

	(void)state;
	for (int i = 0; i < 40; i++) {
		char stack[] = "main;serve;step_00";
		stack[16] = (char)('0' + i / 10);
		stack[17] = (char)('0' + i % 10);
		made_add(p, &(struct made_row){ i % 4 ? stack : stack + 11, 25, NULL });
	}
	struct verdict v = verdict_new(a, weights_new(a, p));
	assert_int_equal(v.shape, VERDICT_FLAT);
	says(&v, "No function stands out");
	says(&v, "The widest branch is `serve` with all it calls: 75 %");
}

static void idle_rough_and_one_thread(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = MADE(a, { "main;x", 19, "busy" }, { "main;y", 1, "calm" });

	(void)state;
	p->duration_ns = INT64_C(10000000000);
	struct verdict v = verdict_new(a, weights_new(a, p));
	says(&v, "One thread of 2, `busy`, does 95 % of it.");
	says(&v, "only 2.0 % of one processor");
	says(&v, "With 20 samples all percentages are rough");
	assert_true(v.rough);
}

static void nothing(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	const struct value_kind kind = { S("cpu"), UNIT_NS };
	struct verdict v = verdict_new(
		a, weights_new(a, profile_new(a, S("none"), &kind, 1, false)));

	(void)state;
	assert_int_equal(v.shape, VERDICT_EMPTY);
	assert_int_equal(v.plateau, 0);
	says(&v, "not one sample");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot),
		cmocka_unit_test(library_leaf),
		cmocka_unit_test(many_small_library_calls),
		cmocka_unit_test(several_callers),
		cmocka_unit_test(kernel),
		cmocka_unit_test(unresolved),
		cmocka_unit_test(flat),
		cmocka_unit_test(idle_rough_and_one_thread),
		cmocka_unit_test(nothing),
	};

	return RUN_TESTS(tests);
}
