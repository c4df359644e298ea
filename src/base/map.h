/*
 * map: from a hash to the index of a row that the caller keeps in an array of its own. The map
 * knows no keys: the caller compares. Open addressing, load at most 1/2, rows are never removed.
 *
 *	for (struct map_at at = map_first(m, h); at.hit; at = map_next(m, at))
 *		if (row_eq(&rows[at.index], key))
 *			return at.index;
 *	map_insert(m, h, new_index);
 */
#ifndef PERF_OPS_BASE_MAP_H
#define PERF_OPS_BASE_MAP_H

#include "base/arena.h"

struct map {
	struct arena *arena;
	uint64_t *slot; /* upper 32 bits of the hash, index + 1; 0 is free */
	size_t n, cap;  /* cap is 0 or a power of two */
};

struct map_at {
	bool hit;
	uint32_t index;
	uint64_t hash;
	size_t pos;
};

struct map_at map_first(const struct map *m, uint64_t hash);
struct map_at map_next(const struct map *m, struct map_at at);
void map_insert(struct map *m, uint64_t hash, uint32_t index);

/* Two words to one hash (Murmur3 finaliser). */
static inline uint64_t map_hash2(uint64_t a, uint64_t b)
{
	uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^ (b + UINT64_C(0x632be59bd9b4e019));

	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

#endif
