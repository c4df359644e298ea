/* A map from key to row. */
#include "resolve/texts.h"

static bool has_room(const struct texts *t, size_t bytes)
{
	/* The table of rows and the map double. */
	return arena_fits(t->by_key.arena, 1, bytes + (t->cap + 64) * 4 * sizeof(struct text));
}

bool texts_find(const struct texts *t, uint64_t key, struct str *ret)
{
	for (struct map_at at = map_first(&t->by_key, map_hash2(key, 0)); at.hit;
	     at = map_next(&t->by_key, at)) {
		if (t->v[at.index].key != key)
			continue;
		*ret = t->v[at.index].s;
		return true;
	}
	return false;
}

void texts_keep(struct texts *t, uint64_t key, struct str s)
{
	if (!has_room(t, 0))
		return;
	map_insert(&t->by_key, map_hash2(key, 0), (uint32_t)t->n);
	t->v = arena_grow(t->by_key.arena, t->v, t->n, &t->cap, sizeof(*t->v));
	t->v[t->n++] = (struct text){ key, s };
}

struct str texts_copy(struct texts *t, uint64_t key, struct str s)
{
	if (!has_room(t, s.n + 1))
		return (struct str){ "", 0 };
	struct str copy = arena_str(t->by_key.arena, s);
	texts_keep(t, key, copy);
	return copy;
}
