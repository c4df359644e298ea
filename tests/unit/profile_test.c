/* Interning, order, merging and equality of profiles, stated as properties over random ones. */
#include "model/profile.h"

#include <stdio.h>
#include <time.h>

#include "test.h"

static uint64_t chance(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static const struct value_kind kinds[] = { { S("samples"), UNIT_COUNT }, { S("cpu"), UNIT_NS } };

static frame_id frame(struct profile *p, uint64_t n, enum frame_kind kind)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "function_%u", (unsigned)n);
	struct frame f = { .function = profile_string(p, (struct str){ text, (size_t)len }),
			   .file = profile_string(p, S("file.c")),
			   .module = profile_string(p, n % 3 ? S("libx.so") : S("program")),
			   .line = (uint32_t)n % 7,
			   .kind = kind };

	return profile_frame(p, &f);
}

static label_id labels(struct profile *p, uint64_t n)
{
	label_id l = { 0 };

	l = profile_label(p, l, S("tid"), S(""), (int64_t)(n % 5));
	return profile_label(p, l, S("thread"), n % 2 ? S("main") : S("worker"), 0);
}

static struct profile *random_profile(struct arena *a, uint64_t seed, bool timed)
{
	struct profile *p = profile_new(a, S("random"), kinds, 2, timed);
	size_t rows = chance(&seed) % 300;

	for (size_t i = 0; i < rows; i++) {
		stack_id s = { 0 };
		for (uint64_t d = chance(&seed) % 12; d; d--)
			s = profile_stack(p, s,
					  frame(p, chance(&seed) % 9,
						s.i && d % 4 == 0 ? FRAME_INLINE : FRAME_NATIVE));
		int64_t v[2] = { 1, (int64_t)(chance(&seed) % 1000000) };
		profile_add(p, s, labels(p, chance(&seed)), v, (int64_t)(chance(&seed) % 5000));
	}
	profile_sort(p);
	return p;
}

static void check(const struct profile *p)
{
	struct err err = { 0 };

	if (profile_check(p, &err) < 0)
		fail_msg("%s", err.text);
}

static void interning(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = profile_new(a, S("x"), kinds, 2, false);

	(void)state;
	assert_int_equal(profile_string(p, S("")).i, 0);
	str_id one = profile_string(p, S("one")), two = profile_string(p, S("two"));
	assert_int_equal(profile_string(p, S("one")).i, one.i);
	assert_int_not_equal(one.i, two.i);
	check_str(profile_text(p, two), S("two"));
	frame_id f = frame(p, 4, FRAME_NATIVE), g = frame(p, 4, FRAME_KERNEL);
	assert_int_not_equal(f.i, g.i);
	assert_int_equal(frame(p, 4, FRAME_NATIVE).i, f.i);
	stack_id root = profile_stack(p, (stack_id){ 0 }, f), deep = profile_stack(p, root, f);
	assert_int_equal(profile_stack(p, (stack_id){ 0 }, f).i, root.i);
	assert_int_equal(profile_stack(p, root, f).i, deep.i);
	assert_int_equal(labels(p, 3).i, labels(p, 13).i);
	assert_int_not_equal(labels(p, 3).i, labels(p, 4).i);
	check(p);
}

static void random_ones_hold(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 60; seed++) {
		auto_arena a = arena_open("test", 1 << 24);
		struct profile *p = random_profile(a, seed, seed % 2);
		check(p);
		assert_true(profile_equal(p, p));
		struct profile *again = random_profile(a, seed, false);
		assert_true(profile_equal(p, again));
		struct profile *other = random_profile(a, seed + 1000, false);
		if (p->sample.n_rows != other->sample.n_rows)
			assert_false(profile_equal(p, other));
	}
}

static void equality_sees_every_part(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = random_profile(a, 7, true);
	struct profile *q = random_profile(a, 7, true);
	int64_t v[2] = { 0, 1 };

	(void)state;
	profile_add(q, (stack_id){ 1 }, (label_id){ 0 }, v, 9000);
	assert_false(profile_equal(p, q));
	profile_add(p, (stack_id){ 1 }, (label_id){ 0 }, v, 9000);
	assert_true(profile_equal(p, q));
	profile_add(p, (stack_id){ 1 }, labels(p, 1), v, 9000);
	profile_add(q, (stack_id){ 1 }, labels(q, 2), v, 9000);
	assert_false(profile_equal(p, q));
}

static void merging(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 40; seed++) {
		auto_arena a = arena_open("test", 1 << 24);
		struct err err = { 0 };
		struct profile *p = random_profile(a, seed, true);
		struct profile *q = random_profile(a, seed + 100, true);
		struct profile *pq = profile_new(a, S("pq"), kinds, 2, true);
		struct profile *qp = profile_new(a, S("qp"), kinds, 2, false);
		p->loss.dropped = seed;
		assert_int_equal(profile_merge(pq, p, &err), 0);
		assert_true(profile_equal(pq, p));
		assert_int_equal(profile_merge(pq, q, &err), 0);
		assert_int_equal(profile_merge(qp, q, &err), 0);
		assert_int_equal(profile_merge(qp, p, &err), 0);
		check(pq);
		check(qp);
		assert_true(profile_equal(pq, qp));
		assert_int_equal(pq->loss.dropped, seed);
		assert_int_equal(pq->sample.n_rows, p->sample.n_rows + q->sample.n_rows);
	}
}

static void merge_refuses(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = profile_new(a, S("p"), kinds, 2, true);
	struct profile *q = profile_new(a, S("q"), kinds, 1, true);
	struct profile *r = profile_new(a, S("r"), kinds, 2, false);
	struct err err = { 0 };

	(void)state;
	assert_true(profile_merge(p, q, &err) < 0);
	assert_true(profile_merge(p, r, &err) < 0);
}

static void sorting_is_stable(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct profile *p = profile_new(a, S("p"), kinds, 2, true);
	struct err err = { 0 };
	uint64_t seed = 3;

	(void)state;
	stack_id s = profile_stack(p, (stack_id){ 0 }, frame(p, 1, FRAME_NATIVE));
	for (int64_t i = 0; i < 1000; i++) {
		int64_t v[2] = { 1, i };
		profile_add(p, s, (label_id){ 0 }, v, (int64_t)(chance(&seed) % 10));
	}
	assert_true(profile_check(p, &err) < 0);
	profile_sort(p);
	check(p);
	for (size_t i = 1; i < 1000; i++)
		if (p->sample.at_ns[i] == p->sample.at_ns[i - 1])
			assert_true(p->sample.value[2 * i + 1] > p->sample.value[2 * i - 1]);
}

static void check_refuses(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct err err = { 0 };
	struct profile *p;

	(void)state;
#define BREAK(what)                                           \
	p = random_profile(a, 5, true);                       \
	assert_true(p->n_stacks > 3 && p->sample.n_rows > 3); \
	what;                                                 \
	assert_true(profile_check(p, &err) < 0)
	BREAK(p->stacks[2].parent.i = 2);
	BREAK(p->stacks[2].frame.i = 0);
	BREAK(p->stacks[2].frame.i = (uint32_t)p->n_frames);
	BREAK(p->frames[1].module.i = (uint32_t)p->n_strings);
	BREAK(p->labels[1].next.i = 1);
	BREAK(p->labels[1].key.i = 0);
	BREAK(p->sample.stack[0].i = (uint32_t)p->n_stacks);
	BREAK(p->sample.label[0].i = (uint32_t)p->n_labels);
	BREAK(p->sample.at_ns[0] = -1);
	BREAK(p->sample.at_ns[0] = p->sample.at_ns[p->sample.n_rows - 1] + 1);
	BREAK(p->main_kind = 2);
	BREAK(p->kind[0].name.n = 0);
	BREAK(p->frames[p->stacks[1].frame.i].kind = FRAME_INLINE);
#undef BREAK
}

/* As a reader of a hostile file does: it stops before the arena ends the process. */
static void fits_before_the_limit(void **state)
{
	auto_arena a = arena_open("test", 4 << 20);
	struct profile *p = profile_new(a, S("p"), kinds, 2, true);
	size_t n = 0;

	(void)state;
	for (; profile_fits(p, 64); n++) {
		stack_id s = profile_stack(p, (stack_id){ 0 }, frame(p, n, FRAME_NATIVE));
		int64_t v[2] = { 1, 1 };
		profile_add(p, s, labels(p, n), v, (int64_t)n);
	}
	assert_true(n > 3000 && n < 100000);
	check(p);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* 1 M samples of 50 frames, drawn from a program of 4,000 functions: the size that is promised. */
static void a_million_samples(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct profile *p = profile_new(a, S("big"), kinds, 2, true);
	frame_id f[4000];
	uint64_t seed = 11;

	(void)state;
	for (size_t i = 0; i < 4000; i++)
		f[i] = frame(p, i, FRAME_NATIVE);
	double start = seconds();
	for (int64_t i = 0; i < 1000000; i++) {
		stack_id s = { 0 };
		uint64_t path = chance(&seed) % 20000; /* distinct leaves of distinct paths */
		for (uint64_t d = 0; d < 50; d++)
			s = profile_stack(p, s, f[(path >> (d < 36 ? 9 : 0)) * (d + 1) % 4000]);
		int64_t v[2] = { 1, 10101010 };
		profile_add(p, s, (label_id){ 0 }, v, i);
	}
	double took = seconds() - start;
	print_message("# %zu stacks, %.2f s, %zu MB\n", p->n_stacks, took, arena_used(a) >> 20);
	check(p);
	assert_true(arena_used(a) < (size_t)200 << 20);
	assert_true(took < 60); /* sanitizers and a busy machine; a quadratic map takes hours */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interning),
		cmocka_unit_test(random_ones_hold),
		cmocka_unit_test(equality_sees_every_part),
		cmocka_unit_test(merging),
		cmocka_unit_test(merge_refuses),
		cmocka_unit_test(sorting_is_stable),
		cmocka_unit_test(check_refuses),
		cmocka_unit_test(fits_before_the_limit),
		cmocka_unit_test(a_million_samples),
	};

	return RUN_TESTS(tests);
}
