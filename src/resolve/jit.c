/* Knows where the files lie: by the pid inside the container, in the file system of the process. */
#include "resolve/jit.h"

#include <errno.h>

#include "resolve/jitdump.h"
#include "resolve/perf_map.h"
#include "sys/caps.h"
#include "sys/file.h"
#include "sys/mapped.h"
#include "sys/proc.h"

#define MAPS_MAX (64u << 20)

struct jit {
	struct arena *arena;
	struct perf_map *map;
	struct jitdump *dump;
	struct str why;
};

static bool is_trusted(const struct host *h, uint32_t pid, int fd)
{
	uint32_t owner = mapped_owner(fd), user = proc_owner(h, pid);
	auto_arena scratch = arena_open("owner of a perf map", 1 << 20);

	/* Of a process that has ended nobody knows the user: then it must be ours. */
	if (user == UINT32_MAX)
		user = rights_read(h, scratch).uid;
	return owner == 0 || (owner != UINT32_MAX && owner == user);
}

static int open_map(struct jit *j, const struct host *h, uint32_t pid, uint32_t inner)
{
	struct err err = { 0 };
	auto_arena scratch = arena_open("paths", 1 << 16);
	struct str root = arena_printf(scratch, STR_FMT "/proc/%u/root", STR_ARG(h->root), pid);
	struct str name = arena_printf(scratch, "/tmp/perf-%u.map", inner);
	auto_fd fd = mapped_open_within(root, name, &err);

	if (fd < 0) {
		struct str path =
			arena_printf(scratch, STR_FMT STR_FMT, STR_ARG(h->root), STR_ARG(name));
		fd = mapped_open(path, &err);
	}
	if (fd < 0)
		return -ENOENT;
	if (!is_trusted(h, pid, fd)) {
		j->why = arena_printf(j->arena,
				      STR_FMT " belongs to another user and is not believed",
				      STR_ARG(name));
		return -EPERM;
	}
	j->map = perf_map_open(j->arena, fd_take(&fd));
	return 0;
}

static bool is_dump(struct str path, uint32_t pid, uint32_t inner)
{
	struct str name = str_cut_last(path, '/', &path), rest = str_skip(name, 4);
	uint64_t number;

	return str_starts(name, S("jit-")) && str_ends(rest, S(".dump")) &&
	       str_to_u64(str_head(rest, rest.n - 5), &number) &&
	       (number == pid || number == inner);
}

/* The dump that the process has mapped, else the only one of that number that anybody had. */
static const struct binary *find_dump(const struct host *h, struct binaries *b, uint32_t pid,
				      uint32_t inner)
{
	auto_arena scratch = arena_open("maps of a process", MAPS_MAX);
	struct proc_maps maps = { 0 };
	struct err unused;
	const struct binary *found = NULL;

	if (!proc_maps(h, scratch, pid, &maps, &unused)) {
		for (size_t i = 0; i < maps.n; i++) {
			const struct proc_map *m = &maps.v[i];
			if (!is_dump(m->path, pid, inner))
				continue;
			struct binary_place place = { .pid = pid,
						      .start = m->start,
						      .end = m->end,
						      .device = m->device,
						      .inode = m->inode,
						      .path = m->path };
			return binaries_get(b, &place);
		}
	}
	for (size_t i = 0; i < binaries_count(b); i++) {
		const struct binary *bin = binaries_at(b, (uint32_t)i);
		if (bin->fd < 0 || !is_dump(bin->path, pid, inner))
			continue;
		if (found)
			return NULL;
		found = bin;
	}
	return found;
}

struct jit *jit_open(struct arena *a, const struct host *h, struct binaries *b, uint32_t pid)
{
	struct jit *j = arena_make(a, struct jit);
	auto_arena scratch = arena_open("status of a process", 1 << 20);
	uint32_t inner = proc_inner_pid(h, scratch, pid);
	const struct binary *dump = find_dump(h, b, pid, inner);
	struct err err = { 0 };

	j->arena = a;
	if (dump && dump->fd >= 0 && is_trusted(h, pid, dump->fd) &&
	    jitdump_open(a, dump->fd, &j->dump, &err))
		j->why = arena_printf(a, STR_FMT ": %s", STR_ARG(dump->path), err.text);
	(void)open_map(j, h, pid, inner); /* often there is none: why says what it means */
	if (!j->why.n && !j->map && !j->dump)
		j->why = S("code made at run time, and its runtime leaves no perf map");
	return j;
}

struct jit *jit_close(struct jit *j)
{
	if (j)
		j->map = perf_map_close(j->map);
	return NULL;
}

/* V8 puts "function file:line:column" into one name. */
static void split_place(struct name *n)
{
	struct str head = n->function, column, line;
	uint64_t number, unused;

	column = str_cut_last(head, ':', &head);
	line = str_cut_last(head, ':', &head);
	if (!str_to_u64(column, &unused) || !str_to_u64(line, &number) || number > UINT32_MAX)
		return;
	size_t at = str_find(head, S(" "));
	struct str file = str_skip(head, at + 1);
	if (at == 0 || at >= head.n || file.n == 0 ||
	    (!memchr(file.p, '/', file.n) && !str_starts(file, S("node:"))))
		return;
	n->function = str_head(head, at);
	n->file = file;
	n->line = (uint32_t)number;
}

bool jit_find(const struct jit *j, uint64_t address, uint64_t time_ns, struct name *ret)
{
	struct str name;

	*ret = (struct name){ .module = S("[jit]"), .kind = FRAME_NATIVE };
	if (j->dump && jitdump_find(j->dump, address, time_ns, &name, &ret->file, &ret->line)) {
		ret->function = name;
		return true;
	}
	if (!j->map || !perf_map_find(j->map, address, &name))
		return false;
	ret->function = name;
	split_place(ret);
	return true;
}

struct str jit_why(const struct jit *j)
{
	return j->why.n ? j->why : S("code made at run time that its runtime did not name");
}
