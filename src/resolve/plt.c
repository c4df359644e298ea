/* Decodes `jmp *slot(%rip)` (ff 25 disp32) in .plt, .plt.sec and .plt.got; relocations say whose
 * slot it is (x86-64 psABI). */
#include "resolve/plt.h"

#include <stdlib.h>

#include "base/vec.h"

#define SECTION_MAX (4u << 20)
#define RELOCS_MAX  (1u << 20)
#define STUB        16u
#define NAME_MAX_N  4096u

struct slot {
	uint64_t address;
	uint32_t name; /* in the strings of .dynsym */
};

struct stub {
	uint64_t start;
	uint32_t size, slot;
};

struct plt {
	struct arena *arena;
	const struct elf_view *v;
	uint64_t strings, strings_n;
	VEC(struct slot) slots;
	VEC(struct stub) stubs;
};

static int slot_order(const void *a, const void *b)
{
	uint64_t x = ((const struct slot *)a)->address, y = ((const struct slot *)b)->address;

	return x < y ? -1 : x > y;
}

static int stub_order(const void *a, const void *b)
{
	uint64_t x = ((const struct stub *)a)->start, y = ((const struct stub *)b)->start;

	return x < y ? -1 : x > y;
}

static void take_relocs(struct plt *p, const struct elf_section *s, const struct elf_section *dyn)
{
	auto_arena scratch = arena_open("relocations", (RELOCS_MAX + 1) * sizeof(Elf64_Rela));
	struct str raw;
	struct err unused;

	if (elf_view_load(p->v, s, scratch, RELOCS_MAX * sizeof(Elf64_Rela), &raw, &unused))
		return;
	for (size_t i = 0; i + sizeof(Elf64_Rela) <= raw.n; i += sizeof(Elf64_Rela)) {
		Elf64_Rela r;
		Elf64_Sym sym;
		memcpy(&r, raw.p + i, sizeof(r));
		uint64_t type = ELF64_R_TYPE(r.r_info), index = ELF64_R_SYM(r.r_info);
		if ((type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) || index == 0 ||
		    index >= dyn->size / sizeof(sym) || p->slots.n >= RELOCS_MAX ||
		    !elf_view_read(p->v, &sym, sizeof(sym), dyn->offset + index * sizeof(sym)))
			continue;
		*vec_add(p->arena, &p->slots) = (struct slot){ r.r_offset, sym.st_name };
	}
}

static const struct slot *slot_at(const struct plt *p, uint64_t address)
{
	const struct slot key = { .address = address };

	return p->slots.n ? bsearch(&key, p->slots.v, p->slots.n, sizeof(key), slot_order) : NULL;
}

static void take_stubs(struct plt *p, const struct elf_section *s)
{
	auto_arena scratch = arena_open("plt", SECTION_MAX + 64);
	struct str raw;
	struct err unused;
	uint64_t step = s->entry_size == 8 ? 8 : STUB;

	if (elf_view_load(p->v, s, scratch, SECTION_MAX, &raw, &unused))
		return;
	for (uint64_t at = 0; at + step <= raw.n; at += step) {
		const unsigned char *c = (const unsigned char *)raw.p + at;
		/* endbr64 and a bnd prefix may stand before the jump. */
		for (uint64_t i = 0; i + 6 <= step; i++) {
			int32_t distance;
			if (c[i] != 0xff || c[i + 1] != 0x25)
				continue;
			memcpy(&distance, c + i + 2, sizeof(distance));
			const struct slot *slot =
				slot_at(p, s->vaddr + at + i + 6 + (uint64_t)(int64_t)distance);
			if (slot)
				*vec_add(p->arena, &p->stubs) =
					(struct stub){ s->vaddr + at, (uint32_t)step,
						       (uint32_t)(slot - p->slots.v) };
			break;
		}
	}
}

struct plt *plt_open(struct arena *a, const struct elf_view *v)
{
	struct plt *p = arena_make(a, struct plt);
	const struct elf_section *dyn = elf_view_section(v, S(".dynsym"));

	p->arena = a;
	p->v = v;
	if (v->machine != EM_X86_64 || !dyn || dyn->type != SHT_DYNSYM ||
	    dyn->link >= v->n_sections || !arena_fits(a, RELOCS_MAX, 4 * sizeof(struct slot)))
		return p;
	p->strings = v->section[dyn->link].offset;
	p->strings_n = v->section[dyn->link].size;
	for (size_t i = 0; i < v->n_sections; i++)
		if (v->section[i].type == SHT_RELA)
			take_relocs(p, &v->section[i], dyn);
	if (p->slots.n)
		qsort(p->slots.v, p->slots.n, sizeof(*p->slots.v), slot_order);
	for (size_t i = 0; i < v->n_sections; i++)
		if (str_eq(v->section[i].name, S(".plt")) ||
		    str_starts(v->section[i].name, S(".plt.")))
			take_stubs(p, &v->section[i]);
	if (p->stubs.n)
		qsort(p->stubs.v, p->stubs.n, sizeof(*p->stubs.v), stub_order);
	return p;
}

bool plt_find(const struct plt *p, uint64_t vaddr, struct str *ret)
{
	size_t lo = 0, hi = p->stubs.n;
	char name[NAME_MAX_N];

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (p->stubs.v[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || vaddr - p->stubs.v[lo - 1].start >= p->stubs.v[lo - 1].size)
		return false;
	uint32_t at = p->slots.v[p->stubs.v[lo - 1].slot].name;
	if (at >= p->strings_n)
		return false;
	size_t got = elf_view_read_some(p->v, name, sizeof(name), p->strings + at);
	size_t n = strnlen(name, got);
	if (n == 0 || n == got || !arena_fits(p->arena, 1, n + 16))
		return false;
	*ret = (struct str){ name, n };
	*ret = arena_printf(p->arena, STR_FMT "@plt", STR_ARG(*ret));
	return true;
}
