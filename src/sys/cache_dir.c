/* A private directory by its descriptor: paths are looked up once, and then never again. */
#include "sys/cache_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "sys/fault.h"
#include "sys/reason_priv.h"

#define NAME_BYTES 256
#define FILES_MAX  100000u /* more are not of our making */

static int refused(struct err *err, int code, const char *doing, struct str name)
{
	return err_set(err, code, "cannot %s the cache " STR_FMT ": %s", doing, STR_ARG(name),
		       reason(code));
}

int cache_dir_open(struct str path, struct err *err)
{
	struct path p;
	struct stat st;
	int r = path_set(&p, path);

	if (r < 0)
		return refused(err, r, "open", path);
	r = file_mkdirs(path, err);
	if (r < 0)
		return r;
	auto_fd fd = fault_now() ? -1 : open(p.c, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return refused(err, -errno, "open", path);
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, -EPERM, "the cache " STR_FMT " is not ours alone",
			       STR_ARG(path));
	return fd_take(&fd);
}

int cache_dir_read(int dir, struct str name, struct err *err)
{
	struct path p;
	struct stat st;
	int r = path_set(&p, name);

	if (r < 0)
		return refused(err, r, "read", name);
	/* Not blocking: a pipe in our directory is not a file, but must not stop us either. */
	auto_fd fd =
		fault_now() ? -1 : openat(dir, p.c, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return refused(err, -errno, "read", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return refused(err, -EPERM, "read", name);
	return fd_take(&fd);
}

static int put(int dir, const char *temporary, const char *name, struct str bytes)
{
	struct err err = { 0 };
	int fd = fault_now() ? -1
			     : openat(dir, temporary,
				      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int r = file_put(fd, bytes, &err);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && (fault_now() || renameat(dir, temporary, dir, name) < 0))
		r = -errno;
	if (r < 0)
		(void)unlinkat(dir, temporary, 0); /* best effort: the failure is what is told */
	return r;
}

int cache_dir_write(int dir, struct str name, struct str bytes, struct err *err)
{
	char temporary[NAME_BYTES];
	struct path p;
	int r = path_set(&p, name);

	/* Two of us may write the same; each has a file of its own until it is whole. */
	if (r == 0) {
		(void)snprintf(temporary, sizeof(temporary), ".%d.tmp", (int)getpid());
		r = put(dir, temporary, p.c, bytes);
	}
	return r < 0 ? refused(err, r, "write", name) : 0;
}

struct kept {
	struct timespec at;
	uint64_t bytes;
	char name[NAME_BYTES];
};

static int by_age(const void *x, const void *y)
{
	const struct kept *a = x, *b = y;

	if (a->at.tv_sec != b->at.tv_sec)
		return a->at.tv_sec < b->at.tv_sec ? -1 : 1;
	return (a->at.tv_nsec > b->at.tv_nsec) - (a->at.tv_nsec < b->at.tv_nsec);
}

void cache_dir_trim(int dir, uint64_t most)
{
	auto_arena a = arena_open("files of a cache", SIZE_MAX / 2);
	VEC(struct kept) files = { 0 };
	uint64_t sum = 0;
	int again = fault_now() ? -1 : openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct stat st;

	if (!d) {
		fd_closep(&again);
		return;
	}
	for (struct dirent *e; files.n < FILES_MAX && (e = readdir(d));) {
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		struct kept *k = vec_add(a, &files);
		k->at = st.st_mtim;
		k->bytes = (uint64_t)st.st_blocks * 512;
		(void)snprintf(k->name, sizeof(k->name), "%s", e->d_name);
		sum += k->bytes;
	}
	(void)closedir(d);
	if (sum <= most)
		return;
	qsort(files.v, files.n, sizeof(files.v[0]), by_age);
	for (size_t i = 0; i < files.n && sum > most; i++)
		if (unlinkat(dir, files.v[i].name, 0) == 0)
			sum -= files.v[i].bytes;
}
