/* The hottest path: from the root, always into the function under which most is spent. */
#include "analyse/ranking.h"
#include "analyse/table.h"
#include "analyse/top.h"
#include "base/vec.h"

#define WORTH_FOLLOWING 0.05 /* of all: below, it is one of many, and no path */

struct step {
	uint32_t function;
	struct weight total, self;
};

struct walk {
	const struct weights *w;
	uint32_t *child, *sibling;
	struct weight *by; /* by function, of the level that is looked at */
	uint32_t *seen;    /* functions of that level */
	size_t n_seen;
	uint32_t *set, *next; /* stacks that stand for the step, and their children */
	size_t n_set;
};

static struct walk walk_new(struct arena *a, const struct weights *w)
{
	const struct profile *p = w->profile;
	struct walk k = {
		.w = w,
		.child = arena_array(a, uint32_t, p->n_stacks),
		.sibling = arena_array(a, uint32_t, p->n_stacks),
		.by = arena_array(a, struct weight, w->n_functions),
		.seen = arena_array(a, uint32_t, w->n_functions),
		.set = arena_array(a, uint32_t, p->n_stacks),
		.next = arena_array(a, uint32_t, p->n_stacks),
		.n_set = 1, /* stack 0: the root */
	};

	for (size_t i = p->n_stacks; i-- > 1;) {
		k.sibling[i] = k.child[p->stacks[i].parent.i];
		k.child[p->stacks[i].parent.i] = (uint32_t)i;
	}
	return k;
}

/* The heaviest function among the children; 0: there is none. */
static uint32_t heaviest(struct walk *k)
{
	uint32_t best = 0;

	k->n_seen = 0;
	for (size_t i = 0; i < k->n_set; i++)
		for (uint32_t c = k->child[k->set[i]]; c; c = k->sibling[c]) {
			uint32_t f = k->w->function_of[c];
			if (!k->by[f].value && !k->by[f].samples)
				k->seen[k->n_seen++] = f;
			weight_add(&k->by[f], k->w->total[c]);
			/* A weight of 0 would be seen again. */
			if (!k->by[f].value && !k->by[f].samples)
				k->n_seen--;
		}
	for (size_t i = 0; i < k->n_seen; i++)
		if (k->by[k->seen[i]].value > k->by[best].value)
			best = k->seen[i];
	return best;
}

/* Goes into FUNCTION: its stacks are the new set. */
static struct step into(struct walk *k, uint32_t function)
{
	struct step s = { .function = function, .total = k->by[function] };
	size_t n = 0;

	for (size_t i = 0; i < k->n_set; i++)
		for (uint32_t c = k->child[k->set[i]]; c; c = k->sibling[c])
			if (k->w->function_of[c] == function) {
				k->next[n++] = c;
				weight_add(&s.self, k->w->self[c]);
			}
	uint32_t *spare = k->set;
	k->set = k->next;
	k->next = spare;
	k->n_set = n;
	for (size_t i = 0; i < k->n_seen; i++)
		k->by[k->seen[i]] = (struct weight){ 0 };
	return s;
}

struct table *top_path(struct arena *a, const struct weights *w)
{
	static const struct column columns[] = {
		{ .key = { "function", 8 }, .heading = { "function", 8 }, .wide = true },
		{ .key = { "total_share", 11 }, .heading = { "total", 5 }, .unit = UNIT_RATIO },
		{ .key = { "self_share", 10 },
		  .heading = { "self", 4 },
		  .unit = UNIT_RATIO,
		  .extra = true },
		{ .key = { "module", 6 }, .heading = { "module", 6 }, .extra = true },
	};
	struct walk k = walk_new(a, w);
	VEC(struct step) steps = { 0 };
	double least = (double)w->all.value * WORTH_FOLLOWING;
	int64_t self = 0;

	/* It ends where more is spent in the function itself than below any of its callees. */
	for (uint32_t f = heaviest(&k); f; f = heaviest(&k)) {
		if (k.by[f].value < self || (double)k.by[f].value < least)
			break;
		struct step s = into(&k, f);
		self = s.self.value;
		if (steps.n && steps.v[steps.n - 1].function == f)
			steps.v[steps.n - 1].self = s.self; /* recursion: one step */
		else
			*vec_add(a, &steps) = s;
	}
	struct table *t = table_new(a, columns, sizeof(columns) / sizeof(columns[0]), steps.n);
	for (size_t i = 0; i < steps.n; i++) {
		const struct step *s = &steps.v[steps.n - 1 - i];
		struct cell *c = table_row(t, i);
		c[0].text = weights_name(w, s->function);
		c[1].v = weights_share(w, s->total.value);
		c[2].v = weights_share(w, s->self.value);
		c[3].text = weights_module(w, s->function);
	}
	return t;
}
