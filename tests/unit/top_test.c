/* Tables of profiles whose truth is known, and the laws that hold for any profile. */
#include "analyse/top.h"

#include <math.h>
#include <time.h>

#include "made.h"
#include "test.h"

static const struct cell *find(const struct table *t, size_t column, const char *name)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (str_eq(t->cell[i * t->n_columns + column].text, str_from_c(name)))
			return &t->cell[i * t->n_columns];
	fail_msg("no row %s", name);
	return NULL;
}

#define NEAR(x, want) assert_true(fabs((x) - (want)) < 1e-9)

static void self_and_total(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	const struct weights *w = weights_new(
		a, MADE(a, { "main;parse;inflate@libz.so.1", 60, NULL }, { "main;parse", 10, NULL },
			{ "main;draw;inflate@libz.so.1", 5, NULL },
			{ "main;draw;[k]write", 25, NULL }));
	const struct table *t = top_functions(a, w, TOP_BY_SELF, 10);

	(void)state;
	assert_int_equal(w->all.samples, 100);
	check_str(t->cell[2].text, S("inflate"));
	NEAR(find(t, 2, "inflate")[0].v, 0.65);
	NEAR(find(t, 2, "parse")[0].v, 0.10);
	NEAR(find(t, 2, "parse")[1].v, 0.70);
	NEAR(find(t, 2, "write")[1].v, 0.25);
	NEAR(top_kernel_share(w), 0.25);
	t = top_functions(a, w, TOP_BY_TOTAL, 2);
	assert_int_equal(t->n_rows, 2);
	assert_int_equal(t->n_cut, 3);
	check_str(t->cell[2].text, S("main"));
	NEAR(t->cell[1].v, 1.0);
	t = top_modules(a, w, 10);
	NEAR(find(t, 0, "libz.so.1")[1].v, 0.65);
	NEAR(find(t, 0, "[kernel]")[1].v, 0.25);
}

static void recursion_counts_once(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	const struct weights *w =
		weights_new(a, MADE(a, { "main;walk;walk;visit;walk", 40, NULL },
				    { "main;walk;visit", 50, NULL }, { "main", 10, NULL }));
	const struct table *t = top_functions(a, w, TOP_BY_TOTAL, 10);

	(void)state;
	NEAR(find(t, 2, "walk")[1].v, 0.9);
	NEAR(find(t, 2, "visit")[1].v, 0.9);
	NEAR(find(t, 2, "walk")[0].v, 0.4);
	/* Who calls walk where it spends: visit, and not itself. */
	uint32_t walk = 0;
	for (uint32_t f = 1; f < w->n_functions; f++)
		if (str_eq(weights_name(w, f), S("walk")))
			walk = f;
	t = top_callers(a, w, walk, 10);
	assert_int_equal(t->n_rows, 1);
	check_str(t->cell[0].text, S("visit"));
}

/* Lines of a function are different frames; the path takes them together. */
static void path_merges_lines(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = MADE(a, { "main;cold", 30, NULL });
	const int64_t v[] = { 20, 200000000 };

	(void)state;
	for (uint32_t line = 1; line <= 2; line++) {
		struct frame f = { .function = profile_string(p, S("main")),
				   .module = profile_string(p, S("app")),
				   .line = line };
		stack_id s = profile_stack(p, (stack_id){ 0 }, profile_frame(p, &f));
		profile_add(p, profile_stack(p, s, made_frame(p, S("hot"))), (label_id){ 0 }, v, 0);
	}
	const struct table *t = top_path(a, weights_new(a, p));
	assert_int_equal(t->n_rows, 2);
	check_str(t->cell[0].text, S("hot"));
	NEAR(t->cell[1].v, 40.0 / 70);
	check_str(t->cell[t->n_columns].text, S("main"));
	NEAR(t->cell[t->n_columns + 1].v, 1.0);
}

static void labels(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	const struct weights *w =
		weights_new(a, MADE(a, { "main", 30, "io" }, { "main", 60, "worker" },
				    { "main;x", 10, "worker" }));
	const struct table *t = top_labels(a, w, S("thread"), S("tid"), 1);

	(void)state;
	check_str(t->cell[0].text, S("worker"));
	NEAR(t->cell[1].v, 0.7);
	assert_int_equal(t->n_cut, 1);
	assert_null(top_labels(a, w, S("process"), S("pid"), 1));
}

static void empty(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	const struct value_kind kind = { S("cpu"), UNIT_NS };
	const struct weights *w = weights_new(a, profile_new(a, S("none"), &kind, 1, false));

	(void)state;
	assert_int_equal(top_functions(a, w, TOP_BY_SELF, 10)->n_rows, 0);
	assert_int_equal(top_path(a, w)->n_rows, 0);
	assert_true(isnan(top_kernel_share(w)));
}

static uint64_t next(uint64_t *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

/* Any trie: parents first, a few functions so that recursion is common. */
static struct profile *random_profile(struct arena *a, uint64_t seed, size_t stacks, size_t rows)
{
	struct profile *p = MADE(a, { "root", 1, NULL });
	frame_id frame[20];

	for (unsigned i = 0; i < 20; i++) {
		char name[] = { 'f', (char)('a' + i), '\0' };
		frame[i] = made_frame(p, str_from_c(name));
	}
	for (size_t i = 0; i < stacks; i++) {
		stack_id parent = { (uint32_t)(next(&seed) % p->n_stacks) };
		(void)profile_stack(p, parent, frame[next(&seed) % 20]);
	}
	for (size_t i = 0; i < rows; i++) {
		int64_t n = (int64_t)(next(&seed) % 5);
		const int64_t v[] = { n, n * 1000 };
		profile_add(p, (stack_id){ (uint32_t)(next(&seed) % p->n_stacks) }, (label_id){ 0 },
			    v, 0);
	}
	return p;
}

static void laws(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		auto_arena a = arena_open("test", 1 << 28);
		const struct weights *w = weights_new(a, random_profile(a, seed, seed * 3, 50));
		struct weight sum = { 0 };
		for (uint32_t f = 0; f < w->n_functions; f++) {
			weight_add(&sum, w->function[f].self);
			if (f && (w->function[f].total.value < w->function[f].self.value ||
				  w->function[f].total.value > w->all.value))
				fail_msg("seed %llu: total of %u", (unsigned long long)seed, f);
		}
		assert_true(sum.value == w->all.value && sum.samples == w->all.samples);
		assert_true(w->total[0].value == w->all.value);
	}
}

/* A profile and itself once more: the same shares; a second one: the sums. */
static void merging_adds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		auto_arena a = arena_open("test", 1 << 28);
		struct err err = { 0 };
		struct profile *x = random_profile(a, seed, 60, 40);
		struct profile *y = random_profile(a, seed + 1000, 60, 40);
		const struct weights *wx = weights_new(a, x), *wy = weights_new(a, y);
		struct profile *both = random_profile(a, seed, 60, 40);
		assert_int_equal(profile_merge(both, y, &err), 0);
		const struct weights *w = weights_new(a, both);
		assert_true(w->all.value == wx->all.value + wy->all.value);
		for (uint32_t f = 1; f < w->n_functions; f++) {
			int64_t want = 0;
			for (uint32_t g = 1; g < wx->n_functions; g++)
				if (str_eq(weights_name(wx, g), weights_name(w, f)))
					want += wx->function[g].total.value;
			for (uint32_t g = 1; g < wy->n_functions; g++)
				if (str_eq(weights_name(wy, g), weights_name(w, f)))
					want += wy->function[g].total.value;
			assert_true(w->function[f].total.value == want);
		}
	}
}

static void extremes_do_not_overflow(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = MADE(a, { "main;x", 1, NULL });
	const int64_t most[] = { INT64_MAX, INT64_MAX };

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		profile_add(p, (stack_id){ 1 + i % 2 }, (label_id){ 0 }, most, 0);
	const struct weights *w = weights_new(a, p);
	assert_true(w->all.value == INT64_MAX);
	assert_true(top_functions(a, w, TOP_BY_TOTAL, 5)->n_rows == 2);
}

static double seconds(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The budget is 100 ms of an optimised build; sanitizers and a busy machine get ten times that. */
static void a_million_rows(void **state)
{
	auto_arena a = arena_open("test", (size_t)2 << 30);
	struct profile *p = random_profile(a, 5, 500000, 1000000);
	double start = seconds();
	const struct weights *w = weights_new(a, p);

	(void)state;
	(void)top_functions(a, w, TOP_BY_SELF, 100);
	(void)top_path(a, w);
	double took = seconds() - start;
	print_message("# 1 M rows, %zu stacks: %.0f ms\n", p->n_stacks, took * 1000);
	assert_true(took < 1.0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(self_and_total),
		cmocka_unit_test(recursion_counts_once),
		cmocka_unit_test(path_merges_lines),
		cmocka_unit_test(labels),
		cmocka_unit_test(empty),
		cmocka_unit_test(laws),
		cmocka_unit_test(merging_adds),
		cmocka_unit_test(extremes_do_not_overflow),
		cmocka_unit_test(a_million_rows),
	};

	return RUN_TESTS(tests);
}
