/* ranking: ids with a weight, heaviest first. */
#ifndef PERF_OPS_ANALYSE_RANKING_H
#define PERF_OPS_ANALYSE_RANKING_H

#include "analyse/weights.h"

struct ranking_item {
	uint32_t id;
	struct weight weight;
};

struct ranking {
	struct ranking_item *v;
	size_t n;
};

/* Those of N weights that are more than 0, by value; ids break ties, so an order is stable. */
struct ranking ranking_new(struct arena *a, const struct weight *w, size_t n);

#endif
