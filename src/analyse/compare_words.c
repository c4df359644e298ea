/* A comparison as a sentence, a table and a gate. */
#include <math.h>

#include "analyse/compare.h"
#include "analyse/table.h"
#include "analyse/verdict.h"
#include "model/quantity.h"

#define SENTENCE_MAX 4096

static double per_second(const struct weights *w, int64_t value)
{
	return w->profile->duration_ns > 0 ? (double)value / ((double)w->profile->duration_ns / 1e9)
					   : (double)NAN;
}

static void put(struct buf *out, double v, enum unit unit)
{
	quantity_put(out, (struct quantity){ v, unit == UNIT_NONE ? UNIT_COUNT : unit });
}

static void put_change(struct buf *out, const struct comparison *in, const struct change *c)
{
	struct str subject = verdict_subject(in->after);

	verdict_put_name(out, c->name);
	buf_put(out, S(" "));
	quantity_put_share(out, c->share_before);
	buf_put(out, S(" → "));
	quantity_put_share(out, c->share_after);
	buf_printf(out, " of " STR_FMT " (95 %% interval of the change %+.1f to %+.1f pp)",
		   STR_ARG(subject), c->share_change.low * 100, c->share_change.high * 100);
}

/* "CPU time: 9.81 s before, 7.02 s after (-28.4 %), in 10.0 s and 10.0 s." */
static void put_totals(struct buf *out, const struct comparison *c)
{
	const struct weights *b = c->before, *a = c->after;
	double was = (double)b->all.value, is = (double)a->all.value;

	buf_printf(out, " In all ");
	put(out, was, b->kind.unit);
	buf_put(out, S(" before, "));
	put(out, is, a->kind.unit);
	buf_printf(out, " after (%+.1f %%)", (is / was - 1) * 100);
	if (b->profile->duration_ns > 0 && a->profile->duration_ns > 0) {
		buf_put(out, S(", in "));
		put(out, (double)b->profile->duration_ns, UNIT_NS);
		buf_put(out, S(" and "));
		put(out, (double)a->profile->duration_ns, UNIT_NS);
		buf_printf(out, ": per second watched %+.1f %%",
			   (per_second(a, a->all.value) / per_second(b, b->all.value) - 1) * 100);
	}
	buf_put(out, S("."));
}

struct str compare_sentence(struct arena *a, const struct comparison *c)
{
	auto_buf out = BUF(SENTENCE_MAX);
	struct str subject = verdict_subject(c->after);
	const struct change *more = NULL, *less = NULL;

	for (size_t i = 0; i < c->n_proven; i++) {
		if (!more && c->v[i].kind == CHANGE_MORE)
			more = &c->v[i];
		if (!less && c->v[i].kind == CHANGE_LESS)
			less = &c->v[i];
	}
	if (!c->tested) {
		buf_printf(&out, "The profiles do not say how many samples they have, so no change "
				 "can be told from chance.");
	} else if (!more && !less) {
		buf_printf(&out,
			   "No function's share of " STR_FMT
			   " changed by more than sampling noise explains (%lld and %lld samples, "
			   "%zu functions tested).",
			   STR_ARG(subject), (long long)c->before->all.samples,
			   (long long)c->after->all.samples, c->n_tested);
	} else {
		buf_printf(&out, "%zu of %zu functions changed by more than sampling noise.",
			   c->n_proven, c->n_tested);
		if (more) {
			buf_put(&out, S(" More: "));
			put_change(&out, c, more);
			buf_put(&out, S("."));
		}
		if (less) {
			buf_put(&out, S(" Less: "));
			put_change(&out, c, less);
			buf_put(&out, S("."));
		}
	}
	put_totals(&out, c);
	return arena_str(a, buf_str(&out));
}

/* clang-format off */
#define TEXT(k, h, w)   { .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .wide = w }
#define NUMBER(k, h, u) { .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .unit = u }
#define CHANGE(k, h, u, e) \
	{ .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .unit = u, \
	  .change = true, .extra = e }
#define EXTRA(k, h, u) \
	{ .key = { k, sizeof(k) - 1 }, .heading = { h, sizeof(h) - 1 }, .unit = u, .extra = true }
/* clang-format on */

static struct str kind_word(const struct change *c)
{
	if (isnan(c->p))
		return S("? few");
	switch (c->kind) {
	case CHANGE_MORE:
		return S("▲ more");
	case CHANGE_LESS:
		return S("▼ less");
	case CHANGE_NONE:
		break;
	}
	return S("= noise");
}

struct table *compare_table(struct arena *a, const struct comparison *c, size_t rows)
{
	static const struct column columns[] = {
		NUMBER("share_before", "was", UNIT_RATIO),
		NUMBER("share_after", "is", UNIT_RATIO),
		CHANGE("share_change", "change", UNIT_RATIO, false),
		TEXT("verdict", "verdict", false),
		TEXT("function", "function", true),
		NUMBER("value_before", "before", UNIT_COUNT),
		NUMBER("value_after", "after", UNIT_COUNT),
		CHANGE("change_low", "change, low", UNIT_RATIO, true),
		CHANGE("change_high", "change, high", UNIT_RATIO, true),
		EXTRA("p", "p, adjusted", UNIT_COUNT),
		EXTRA("samples_before", "samples before", UNIT_COUNT),
		EXTRA("samples_after", "samples after", UNIT_COUNT),
		EXTRA("per_second_before", "per second, before", UNIT_COUNT),
		EXTRA("per_second_after", "per second, after", UNIT_COUNT),
		{ .key = { "module", 6 }, .heading = { "module", 6 }, .extra = true },
	};
	size_t n = c->n < rows ? c->n : rows;
	struct table *t = table_new(a, columns, sizeof(columns) / sizeof(columns[0]), n);
	enum unit unit = c->after->kind.unit == UNIT_NONE ? UNIT_COUNT : c->after->kind.unit;

	t->n_cut = c->n - n;
	t->column[5].heading = arena_printf(a, STR_FMT " was", STR_ARG(c->after->kind.name));
	t->column[6].heading = arena_printf(a, STR_FMT " is", STR_ARG(c->after->kind.name));
	/* Counts of samples say nothing that the shares do not. */
	t->column[5].extra = t->column[6].extra = unit == UNIT_COUNT;
	t->column[5].unit = t->column[6].unit = t->column[12].unit = t->column[13].unit = unit;
	for (size_t i = 0; i < n; i++) {
		const struct change *x = &c->v[i];
		struct cell *r = table_row(t, i);
		r[0].v = x->share_before;
		r[1].v = x->share_after;
		r[2].v = x->share_after - x->share_before;
		r[3].text = kind_word(x);
		r[4].text = x->name;
		r[5].v = (double)x->self_before.value;
		r[6].v = (double)x->self_after.value;
		r[7].v = c->tested ? x->share_change.low : (double)NAN;
		r[8].v = c->tested ? x->share_change.high : (double)NAN;
		r[9].v = x->p;
		r[10].v = c->tested ? (double)x->self_before.samples : (double)NAN;
		r[11].v = c->tested ? (double)x->self_after.samples : (double)NAN;
		r[12].v = per_second(c->before, x->self_before.value);
		r[13].v = per_second(c->after, x->self_after.value);
		r[14].text = x->module;
	}
	return t;
}

enum gate compare_gate(struct arena *a, const struct comparison *c, double more,
		       struct str *sentence)
{
	const struct change *worst = NULL;
	enum gate gate = GATE_PASSED;
	auto_buf out = BUF(SENTENCE_MAX);

	for (size_t i = 0; i < c->n; i++) {
		const struct change *x = &c->v[i];
		enum gate here = x->share_after - x->share_before <= more ? GATE_PASSED
				 : c->tested && x->kind == CHANGE_MORE && x->share_change.low > more
					 ? GATE_FAILED
					 : GATE_UNDECIDED;
		if (here > gate) {
			gate = here;
			worst = x;
		}
	}
	switch (gate) {
	case GATE_PASSED:
		buf_printf(&out, "Passed: no share grew by more than %.3g pp.", more * 100);
		break;
	case GATE_UNDECIDED:
		buf_printf(&out, "Undecided: more than %.3g pp were seen, which may be chance: ",
			   more * 100);
		break;
	case GATE_FAILED:
		buf_printf(&out, "Failed: a share grew by more than %.3g pp: ", more * 100);
		break;
	}
	if (worst) {
		put_change(&out, c, worst);
		buf_put(&out, S("."));
	}
	*sentence = arena_str(a, buf_str(&out));
	return gate;
}
