/* texts: copies of names, made once a key, so that a function that was hit a thousand times has one
 * name. */
#ifndef PERF_OPS_RESOLVE_TEXTS_H
#define PERF_OPS_RESOLVE_TEXTS_H

#include "base/map.h"

struct text {
	uint64_t key;
	struct str s;
};

struct texts {
	struct map by_key;
	struct text *v;
	size_t n, cap;
};

static inline struct texts texts_on(struct arena *a)
{
	return (struct texts){ .by_key = { .arena = a } };
}

bool texts_find(const struct texts *t, uint64_t key, struct str *ret);
/* S as it is, already on the arena or constant; nothing is kept when the arena is full. */
void texts_keep(struct texts *t, uint64_t key, struct str s);
/* A copy of S, kept; empty when the arena is full. */
struct str texts_copy(struct texts *t, uint64_t key, struct str s);

#endif
