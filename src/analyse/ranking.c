/* One comparison for all tables. */
#include "analyse/ranking.h"

#include <stdlib.h>

static int heavier(const void *x, const void *y)
{
	const struct ranking_item *a = x, *b = y;

	if (a->weight.value != b->weight.value)
		return a->weight.value < b->weight.value ? 1 : -1;
	return (a->id > b->id) - (a->id < b->id);
}

struct ranking ranking_new(struct arena *a, const struct weight *w, size_t n)
{
	struct ranking r = { .v = arena_array(a, struct ranking_item, n + 1) };

	for (size_t i = 0; i < n; i++)
		if (w[i].value > 0)
			r.v[r.n++] = (struct ranking_item){ (uint32_t)i, w[i] };
	qsort(r.v, r.n, sizeof(*r.v), heavier);
	return r;
}
