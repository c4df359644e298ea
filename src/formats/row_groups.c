/* Label set to group, then one counting sort. */
#include "formats/row_groups.h"

#include <assert.h>

#include "base/map.h"
#include "base/vec.h"

static bool same(const struct row_labels *a, const struct row_labels *b)
{
	return a->pid == b->pid && a->tid == b->tid && str_eq(a->process, b->process) &&
	       str_eq(a->thread, b->thread);
}

struct row_groups row_groups_of(const struct profile *p, struct arena *scratch)
{
	size_t n = p->sample.n_rows;
	struct row_groups g = { .row = arena_array(scratch, uint32_t, n + 1) };
	uint32_t *of = arena_array(scratch, uint32_t, p->n_labels); /* group + 1 by label */
	VEC(struct row_group) list = { 0 };
	struct map by = { .arena = scratch };

	for (size_t i = 0; i < n; i++) {
		uint32_t l = p->sample.label[i].i;
		if (!of[l]) {
			struct row_labels labels = row_labels_get(p, p->sample.label[i]);
			uint64_t h = map_hash2((uint64_t)labels.pid, (uint64_t)labels.tid) ^
				     str_hash(labels.process) ^ (str_hash(labels.thread) << 1);
			struct map_at at = map_first(&by, h);
			while (at.hit && list.v && !same(&list.v[at.index].labels, &labels))
				at = map_next(&by, at);
			if (!at.hit) {
				at.index = (uint32_t)list.n;
				map_insert(&by, h, at.index);
				vec_add(scratch, &list)->labels = labels;
			}
			of[l] = at.index + 1;
		}
		assert(list.v);
		list.v[of[l] - 1].n++;
	}
	for (size_t i = 1; i < list.n; i++)
		list.v[i].first = list.v[i - 1].first + list.v[i - 1].n;
	size_t *next = arena_array(scratch, size_t, list.n + 1);
	for (size_t i = 0; i < list.n; i++)
		next[i] = list.v[i].first;
	for (size_t i = 0; i < n; i++)
		g.row[next[of[p->sample.label[i].i] - 1]++] = (uint32_t)i;
	g.v = list.v;
	g.n = list.n;
	return g;
}
