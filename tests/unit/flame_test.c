/* The laws of flame.h: on a small profile whose every number is known, and on random ones. */
#include "present/flame/flame.h"

#include "test.h"

static const struct value_kind kinds[] = { { S("samples"), UNIT_COUNT }, { S("cpu"), UNIT_NS } };

static frame_id frame(struct profile *p, struct str name, uint32_t line, enum frame_kind kind)
{
	struct frame f = { .function = profile_string(p, name),
			   .module = profile_string(p, S("/lib/libz.so.1")),
			   .file = profile_string(p, S("a.c")),
			   .line = line,
			   .kind = kind };

	return profile_frame(p, &f);
}

static void add(struct profile *p, stack_id s, label_id l, int64_t n)
{
	const int64_t value[2] = { n, n * 10 };

	profile_add(p, s, l, value, 0);
}

static size_t find_node(const struct flame *f, const char *name)
{
	for (size_t i = 1; i < f->n_nodes; i++)
		if (str_eq(f->function[f->function_of[i]].name, str_from_c(name)))
			return i;
	fail_msg("no node '%s'", name);
	return 0;
}

static int64_t spent_at(const struct flame *f, size_t node, unsigned kind)
{
	int64_t sum = 0;

	for (size_t i = 0; i < f->spent.n; i++)
		if (f->spent.node[i] == node)
			sum += f->spent.value[i * f->profile->n_kinds + kind];
	return sum;
}

static void check_laws(const struct flame *f, const struct profile *p, const struct profile *base)
{
	for (size_t i = 1; i < f->n_nodes; i++) {
		const struct flame_function *fn = &f->function[f->function_of[i]];

		assert_true(f->depth[i] >= 1 && f->depth[i] <= f->depth[i - 1] + 1);
		assert_true(f->function_of[i] < f->n_functions);
		assert_true(f->line_of[i] < fn->n_lines);
		assert_true(fn->first_line + fn->n_lines <= f->n_lines);
		assert_true(fn->name.n > 0);
	}
	for (size_t i = 1; i < f->spent.n; i++)
		assert_true(f->spent.thread[i] > f->spent.thread[i - 1] ||
			    (f->spent.thread[i] == f->spent.thread[i - 1] &&
			     f->spent.node[i] > f->spent.node[i - 1]));
	for (unsigned k = 0; k < p->n_kinds; k++) {
		int64_t want = 0, got = 0;

		for (size_t r = 0; r < p->sample.n_rows; r++)
			want += p->sample.value[r * p->n_kinds + k];
		for (size_t r = 0; base && r < base->sample.n_rows; r++)
			want += base->sample.value[r * base->n_kinds + k];
		for (size_t i = 0; i < f->spent.n; i++)
			got += f->spent.value[i * p->n_kinds + k];
		assert_int_equal(got, want);
	}
}

static void test_functions_merge_lines(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct profile *p = profile_new(a, S("t"), kinds, 2, false);
	stack_id top = profile_stack(p, (stack_id){ 0 }, frame(p, S("main"), 1, FRAME_NATIVE));
	const struct flame *f;

	(void)state;
	add(p, profile_stack(p, top, frame(p, S("inflate"), 10, FRAME_NATIVE)), (label_id){ 0 }, 2);
	add(p, profile_stack(p, top, frame(p, S("inflate"), 20, FRAME_INLINE)), (label_id){ 0 }, 5);
	add(p, profile_stack(p, top, frame(p, S("crc"), 3, FRAME_NATIVE)), (label_id){ 0 }, 6);
	f = flame_new(a, p, NULL);
	check_laws(f, p, NULL);
	assert_int_equal(f->n_nodes, 4);
	size_t i = find_node(f, "inflate");
	assert_int_equal(i, 2); /* 7 is more than crc's 6 */
	assert_int_equal(spent_at(f, i, 0), 7);
	assert_int_equal(spent_at(f, i, 1), 70);
	const struct flame_function *fn = &f->function[f->function_of[i]];
	assert_int_equal(fn->n_lines, 2);
	assert_int_equal(f->line[fn->first_line].number, 20);
	assert_int_equal(f->line[fn->first_line].kind, FRAME_INLINE);
	assert_int_equal(f->line[fn->first_line].self, 5);
	assert_int_equal(f->line_of[i], 0);
}

static void test_unnamed_frames_are_places(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct profile *p = profile_new(a, S("t"), kinds, 2, false);
	struct frame at = { .module = profile_string(p, S("/opt/x/libq.so")), .address = 0x4f10 };
	struct frame bare = { .address = 0x7f0000001000 }, none = { 0 },
		     in = { .module = at.module };

	(void)state;
	add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &at)), (label_id){ 0 }, 4);
	add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &bare)), (label_id){ 0 }, 3);
	add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &none)), (label_id){ 0 }, 2);
	add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &in)), (label_id){ 0 }, 1);
	const struct flame *f = flame_new(a, p, NULL);
	assert_int_equal(find_node(f, "libq.so+0x4f10"), 1);
	assert_int_equal(find_node(f, "0x7f0000001000"), 2);
	assert_int_equal(find_node(f, "[unknown]"), 3);
	assert_int_equal(find_node(f, "[libq.so]"), 4);
}

static void test_threads_keep_their_own(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct profile *p = profile_new(a, S("t"), kinds, 2, false);
	stack_id s = profile_stack(p, (stack_id){ 0 }, frame(p, S("f"), 1, FRAME_NATIVE));
	label_id one = profile_label(p, (label_id){ 0 }, S("tid"), S(""), 7);
	label_id two = profile_label(p, (label_id){ 0 }, S("tid"), S(""), 8);
	label_id other = profile_label(p, one, S("request"), S("GET"), 0); /* still thread 7 */

	(void)state;
	add(p, s, one, 1);
	add(p, s, two, 2);
	add(p, s, other, 4);
	const struct flame *f = flame_new(a, p, NULL);
	check_laws(f, p, NULL);
	assert_int_equal(f->n_threads, 2);
	assert_int_equal(f->spent.n, 2);
	assert_int_equal(f->spent.value[0], 5);
	assert_int_equal(f->thread[1].tid, 8);
}

static void test_compared_by_name(void **state)
{
	static const struct value_kind turned[] = { { S("cpu"), UNIT_NS },
						    { S("samples"), UNIT_COUNT } };
	auto_arena a = arena_open("test", SIZE_MAX);
	struct profile *p = profile_new(a, S("new"), kinds, 2, false);
	struct profile *base = profile_new(a, S("old"), turned, 2, false);
	const int64_t value[2] = { 30, 3 };

	(void)state;
	(void)frame(base, S("something else first"), 9, FRAME_NATIVE);
	add(p, profile_stack(p, (stack_id){ 0 }, frame(p, S("f"), 1, FRAME_NATIVE)),
	    (label_id){ 0 }, 1);
	profile_add(base,
		    profile_stack(base, (stack_id){ 0 }, frame(base, S("f"), 1, FRAME_NATIVE)),
		    (label_id){ 0 }, value, 0);
	const struct flame *f = flame_new(a, p, base);
	assert_int_equal(f->n_nodes, 2);
	assert_int_equal(f->n_threads, 2);
	assert_false(f->thread[0].base);
	assert_true(f->thread[1].base);
	assert_int_equal(f->spent.value[0], 1);
	assert_int_equal(f->spent.value[2], 3);
	assert_int_equal(f->spent.value[3], 30);
}

static void test_nothing_sampled(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct profile *p = profile_new(a, S("t"), kinds, 2, true);

	(void)state;
	const struct flame *f = flame_new(a, p, NULL);
	assert_int_equal(f->n_nodes, 1);
	assert_int_equal(f->spent.n, 0);
}

static void test_random_trees(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		auto_arena a = arena_open("test", SIZE_MAX);
		struct profile *p = profile_new(a, S("t"), kinds, 2, false);

		for (int i = 0; i < 300; i++) {
			stack_id s = { 0 };
			label_id l = profile_label(p, (label_id){ 0 }, S("tid"), S(""), i % 3);

			for (int d = 0; d < 12; d++) {
				char name[2] = "a";

				seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
				if (seed >> 60 == 0)
					break;
				name[0] = (char)('a' + (seed >> 33) % 5);
				s = profile_stack(
					p, s,
					frame(p, str_from_c(name), (uint32_t)(seed >> 40) % 3,
					      (seed >> 50) % 2 ? FRAME_INLINE : FRAME_NATIVE));
			}
			add(p, s, l, (int64_t)(seed >> 58));
		}
		check_laws(flame_new(a, p, p), p, p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions_merge_lines),
		cmocka_unit_test(test_unnamed_frames_are_places),
		cmocka_unit_test(test_threads_keep_their_own),
		cmocka_unit_test(test_compared_by_name),
		cmocka_unit_test(test_nothing_sampled),
		cmocka_unit_test(test_random_trees),
	};

	return RUN_TESTS(tests);
}
