/* Pairing by name, testing, ordering. What is said about it is in compare_words.c. */
#include "analyse/compare.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/vec.h"

/* Of both profiles together. With fewer no share of a usual profile can be told from another; to
 * leave them out does not bias the others, because the sum says nothing about the difference. */
#define SAMPLES_TESTED 10

struct pairing {
	struct arena *arena;
	struct map map;
	VEC(struct change) rows;
	bool by_module; /* both profiles know modules */
};

static struct change *pair(struct pairing *p, const struct weights *w, uint32_t f)
{
	/* Addresses of two builds are not comparable: what has no name is one a module. */
	struct str name =
		w->function[f].name.i ? weights_name(w, f) : weights_nameless(p->arena, w, f);
	struct str module = weights_module(w, f);
	uint64_t hash = map_hash2(str_hash(name), p->by_module ? str_hash(module) : 0);

	for (struct map_at at = map_first(&p->map, hash); at.hit; at = map_next(&p->map, at)) {
		assert(p->rows.v); /* the map has only what is in there */
		struct change *c = &p->rows.v[at.index];
		if (str_eq(c->name, name) && (!p->by_module || str_eq(c->module, module)))
			return c;
	}
	struct change *c = vec_add(p->arena, &p->rows);
	*c = (struct change){ .name = name, .module = module, .p = (double)NAN };
	map_insert(&p->map, hash, (uint32_t)p->rows.n - 1);
	return c;
}

/* Collapsed stacks have them for none or for a few; then names alone must do. */
static bool knows_modules(const struct weights *w)
{
	int64_t known = 0;

	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].module.i)
			known += w->function[f].self.value / 2; /* two halves cannot overflow */
	return known > w->all.value / 4;
}

static void pair_all(struct pairing *p, const struct weights *before, const struct weights *after)
{
	for (uint32_t f = 1; f < before->n_functions; f++) {
		struct change *c = pair(p, before, f);
		c->before = f;
		weight_add(&c->self_before, before->function[f].self);
	}
	for (uint32_t f = 1; f < after->n_functions; f++) {
		struct change *c = pair(p, after, f);
		c->after = f;
		weight_add(&c->self_after, after->function[f].self);
	}
}

static void test_all(struct arena *a, struct comparison *c)
{
	int64_t n_before = weights_samples(c->before), n_after = weights_samples(c->after);
	double *p = arena_array(a, double, c->n + 1);
	size_t *of = arena_array(a, size_t, c->n + 1);

	for (size_t i = 0; i < c->n; i++) {
		struct change *x = &c->v[i];
		int64_t was = weights_hits(c->before, x->self_before);
		int64_t is = weights_hits(c->after, x->self_after);
		x->share_before = weights_share(c->before, x->self_before.value);
		x->share_after = weights_share(c->after, x->self_after.value);
		x->share_change = (struct interval){ -1, 1 };
		if (!c->tested)
			continue;
		x->share_change = share_change(was, n_before, is, n_after);
		if (was + is < SAMPLES_TESTED)
			continue;
		of[c->n_tested] = i;
		p[c->n_tested++] = share_test(was, n_before, is, n_after);
	}
	share_adjust(a, p, c->n_tested);
	for (size_t i = 0; i < c->n_tested; i++) {
		assert(c->v);
		struct change *x = &c->v[of[i]];
		x->p = p[i];
		if (p[i] > SHARE_ALPHA)
			continue;
		x->kind = x->share_after > x->share_before ? CHANGE_MORE : CHANGE_LESS;
		c->n_proven++;
	}
}

static double moved(const struct change *c)
{
	return fabs(c->share_after - c->share_before);
}

static int by_news(const void *x, const void *y)
{
	const struct change *a = x, *b = y;
	double d = moved(b) - moved(a);

	if ((a->kind != CHANGE_NONE) != (b->kind != CHANGE_NONE))
		return a->kind == CHANGE_NONE ? 1 : -1;
	if (d > 0 || d < 0)
		return d > 0 ? 1 : -1;
	if (a->share_after < b->share_after || a->share_after > b->share_after)
		return a->share_after < b->share_after ? 1 : -1;
	int names = str_cmp(a->name, b->name);
	return names ? names : str_cmp(a->module, b->module);
}

/* A function that only calls others has nothing of its own to compare. */
static void drop_empty(struct comparison *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].self_before.value > 0 || c->v[i].self_after.value > 0)
			c->v[n++] = c->v[i];
	c->n = n;
}

int compare_new(struct arena *a, const struct weights *before, const struct weights *after,
		struct comparison **ret, struct err *err)
{
	struct pairing p = { .arena = a,
			     .map = { .arena = a },
			     .by_module = knows_modules(before) && knows_modules(after) };
	struct comparison *c = arena_make(a, struct comparison);

	if (before->kind.unit != after->kind.unit)
		return err_set(err, -EINVAL,
			       "the two do not measure the same: '" STR_FMT "' and '" STR_FMT "'",
			       STR_ARG(before->kind.name), STR_ARG(after->kind.name));
	if (before->all.value <= 0 || after->all.value <= 0)
		return err_set(err, -ENODATA, "the %s profile has no samples",
			       before->all.value <= 0 ? "first" : "second");
	c->before = before;
	c->after = after;
	c->tested = weights_samples(before) > 0 && weights_samples(after) > 0;
	pair_all(&p, before, after);
	c->v = p.rows.v;
	c->n = p.rows.n;
	drop_empty(c);
	test_all(a, c);
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), by_news);
	*ret = c;
	return 0;
}
