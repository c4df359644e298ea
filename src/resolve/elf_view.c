/* Knows the layout of ELF headers (elf(5), gABI) and asks the bounds before each belief. */
#include "resolve/elf_view.h"

#include <errno.h>

#define SEGMENTS_MAX 4096u  /* the kernel takes no more than 64 KB of them */
#define SECTIONS_MAX 65536u /* object files of -ffunction-sections have more; programs have not */
#define NOTES_MAX    (64u << 10)
#define NAMES_MAX    (4u << 20)

size_t elf_view_read_some(const struct elf_view *v, void *into, size_t n, uint64_t offset)
{
	if (v->fd >= 0) {
		ssize_t got = file_pread_some(v->fd, into, n, offset);
		return got > 0 ? (size_t)got : 0;
	}
	if (offset >= v->mem.n)
		return 0;
	size_t left = v->mem.n - (size_t)offset;
	n = n < left ? n : left;
	memcpy(into, v->mem.p + offset, n);
	return n;
}

bool elf_view_read(const struct elf_view *v, void *into, size_t n, uint64_t offset)
{
	uint64_t end;

	return !__builtin_add_overflow(offset, n, &end) && end <= v->size &&
	       elf_view_read_some(v, into, n, offset) == n;
}

static int measure(struct elf_view *v, struct err *err)
{
	struct file_id id;

	if (v->fd < 0) {
		v->size = v->mem.n;
		return 0;
	}
	int bad = file_id(v->fd, &id, err);
	if (!bad)
		v->size = id.size;
	return bad;
}

static int read_segments(struct elf_view *v, const Elf64_Ehdr *h, struct arena *a, struct err *err)
{
	if (h->e_phnum == 0)
		return 0;
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum > SEGMENTS_MAX ||
	    !arena_fits(a, h->e_phnum, sizeof(Elf64_Phdr)))
		return err_set(err, -EBADMSG, "its program headers are damaged");
	Elf64_Phdr *p = arena_array(a, Elf64_Phdr, h->e_phnum);
	if (!elf_view_read(v, p, h->e_phnum * sizeof(*p), h->e_phoff))
		return err_set(err, -EBADMSG, "its program headers lie outside the file");
	v->segment = p;
	v->n_segments = h->e_phnum;
	return 0;
}

int elf_view_open(struct elf_view *v, struct arena *a, struct err *err)
{
	Elf64_Ehdr h;
	int bad = measure(v, err);

	if (bad)
		return bad;
	if (!elf_view_read(v, &h, sizeof(h), 0) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(err, -ENOEXEC, "it is not an ELF file");
	if (h.e_ident[EI_CLASS] != ELFCLASS64)
		return err_set(err, -ENOEXEC, "it is a 32-bit ELF file");
	if (h.e_ident[EI_DATA] != ELFDATA2LSB)
		return err_set(err, -ENOEXEC, "it is a big-endian ELF file");
	v->type = h.e_type;
	v->machine = h.e_machine;
	return read_segments(v, &h, a, err);
}

static struct str name_at(struct str names, uint32_t at)
{
	if (at >= names.n)
		return S("");
	return (struct str){ names.p + at, strnlen(names.p + at, names.n - at) };
}

static int name_sections(struct elf_view *v, const Elf64_Shdr *raw, uint32_t strings,
			 struct arena *a, struct err *err)
{
	struct str names = { 0 };

	for (size_t i = 0; i < v->n_sections; i++)
		v->section[i] = (struct elf_section){ .type = raw[i].sh_type,
						      .link = raw[i].sh_link,
						      .info = raw[i].sh_info,
						      .flags = raw[i].sh_flags,
						      .vaddr = raw[i].sh_addr,
						      .offset = raw[i].sh_offset,
						      .size = raw[i].sh_size,
						      .entry_size = raw[i].sh_entsize };
	if (strings >= v->n_sections)
		return err_set(err, -EBADMSG, "its sections have no names");
	int bad = elf_view_load(v, &v->section[strings], a, NAMES_MAX, &names, err);
	for (size_t i = 0; !bad && i < v->n_sections; i++)
		v->section[i].name = name_at(names, raw[i].sh_name);
	return bad;
}

int elf_view_sections(struct elf_view *v, struct arena *a, struct err *err)
{
	Elf64_Ehdr h;
	Elf64_Shdr first;

	if (v->n_sections)
		return 0;
	if (!elf_view_read(v, &h, sizeof(h), 0) || h.e_shoff == 0)
		return err_set(err, -ENODATA, "it has no section headers");
	if (h.e_shentsize != sizeof(first) || !elf_view_read(v, &first, sizeof(first), h.e_shoff))
		return err_set(err, -EBADMSG, "its section headers lie outside the file");
	/* gABI: counts that do not fit 16 bits are in the first header. */
	uint64_t n = h.e_shnum ? h.e_shnum : first.sh_size;
	uint32_t strings = h.e_shstrndx == SHN_XINDEX ? first.sh_link : h.e_shstrndx;
	size_t each = sizeof(Elf64_Shdr) + sizeof(struct elf_section);
	if (n == 0 || n > SECTIONS_MAX || !arena_fits(a, (size_t)n, each))
		return err_set(err, -EBADMSG, "its section headers are damaged");
	Elf64_Shdr *raw = arena_array(a, Elf64_Shdr, (size_t)n);
	if (!elf_view_read(v, raw, (size_t)n * sizeof(*raw), h.e_shoff))
		return err_set(err, -EBADMSG, "its section headers lie outside the file");
	v->section = arena_array(a, struct elf_section, (size_t)n);
	v->n_sections = (size_t)n;
	int bad = name_sections(v, raw, strings, a, err);
	if (bad)
		v->n_sections = 0;
	return bad;
}

const struct elf_section *elf_view_section(const struct elf_view *v, struct str name)
{
	for (size_t i = 0; i < v->n_sections; i++)
		if (str_eq(v->section[i].name, name))
			return &v->section[i];
	return NULL;
}

int elf_view_load(const struct elf_view *v, const struct elf_section *s, struct arena *a,
		  size_t max, struct str *ret, struct err *err)
{
	if (s->type == SHT_NOBITS)
		return err_set(err, -ENODATA, "section " STR_FMT " has no content",
			       STR_ARG(s->name));
	if (s->offset > v->size || s->size > v->size - s->offset)
		return err_set(err, -EBADMSG, "section " STR_FMT " lies outside the file",
			       STR_ARG(s->name));
	if (s->size > max || !arena_fits(a, (size_t)s->size, 1))
		return err_set(err, -E2BIG, "section " STR_FMT " has %llu bytes", STR_ARG(s->name),
			       (unsigned long long)s->size);
	char *p = arena_array(a, char, (size_t)s->size + !s->size);
	if (!elf_view_read(v, p, (size_t)s->size, s->offset))
		return err_set(err, -EBADMSG, "section " STR_FMT " cannot be read",
			       STR_ARG(s->name));
	*ret = (struct str){ p, (size_t)s->size };
	return 0;
}

bool elf_view_offset(const struct elf_view *v, uint64_t vaddr, uint64_t *ret, uint64_t *ret_left)
{
	for (size_t i = 0; i < v->n_segments; i++) {
		const Elf64_Phdr *p = &v->segment[i];
		if (p->p_type != PT_LOAD || vaddr < p->p_vaddr || vaddr - p->p_vaddr >= p->p_filesz)
			continue;
		if (__builtin_add_overflow(p->p_offset, vaddr - p->p_vaddr, ret))
			continue;
		*ret_left = p->p_filesz - (vaddr - p->p_vaddr);
		return true;
	}
	return false;
}

/* In the notes at OFFSET. Notes are padded to 4 bytes, in the segment of .note.gnu.property to 8,
 * where no build-id is. */
static size_t find_note(const struct elf_view *v, uint64_t offset, uint64_t size, uint8_t *into,
			size_t max)
{
	uint64_t end = size < NOTES_MAX ? size : NOTES_MAX, at = 0;
	Elf64_Nhdr note;

	while (end - at >= sizeof(note) && elf_view_read(v, &note, sizeof(note), offset + at)) {
		uint64_t name = at + sizeof(note);
		uint64_t desc = name + ((uint64_t)note.n_namesz + 3) / 4 * 4;
		uint64_t next = desc + ((uint64_t)note.n_descsz + 3) / 4 * 4;
		char owner[4];
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz &&
		    note.n_descsz <= max && elf_view_read(v, owner, 4, offset + name) &&
		    memcmp(owner, "GNU", 4) == 0 &&
		    elf_view_read(v, into, note.n_descsz, offset + desc))
			return note.n_descsz;
		if (next > end)
			break;
		at = next;
	}
	return 0;
}

size_t elf_view_build_id(const struct elf_view *v, uint8_t *into, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; !n && i < v->n_segments; i++)
		if (v->segment[i].p_type == PT_NOTE && v->segment[i].p_offset < v->size)
			n = find_note(v, v->segment[i].p_offset, v->segment[i].p_filesz, into, max);
	for (size_t i = 0; !n && i < v->n_sections; i++)
		if (v->section[i].type == SHT_NOTE && v->section[i].offset < v->size)
			n = find_note(v, v->section[i].offset, v->section[i].size, into, max);
	return n;
}
