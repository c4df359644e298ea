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

static void many_small_kernel_calls(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = MADE(a, { "main;flush;write@libc.so.6", 20, NULL });

	(void)state;
	for (int i = 0; i < 40; i++) {
		char own[] = "main;step_00", call[] = "main;flush;write@libc.so.6;[k]call_00";
		own[10] = call[35] = (char)('0' + i / 10);
		own[11] = call[36] = (char)('0' + i % 10);
		made_add(p, &(struct made_row){ i < 8 ? call : own, 25, NULL });
	}
	struct verdict v = verdict_new(a, weights_new(a, p));
	says(&v, "22 % of CPU time is in `flush` and what the kernel does for it");
}

static void several_callers(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;a;hash", 200, NULL }, { "main;b;hash", 180, NULL },
	      { "main;c;hash", 170, NULL }, { "main;d", 450, NULL });

	(void)state;
	check_str(v.sentence, S("55 % of CPU time is in `hash` (95 % interval 52–58 %), called by "
				"`a` (20 %), `b` (18 %) and 1 more."));
	JUDGE(two, a, { "main;a;hash", 500, NULL }, { "main;b;hash", 400, NULL },
	      { "hash", 100, NULL });
	says(&two, "is in `hash` (95 % interval 100–100 %), called by `a` (50 %) and `b` (40 %).");
	/* A caller has to have nearly all of it to be called the caller. */
	JUDGE(one, a, { "main;a;hash", 920, NULL }, { "main;b;hash", 80, NULL });
	says(&one, "is in `hash` called from `a` (95 %");
	JUDGE(root, a, { "main;a;hash", 300, NULL }, { "hash", 700, NULL });
	says(&root, "is in `hash` (95 % interval 100–100 %), called by `a` (30 %).");
}

/* Part of a sentence may not say "most" of what is not half. */
static void largest_is_not_most(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;shape;malloc@libc.so.6", 300, NULL },
	      { "main;shape;free@libc.so.6", 150, NULL }, { "main;shape", 150, NULL },
	      { "main;y", 200, NULL }, { "main;z", 200, NULL });
	JUDGE(k, a, { "main;copy;[k]sys_read;[k]one", 300, NULL },
	      { "main;copy;[k]sys_read;[k]two", 250, NULL },
	      { "main;load;[k]sys_read;[k]three", 250, NULL }, { "main;sum", 200, NULL });

	(void)state;
	says(&v, "60 % of CPU time is in `shape` and the library functions it calls");
	says(&v, "the largest part in `malloc` (30 %)");
	says(&k, "80 % of CPU time is in the kernel");
	says(&k, "the largest part in `one` (30 %), called from `copy` (55 %)");
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
	says(&v, "58 % of CPU time is in functions of x that have no names");
	says(&v, "most of it in `x+0x1000` (58 %). To see the names");
	says(&v, "install the debug symbols of x or build it without strip");
}

/* A stripped program: its functions are told apart by where they begin. */
static void stripped(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "?1000@cc1plus;?2000@cc1plus", 300, NULL },
	      { "?1000@cc1plus;?3000@cc1plus", 350, NULL },
	      { "?1000@cc1plus;?4000@cc1plus;malloc@libc.so.6", 250, NULL },
	      { "?1000@cc1plus", 100, NULL });

	(void)state;
	assert_int_equal(v.shape, VERDICT_UNRESOLVED);
	says(&v, "75 % of CPU time is in functions of cc1plus that have no names");
	says(&v, "the largest part in `cc1plus+0x3000` (35 %).");
}

/* Debian without libc6-dbg: variants of memcpy for this processor have no names. */
static void nameless_library(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	JUDGE(v, a, { "main;find_visitor;?1000@libc.so.6", 640, NULL },
	      { "main;find_visitor;?2000@libc.so.6", 200, NULL },
	      { "main;find_visitor", 110, NULL }, { "main", 50, NULL });
	JUDGE(only_main, a, { "_start;main;?1000@libfoo.so.1", 900, NULL },
	      { "_start;main;work", 100, NULL });
	JUDGE(jit, a, { "main;run;?7f0000001000@[jit]", 500, NULL },
	      { "main;run;?7f0000002000@[jit]", 500, NULL });

	(void)state;
	assert_int_equal(v.shape, VERDICT_HOT);
	check_str(v.sentence,
		  S("95 % of CPU time is in `find_visitor` and the library functions it calls "
		    "(95 % interval 93–96 %), most of it in nameless functions of libc.so.6 "
		    "(84 %)."));
	assert_int_equal(only_main.shape, VERDICT_UNRESOLVED);
	says(&only_main, "90 % of CPU time is in functions of libfoo.so.1 that have no names");
	says(&only_main, "most of it in `libfoo.so.1+0x1000` (90 %), called from `main`.");
	assert_int_equal(jit.shape, VERDICT_UNRESOLVED);
	says(&jit, "100 % of CPU time is in code made at run time that nobody names");
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
	struct verdict v =
		verdict_new(a, weights_new(a, profile_new(a, S("none"), &kind, 1, false)));

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
		cmocka_unit_test(many_small_kernel_calls),
		cmocka_unit_test(several_callers),
		cmocka_unit_test(kernel),
		cmocka_unit_test(unresolved),
		cmocka_unit_test(largest_is_not_most),
		cmocka_unit_test(stripped),
		cmocka_unit_test(nameless_library),
		cmocka_unit_test(flat),
		cmocka_unit_test(idle_rough_and_one_thread),
		cmocka_unit_test(nothing),
	};

	return RUN_TESTS(tests);
}
