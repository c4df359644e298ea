#include "base/map.h"
#include "base/vec.h"
#include "test.h"

static void vectors_grow(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	VEC(uint64_t) one = { 0 }, two = { 0 };

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) {
		*vec_add(a, &one) = i;
		*vec_add(a, &two) = ~i;
	}
	for (uint64_t i = 0; i < 100000; i++) {
		assert_true(one.v[i] == i);
		assert_true(two.v[i] == ~i);
	}
	assert_true(arena_used(a) < 6 << 20);
	assert_false(arena_fits(a, SIZE_MAX, 2));
	assert_false(arena_fits(a, 1 << 24, 1));
}

static void alignment_and_zero(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);

	(void)state;
	for (size_t i = 1; i < 3000; i++) {
		unsigned char *p = arena_zalloc(a, i, 1, i % 2 ? 1 : 16);
		assert_true(i % 2 || (uintptr_t)p % 16 == 0);
		for (size_t k = 0; k < i; k++)
			assert_true(p[k] == 0);
		memset(p, 0xff, i);
	}
}

static void map_finds_all(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct map m = { .arena = a };
	enum { N = 20000 };

	(void)state;
	for (uint32_t i = 0; i < N; i++)
		map_insert(&m, map_hash2(i / 2, 7), i); /* every hash twice */
	for (uint32_t i = 0; i < N; i++) {
		unsigned hits = 0;
		for (struct map_at at = map_first(&m, map_hash2(i / 2, 7)); at.hit;
		     at = map_next(&m, at))
			hits += at.index == i;
		assert_int_equal(hits, 1);
	}
	assert_false(map_first(&(struct map){ .arena = a }, 1).hit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_grow),
		cmocka_unit_test(alignment_and_zero),
		cmocka_unit_test(map_finds_all),
	};

	return RUN_TESTS(tests);
}
