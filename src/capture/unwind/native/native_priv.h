/*
 * native_priv: what the parts of the table compiler say to each other. An image is where things lie
 * in the bytes of an ELF file; spans are the stretches of text about which something is known;
 * rows are what comes out. No byte is read without its bound.
 */
#ifndef PERF_OPS_CAPTURE_NATIVE_PRIV_H
#define PERF_OPS_CAPTURE_NATIVE_PRIV_H

#include <assert.h>

#include "base/map.h"
#include "base/vec.h"
#include "capture/unwind/native/native.h"

/* What lies at a link-time address. */
struct native_bytes {
	const unsigned char *p;
	size_t n;
	uint64_t va;
};

/* Reads from P up to END; over the end gives zeroes and sets BAD, for good. */
struct native_cursor {
	const unsigned char *p, *end;
	bool bad;
};

static inline struct native_cursor native_cursor(struct native_bytes b, size_t from, size_t to)
{
	if (to > b.n || from > to || !b.p)
		return (struct native_cursor){ .bad = to > 0 };
	return (struct native_cursor){ .p = b.p + from, .end = b.p + to };
}

static inline struct native_bytes native_take(struct native_cursor *c, uint64_t n)
{
	struct native_bytes b = { .p = c->p, .n = (size_t)n };

	if (c->bad || n > (size_t)(c->end - c->p)) {
		c->bad = true;
		return (struct native_bytes){ 0 };
	}
	assert(c->p || n == 0);
	c->p = n ? c->p + n : c->p; /* of nothing, p is NULL */
	return b;
}

/* N bytes of a little-endian number, N at most 8. */
static inline uint64_t native_number(struct native_cursor *c, size_t n)
{
	uint64_t v = 0;
	struct native_bytes b = native_take(c, n);

	if (b.n && b.p)
		memcpy(&v, b.p, b.n);
	return v;
}

uint64_t native_uleb(struct native_cursor *c);
int64_t native_sleb(struct native_cursor *c);

struct native_segment { /* a PT_LOAD: [va, end) in memory, of which SIZE bytes are in the file */
	uint64_t va, end, offset, size;
	bool exec;
};

struct native_image {
	struct native_bytes file;
	struct native_segment *load;
	size_t n_load;
	uint64_t entry, rela_va, rela_n; /* of the dynamic relocations */
	struct native_bytes eh_frame, debug_frame, pclntab, plt, plt_sec, plt_got, init, fini, text;
	/* eh_frame came from PT_GNU_EH_FRAME and is open at the end: a zero length ends it, unless
	 * fewer FDEs than this were found. SIZE_MAX: by section, nothing but its size ends it. */
	size_t eh_fdes;
};

/* -EBADMSG: not an ELF file, or damaged. -ENODATA: an ELF file of another kind of machine. */
int native_image(struct arena *a, const unsigned char *elf, size_t n, struct native_image *ret,
		 struct err *err);
/* From VA to the end of what the file has of its segment; empty: nothing. */
struct native_bytes native_image_at(const struct native_image *img, uint64_t va);
/* The executable segment around VA, or NULL. */
const struct native_segment *native_image_exec(const struct native_image *img, uint64_t va);

/* In order of strength: where FDEs and Go's table speak, the others are silent. */
enum native_source {
	NATIVE_BY_EH_FRAME,
	NATIVE_BY_GO,
	NATIVE_BY_DEBUG_FRAME,
	NATIVE_BY_PLT,
	NATIVE_BY_PLT_SEC,
	NATIVE_BY_INIT,
	NATIVE_BY_CRT,
	NATIVE_BY_ENTRY,
};

struct native_span {
	uint64_t lo, hi;
	uint32_t at, end; /* where in its section */
	uint32_t owner;   /* which CIE */
	enum native_source by;
};

struct native_spans {
	struct arena *a;
	const struct native_image *img;
	struct native_span *v;
	size_t n, cap;
	bool full; /* the arena is */
};

/* What is not executable is left out. */
void native_spans_add(struct native_spans *s, struct native_span span);

struct native_rows {
	struct arena *a;
	uint64_t *v; /* pc << 16 | index of the rule; sorted */
	size_t n, cap;
	VEC(struct native_rule) rules;
	struct map map;
	struct {
		struct native_rule rule;
		uint32_t index;
		bool set;
	} recent[256];     /* before the map is asked */
	uint64_t from, to; /* rows outside are clipped */
	uint64_t unsupported;
	bool full;
	bool follow_rbx;   /* asked for: rules say where rbx is */
	bool frame_by_rbx; /* found: a rule needs it */
};

/* From PC on. PCs must not fall between two calls. */
void native_rows_put(struct native_rows *r, uint64_t pc, struct native_rule rule);

struct native_cfi; /* one section of call frame information */
struct native_cfi *native_cfi_open(struct arena *a, struct native_bytes section, bool is_debug);
/* How many FDEs were understood; *ret_damaged counts the others. MOST: as eh_fdes above. */
uint64_t native_cfi_spans(struct native_cfi *c, struct native_spans *s, size_t most,
			  uint64_t *ret_damaged);
void native_cfi_run(const struct native_cfi *c, const struct native_span *s, struct native_rows *r);

struct native_go;
/* NULL: there is no table of Go functions, or it makes no sense. */
struct native_go *native_go_open(struct arena *a, const struct native_image *img);
uint64_t native_go_spans(const struct native_go *g, struct native_spans *s);
void native_go_run(const struct native_go *g, const struct native_span *s, struct native_rows *r);

/* What linkers and the start files of compilers leave without a word. S is sorted, and will need it
 * again. */
void native_stubs_spans(struct native_spans *s);
void native_stubs_run(const struct native_image *img, const struct native_span *s,
		      struct native_rows *r);

static inline bool native_room(const struct arena *a, size_t n, size_t cap, size_t size)
{
	return n < cap || arena_fits(a, cap * 2 + 16, size);
}

#endif
