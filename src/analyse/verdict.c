/* The shapes, from the one that makes all others worthless to the one without a culprit. */
#include "analyse/verdict.h"

#include <math.h>

#include "analyse/share.h"
#include "analyse/top.h"
#include "base/buf.h"
#include "model/quantity.h"

#define SENTENCE_MAX   4096
#define NAME_MAX_BYTES 72
#define MOSTLY         0.50 /* unresolved, kernel, caller: more than half is what it is about */
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

static void hot_own(struct buf *out, struct arena *a, const struct weights *w, uint32_t f)
{
	const struct weight self = w->function[f].self;
	const struct table *callers = top_callers(a, w, f, 2);
	const struct cell *first = callers->n_rows ? &callers->cell[0] : NULL;
	double part = first ? first[1].v / weights_share(w, self.value) : 0;

	put_head(out, w, self);
	put_function(out, w, f);
	/* Rows of callers are name, share, … ; a root has no caller, in brackets. */
	if (first && first[0].text.n && first[0].text.p[0] != '[') {
		if (part < MOSTLY)
			buf_put(out, S(" called from several places, most often"));
		else
			buf_put(out, S(" called"));
		buf_put(out, S(" from "));
		verdict_put_name(out, first[0].text);
	}
	put_interval(out, w, self);
	buf_put(out, S("."));
}

/* OWN with the libraries, runtimes and kernel calls under it; LEAF, when not 0, has most of that.
 */
static void hot_with_libraries(struct buf *out, const struct blame *b, uint32_t own, uint32_t leaf,
			       struct weight part)
{
	const struct weights *w = b->weights;

	put_head(out, w, b->whole[own]);
	put_function(out, w, own);
	buf_put(out, S(" and the library functions it calls"));
	put_interval(out, w, b->whole[own]);
	if (leaf) {
		buf_put(out, S(", most of it in "));
		put_function(out, w, leaf);
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

	if (own && (double)part.value > MOSTLY * (double)self.value) {
		hot_with_libraries(out, b, own, f, part);
		return;
	}
	put_head(out, w, self);
	put_function(out, w, f);
	if (module.n)
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
		buf_put(out, S(", most of it in "));
		put_function(out, w, leaf);
		buf_put(out, S(" ("));
		put_share(out, w, w->function[leaf].self);
		buf_put(out, S(")"));
	}
	if (own) {
		buf_put(out, S(", called from "));
		put_function(out, w, own);
		buf_put(out, S(" ("));
		put_share(out, w, behind);
		buf_put(out, S(")"));
	}
	buf_put(out, S("."));
}

static void unresolved(struct buf *out, const struct weights *w, uint32_t f)
{
	struct str module = weights_module(w, f);
	bool made = !module.n || str_eq(module, S("[jit]")) || str_starts(module, S("[anon"));

	put_head(out, w, w->function[f].self);
	if (made)
		buf_put(out, S("code made at run time that nobody names; let the runtime "
			       "write a perf map (node --perf-basic-prof, java "
			       "-XX:+DumpPerfMapAtExit, python3 -X perf)"));
	else if (str_eq(module, S("[kernel]")))
		buf_put(out, S("the kernel, whose names are hidden; run as root, or "
			       "sudo sysctl kernel.kptr_restrict=0"));
	else
		buf_printf(out,
			   STR_FMT ", which has no symbols, so its functions cannot be "
				   "told apart; install its debug symbols, or link it without -s",
			   STR_ARG(module));
	put_interval(out, w, w->function[f].self);
	buf_put(out, S("."));
}

/* All that has no name, and the module that has most of it. */
static struct weight nameless(const struct weights *w, uint32_t *ret_most)
{
	struct weight sum = { 0 };

	*ret_most = 0;
	for (uint32_t f = 1; f < w->n_functions; f++) {
		if (w->function[f].name.i)
			continue;
		weight_add(&sum, w->function[f].self);
		if (w->function[f].self.value > (*ret_most ? w->function[*ret_most].self.value : 0))
			*ret_most = f;
	}
	return sum;
}

static struct weight in_kernel(const struct weights *w)
{
	struct weight sum = { 0 };

	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].kind == FRAME_KERNEL)
			weight_add(&sum, w->function[f].self);
	return sum;
}

static void asides(struct buf *out, struct arena *a, const struct weights *w)
{
	const struct profile *p = w->profile;
	const struct table *threads = top_labels(a, w, S("thread"), S("tid"), 1);

	if (threads && threads->n_cut && threads->cell[1].v >= ONE_THREAD) {
		buf_printf(out, " One thread of %zu, ", threads->n_cut + 1);
		verdict_put_name(out, threads->cell[0].text);
		buf_put(out, S(", does "));
		quantity_put_share(out, threads->cell[1].v);
		buf_put(out, S(" of it."));
	}
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
	uint32_t module;

	if (weights_share(w, nameless(w, &module).value) >= MOSTLY) {
		unresolved(out, w, module);
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
		hot_with_libraries(out, &b, own, 0, whole);
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
