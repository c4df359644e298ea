/* Sorted by start; each row remembers the row around it, so a search that lands behind the end of
 * a small one climbs instead of walking back over its siblings. */
#include "resolve/interval.h"

#include <stdlib.h>

static int order(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->hi != y->hi)
		return x->hi > y->hi ? -1 : 1;
	return x->what < y->what ? -1 : x->what > y->what;
}

void intervals_nest(struct intervals *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), order);
	for (size_t i = 0; i < s->n; i++) {
		uint32_t outer = (uint32_t)i; /* index + 1 of the row before */
		while (outer && s->v[outer - 1].hi <= s->v[i].lo)
			outer = s->v[outer - 1].outer;
		s->v[i].outer = outer;
	}
}

const struct interval *intervals_find(const struct intervals *s, uint64_t address)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->v[mid].lo <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t at = lo; at; at = s->v[at - 1].outer)
		if (address < s->v[at - 1].hi)
			return &s->v[at - 1];
	return NULL;
}
