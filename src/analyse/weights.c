/* The passes: rows to stacks, stacks to their parents, and once around the trie for recursion. */
#include "analyse/weights.h"

#include <math.h>

#include "base/map.h"
#include "base/vec.h"

#define NO_KIND UINT32_MAX
#define BY_ROW  (UINT32_MAX - 1) /* every row is one sample */

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

void weight_add(struct weight *to, struct weight w)
{
	to->value = plus(to->value, w.value);
	to->samples = plus(to->samples, w.samples);
}

/* Where a profile says how many samples a row stands for. */
static unsigned samples_kind(const struct profile *p)
{
	for (unsigned k = 0; k < p->n_kinds; k++)
		if (p->kind[k].unit == UNIT_COUNT &&
		    (str_eq(p->kind[k].name, S("samples")) || str_eq(p->kind[k].name, S("sample"))))
			return k;
	return p->sample.at_ns ? BY_ROW : NO_KIND;
}

static struct weight row_weight(const struct profile *p, unsigned count, size_t row)
{
	const int64_t *v = &p->sample.value[row * p->n_kinds];

	return (struct weight){
		.value = v[p->main_kind],
		.samples = count == BY_ROW    ? 1
			   : count == NO_KIND ? 0
					      : v[count],
	};
}

static void weigh_rows(struct weights *w)
{
	const struct profile *p = w->profile;
	unsigned count = samples_kind(p);
	double squares = 0;

	for (size_t row = 0; row < p->sample.n_rows; row++) {
		struct weight one = row_weight(p, count, row);
		double v = (double)one.value;
		squares += v * v / (one.samples > 0 ? (double)one.samples : 1);
		weight_add(&w->self[p->sample.stack[row].i], one);
		weight_add(&w->all, one);
	}
	if (w->all.samples > 0 && squares > 0)
		w->effective = (double)w->all.value * (double)w->all.value / squares;
}

int64_t weights_hits(const struct weights *w, struct weight part)
{
	double hits = weights_share(w, part.value) * w->effective;

	return hits > 0 && hits < 9e18 ? (int64_t)(hits + 0.5) : 0;
}

int64_t weights_samples(const struct weights *w)
{
	return w->effective < 9e18 ? (int64_t)(w->effective + 0.5) : 0;
}

void weights_by_label(const struct weights *w, struct weight *into)
{
	const struct profile *p = w->profile;
	unsigned count = samples_kind(p);

	for (size_t row = 0; row < p->sample.n_rows; row++)
		weight_add(&into[p->sample.label[row].i], row_weight(p, count, row));
}

struct function_map {
	struct map map;
	VEC(struct function) rows;
};

/* "[jit]", "[anon]": addresses in there are not the same twice. */
static bool is_passing(struct str module)
{
	return !module.n || module.p[0] == '[';
}

static uint32_t function_get(struct arena *a, struct function_map *m, const struct profile *p,
			     uint32_t frame)
{
	const struct frame *f = &p->frames[frame];
	bool placed = !f->function.i && !is_passing(profile_text(p, f->module));
	uint64_t address = placed ? f->address : 0;
	uint64_t hash = map_hash2(map_hash2(f->function.i, f->module.i), address);

	for (struct map_at at = map_first(&m->map, hash); at.hit; at = map_next(&m->map, at)) {
		const struct function *have = &m->rows.v[at.index];
		if (have->name.i == f->function.i && have->module.i == f->module.i &&
		    have->address == address)
			return at.index;
	}
	*vec_add(a, &m->rows) = (struct function){ .name = f->function,
						   .module = f->module,
						   .address = address,
						   .frame = { frame },
						   .kind = f->kind };
	map_insert(&m->map, hash, (uint32_t)m->rows.n - 1);
	return (uint32_t)m->rows.n - 1;
}

static struct str nameless(struct arena *a, struct str path)
{
	struct str head, module = str_cut_last(path, '/', &head);

	if (module.n > 2 && module.p[0] == '[' && module.p[module.n - 1] == ']')
		module = (struct str){ module.p + 1, module.n - 2 };
	return module.n ? arena_printf(a, "[" STR_FMT ", no names]", STR_ARG(module))
			: S("[no names]");
}

static struct str shown(struct arena *a, const struct profile *p, const struct function *f)
{
	struct str name = profile_text(p, f->name), path = profile_text(p, f->module), head;

	if (name.n)
		return name;
	if (!f->address)
		return nameless(a, path);
	return arena_printf(a, STR_FMT "+0x%llx", STR_ARG(str_cut_last(path, '/', &head)),
			    (unsigned long long)f->address);
}

static void name_stacks(struct weights *w, struct arena *a)
{
	const struct profile *p = w->profile;
	struct function_map m = { .map = { .arena = a } };
	uint32_t *of_frame = arena_array(a, uint32_t, p->n_frames);

	(void)vec_add(a, &m.rows);
	for (size_t i = 1; i < p->n_frames; i++)
		of_frame[i] = function_get(a, &m, p, (uint32_t)i);
	for (size_t i = 1; i < p->n_stacks; i++)
		w->function_of[i] = of_frame[p->stacks[i].frame.i];
	for (size_t i = 1; i < m.rows.n; i++)
		m.rows.v[i].shown = shown(a, p, &m.rows.v[i]);
	w->function = m.rows.v;
	w->n_functions = m.rows.n;
}

/* Around the trie along first children, next siblings and parents: no recursion, no second list. */
static void weigh_functions(struct weights *w, struct arena *a)
{
	const struct profile *p = w->profile;
	uint32_t *child = arena_array(a, uint32_t, p->n_stacks);
	uint32_t *sibling = arena_array(a, uint32_t, p->n_stacks);
	uint32_t *open = arena_array(a, uint32_t, w->n_functions); /* how often above us */

	for (size_t i = p->n_stacks; i-- > 1;) {
		sibling[i] = child[p->stacks[i].parent.i];
		child[p->stacks[i].parent.i] = (uint32_t)i;
	}
	w->function[0].self = w->self[0]; /* samples without any stack */
	for (uint32_t at = child[0]; at;) {
		uint32_t f = w->function_of[at];
		weight_add(&w->function[f].self, w->self[at]);
		if (open[f]++ == 0)
			weight_add(&w->function[f].total, w->total[at]);
		if (child[at]) {
			at = child[at];
			continue;
		}
		while (at && !sibling[at]) {
			open[w->function_of[at]]--;
			at = p->stacks[at].parent.i;
		}
		if (at) {
			open[w->function_of[at]]--;
			at = sibling[at];
		}
	}
}

struct weights *weights_new(struct arena *a, const struct profile *p)
{
	struct weights *w = arena_make(a, struct weights);

	w->profile = p;
	w->kind = p->kind[p->main_kind];
	w->self = arena_array(a, struct weight, p->n_stacks);
	w->total = arena_array(a, struct weight, p->n_stacks);
	w->function_of = arena_array(a, uint32_t, p->n_stacks);
	weigh_rows(w);
	memcpy(w->total, w->self, p->n_stacks * sizeof(*w->self));
	for (size_t i = p->n_stacks; i-- > 1;)
		weight_add(&w->total[p->stacks[i].parent.i], w->total[i]);
	name_stacks(w, a);
	weigh_functions(w, a);
	return w;
}

double weights_share(const struct weights *w, int64_t value)
{
	return w->all.value > 0 ? (double)value / (double)w->all.value : (double)NAN;
}

struct str weights_name(const struct weights *w, uint32_t function)
{
	return w->function[function].shown;
}

struct str weights_module(const struct weights *w, uint32_t function)
{
	return profile_text(w->profile, w->function[function].module);
}

struct str weights_nameless(struct arena *a, const struct weights *w, uint32_t function)
{
	return nameless(a, weights_module(w, function));
}
