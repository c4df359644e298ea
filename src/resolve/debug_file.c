/* Knows the conventions of GDB's manual ("Debugging Information in Separate Files",
 * "MiniDebugInfo") and the client library of debuginfod. */
#include "resolve/debug_file.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <lzma.h>
#include <zlib.h>

#include "sys/clock.h"
#include "sys/env.h"
#include "sys/file.h"
#include "sys/mapped.h"

#define PIECE        ((size_t)64 << 10)
#define EMBEDDED_MAX (128u << 20)
#define LZMA_MEMORY  (128u << 20)
#define CHECKED_MAX  (UINT64_C(4) << 30)
#define LINK_MAX     ((size_t)4096)

/* Same build, as far as both files say. -1 no, 0 not known, 1 yes. */
static int same_build(int fd, const struct binary *bin)
{
	auto_arena scratch = arena_open("debug file headers", 32u << 20);
	struct elf_view v = ELF_FD(fd);
	uint8_t id[BUILD_ID_MAX];
	struct err unused;

	if (elf_view_open(&v, scratch, &unused))
		return -1;
	/* Its segments point to content that only the program has. */
	(void)elf_view_sections(&v, scratch, &unused);
	v.n_segments = 0;
	size_t n = elf_view_build_id(&v, id, sizeof(id));
	if (!n || !bin->build_id_n)
		return 0;
	return n == bin->build_id_n && memcmp(id, bin->build_id, n) == 0 ? 1 : -1;
}

static bool has_crc(int fd, uint32_t want)
{
	auto_arena scratch = arena_open("debug file checksum", 2 * PIECE);
	unsigned char *piece = arena_array(scratch, unsigned char, PIECE);
	unsigned long crc = crc32(0, NULL, 0);
	ssize_t n = 0;

	for (uint64_t at = 0; at < CHECKED_MAX; at += (uint64_t)n) {
		n = file_pread_some(fd, piece, PIECE, at);
		if (n <= 0)
			break;
		crc = crc32(crc, piece, (unsigned)n);
	}
	return n == 0 && crc == want;
}

static int by_build_id(const struct host *h, const struct binary *bin)
{
	auto_buf path = BUF(LINK_MAX);
	struct err unused;

	if (bin->build_id_n < 2)
		return -ENOENT;
	buf_put(&path, h->root);
	buf_printf(&path, "/usr/lib/debug/.build-id/%02x/", bin->build_id[0]);
	for (size_t i = 1; i < bin->build_id_n; i++)
		buf_printf(&path, "%02x", bin->build_id[i]);
	buf_put(&path, S(".debug"));
	auto_fd fd = mapped_open(buf_str(&path), &unused);
	if (fd < 0 || same_build(fd, bin) < 0)
		return -ENOENT;
	return fd_take(&fd);
}

static int try_link(struct str path, const struct binary *bin, uint32_t crc)
{
	struct err unused;
	auto_fd fd = mapped_open(path, &unused);

	if (fd < 0)
		return -ENOENT;
	int same = same_build(fd, bin);
	if (same < 0 || (same == 0 && !has_crc(fd, crc)))
		return -ENOENT;
	return fd_take(&fd);
}

static int by_link(const struct host *h, struct arena *a, const struct binary *bin,
		   const struct elf_view *v)
{
	const struct elf_section *s = elf_view_section(v, S(".gnu_debuglink"));
	struct str raw, dir = bin->path;
	struct err unused;
	uint32_t crc;

	if (!s || elf_view_load(v, s, a, LINK_MAX, &raw, &unused))
		return -ENOENT;
	struct str name = { raw.p, strnlen(raw.p, raw.n) };
	size_t at = (name.n + 1 + 3) / 4 * 4;
	if (name.n == 0 || memchr(name.p, '/', name.n) || at + sizeof(crc) > raw.n)
		return -ENOENT;
	memcpy(&crc, raw.p + at, sizeof(crc));
	(void)str_cut_last(dir, '/', &dir);
	const struct str before[] = { S(""), S(""), S("/usr/lib/debug") };
	const struct str between[] = { S("/"), S("/.debug/"), S("/") };
	int fd = -ENOENT;
	for (size_t i = 0; fd < 0 && i < sizeof(before) / sizeof(*before); i++) {
		struct buf path = BUF(2 * LINK_MAX);
		buf_put(&path, h->root);
		buf_put(&path, before[i]);
		buf_put(&path, dir);
		buf_put(&path, between[i]);
		buf_put(&path, name);
		fd = try_link(buf_str(&path), bin, crc);
		buf_done(&path);
	}
	return fd;
}

int debug_file_find(const struct host *h, struct arena *a, const struct binary *bin,
		    const struct elf_view *v)
{
	int fd = by_build_id(h, bin);

	return fd >= 0 ? fd : by_link(h, a, bin, v);
}

/* What is used of libdebuginfod; it is no library of ours: who wants it has it installed. */
struct servers {
	void *library;
	void *(*begin)(void);
	int (*find)(void *client, const unsigned char *id, int id_n, char **path);
	void (*on_progress)(void *client, int (*fn)(void *client, long a, long b));
	void (*set_self)(void *client, void *self);
	void (*end)(void *client);
};

/* Called all the time while it waits; not 0: give up. The client carries the deadline. */
static int is_too_late(void *client, long a, long b)
{
	void *(*get_self)(void *client_) =
		(void *(*)(void *))dlsym(RTLD_DEFAULT, "debuginfod_get_user_data");

	(void)a;
	(void)b;
	const int64_t *deadline_ns = get_self ? get_self(client) : NULL;
	return !deadline_ns || clock_monotonic_ns() > *deadline_ns;
}

static int find_servers(struct servers *s, struct err *err)
{
	/* Global: is_too_late() has nothing but the client to find it by. */
	s->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_GLOBAL);
	if (!s->library) {
		err_set(err, -ENOENT, "DEBUGINFOD_URLS is set, but libdebuginfod is not installed");
		return err_hint(err, "sudo apt-get install libdebuginfod1");
	}
	s->begin = (void *(*)(void))dlsym(s->library, "debuginfod_begin");
	s->find = (int (*)(void *, const unsigned char *, int, char **))dlsym(
		s->library, "debuginfod_find_debuginfo");
	s->on_progress = (void (*)(void *, int (*)(void *, long, long)))dlsym(
		s->library, "debuginfod_set_progressfn");
	s->set_self = (void (*)(void *, void *))dlsym(s->library, "debuginfod_set_user_data");
	s->end = (void (*)(void *))dlsym(s->library, "debuginfod_end");
	if (s->begin && s->find && s->on_progress && s->set_self && s->end)
		return 0;
	return err_set(err, -ENOSYS, "libdebuginfod is too old");
}

int debug_file_download(const struct binary *bin, int64_t deadline_ns, struct err *err)
{
	struct servers s = { 0 };

	if (env_get("DEBUGINFOD_URLS").n == 0 || bin->build_id_n == 0)
		return err_set(err, -ENOENT, "no server to ask");
	if (clock_monotonic_ns() > deadline_ns)
		return err_set(err, -ETIMEDOUT, "the servers of DEBUGINFOD_URLS took too long");
	int bad = find_servers(&s, err);
	if (bad)
		return bad; /* the library, if any, stays: its constructors ran */
	assert(s.begin && s.find && s.on_progress && s.set_self && s.end);
	void *client = s.begin();
	if (!client)
		return err_set(err, -ENOMEM, "libdebuginfod cannot start");
	s.set_self(client, &deadline_ns);
	s.on_progress(client, is_too_late);
	int fd = s.find(client, bin->build_id, (int)bin->build_id_n, NULL);
	s.end(client);
	if (fd < 0 && clock_monotonic_ns() > deadline_ns)
		return err_set(err, -ETIMEDOUT, "the servers of DEBUGINFOD_URLS took too long");
	if (fd < 0)
		return err_set(err, fd, "DEBUGINFOD_URLS: %s", strerror(-fd));
	if (same_build(fd, bin) >= 0)
		return fd;
	fd_closep(&fd);
	return err_set(err, -ESTALE, "DEBUGINFOD_URLS: the server sent another build");
}

/* Feeds the decoder; its output goes to INTO. */
static int unpack(lzma_stream *z, struct str packed, struct buf *into)
{
	uint8_t piece[4096];
	lzma_ret r = LZMA_OK;

	z->next_in = (const uint8_t *)packed.p;
	z->avail_in = packed.n;
	while (r == LZMA_OK && !into->full) {
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		r = lzma_code(z, LZMA_FINISH);
		buf_put(into, (struct str){ (const char *)piece, sizeof(piece) - z->avail_out });
	}
	return r == LZMA_STREAM_END && !into->full ? 0 : -EBADMSG;
}

int debug_file_embedded(const struct elf_view *v, struct arena *a, struct str *ret, struct err *err)
{
	const struct elf_section *s = elf_view_section(v, S(".gnu_debugdata"));
	lzma_stream z = LZMA_STREAM_INIT;
	auto_arena scratch = arena_open(".gnu_debugdata", EMBEDDED_MAX);
	auto_buf out = BUF(EMBEDDED_MAX);
	struct str packed;

	if (!s)
		return err_set(err, -ENODATA, "it has no .gnu_debugdata");
	int bad = elf_view_load(v, s, scratch, EMBEDDED_MAX / 2, &packed, err);
	if (bad)
		return bad;
	if (lzma_stream_decoder(&z, LZMA_MEMORY, 0) != LZMA_OK)
		return err_set(err, -ENOMEM, "liblzma cannot start");
	bad = unpack(&z, packed, &out);
	lzma_end(&z);
	if (bad || !arena_fits(a, 1, out.n))
		return err_set(err, -EBADMSG, "its .gnu_debugdata is damaged");
	*ret = arena_str(a, buf_str(&out));
	return 0;
}
