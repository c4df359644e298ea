/*
 * Two generations of stacks: when the younger one is full the older one is forgotten. Only this
 * file knows that.
 */
#include "capture/bpf/stacks.h"

#include "base/map.h"
#include "base/vec.h"

struct body {
	uint64_t hash;
	size_t first, n;
};

struct generation {
	struct arena *arena;
	struct map by_hash;
	VEC(struct body) bodies;
	VEC(uint64_t) ips;
};

struct stacks {
	struct arena *own;
	struct generation young, old;
	size_t limit;
	uint64_t epoch;
};

static struct generation generation_open(void)
{
	struct arena *a = arena_open("stacks", SIZE_MAX / 2);

	return (struct generation){ .arena = a, .by_hash = { .arena = a } };
}

struct stacks *stacks_open(size_t limit_bytes)
{
	struct arena *a = arena_open("stacks of samples", SIZE_MAX / 2);
	struct stacks *s = arena_make(a, struct stacks);

	*s = (struct stacks){ .own = a, .young = generation_open(), .old = generation_open() };
	s->limit = limit_bytes / 2;
	s->epoch = 1;
	return s;
}

struct stacks *stacks_close(struct stacks *s)
{
	if (!s)
		return NULL;
	s->young.arena = arena_close(s->young.arena);
	s->old.arena = arena_close(s->old.arena);
	return (struct stacks *)arena_close(s->own);
}

static const struct body *find(const struct generation *g, uint64_t hash)
{
	for (struct map_at at = map_first(&g->by_hash, hash); at.hit;
	     at = map_next(&g->by_hash, at))
		if (g->bodies.v[at.index].hash == hash)
			return &g->bodies.v[at.index];
	return NULL;
}

void stacks_put(struct stacks *s, uint64_t hash, const uint64_t *ip, size_t n)
{
	struct generation *g = &s->young;

	if (find(g, hash))
		return;
	if (arena_used(g->arena) > s->limit) {
		s->old.arena = arena_close(s->old.arena);
		s->old = s->young;
		s->young = generation_open();
		s->epoch++;
	}
	map_insert(&g->by_hash, hash, (uint32_t)g->bodies.n);
	*vec_add(g->arena, &g->bodies) = (struct body){ .hash = hash, .first = g->ips.n, .n = n };
	for (size_t i = 0; i < n; i++)
		*vec_add(g->arena, &g->ips) = ip[i];
}

const uint64_t *stacks_get(const struct stacks *s, uint64_t hash, size_t *ret_n)
{
	const struct generation *g = &s->young;
	const struct body *b = find(g, hash);

	if (!b) {
		g = &s->old;
		b = find(g, hash);
	}
	if (!b)
		return NULL;
	*ret_n = b->n;
	return g->ips.v + b->first;
}

uint64_t stacks_epoch(const struct stacks *s)
{
	return s->epoch;
}
