/* Decides which source names an address: Go's own table, DWARF, symbols, stubs; in this order. */
#include "resolve/object.h"

#include <errno.h>

#include "resolve/debug_file.h"
#include "resolve/demangle.h"
#include "resolve/dwarf_view.h"
#include "resolve/fde_table.h"
#include "resolve/go_table.h"
#include "resolve/plt.h"
#include "resolve/symbols.h"
#include "resolve/texts.h"
#include "sys/mapped.h"

struct object {
	struct arena *arena;
	const struct host *host;
	const struct binary *bin;
	struct names_options options;
	int64_t deadline_ns;
	struct elf_view own, embedded, separate;
	int debug_fd; /* of the separate file; -1: none */
	struct symbols *symbols;
	struct plt *plt; /* NULL until first needed */
	struct fde_table *starts;
	bool starts_read;
	struct go_table *go;
	struct dwarf_view *dwarf;
	struct texts readable; /* demangled names of symbols */
	struct str why, remedy;
};

static void gap(struct object *o, struct str why, struct str remedy)
{
	if (o->why.n)
		return;
	o->why = arena_str(o->arena, why);
	o->remedy = arena_str(o->arena, remedy);
}

static bool has_dwarf(const struct elf_view *v)
{
	const struct elf_section *s = elf_view_section(v, S(".debug_info"));

	if (!s)
		s = elf_view_section(v, S(".zdebug_info"));
	return s && s->type != SHT_NOBITS && s->size;
}

/* The separate file, if one is found that fits. */
static bool open_separate(struct object *o)
{
	struct err err = { 0 };

	o->debug_fd = debug_file_find(o->host, o->arena, o->bin, &o->own);
	if (o->debug_fd < 0 && o->options.debuginfod)
		o->debug_fd = debug_file_download(o->bin, o->deadline_ns, &err);
	if (o->debug_fd < 0 && err.code && err.code != -ENOENT)
		gap(o, str_from_c(err.text), str_from_c(err.hint));
	if (o->debug_fd < 0)
		return false;
	o->separate = ELF_FD(o->debug_fd);
	if (!elf_view_open(&o->separate, o->arena, &err) &&
	    !elf_view_sections(&o->separate, o->arena, &err))
		return true;
	gap(o, str_from_c(err.text), S(""));
	fd_closep(&o->debug_fd);
	o->debug_fd = -1;
	return false;
}

static bool take_embedded(struct object *o)
{
	struct err err = { 0 };
	struct str image;
	int bad = debug_file_embedded(&o->own, o->arena, &image, &err);

	if (bad) {
		if (bad != -ENODATA)
			gap(o, str_from_c(err.text), S(""));
		return false;
	}
	o->embedded = ELF_MEMORY(image);
	return !elf_view_open(&o->embedded, o->arena, &err) &&
	       !elf_view_sections(&o->embedded, o->arena, &err) &&
	       symbols_take(o->symbols, &o->embedded, &err);
}

static void open_dwarf(struct object *o, bool own)
{
	struct err err = { 0 };
	int fd = own ? o->bin->fd : o->debug_fd;

	if (fd < 0 || !o->options.inlines)
		return;
	if (dwarf_view_open(o->arena, fd, o->options.raw, &o->dwarf, &err))
		gap(o, str_from_c(err.text), S(""));
}

/* A library of Debian's libc6 on this machine: the one whose debug package everybody can name. */
static bool is_debian_libc(const struct object *o)
{
	static const struct str libraries[] = { { "libc.so.", 8 },  { "ld-linux-", 9 },
						{ "libm.so.", 8 },  { "libmvec.so.", 11 },
						{ "libdl.so.", 9 }, { "libpthread.so.", 14 },
						{ "librt.so.", 9 }, { "libresolv.so.", 13 } };
	static const struct str known[] = { { "/var/lib/dpkg/info/libc6:amd64.list", 35 },
					    { "/var/lib/dpkg/info/libc6:arm64.list", 35 },
					    { "/var/lib/dpkg/info/libc6.list", 29 } };
	struct str folder, name = str_cut_last(o->bin->path, '/', &folder);
	bool library = false, package = false;
	struct err ignored = { 0 };
	struct file_id here;

	for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
		library = library || str_starts(name, libraries[i]);
	for (size_t i = 0; library && i < sizeof(known) / sizeof(known[0]); i++)
		package = package || file_exists(host_path(o->host, o->arena, known[i]));
	if (!package || !file_exists(host_path(o->host, o->arena, S("/etc/debian_version"))))
		return false;
	/* Not that of a container with another distribution in it. */
	auto_fd fd = mapped_open(host_path(o->host, o->arena, o->bin->path), &ignored);
	return fd >= 0 && !file_id(fd, &here, &ignored) && here.device == o->bin->file.device &&
	       here.inode == o->bin->file.inode;
}

static void say_stripped(struct object *o)
{
	if (o->go)
		return;
	if (is_debian_libc(o))
		gap(o, S("stripped: it has no symbol table, and no debug file was found"),
		    S("sudo apt-get install libc6-dbg"));
	gap(o,
	    S("stripped: it has no symbol table, and no debug file was found; install its debug "
	      "symbols, set DEBUGINFOD_URLS, or build it without strip"),
	    S(""));
}

static void open_tables(struct object *o)
{
	struct err err = { 0 };

	if (elf_view_open(&o->own, o->arena, &err)) {
		gap(o, str_from_c(err.text), S(""));
		return;
	}
	int unsectioned = elf_view_sections(&o->own, o->arena, &err);
	int bad = go_table_open(o->arena, &o->own, &o->go, &err);
	if (bad && bad != -ENODATA)
		gap(o, str_from_c(err.text), S(""));
	err = (struct err){ 0 };
	bool whole = symbols_take(o->symbols, &o->own, &err), own = has_dwarf(&o->own);
	if (err.code)
		gap(o, str_from_c(err.text), S(""));
	bool vdso = str_eq(o->bin->path, S("[vdso]"));
	bool wanted = !vdso && !o->go && (!whole || (o->options.inlines && !own));
	bool separate = wanted && open_separate(o);
	if (!whole && separate)
		whole = symbols_take(o->symbols, &o->separate, &err);
	if (!whole)
		whole = take_embedded(o);
	symbols_sort(o->symbols);
	if (own || (separate && has_dwarf(&o->separate)))
		open_dwarf(o, own);
	if (!whole || (unsectioned && !o->go))
		say_stripped(o);
}

struct object *object_open(struct arena *a, const struct host *h, const struct binary *bin,
			   struct names_options o, int64_t deadline_ns)
{
	struct object *ret = arena_make(a, struct object);

	*ret = (struct object){ .arena = a,
				.host = h,
				.bin = bin,
				.options = o,
				.deadline_ns = deadline_ns,
				.own = ELF_FD(bin->fd),
				.debug_fd = -1,
				.symbols = symbols_new(a),
				.readable = texts_on(a) };
	if (bin->fd >= 0)
		open_tables(ret);
	else
		gap(ret, str_from_c(bin->why.text), str_from_c(bin->why.hint));
	return ret;
}

struct object *object_close(struct object *o)
{
	if (!o)
		return NULL;
	o->dwarf = dwarf_view_close(o->dwarf);
	if (o->debug_fd >= 0)
		fd_closep(&o->debug_fd);
	o->debug_fd = -1;
	return NULL;
}

static bool by_symbol(struct object *o, uint64_t vaddr, struct str *ret)
{
	if (symbols_find(o->symbols, vaddr, ret)) {
		struct str raw = *ret;
		if (o->options.raw || texts_find(&o->readable, (uintptr_t)raw.p, ret))
			return true;
		*ret = demangle(o->arena, raw);
		texts_keep(&o->readable, (uintptr_t)raw.p, *ret);
		return true;
	}
	if (!o->own.n_sections)
		return false;
	if (!o->plt)
		o->plt = plt_open(o->arena, &o->own);
	return plt_find(o->plt, vaddr, ret);
}

static bool is_mangled(struct str s)
{
	return str_starts(s, S("_Z")) || str_starts(s, S("_R"));
}

void object_find(struct object *o, uint64_t vaddr, struct name_list *ret)
{
	struct str name, raw;
	bool plain = false;

	ret->n = 0;
	if (o->go)
		go_table_find(o->go, vaddr, ret);
	if (!ret->n && o->dwarf)
		plain = dwarf_view_find(o->dwarf, vaddr, ret);
	if (ret->n && ret->v[ret->n - 1].function.n &&
	    !(plain && symbols_find(o->symbols, vaddr, &raw) && is_mangled(raw)))
		return;
	if (!by_symbol(o, vaddr, &name))
		return;
	if (!ret->n)
		ret->v[ret->n++] = (struct name){ .kind = FRAME_NATIVE };
	ret->v[ret->n - 1].function = name;
}

bool object_start(struct object *o, uint64_t vaddr, uint64_t *ret)
{
	if (!o->starts_read)
		o->starts = fde_table_open(o->arena, &o->own);
	o->starts_read = true;
	return fde_table_find(o->starts, vaddr, ret);
}

bool object_is_partial(const struct object *o)
{
	return o->dwarf && dwarf_view_is_split(o->dwarf);
}

void object_gap(const struct object *o, struct str *ret_why, struct str *ret_remedy)
{
	*ret_why = o->why;
	*ret_remedy = o->remedy;
	if (o->why.n || !object_is_partial(o))
		return;
	*ret_why = S("its inlined functions are in .dwo files (split DWARF), which are not read; "
		     "build it without -gsplit-dwarf");
	*ret_remedy = S("");
}
