/* The shapes, from the one that makes all others worthless to the one without a culprit. */
#include "analyse/verdict.h"

#include <math.h>

#include "analyse/ranking.h"
#include "analyse/share.h"
#include "analyse/top.h"
#include "base/buf.h"
#include "model/quantity.h"

#define SENTENCE_MAX   4096
#define NAME_MAX_BYTES 72
#define MOSTLY         0.50 /* unresolved, kernel: more than half is what it is about */
#define ONE_CALLER     0.90 /* of a function: with less, no caller alone is the caller */
#define CALLERS_SHOWN  2
#define STANDS_OUT     0.10 /* a function with less is one of many */
#define BRANCH         0.25
#define IDLE           0.05 /* of one processor */
#define ONE_THREAD     0.90
#define ALL_OF_IT      0.95 /* in total: a main loop, which tells nothing */

struct str verdict_subject(const struct weights *w)
{
	if (str_eq(w->kind.name, S("cpu")) || w->kind.unit == UNIT_NS)
		return S("CPU time");
	return w->kind.name.n ? w->kind.name : S("samples");
}

static size_t character_start(struct str s, size_t at)
{
	while (at < s.n && ((unsigned char)s.p[at] & 0xc0) == 0x80)
		at++;
	return at;
}

void verdict_put_name(struct buf *out, struct str name)
{
	buf_put(out, S("`"));
	if (name.n <= NAME_MAX_BYTES) {
		buf_put(out, name);
	} else {
		buf_put(out, str_head(name, character_start(name, NAME_MAX_BYTES / 2)));
		buf_put(out, S("…"));
		buf_put(out, str_skip(name, character_start(name, name.n - NAME_MAX_BYTES / 2)));
	}
	buf_put(out, S("`"));
}

static void put_function(struct buf *out, const struct weights *w, uint32_t f)
{
	verdict_put_name(out, weights_name(w, f));
}

static void put_share(struct buf *out, const struct weights *w, struct weight part)
{
	quantity_put_share(out, weights_share(w, part.value));
}

static void put_interval(struct buf *out, const struct weights *w, struct weight part)
{
	if (weights_samples(w) <= 0)
		return;
	struct interval i = share_interval(weights_hits(w, part), weights_samples(w));
	buf_printf(out, " (95 %% interval %.0f–%.0f %%)", i.low * 100, i.high * 100);
}

/* "63 % of CPU time is in " */
static void put_head(struct buf *out, const struct weights *w, struct weight part)
{
	struct str subject = verdict_subject(w);

	put_share(out, w, part);
	buf_printf(out, " of " STR_FMT " %s in ", STR_ARG(subject),
		   str_eq(subject, S("samples")) ? "are" : "is");
}

static uint32_t widest(const struct weights *w)
{
	uint32_t best = 0;

	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].self.value > (best ? w->function[best].self.value : 0))
			best = f;
	return best;
}

/* ", called by `alpha` (50 %), `beta` (29 %) and 1 more" */
static void put_callers(struct buf *out, const struct weights *w, const struct ranking *callers)
{
	size_t n = 0, shown = 0;

	for (size_t i = 0; i < callers->n; i++)
		n += callers->v[i].id != 0; /* 0: it is the root of a stack */
	for (size_t i = 0; i < callers->n && shown < CALLERS_SHOWN; i++) {
		if (!callers->v[i].id)
			continue;
		buf_put(out, !shown ? S(", called by ") : shown + 1 < n ? S(", ") : S(" and "));
		put_function(out, w, callers->v[i].id);
		buf_put(out, S(" ("));
		put_share(out, w, callers->v[i].weight);
		buf_put(out, S(")"));
		shown++;
	}
	if (n > shown)
		buf_printf(out, " and %zu more", n - shown);
}

static void hot_own(struct buf *out, struct arena *a, const struct weights *w, uint32_t f)
{
	const struct weight self = w->function[f].self;
	struct ranking callers = ranking_new(a, top_caller_weights(a, w, f), w->n_functions);
	bool one = callers.n && callers.v[0].id &&
		   (double)callers.v[0].weight.value >= ONE_CALLER * (double)self.value;

	put_head(out, w, self);
	put_function(out, w, f);
	if (one) {
		buf_put(out, S(" called from "));
		put_function(out, w, callers.v[0].id);
	}
	put_interval(out, w, self);
	if (!one)
		put_callers(out, w, &callers);
	buf_put(out, S("."));
}

static bool is_most(struct weight part, struct weight whole)
{
	return (double)part.value > MOSTLY * (double)whole.value;
}

/* ", most of it in " */
static void put_most(struct buf *out, struct weight part, struct weight whole)
{
	buf_put(out, is_most(part, whole) ? S(", most of it in ") : S(", the largest part in "));
}

/* What LEAF does for OWN; of a nameless one, with all that has no name in its module. */
static struct weight leaf_for(const struct blame *b, uint32_t own, uint32_t leaf)
{
	const struct weights *w = b->weights;
	const struct function *l = &w->function[leaf];
	struct weight sum = { 0 };

	for (size_t s = 1; s < w->profile->n_stacks; s++) {
		uint32_t f = w->function_of[s];
		bool alike = !l->name.i && !w->function[f].name.i &&
			     w->function[f].module.i == l->module.i;
		if (b->behind[s] == own && (f == leaf || alike))
			weight_add(&sum, w->self[s]);
	}
	return sum;
}

static struct weight kernel_for(const struct blame *b, uint32_t own)
{
	const struct weights *w = b->weights;
	struct weight sum = { 0 };

	for (size_t s = 1; s < w->profile->n_stacks; s++)
		if (b->behind[s] == own && w->function[w->function_of[s]].kind == FRAME_KERNEL)
			weight_add(&sum, w->self[s]);
	return sum;
}

/* OWN with the libraries, runtimes and kernel calls under it; LEAF, when not 0, has most of that.
 */
static void hot_with_libraries(struct buf *out, const struct blame *b, uint32_t own, uint32_t leaf)
{
	const struct weights *w = b->weights;

	put_head(out, w, b->whole[own]);
	put_function(out, w, own);
	buf_put(out, is_most(kernel_for(b, own), b->whole[own])
			     ? S(" and what the kernel does for it")
			     : S(" and the library functions it calls"));
	put_interval(out, w, b->whole[own]);
	if (leaf) {
		struct weight part = leaf_for(b, own, leaf);
		struct str head, module = str_cut_last(weights_module(w, leaf), '/', &head);
		put_most(out, part, b->whole[own]);
		if (w->function[leaf].name.i || !module.n)
			put_function(out, w, leaf);
		else
			buf_printf(out, "nameless functions of " STR_FMT, STR_ARG(module));
		buf_put(out, S(" ("));
		put_share(out, w, part);
		buf_put(out, S(")."));
	} else {
		buf_put(out, S("; in itself "));
		put_share(out, w, w->function[own].self);
		buf_put(out, S("."));
	}
}

/* A leaf that is not the program's: who is behind it is the news. */
static void hot_foreign(struct buf *out, struct arena *a, const struct blame *b, uint32_t f)
{
	const struct weights *w = b->weights;
	struct weight self = w->function[f].self, part = { 0 };
	uint32_t own = blame_behind(a, b, f, &part);
	struct str module = weights_module(w, f);

	if (own && is_most(part, self)) {
		hot_with_libraries(out, b, own, f);
		return;
	}
	put_head(out, w, self);
	put_function(out, w, f);
	if (module.n && w->function[f].name.i)
		buf_printf(out, " of " STR_FMT, STR_ARG(module));
	if (own) {
		buf_put(out, S(", called from several places, most often for "));
		put_function(out, w, own);
		buf_put(out, S(" ("));
		put_share(out, w, part);
		buf_put(out, S(")"));
	}
	put_interval(out, w, self);
	buf_put(out, S("."));
}

static void flat(struct buf *out, struct arena *a, const struct blame *b, uint32_t f)
{
	const struct weights *w = b->weights;
	struct str subject = verdict_subject(w);

	buf_printf(out, "No function stands out: the largest, ");
	put_function(out, w, f);
	buf_put(out, S(", has "));
	put_share(out, w, w->function[f].self);
	buf_printf(out, " of " STR_FMT " in itself", STR_ARG(subject));
	put_interval(out, w, w->function[f].self);
	buf_put(out, S("."));
	/* The deepest step of the hottest path that is still a branch, not a leaf among many. */
	const struct table *path = top_path(a, w);
	const struct cell *branch = NULL;
	for (size_t i = 0; i < path->n_rows && !branch; i++)
		if (path->cell[i * path->n_columns + 1].v >= BRANCH)
			branch = &path->cell[i * path->n_columns];
	if (!branch || branch[1].v >= ALL_OF_IT)
		return;
	buf_put(out, S(" The widest branch is "));
	verdict_put_name(out, branch[0].text);
	buf_put(out, S(" with all it calls: "));
	quantity_put_share(out, branch[1].v);
	buf_put(out, S("."));
}

static void kernel(struct buf *out, struct arena *a, const struct blame *b, struct weight part)
{
	const struct weights *w = b->weights;
	struct weight behind = { 0 };
	uint32_t leaf = 0, own = blame_behind_kernel(a, b, &behind);

	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].kind == FRAME_KERNEL && w->function[f].name.i &&
		    w->function[f].self.value > (leaf ? w->function[leaf].self.value : 0))
			leaf = f;
	put_head(out, w, part);
	buf_put(out, S("the kernel"));
	put_interval(out, w, part);
	if (leaf) {
		put_most(out, w->function[leaf].self, part);
		put_function(out, w, leaf);
		buf_put(out, S(" ("));
		put_share(out, w, w->function[leaf].self);
		buf_put(out, S(")"));
	}
	if (own) {
		buf_put(out, is_most(behind, part) ? S(", called from ")
						   : S(", called from several places, most often "
						       "for "));
		put_function(out, w, own);
		buf_put(out, S(" ("));
		put_share(out, w, behind);
		buf_put(out, S(")"));
	}
	buf_put(out, S("."));
}

/* Samples in code without a name that no named function of the program stands behind. main does
 * not count: everything is behind it. */
struct unexplained {
	struct weight all;
	struct weight part; /* in the module that has most of it */
	str_id module;
	uint32_t largest; /* function of that module */
	uint32_t start;   /* main, where it is behind most of the part; 0 */
};

static struct unexplained unexplained_find(struct arena *a, const struct blame *b)
{
	const struct weights *w = b->weights;
	const struct profile *p = w->profile;
	struct weight *by_module = arena_array(a, struct weight, p->n_strings);
	struct weight *by_function = arena_array(a, struct weight, w->n_functions);
	struct weight *by_start = arena_array(a, struct weight, w->n_functions);
	struct unexplained u = { 0 };

	for (size_t s = 1; s < p->n_stacks; s++) {
		uint32_t f = w->function_of[s], own = b->behind[s];
		if (!f || w->function[f].name.i ||
		    (w->function[own].name.i && !top_is_start(w, own)))
			continue;
		weight_add(&u.all, w->self[s]);
		weight_add(&by_module[w->function[f].module.i], w->self[s]);
		weight_add(&by_function[f], w->self[s]);
	}
	for (uint32_t m = 0; m < p->n_strings; m++)
		if (by_module[m].value > u.part.value) {
			u.part = by_module[m];
			u.module = (str_id){ m };
		}
	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].module.i == u.module.i &&
		    by_function[f].value > by_function[u.largest].value)
			u.largest = f;
	for (size_t s = 1; s < p->n_stacks; s++) {
		uint32_t f = w->function_of[s], own = b->behind[s];
		if (f && own && !w->function[f].name.i && w->function[own].name.i &&
		    w->function[f].module.i == u.module.i && top_is_start(w, own)) {
			weight_add(&by_start[own], w->self[s]);
			u.start = is_most(by_start[own], u.part) ? own : u.start;
		}
	}
	return u;
}

static void unresolved(struct buf *out, const struct weights *w, const struct unexplained *u)
{
	struct str head, path = profile_text(w->profile, u->module);
	struct str module = str_cut_last(path, '/', &head);
	bool made = !module.n || str_eq(module, S("[jit]")) || str_starts(module, S("[anon"));
	bool hidden = str_eq(module, S("[kernel]"));

	put_head(out, w, u->part);
	if (made)
		buf_put(out, S("code made at run time that nobody names; let the runtime "
			       "write a perf map (node --perf-basic-prof, java "
			       "-XX:+DumpPerfMapAtExit, python3 -X perf)"));
	else if (hidden)
		buf_put(out, S("the kernel, whose names are hidden; run as root, or "
			       "sudo sysctl kernel.kptr_restrict=0"));
	else
		buf_printf(out, "functions of " STR_FMT " that have no names", STR_ARG(module));
	put_interval(out, w, u->part);
	if (made || hidden) {
		buf_put(out, S("."));
		return;
	}
	if (u->largest && w->function[u->largest].address) {
		put_most(out, w->function[u->largest].self, u->part);
		put_function(out, w, u->largest);
		buf_put(out, S(" ("));
		put_share(out, w, w->function[u->largest].self);
		buf_put(out, S(")"));
	}
	if (u->start) {
		buf_put(out, S(", called from "));
		put_function(out, w, u->start);
	}
	buf_printf(out,
		   ". To see the names, install the debug symbols of " STR_FMT
		   " or build it without strip.",
		   STR_ARG(module));
}

static struct weight in_kernel(const struct weights *w)
{
	struct weight sum = { 0 };

	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].kind == FRAME_KERNEL)
			weight_add(&sum, w->function[f].self);
	return sum;
}

/* " One thread of 7, `worker`, does 95 % of it." */
static void put_one(struct buf *out, const char *what, const struct table *t)
{
	if (!t || !t->n_cut || t->cell[1].v < ONE_THREAD)
		return;
	buf_printf(out, " One %s of %zu, ", what, t->n_cut + 1);
	verdict_put_name(out, t->cell[0].text);
	buf_put(out, S(", does "));
	quantity_put_share(out, t->cell[1].v);
	buf_put(out, S(" of it."));
}

static void asides(struct buf *out, struct arena *a, const struct weights *w)
{
	const struct profile *p = w->profile;
	const struct table *processes = top_labels(a, w, S("process"), S("pid"), 1);

	/* Of several processes most have one thread: which thread it is would be no news. */
	if (processes && processes->n_cut)
		put_one(out, "process", processes);
	else
		put_one(out, "thread", top_labels(a, w, S("thread"), S("tid"), 1));
	if (w->kind.unit == UNIT_NS && p->duration_ns > 0 &&
	    (double)w->all.value < IDLE * (double)p->duration_ns) {
		buf_put(out, S(" The target used only "));
		quantity_put_share(out, (double)w->all.value / (double)p->duration_ns);
		buf_put(out, S(" of one processor: it mostly waits, and waiting is not in this "
			       "profile."));
	}
	if (w->all.samples > 0 && w->all.samples < SHARE_ROUGH)
		buf_printf(out,
			   " With %lld samples all percentages are rough; record longer (-d) or "
			   "faster (-F).",
			   (long long)w->all.samples);
}

/* Tier 3 knows who ran, not where. */
static void without_stacks(struct buf *out, const struct weights *w, uint32_t f)
{
	put_head(out, w, w->function[f].self);
	put_function(out, w, f);
	put_interval(out, w, w->function[f].self);
	buf_put(out, S("; there are no stacks to say in which functions."));
}

static enum verdict_shape judge(struct buf *out, struct arena *a, const struct weights *w,
				uint32_t plateau)
{
	struct blame b = blame_new(a, w);
	struct weight kernel_part = in_kernel(w), whole = { 0 };
	struct unexplained u = unexplained_find(a, &b);

	if (weights_share(w, u.all.value) >= MOSTLY) {
		unresolved(out, w, &u);
		return VERDICT_UNRESOLVED;
	}
	if (weights_share(w, kernel_part.value) >= MOSTLY) {
		kernel(out, a, &b, kernel_part);
		return VERDICT_KERNEL;
	}
	/* A function may stand out by what it makes libraries do, none of which does by itself. */
	uint32_t own = 0;
	for (uint32_t f = 1; f < w->n_functions; f++)
		if (b.whole[f].value > whole.value) {
			own = f;
			whole = b.whole[f];
		}
	if (weights_share(w, w->function[plateau].self.value) < STANDS_OUT &&
	    weights_share(w, whole.value) < STANDS_OUT) {
		flat(out, a, &b, plateau);
		return VERDICT_FLAT;
	}
	double self = weights_share(w, w->function[plateau].self.value);
	if (w->function[plateau].kind == FRAME_MARKER) {
		without_stacks(out, w, plateau);
		return VERDICT_HOT;
	}
	if (own && (self < STANDS_OUT || weights_share(w, whole.value) > 2 * self))
		hot_with_libraries(out, &b, own, 0);
	else if (b.foreign[plateau])
		hot_foreign(out, a, &b, plateau);
	else
		hot_own(out, a, w, plateau);
	return VERDICT_HOT;
}

struct verdict verdict_new(struct arena *a, const struct weights *w)
{
	auto_buf out = BUF(SENTENCE_MAX);
	struct verdict v = { .plateau = widest(w) };

	if (!v.plateau || w->all.value <= 0) {
		v.sentence = w->all.value > 0 ? S("There are samples, but none has a stack.")
					      : S("There is not one sample.");
		return v;
	}
	v.shape = judge(&out, a, w, v.plateau);
	asides(&out, a, w);
	v.rough = w->all.samples > 0 && w->all.samples < SHARE_ROUGH;
	v.sentence = arena_str(a, buf_str(&out));
	return v;
}
