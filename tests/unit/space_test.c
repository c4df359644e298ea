/* Spaces against a model that stores one owner per page, and their memory under a storm of forks.
 */
#include "capture/space.h"

#include "test.h"

enum { PIDS = 8, PAGES = 64, STEPS = 200000 };

struct model {
	bool known[PIDS];
	struct range page[PIDS][PAGES]; /* start 0: nothing there */
};

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void model_map(struct model *m, uint32_t pid, const struct range *r)
{
	if (r->start < r->end)
		m->known[pid] = true;
	for (uint64_t p = r->start / 4096; p < r->end / 4096; p++)
		m->page[pid][p] = *r;
}

static bool owner_eq(const struct range *a, const struct range *b)
{
	return a->bias == b->bias && a->object == b->object && a->flags == b->flags;
}

static void compare(const struct spaces *s, const struct model *m, uint32_t pid)
{
	const struct space *sp = spaces_of(s, pid);

	assert_int_equal(sp != NULL, m->known[pid]);
	if (!sp)
		return;
	for (size_t i = 0; i < sp->n; i++) {
		assert_true(sp->v[i].start < sp->v[i].end);
		assert_true(i == 0 || sp->v[i - 1].end <= sp->v[i].start);
		/* what touches and says the same is one range */
		assert_true(i == 0 || sp->v[i - 1].end < sp->v[i].start ||
			    !owner_eq(&sp->v[i - 1], &sp->v[i]));
	}
	for (uint64_t p = 0; p < PAGES; p++) {
		const struct range *want = &m->page[pid][p];
		for (uint64_t at = p * 4096; at < p * 4096 + 4096; at += 4095) {
			const struct range *got = space_find(sp, at);
			assert_int_equal(got != NULL, want->start != want->end);
			if (got)
				assert_true(owner_eq(got, want));
		}
	}
}

static void step(struct spaces *s, struct model *m, uint64_t *seed)
{
	uint32_t pid = (uint32_t)(next(seed) % PIDS), other = (uint32_t)(next(seed) % PIDS);
	const struct space *before = spaces_of(s, pid);
	uint32_t was = before ? before->generation : 0;

	switch (next(seed) % 16) {
	case 0:
		spaces_fork(s, pid, other);
		if (pid != other)
			memcpy(m->page[other], m->page[pid], sizeof(m->page[0]));
		m->known[other] = true;
		if (!m->known[pid])
			memset(m->page[other], 0, sizeof(m->page[0]));
		break;
	case 1:
		spaces_exec(s, pid);
		memset(m->page[pid], 0, sizeof(m->page[0]));
		m->known[pid] = true;
		break;
	case 2:
		spaces_gone(s, pid);
		memset(m->page[pid], 0, sizeof(m->page[0]));
		m->known[pid] = false;
		break;
	default: {
		uint64_t a = next(seed) % PAGES, n = next(seed) % 9;
		struct range r = { .start = a * 4096,
				   .end = (a + n > PAGES ? PAGES : a + n) * 4096,
				   .object = (uint32_t)(next(seed) % 4),
				   .bias = next(seed) % 2 * 4096 };
		struct range old[PAGES];
		memcpy(old, m->page[pid], sizeof(old));
		assert_true(spaces_map(s, pid, &r));
		model_map(m, pid, &r);
		bool changed = false;
		for (size_t p = 0; p < PAGES; p++)
			changed |= (old[p].start != old[p].end) !=
					   (m->page[pid][p].start != m->page[pid][p].end) ||
				   !owner_eq(&old[p], &m->page[pid][p]);
		if (changed)
			assert_int_not_equal(spaces_of(s, pid)->generation, was);
		else if (before)
			assert_int_equal(spaces_of(s, pid)->generation, was);
		break;
	}
	}
}

static void against_a_model(void **state)
{
	static struct model m; /* in a test, not in the product */
	uint64_t seed = 88172645463325252u;
	struct spaces *s = spaces_open(1 << 24);

	(void)state;
	for (unsigned i = 0; i < STEPS; i++) {
		step(s, &m, &seed);
		compare(s, &m, (uint32_t)(i % PIDS));
	}
	/* equal generation: equal content */
	for (uint32_t a = 0; a < PIDS; a++)
		for (uint32_t b = 0; b < PIDS; b++) {
			const struct space *x = spaces_of(s, a), *y = spaces_of(s, b);
			if (!x || !y || x->generation != y->generation)
				continue;
			assert_int_equal(x->n, y->n);
			assert_true(x->n == 0 || memcmp(x->v, y->v, x->n * sizeof(*x->v)) == 0);
		}
	assert_null(spaces_close(s));
}

static void forks_share_until_one_changes(void **state)
{
	struct spaces *s = spaces_open(1 << 20);
	struct range r = { .start = 4096, .end = 8192, .object = 1 };

	(void)state;
	assert_true(spaces_map(s, 1, &r));
	spaces_fork(s, 1, 2);
	assert_ptr_equal(spaces_of(s, 1), spaces_of(s, 2));
	r = (struct range){ .start = 6000, .end = 7000, .object = 2 };
	assert_true(spaces_map(s, 2, &r));
	assert_int_equal(spaces_of(s, 1)->n, 1);
	assert_int_equal(spaces_of(s, 2)->n, 3);
	spaces_gone(s, 1);
	assert_null(spaces_of(s, 1));
	assert_int_equal(space_find(spaces_of(s, 2), 6500)->object, 2);
	assert_int_equal(space_find(spaces_of(s, 2), 7000)->object, 1);
	assert_null(space_find(spaces_of(s, 2), 8192));
	assert_null(space_find(spaces_of(s, 2), 4095));
	(void)spaces_close(s);
}

/* 20,000 children that map something of their own and end: within the memory of a handful. */
static void storm_of_children(void **state)
{
	struct spaces *s = spaces_open(64 << 10);
	struct range r = { .start = 4096, .end = 8192, .object = 1 };

	(void)state;
	assert_true(spaces_map(s, 1, &r));
	for (uint32_t pid = 2; pid < 20002; pid++) {
		spaces_fork(s, 1, pid);
		spaces_exec(s, pid);
		r.object = pid;
		assert_true(spaces_map(s, pid, &r));
		assert_int_equal(space_find(spaces_of(s, pid), 5000)->object, pid);
		if (pid >= 4)
			spaces_gone(s, pid - 2);
	}
	assert_int_equal(space_find(spaces_of(s, 1), 5000)->object, 1);
	(void)spaces_close(s);
}

static void limit_of_memory(void **state)
{
	struct spaces *s = spaces_open(256 << 10);
	size_t kept = 0;

	(void)state;
	for (uint64_t i = 0; i < 100000; i++) { /* holes between them: nothing merges */
		struct range r = { .start = i * 8192, .end = i * 8192 + 4096, .object = 1 };
		kept += spaces_map(s, 1, &r);
	}
	assert_in_range(kept, 1000, 8192);
	assert_int_equal(spaces_of(s, 1)->n, kept);
	assert_true(
		spaces_map(s, 1, &(struct range){ .start = 0, .end = UINT64_MAX, .object = 2 }));
	assert_int_equal(spaces_of(s, 1)->n, 1);
	assert_true(spaces_map(s, 1, &(struct range){ .start = 5, .end = 5 }));
	assert_true(spaces_map(s, 1, &(struct range){ .start = 9, .end = 5 }));
	assert_int_equal(spaces_of(s, 1)->n, 1);
	for (uint32_t pid = 2; pid < 100000; pid++)
		spaces_fork(s, 1, pid); /* the index is bounded too */
	assert_null(spaces_of(s, 99999));
	(void)spaces_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_a_model),
		cmocka_unit_test(forks_share_until_one_changes),
		cmocka_unit_test(storm_of_children),
		cmocka_unit_test(limit_of_memory),
	};

	return RUN_TESTS(tests);
}
