/*
 * Code that nobody describes, though it is in nearly every file: linkage tables (lld and mold give
 * them no FDEs), _init and _fini (crti.o), the three functions of gcc's crtbegin.o, and a
 * hand-written ELF entry point. Small, but every program that starts runs through all of it.
 */
#include "capture/unwind/native/native_priv.h"

#define ENTRY_BYTES 256 /* _start and what it falls into; it never returns */
#define PLT_ENTRY   16
#define CRT_BYTES   512 /* the functions of crtbegin.o are 0xc0 bytes together */
#define CRT_BEFORE  192
#define CRT_BEHIND  96

static bool code_is(struct native_bytes b, size_t at, struct str want)
{
	return at <= b.n && want.n <= b.n - at && memcmp(b.p + at, want.p, want.n) == 0;
}

/*
 * __do_global_dtors_aux as gcc compiles it, the only one of the three with a frame:
 *	cmpb $0, completed; jne; push %rbp; [cmpq $0, __cxa_finalize;] mov %rsp, %rbp; ...
 *	movb $1, completed; pop %rbp; ret
 */
static bool find_dtors(struct native_bytes b, struct native_span *ret)
{
	for (size_t at = 0; at + 24 <= b.n; at++) {
		if (!code_is(b, at, S("\x80\x3d")) ||
		    !code_is(b, at + 6, (struct str){ "\0\x75", 2 }))
			continue;
		size_t push = at + 9, move = push + 1;
		if (code_is(b, move, S("\x48\x83\x3d")))
			move += 8;
		if (!code_is(b, push, S("\x55")) || !code_is(b, move, S("\x48\x89\xe5")))
			continue;
		for (size_t pop = move + 3; pop < move + 64; pop++)
			if (code_is(b, pop, S("\x01\x5d\xc3"))) {
				*ret = (struct native_span){ .at = (uint32_t)push,
							     .owner = (uint32_t)move + 3,
							     .end = (uint32_t)pop + 2 };
				return true;
			}
	}
	return false;
}

/* Rows are by distance from the beginning of the span. */
static void add_crt(struct native_spans *s, uint64_t lo, uint64_t hi)
{
	struct native_span found;
	struct native_bytes b = native_image_at(s->img, lo);

	b.n = b.n < hi - lo ? b.n : (size_t)(hi - lo);
	if (hi - lo > CRT_BYTES || !find_dtors(b, &found))
		return;
	uint32_t skip = found.at > CRT_BEFORE ? found.at - CRT_BEFORE : 0;
	found.by = NATIVE_BY_CRT;
	found.lo = lo + skip;
	found.hi = lo + found.end + CRT_BEHIND < hi ? lo + found.end + CRT_BEHIND : hi;
	found.at -= skip;
	found.owner -= skip;
	found.end -= skip;
	native_spans_add(s, found);
}

/* It stands at the beginning of .text, or behind _start: in a gap between those who are described.
 */
static void add_gaps(struct native_spans *s)
{
	size_t n = s->n;
	uint64_t done = s->img->text.va;

	for (size_t i = 0; i < n && !s->full; i++) {
		uint64_t lo = s->v[i].lo, hi = s->v[i].hi;
		if (done && lo > done && lo - done > PLT_ENTRY)
			add_crt(s, done, lo);
		done = hi > done ? hi : done;
	}
}

void native_stubs_spans(struct native_spans *s)
{
	const struct native_image *img = s->img;
	const struct {
		const struct native_bytes *sec;
		enum native_source by;
	} sections[] = {
		{ &img->plt, NATIVE_BY_PLT },         { &img->plt_sec, NATIVE_BY_PLT_SEC },
		{ &img->plt_got, NATIVE_BY_PLT_SEC }, { &img->init, NATIVE_BY_INIT },
		{ &img->fini, NATIVE_BY_INIT },
	};

	add_gaps(s);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		native_spans_add(s, (struct native_span){
					    .lo = sections[i].sec->va,
					    .hi = sections[i].sec->va + sections[i].sec->n,
					    .by = sections[i].by,
				    });
	if (img->entry)
		native_spans_add(s, (struct native_span){ .lo = img->entry,
							  .hi = img->entry + ENTRY_BYTES,
							  .by = NATIVE_BY_ENTRY });
}

static struct native_rule by_rsp(int32_t off)
{
	return (struct native_rule){ .cfa = NATIVE_CFA_RSP, .cfa_off = off };
}

/* The first entry pushes the link map (6 bytes) under the number that an entry pushed. */
static void run_plt(const struct native_span *s, struct native_rows *r)
{
	native_rows_put(r, s->lo, by_rsp(16));
	native_rows_put(r, s->lo + 6, by_rsp(24));
	native_rows_put(r, s->lo + PLT_ENTRY,
			(struct native_rule){ .cfa = NATIVE_CFA_PLT, .cfa_off = 11 });
}

/* sub $8, %rsp; ...; add $8, %rsp; ret. Old ones have nothing, or more, in between. */
static void run_init(const struct native_image *img, const struct native_span *s,
		     struct native_rows *r)
{
	struct native_bytes b = native_image_at(img, s->lo);
	int32_t depth = 8;

	b.n = b.n < s->hi - s->lo ? b.n : (size_t)(s->hi - s->lo);
	native_rows_put(r, s->lo, by_rsp(depth));
	for (size_t at = 0; at < b.n; at++) {
		int32_t now = code_is(b, at, S("\x48\x83\xec\x08")) && depth == 8    ? 16
			      : code_is(b, at, S("\x48\x83\xc4\x08")) && depth == 16 ? 8
										     : depth;
		if (now != depth)
			native_rows_put(r, s->lo + at + 4, by_rsp(now));
		depth = now;
	}
}

static void run_crt(const struct native_span *s, struct native_rows *r)
{
	struct native_rule pushed = {
		.cfa = NATIVE_CFA_RSP, .cfa_off = 16, .rbp = NATIVE_RBP_AT_CFA, .rbp_off = -16
	};

	native_rows_put(r, s->lo, by_rsp(8));
	native_rows_put(r, s->lo + s->at + 1, pushed);
	pushed.cfa = NATIVE_CFA_RBP;
	native_rows_put(r, s->lo + s->owner, pushed);
	native_rows_put(r, s->lo + s->end, by_rsp(8));
}

void native_stubs_run(const struct native_image *img, const struct native_span *s,
		      struct native_rows *r)
{
	if (s->by == NATIVE_BY_PLT)
		run_plt(s, r);
	else if (s->by == NATIVE_BY_PLT_SEC)
		native_rows_put(r, s->lo, by_rsp(8));
	else if (s->by == NATIVE_BY_INIT)
		run_init(img, s, r);
	else if (s->by == NATIVE_BY_CRT)
		run_crt(s, r);
	else
		native_rows_put(r, s->lo, (struct native_rule){ .cfa = NATIVE_CFA_ROOT });
}
