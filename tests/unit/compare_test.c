/* Changes that are there, changes that are not, and gates. */
#include "analyse/compare.h"

#include <errno.h>
#include <math.h>

#include "made.h"
#include "test.h"

static struct comparison *compared(struct arena *a, struct profile *x, struct profile *y)
{
	struct comparison *c = NULL;
	struct err err = { 0 };

	assert_int_equal(compare_new(a, weights_new(a, x), weights_new(a, y), &c, &err), 0);
	return c;
}

static const struct change *of(const struct comparison *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->v[i].name, str_from_c(name)))
			return &c->v[i];
	fail_msg("no %s", name);
	return NULL;
}

static void finds_what_changed(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct comparison *c =
		compared(a, MADE(a, { "main;slow", 630, NULL }, { "main;rest", 370, NULL }),
			 MADE(a, { "main;slow", 410, NULL }, { "main;rest", 380, NULL },
			      { "main;added", 210, NULL }));

	(void)state;
	assert_int_equal(c->n_proven, 2);
	assert_int_equal(of(c, "slow")->kind, CHANGE_LESS);
	assert_int_equal(of(c, "added")->kind, CHANGE_MORE);
	assert_int_equal(of(c, "rest")->kind, CHANGE_NONE);
	assert_int_equal(of(c, "added")->before, 0);
	assert_true(of(c, "slow")->share_change.low < -0.22 &&
		    of(c, "slow")->share_change.high > -0.22);
	assert_true(of(c, "slow")->share_change.high < 0);
	struct str s = compare_sentence(a, c);
	assert_true(str_find(s, S("2 of 3 functions changed")) < s.n);
	assert_true(str_find(s, S("`slow` 63 % → 41 %")) < s.n);
}

static void same_is_same(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct comparison *c =
		compared(a, MADE(a, { "main;x", 300, NULL }, { "main;y", 700, NULL }),
			 MADE(a, { "main;x", 620, NULL }, { "main;y", 1380, NULL }));
	struct str s = compare_sentence(a, c);

	(void)state;
	assert_int_equal(c->n_proven, 0);
	assert_true(str_starts(s, S("No function's share")));
}

static void few_samples_are_not_judged(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct comparison *c = compared(a, MADE(a, { "main;x", 5, NULL }, { "main;y", 700, NULL }),
					MADE(a, { "main;y", 700, NULL }));

	(void)state;
	assert_true(isnan(of(c, "x")->p));
	assert_int_equal(c->n_tested, 1);
	struct table *t = compare_table(a, c, 1);
	assert_int_equal(t->n_rows, 1);
	assert_int_equal(t->n_cut, 1);
}

static void gates(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct comparison *grown =
		compared(a, MADE(a, { "main;x", 100, NULL }, { "main;y", 900, NULL }),
			 MADE(a, { "main;x", 300, NULL }, { "main;y", 700, NULL }));
	struct comparison *maybe =
		compared(a, MADE(a, { "main;x", 100, NULL }, { "main;y", 900, NULL }),
			 MADE(a, { "main;x", 118, NULL }, { "main;y", 882, NULL }));
	struct str s;

	(void)state;
	assert_int_equal(compare_gate(a, grown, 0.05, &s), GATE_FAILED);
	assert_true(str_find(s, S("`x`")) < s.n);
	assert_int_equal(compare_gate(a, grown, 0.19, &s), GATE_UNDECIDED);
	assert_int_equal(compare_gate(a, grown, 0.25, &s), GATE_PASSED);
	assert_int_equal(compare_gate(a, maybe, 0.01, &s), GATE_UNDECIDED);
	assert_int_equal(compare_gate(a, maybe, 0.02, &s), GATE_PASSED);
}

static void refuses_different_things(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	const struct value_kind bytes = { S("alloc_space"), UNIT_BYTES };
	struct profile *heap = profile_new(a, S("heap"), &bytes, 1, false);
	struct profile *cpu = MADE(a, { "main", 5, NULL });
	struct comparison *c = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(compare_new(a, weights_new(a, heap), weights_new(a, cpu), &c, &err),
			 -EINVAL);
	assert_true(err.text[0]);
	struct profile *none = MADE(a, { "main", 0, NULL });
	assert_int_equal(compare_new(a, weights_new(a, none), weights_new(a, cpu), &c, &err),
			 -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_changed),         cmocka_unit_test(same_is_same),
		cmocka_unit_test(few_samples_are_not_judged), cmocka_unit_test(gates),
		cmocka_unit_test(refuses_different_things),
	};

	return RUN_TESTS(tests);
}
