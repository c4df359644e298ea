/* flame: the tree. Stacks become nodes, nodes get their preorder, samples are summed on them. */
#include "present/flame/flame_priv.h"

#include <stdlib.h>

struct nodes { /* in the order they were found: a parent's index is below its children's */
	uint32_t *parent, *function, *line;
	int64_t *total, *heaviest; /* heaviest: of the stacks that line came from */
	size_t n, cap;
};

struct kid {
	int64_t total;
	uint32_t node;
};

/* Stacks with samples under them, and how much of the main kind. */
static void weigh_stacks(struct flame_build *b, struct flame_side *s)
{
	const struct profile *p = s->profile;

	s->node = arena_array(b->scratch, uint32_t, p->n_stacks);
	s->total = arena_array(b->scratch, int64_t, p->n_stacks);
	memset(s->node, 0xff, p->n_stacks * sizeof(*s->node));
	for (size_t r = 0; r < p->sample.n_rows; r++) {
		uint32_t stack = p->sample.stack[r].i;
		int64_t v = p->sample.value[r * p->n_kinds + s->main_kind];

		s->node[stack] = 0;
		s->total[stack] = flame_plus(s->total[stack], v);
		if (stack) {
			struct line_seen *line = &b->lines.v[s->line[p->stacks[stack].frame.i]];

			line->self = flame_plus(line->self, v);
		}
	}
	s->node[0] = 0;
	for (size_t i = p->n_stacks; i-- > 1;) {
		uint32_t parent = p->stacks[i].parent.i;

		if (s->node[i] == NO_NODE)
			continue;
		s->node[parent] = 0;
		s->total[parent] = flame_plus(s->total[parent], s->total[i]);
	}
}

static uint32_t node_find(struct flame_build *b, struct nodes *t, uint32_t parent,
			  uint32_t function)
{
	uint64_t hash = map_hash2(parent, function);

	for (struct map_at at = map_first(&b->node_map, hash); at.hit;
	     at = map_next(&b->node_map, at))
		if (t->parent[at.index] == parent && t->function[at.index] == function)
			return at.index;
	map_insert(&b->node_map, hash, (uint32_t)t->n);
	t->parent[t->n] = parent;
	t->function[t->n] = function;
	t->heaviest[t->n] = INT64_MIN;
	return (uint32_t)t->n++;
}

static void merge_stacks(struct flame_build *b, struct nodes *t, struct flame_side *s)
{
	const struct profile *p = s->profile;

	t->total[0] = flame_plus(t->total[0], s->total[0]);
	for (size_t i = 1; i < p->n_stacks; i++) {
		uint32_t frame = p->stacks[i].frame.i, node;

		if (s->node[i] == NO_NODE)
			continue;
		node = node_find(b, t, s->node[p->stacks[i].parent.i], s->function[frame]);
		s->node[i] = node;
		t->total[node] = flame_plus(t->total[node], s->total[i]);
		if (s->total[i] >= t->heaviest[node]) {
			t->heaviest[node] = s->total[i];
			t->line[node] = s->line[frame];
		}
	}
}

static int lighter_first(const void *a, const void *b)
{
	const struct kid *x = a, *y = b;

	if (x->total != y->total)
		return x->total < y->total ? -1 : 1;
	return x->node > y->node ? -1 : 1;
}

/* Children of every node side by side: those of I are kid[first[I]] .. kid[first[I + 1]]. */
static struct kid *children(struct arena *a, const struct nodes *t, uint32_t *first)
{
	struct kid *kid = arena_array(a, struct kid, t->n);
	uint32_t *at = arena_array(a, uint32_t, t->n);

	for (size_t i = 1; i < t->n; i++)
		first[t->parent[i] + 1]++;
	for (size_t i = 0; i < t->n; i++) {
		first[i + 1] += first[i];
		at[i] = first[i];
	}
	for (size_t i = 1; i < t->n; i++)
		kid[at[t->parent[i]]++] = (struct kid){ t->total[i], (uint32_t)i };
	for (size_t i = 0; i < t->n; i++)
		if (first[i + 1] - first[i] > 1)
			qsort(kid + first[i], first[i + 1] - first[i], sizeof(*kid), lighter_first);
	return kid;
}

/* Returns the place of every node in preorder. */
static uint32_t *order_nodes(struct flame_build *b, const struct nodes *t)
{
	struct flame *f = b->flame;
	uint32_t *first = arena_array(b->scratch, uint32_t, t->n + 1);
	uint32_t *place = arena_array(b->scratch, uint32_t, t->n);
	uint32_t *open = arena_array(b->scratch, uint32_t, t->n);
	struct kid *kid = children(b->scratch, t, first);
	size_t n_open = 1;

	f->depth = arena_array(b->keep, uint32_t, t->n);
	f->function_of = arena_array(b->keep, uint32_t, t->n);
	f->line_of = arena_array(b->keep, uint32_t, t->n);
	while (n_open) {
		uint32_t node = open[--n_open], at = (uint32_t)f->n_nodes++;

		place[node] = at;
		if (node) {
			f->depth[at] = f->depth[place[t->parent[node]]] + 1;
			f->function_of[at] = t->function[node];
			f->line_of[at] = b->lines.v[t->line[node]].rank;
		}
		for (uint32_t k = first[node]; k < first[node + 1]; k++)
			open[n_open++] = kid[k].node;
	}
	return place;
}

static uint32_t *build_tree(struct flame_build *b)
{
	struct nodes t = { .n = 1 };
	size_t most = 1;

	for (unsigned s = 0; s < b->n_sides; s++) {
		flame_name_frames(b, s);
		weigh_stacks(b, &b->side[s]);
		most += b->side[s].profile->n_stacks;
	}
	flame_rank_lines(b);
	t.parent = arena_array(b->scratch, uint32_t, most);
	t.function = arena_array(b->scratch, uint32_t, most);
	t.line = arena_array(b->scratch, uint32_t, most);
	t.total = arena_array(b->scratch, int64_t, most);
	t.heaviest = arena_array(b->scratch, int64_t, most);
	for (unsigned s = 0; s < b->n_sides; s++)
		merge_stacks(b, &t, &b->side[s]);
	return order_nodes(b, &t);
}

/* A stable pass of counting sort: rows IN, by KEY[row] < N, into OUT. */
static void sort_pass(struct arena *a, const uint32_t *in, uint32_t *out, const uint32_t *key,
		      size_t rows, size_t n)
{
	uint32_t *at = arena_array(a, uint32_t, n + 1);

	for (size_t i = 0; i < rows; i++)
		at[key[i] + 1]++;
	for (size_t i = 0; i < n; i++)
		at[i + 1] += at[i];
	for (size_t i = 0; i < rows; i++)
		out[at[key[in[i]]]++] = in[i];
}

/* Kind K of the first side, in the second; -1 when it has none of that name. */
static int kind_of(const struct flame_side *s, const struct profile *main, unsigned k)
{
	if (s->profile == main)
		return (int)k;
	for (unsigned i = 0; i < s->profile->n_kinds; i++)
		if (str_eq(s->profile->kind[i].name, main->kind[k].name))
			return (int)i;
	return -1;
}

static void spent_add(struct flame *f, const struct flame_side *s, size_t row, int64_t *into)
{
	const struct profile *p = s->profile;

	for (unsigned k = 0; k < f->profile->n_kinds; k++) {
		int from = kind_of(s, f->profile, k);

		if (from >= 0)
			into[k] = flame_plus(into[k],
					     p->sample.value[row * p->n_kinds + (unsigned)from]);
	}
}

static void sum_rows(struct flame_build *b, const uint32_t *place)
{
	struct flame *f = b->flame;
	size_t n_first = f->profile->sample.n_rows, n = 0;
	unsigned kinds = f->profile->n_kinds;
	uint32_t *node, *thread, *order, *by_node;

	for (unsigned s = 0; s < b->n_sides; s++)
		n += b->side[s].profile->sample.n_rows;
	node = arena_array(b->keep, uint32_t, n);
	thread = arena_array(b->keep, uint32_t, n);
	order = arena_array(b->keep, uint32_t, n);
	by_node = arena_array(b->scratch, uint32_t, n);
	for (size_t i = 0; i < n; i++) {
		unsigned s = i >= n_first;
		const struct profile *p = b->side[s].profile;
		size_t row = s ? i - n_first : i;

		node[i] = place[b->side[s].node[p->sample.stack[row].i]];
		thread[i] = flame_thread_of(b, s, p->sample.label[row]);
		order[i] = (uint32_t)i;
	}
	sort_pass(b->scratch, order, by_node, node, n, f->n_nodes);
	sort_pass(b->scratch, by_node, order, thread, n, b->threads.n);
	f->spent.thread = arena_array(b->keep, uint32_t, n);
	f->spent.node = arena_array(b->keep, uint32_t, n);
	f->spent.value = arena_array(b->keep, int64_t, n * kinds);
	for (size_t i = 0; i < n; i++) {
		uint32_t r = order[i];
		size_t e = f->spent.n;

		if (!e || f->spent.node[e - 1] != node[r] || f->spent.thread[e - 1] != thread[r]) {
			f->spent.node[e] = node[r];
			f->spent.thread[e] = thread[r];
			f->spent.n = ++e;
		}
		spent_add(f, &b->side[r >= n_first], r >= n_first ? r - n_first : r,
			  f->spent.value + (e - 1) * kinds);
	}
	f->row_node = node;
	f->row_thread = thread;
	f->row_order = order;
	f->n_rows = n;
}

struct flame *flame_new(struct arena *a, const struct profile *p, const struct profile *base)
{
	auto_arena scratch = arena_open("flame graph", SIZE_MAX);
	struct flame_build b = { .keep = a, .scratch = scratch, .n_sides = base ? 2 : 1 };

	b.flame = arena_make(a, struct flame);
	b.flame->profile = p;
	b.function_map.arena = b.line_map.arena = b.thread_map.arena = b.node_map.arena = scratch;
	b.side[0] = (struct flame_side){ .profile = p, .main_kind = p->main_kind };
	if (base) {
		int k;

		b.side[1] = (struct flame_side){ .profile = base, .main_kind = base->main_kind };
		k = kind_of(&b.side[1], p, p->main_kind);
		if (k >= 0)
			b.side[1].main_kind = (unsigned)k;
	}
	for (unsigned s = 0; s < b.n_sides; s++)
		b.side[s].thread = arena_array(scratch, uint32_t, b.side[s].profile->n_labels + 1);
	sum_rows(&b, build_tree(&b));
	b.flame->function = b.functions.v;
	b.flame->n_functions = b.functions.n;
	b.flame->thread = b.threads.v;
	b.flame->n_threads = b.threads.n;
	return b.flame;
}
