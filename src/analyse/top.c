/* Which rows each table has; ranking.c orders them, path.c walks. */
#include "analyse/top.h"

#include <assert.h>
#include <math.h>

#include "analyse/ranking.h"
#include "analyse/table.h"
#include "base/map.h"
#include "base/vec.h"

/* clang-format off */
#define TEXT(k, h, w)   { .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .wide = w }
#define NUMBER(k, h, u) { .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .unit = u }
#define EXTRA(k, h, u) \
	{ .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .unit = u, .extra = true }
/* clang-format on */

static double samples_of(const struct weights *w, int64_t samples)
{
	return w->all.samples > 0 ? (double)samples : (double)NAN;
}

/* The unit of values is the profile's own. */
static void set_unit(struct table *t, size_t column, const struct weights *w)
{
	t->column[column].unit = w->kind.unit == UNIT_NONE ? UNIT_COUNT : w->kind.unit;
}

/* What calls main. */
static bool starts_programs(const struct weights *w, uint32_t f)
{
	static const struct str names[] = {
		{ "_start", 6 },        { "__libc_start", 12 }, { "__clone", 7 },
		{ "clone3", 6 },        { "start_thread", 12 }, { "runtime.goexit", 14 },
		{ "runtime.main", 12 },
	};
	struct str name = weights_name(w, f);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_starts(name, names[i]))
			return true;
	return false;
}

bool top_is_start(const struct weights *w, uint32_t function)
{
	return str_eq(weights_name(w, function), S("main")) || starts_programs(w, function);
}

struct table *top_functions(struct arena *a, const struct weights *w, enum top_order order,
			    size_t rows)
{
	static const struct column columns[] = {
		NUMBER("self_share", "self", UNIT_RATIO),
		NUMBER("total_share", "total", UNIT_RATIO),
		TEXT("function", "function", true),
		TEXT("module", "module", false),
		EXTRA("self", "self value", UNIT_COUNT),
		EXTRA("total", "total value", UNIT_COUNT),
		EXTRA("samples", "samples", UNIT_COUNT),
		{ .key = { "file", 4 }, .heading = { "file", 4 }, .extra = true },
		EXTRA("line", "line", UNIT_COUNT),
	};
	struct weight *by = arena_array(a, struct weight, w->n_functions);

	for (uint32_t f = 1; f < w->n_functions; f++)
		if (order == TOP_BY_SELF)
			by[f] = w->function[f].self;
		else if (!starts_programs(w, f))
			by[f] = w->function[f].total;
	struct ranking r = ranking_new(a, by, w->n_functions);
	size_t n = r.n < rows ? r.n : rows;
	struct table *t = table_new(a, columns, sizeof(columns) / sizeof(columns[0]), n);
	t->n_cut = r.n - n;
	set_unit(t, 4, w);
	set_unit(t, 5, w);
	for (size_t i = 0; i < n; i++) {
		const struct function *f = &w->function[r.v[i].id];
		const struct frame *frame = &w->profile->frames[f->frame.i];
		struct cell *c = table_row(t, i);
		c[0].v = weights_share(w, f->self.value);
		c[1].v = weights_share(w, f->total.value);
		c[2].text = weights_name(w, r.v[i].id);
		c[3].text = weights_module(w, r.v[i].id);
		c[4].v = (double)f->self.value;
		c[5].v = (double)f->total.value;
		c[6].v = samples_of(w, f->self.samples);
		c[7].text = profile_text(w->profile, frame->file);
		c[8].v = frame->line ? (double)frame->line : (double)NAN;
	}
	return t;
}

static const struct column named[] = {
	TEXT("name", "name", true),
	NUMBER("share", "share", UNIT_RATIO),
	EXTRA("value", "value", UNIT_COUNT),
	EXTRA("samples", "samples", UNIT_COUNT),
};

/* Name, share, value and samples of the heaviest of N things. */
static struct table *shares(struct arena *a, const struct weights *w, const struct weight *v,
			    const struct str *names, size_t n_and_rows[2])
{
	struct ranking r = ranking_new(a, v, n_and_rows[0]);
	size_t n = r.n < n_and_rows[1] ? r.n : n_and_rows[1];
	struct table *t = table_new(a, named, sizeof(named) / sizeof(named[0]), n);

	t->n_cut = r.n - n;
	set_unit(t, 2, w);
	for (size_t i = 0; i < n; i++) {
		struct cell *c = table_row(t, i);
		c[0].text = names[r.v[i].id];
		c[1].v = weights_share(w, r.v[i].weight.value);
		c[2].v = (double)r.v[i].weight.value;
		c[3].v = samples_of(w, r.v[i].weight.samples);
	}
	return t;
}

struct table *top_modules(struct arena *a, const struct weights *w, size_t rows)
{
	const struct profile *p = w->profile;
	struct weight *by = arena_array(a, struct weight, p->n_strings);
	struct str *names = arena_array(a, struct str, p->n_strings);

	for (size_t f = 0; f < w->n_functions; f++)
		weight_add(&by[w->function[f].module.i], w->function[f].self);
	for (size_t i = 0; i < p->n_strings; i++)
		names[i] = p->strings[i].n ? p->strings[i] : S("[unknown]");
	return shares(a, w, by, names, (size_t[]){ p->n_strings, rows });
}

struct wanted_label {
	struct str text;
	int64_t number;
	bool found;
};

static struct wanted_label find_label(const struct profile *p, uint32_t label, struct str key,
				      struct str number_key)
{
	struct wanted_label r = { .text = { "", 0 } };

	for (uint32_t l = label; l; l = p->labels[l].next.i) {
		struct str k = profile_text(p, p->labels[l].key);
		if (str_eq(k, key)) {
			r.text = profile_text(p, p->labels[l].text);
			r.found = true;
		} else if (number_key.n && str_eq(k, number_key)) {
			r.number = p->labels[l].number;
		}
	}
	return r;
}

struct label_group {
	struct wanted_label label;
	struct weight weight;
};

struct label_groups {
	struct map map;
	VEC(struct label_group) rows;
};

static void into_group(struct arena *a, struct label_groups *g, struct wanted_label l,
		       struct weight w)
{
	uint64_t hash = map_hash2(str_hash(l.text), (uint64_t)l.number);

	for (struct map_at at = map_first(&g->map, hash); at.hit; at = map_next(&g->map, at)) {
		assert(g->rows.v); /* the map has only what is in there */
		struct label_group *have = &g->rows.v[at.index];
		if (have->label.number == l.number && str_eq(have->label.text, l.text)) {
			weight_add(&have->weight, w);
			return;
		}
	}
	*vec_add(a, &g->rows) = (struct label_group){ l, w };
	map_insert(&g->map, hash, (uint32_t)g->rows.n - 1);
}

struct table *top_labels(struct arena *a, const struct weights *w, struct str key,
			 struct str number_key, size_t rows)
{
	const struct profile *p = w->profile;
	struct weight *by = arena_array(a, struct weight, p->n_labels);
	struct label_groups g = { .map = { .arena = a } };
	bool any = false;

	weights_by_label(w, by);
	for (uint32_t l = 0; l < p->n_labels; l++) {
		if (by[l].value <= 0)
			continue;
		struct wanted_label have = find_label(p, l, key, number_key);
		any |= have.found;
		if (!have.text.n)
			have.text = S("[unnamed]");
		into_group(a, &g, have, by[l]);
	}
	if (!any)
		return NULL;
	struct weight *v = arena_array(a, struct weight, g.rows.n);
	struct str *names = arena_array(a, struct str, g.rows.n);
	for (size_t i = 0; i < g.rows.n; i++) {
		const struct wanted_label *l = &g.rows.v[i].label;
		v[i] = g.rows.v[i].weight;
		names[i] = l->number ? arena_printf(a, STR_FMT " (%lld)", STR_ARG(l->text),
						    (long long)l->number)
				     : l->text;
	}
	return shares(a, w, v, names, (size_t[]){ g.rows.n, rows });
}

struct weight *top_caller_weights(struct arena *a, const struct weights *w, uint32_t function)
{
	const struct profile *p = w->profile;
	struct weight *by = arena_array(a, struct weight, w->n_functions);
	uint32_t *caller = arena_array(a, uint32_t, p->n_stacks);

	/* Parents come first in the array, so what is outside of a recursion is known already. */
	for (size_t s = 1; s < p->n_stacks; s++) {
		uint32_t parent = p->stacks[s].parent.i;
		if (w->function_of[s] != function)
			continue;
		caller[s] = w->function_of[parent] == function ? caller[parent]
							       : w->function_of[parent];
		weight_add(&by[caller[s]], w->self[s]);
	}
	return by;
}

struct table *top_callers(struct arena *a, const struct weights *w, uint32_t function, size_t rows)
{
	struct weight *by = top_caller_weights(a, w, function);
	struct str *names = arena_array(a, struct str, w->n_functions);

	for (uint32_t f = 0; f < w->n_functions; f++)
		names[f] = f ? weights_name(w, f) : S("[nobody: it is the root]");
	return shares(a, w, by, names, (size_t[]){ w->n_functions, rows });
}

double top_kernel_share(const struct weights *w)
{
	struct weight kernel = { 0 };

	for (size_t f = 1; f < w->n_functions; f++)
		if (w->function[f].kind == FRAME_KERNEL)
			weight_add(&kernel, w->function[f].self);
	return weights_share(w, kernel.value);
}
