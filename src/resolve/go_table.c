/*
 * Knows the layout of Go's pclntab (go/src/runtime/symtab.go, runtime2.go, symtabinl.go; the format
 * of 1.18 and of 1.20, which holds up to 1.26) and of the part of moduledata that says where text
 * and function data begin.
 */
#include "resolve/go_table.h"

#include <errno.h>

#include "resolve/texts.h"

#define MAGIC_118    0xfffffff0u
#define MAGIC_120    0xfffffff1u
#define HEADER_BYTES 72u
#define FUNCS_MAX    (4u << 20)
#define SCAN_MAX     (UINT64_C(512) << 20)
#define PIECE        ((size_t)64 << 10)
#define RELOCS_MAX   (8u << 20)
#define TABLE_MAX    (1u << 20) /* bytes of one pc-value table */
#define NAME_MAX_N   1024u

/* Words of moduledata; what stands behind data moved in 1.20, when covctrs came. */
enum {
	MD_HEADER = 0,
	MD_FTAB_N = 17,
	MD_TEXT = 22,
	MD_ETEXT = 23,
	MD_GOFUNC_118 = 38,
	MD_GOFUNC_120 = 40,
	MD_WORDS = 41,
	MD_BYTES = MD_WORDS * 8
};

enum { PCDATA_INLINE = 2, FUNCDATA_INLINE = 3 };

struct function {
	uint32_t entry, at; /* from text; from the table of functions */
};

struct go_table {
	struct arena *arena;
	const struct elf_view *v;
	bool is_118;
	uint64_t offset;                                 /* of the header in the file */
	uint64_t address;                                /* and its link-time address */
	uint64_t names, units, files, values, functions; /* offsets in the file */
	uint64_t text, gofunc; /* link-time addresses; gofunc 0: not found, so no inlined calls */
	struct function *f;    /* one more than n: the end of the text */
	size_t n;
	struct texts texts; /* by offset in the file */
};

/* What the fixed part of a _func says; tables follow it. */
struct details {
	uint64_t pcdata, funcdata; /* offsets in the file */
	uint32_t entry, name, files, lines, unit, n_pcdata;
	uint8_t n_funcdata;
};

static uint32_t u32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t u64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Of an array of 8-byte words. */
static uint64_t word(const unsigned char *p, size_t i)
{
	return u64(p + i * 8);
}

static bool is_header(const unsigned char *p)
{
	uint32_t magic = u32(p);

	return (magic == MAGIC_118 || magic == MAGIC_120) && p[4] == 0 && p[5] == 0 && p[6] == 1 &&
	       p[7] == 8 && u64(p + 8) - 1 < FUNCS_MAX;
}

/* Calls TEST for each 8-byte word of the loaded data of the file, until it says stop. */
struct scan {
	bool (*test)(struct scan *s, const unsigned char *p, uint64_t vaddr, size_t left);
	struct go_table *g;
	uint64_t found;
};

static bool scan_segment(const struct elf_view *v, const Elf64_Phdr *ph, struct scan *s)
{
	auto_arena scratch = arena_open("scan for Go tables", 2 * PIECE);
	unsigned char *piece = arena_array(scratch, unsigned char, PIECE);
	uint64_t size = ph->p_filesz < SCAN_MAX ? ph->p_filesz : SCAN_MAX;

	/* Pieces overlap, so that what TEST looks at is whole. */
	for (uint64_t at = 0; at < size; at += PIECE - MD_BYTES) {
		size_t n = elf_view_read_some(v, piece, PIECE, ph->p_offset + at);
		for (size_t i = 0; i + 8 <= n; i += 8)
			if (s->test(s, piece + i, ph->p_vaddr + at + i, n - i))
				return true;
		if (n < PIECE)
			break;
	}
	return false;
}

static bool scan_data(const struct elf_view *v, struct scan *s)
{
	/* Writable ones first: they are small, and moduledata is there. */
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < v->n_segments; i++) {
			const Elf64_Phdr *ph = &v->segment[i];
			if (ph->p_type == PT_LOAD && !(ph->p_flags & PF_X) &&
			    !(ph->p_flags & PF_W) == (pass == 1) && scan_segment(v, ph, s))
				return true;
		}
	return false;
}

static bool test_header(struct scan *s, const unsigned char *p, uint64_t vaddr, size_t left)
{
	if (left < HEADER_BYTES || !is_header(p))
		return false;
	s->found = vaddr;
	return true;
}

static bool is_module(const struct go_table *g, const unsigned char *p)
{
	uint64_t text = word(p, MD_TEXT), end = word(p, MD_ETEXT);

	return u64(p) == g->address && word(p, MD_FTAB_N) == g->n + 1 && text && text < end;
}

static bool test_module(struct scan *s, const unsigned char *p, uint64_t vaddr, size_t left)
{
	struct go_table *g = s->g;

	(void)vaddr;
	if (left < MD_BYTES || !is_module(g, p))
		return false;
	g->text = word(p, MD_TEXT);
	g->gofunc = word(p, g->is_118 ? MD_GOFUNC_118 : MD_GOFUNC_120);
	return true;
}

/* Of the dynamic section: where the relocations are. */
static bool find_relocs(const struct elf_view *v, uint64_t *ret_offset, uint64_t *ret_n)
{
	uint64_t at = 0, size = 0, left;

	for (size_t i = 0; i < v->n_segments; i++) {
		const Elf64_Phdr *ph = &v->segment[i];
		for (uint64_t j = 0; ph->p_type == PT_DYNAMIC && j < 512; j++) {
			Elf64_Dyn d;
			if (!elf_view_read(v, &d, sizeof(d), ph->p_offset + j * sizeof(d)) ||
			    d.d_tag == DT_NULL)
				break;
			at = d.d_tag == DT_RELA ? d.d_un.d_ptr : at;
			size = d.d_tag == DT_RELASZ ? d.d_un.d_val : size;
		}
	}
	if (!at || !elf_view_offset(v, at, ret_offset, &left))
		return false;
	*ret_n = (size < left ? size : left) / sizeof(Elf64_Rela);
	return *ret_n && *ret_n <= RELOCS_MAX;
}

/* Position-independent: the pointers of moduledata are in relocations, not in the file. */
struct module {
	uint64_t address; /* 0: not found yet */
	unsigned char words[MD_BYTES];
};

static void each_reloc(const struct elf_view *v, uint64_t offset, uint64_t n, uint64_t header,
		       struct module *m)
{
	Elf64_Rela piece[256];

	for (uint64_t i = 0; i < n; i += 256) {
		size_t some = n - i < 256 ? (size_t)(n - i) : 256;
		if (!elf_view_read(v, piece, some * sizeof(*piece), offset + i * sizeof(*piece)))
			return;
		for (size_t j = 0; j < some; j++) {
			uint64_t to = (uint64_t)piece[j].r_addend, where = piece[j].r_offset;
			if (ELF64_R_TYPE(piece[j].r_info) != R_X86_64_RELATIVE)
				continue;
			if (header && to == header)
				m->address = where;
			if (!header && where - m->address <= sizeof(m->words) - 8)
				memcpy(m->words + (where - m->address), &to, 8);
		}
	}
}

static bool find_module_by_relocs(struct go_table *g)
{
	struct module m = { 0 };
	struct scan s = { .g = g };
	uint64_t offset, n, at, left;

	if (!find_relocs(g->v, &offset, &n))
		return false;
	each_reloc(g->v, offset, n, g->address, &m);
	if (!m.address || !elf_view_offset(g->v, m.address, &at, &left) ||
	    !elf_view_read(g->v, m.words, sizeof(m.words), at))
		return false;
	each_reloc(g->v, offset, n, 0, &m);
	return test_module(&s, m.words, m.address, sizeof(m.words));
}

static bool find_header(struct go_table *g)
{
	const struct str names[] = { S(".gopclntab"), S(".data.rel.ro.gopclntab") };
	const struct elf_view *v = g->v;
	struct scan s = { .test = test_header, .g = g };
	uint64_t left;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct elf_section *in = elf_view_section(v, names[i]);
		if (!in || in->type == SHT_NOBITS)
			continue;
		g->offset = in->offset;
		g->address = in->vaddr;
		return true;
	}
	/* A scan reads the whole file: only where there is reason to hope. */
	bool go = elf_view_section(v, S(".go.buildinfo")) ||
		  elf_view_section(v, S(".note.go.buildid"));
	if ((v->n_sections && !go) || !scan_data(v, &s))
		return false;
	g->address = s.found;
	return elf_view_offset(v, s.found, &g->offset, &left);
}

static int read_functions(struct go_table *g, struct err *err)
{
	if (!arena_fits(g->arena, g->n + 1, sizeof(*g->f)))
		return err_set(err, -E2BIG, "its Go table has %zu functions", g->n);
	g->f = arena_array(g->arena, struct function, g->n + 1);
	/* The last row has only an entry. */
	if (!elf_view_read(g->v, g->f, g->n * sizeof(*g->f) + 4, g->functions))
		return err_set(err, -EBADMSG, "its Go function table is cut off");
	return 0;
}

int go_table_open(struct arena *a, const struct elf_view *v, struct go_table **ret, struct err *err)
{
	struct go_table draft = { .arena = a, .v = v };
	unsigned char h[HEADER_BYTES];

	if (!find_header(&draft))
		return err_set(err, -ENODATA, "it is no Go program");
	if (!elf_view_read(v, h, sizeof(h), draft.offset) || !is_header(h))
		return err_set(err, -ENOTSUP,
			       "its Go function table is older than Go 1.18, newer than is known, "
			       "or damaged");
	struct go_table *g = arena_make(a, struct go_table);
	*g = draft;
	g->is_118 = u32(h) == MAGIC_118;
	g->n = (size_t)u64(h + 8);
	g->names = g->offset + u64(h + 32);
	g->units = g->offset + u64(h + 40);
	g->files = g->offset + u64(h + 48);
	g->values = g->offset + u64(h + 56);
	g->functions = g->offset + u64(h + 64);
	g->texts = texts_on(a);
	int bad = read_functions(g, err);
	if (bad)
		return bad;
	struct scan s = { .test = test_module, .g = g };
	if (!scan_data(v, &s) && !find_module_by_relocs(g)) {
		/* 1.18 to 1.25 say it in the header too; later the section is as good, but for
		 * programs that the system's linker put together. */
		const struct elf_section *text = elf_view_section(v, S(".text"));
		g->text = u64(h + 24) ? u64(h + 24) : text ? text->vaddr : 0;
	}
	if (!g->text)
		return err_set(err, -EBADMSG, "its Go function table belongs to no text");
	*ret = g;
	return 0;
}

/* The string at OFFSET of the file. */
static struct str string_at(struct go_table *g, uint64_t offset)
{
	char c[NAME_MAX_N];
	struct str known;

	if (texts_find(&g->texts, offset, &known))
		return known;
	size_t got = elf_view_read_some(g->v, c, sizeof(c), offset);
	return texts_copy(&g->texts, offset, (struct str){ c, strnlen(c, got) });
}

struct bytes { /* a stream of varints in the file */
	const struct elf_view *v;
	uint64_t next;
	size_t at, n, left; /* left: bound of what may still be read */
	unsigned char piece[128];
};

static bool next_varint(struct bytes *b, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		if (b->at == b->n) {
			b->n = elf_view_read_some(b->v, b->piece, sizeof(b->piece), b->next);
			b->next += b->n;
			b->at = 0;
		}
		if (!b->n || !b->left)
			return false;
		b->left--;
		uint32_t c = b->piece[b->at++];
		v |= (c & 0x7f) << (shift < 32 ? shift : 0);
		if (!(c & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* The value that holds at OFFSET bytes behind the entry of a function; -1: none. */
static int32_t value_at(const struct go_table *g, uint32_t table, uint64_t offset)
{
	struct bytes b = { .v = g->v, .next = g->values + table, .left = TABLE_MAX };
	uint32_t step, distance, value = UINT32_MAX;
	uint64_t pc = 0;

	if (!table)
		return -1;
	for (bool first = true; next_varint(&b, &step); first = false) {
		if ((step == 0 && !first) || !next_varint(&b, &distance))
			break;
		value += step & 1 ? ~(step >> 1) : step >> 1;
		pc += distance;
		if (offset < pc)
			return (int32_t)value;
	}
	return -1;
}

static bool read_details(const struct go_table *g, const struct function *f, struct details *ret)
{
	unsigned char p[44];
	uint64_t at = g->functions + f->at;
	size_t n = g->is_118 ? 40 : 44; /* 1.20 put the first line before the last word */

	if (!elf_view_read(g->v, p, n, at))
		return false;
	*ret = (struct details){ .entry = u32(p),
				 .name = u32(p + 4),
				 .files = u32(p + 20),
				 .lines = u32(p + 24),
				 .n_pcdata = u32(p + 28),
				 .unit = u32(p + 32),
				 .n_funcdata = p[n - 1],
				 .pcdata = at + n };
	ret->funcdata = ret->pcdata + (uint64_t)ret->n_pcdata * 4;
	return ret->n_pcdata < 64;
}

static uint32_t word_at(const struct go_table *g, uint64_t offset, uint32_t otherwise)
{
	unsigned char p[4];

	return elf_view_read(g->v, p, sizeof(p), offset) ? u32(p) : otherwise;
}

static void place_of(struct go_table *g, const struct details *d, uint64_t offset,
		     struct name *into)
{
	int32_t file = value_at(g, d->files, offset), line = value_at(g, d->lines, offset);

	if (file < 0 || line <= 0)
		return;
	uint32_t at = word_at(g, g->units + ((uint64_t)d->unit + (uint32_t)file) * 4, UINT32_MAX);
	if (at == UINT32_MAX)
		return;
	into->file = string_at(g, g->files + at);
	into->line = (uint32_t)line;
}

/* The call inlined at OFFSET: its name, and from where it was called. */
static bool inlined_at(struct go_table *g, const struct details *d, uint64_t offset,
		       struct str *ret_name, uint64_t *ret_parent)
{
	size_t n = g->is_118 ? 20 : 16;
	unsigned char p[20];
	uint64_t at, left;

	if (!g->gofunc || d->n_pcdata <= PCDATA_INLINE || d->n_funcdata <= FUNCDATA_INLINE)
		return false;
	int32_t index = value_at(g, word_at(g, d->pcdata + UINT64_C(4) * PCDATA_INLINE, 0), offset);
	uint32_t tree = word_at(g, d->funcdata + UINT64_C(4) * FUNCDATA_INLINE, UINT32_MAX);
	if (index < 0 || tree == UINT32_MAX ||
	    !elf_view_offset(g->v, g->gofunc + tree + (uint64_t)(uint32_t)index * n, &at, &left) ||
	    left < n || !elf_view_read(g->v, p, n, at))
		return false;
	*ret_name = string_at(g, g->names + u32(p + (g->is_118 ? 12 : 4)));
	*ret_parent = u32(p + (g->is_118 ? 16 : 8));
	return true;
}

static const struct function *function_at(const struct go_table *g, uint64_t vaddr)
{
	size_t lo = 0, hi = g->n;
	uint64_t offset = vaddr - g->text;

	if (vaddr < g->text || offset >= g->f[g->n].entry)
		return NULL;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (g->f[mid].entry <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &g->f[lo - 1] : NULL;
}

void go_table_find(struct go_table *g, uint64_t vaddr, struct name_list *ret)
{
	const struct function *f = function_at(g, vaddr);
	struct details d;
	struct str name;
	uint64_t parent;

	ret->n = 0;
	if (!f || !read_details(g, f, &d))
		return;
	uint64_t offset = vaddr - g->text - d.entry;
	while (ret->n < NAMES_DEPTH_MAX - 1 && inlined_at(g, &d, offset, &name, &parent)) {
		struct name *n = &ret->v[ret->n++];
		*n = (struct name){ .function = name, .kind = FRAME_INLINE };
		place_of(g, &d, offset, n);
		offset = parent;
	}
	struct name *n = &ret->v[ret->n++];
	*n = (struct name){ .function = string_at(g, g->names + d.name), .kind = FRAME_NATIVE };
	place_of(g, &d, offset, n);
	if (!n->function.n)
		ret->n = 0;
}
