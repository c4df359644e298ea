/* From spans of text to rows: which source speaks for which address, where nobody does, and how the
 * rows lie in pages. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "capture/unwind/native/native_priv.h"

#define SCRATCH_MAX ((size_t)2 << 30) /* a 4 GB program with full tables needs half of it */
#define RULES_MAX   UINT16_MAX

void native_spans_add(struct native_spans *s, struct native_span span)
{
	const struct native_segment *text = native_image_exec(s->img, span.lo);

	if (!text || span.lo >= span.hi || s->full)
		return;
	if (!native_room(s->a, s->n, s->cap, sizeof(span))) {
		s->full = true;
		return;
	}
	span.hi = span.hi < text->end ? span.hi : text->end;
	*vec_add(s->a, s) = span;
}

static uint32_t rule_index(struct native_rows *r, struct native_rule rule)
{
	uint64_t word;

	memcpy(&word, &rule, sizeof(word));
	uint64_t h = map_hash2(word, 1);
	__typeof__(&r->recent[0]) recent = &r->recent[h & 255];
	if (recent->set && memcmp(&recent->rule, &rule, sizeof(rule)) == 0)
		return recent->index;
	uint32_t index = UINT32_MAX;
	for (struct map_at at = map_first(&r->map, h); at.hit; at = map_next(&r->map, at))
		if (r->rules.v && memcmp(&r->rules.v[at.index], &rule, sizeof(rule)) == 0)
			index = at.index;
	if (index == UINT32_MAX) {
		/* Real files have up to some hundred; the last one is for all that is too much. */
		index = r->rules.n < RULES_MAX ? (uint32_t)r->rules.n : RULES_MAX - 1;
		if (index == RULES_MAX - 1)
			rule = (struct native_rule){ .cfa = NATIVE_CFA_UNSUP };
		if (r->rules.n < RULES_MAX) {
			*vec_add(r->a, &r->rules) = rule;
			map_insert(&r->map, h, index);
		}
	}
	recent->rule = rule;
	recent->index = index;
	recent->set = true;
	return index;
}

void native_rows_put(struct native_rows *r, uint64_t pc, struct native_rule rule)
{
	pc = pc < r->from ? r->from : pc;
	if (pc >= r->to || r->full)
		return;
	r->unsupported += rule.cfa == NATIVE_CFA_UNSUP;
	r->frame_by_rbx = r->frame_by_rbx || (rule.cfa == NATIVE_CFA_REG &&
					      (rule.cfa_off & (NATIVE_GPRS - 1)) == NATIVE_RBX);
	uint64_t index = rule_index(r, rule), last = r->n ? r->v[r->n - 1] : 0;
	if (r->n && last >> 16 == pc) {
		r->n--;
		last = r->n ? r->v[r->n - 1] : 0;
	}
	if (r->n && ((last & UINT16_MAX) == index || last >> 16 > pc))
		return;
	if (!native_room(r->a, r->n, r->cap, sizeof(*r->v))) {
		r->full = true;
		return;
	}
	*vec_add(r->a, r) = pc << 16 | index;
}

static int by_address(const void *x, const void *y)
{
	const struct native_span *a = x, *b = y;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->by != b->by ? (a->by < b->by ? -1 : 1) : (a->at > b->at) - (a->at < b->at);
}

/* Some few more, behind those that are sorted already. */
static void insert_spans(struct native_spans *s, size_t sorted)
{
	for (; sorted < s->n; sorted++) {
		struct native_span span = s->v[sorted];
		size_t lo = 0, hi = sorted;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (by_address(&s->v[mid], &span) <= 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		memmove(&s->v[lo + 1], &s->v[lo], (sorted - lo) * sizeof(span));
		s->v[lo] = span;
	}
}

/* None of the sorted reaches over the beginning of one behind it that is as strong or stronger. */
static void cut_spans(struct native_spans *s)
{
	uint64_t next[NATIVE_BY_ENTRY + 1];

	memset(next, 0xff, sizeof(next));
	for (size_t i = s->n, group = s->n; i-- > 0;) {
		struct native_span *at = &s->v[i];
		for (; group > i + 1 && s->v[group - 1].lo > at->lo; group--)
			next[s->v[group - 1].by] = s->v[group - 1].lo;
		for (size_t by = 0; by <= at->by; by++)
			at->hi = at->hi < next[by] ? at->hi : next[by];
	}
}

struct compiler {
	struct native_image img;
	struct native_cfi *eh, *debug;
	struct native_go *go;
	struct native_spans spans;
	struct native_rows rows;
};

static void run_span(struct compiler *c, const struct native_span *s)
{
	switch (s->by) {
	case NATIVE_BY_EH_FRAME:
		native_cfi_run(c->eh, s, &c->rows);
		break;
	case NATIVE_BY_DEBUG_FRAME:
		native_cfi_run(c->debug, s, &c->rows);
		break;
	case NATIVE_BY_GO:
		native_go_run(c->go, s, &c->rows);
		break;
	case NATIVE_BY_PLT:
	case NATIVE_BY_PLT_SEC:
	case NATIVE_BY_INIT:
	case NATIVE_BY_CRT:
	case NATIVE_BY_ENTRY:
		native_stubs_run(&c->img, s, &c->rows);
		break;
	}
}

static void run_spans(struct compiler *c)
{
	uint64_t done = 0;

	for (size_t i = 0; i < c->spans.n && !c->rows.full; i++) {
		const struct native_span *s = &c->spans.v[i];
		c->rows.from = s->lo > done ? s->lo : done;
		c->rows.to = s->hi;
		if (c->rows.from >= s->hi)
			continue;
		run_span(c, s);
		done = s->hi;
		c->rows.to = UINT64_MAX;
		native_rows_put(&c->rows, done, (struct native_rule){ .cfa = NATIVE_CFA_END });
	}
}

/* Into the form of the store: every page has its slice of rows, and begins with one at 0. */
static int lay_out(struct arena *a, const struct native_rows *r, struct native_table *ret,
		   struct err *err)
{
	assert(r->v && r->n); /* every span leaves one behind */
	size_t n_pages = (size_t)(r->v[r->n - 1] >> 32) + 1, n_rows = 0, k = 0;

	if (!arena_fits(a, n_pages, sizeof(*ret->pages)) ||
	    !arena_fits(a, n_pages + r->n, 2 * sizeof(*ret->rows)))
		return err_set(err, -E2BIG, "the unwind table of the file is too large");
	ret->pages = arena_array(a, struct native_page, n_pages);
	ret->rows = arena_array(a, uint32_t, n_pages + r->n);
	ret->rules = arena_array(a, struct native_rule, r->rules.n);
	memcpy(ret->rules, r->rules.v, r->rules.n * sizeof(*r->rules.v));
	uint32_t in_force = (uint32_t)(r->v[r->n - 1] & UINT16_MAX); /* the last one is END */
	for (size_t page = 0; page < n_pages; page++) {
		size_t first = n_rows;
		if (k == r->n || r->v[k] >> 16 != (uint64_t)page << 16)
			ret->rows[n_rows++] = in_force;
		for (; k < r->n && r->v[k] >> 32 == page; k++) {
			in_force = (uint32_t)(r->v[k] & UINT16_MAX);
			ret->rows[n_rows++] = (uint32_t)r->v[k]; /* low half of the pc, rule */
		}
		ret->pages[page] = (struct native_page){ .first = (uint32_t)first,
							 .n = (uint32_t)(n_rows - first) };
	}
	ret->n_pages = n_pages;
	ret->n_rows = n_rows;
	ret->n_rules = r->rules.n;
	ret->unsupported = r->unsupported;
	return 0;
}

static void collect(struct arena *a, struct compiler *c, struct native_table *t)
{
	const struct native_image *img = &c->img;

	c->go = native_go_open(a, img);
	if (c->go)
		t->functions = native_go_spans(c->go, &c->spans);
	if (img->eh_frame.n) {
		c->eh = native_cfi_open(a, img->eh_frame, false);
		t->fdes += native_cfi_spans(c->eh, &c->spans, img->eh_fdes, &t->damaged);
	}
	if (img->debug_frame.n) {
		c->debug = native_cfi_open(a, img->debug_frame, true);
		t->fdes += native_cfi_spans(c->debug, &c->spans, SIZE_MAX, &t->damaged);
	}
	if (c->spans.n == 0)
		return;
	size_t n = c->spans.n;
	qsort(c->spans.v, n, sizeof(*c->spans.v), by_address);
	native_stubs_spans(&c->spans);
	insert_spans(&c->spans, n);
	cut_spans(&c->spans);
}

int native_compile(struct arena *a, const unsigned char *elf, size_t n, struct native_table *ret,
		   struct err *err)
{
	auto_arena scratch = arena_open("unwind table", SCRATCH_MAX);
	struct compiler *c = arena_make(scratch, struct compiler);
	struct native_table t = { 0 };
	int r = native_image(scratch, elf, n, &c->img, err);

	if (r)
		return r;
	c->spans = (struct native_spans){ .a = scratch, .img = &c->img };
	c->rows.a = c->rows.map.arena = scratch;
	collect(scratch, c, &t);
	if (c->spans.n == 0)
		return t.damaged ? err_set(err, -EBADMSG, "its unwind information is damaged")
				 : err_set(err, -ENODATA, "it has no unwind information");
	run_spans(c);
	if (c->rows.frame_by_rbx) {
		c->rows = (struct native_rows){ .a = scratch,
						.map.arena = scratch,
						.follow_rbx = true };
		run_spans(c);
	}
	if (c->spans.full || c->rows.full)
		return err_set(err, -E2BIG, "the unwind information of the file is too large");
	r = lay_out(a, &c->rows, &t, err);
	if (r)
		return r;
	*ret = t;
	return 0;
}
