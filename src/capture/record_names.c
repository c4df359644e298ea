/*
 * What happens to a recording when it is over: places get names, nodes become stacks of a profile,
 * rows become its samples, and what could not be named is counted.
 */
#include <errno.h>
#include <stdlib.h>

#include "capture/record_priv.h"

#define WORTH_A_LIMIT 0.01 /* of the user frames: with less, names of a module change nothing */

struct named {             /* what a place is in the profile */
	uint32_t first, n; /* frames, outermost first */
	bool unresolved;
};

struct naming {
	struct record *record;
	struct names *names;
	const struct progress *progress;
	struct arena *scratch;
	struct profile *profile;
	struct named *named; /* by place */
	VEC(frame_id) frames;
	bool *used;                 /* nodes of this stream, by node */
	uint64_t kernel_unresolved; /* frames over all samples */
	struct name_list list;
};

struct order { /* places file by file, by address */
	uint64_t key, vaddr;
	uint32_t place;
};

static int order_cmp(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

static uint64_t group_of(const struct place *p)
{
	return (uint64_t)p->kind << 32 | (p->kind == PLACE_MARKER ? 0 : p->object);
}

static struct order *places_sorted(struct arena *a, const struct record *r)
{
	struct order *o = arena_array(a, struct order, r->places.n);

	for (size_t i = 0; i < r->places.n; i++)
		o[i] = (struct order){ group_of(&r->places.v[i]), r->places.v[i].vaddr,
				       (uint32_t)i };
	if (r->places.n)
		qsort(o, r->places.n, sizeof(*o), order_cmp);
	return o;
}

/* Every file is read once, for all addresses that were hit in it. */
static void prepare(const struct naming *g, const struct order *o)
{
	const struct record *r = g->record;
	uint64_t *vaddr = arena_array(g->scratch, uint64_t, r->places.n);
	size_t end;

	for (size_t i = 0; i < r->places.n; i = end) {
		const struct place *p = &r->places.v[o[i].place];
		for (end = i; end < r->places.n && o[end].key == o[i].key; end++)
			vaddr[end - i] = o[end].vaddr;
		if (p->kind != PLACE_FILE)
			continue;
		const struct binary *b = binaries_at(r->binaries, p->object);
		progress_show(g->progress, S("names"), (double)i / (double)r->places.n, STR_FMT,
			      STR_ARG(b->path));
		names_prepare(g->names, p->object, vaddr, end - i);
	}
}

static frame_id frame_of(const struct naming *g, const struct name *n, uint64_t seen)
{
	uint64_t address = n->start ? n->start : seen;
	struct profile *p = g->profile;
	struct frame f = { .module = profile_string(p, n->module),
			   .file = profile_string(p, n->file),
			   .function = profile_string(p, n->function),
			   .line = n->line,
			   .kind = n->kind,
			   .address = n->function.n ? 0 : address };

	return profile_frame(p, &f);
}

static void marker(struct naming *g, const struct place *p)
{
	struct str name = S("[truncated]");

	if (p->vaddr == MARKER_INCOMPLETE)
		name = S("[incomplete]");
	if (p->vaddr == MARKER_THREAD) {
		struct str thread = g->record->names.v[p->object];
		name = arena_printf(g->scratch, "[thread " STR_FMT "]",
				    STR_ARG(thread.n ? thread : S("without a name")));
	}
	struct frame f = { .function = profile_string(g->profile, name), .kind = FRAME_MARKER };
	*vec_add(g->scratch, &g->frames) = profile_frame(g->profile, &f);
}

/* Without symbols kernel addresses say nothing, and change with every boot: one frame for all. */
static struct name kernel_frame(void)
{
	return (struct name){ .function = S("[kernel]"),
			      .module = S("[kernel]"),
			      .kind = FRAME_KERNEL };
}

static void name_place(struct naming *g, uint32_t place)
{
	const struct place *p = &g->record->places.v[place];
	struct named *d = &g->named[place];
	struct name_list *l = &g->list;

	d->first = (uint32_t)g->frames.n;
	l->n = 0;
	switch (p->kind) {
	case PLACE_FILE:
		names_file(g->names, p->object, p->vaddr, l);
		break;
	case PLACE_JIT:
		names_jit(g->names, p->object, p->vaddr, p->seen_ns, l);
		break;
	case PLACE_KERNEL:
		names_kernel(g->names, p->vaddr, l);
		break;
	case PLACE_MARKER:
		marker(g, p);
		break;
	}
	d->unresolved = l->n > 0 && l->v[l->n - 1].function.n == 0;
	if (d->unresolved && p->kind == PLACE_KERNEL)
		l->v[l->n - 1] = kernel_frame();
	for (size_t i = l->n; i-- > 0;) {
		struct name *n = &l->v[i];
		if (p->kind == PLACE_KERNEL)
			n->kind = FRAME_KERNEL;
		*vec_add(g->scratch, &g->frames) = frame_of(g, n, p->vaddr);
	}
	d->n = (uint32_t)g->frames.n - d->first;
}

static void mark_used(struct naming *g, const struct stream *s)
{
	const struct record *r = g->record;

	g->used = arena_array(g->scratch, bool, r->nodes.n);
	for (size_t i = 0; i < s->rows.n; i++)
		g->used[s->rows.v[i].node] = true;
	for (size_t i = r->nodes.n; i-- > 1;)
		if (g->used[i])
			g->used[r->nodes.v[i].parent] = true;
}

/* Nodes to stacks. Nameless kernel frames in a row are one. False: the run's memory is full. */
static bool build_stacks(struct naming *g, stack_id *stack)
{
	const struct record *r = g->record;
	struct profile *p = g->profile;

	for (size_t i = 1; i < r->nodes.n; i++) {
		const struct named *d = &g->named[r->nodes.v[i].place];
		stack_id s = stack[r->nodes.v[i].parent];
		if (!g->used[i])
			continue;
		if (!g->frames.v || !profile_fits(p, 0))
			return false;
		for (uint32_t k = 0; k < d->n; k++) {
			frame_id f = g->frames.v[d->first + k];
			bool again = p->stacks[s.i].frame.i == f.i && d->unresolved &&
				     p->frames[f.i].kind == FRAME_KERNEL;
			s = again ? s : profile_stack(p, s, f);
		}
		stack[i] = s;
	}
	return true;
}

static label_id label_chain(struct profile *p, const struct record *r, uint32_t label)
{
	const struct thread_label *t = &r->labels.v[label];
	label_id l = { 0 };

	if (label == 0)
		return l;
	if (t->tid)
		l = profile_label(p, l, S("tid"), S(""), t->tid);
	if (t->tid && t->thread)
		l = profile_label(p, l, S("thread"), r->names.v[t->thread], 0);
	l = profile_label(p, l, S("pid"), S(""), t->pid);
	if (t->process)
		l = profile_label(p, l, S("process"), r->names.v[t->process], 0);
	return l;
}

/* By node: how many kernel frames without a name lie between it and the root. */
static uint32_t *kernel_nameless(const struct naming *g)
{
	const struct record *r = g->record;
	uint32_t *d = arena_array(g->scratch, uint32_t, r->nodes.n);

	for (size_t i = 1; i < r->nodes.n; i++) {
		const struct node *n = &r->nodes.v[i];
		d[i] = d[n->parent];
		if (r->places.v[n->place].kind == PLACE_KERNEL && g->named[n->place].unresolved)
			d[i]++;
	}
	return d;
}

/* The rows; returns how many samples did not fit. */
static uint64_t add_rows(struct naming *g, const struct stream *s, const stack_id *stack)
{
	const struct record *r = g->record;
	const uint32_t *kernel = kernel_nameless(g);
	label_id *label = arena_array(g->scratch, label_id, r->labels.n);
	uint64_t zero = r->sink.began_ns < r->least_ns ? r->sink.began_ns : r->least_ns;

	for (uint32_t i = 1; i < r->labels.n; i++)
		label[i] = label_chain(g->profile, r, i);
	for (size_t i = 0; i < s->rows.n; i++) {
		const struct row *row = &s->rows.v[i];
		if (!profile_fits(g->profile, 0))
			return s->rows.n - i;
		profile_add(g->profile, stack[row->node], label[row->label],
			    &s->values.v[i * s->n_kinds], (int64_t)(row->time_ns - zero));
		/* A row stands for one sample, or for as many as its count says. */
		uint64_t n =
			s->kind[0].unit == UNIT_COUNT ? (uint64_t)s->values.v[i * s->n_kinds] : 1;
		if (g->named[r->nodes.v[row->node].place].unresolved)
			g->profile->loss.unresolved += n;
		g->kernel_unresolved += kernel[row->node] * n;
	}
	return 0;
}

static void add_series(const struct record *r, const struct stream *s, struct run *into)
{
	struct series *x = arena_make(into->arena, struct series);
	uint64_t zero = r->sink.began_ns < s->points.v[0].time_ns ? r->sink.began_ns
								  : s->points.v[0].time_ns;

	x->name = arena_str(into->arena, s->name);
	x->unit = s->n_kinds ? s->kind[0].unit : UNIT_NONE;
	x->loss = s->loss;
	x->t_ns = arena_array(into->arena, int64_t, s->points.n);
	x->v = arena_array(into->arena, double, s->points.n);
	for (size_t i = 0; i < s->points.n; i++) {
		int64_t t = (int64_t)(s->points.v[i].time_ns - zero);
		if (x->n && t <= x->t_ns[x->n - 1]) {
			x->loss.dropped++; /* out of order: a series only rises */
			continue;
		}
		x->t_ns[x->n] = t;
		x->v[x->n++] = s->points.v[i].v;
	}
	*vec_add(into->arena, &into->series) = x;
}

static unsigned main_kind(const struct stream *s)
{
	for (unsigned k = 0; k < s->n_kinds; k++)
		if (s->kind[k].unit == UNIT_NS)
			return k;
	return 0;
}

static int add_profile(struct naming *g, const struct stream *s, struct run *into, struct err *err)
{
	struct record *r = g->record;
	auto_arena scratch = arena_open("naming a recording", SIZE_MAX / 2);
	stack_id *stack = arena_array(scratch, stack_id, r->nodes.n);

	g->scratch = scratch;
	g->frames.v = NULL;
	g->frames.n = g->frames.cap = 0;
	g->named = arena_array(scratch, struct named, r->places.n ? r->places.n : 1);
	g->profile = profile_new(into->arena, into->target.n ? into->target : s->name, s->kind,
				 s->n_kinds, r->options.timed);
	g->profile->main_kind = main_kind(s);
	g->profile->period_ns = r->sink.period_ns;
	g->profile->duration_ns =
		into->wall_ns > 0 ? into->wall_ns : (int64_t)(r->last_ns - r->least_ns);
	g->profile->loss = s->loss;
	mark_used(g, s);
	bool *asked = arena_array(scratch, bool, r->places.n ? r->places.n : 1);
	for (size_t i = 1; i < r->nodes.n; i++) {
		uint32_t place = r->nodes.v[i].place;
		if (!g->used[i] || asked[place])
			continue;
		asked[place] = true;
		if (!profile_fits(g->profile, 65536))
			return err_set(err, -E2BIG,
				       "the names of this recording need too much memory");
		name_place(g, place);
	}
	if (!build_stacks(g, stack))
		return err_set(err, -E2BIG, "the stacks of this recording need too much memory");
	g->profile->loss.dropped += add_rows(g, s, stack);
	profile_sort(g->profile);
	run_add_profile(into, g->profile);
	return 0;
}

/* By module, of the frames in user space: those without a name, weighed by samples. */
struct missing {
	const struct names_gap *gap;
	uint64_t frames;
};

static int missing_cmp(const void *a, const void *b)
{
	const struct missing *x = a, *y = b;

	return (x->frames < y->frames) - (x->frames > y->frames);
}

/* Returns how many user frames there are in all samples; *RET, by string: the nameless ones. */
static uint64_t count_nameless(const struct naming *g, uint64_t **ret)
{
	const struct profile *p = g->profile;
	uint64_t *samples = arena_array(g->scratch, uint64_t, p->n_stacks), all = 0;
	uint64_t *by_module = arena_array(g->scratch, uint64_t, p->n_strings);

	for (size_t i = 0; i < p->sample.n_rows; i++)
		samples[p->sample.stack[i].i]++;
	for (size_t i = p->n_stacks; i-- > 1;) {
		const struct frame *f = &p->frames[p->stacks[i].frame.i];
		samples[p->stacks[i].parent.i] += samples[i];
		if (f->kind == FRAME_KERNEL || f->kind == FRAME_MARKER)
			continue;
		all += samples[i];
		if (!f->function.i)
			by_module[f->module.i] += samples[i];
	}
	*ret = by_module;
	return all;
}

/* What matters most first; what hardly matters is summed up. */
static void limit_nameless(const struct naming *g, struct run *into)
{
	const struct names_gap *gap;
	size_t n = names_gaps(g->names, &gap), n_small = 0;
	struct missing *m = arena_array(g->scratch, struct missing, n + 1);
	uint64_t *by_module, small = 0, all = count_nameless(g, &by_module);

	for (size_t i = 0; i < n; i++) {
		m[i].gap = &gap[i];
		if (str_eq(gap[i].module, S("[kernel]")))
			continue;
		for (size_t s = 1; s < g->profile->n_strings && gap[i].addresses; s++)
			if (by_module[s] && str_eq(g->profile->strings[s], gap[i].module)) {
				m[i].frames += by_module[s];
				by_module[s] = 0; /* two files of one name: told once */
			}
	}
	for (size_t s = 0; s < g->profile->n_strings; s++) { /* no gap is known for these */
		small += by_module[s];
		n_small += by_module[s] > 0;
	}
	if (n)
		qsort(m, n, sizeof(*m), missing_cmp);
	for (size_t i = 0; i < n && all && m[i].frames; i++) {
		double share = (double)m[i].frames / (double)all;
		if (share < WORTH_A_LIMIT) {
			small += m[i].frames;
			n_small++;
			continue;
		}
		run_add_limit(into,
			      arena_printf(into->arena,
					   "%.2g %% of the user frames are nameless functions "
					   "of " STR_FMT,
					   share * 100, STR_ARG(m[i].gap->module)),
			      m[i].gap->why, m[i].gap->remedy);
	}
	if ((double)small >= WORTH_A_LIMIT / 2 * (double)all && small)
		run_add_limit(into,
			      arena_printf(into->arena,
					   "%.2g %% of the user frames have no name, in %zu "
					   "module%s",
					   (double)small / (double)all * 100, n_small,
					   n_small == 1 ? "" : "s"),
			      S("no symbol covers their addresses"), S(""));
	for (size_t i = 0; i < n && g->kernel_unresolved; i++)
		if (str_eq(gap[i].module, S("[kernel]")))
			run_add_limit(into, S("kernel functions have no names"), gap[i].why,
				      gap[i].remedy);
}

static void limit_memory(const struct record *r, struct run *into)
{
	if (r->dropped_full) {
		struct str what = arena_printf(into->arena, "%llu samples were dropped",
					       (unsigned long long)r->dropped_full);
		struct str why = arena_printf(into->arena,
					      "the recording reached its limit of %zu MB; record "
					      "for a shorter time, or with a lower -F",
					      r->options.limit_bytes >> 20);
		run_add_limit(into, what, why, S(""));
	}
	if (r->maps_lost) {
		struct str what =
			arena_printf(into->arena,
				     "%llu mappings were not kept: addresses in them have no "
				     "name",
				     (unsigned long long)r->maps_lost);
		run_add_limit(into, what,
			      S("the processes map more than the limit of memory allows"), S(""));
	}
}

int record_finish(struct record *r, struct names *n, const struct progress *progress,
		  struct run *into, struct err *err)
{
	auto_arena scratch = arena_open("addresses by file", SIZE_MAX / 2);
	struct naming *g = arena_make(scratch, struct naming);

	*g = (struct naming){ .record = r, .names = n, .progress = progress, .scratch = scratch };
	prepare(g, places_sorted(scratch, r));
	for (size_t i = 0; i < r->streams.n; i++) {
		const struct stream *s = &r->streams.v[i];
		if (s->points.n)
			add_series(r, s, into);
		if (s->points.n && !s->rows.n)
			continue;
		int rc = add_profile(g, s, into, err);
		if (rc < 0)
			return rc;
	}
	g->scratch = scratch;
	if (g->profile)
		limit_nameless(g, into);
	limit_memory(r, into);
	progress_show(progress, S("names"), 1, "%zu addresses", r->places.n);
	return 0;
}
