/* Knows the layout of .eh_frame_hdr, CIEs and FDEs (LSB 5; DWARF 5, section 6.4.1), as far as the
 * extent of a function needs it. */
#include "resolve/fde_table.h"

#define ROWS_MAX    (4u << 20) /* 32 MB; the largest browsers have a million functions */
#define CIE_MAX     64u        /* of one CIE: its augmentation stands at the beginning */
#define CIES_KNOWN  4u
#define NO_ENCODING 0xff

enum { /* DW_EH_PE_*: the form in the low bits, what it counts from above */
       FORM_ABSOLUTE = 0,
       FORM_LEB = 1,
       FORM_2 = 2,
       FORM_4 = 3,
       FORM_8 = 4,
       TABLE_OF_4 = 0x3b, /* signed, 4 bytes, from the start of the index */
};

struct row { /* from the start of the index */
	int32_t start, fde;
};

struct cie {
	uint64_t vaddr; /* 0: none */
	uint8_t encoding;
};

struct fde_table {
	const struct elf_view *v;
	uint64_t index; /* its link-time address */
	struct row *row;
	size_t n;
	struct cie cie[CIES_KNOWN]; /* the last ones; most programs have two */
	unsigned next_cie;
};

/* How many bytes a value takes; 0: it varies, or nobody knows. */
static size_t encoded_size(uint8_t encoding)
{
	switch (encoding & 7) {
	case FORM_ABSOLUTE:
	case FORM_8:
		return 8;
	case FORM_2:
		return 2;
	case FORM_4:
		return 4;
	default:
		return 0;
	}
}

struct fde_table *fde_table_open(struct arena *a, const struct elf_view *v)
{
	const Elf64_Phdr *p = NULL;
	uint8_t head[4];
	uint32_t count;

	for (size_t i = 0; i < v->n_segments && !p; i++)
		if (v->segment[i].p_type == PT_GNU_EH_FRAME)
			p = &v->segment[i];
	if (!p || p->p_filesz < sizeof(head) || !elf_view_read(v, head, sizeof(head), p->p_offset))
		return NULL;
	/* Version, then the encodings of: where .eh_frame is, how many rows, the rows. */
	size_t skip = sizeof(head) + encoded_size(head[1]);
	if (head[0] != 1 || skip == sizeof(head) || encoded_size(head[2]) != sizeof(count) ||
	    head[3] != TABLE_OF_4 || p->p_filesz < skip + sizeof(count) ||
	    !elf_view_read(v, &count, sizeof(count), p->p_offset + skip))
		return NULL;
	skip += sizeof(count);
	if (count == 0 || count > ROWS_MAX || count > (p->p_filesz - skip) / sizeof(struct row) ||
	    !arena_fits(a, count, sizeof(struct row)))
		return NULL;
	struct row *row = arena_array(a, struct row, count);
	if (!elf_view_read(v, row, count * sizeof(*row), p->p_offset + skip))
		return NULL;
	struct fde_table *t = arena_make(a, struct fde_table);
	*t = (struct fde_table){ .v = v, .index = p->p_vaddr, .row = row, .n = count };
	return t;
}

/* Past a LEB128 number; false when it does not end. */
static bool skip_leb(const uint8_t *p, size_t n, size_t *at)
{
	while (*at < n)
		if (!(p[(*at)++] & 0x80))
			return true;
	return false;
}

/* The encoding that a CIE with augmentation TEXT has for addresses; its data starts at AT. */
static uint8_t augmented(const uint8_t *p, size_t n, const char *text, size_t at)
{
	for (const char *c = text; *c; c++) {
		if (at >= n)
			return NO_ENCODING;
		if (*c == 'R')
			return p[at];
		if (*c == 'L')
			at++;
		else if (*c == 'P' && encoded_size(p[at]))
			at += 1 + encoded_size(p[at]);
		else if (*c != 'S' && *c != 'B' && *c != 'G')
			return NO_ENCODING;
	}
	return FORM_ABSOLUTE;
}

static uint8_t read_encoding(const struct fde_table *t, uint64_t vaddr)
{
	uint8_t p[CIE_MAX] = { 0 };
	uint64_t offset, left;
	uint32_t length, id;

	if (!elf_view_offset(t->v, vaddr, &offset, &left))
		return NO_ENCODING;
	size_t n = elf_view_read_some(t->v, p, left < sizeof(p) ? (size_t)left : sizeof(p), offset);
	if (n < 9)
		return NO_ENCODING;
	memcpy(&length, p, sizeof(length));
	memcpy(&id, p + 4, sizeof(id));
	n = length < n - 4 ? length + 4 : n;
	/* Version 1 is what compilers write, 3 what assemblers may; the text has to end in here. */
	if (id != 0 || n < 9 || (p[8] != 1 && p[8] != 3) || !memchr(p + 9, 0, n - 9))
		return NO_ENCODING;
	const char *text = (const char *)p + 9;
	size_t at = 9 + strlen(text) + 1;
	if (!*text)
		return FORM_ABSOLUTE;
	bool known = skip_leb(p, n, &at); /* the alignment of code */
	if (!skip_leb(p, n, &at))         /* that of data */
		known = false;
	if (known && p[8] == 1)
		at++; /* the return address, a byte */
	else
		known = known && skip_leb(p, n, &at);
	if (!known || *text != 'z' || !skip_leb(p, n, &at))
		return NO_ENCODING;
	return augmented(p, n, text + 1, at);
}

static uint8_t encoding_of(struct fde_table *t, uint64_t cie)
{
	for (unsigned i = 0; i < CIES_KNOWN; i++)
		if (t->cie[i].vaddr == cie && cie)
			return t->cie[i].encoding;
	struct cie *c = &t->cie[t->next_cie++ % CIES_KNOWN];
	*c = (struct cie){ cie, read_encoding(t, cie) };
	return c->encoding;
}

/* How long the function of the FDE at VADDR is; 0: not known. */
static uint64_t length_of(struct fde_table *t, uint64_t vaddr)
{
	uint64_t offset, left, length = 0;
	uint32_t head[2]; /* its own length, how far before this field its CIE is */

	if (!elf_view_offset(t->v, vaddr, &offset, &left) || left < sizeof(head) ||
	    !elf_view_read(t->v, head, sizeof(head), offset))
		return 0;
	/* 0 ends the section, all ones would announce a length of 64 bits, 0 is a CIE. */
	if (head[0] == 0 || head[0] == UINT32_MAX || head[1] == 0)
		return 0;
	size_t size = encoded_size(encoding_of(t, vaddr + 4 - head[1]));
	if (!size || left < sizeof(head) + 2 * size ||
	    !elf_view_read(t->v, &length, size, offset + sizeof(head) + size))
		return 0;
	return length;
}

bool fde_table_find(struct fde_table *t, uint64_t vaddr, uint64_t *ret_start)
{
	size_t lo = 0, hi = t ? t->n : 0;

	if (!t)
		return false;
	int64_t at = (int64_t)(vaddr - t->index);
	while (lo < hi) { /* the first that starts behind VADDR */
		size_t mid = lo + (hi - lo) / 2;
		if (t->row[mid].start <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return false;
	const struct row *r = &t->row[lo - 1];
	uint64_t start = t->index + (uint64_t)(int64_t)r->start;
	if (vaddr < start || vaddr - start >= length_of(t, t->index + (uint64_t)(int64_t)r->fde))
		return false;
	*ret_start = start;
	return true;
}
