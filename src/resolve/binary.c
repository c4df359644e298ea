/* Opens what is mapped while it can still be reached, and tells two files with one name apart. */
#include "resolve/binary.h"

#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "resolve/elf_view.h"
#include "sys/mapped.h"
#include "sys/proc.h"

#define PAGE        4096u
#define VDSO_MAX    (64u << 10)
#define HEADERS_MAX (1u << 20)
#define DELETED     S(" (deleted)")

/* What the kernel said about a mapping; several can lead to one file (with build-id events there is
 * no inode). */
struct key {
	uint64_t device, inode; /* inode 0: by path */
	struct str path, build_id;
	uint32_t binary;
	uint32_t pid; /* who asked last: a file that could not be opened is tried once a process */
};

struct binaries {
	struct arena *arena;
	const struct host *host;
	VEC(struct binary *) all;
	VEC(struct key) keys;
	struct map by_key;
};

struct binaries *binaries_open(struct arena *a, const struct host *h)
{
	struct binaries *b = arena_make(a, struct binaries);

	b->arena = a;
	b->host = h;
	b->by_key.arena = a;
	return b;
}

struct binaries *binaries_close(struct binaries *b)
{
	for (size_t i = 0; b && i < b->all.n; i++)
		fd_closep(&b->all.v[i]->fd);
	return NULL;
}

struct binary *binaries_at(const struct binaries *b, uint32_t id)
{
	return id < b->all.n ? b->all.v[id] : NULL;
}

size_t binaries_count(const struct binaries *b)
{
	return b->all.n;
}

static bool is_vdso(struct str path)
{
	return str_eq(path, S("[vdso]"));
}

static struct str path_of(const struct binary_place *p)
{
	struct str path = p->path;

	if (str_ends(path, DELETED))
		path.n -= DELETED.n;
	/* That of a 32-bit process is another file under the same name. */
	if (is_vdso(path) && p->end <= UINT32_MAX)
		return S("[vdso32]");
	return path;
}

/* Names that lead to no file: reading a device has effects. */
static bool has_file(struct str path)
{
	bool device = str_starts(path, S("/dev/")) && !str_starts(path, S("/dev/shm/"));

	return path.n && path.p[0] == '/' && !device && !str_starts(path, S("//anon"));
}

/* Whether the file behind BIN, reached by a name, can be the one that is mapped. Device numbers of
 * overlay and btrfs differ between maps and stat: there only the build-id can tell. */
static bool is_same(const struct binary *bin, const struct binary_place *p)
{
	if (p->build_id.n)
		return str_eq(p->build_id,
			      (struct str){ (const char *)bin->build_id, bin->build_id_n });
	return p->inode == 0 || bin->file.device != p->device || bin->file.inode == p->inode;
}

static int read_elf(struct binary *bin, struct arena *a, struct err *err)
{
	auto_arena scratch = arena_open("program headers", HEADERS_MAX);
	struct elf_view v = ELF_FD(bin->fd);
	int bad = elf_view_open(&v, scratch, err);

	if (bad)
		return bad;
	VEC(struct segment) text = { 0 };
	bool interpreter = false;
	for (size_t i = 0; i < v.n_segments; i++) {
		const Elf64_Phdr *s = &v.segment[i];
		interpreter = interpreter || s->p_type == PT_INTERP;
		if (s->p_type == PT_LOAD && s->p_flags & PF_X && s->p_filesz)
			*vec_add(a, &text) =
				(struct segment){ s->p_vaddr, s->p_offset, s->p_filesz };
	}
	bin->is_elf = true;
	bin->is_pie = v.type == ET_DYN && interpreter;
	bin->text = text.v;
	bin->n_text = text.n;
	bin->build_id_n = elf_view_build_id(&v, bin->build_id, BUILD_ID_MAX);
	return 0;
}

/* Takes FD (or its negative error): what it is, read into BIN. False: closed again, and not it. */
static bool inspect(struct binaries *b, struct binary *bin, int fd)
{
	struct err err = { 0 };

	if (fd < 0)
		return false;
	bin->fd = fd;
	if (file_id(fd, &bin->file, &bin->why)) {
		fd_closep(&bin->fd);
		bin->fd = -1;
		return false;
	}
	bin->is_elf = false;
	bin->n_text = bin->build_id_n = 0;
	if (read_elf(bin, b->arena, &err))
		bin->why = err;
	bin->deleted = mapped_is_deleted(fd);
	return true;
}

static void let_go(struct binary *bin)
{
	fd_closep(&bin->fd);
	bin->fd = -1;
	bin->is_elf = bin->deleted = false;
	bin->n_text = bin->build_id_n = 0;
}

/* One way to the file: kept when it leads to the one that is mapped. */
static bool try_way(struct binaries *b, struct binary *bin, const struct binary_place *p, int fd)
{
	if (!inspect(b, bin, fd))
		return false;
	if (is_same(bin, p)) {
		if (bin->is_elf)
			bin->why = (struct err){ 0 };
		return true;
	}
	let_go(bin);
	err_set(&bin->why, -ESTALE, STR_FMT " was replaced after the process had mapped it",
		STR_ARG(bin->path));
	auto_buf process = BUF(256);
	buf_printf(&process, STR_FMT "/proc/%u", STR_ARG(b->host->root), p->pid);
	if (!p->pid || file_exists(buf_str(&process))) /* no recording of long ago */
		err_hint(&bin->why,
			 "restart the program, or run perf-ops as root: it then reads the old "
			 "file through /proc/PID/map_files");
	return false;
}

static int copy_vdso(uint32_t pid, uint64_t start, uint64_t size, struct err *err)
{
	auto_buf copy = BUF(VDSO_MAX);
	unsigned char piece[PAGE];

	for (uint64_t at = 0; at < size && at < VDSO_MAX; at += sizeof(piece)) {
		ssize_t n = proc_memory(pid, start + at, piece, sizeof(piece));
		if (n <= 0)
			break;
		buf_put(&copy, (struct str){ (const char *)piece, (size_t)n });
	}
	if (copy.n == 0)
		return err_set(err, -ESRCH, "the vdso of process %u cannot be read", pid);
	return mapped_copy("vdso", buf_str(&copy), err);
}

static void open_vdso(struct binaries *b, struct binary *bin, const struct binary_place *p)
{
	uint64_t size = p->end > p->start ? p->end - p->start : 0;
	bool got = try_way(b, bin, p, copy_vdso(p->pid, p->start, size, &bin->why));

	/* Of a process that is gone: one kernel has one vdso, and the build-id says whether it is
	 * this kernel. */
	if (!got && p->build_id.n) {
		uint32_t pid;
		struct err was = bin->why;
		uint64_t own = proc_own_vdso(&pid);
		if (!try_way(b, bin, p, copy_vdso(pid, own, size, &bin->why)))
			bin->why = was;
	}
	bin->deleted = false;
}

/* /proc/PID/exe needs fewer rights than map_files, and is the old file too; but it is one file. */
static bool try_exe(struct binaries *b, struct binary *bin, const struct binary_place *p)
{
	struct err err = { 0 }, was = bin->why;
	struct str root = b->host->root;
	struct str exe = arena_printf(b->arena, STR_FMT "/proc/%u/exe", STR_ARG(root), p->pid);

	if (p->inode == 0 && p->build_id.n == 0)
		return false;
	if (inspect(b, bin, mapped_open(exe, &err))) {
		bool same = p->build_id.n
				    ? is_same(bin, p)
				    : bin->file.device == p->device && bin->file.inode == p->inode;
		if (same && bin->is_elf)
			bin->why = (struct err){ 0 };
		if (same)
			return true;
		let_go(bin);
	}
	bin->why = was;
	return false;
}

static void open_file(struct binaries *b, struct binary *bin, const struct binary_place *p)
{
	struct arena *a = b->arena;
	struct str root = b->host->root;

	if (!has_file(bin->path)) {
		err_set(&bin->why, -ENOENT, STR_FMT " is not a file", STR_ARG(bin->path));
		return;
	}
	if (p->pid && p->end > p->start) {
		/* The kernel wants exactly its own spelling of the addresses. */
		struct str map = arena_printf(a, STR_FMT "/proc/%u/map_files/%llx-%llx",
					      STR_ARG(root), p->pid, (unsigned long long)p->start,
					      (unsigned long long)p->end);
		if (try_way(b, bin, p, mapped_open(map, &bin->why)))
			return;
	}
	if (p->pid && try_exe(b, bin, p))
		return;
	if (p->pid) {
		struct str within = arena_printf(a, STR_FMT "/proc/%u/root", STR_ARG(root), p->pid);
		if (try_way(b, bin, p, mapped_open_within(within, bin->path, &bin->why)))
			return;
		if (bin->why.code == -ESTALE)
			return;
	}
	struct str path = arena_printf(a, STR_FMT STR_FMT, STR_ARG(root), STR_ARG(bin->path));
	(void)try_way(b, bin, p, mapped_open(path, &bin->why));
}

static uint64_t hash_of(const struct binary_place *p, struct str path)
{
	uint64_t h = p->inode ? map_hash2(p->device, p->inode) : str_hash(path);

	return map_hash2(h, str_hash(p->build_id));
}

static struct key *find(struct binaries *b, uint64_t hash, const struct binary_place *p,
			struct str path)
{
	for (struct map_at at = map_first(&b->by_key, hash); at.hit;
	     at = map_next(&b->by_key, at)) {
		struct key *k = &b->keys.v[at.index];
		if (k->device == p->device && k->inode == p->inode &&
		    str_eq(k->build_id, p->build_id) && (k->inode || str_eq(k->path, path)))
			return k;
	}
	return NULL;
}

/* The file that BIN turned out to be, if it was here before under another key. */
static struct binary *known(const struct binaries *b, const struct binary *bin)
{
	bool vdso = is_vdso(bin->path);

	for (size_t i = 0; bin->fd >= 0 && i < b->all.n; i++) {
		struct binary *o = b->all.v[i];
		bool same_id = bin->build_id_n == o->build_id_n &&
			       memcmp(bin->build_id, o->build_id, o->build_id_n) == 0;
		bool same_file =
			bin->file.device == o->file.device && bin->file.inode == o->file.inode;
		if (o != bin && o->fd >= 0 && same_id &&
		    (vdso ? is_vdso(o->path) && bin->build_id_n : same_file))
			return o;
	}
	return NULL;
}

static void open_any(struct binaries *b, struct binary *bin, const struct binary_place *p)
{
	bin->fd = -1;
	if (is_vdso(bin->path))
		open_vdso(b, bin, p);
	else
		open_file(b, bin, p);
	if (bin->why.code == -EMFILE)
		err_hint(&bin->why, "ulimit -n 65536");
}

struct binary *binaries_get(struct binaries *b, const struct binary_place *p)
{
	struct str path = path_of(p);
	uint64_t hash = hash_of(p, path);
	struct key *k = find(b, hash, p, path);

	if (k) {
		struct binary *bin = b->all.v[k->binary];
		if (bin->fd < 0 && (has_file(path) || is_vdso(path)) && k->pid != p->pid) {
			k->pid = p->pid;
			open_any(b, bin, p);
		}
		return bin;
	}
	struct binary *bin = arena_make(b->arena, struct binary);
	bin->path = arena_str(b->arena, path);
	open_any(b, bin, p);
	struct binary *before = known(b, bin);
	if (before) {
		let_go(bin);
		bin = before;
	} else {
		bin->id = (uint32_t)b->all.n;
		*vec_add(b->arena, &b->all) = bin;
	}
	map_insert(&b->by_key, hash, (uint32_t)b->keys.n);
	*vec_add(b->arena, &b->keys) = (struct key){ .device = p->device,
						     .inode = p->inode,
						     .path = bin->path,
						     .build_id = arena_str(b->arena, p->build_id),
						     .binary = bin->id,
						     .pid = p->pid };
	return bin;
}

uint64_t binary_bias(const struct binary *bin, uint64_t start, uint64_t file_offset)
{
	for (size_t i = 0; i < bin->n_text; i++) {
		const struct segment *s = &bin->text[i];
		uint64_t first = s->offset & ~(uint64_t)(PAGE - 1);
		if (file_offset >= first && file_offset - first < s->size + (s->offset - first))
			return start - file_offset - (s->vaddr - s->offset);
	}
	return start - file_offset;
}
