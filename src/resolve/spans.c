/* Sorted by start; blocks know how far their rows reach, so a search backwards skips those that end
 * before the address. */
#include "resolve/spans.h"

#include <stdlib.h>

#define SPANS_MAX (8u << 20)
#define BLOCK     64u

bool spans_add(struct spans *s, struct arena *a, struct span one)
{
	if (one.end <= one.start)
		return true;
	if (s->n >= SPANS_MAX || !arena_fits(a, s->cap * 2 + 16, sizeof(one)))
		return false;
	s->v = arena_grow(a, s->v, s->n, &s->cap, sizeof(one));
	s->v[s->n++] = one;
	return true;
}

static int order(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->what < y->what ? -1 : x->what > y->what;
}

void spans_sort(struct spans *s, struct arena *a)
{
	size_t blocks = s->n / BLOCK + 1;

	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), order);
	s->reach = arena_array(a, uint64_t, blocks);
	s->far = arena_array(a, uint64_t, blocks / BLOCK + 1);
	for (size_t i = 0; i < s->n; i++) {
		uint64_t end = s->v[i].end;
		if (end > s->reach[i / BLOCK])
			s->reach[i / BLOCK] = end;
		if (end > s->far[i / BLOCK / BLOCK])
			s->far[i / BLOCK / BLOCK] = end;
	}
}

static bool is_newer(const struct span *x, const struct span *than)
{
	if (!than || x->time != than->time)
		return !than || x->time > than->time;
	return x->what > than->what;
}

const struct span *spans_find(const struct spans *s, uint64_t address, uint64_t time)
{
	const struct span *best = NULL;
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->v[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i > 0;) {
		size_t block = (i - 1) / BLOCK;
		if (s->far[block / BLOCK] <= address) {
			i = block / BLOCK * BLOCK * BLOCK;
		} else if (s->reach[block] <= address) {
			i = block * BLOCK;
		} else {
			const struct span *x = &s->v[--i];
			if (address < x->end && (!time || x->time <= time) && is_newer(x, best))
				best = x;
		}
	}
	return best;
}
