/*
 * interval: address ranges that lie in each other like scopes do, and which is the innermost one
 * around an address. Ranges that cross instead of nesting are answered with one of them.
 */
#ifndef PERF_OPS_RESOLVE_INTERVAL_H
#define PERF_OPS_RESOLVE_INTERVAL_H

#include "base/arena.h"

struct interval {
	uint64_t lo, hi; /* [lo, hi) */
	uint32_t what;   /* of equal ranges the one with the larger WHAT is the inner one */
	uint32_t outer;  /* index + 1 of the one around it; by intervals_nest */
};

struct intervals {
	struct interval *v;
	size_t n, cap;
};

void intervals_nest(struct intervals *s); /* sorts; before the first find */
/* The innermost one around ADDRESS, or NULL. */
const struct interval *intervals_find(const struct intervals *s, uint64_t address);

#endif
