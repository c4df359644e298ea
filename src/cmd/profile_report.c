/* The order of a profile's sections: what it is, what it comes to, why, and how far to trust it. */
#include "cmd/profile_report.h"

#include <math.h>

#include "analyse/top.h"
#include "analyse/verdict.h"
#include "model/quantity.h"
#include "model/sink.h"

#define ROWS           100 /* in JSON and the page */
#define ROWS_SELF      8   /* in text */
#define ROWS_TOTAL     5
#define ROWS_PATH      5
#define ROWS_FEW       4
#define LIMITS_SHOWN   2
#define LINE_MAX_BYTES 4096

void profile_report_say(struct report *out, struct arena *a, struct str id, struct str heading,
			struct str sentence)
{
	if (!sentence.n)
		return;
	*report_section(out, a) = (struct section){
		.id = id, .block = BLOCK_SENTENCE, .heading = heading, .sentence = sentence
	};
}

static void put(struct buf *out, double v, enum unit unit)
{
	quantity_put(out, (struct quantity){ v, unit });
}

static struct str head(struct arena *a, const struct run *r, const struct weights *w)
{
	const struct profile *p = w->profile;
	int64_t duration = p->duration_ns > 0 ? p->duration_ns : r->wall_ns;
	auto_buf out = BUF(LINE_MAX_BYTES);

	buf_put(&out, r->target.n ? r->target : p->name);
	buf_put(&out, S(": "));
	if (w->all.samples > 0) {
		put(&out, (double)w->all.samples, UNIT_COUNT);
		buf_put(&out, w->all.samples == 1 ? S(" sample, ") : S(" samples, "));
	}
	if (w->kind.unit != UNIT_COUNT || w->all.samples == 0) {
		put(&out, (double)w->all.value,
		    w->kind.unit == UNIT_NONE ? UNIT_COUNT : w->kind.unit);
		buf_printf(&out, " of " STR_FMT ", ", STR_ARG(verdict_subject(w)));
	}
	if (duration > 0) {
		put(&out, (double)duration, UNIT_NS);
		buf_put(&out, S(" watched"));
		if (p->period_ns > 0 && str_find(r->source, S(" Hz")) == r->source.n)
			buf_printf(&out, " at %.0f Hz", 1e9 / (double)p->period_ns);
		buf_put(&out, S(", "));
	}
	buf_put(&out, r->source.n ? r->source : S("source not known"));
	return arena_str(a, buf_str(&out));
}

static struct section *table_section(struct report *out, struct arena *a, struct str id,
				     struct str heading, const struct table *t)
{
	struct section *s = report_section(out, a);

	*s = (struct section){ .id = id, .block = BLOCK_TABLE, .heading = heading, .table = t };
	return s;
}

static void running(struct report *out, struct arena *a, struct str id, struct str heading,
		    const struct table *t)
{
	if (!t || !t->n_rows)
		return;
	struct section *s = table_section(out, a, id, heading, t);
	s->between = S(", ");
	s->limit = ROWS_FEW;
}

static void plateau(struct report *out, struct arena *a, const struct weights *w, uint32_t f)
{
	const struct function *fn = &w->function[f];
	struct str module = weights_module(w, f);
	auto_buf text = BUF(LINE_MAX_BYTES);

	verdict_put_name(&text, weights_name(w, f));
	if (module.n && fn->name.i) /* else it is in what stands for the name */
		buf_printf(&text, " of " STR_FMT, STR_ARG(module));
	buf_put(&text, S(", "));
	quantity_put_share(&text, weights_share(w, fn->self.value));
	buf_put(&text, S(" in itself, "));
	quantity_put_share(&text, weights_share(w, fn->total.value));
	buf_put(&text, S(" with what it calls; called by"));
	running(out, a, S("plateau"), S("widest plateau"), top_callers(a, w, f, ROWS));
	out->section[out->n - 1].sentence = arena_str(a, buf_str(&text));
}

static void functions(struct report *out, struct arena *a, const struct weights *w, bool stacks)
{
	table_section(out, a, S("top"), S("most in itself"), top_functions(a, w, TOP_BY_SELF, ROWS))
		->limit = ROWS_SELF;
	if (!stacks)
		return;
	table_section(out, a, S("total"), S("most with what it calls"),
		      top_functions(a, w, TOP_BY_TOTAL, ROWS))
		->limit = ROWS_TOTAL;
	const struct table *path = top_path(a, w);
	if (!path->n_rows)
		return;
	struct section *s = table_section(out, a, S("path"), S("hottest path"), path);
	s->between = S(" ← ");
	s->limit = ROWS_PATH;
}

static void tables(struct report *out, struct arena *a, const struct weights *w,
		   const struct profile_report *o)
{
	const struct table *modules = top_modules(a, w, ROWS);
	const struct table *processes = top_labels(a, w, S("process"), S("pid"), ROWS);

	if (processes && processes->n_rows + processes->n_cut > 1)
		running(out, a, S("processes"), S("processes"), processes);
	running(out, a, S("threads"), S("threads"),
		top_labels(a, w, S("thread"), o->per_thread ? S("tid") : S(""), ROWS));
	if (!modules->n_rows || !str_eq(modules->cell[0].text, S("[unknown]")))
		running(out, a, S("modules"), S("modules"), modules);
}

static bool sees_kernel(const struct weights *w)
{
	for (uint32_t f = 1; f < w->n_functions; f++)
		if (w->function[f].kind == FRAME_KERNEL)
			return true;
	return false;
}

static struct str kernel(struct arena *a, const struct weights *w)
{
	auto_buf out = BUF(256);
	double share = top_kernel_share(w);

	if (isnan(share))
		return (struct str){ "", 0 };
	if (!sees_kernel(w))
		return S("no kernel frame is in this profile");
	quantity_put_share(&out, share);
	buf_printf(&out, " of " STR_FMT, STR_ARG(verdict_subject(w)));
	return arena_str(a, buf_str(&out));
}

static struct str cost(struct arena *a, const struct run *r)
{
	const struct cost *c = &r->cost;
	auto_buf out = BUF(1024);

	if (c->cpu_ns < 0)
		return (struct str){ "", 0 };
	put(&out, (double)c->cpu_ns, UNIT_NS);
	buf_put(&out, S(" of CPU time while recording"));
	if (r->wall_ns > 0) {
		buf_put(&out, S(" ("));
		quantity_put_share(&out, (double)c->cpu_ns / (double)r->wall_ns);
		buf_put(&out, S(" of one processor)"));
	}
	if (c->probe_p50_ns >= 0) {
		buf_put(&out, S(", a sample takes "));
		put(&out, (double)c->probe_p50_ns, UNIT_NS);
		if (c->probe_p99_ns >= 0) {
			buf_put(&out, S(" (99 %: "));
			put(&out, (double)c->probe_p99_ns, UNIT_NS);
			buf_put(&out, S(")"));
		}
	}
	if (c->rss_bytes) {
		buf_put(&out, S(", "));
		put(&out, (double)c->rss_bytes, UNIT_BYTES);
		buf_put(&out, S(" of memory"));
	}
	if (c->kernel_bytes) {
		buf_put(&out, S(" and "));
		put(&out, (double)c->kernel_bytes, UNIT_BYTES);
		buf_put(&out, S(" in the kernel"));
	}
	return arena_str(a, buf_str(&out));
}

static struct str loss(struct arena *a, const struct run *r, const struct weights *w)
{
	const struct loss *l = &w->profile->loss;
	uint64_t stacks = 0;
	auto_buf out = BUF(1024);

	put(&out, (double)l->dropped, UNIT_COUNT);
	buf_put(&out, S(" samples dropped, "));
	put(&out, (double)l->truncated, UNIT_COUNT);
	buf_put(&out, S(" stacks truncated, "));
	put(&out, (double)l->unresolved, UNIT_COUNT);
	buf_put(&out, S(" samples in nameless code"));
	for (unsigned i = 0; i < STACK__COUNT; i++)
		stacks += i == STACK_NONE ? 0 : r->stack_end[i];
	if (stacks) {
		buf_put(&out, S("; "));
		put(&out, (double)r->stack_end[STACK_ROOT] / (double)stacks, UNIT_RATIO);
		buf_put(&out, S(" of user stacks reach their root"));
	}
	return arena_str(a, buf_str(&out));
}

static void limit(struct report *out, struct arena *a, const struct limit *l)
{
	struct str remedy =
		l->remedy.n ? arena_printf(a, "; try:\n" STR_FMT, STR_ARG(l->remedy)) : S("");

	profile_report_say(out, a, S("limit"), S("limit"),
			   arena_printf(a, STR_FMT "%s" STR_FMT "%s" STR_FMT, STR_ARG(l->what),
					l->why.n ? " (" : "", STR_ARG(l->why), l->why.n ? ")" : "",
					STR_ARG(remedy)));
}

/* What one remedy lifts is shown once. */
static bool said_before(const struct run *r, size_t i)
{
	for (size_t k = 0; k < i && r->limits.v[i].remedy.n; k++)
		if (str_eq(r->limits.v[k].remedy, r->limits.v[i].remedy))
			return true;
	return false;
}

/* Those that can be lifted first; of a long list the rest is counted. */
static void limits(struct report *out, struct arena *a, const struct run *r)
{
	size_t n = r->limits.n, shown = 0;
	/* One that is left over is shown rather than counted. */
	size_t most = n > LIMITS_SHOWN + 1 ? LIMITS_SHOWN : n;

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n && shown < most; i++)
			if ((pass == 0) == (r->limits.v[i].remedy.n > 0) && !said_before(r, i)) {
				limit(out, a, &r->limits.v[i]);
				shown++;
			}
	if (n > shown)
		profile_report_say(out, a, S("limits"), S("limits"),
				   arena_printf(a, "%zu more; --format json has all", n - shown));
}

void profile_report(struct arena *a, const struct run *r, const struct profile_report *o,
		    struct report *out)
{
	const struct weights *w = weights_new(a, r->profiles.v[0]);
	struct verdict v = verdict_new(a, w);

	out->run = r;
	profile_report_say(out, a, S("head"), S(""), head(a, r, w));
	profile_report_say(out, a, S("verdict"), S(""), v.sentence);
	for (size_t i = 0; i < o->n_notes; i++)
		profile_report_say(out, a, S("note"), S(""), o->note[i]);
	if (v.plateau) {
		bool stacks = w->function[v.plateau].kind != FRAME_MARKER;
		if (stacks)
			plateau(out, a, w, v.plateau);
		functions(out, a, w, stacks);
		tables(out, a, w, o);
		profile_report_say(out, a, S("kernel"), S("kernel"), kernel(a, w));
	}
	profile_report_say(out, a, S("cost"), S("cost"), cost(a, r));
	profile_report_say(out, a, S("loss"), S("loss"), loss(a, r, w));
	limits(out, a, r);
	*report_section(out, a) = (struct section){
		.id = S("flame"),
		.block = BLOCK_FLAME,
		.heading = S("flame graph"),
		.about = { .kind = ART_PROFILE },
	};
	if (w->all.value <= 0 && out->exit == EXIT_FINE)
		out->exit = EXIT_UNSURE;
}
