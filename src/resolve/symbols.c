/* Reads tables in pieces, sorts by radix (a comparison sort of 150,000 rows takes 30 ms), and
 * settles who owns an address. */
#include "resolve/symbols.h"

#include <errno.h>

#include "base/vec.h"
#include "resolve/texts.h"

#define TABLES_MAX   8u  /* name: 3 bits of table ... */
#define NAME_BITS    29u /* ... and 29 bits of offset in its strings */
#define PIECE        1024u
#define NAME_MAX_N   ((size_t)65536)
#define ROWS_MAX     (4u << 20)
#define BUILDING_MAX (512u << 20)
#define WALK_MAX     64u /* symbols that may end before an address and begin behind its owner */
#define RADIX_BITS   11u
#define RADIX        (1u << RADIX_BITS)

enum { RANK_GLOBAL = 2, RANK_WEAK = 1, RANK_FUNCTION = 4, RANK_SIZED = 8 };

struct row {
	uint64_t start;
	uint32_t size;
	uint32_t name;
};

struct draft { /* a row before sorting */
	struct row row;
	uint64_t section_end;
	uint8_t rank;
};

struct order {
	uint64_t key;
	uint32_t draft;
};

struct table {
	const struct elf_view *v;
	uint64_t strings, strings_n;
};

struct symbols {
	struct arena *arena;
	struct table table[TABLES_MAX];
	unsigned n_tables;
	bool complete; /* a .symtab was among them */
	struct row *row;
	size_t n;
	struct arena *building; /* from the first take to the sort */
	VEC(struct draft) drafts;
	uint64_t first, last; /* addresses seen */
	struct texts names;   /* by packed name */
};

struct symbols *symbols_new(struct arena *a)
{
	struct symbols *s = arena_make(a, struct symbols);

	s->arena = a;
	s->first = UINT64_MAX;
	s->names = texts_on(a);
	return s;
}

/* Local labels of the assembler and mapping symbols are no functions. */
static bool is_label(const struct table *t, uint32_t name)
{
	char head[2] = { 0 };

	if (name >= t->strings_n)
		return true;
	(void)elf_view_read_some(t->v, head, sizeof(head), t->strings + name);
	return head[0] == 0 || head[0] == '$' || (head[0] == '.' && head[1] == 'L');
}

static void take_one(struct symbols *s, const struct table *t, const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info), bind = ELF64_ST_BIND(sym->st_info);
	bool function = type == STT_FUNC || type == STT_GNU_IFUNC;

	if ((!function && type != STT_NOTYPE) || sym->st_shndx == SHN_UNDEF ||
	    sym->st_shndx >= t->v->n_sections || sym->st_name >> NAME_BITS)
		return;
	const struct elf_section *in = &t->v->section[sym->st_shndx];
	uint64_t at = sym->st_value - in->vaddr;
	if (!(in->flags & SHF_EXECINSTR) || sym->st_value < in->vaddr || at >= in->size ||
	    (!function && is_label(t, sym->st_name)))
		return;
	uint64_t size = sym->st_size < in->size - at ? sym->st_size : in->size - at;
	unsigned rank = (size ? RANK_SIZED : 0u) | (function ? RANK_FUNCTION : 0u) |
			(bind == STB_GLOBAL || bind == STB_GNU_UNIQUE ? RANK_GLOBAL
			 : bind == STB_WEAK                           ? RANK_WEAK
								      : 0u);
	if (sym->st_value < s->first)
		s->first = sym->st_value;
	if (sym->st_value > s->last)
		s->last = sym->st_value;
	*vec_add(s->building, &s->drafts) = (struct draft){
		.row = { .start = sym->st_value,
			 .size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size,
			 .name = sym->st_name | (uint32_t)(t - s->table) << NAME_BITS },
		.section_end = in->vaddr + in->size,
		.rank = (uint8_t)rank,
	};
}

static int take_table(struct symbols *s, const struct elf_view *v, const struct elf_section *in,
		      struct err *err)
{
	Elf64_Sym piece[PIECE];

	if (s->n_tables == TABLES_MAX || in->link >= v->n_sections ||
	    in->entry_size != sizeof(*piece) || in->offset > v->size ||
	    in->size > v->size - in->offset)
		return err_set(err, -EBADMSG, "its symbol table is damaged");
	const struct elf_section *strings = &v->section[in->link];
	if (strings->type != SHT_STRTAB || strings->offset > v->size ||
	    strings->size > v->size - strings->offset)
		return err_set(err, -EBADMSG, "its symbol names lie outside the file");
	struct table *t = &s->table[s->n_tables++];
	*t = (struct table){ v, strings->offset, strings->size };
	size_t n = (size_t)(in->size / sizeof(*piece));
	for (size_t i = 0; i < n; i += PIECE) {
		size_t m = n - i < PIECE ? n - i : PIECE;
		if (!elf_view_read(v, piece, m * sizeof(*piece), in->offset + i * sizeof(*piece)))
			return err_set(err, -EBADMSG, "its symbol table cannot be read");
		if (s->drafts.n + m > ROWS_MAX)
			return err_set(err, -E2BIG, "it has more than %u symbols", ROWS_MAX);
		for (size_t j = 0; j < m; j++)
			take_one(s, t, &piece[j]);
	}
	return 0;
}

bool symbols_take(struct symbols *s, const struct elf_view *v, struct err *err)
{
	bool whole = false;

	if (!s->building)
		s->building = arena_open("symbols", BUILDING_MAX);
	/* .symtab first: of equals the first one wins, and it has the longer story. */
	for (unsigned pass = 0; pass < 2; pass++) {
		uint32_t type = pass ? SHT_DYNSYM : SHT_SYMTAB;
		for (size_t i = 0; i < v->n_sections; i++)
			if (v->section[i].type == type && !take_table(s, v, &v->section[i], err))
				whole = whole || type == SHT_SYMTAB;
	}
	s->complete = s->complete || whole;
	return whole;
}

/* Stable: of equal addresses the one taken first stays first. */
static struct order *sorted(const struct symbols *s)
{
	struct arena *a = s->building;
	size_t n = s->drafts.n;
	struct order *from = arena_array(a, struct order, n + 1);
	struct order *to = arena_array(a, struct order, n + 1);

	for (size_t i = 0; i < n; i++)
		from[i] = (struct order){ s->drafts.v[i].row.start - s->first, (uint32_t)i };
	for (unsigned shift = 0; shift < 64 && (s->last - s->first) >> shift; shift += RADIX_BITS) {
		size_t at[RADIX] = { 0 }, sum = 0;
		for (size_t i = 0; i < n; i++)
			at[from[i].key >> shift & (RADIX - 1)]++;
		for (size_t r = 0; r < RADIX; r++) {
			size_t count = at[r];
			at[r] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[at[from[i].key >> shift & (RADIX - 1)]++] = from[i];
		struct order *swap = from;
		from = to;
		to = swap;
	}
	return from;
}

static bool is_better(const struct draft *d, const struct draft *than)
{
	if (d->rank != than->rank)
		return d->rank > than->rank;
	return d->row.size > than->row.size;
}

/* How far a symbol without a size reaches: to NEXT, in its section. */
static uint32_t reach(const struct symbols *s, const struct draft *d, uint64_t next)
{
	uint64_t end = d->section_end < next ? d->section_end : next;
	uint64_t size = s->complete && end > d->row.start ? end - d->row.start : 1;

	return size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
}

void symbols_sort(struct symbols *s)
{
	size_t n = s->drafts.n;
	uint64_t covered = 0; /* by symbols with a size, so far */

	if (!n || !arena_fits(s->arena, n, sizeof(struct row))) {
		s->building = arena_close(s->building);
		s->drafts.n = 0;
		return;
	}
	struct order *o = sorted(s);
	struct row *out = arena_array(s->building, struct row, n);
	for (size_t i = 0, next; i < n; i = next) {
		const struct draft *best = &s->drafts.v[o[i].draft];
		for (next = i + 1; next < n && o[next].key == o[i].key; next++)
			if (is_better(&s->drafts.v[o[next].draft], best))
				best = &s->drafts.v[o[next].draft];
		struct row row = best->row;
		if (!row.size && row.start < covered)
			continue;
		if (row.size && row.start + row.size > covered)
			covered = row.start + row.size;
		if (!row.size)
			row.size = reach(s, best, next < n ? o[next].key + s->first : UINT64_MAX);
		out[s->n++] = row;
	}
	s->row = arena_array(s->arena, struct row, s->n);
	memcpy(s->row, out, s->n * sizeof(*out));
	s->building = arena_close(s->building);
	s->drafts.n = 0;
}

static struct str read_name(struct symbols *s, uint32_t packed)
{
	const struct table *t = &s->table[packed >> NAME_BITS];
	uint32_t at = packed & ((1u << NAME_BITS) - 1);
	char small[256], *p = small;
	size_t max = sizeof(small);

	struct str known;

	if (texts_find(&s->names, packed, &known))
		return known;
	if (at >= t->strings_n)
		return S("");
	uint64_t left = t->strings_n - at;
	auto_arena scratch = NULL;
	for (;;) {
		size_t want = left < max ? (size_t)left : max;
		size_t got = elf_view_read_some(t->v, p, want, t->strings + at);
		size_t n = strnlen(p, got);
		const char *version = memchr(p, '@', n);
		if (n < got || got < max || max >= NAME_MAX_N) {
			n = version && version > p ? (size_t)(version - p) : n;
			return texts_copy(&s->names, packed, (struct str){ p, n });
		}
		if (!scratch)
			scratch = arena_open("symbol name", 2 * NAME_MAX_N);
		max = NAME_MAX_N;
		p = arena_array(scratch, char, max);
	}
}

bool symbols_find(struct symbols *s, uint64_t vaddr, struct str *ret)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) { /* the first that starts behind VADDR */
		size_t mid = lo + (hi - lo) / 2;
		if (s->row[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (unsigned i = 0; i < WALK_MAX && lo > 0; i++) {
		const struct row *r = &s->row[--lo];
		if (vaddr - r->start < r->size) {
			*ret = read_name(s, r->name);
			return ret->n != 0;
		}
	}
	return false;
}
