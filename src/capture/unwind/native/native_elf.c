/* Finds what the table compiler needs in the bytes of an ELF file: by section headers, and by
 * program headers where those were cut off. */
#include <elf.h>
#include <errno.h>
#include <zlib.h>

#include "capture/unwind/native/native_priv.h"

#define VA_LIMIT     (UINT64_C(1) << 47) /* user space of x86-64 with four levels of pages */
#define LOADS_MAX    256                 /* programs have 4 to 20 */
#define DW_EH_PCREL  0x10
#define DW_EH_DATA   0x30
#define DW_EH_SDATA4 0x0b
#define DW_EH_UDATA4 0x03

uint64_t native_uleb(struct native_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint64_t b = native_number(c, 1);
		if (shift < 64)
			v |= (b & 127) << shift;
		if (!(b & 128))
			return v;
	}
}

int64_t native_sleb(struct native_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0;;) {
		uint64_t b = native_number(c, 1);
		if (shift < 64)
			v |= (b & 127) << shift;
		shift += 7;
		if (b & 128)
			continue;
		if (b & 64 && shift < 64)
			v |= ~UINT64_C(0) << shift;
		return (int64_t)v;
	}
}

/* The part of the file that [offset, offset + size) is; empty when it is not all there. */
static struct native_bytes slice(const struct native_image *img, uint64_t offset, uint64_t size,
				 uint64_t va)
{
	if (offset > img->file.n || size > img->file.n - offset)
		return (struct native_bytes){ 0 };
	return (struct native_bytes){ .p = img->file.p + offset, .n = (size_t)size, .va = va };
}

struct native_bytes native_image_at(const struct native_image *img, uint64_t va)
{
	for (size_t i = 0; i < img->n_load; i++) {
		const struct native_segment *s = &img->load[i];
		if (va >= s->va && va - s->va < s->size)
			return slice(img, s->offset + (va - s->va), s->size - (va - s->va), va);
	}
	return (struct native_bytes){ 0 };
}

const struct native_segment *native_image_exec(const struct native_image *img, uint64_t va)
{
	for (size_t i = 0; i < img->n_load; i++)
		if (img->load[i].exec && va >= img->load[i].va && va < img->load[i].end)
			return &img->load[i];
	return NULL;
}

static void load_add(struct native_image *img, const Elf64_Phdr *p)
{
	struct native_segment s = { .va = p->p_vaddr,
				    .offset = p->p_offset,
				    .size = p->p_filesz,
				    .exec = p->p_flags & PF_X };

	if (img->n_load == LOADS_MAX || p->p_offset > img->file.n || p->p_vaddr >= VA_LIMIT ||
	    p->p_memsz > VA_LIMIT)
		return;
	/* A file that was cut short still has its beginning. */
	if (s.size > img->file.n - s.offset)
		s.size = img->file.n - s.offset;
	s.end = s.va + p->p_memsz;
	s.end = s.end < VA_LIMIT ? s.end : VA_LIMIT;
	img->load[img->n_load++] = s;
}

/* The dynamic relocations, for what only they know of a file that may lie anywhere. */
static void read_dynamic(struct native_image *img, const Elf64_Phdr *p)
{
	struct native_bytes b = slice(img, p->p_offset, p->p_filesz, p->p_vaddr);
	struct native_cursor c = native_cursor(b, 0, b.n);

	while (!c.bad) {
		uint64_t tag = native_number(&c, 8), value = native_number(&c, 8);
		if (c.bad || tag == DT_NULL)
			return;
		if (tag == DT_RELA)
			img->rela_va = value;
		else if (tag == DT_RELASZ)
			img->rela_n = value / sizeof(Elf64_Rela);
	}
}

/* The binary search table in front of .eh_frame says where that begins and how much is in it. */
static void read_eh_frame_hdr(struct native_image *img, const Elf64_Phdr *p)
{
	struct native_bytes b = slice(img, p->p_offset, p->p_filesz, p->p_vaddr);
	struct native_cursor c = native_cursor(b, 0, b.n);
	uint64_t version = native_number(&c, 1), enc = native_number(&c, 1);
	uint64_t count_enc = native_number(&c, 1);

	(void)native_number(&c, 1); /* encoding of the table, which is not needed */
	uint64_t here = b.va + 4;
	int64_t off = (int32_t)native_number(&c, 4);
	uint64_t count = native_number(&c, 4), va;
	if (c.bad || version != 1 || (enc & 0x0f) != DW_EH_SDATA4)
		return;
	if ((enc & 0x70) == DW_EH_PCREL)
		va = here + (uint64_t)off;
	else if ((enc & 0x70) == DW_EH_DATA)
		va = b.va + (uint64_t)off;
	else
		return;
	img->eh_frame = native_image_at(img, va);
	img->eh_fdes = count_enc == DW_EH_UDATA4 ? (size_t)count : 0;
}

static int read_segments(struct arena *a, struct native_image *img, const Elf64_Ehdr *h,
			 struct err *err)
{
	struct native_bytes b =
		slice(img, h->e_phoff, (uint64_t)h->e_phnum * sizeof(Elf64_Phdr), 0);
	Elf64_Phdr p;

	if (h->e_phnum && (h->e_phentsize != sizeof(p) || !b.n))
		return err_set(err, -EBADMSG, "the program headers of the ELF file are damaged");
	img->load = arena_array(a, struct native_segment, LOADS_MAX);
	for (size_t i = 0; i < h->e_phnum; i++) {
		memcpy(&p, b.p + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD)
			load_add(img, &p);
		else if (p.p_type == PT_DYNAMIC)
			read_dynamic(img, &p);
	}
	for (size_t i = 0; i < h->e_phnum; i++) {
		memcpy(&p, b.p + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_GNU_EH_FRAME)
			read_eh_frame_hdr(img, &p);
	}
	return 0;
}

/* The content of a section, unpacked when it is compressed; empty when that is not possible. */
static struct native_bytes content(struct arena *a, const struct native_image *img,
				   const Elf64_Shdr *s)
{
	Elf64_Chdr h;
	struct native_bytes b = { 0 };

	if (s->sh_type == SHT_NOBITS)
		return b;
	b = slice(img, s->sh_offset, s->sh_size, s->sh_addr);
	if (!(s->sh_flags & SHF_COMPRESSED) || b.n < sizeof(h))
		return b;
	memcpy(&h, b.p, sizeof(h));
	/* Deflate gains less than 1032:1; who claims more lies. */
	if (h.ch_type != ELFCOMPRESS_ZLIB || h.ch_size / 1032 > b.n ||
	    !arena_fits(a, (size_t)h.ch_size, 1))
		return (struct native_bytes){ 0 };
	unsigned char *out = arena_array(a, unsigned char, (size_t)h.ch_size);
	uLongf n = h.ch_size;
	if (uncompress(out, &n, b.p + sizeof(h), b.n - sizeof(h)) != Z_OK)
		return (struct native_bytes){ 0 };
	return (struct native_bytes){ .p = out, .n = n, .va = s->sh_addr };
}

static struct str section_name(struct native_bytes names, uint32_t at)
{
	const char *p = (const char *)names.p + at;

	if (at >= names.n)
		return (struct str){ "", 0 };
	return (struct str){ p, strnlen(p, names.n - at) };
}

static void section_take(struct arena *a, struct native_image *img, const Elf64_Shdr *s,
			 struct str name)
{
	const struct {
		struct str name;
		struct native_bytes *into;
	} wanted[] = {
		{ S(".debug_frame"), &img->debug_frame },
		{ S(".gopclntab"), &img->pclntab },
		{ S(".data.rel.ro.gopclntab"), &img->pclntab },
		{ S(".plt"), &img->plt },
		{ S(".plt.sec"), &img->plt_sec },
		{ S(".plt.got"), &img->plt_got },
		{ S(".init"), &img->init },
		{ S(".fini"), &img->fini },
		{ S(".text"), &img->text },
	};

	if (str_eq(name, S(".eh_frame"))) {
		struct native_bytes b = content(a, img, s);
		if (b.n) {
			img->eh_frame = b;
			img->eh_fdes = SIZE_MAX;
		}
		return;
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (str_eq(name, wanted[i].name) && !wanted[i].into->n)
			*wanted[i].into = content(a, img, s);
}

/* Damaged or missing section headers are no error: they are not needed to run a program. */
static void read_sections(struct arena *a, struct native_image *img, const Elf64_Ehdr *h)
{
	struct native_bytes table = slice(img, h->e_shoff, sizeof(Elf64_Shdr), 0);
	Elf64_Shdr s;

	if (!h->e_shoff || h->e_shentsize != sizeof(s) || !table.n)
		return;
	memcpy(&s, table.p, sizeof(s));
	/* gABI: counts that do not fit into the header are in section 0. */
	uint64_t n = h->e_shnum ? h->e_shnum : s.sh_size;
	uint64_t at = h->e_shstrndx == SHN_XINDEX ? s.sh_link : h->e_shstrndx;
	if (n > img->file.n / sizeof(s) || at >= n)
		return;
	table = slice(img, h->e_shoff, n * sizeof(s), 0);
	if (!table.n)
		return;
	memcpy(&s, table.p + at * sizeof(s), sizeof(s));
	struct native_bytes names = slice(img, s.sh_offset, s.sh_size, 0);
	for (uint64_t i = 1; i < n; i++) {
		memcpy(&s, table.p + i * sizeof(s), sizeof(s));
		section_take(a, img, &s, section_name(names, s.sh_name));
	}
}

int native_image(struct arena *a, const unsigned char *elf, size_t n, struct native_image *ret,
		 struct err *err)
{
	struct native_image img = { .file = { .p = elf, .n = n } };
	Elf64_Ehdr h;

	if (n < sizeof(h) || memcmp(elf, ELFMAG, SELFMAG) != 0)
		return err_set(err, -EBADMSG, "this is not an ELF file");
	memcpy(&h, elf, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    h.e_machine != EM_X86_64)
		return err_set(err, -ENODATA, "this ELF file is not for x86-64");
	if (h.e_type != ET_EXEC && h.e_type != ET_DYN)
		return err_set(err, -ENODATA, "this ELF file is no program and no library");
	img.entry = h.e_entry;
	int r = read_segments(a, &img, &h, err);
	if (r)
		return r;
	read_sections(a, &img, &h);
	*ret = img;
	return 0;
}
