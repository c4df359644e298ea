/*
 * Go's own tables (.gopclntab, also in stripped programs) as rows: how far the stack pointer is
 * from the return address at each pc. Layout: Go's runtime/symtab.go and debug/gosym, versions
 * 1.18 (magic fffffff0) and 1.20 on (fffffff1); the value tables have been the same since 1.2.
 *
 * Where a function of the runtime changes to another stack (its flag SPWrite says so) the stack
 * pointer tells nothing any more, but rbp still leads to the caller, as Go's own tracer relies on.
 */
#include <elf.h>

#include "capture/unwind/native/native_priv.h"

#define MAGIC_118     0xfffffff0u
#define MAGIC_120     0xfffffff1u
#define HEADER        72
#define FLAG_SP_WRITE 2
#define TRIES_MAX     16 /* of what only looks like a table */

struct native_go {
	struct native_bytes tab, pctab, pcln, names;
	const struct native_image *img;
	uint64_t text, n;
	unsigned flag_at; /* where in a function's record */
};

struct function {
	uint64_t lo;
	uint32_t name, pcsp;
	uint8_t flags;
};

static struct native_bytes part(struct native_bytes b, uint64_t from)
{
	if (from >= b.n)
		return (struct native_bytes){ 0 };
	return (struct native_bytes){ .p = b.p + from, .n = b.n - from, .va = b.va + from };
}

/* The offset from the start of Go's text at which function I begins; I == n: where the last ends.
 */
static bool entry_offset(const struct native_go *g, uint64_t i, uint32_t *ret, uint32_t *ret_record)
{
	size_t at = (size_t)i * 8;
	struct native_cursor c = native_cursor(g->pcln, at, at + (i < g->n ? 8 : 4));

	*ret = (uint32_t)native_number(&c, 4);
	*ret_record = i < g->n ? (uint32_t)native_number(&c, 4) : 0;
	return !c.bad;
}

static bool read_function(const struct native_go *g, uint64_t i, struct function *ret)
{
	uint32_t off, record;

	if (!entry_offset(g, i, &off, &record))
		return false;
	struct native_bytes b = part(g->pcln, record);
	struct native_cursor c = native_cursor(b, 0, b.n);
	(void)native_number(&c, 4); /* the entry again */
	*ret = (struct function){ .lo = g->text + off, .name = (uint32_t)native_number(&c, 4) };
	(void)native_take(&c, 8); /* size of arguments, deferreturn */
	ret->pcsp = (uint32_t)native_number(&c, 4);
	c = native_cursor(b, 0, b.n);
	(void)native_take(&c, g->flag_at);
	ret->flags = (uint8_t)native_number(&c, 1);
	return !c.bad;
}

static bool is_named(const struct native_go *g, const struct function *f, struct str name)
{
	struct native_bytes b = part(g->names, f->name);

	return b.n > name.n && memcmp(b.p, name.p, name.n) == 0 && b.p[name.n] == 0;
}

/* The index of a function, or n. */
static uint64_t find_named(const struct native_go *g, struct str name)
{
	struct function f;

	for (uint64_t i = 0; i < g->n; i++)
		if (read_function(g, i, &f) && is_named(g, &f, name))
			return i;
	return g->n;
}

/* Two neighbours in the runtime's moduledata, behind the address of the table itself. */
#define MODULE_MINPC 160
#define MODULE_TEXT  176

/* moduledata is where the address of the table lies in memory; it knows where the text begins. */
static uint64_t text_by_moduledata(const struct native_go *g)
{
	for (size_t i = 0; i < g->img->n_load; i++) {
		const struct native_segment *s = &g->img->load[i];
		struct native_bytes b = native_image_at(g->img, s->va);
		for (size_t at = -s->va & 7; !s->exec && at + MODULE_TEXT + 8 <= b.n; at += 8) {
			uint64_t word, minpc, text;
			memcpy(&word, b.p + at, 8);
			if (word != g->tab.va)
				continue;
			memcpy(&minpc, b.p + at + MODULE_MINPC, 8);
			memcpy(&text, b.p + at + MODULE_TEXT, 8);
			if (minpc == text && text)
				return text;
		}
	}
	return 0;
}

/* In files that may lie anywhere, moduledata is filled in by relocations: VALUE is written WHERE.
 */
static uint64_t text_by_relocations(const struct native_go *g)
{
	struct native_bytes b = native_image_at(g->img, g->img->rela_va);
	uint64_t n = b.n / sizeof(Elf64_Rela), module = 0;
	Elf64_Rela r;

	n = n < g->img->rela_n ? n : g->img->rela_n;
	for (uint64_t i = 0; i < n; i++) {
		memcpy(&r, b.p + i * sizeof(r), sizeof(r));
		if (ELF64_R_TYPE(r.r_info) != R_X86_64_RELATIVE)
			continue;
		/* Sorted by where: the table's address comes before the text's. */
		if ((uint64_t)r.r_addend == g->tab.va)
			module = r.r_offset;
		else if (module && r.r_offset == module + MODULE_TEXT)
			return (uint64_t)r.r_addend;
	}
	return 0;
}

/* Programs that Go linked itself begin in a function of this name. */
static uint64_t text_by_entry(const struct native_go *g)
{
	uint32_t off, record;
	uint64_t i = find_named(g, S("_rt0_amd64_linux"));

	if (i == g->n || !entry_offset(g, i, &off, &record) || off > g->img->entry)
		return 0;
	return g->img->entry - off;
}

/* All of Go's functions must lie in executable memory, and the first one in the text. */
static bool text_fits(const struct native_go *g, uint64_t text)
{
	uint32_t first, last, record;

	if (!text || !entry_offset(g, 0, &first, &record) || !entry_offset(g, g->n, &last, &record))
		return false;
	const struct native_segment *s = native_image_exec(g->img, text + first);
	return s && first < last && text + last <= s->end;
}

/* Where offsets count from. Since Go 1.26 the table does not say it itself. */
static bool find_text(struct native_go *g, uint64_t said)
{
	uint64_t (*const ways[])(const struct native_go *) = { text_by_moduledata,
							       text_by_relocations, text_by_entry };

	g->text = said;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && !text_fits(g, g->text); i++)
		g->text = ways[i](g);
	return text_fits(g, g->text);
}

static bool open_at(struct native_go *g, struct native_bytes tab)
{
	struct native_cursor c = native_cursor(tab, 0, HEADER);
	uint64_t magic = native_number(&c, 4), shape = native_number(&c, 4);

	/* Two zeroes, instructions are multiples of 1 byte, addresses have 8. */
	if ((magic != MAGIC_118 && magic != MAGIC_120) || shape != 0x08010000)
		return false;
	g->tab = tab;
	g->flag_at = magic == MAGIC_118 ? 37 : 41;
	g->n = native_number(&c, 8);
	(void)native_number(&c, 8); /* number of files */
	uint64_t text = native_number(&c, 8);
	g->names = part(tab, native_number(&c, 8));
	(void)native_take(&c, 16); /* compilation units, files */
	g->pctab = part(tab, native_number(&c, 8));
	g->pcln = part(tab, native_number(&c, 8));
	return !c.bad && g->n > 0 && g->n < g->pcln.n / 8 && find_text(g, text);
}

struct native_go *native_go_open(struct arena *a, const struct native_image *img)
{
	struct native_go *g = arena_make(a, struct native_go);
	const unsigned char magics[2][4] = { { 0xf0, 0xff, 0xff, 0xff },
					     { 0xf1, 0xff, 0xff, 0xff } };

	g->img = img;
	if (img->pclntab.n)
		return open_at(g, img->pclntab) ? g : NULL;
	/* Without section headers it is somewhere among the constants. */
	unsigned tries = 0;
	for (size_t i = 0; i < img->n_load && !img->text.n; i++) {
		struct native_bytes b = native_image_at(img, img->load[i].va);
		for (size_t at = 0; !img->load[i].exec && at + HEADER <= b.n; at += 8) {
			if (memcmp(b.p + at, magics[0], 4) != 0 &&
			    memcmp(b.p + at, magics[1], 4) != 0)
				continue;
			if (open_at(g, part(b, at)))
				return g;
			if (++tries == TRIES_MAX)
				return NULL;
		}
	}
	return NULL;
}

uint64_t native_go_spans(const struct native_go *g, struct native_spans *s)
{
	uint32_t lo, hi, record;
	uint64_t good = 0;

	for (uint64_t i = 0; i < g->n && !s->full; i++) {
		if (!entry_offset(g, i, &lo, &record) || !entry_offset(g, i + 1, &hi, &record) ||
		    lo >= hi)
			continue;
		native_spans_add(s, (struct native_span){ .lo = g->text + lo,
							  .hi = g->text + hi,
							  .at = (uint32_t)i,
							  .by = NATIVE_BY_GO });
		good++;
	}
	/* The kernel enters a signal's trampoline by a return address, which is looked up one byte
	 * before it: there the function in front of it would be found. */
	uint64_t i = find_named(g, S("runtime.sigreturn__sigaction"));
	if (i == g->n)
		i = find_named(g, S("runtime.sigreturn"));
	if (i < g->n && entry_offset(g, i, &lo, &record) && lo > 0)
		native_spans_add(s, (struct native_span){ .lo = g->text + lo - 1,
							  .hi = g->text + lo,
							  .at = (uint32_t)i,
							  .by = NATIVE_BY_GO });
	return good;
}

enum frame { FRAME_BY_SP, FRAME_ROOT, FRAME_BY_RBP, FRAME_SIGNAL };

static enum frame frame_of(const struct native_go *g, const struct function *f)
{
	const struct {
		struct str name;
		enum frame frame;
	} special[] = {
		{ S("runtime.goexit"), FRAME_ROOT },
		{ S("runtime.mstart"), FRAME_ROOT },
		{ S("runtime.rt0_go"), FRAME_ROOT },
		{ S("_rt0_amd64"), FRAME_ROOT },
		{ S("_rt0_amd64_linux"), FRAME_ROOT },
		{ S("runtime.gogo"), FRAME_BY_RBP },
		{ S("gogo"), FRAME_BY_RBP },
		{ S("runtime.morestack"), FRAME_BY_RBP },
		{ S("runtime.sigreturn__sigaction"), FRAME_SIGNAL },
		{ S("runtime.sigreturn"), FRAME_SIGNAL },
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (is_named(g, f, special[i].name))
			return special[i].frame;
	return FRAME_BY_SP;
}

/* How rbp is saved in a function: at the row in which its frame appears. */
struct saved {
	bool known, pushed, stored;
	uint64_t from; /* since this pc */
};

static bool code_is(struct native_bytes code, size_t at, struct str want)
{
	return at + want.n <= code.n && memcmp(code.p + at, want.p, want.n) == 0;
}

/* Go pushes rbp (1.21 on), or makes room first and then stores rbp at its top. Hand-written
 * functions may do neither. */
static struct saved how_saved(struct native_bytes code, uint64_t pc)
{
	size_t at = (size_t)(pc - code.va);
	struct saved s = { .known = true, .from = pc };

	s.pushed = at >= 1 && at <= code.n && code.p[at - 1] == 0x55;
	if (code_is(code, at, S("\x48\x89\x6c\x24"))) {
		s.stored = true;
		s.from = pc + 5;
	} else if (code_is(code, at, S("\x48\x89\xac\x24"))) {
		s.stored = true;
		s.from = pc + 8;
	}
	return s;
}

/* From where on rbp points to the frame itself: behind "mov rbp, rsp", or "lea rbp, [rsp + n]". */
static uint64_t frame_from(struct native_bytes code, const struct saved *s)
{
	size_t at = (size_t)(s->from - code.va);

	if (s->pushed && code_is(code, at, S("\x48\x89\xe5")))
		return s->from + 3;
	if (s->stored && code_is(code, at, S("\x48\x8d\x6c\x24")))
		return s->from + 5;
	if (s->stored && code_is(code, at, S("\x48\x8d\xac\x24")))
		return s->from + 8;
	return s->from;
}

static void put_depth(const struct native_go *g, const struct function *f, struct saved *saved,
		      uint64_t pc, int64_t depth, struct native_rows *r)
{
	struct native_rule rule = { .cfa = NATIVE_CFA_RSP, .cfa_off = (int32_t)(depth + 8) };
	struct native_bytes code = native_image_at(g->img, f->lo);

	if (depth < 0 || depth > INT32_MAX - 8) {
		native_rows_put(r, pc, (struct native_rule){ .cfa = NATIVE_CFA_UNSUP });
		return;
	}
	if (depth > 0 && !saved->known && code.n)
		*saved = how_saved(code, pc);
	bool has_frame = depth > 0 && (saved->pushed || saved->stored);
	if (has_frame && saved->from > pc)
		native_rows_put(r, pc, rule);
	if (has_frame) {
		rule.rbp = NATIVE_RBP_AT_CFA;
		rule.rbp_off = -16;
	}
	native_rows_put(r, has_frame && saved->from > pc ? saved->from : pc, rule);
	if (has_frame && f->flags & FLAG_SP_WRITE) {
		uint64_t from = frame_from(code, saved);
		native_rows_put(r, from > pc ? from : pc,
				(struct native_rule){ .cfa = NATIVE_CFA_FP });
	}
}

/* pctab: pairs of (change of value, zigzag; length), up to a change of 0; values start at -1. */
static void run_depths(const struct native_go *g, const struct function *f, struct native_rows *r)
{
	struct native_bytes b = part(g->pctab, f->pcsp);
	struct native_cursor c = native_cursor(b, 0, b.n);
	struct saved saved = { 0 };
	uint64_t pc = f->lo;
	int64_t depth = -1;

	for (bool first = true; !c.bad && f->pcsp; first = false) {
		uint64_t change = native_uleb(&c);
		if (change == 0 && !first)
			break;
		uint64_t length = native_uleb(&c);
		if (c.bad || length > UINT32_MAX || pc >= r->to)
			break;
		depth += (int64_t)(change >> 1) ^ -(int64_t)(change & 1);
		depth = depth > INT32_MAX || depth < INT32_MIN ? -1 : depth;
		put_depth(g, f, &saved, pc, depth, r);
		pc += length;
	}
	native_rows_put(r, pc, (struct native_rule){ .cfa = NATIVE_CFA_END });
}

void native_go_run(const struct native_go *g, const struct native_span *s, struct native_rows *r)
{
	struct function f;

	if (!read_function(g, s->at, &f))
		return;
	switch (frame_of(g, &f)) {
	case FRAME_ROOT:
		native_rows_put(r, s->lo, (struct native_rule){ .cfa = NATIVE_CFA_ROOT });
		break;
	case FRAME_SIGNAL:
		native_rows_put(r, s->lo, (struct native_rule){ .cfa = NATIVE_CFA_SIGNAL });
		break;
	case FRAME_BY_RBP:
		native_rows_put(r, s->lo, (struct native_rule){ .cfa = NATIVE_CFA_FP });
		break;
	case FRAME_BY_SP:
		run_depths(g, &f, r);
		break;
	}
}
