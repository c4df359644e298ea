/* Linear probing over 8-byte slots; growing re-inserts by the stored half of the hash. */
#include "base/map.h"

#include <assert.h>

/* Position and tag come from different bits, so growth needs only the 32 bits that are stored. */
static size_t start(const struct map *m, uint64_t hash)
{
	return (size_t)(hash >> 32) & (m->cap - 1);
}

static struct map_at seek(const struct map *m, uint64_t hash, size_t pos)
{
	for (; m->slot[pos]; pos = (pos + 1) & (m->cap - 1))
		if (m->slot[pos] >> 32 == hash >> 32)
			return (struct map_at){ .hit = true,
						.index = (uint32_t)m->slot[pos] - 1,
						.hash = hash,
						.pos = pos };
	return (struct map_at){ .hash = hash, .pos = pos };
}

struct map_at map_first(const struct map *m, uint64_t hash)
{
	return m->cap ? seek(m, hash, start(m, hash)) : (struct map_at){ .hash = hash };
}

struct map_at map_next(const struct map *m, struct map_at at)
{
	return seek(m, at.hash, (at.pos + 1) & (m->cap - 1));
}

static void place(struct map *m, uint64_t slot)
{
	size_t pos = start(m, slot);

	while (m->slot[pos])
		pos = (pos + 1) & (m->cap - 1);
	m->slot[pos] = slot;
}

static void grow(struct map *m)
{
	struct map was = *m;

	m->cap = 0;
	m->slot = NULL;
	size_t want = was.cap ? was.cap * 2 : 64;
	m->slot = arena_array(m->arena, uint64_t, want);
	m->cap = want;
	for (size_t i = 0; i < was.cap; i++)
		if (was.slot[i])
			place(m, was.slot[i]);
}

void map_insert(struct map *m, uint64_t hash, uint32_t index)
{
	assert(m->arena && index < UINT32_MAX);
	if (m->n * 2 >= m->cap)
		grow(m);
	place(m, (hash >> 32) << 32 | (index + 1u));
	m->n++;
}
