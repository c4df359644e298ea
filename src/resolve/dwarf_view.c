/*
 * Knows DWARF's tree of scopes by libdw. dwarf_getscopes() walks a unit once per address; here a
 * unit is walked once for its functions, and a function once for what is inlined into it.
 */
#include "resolve/dwarf_view.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>

#include "base/vec.h"
#include "resolve/demangle.h"
#include "resolve/interval.h"
#include "resolve/texts.h"

#define DEPTH_MAX 128u /* of scopes; compilers stay below 60 */
#define ENTRIES_MAX                                                                              \
	(256u << 20)             /* DIEs looked at in one file: sibling links can run in circles \
				  */
#define RANGES_MAX   (16u << 20) /* ranges kept of one file */
#define UNITS_MAX    (4u << 20)
#define READ_MAX     (256u << 20) /* larger files are mapped instead of read */
#define EXPANDED_MAX (UINT64_C(4) << 30)
#define TEXT_MAX     65536u

struct inlined {
	Dwarf_Die die;
	uint32_t parent; /* index + 1 of the one it was inlined into; 0: the function itself */
};

struct function {
	Dwarf_Die die;
	bool read;
	struct intervals scopes; /* what: index of inlined */
	VEC(struct inlined) inlined;
};

struct compilation {
	Dwarf_Die die;
	bool listed, deep;       /* functions were looked for; everywhere, not only at the top */
	struct intervals places; /* what: index of functions */
	VEC(struct function) functions;
};

struct dwarf_view {
	struct arena *arena;
	Elf *elf;
	Dwarf *dw;
	bool raw, split;
	struct intervals where; /* what: index of units */
	VEC(struct compilation) units;
	struct texts texts;     /* by address of what libdw keeps */
	size_t entries, ranges; /* against the bounds */
};

/* False: enough for one file, or for the arena. */
static bool keep(struct dwarf_view *d, struct intervals *s, uint64_t lo, uint64_t hi, size_t what)
{
	if (lo >= hi)
		return true;
	if (++d->ranges > RANGES_MAX || !arena_fits(d->arena, s->cap + 16, 2 * sizeof(*s->v)))
		return false;
	s->v = arena_grow(d->arena, s->v, s->n, &s->cap, sizeof(*s->v));
	s->v[s->n++] = (struct interval){ .lo = lo, .hi = hi, .what = (uint32_t)what };
	return true;
}

/* All address ranges of DIE. Code that the linker dropped is left at address 0 (or 1). */
static bool keep_ranges(struct dwarf_view *d, struct intervals *s, Dwarf_Die *die, size_t what)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t at = 0;
	bool fits = true;

	while (fits && (at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0)
		if (lo > 1)
			fits = keep(d, s, lo, hi, what);
	return fits;
}

static void list_units(struct dwarf_view *d)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die;

	while (dwarf_get_units(d->dw, cu, &cu, &version, &type, &die, NULL) == 0) {
		if (type == DW_UT_type || type == DW_UT_split_type || type == DW_UT_partial)
			continue;
		size_t room = d->units.cap * 2 + 16;
		if (d->units.n >= UNITS_MAX ||
		    !arena_fits(d->arena, room, sizeof(struct compilation)))
			break;
		size_t at = d->units.n;
		*vec_add(d->arena, &d->units) = (struct compilation){ .die = die };
		if (!keep_ranges(d, &d->where, &die, at))
			break;
	}
	intervals_nest(&d->where);
}

/* A section that says it grows beyond all bounds is not unpacked. */
static bool is_bomb(Elf *elf)
{
	Elf_Scn *s = NULL;
	uint64_t sum = 0;

	while ((s = elf_nextscn(elf, s)) != NULL) {
		GElf_Shdr h;
		GElf_Chdr c;
		if (!gelf_getshdr(s, &h) || !(h.sh_flags & SHF_COMPRESSED))
			continue;
		if (!gelf_getchdr(s, &c) || c.ch_size > EXPANDED_MAX)
			return true;
		sum += c.ch_size;
	}
	return sum > EXPANDED_MAX;
}

/* libdw 0.188 takes the length of strings in these sections without looking for their end. */
static bool has_open_strings(Elf *elf)
{
	Elf_Scn *s = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names) != 0)
		return true;
	while ((s = elf_nextscn(elf, s)) != NULL) {
		GElf_Shdr h;
		const char *name = gelf_getshdr(s, &h) ? elf_strptr(elf, names, h.sh_name) : NULL;
		if (!name || h.sh_type == SHT_NOBITS ||
		    (!str_ends(str_from_c(name), S("debug_str")) &&
		     !str_ends(str_from_c(name), S("debug_line_str"))))
			continue;
		const Elf_Data *d = elf_getdata(s, NULL);
		if (d && d->d_size && ((const char *)d->d_buf)[d->d_size - 1] != 0)
			return true;
	}
	return false;
}

int dwarf_view_open(struct arena *a, int fd, bool raw, struct dwarf_view **ret, struct err *err)
{
	struct file_id id;

	(void)elf_version(EV_CURRENT);
	int bad = file_id(fd, &id, err);
	if (bad)
		return bad;
	Elf *elf = elf_begin(fd, id.size > READ_MAX ? ELF_C_READ_MMAP : ELF_C_READ, NULL);
	if (!elf)
		return err_set(err, -EBADMSG, "its ELF structure is damaged");
	Dwarf *dw = is_bomb(elf) ? NULL : dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	/* dwarf_begin_elf has loaded and unpacked them. */
	if (dw && has_open_strings(elf)) {
		(void)dwarf_end(dw);
		dw = NULL;
	}
	if (!dw) {
		(void)elf_end(elf);
		return err_set(err, -ENODATA, "its debug information cannot be read");
	}
	struct dwarf_view *d = arena_make(a, struct dwarf_view);
	d->arena = a;
	d->texts = texts_on(a);
	d->elf = elf;
	d->dw = dw;
	d->raw = raw;
	list_units(d);
	*ret = d;
	return 0;
}

struct dwarf_view *dwarf_view_close(struct dwarf_view *d)
{
	if (d) {
		(void)dwarf_end(d->dw);
		(void)elf_end(d->elf);
	}
	return NULL;
}

bool dwarf_view_is_split(const struct dwarf_view *d)
{
	return d->split;
}

/* C, or NULL, as text that outlives libdw; KEY says whether it was copied before. */
static struct str text(struct dwarf_view *d, const void *key, const char *c, bool mangled)
{
	struct str s;

	if (texts_find(&d->texts, (uintptr_t)key, &s))
		return s;
	if (!c)
		return S("");
	s = str_head(str_from_c(c), TEXT_MAX);
	struct str nice = mangled ? demangle(d->arena, s) : s;
	if (nice.p == s.p)
		return texts_copy(&d->texts, (uintptr_t)key, s);
	texts_keep(&d->texts, (uintptr_t)key, nice);
	return nice;
}

static const char *string_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attr));
}

/* Through DW_AT_abstract_origin and DW_AT_specification (libdw follows at most 16 of them). */
static const char *linkage_name(Dwarf_Die *die)
{
	const char *name = string_of(die, DW_AT_linkage_name);

	return name ? name : string_of(die, DW_AT_MIPS_linkage_name);
}

static struct str function_name(struct dwarf_view *d, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin = *die;

	if (dwarf_attr(die, DW_AT_abstract_origin, &attr) && !dwarf_formref_die(&attr, &origin))
		origin = *die;
	struct str known = text(d, origin.addr, NULL, false);
	if (known.n)
		return known;
	const char *linkage = linkage_name(die);
	return text(d, origin.addr, linkage ? linkage : string_of(die, DW_AT_name),
		    linkage && !d->raw);
}

struct walk {
	struct dwarf_view *d;
	struct compilation *u;
	struct function *f;
	bool full; /* a bound was met */
};

static bool is_container(int tag, bool deep)
{
	if (tag == DW_TAG_namespace || tag == DW_TAG_module)
		return true;
	return deep && (tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
			tag == DW_TAG_union_type || tag == DW_TAG_interface_type ||
			tag == DW_TAG_lexical_block || tag == DW_TAG_subprogram ||
			tag == DW_TAG_inlined_subroutine);
}

static void list_function(struct walk *w, Dwarf_Die *die)
{
	struct dwarf_view *d = w->d;
	size_t at = w->u->functions.n, before = w->u->places.n;
	size_t room = w->u->functions.cap * 2 + 16;

	if (!dwarf_hasattr(die, DW_AT_low_pc) && !dwarf_hasattr(die, DW_AT_ranges))
		return;
	w->full = w->full || !arena_fits(d->arena, room, sizeof(struct function)) ||
		  !keep_ranges(d, &w->u->places, die, at);
	if (!w->full && w->u->places.n > before)
		*vec_add(d->arena, &w->u->functions) = (struct function){ .die = *die };
}

static void list_functions(struct walk *w, Dwarf_Die *in, unsigned depth)
{
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(in, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		w->full = w->full || ++w->d->entries > ENTRIES_MAX;
		if (tag == DW_TAG_subprogram)
			list_function(w, &die);
		if (is_container(tag, w->u->deep))
			list_functions(w, &die, depth + 1);
	} while (!w->full && dwarf_siblingof(&die, &die) == 0);
}

static void list_unit(struct dwarf_view *d, struct compilation *u, bool deep)
{
	struct walk w = { .d = d, .u = u };

	u->listed = true;
	u->deep = deep;
	u->places.n = u->functions.n = 0;
	if (dwarf_hasattr(&u->die, DW_AT_GNU_dwo_name) || dwarf_hasattr(&u->die, DW_AT_dwo_name))
		d->split = true;
	list_functions(&w, &u->die, 0);
	intervals_nest(&u->places);
}

/* What is inlined into the function, below IN, which is inlined as number PARENT. */
static void list_inlined(struct walk *w, Dwarf_Die *in, uint32_t parent, unsigned depth)
{
	struct dwarf_view *d = w->d;
	Dwarf_Die die;

	if (depth > DEPTH_MAX || dwarf_child(in, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		w->full = w->full || ++d->entries > ENTRIES_MAX ||
			  !arena_fits(d->arena, w->f->inlined.cap * 2 + 16, sizeof(struct inlined));
		if (w->full)
			return;
		if (tag == DW_TAG_inlined_subroutine) {
			size_t at = w->f->inlined.n;
			*vec_add(d->arena, &w->f->inlined) = (struct inlined){ die, parent };
			w->full = !keep_ranges(d, &w->f->scopes, &die, at);
			list_inlined(w, &die, (uint32_t)at + 1, depth + 1);
		} else if (tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
			   tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt) {
			list_inlined(w, &die, parent, depth + 1);
		}
	} while (!w->full && dwarf_siblingof(&die, &die) == 0);
}

static struct function *find_function(struct dwarf_view *d, struct compilation *u, uint64_t vaddr)
{
	if (!u->listed)
		list_unit(d, u, false);
	const struct interval *i = intervals_find(&u->places, vaddr);
	/* Functions in functions and in classes are rare: only when nothing else is there. */
	if (!i && !u->deep) {
		list_unit(d, u, true);
		i = intervals_find(&u->places, vaddr);
	}
	if (!i)
		return NULL;
	struct function *f = &u->functions.v[i->what];
	if (!f->read) {
		struct walk w = { .d = d, .u = u, .f = f };
		f->read = true;
		list_inlined(&w, &f->die, 0, 0);
		intervals_nest(&f->scopes);
	}
	return f;
}

static void line_of(struct dwarf_view *d, struct compilation *u, uint64_t vaddr, struct name *into)
{
	Dwarf_Line *line = dwarf_getsrc_die(&u->die, vaddr);
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
	int number = 0;

	if (!file)
		return;
	into->file = text(d, file, file, false);
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		into->line = (uint32_t)number;
}

/* Where DIE was called, were it a call. */
static void call_of(struct dwarf_view *d, struct compilation *u, Dwarf_Die *die, struct name *into)
{
	Dwarf_Attribute attr;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	size_t n;

	*into = (struct name){ .file = S("") };
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &line) == 0 &&
	    line <= UINT32_MAX)
		into->line = (uint32_t)line;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &file) != 0 ||
	    dwarf_getsrcfiles(&u->die, &files, &n) != 0 || file >= n)
		return;
	const char *path = dwarf_filesrc(files, (size_t)file, NULL, NULL);
	if (path)
		into->file = text(d, path, path, false);
}

static void push(struct name_list *l, struct name where, struct str function, bool inlined)
{
	where.function = function;
	where.kind = inlined ? FRAME_INLINE : FRAME_NATIVE;
	l->v[l->n++] = where;
}

bool dwarf_view_find(struct dwarf_view *d, uint64_t vaddr, struct name_list *ret)
{
	const struct interval *i = intervals_find(&d->where, vaddr);
	struct name where = { .file = S("") };

	ret->n = 0;
	if (!i)
		return false;
	struct compilation *u = &d->units.v[i->what];
	line_of(d, u, vaddr, &where);
	struct function *f = find_function(d, u, vaddr);
	if (!f) {
		if (where.line)
			push(ret, where, S(""), false);
		return false;
	}
	const struct interval *in = intervals_find(&f->scopes, vaddr);
	size_t depth = 0;
	for (uint32_t at = in ? in->what + 1 : 0; at; at = f->inlined.v[at - 1].parent)
		depth++;
	for (uint32_t at = in ? in->what + 1 : 0; at; depth--) {
		struct inlined *one = &f->inlined.v[at - 1];
		if (depth < NAMES_DEPTH_MAX)
			push(ret, where, function_name(d, &one->die), true);
		call_of(d, u, &one->die, &where);
		at = one->parent;
	}
	push(ret, where, function_name(d, &f->die), false);
	return !linkage_name(&f->die);
}
