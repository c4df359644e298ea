/*
 * spans: claims on addresses that follow each other in time, as JIT compilers make them: the newest
 * one that was made before a moment and covers an address wins.
 */
#ifndef PERF_OPS_RESOLVE_SPANS_H
#define PERF_OPS_RESOLVE_SPANS_H

#include "base/arena.h"

struct span {
	uint64_t start, end;
	uint64_t time; /* equal times: the one added last is newer */
	uint64_t what; /* the caller's */
};

struct spans {
	struct span *v;
	size_t n, cap;
	uint64_t *reach, *far; /* the largest end in each block of spans, in each block of blocks */
};

/* False: too many, or no room in the arena. */
bool spans_add(struct spans *s, struct arena *a, struct span one);
void spans_sort(struct spans *s, struct arena *a); /* after the last add, before the first find */
/* TIME 0: the newest of all. NULL: none. */
const struct span *spans_find(const struct spans *s, uint64_t address, uint64_t time);

#endif
