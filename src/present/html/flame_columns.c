/* flame_columns: what is told of a profile, in which column, and what a brushed range can know. */
#include "present/html/flame_columns.h"

#include <assert.h>

#include "present/flame/flame.h"
#include "present/html/words.h"

#define SLICES_MAX     512u
#define ROWS_A_SLICE   12u     /* on average at least, so that the strip is not only noise */
#define SAMPLES_BUDGET 100000u /* rows that the page can filter by time; about 2 bytes each */

/* Column names by kind: const text, since a name is only borrowed. */
static const char *const spent_names[] = { "spent0", "spent1", "spent2", "spent3" };
static const char *const slice_names[] = { "slice0", "slice1", "slice2", "slice3" };
static const char *const sample_names[] = { "sample0", "sample1", "sample2", "sample3" };

_Static_assert(sizeof(spent_names) / sizeof(*spent_names) == PROFILE_KINDS_MAX, "a name a kind");

struct writing {
	struct columns *c;
	struct json *j;
	const struct flame *f;
	const struct profile *p;
	struct arena *scratch;
	int64_t scale[PROFILE_KINDS_MAX]; /* what every value is a multiple of */
	unsigned
		same_as[PROFILE_KINDS_MAX]; /* the kind with these very multiples; itself if none */
};

/* Of magnitudes: -INT64_MIN is none. 0 and INT64_MIN are no reason to scale. */
static int64_t common_divisor(int64_t a, int64_t b)
{
	if (a == INT64_MIN || b == INT64_MIN)
		return 1;
	a = a < 0 ? -a : a;
	b = b < 0 ? -b : b;
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* With a fixed period all times are multiples of it, so one column tells samples and time. */
static void find_scales(struct writing *w)
{
	const struct profile *p = w->p;
	const int64_t *v = w->f->spent.value;

	for (unsigned k = 0; k < p->n_kinds; k++) {
		w->scale[k] = 0;
		for (size_t i = 0; i < w->f->spent.n && w->scale[k] != 1; i++)
			w->scale[k] = common_divisor(w->scale[k], v[i * p->n_kinds + k]);
		if (!w->scale[k])
			w->scale[k] = 1;
		for (size_t r = 0; r < p->sample.n_rows && w->scale[k] != 1; r++)
			w->scale[k] =
				common_divisor(w->scale[k], p->sample.value[r * p->n_kinds + k]);
	}
	for (unsigned k = 0; k < p->n_kinds; k++) {
		w->same_as[k] = k;
		for (unsigned l = 0; l < k && w->same_as[k] == k; l++) {
			size_t i = 0;

			while (i < w->f->spent.n && v[i * p->n_kinds + k] / w->scale[k] ==
							    v[i * p->n_kinds + l] / w->scale[l])
				i++;
			if (i == w->f->spent.n)
				w->same_as[k] = l;
		}
	}
}

static void put_functions(struct writing *w)
{
	const struct flame *f = w->f;
	struct columns *c = w->c;

	columns_begin(c, "function_name");
	for (size_t i = 0; i < f->n_functions; i++)
		columns_add(c, columns_text(c, f->function[i].name));
	columns_begin(c, "function_file");
	for (size_t i = 0; i < f->n_functions; i++)
		columns_add(c, columns_text(c, f->function[i].file));
	columns_begin(c, "function_module");
	for (size_t i = 0; i < f->n_functions; i++)
		columns_add(c, columns_text(c, f->function[i].module));
	columns_begin(c, "function_kind");
	for (size_t i = 0; i < f->n_functions; i++)
		columns_add(c, f->function[i].kind);
	columns_begin(c, "function_lines");
	for (size_t i = 0; i < f->n_functions; i++)
		columns_add(c, f->function[i].n_lines);
	columns_begin(c, "line_number");
	for (size_t i = 0; i < f->n_lines; i++)
		columns_add(c, f->line[i].number);
	columns_begin(c, "line_kind");
	for (size_t i = 0; i < f->n_lines; i++)
		columns_add(c, f->line[i].kind);
	columns_begin(c, "line_self");
	for (size_t i = 0; i < f->n_lines; i++)
		columns_add_signed(c, f->line[i].self / w->scale[w->p->main_kind]);
}

struct edge { /* a function seen under another; root is under 0, functions count from 1 */
	uint32_t caller, callee, rank;
};

/*
 * Programs call few functions from each, so a node's function is told as the place of that call
 * among those of its caller's so far, from 1; 0 is a new one, whose function comes from a column of
 * its own. Against plain numbers this takes about a third of the bytes.
 */
static void put_node_functions(struct writing *w)
{
	const struct flame *f = w->f;
	VEC(struct edge) edges = { 0 };
	struct map map = { .arena = w->scratch };
	uint32_t *open = arena_array(w->scratch, uint32_t, f->n_nodes + 1);
	uint32_t *known = arena_array(w->scratch, uint32_t, f->n_functions + 1);

	columns_begin(w->c, "node_call");
	for (size_t i = 1; i < f->n_nodes; i++) {
		uint32_t callee = f->function_of[i] + 1, caller = open[f->depth[i] - 1], rank = 0;
		uint64_t hash = map_hash2(caller, callee);

		open[f->depth[i]] = callee;
		for (struct map_at at = map_first(&map, hash); at.hit && !rank;
		     at = map_next(&map, at)) {
			const struct edge *e = edges.v;

			assert(e); /* a hit is a row */
			e += at.index;
			if (e->caller == caller && e->callee == callee)
				rank = e->rank;
		}
		columns_add(w->c, rank);
		if (rank)
			continue;
		map_insert(&map, hash, (uint32_t)edges.n);
		*vec_add(w->scratch, &edges) = (struct edge){ caller, callee, ++known[caller] };
	}
	columns_begin(w->c, "call_function");
	for (size_t i = 0; i < edges.n; i++)
		columns_add(w->c, edges.v[i].callee - 1);
}

/* Parents are implied by how far the depth falls from one node to the next; 0: it is a child. */
static void put_nodes(struct writing *w)
{
	const struct flame *f = w->f;

	columns_begin(w->c, "node_rise");
	for (size_t i = 1; i < f->n_nodes; i++)
		columns_add(w->c, f->depth[i - 1] + 1 - f->depth[i]);
	put_node_functions(w);
	columns_begin(w->c, "node_line");
	for (size_t i = 1; i < f->n_nodes; i++)
		columns_add(w->c, f->line_of[i]);
}

static void put_threads(struct writing *w)
{
	const struct flame *f = w->f;
	struct columns *c = w->c;
	size_t *rows = arena_array(w->scratch, size_t, f->n_threads + 1);

	for (size_t i = 0; i < f->spent.n; i++)
		rows[f->spent.thread[i]]++;
	columns_begin(c, "thread_name");
	for (size_t i = 0; i < f->n_threads; i++)
		columns_add(c, columns_text(c, f->thread[i].name));
	columns_begin(c, "thread_process");
	for (size_t i = 0; i < f->n_threads; i++)
		columns_add(c, columns_text(c, f->thread[i].process));
	columns_begin(c, "thread_pid");
	for (size_t i = 0; i < f->n_threads; i++)
		columns_add(c, f->thread[i].pid);
	columns_begin(c, "thread_tid");
	for (size_t i = 0; i < f->n_threads; i++)
		columns_add(c, f->thread[i].tid);
	columns_begin(c, "thread_base");
	for (size_t i = 0; i < f->n_threads; i++)
		columns_add(c, f->thread[i].base);
	columns_begin(c, "thread_spent");
	for (size_t i = 0; i < f->n_threads; i++)
		columns_add(c, rows[i]);
}

static void put_spent(struct writing *w)
{
	const struct flame *f = w->f;
	unsigned kinds = w->p->n_kinds;
	uint32_t last = 0;

	columns_begin(w->c, "spent_node");
	for (size_t i = 0; i < f->spent.n; i++) {
		bool same = i && f->spent.thread[i] == f->spent.thread[i - 1];

		columns_add(w->c, f->spent.node[i] - (same ? last : 0));
		last = f->spent.node[i];
	}
	for (unsigned k = 0; k < kinds; k++) {
		if (w->same_as[k] != k)
			continue;
		columns_begin(w->c, spent_names[k]);
		for (size_t i = 0; i < f->spent.n; i++)
			columns_add_signed(w->c, f->spent.value[i * kinds + k] / w->scale[k]);
	}
}

struct slices {
	int64_t start_ns, length_ns;
	uint32_t n;
	uint32_t *of_row;
	size_t stride; /* one row in so many can be filtered by time */
};

/* Times count from the start of the run; in files that count from elsewhere, from the first row. */
static void slice_rows(struct writing *w, struct slices *s)
{
	const struct profile *p = w->p;
	size_t n = p->sample.n_rows;
	uint32_t slices = n / ROWS_A_SLICE < SLICES_MAX ? (uint32_t)n / ROWS_A_SLICE : SLICES_MAX;
	int64_t first = INT64_MAX, end = 0, length;

	for (size_t i = 0; i < n; i++) {
		first = p->sample.at_ns[i] < first ? p->sample.at_ns[i] : first;
		end = p->sample.at_ns[i] > end ? p->sample.at_ns[i] : end;
	}
	s->start_ns = p->duration_ns >= end ? 0 : first;
	if (p->duration_ns > end)
		end = p->duration_ns;
	s->n = slices > 0 ? slices : 1;
	length = (int64_t)((uint64_t)(end - s->start_ns) / s->n) + 1;
	s->length_ns = length;
	s->of_row = arena_array(w->scratch, uint32_t, n);
	for (size_t i = 0; i < n; i++)
		s->of_row[i] = (uint32_t)((p->sample.at_ns[i] - s->start_ns) / length);
	s->stride = (n + SAMPLES_BUDGET - 1) / SAMPLES_BUDGET;
}

static void put_slices(struct writing *w, const struct slices *s)
{
	const struct profile *p = w->p;
	int64_t *sum = arena_array(w->scratch, int64_t, s->n);

	for (unsigned k = 0; k < p->n_kinds; k++) {
		if (w->same_as[k] != k)
			continue;
		memset(sum, 0, s->n * sizeof(*sum));
		for (size_t i = 0; i < p->sample.n_rows; i++)
			sum[s->of_row[i]] =
				flame_plus(sum[s->of_row[i]], p->sample.value[i * p->n_kinds + k]);
		columns_begin(w->c, slice_names[k]);
		for (uint32_t i = 0; i < s->n; i++)
			columns_add_signed(w->c, sum[i] / w->scale[k]);
	}
}

/*
 * Which row stands for its block of STRIDE: one drawn by a hash of the block, so that nothing
 * periodic in the order of rows (processors in turn) is always or never chosen.
 */
static bool stands(size_t row, size_t n, size_t stride)
{
	size_t block = row / stride, left = n - block * stride;

	if (left > stride)
		left = stride;
	return row % stride == map_hash2(block, stride) % left;
}

/* Rows by slice, thread and node; equal ones are one, with their sum. Returns how many. */
static size_t pick_samples(struct writing *w, const struct slices *s, uint32_t *picked)
{
	const struct flame *f = w->f;
	size_t n = w->p->sample.n_rows, n_all = 0;
	uint32_t *at = arena_array(w->scratch, uint32_t, s->n + 1);

	for (size_t i = 0; i < n; i++)
		at[s->of_row[i] + 1] += stands(i, n, s->stride);
	for (uint32_t i = 0; i < s->n; i++)
		at[i + 1] += at[i];
	n_all = at[s->n];
	for (size_t i = 0; n_all && i < f->n_rows; i++) {
		uint32_t row = f->row_order[i];

		if (row < n && stands(row, n, s->stride))
			picked[at[s->of_row[row]]++] = row;
	}
	return n_all;
}

static void put_samples(struct writing *w, const struct slices *s)
{
	const struct flame *f = w->f;
	const struct profile *p = w->p;
	uint32_t *row = arena_array(w->scratch, uint32_t, p->sample.n_rows);
	size_t *first = arena_array(w->scratch, size_t, p->sample.n_rows + 1);
	size_t n = pick_samples(w, s, row), runs = 0;
	int64_t *sum;

	for (size_t i = 0; i < n; i++) {
		bool same = i && s->of_row[row[i]] == s->of_row[row[i - 1]] &&
			    f->row_thread[row[i]] == f->row_thread[row[i - 1]] &&
			    f->row_node[row[i]] == f->row_node[row[i - 1]];

		if (!same)
			first[runs++] = i;
	}
	first[runs] = n;
	columns_begin(w->c, "sample_slice");
	for (size_t i = 0; i < runs; i++)
		columns_add(w->c,
			    s->of_row[row[first[i]]] - (i ? s->of_row[row[first[i - 1]]] : 0));
	columns_begin(w->c, "sample_thread");
	for (size_t i = 0; i < runs; i++)
		columns_add(w->c, f->row_thread[row[first[i]]]);
	columns_begin(w->c, "sample_node");
	for (size_t i = 0; i < runs; i++)
		columns_add_signed(w->c, (int64_t)f->row_node[row[first[i]]] -
						 (i ? (int64_t)f->row_node[row[first[i - 1]]] : 0));
	sum = arena_array(w->scratch, int64_t, runs);
	for (unsigned k = 0; k < p->n_kinds; k++) {
		if (w->same_as[k] != k)
			continue;
		columns_begin(w->c, sample_names[k]);
		for (size_t i = 0; i < runs; i++) {
			sum[i] = 0;
			for (size_t r = first[i]; r < first[i + 1]; r++)
				sum[i] = flame_plus(sum[i],
						    p->sample.value[row[r] * p->n_kinds + k]);
			columns_add_signed(w->c, sum[i] / w->scale[k]);
		}
	}
}

static void put_time(struct writing *w)
{
	struct slices s = { 0 };

	if (!w->p->sample.at_ns || !w->p->sample.n_rows)
		return;
	slice_rows(w, &s);
	put_slices(w, &s);
	put_samples(w, &s);
	json_open(w->j, "time", '{');
	json_uint(w->j, "slices", s.n);
	json_uint(w->j, "slice_ns", (uint64_t)s.length_ns);
	json_uint(w->j, "stride", s.stride);
	json_close(w->j, '}');
}

static void put_kinds(struct writing *w)
{
	json_open(w->j, "kinds", '[');
	for (unsigned k = 0; k < w->p->n_kinds; k++) {
		json_open(w->j, "", '{');
		json_text(w->j, "name", w->p->kind[k].name);
		json_text(w->j, "unit", word_of_unit(w->p->kind[k].unit));
		json_uint(w->j, "scale", (uint64_t)w->scale[k]);
		json_uint(w->j, "column", w->same_as[k]);
		json_close(w->j, '}');
	}
	json_close(w->j, ']');
}

static void put_loss(struct json *j, const char *key, struct loss loss)
{
	json_open(j, key, '{');
	json_uint(j, "dropped", loss.dropped);
	json_uint(j, "truncated", loss.truncated);
	json_uint(j, "unresolved", loss.unresolved);
	json_close(j, '}');
}

void flame_columns(struct columns *c, struct json *j, const struct profile *p,
		   const struct profile *base)
{
	auto_arena scratch = arena_open("page columns", SIZE_MAX);
	struct writing w = { .c = c, .j = j, .p = p, .scratch = scratch };
	size_t from = c->made.n;

	w.f = flame_new(c->arena, p, base);
	json_open(j, "", '{');
	json_text(j, "name", p->name);
	json_bool(j, "compared", base != NULL);
	if (base)
		json_text(j, "base_name", base->name);
	json_uint(j, "main_kind", p->main_kind);
	json_uint(j, "nodes", w.f->n_nodes);
	json_uint(j, "samples", p->sample.n_rows);
	json_uint(j, "period_ns", p->period_ns > 0 ? (uint64_t)p->period_ns : 0);
	json_uint(j, "duration_ns", p->duration_ns > 0 ? (uint64_t)p->duration_ns : 0);
	put_loss(j, "loss", p->loss);
	find_scales(&w);
	put_kinds(&w);
	put_functions(&w);
	put_nodes(&w);
	put_threads(&w);
	put_spent(&w);
	put_time(&w);
	columns_list(c, j, from);
	json_close(j, '}');
}
