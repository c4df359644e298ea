#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/limits.h"
#include "sys/memory.h"
#include "sys/watch.h"
#include "test.h"

struct place {
	struct arena *a;
	char dir[64];
};

static struct str in(void **state, const char *name)
{
	struct place *p = *state;

	return arena_printf(p->a, "%s/%s", p->dir, name);
}

static struct arena *arena_of(void **state)
{
	return ((struct place *)*state)->a;
}

static void check_file(void **state, struct str path, struct str want)
{
	struct err err = { 0 };
	struct str got;

	assert_int_equal(file_read(arena_of(state), path, &got, &err), 0);
	check_str(got, want);
}

static size_t count_files(void **state, struct str path)
{
	struct str *names;
	size_t n;
	struct err err = { 0 };

	assert_int_equal(file_list(arena_of(state), path, &names, &n, &err), 0);
	return n;
}

static void writing(void **state)
{
	struct err err = { 0 };
	struct str path = in(state, "out"), link = in(state, "link");
	struct stat st;

	assert_int_equal(file_write(path, S("first, and longer"), &err), 0);
	check_file(state, path, S("first, and longer"));
	assert_int_equal(chmod(path.p, 0640), 0);
	assert_int_equal(file_write(path, S("second"), &err), 0);
	check_file(state, path, S("second"));
	assert_int_equal(stat(path.p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	if (geteuid() == 0) { /* root leaves a user's file to the user */
		assert_int_equal(chown(path.p, 65534, 65534), 0);
		assert_int_equal(file_write(path, S("by root"), &err), 0);
		assert_int_equal(stat(path.p, &st), 0);
		assert_int_equal(st.st_uid, 65534);
	}
	assert_int_equal(file_write(path, S(""), &err), 0);
	check_file(state, path, S(""));
	/* A link stays one. */
	assert_int_equal(symlink("out", link.p), 0);
	assert_int_equal(file_write(link, S("through"), &err), 0);
	check_file(state, path, S("through"));
	assert_int_equal(lstat(link.p, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_files(state, in(state, ".")), 2); /* nothing is left beside */
	assert_int_equal(file_write(S("/dev/null"), S("gone"), &err), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void a_reader_never_sees_half(void **state)
{
	struct err err = { 0 };
	struct str path = in(state, "whole");

	assert_int_equal(file_write(path, S("old"), &err), 0);
	auto_fd old = file_open(path, O_RDONLY, &err);
	assert_int_equal(file_write(path, S("new"), &err), 0);
	char three[3];
	assert_int_equal(file_pread(old, three, 3, 0, &err), 0);
	assert_memory_equal(three, "old", 3);
}

static void refusals(void **state)
{
	struct err err = { 0 };
	char want[256];
	struct place *p = *state;

	assert_int_equal(file_write(in(state, "no/such/x.html"), S("x"), &err), -ENOENT);
	(void)snprintf(want, sizeof(want),
		       "cannot write %s/no/such/x.html: its directory does not exist", p->dir);
	assert_string_equal(err.text, want);
	(void)snprintf(want, sizeof(want), "mkdir -p %s/no/such", p->dir);
	assert_string_equal(err.hint, want);
	assert_int_equal(file_write(S("/dev/full"), S("x"), &err), -ENOSPC);
	assert_string_equal(err.text, "cannot write /dev/full: No space left on device");
	assert_string_equal(err.hint, "-o /tmp/full");
	assert_int_equal(file_write(S("/proc/x.html"), S("x"), &err), -ENOENT);
	assert_int_equal(file_write(in(state, "."), S("x"), &err), -EISDIR);
	assert_int_equal(file_write(S(""), S("x"), &err), -ENOENT);
	assert_int_equal(file_write(S("a\0b"), S("x"), &err), -EINVAL);
	auto_fd full = file_open(S("/dev/full"), O_WRONLY, &err);
	assert_int_equal(file_put(full, S("x"), &err), -ENOSPC);
}

/* A disk of 64 KB that is full for real: nothing of the new file stays, the old one is whole. */
static void a_full_disk(void **state)
{
	struct err err = { 0 };
	struct str path = in(state, "disk/out.html");
	auto_arena a = arena_open("test", 8 << 20);
	struct str big = { arena_array(a, char, 4 << 20), 4 << 20 };
	char disk[256];
	struct place *p = *state;

	(void)snprintf(disk, sizeof(disk), "%s/disk", p->dir);
	assert_int_equal(mkdir(disk, 0700), 0);
	if (mount("none", disk, "tmpfs", 0, "size=64k") != 0) {
		(void)rmdir(disk);
		skip(); /* needs the right to mount */
	}
	assert_int_equal(file_write(path, S("old"), &err), 0);
	int r = file_write(path, big, &err);
	char *text = strdup(err.text);
	check_file(state, path, S("old"));
	size_t left = count_files(state, in(state, "disk"));
	(void)umount(disk);
	(void)rmdir(disk);
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(text, "No space left on device"));
	free(text);
	assert_int_equal(left, 1);
}

static void reading(void **state)
{
	struct err err = { 0 };
	struct str s, path = in(state, "r");
	char four[4];

	assert_int_equal(file_write(path, S("0123456789"), &err), 0);
	auto_fd fd = file_open(path, O_RDONLY, &err);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(file_pread(fd, four, 4, 6, &err), 0);
	assert_memory_equal(four, "6789", 4);
	assert_int_equal(file_pread(fd, four, 4, 7, &err), -EBADMSG);
	assert_string_equal(err.text, "the file ends at byte 10, 1 too early");
	assert_int_equal(file_pread(fd, four, 4, UINT64_MAX, &err), -EINVAL);
	assert_int_equal(file_pread_some(fd, four, 4, 8), 2);
	assert_int_equal(file_read(arena_of(state), in(state, "none"), &s, &err), -ENOENT);
	assert_int_equal(file_read(arena_of(state), in(state, "."), &s, &err), -EISDIR);
	assert_int_equal(file_read(arena_of(state), S("/proc/self/stat"), &s, &err), 0);
	assert_true(s.n > 100); /* its size is 0 */
	auto_arena small = arena_open("test", 8);
	assert_int_equal(file_read(small, path, &s, &err), -E2BIG);
	assert_true(file_exists(path));
	assert_false(file_exists(in(state, "none")));
	assert_false(file_exists(S("")));
	struct file_id id;
	assert_int_equal(file_id(fd, &id, &err), 0);
	assert_int_equal(id.size, 10);
	assert_true(id.inode && id.mtime_ns > 0);
	assert_int_equal(file_open(S("a\0b"), O_RDONLY, &err), -EINVAL);
	char longest[PATH_MAX + 1];
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(file_open((struct str){ longest, sizeof(longest) }, O_RDONLY, &err),
			 -ENAMETOOLONG);
}

static void maps(void **state)
{
	struct err err = { 0 };
	struct str path = in(state, "m"), empty = in(state, "empty");
	struct file_map m = { 0 };
	char page[8192];

	file_unmap(&m);
	memset(page, 'p', sizeof(page));
	assert_int_equal(file_write(path, (struct str){ page, sizeof(page) }, &err), 0);
	assert_int_equal(file_write(empty, S(""), &err), 0);
	auto_fd none = file_open(empty, O_RDONLY, &err), fd = file_open(path, O_RDWR, &err);
	assert_int_equal(file_map(none, &m, &err), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(file_map(fd, &m, &err), 0);
	assert_int_equal(m.n, sizeof(page));
	assert_memory_equal(m.p, page, sizeof(page));
	/* Cut off under us: zeroes, and we live. */
	file_map_guard();
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(m.p[4095], 'p');
	assert_int_equal(m.p[4096], 0);
	assert_int_equal(m.p[8191], 0);
	file_unmap(&m);
	assert_null(m.p);
}

static void directories(void **state)
{
	struct err err = { 0 };
	struct str *names, s;
	size_t n;
	struct stat st;

	assert_int_equal(file_mkdirs(in(state, "one/two/three"), &err), 0);
	assert_int_equal(file_mkdirs(in(state, "one/two/three"), &err), 0);
	assert_int_equal(stat(in(state, "one/two").p, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_list(arena_of(state), in(state, "one"), &names, &n, &err), 0);
	assert_int_equal(n, 1);
	check_str(names[0], S("two"));
	assert_int_equal(file_list(arena_of(state), in(state, "none"), &names, &n, &err), -ENOENT);
	assert_int_equal(file_write(in(state, "one/file"), S(""), &err), 0);
	assert_int_equal(file_mkdirs(in(state, "one/file"), &err), -ENOTDIR);
	assert_int_equal(file_mkdirs(in(state, "one/file/x"), &err), -ENOTDIR);
	assert_int_equal(file_list(arena_of(state), in(state, "one/file"), &names, &n, &err),
			 -ENOTDIR);
	assert_int_equal(symlink("somewhere else", in(state, "one/link").p), 0);
	assert_int_equal(file_link(arena_of(state), in(state, "one/link"), &s, &err), 0);
	check_str(s, S("somewhere else"));
	assert_int_equal(file_link(arena_of(state), in(state, "one/file"), &s, &err), -EINVAL);
}

static void inputs(void **state)
{
	struct err err = { 0 };
	struct str s, path = in(state, "big");
	size_t n = 700000;
	char *bytes = arena_array(arena_of(state), char, n);
	struct input_file *f = NULL;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 31 % 251);
	assert_int_equal(file_write(path, (struct str){ bytes, n }, &err), 0);
	assert_int_equal(input_file_open(arena_of(state), path, &f, &err), 0);
	assert_int_equal(input_all(input_file_input(f), arena_of(state), &s, &err), 0);
	assert_true(str_eq(s, (struct str){ bytes, n }));
	assert_int_equal(input_at(input_file_input(f)), n);
	f = input_file_close(f);
	assert_null(input_file_close(f));
	assert_int_equal(input_file_open(arena_of(state), in(state, "none"), &f, &err), -ENOENT);
	assert_int_equal(input_file_open(arena_of(state), in(state, "."), &f, &err), -EISDIR);
	/* A pipe on the standard input. */
	int ends[2], was = dup(0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], 0), 0);
	assert_int_equal(file_put(ends[1], S("piped"), &err), 0);
	(void)close(ends[1]);
	assert_int_equal(input_file_open(arena_of(state), S("-"), &f, &err), 0);
	assert_int_equal(input_all(input_file_input(f), arena_of(state), &s, &err), 0);
	check_str(s, S("piped"));
	assert_null(input_file_close(f));
	assert_int_equal(dup2(was, 0), 0); /* still open, or this would give another number */
	(void)close(was);
	(void)close(ends[0]);
}

static void waiting(void **state)
{
	struct err err = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct watch w[] = { { .fd = -1 }, { .fd = ends[0] } };
	assert_int_equal(watch_wait(w, 2, 1000000, &err), 0);
	assert_false(w[1].ready);
	assert_int_equal(file_put(ends[1], S("x"), &err), 0);
	assert_int_equal(watch_wait(w, 2, -1, &err), 1);
	assert_true(w[1].ready && !w[1].hung && !w[0].ready);
	char c;
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(watch_wait(w, 2, 1000, &err), 0);
	(void)close(ends[1]);
	assert_int_equal(watch_wait(w, 2, -1, &err), 1);
	assert_true(w[1].hung);
	(void)close(ends[0]);
}

static void shared_pages(void **state)
{
	struct err err = { 0 };
	struct memory a = { 0 }, b = { 0 }, own = { 0 };
	auto_fd fd = memfd_create("test", MFD_CLOEXEC);

	(void)state;
	memory_unmap(&a);
	assert_int_equal(ftruncate(fd, 8192), 0);
	assert_int_equal(memory_map(fd, 4096, 4096, true, &a, &err), 0);
	assert_int_equal(memory_map(fd, 8192, 0, false, &b, &err), 0);
	a.p[3] = 7;
	assert_int_equal(b.p[4099], 7);
	memory_unmap(&a);
	memory_unmap(&b);
	assert_int_equal(memory_map(-1, 4096, 0, true, &a, &err), -EBADF);
	assert_int_equal(memory_reserve((size_t)1 << 36, &own, &err), 0);
	own.p[(size_t)1 << 35] = 9;
	assert_int_equal(own.p[(size_t)1 << 34], 0);
	memory_unmap(&own);
	assert_null(own.p);
	assert_true(limits_raise_files() >= 256);
}

static int make_place(void **state)
{
	static struct place p;

	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/perf-ops-test-XXXXXX");
	if (!mkdtemp(p.dir))
		return -1;
	p.a = arena_open("test", 64 << 20);
	*state = &p;
	return 0;
}

/* Depth first; what is not a directory is unlinked. */
static void remove_all(struct arena *a, struct str path)
{
	struct str *names;
	size_t n;
	struct err err = { 0 };
	struct stat st;

	if (lstat(path.p, &st) == 0 && S_ISDIR(st.st_mode) &&
	    file_list(a, path, &names, &n, &err) == 0)
		for (size_t i = 0; i < n; i++)
			remove_all(a, arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(path),
						   STR_ARG(names[i])));
	(void)remove(path.p);
}

static int remove_place(void **state)
{
	struct place *p = *state;

	remove_all(p->a, str_from_c(p->dir));
	(void)arena_close(p->a);
	return 0;
}

/* clang-format off */
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writing),  TEST(a_reader_never_sees_half),
		TEST(refusals), TEST(a_full_disk),
		TEST(reading),  TEST(maps),
		TEST(inputs),   TEST(directories),
		TEST(waiting),  TEST(shared_pages),
	};

	return RUN_TESTS(tests);
}
