/*
 * svg: one rectangle a frame that is at least a thousandth of the whole, the root on top. Colours
 * are classes, so that the picture follows the reader's light or dark scheme.
 */
#include "present/svg/svg.h"

#include "present/flame/flame.h"
#include "present/text/escape.h"

#include <inttypes.h>
#include <math.h>

#define WIDTH     1200.0
#define ROW       17.0
#define HEAD      58.0 /* the sentence and what was measured */
#define FOOT      30.0
#define LETTER    6.3 /* the width of one at 10.5 pixels, monospace; a little too much */
#define NARROWEST 0.001
#define TITLE_MAX 400u /* columns of a name in a tooltip */

struct picture {
	const struct flame *f;
	struct str name; /* what was profiled */
	struct buf *out;
	int64_t *total,
		*base; /* by node, of the main kind; base is NULL when nothing is compared */
	double all, scale;
	double factor; /* what one of the base is worth, so that both sides weigh the same */
	size_t drawn, left_out;
	uint32_t deepest;
};

static void put_xml(struct buf *out, struct str s)
{
	while (s.n) {
		size_t n = 0;

		while (n < s.n && s.p[n] != '&' && s.p[n] != '<' && s.p[n] != '>' && s.p[n] != '"')
			n++;
		buf_put(out, str_head(s, n));
		s = str_skip(s, n);
		if (!s.n)
			break;
		buf_put(out, s.p[0] == '&'   ? S("&amp;")
			     : s.p[0] == '<' ? S("&lt;")
			     : s.p[0] == '>' ? S("&gt;")
					     : S("&quot;"));
		s = str_skip(s, 1);
	}
}

/* S in at most COLUMNS of plain, visible characters. */
static void put_text(struct buf *out, struct str s, size_t columns)
{
	auto_buf plain = BUF(1 << 16);

	escape_fit(&plain, s, columns);
	put_xml(out, buf_str(&plain));
}

static void sum_totals(struct picture *d, struct arena *a)
{
	const struct flame *f = d->f;
	unsigned kinds = f->profile->n_kinds, main_kind = f->profile->main_kind;
	uint32_t *open = arena_array(a, uint32_t, f->n_nodes + 1);
	uint32_t *parent = arena_array(a, uint32_t, f->n_nodes);

	for (size_t i = 0; i < f->spent.n; i++) {
		bool base = d->base && f->thread[f->spent.thread[i]].base;
		int64_t *at = &(base ? d->base : d->total)[f->spent.node[i]];

		*at = flame_plus(*at, f->spent.value[i * kinds + main_kind]);
	}
	for (uint32_t i = 0; i < f->n_nodes; i++) {
		parent[i] = f->depth[i] ? open[f->depth[i] - 1] : 0;
		open[f->depth[i]] = i;
	}
	for (size_t i = f->n_nodes; i-- > 1;) {
		d->total[parent[i]] = flame_plus(d->total[parent[i]], d->total[i]);
		if (d->base)
			d->base[parent[i]] = flame_plus(d->base[parent[i]], d->base[i]);
	}
}

/* How wide: its total; of a comparison the mean of both sides, so that what is gone is seen. */
static double weight(const struct picture *d, size_t node)
{
	if (!d->base)
		return (double)d->total[node];
	return ((double)d->total[node] + (double)d->base[node] * d->factor) / 2;
}

static double change(const struct picture *d, size_t node)
{
	return ((double)d->total[node] - (double)d->base[node] * d->factor) / d->all;
}

static const char *colour(const struct picture *d, size_t node)
{
	static const char *const kinds[] = { "n", "k", "i", "s", "m" };
	static const char *const changes[] = { "l3", "l2", "l1", "o", "r1", "r2", "r3" };
	double c;

	if (!node)
		return "o";
	if (!d->base)
		return kinds[d->f->line[d->f->function[d->f->function_of[node]].first_line +
					d->f->line_of[node]]
				     .kind];
	c = change(d, node);
	return changes[3 + (c > 0 ? 1 : -1) * (fabs(c) > 0.05    ? 3
					       : fabs(c) > 0.01  ? 2
					       : fabs(c) > 0.001 ? 1
								 : 0)];
}

static struct str node_name(const struct picture *d, size_t node)
{
	const struct flame *f = d->f;

	if (node)
		return f->function[f->function_of[node]].name;
	return d->name.n ? d->name : S("all");
}

static void put_amount(struct buf *out, const struct value_kind *kind, double v)
{
	if (kind->unit == UNIT_NS)
		buf_printf(out, "%.4g s", v / 1e9);
	else if (kind->unit == UNIT_BYTES)
		buf_printf(out, "%.4g MB", v / 1e6);
	else
		buf_printf(out, "%.0f ", v);
	if (kind->unit == UNIT_COUNT || kind->unit == UNIT_NONE)
		put_text(out, kind->name, 40);
}

static void put_title(struct picture *d, size_t node)
{
	const struct flame *f = d->f;
	const struct profile *p = f->profile;
	struct str module = node ? f->function[f->function_of[node]].module : S("");

	buf_put(d->out, S("<title>"));
	put_text(d->out, node_name(d, node), TITLE_MAX);
	if (module.n) {
		buf_put(d->out, S(" ("));
		put_text(d->out, module, TITLE_MAX);
		buf_put(d->out, S(")"));
	}
	buf_printf(d->out, ": %.2f %%, ", 100 * (double)d->total[node] / d->all);
	put_amount(d->out, &p->kind[p->main_kind], (double)d->total[node]);
	if (d->base)
		buf_printf(d->out, ", was %.2f %%",
			   100 * (double)d->base[node] * d->factor / d->all);
	buf_put(d->out, S("</title>"));
}

static void put_frame(struct picture *d, size_t node, double x)
{
	double width = weight(d, node) * d->scale, y = HEAD + d->f->depth[node] * ROW;
	double room = (width - 6) / LETTER;

	buf_printf(d->out, "<g class=\"%s\">", colour(d, node));
	put_title(d, node);
	buf_printf(d->out, "<rect x=\"%.2f\" y=\"%.0f\" width=\"%.2f\" height=\"%.0f\" rx=\"1\"/>",
		   x, y, width > 1.5 ? width - 0.5 : width, ROW - 1);
	if (room >= 3) {
		buf_printf(d->out, "<text x=\"%.2f\" y=\"%.1f\">", x + 3, y + 12);
		put_text(d->out, node_name(d, node), (size_t)room);
		buf_put(d->out, S("</text>"));
	}
	buf_put(d->out, S("</g>\n"));
	d->drawn++;
	if (d->f->depth[node] > d->deepest)
		d->deepest = d->f->depth[node];
}

/* Left edges: a child starts where the siblings before it end; next[d] is that place at depth d. */
static void put_frames(struct picture *d, struct arena *a)
{
	const struct flame *f = d->f;
	double *next = arena_array(a, double, f->n_nodes + 2);

	for (size_t i = 0; i < f->n_nodes; i++) {
		uint32_t depth = f->depth[i];
		double x = next[depth], wide = weight(d, i);

		next[depth] = x + (wide > 0 ? wide : 0) * d->scale;
		next[depth + 1] = x;
		if (wide >= NARROWEST * d->all && d->all > 0)
			put_frame(d, i, x);
		else if (wide > 0)
			d->left_out++;
	}
}

static void put_style(struct buf *out)
{
	buf_put(out, S("<style>"
		       "svg{background:#fff;font:10.5px ui-monospace,Menlo,Consolas,'DejaVu Sans "
		       "Mono',monospace}"
		       "text{fill:#161512;white-space:pre}.h{font:600 17px system-ui,'DejaVu "
		       "Sans',sans-serif}"
		       ".t{font:12px system-ui,'DejaVu Sans',sans-serif;fill:#5e594f}"
		       ".n rect{fill:hsl(38 90% 68%)}.k rect{fill:hsl(202 76% 74%)}"
		       ".i rect{fill:hsl(162 48% 66%)}.s rect{fill:hsl(326 58% 79%)}"
		       ".m rect,.o rect{fill:hsl(40 6% 80%)}"
		       ".r1 rect{fill:hsl(18 60% 82%)}.r2 rect{fill:hsl(18 78% 74%)}.r3 "
		       "rect{fill:hsl(18 88% 65%)}"
		       ".l1 rect{fill:hsl(206 60% 84%)}.l2 rect{fill:hsl(206 72% 76%)}.l3 "
		       "rect{fill:hsl(206 80% 66%)}"
		       "g:hover rect{stroke:#111;stroke-width:1}"
		       "@media(prefers-color-scheme:dark){svg{background:#16181c}.h{fill:#ebe8e1}."
		       "t{fill:#aaa69c}"
		       "rect{filter:brightness(.9)}g:hover rect{stroke:#fff}}</style>\n"));
}

static void put_head(struct picture *d, const struct report *r)
{
	const struct profile *p = d->f->profile;
	struct str sentence = d->name;

	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->section[i].id, S("verdict")))
			sentence = r->section[i].sentence;
	buf_put(d->out, S("<title>"));
	put_text(d->out, sentence, TITLE_MAX);
	buf_put(d->out, S("</title>\n"));
	put_style(d->out);
	buf_put(d->out, S("<text class=\"h\" x=\"4\" y=\"22\">"));
	put_text(d->out, sentence, 120);
	buf_put(d->out, S("</text>\n<text class=\"t\" x=\"4\" y=\"42\">"));
	put_text(d->out, d->name, 100);
	buf_printf(d->out, " · %zu samples", p->sample.n_rows);
	if (p->duration_ns > 0)
		buf_printf(d->out, " in %.3g s", (double)p->duration_ns / 1e9);
	buf_printf(d->out,
		   " · lost: %" PRIu64 " dropped, %" PRIu64 " cut short, %" PRIu64
		   " without a name</text>\n",
		   p->loss.dropped, p->loss.truncated, p->loss.unresolved);
}

static void put_picture(struct picture *d, const struct report *r, struct arena *a)
{
	auto_buf frames = BUF(d->out->max);
	struct buf *whole = d->out;
	double height;

	d->out = &frames;
	put_frames(d, a);
	d->out = whole;
	height = HEAD + (d->deepest + 1) * ROW + FOOT;
	buf_printf(whole,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "
		   "xmlns=\"http://www.w3.org/2000/svg\" "
		   "viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n",
		   WIDTH, height, WIDTH, height);
	put_head(d, r);
	buf_put(whole, buf_str(&frames));
	whole->full |= frames.full;
	buf_printf(whole, "<text class=\"t\" x=\"4\" y=\"%.0f\">", height - 10);
	if (d->all <= 0)
		buf_put(whole, S("Nothing was sampled."));
	else
		buf_printf(whole,
			   "%zu frames; %zu narrower than 0.1 %% are left out, their time is in "
			   "their callers.",
			   d->drawn, d->left_out);
	if (d->base)
		buf_put(whole,
			S(" Red takes more than before, blue less; widths are the mean of both."));
	else
		buf_put(whole,
			S(" Orange: native, blue: kernel, green: inlined, pink: script or JIT."));
	buf_put(whole, S("</text>\n</svg>\n"));
}

void svg_report(const struct report *r, struct buf *out)
{
	auto_arena a = arena_open("svg report", SIZE_MAX);
	const struct section *s = NULL;

	for (size_t i = 0; i < r->n && !s; i++)
		if (r->section[i].block == BLOCK_FLAME && r->section[i].about.kind == ART_PROFILE &&
		    r->section[i].about.which < r->run->profiles.n)
			s = &r->section[i];
	if (!s) {
		buf_put(out,
			S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "
			  "xmlns=\"http://www.w3.org/2000/svg\" width=\"600\" height=\"40\"><text "
			  "x=\"4\" y=\"24\">This report has no profile to draw.</text></svg>\n"));
		return;
	}
	const struct profile *base = r->baseline && s->against.kind == ART_PROFILE &&
						     s->against.which < r->baseline->profiles.n
					     ? r->baseline->profiles.v[s->against.which]
					     : NULL;
	struct picture d = { .f = flame_new(a, r->run->profiles.v[s->about.which], base),
			     .out = out };
	d.total = arena_array(a, int64_t, d.f->n_nodes);
	if (base)
		d.base = arena_array(a, int64_t, d.f->n_nodes);
	sum_totals(&d, a);
	d.name = r->run->target.n ? r->run->target : d.f->profile->name;
	d.factor = base && d.base[0] > 0 ? (double)d.total[0] / (double)d.base[0] : 0;
	d.all = (double)d.total[0];
	d.scale = d.all > 0 ? WIDTH / d.all : 0;
	put_picture(&d, r, a);
}
