/* The other nouns: dist, series, tree, plan, and the run and report that hold them. */
#include "model/report.h"

#include <math.h>
#include <stdlib.h>

#include "base/vec.h"
#include "test.h"

static uint64_t chance(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static int cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void quantiles_are_close(void **state)
{
	(void)state;
	for (unsigned bits = 3; bits < 62; bits += 7) {
		auto_arena a = arena_open("test", 1 << 24);
		struct dist *d = dist_new(a, S("latency"), UNIT_NS);
		struct err err = { 0 };
		int64_t v[3000];
		uint64_t seed = bits;
		for (size_t i = 0; i < 3000; i++) {
			v[i] = (int64_t)((chance(&seed) << 31 ^ chance(&seed)) &
					 ((UINT64_C(1) << (chance(&seed) % bits + 1)) - 1));
			dist_record(d, v[i]);
		}
		qsort(v, 3000, sizeof(*v), cmp);
		for (unsigned i = 0; i <= 100; i++) {
			size_t rank = (3000 * i + 99) / 100;
			int64_t truth = v[rank ? rank - 1 : 0], got = dist_quantile(d, i / 100.0);
			double off = fabs((double)(got - truth));
			if (off > (double)truth / 128)
				fail_msg("q%u is %lld, not %lld", i, (long long)got,
					 (long long)truth);
		}
		if (dist_check(d, &err) < 0)
			fail_msg("%s", err.text);
	}
}

static void dist_edges(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct dist *d = dist_new(a, S("x"), UNIT_NS);
	struct err err = { 0 };

	(void)state;
	assert_int_equal(dist_quantile(d, 0.5), -1);
	dist_record(d, -5);
	assert_int_equal(d->loss.dropped, 1);
	dist_record(d, INT64_MAX);
	assert_int_equal(dist_quantile(d, 0), INT64_MAX);
	dist_record(d, 0);
	assert_int_equal(dist_quantile(d, 0), 0);
	assert_int_equal(dist_check(d, &err), 0);
	assert_non_null(d->raw);
	for (int i = 0; i < DIST_RAW_MAX; i++)
		dist_record(d, 7);
	assert_null(d->raw);
	assert_int_equal(dist_check(d, &err), 0);
	d->count++;
	assert_true(dist_check(d, &err) < 0);
}

static void dist_merging(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct dist *d = dist_new(a, S("x"), UNIT_NS), *e = dist_new(a, S("y"), UNIT_NS);
	struct dist *all = dist_new(a, S("z"), UNIT_NS), *b = dist_new(a, S("b"), UNIT_BYTES);
	struct err err = { 0 };
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t v = (int64_t)chance(&seed);
		dist_record(i % 3 ? d : e, v);
		dist_record(all, v);
	}
	assert_int_equal(dist_merge(d, e, &err), 0);
	assert_int_equal(dist_check(d, &err), 0);
	assert_int_equal(d->count, 1000);
	assert_int_equal(d->min, all->min);
	assert_int_equal(d->max, all->max);
	assert_memory_equal(d->bucket, all->bucket, d->n_buckets * sizeof(*d->bucket));
	assert_true(dist_merge(d, b, &err) < 0);
}

static void series_rise(void **state)
{
	int64_t t[] = { 0, 5, 9 };
	double v[] = { 1, NAN, 2 };
	struct series s = { .name = S("cpu"), .unit = UNIT_RATIO, .t_ns = t, .v = v, .n = 3 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(series_check(&s, &err), 0);
	t[2] = 5;
	assert_true(series_check(&s, &err) < 0);
	t[2] = 9;
	v[0] = INFINITY;
	assert_true(series_check(&s, &err) < 0);
}

/* root(a(b c) d) and every single wrong number in it. */
static void trees_are_preorder(void **state)
{
	struct tree_node n[] = { { .parent = 0, .span = 5 },
				 { .parent = 0, .span = 3 },
				 { .parent = 1, .span = 1 },
				 { .parent = 1, .span = 1 },
				 { .parent = 0, .span = 1 } };
	struct tree t = {
		.name = S("t"), .size_name = { S("bytes") }, .n_sizes = 1, .node = n, .n = 5
	};
	struct err err = { 0 };

	(void)state;
	assert_int_equal(tree_check(&t, &err), 0);
	for (size_t i = 0; i < 5; i++)
		for (uint32_t wrong = 0; wrong < 7; wrong++) {
			struct tree_node was = n[i];
			n[i].parent = wrong;
			if (wrong != was.parent)
				assert_true(tree_check(&t, &err) < 0);
			n[i] = was;
			n[i].span = wrong;
			if (wrong != was.span)
				assert_true(tree_check(&t, &err) < 0);
			n[i] = was;
		}
	n[3].self[0] = -1;
	assert_true(tree_check(&t, &err) < 0);
}

static void plans_hold(void **state)
{
	struct plan_node n[] = { { .op = S("Sort"), .span = 2, .rows = 3, .loops = 1 },
				 { .op = S("Scan"), .span = 1, .rows = NAN, .n_props = 1 } };
	struct plan_prop prop = { .key = S("rows removed") };
	struct plan p = { .engine = S("postgres"), .node = n, .n = 2, .prop = &prop, .n_props = 1 };
	struct err err = { 0 };

	(void)state;
	if (plan_check(&p, &err) < 0)
		fail_msg("%s", err.text);
	n[1].prop = 1;
	assert_true(plan_check(&p, &err) < 0);
	n[1].prop = 0;
	n[1].loops = 1;
	assert_true(plan_check(&p, &err) < 0);
}

static void runs_check_refs(void **state)
{
	static const struct value_kind kind = { S("samples"), UNIT_COUNT };
	auto_arena a = arena_open("test", 1 << 24);
	struct run *r = run_new(a);
	struct err err = { 0 };
	struct evidence e = { .claim = S("x"), .at = { ART_PROFILE, 0, 0 } };
	struct fix fix = { .action = S("do") };
	struct finding f = { .rule = S("a.b"),
			     .symptom = S("slow"),
			     .cause = S("because"),
			     .evidence = &e,
			     .n_evidence = 1,
			     .fixes = &fix,
			     .n_fixes = 1 };

	(void)state;
	assert_int_equal(r->cost.cpu_ns, -1);
	run_add_limit(r, S("kernel stacks are not visible"), S("paranoid is 2"), S(""));
	run_add_profile(r, profile_new(a, S("p"), &kind, 1, false));
	*vec_add(a, &r->findings) = f;
	if (run_check(r, &err) < 0)
		fail_msg("%s", err.text);
	e.at.where = 1;
	assert_true(run_check(r, &err) < 0);
	e.at = (struct ref){ ART_SERIES, 0, 0 };
	assert_true(run_check(r, &err) < 0);
	e.at = (struct ref){ ART_FACT, 17, 0 };
	assert_int_equal(run_check(r, &err), 0);
	r->profiles.v[0]->n_strings = 0;
	assert_true(run_check(r, &err) < 0);
}

static void sections_grow(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct report rep = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct section *s = report_section(&rep, a);
		assert_int_equal(s->limit, 0);
		s->limit = i;
	}
	assert_int_equal(rep.n, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(rep.section[i].limit, i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_close), cmocka_unit_test(dist_edges),
		cmocka_unit_test(dist_merging),        cmocka_unit_test(series_rise),
		cmocka_unit_test(trees_are_preorder),  cmocka_unit_test(plans_hold),
		cmocka_unit_test(runs_check_refs),     cmocka_unit_test(sections_grow),
	};

	return RUN_TESTS(tests);
}
