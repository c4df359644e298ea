/* Writing so that a reader never sees half a file, and so that a refusal names another place. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/file.h"
#include "sys/reason_priv.h"

/* What is kept in memory can still go elsewhere: the remedy names a place that usually works. */
int file_refused(struct err *err, int code, struct str path)
{
	struct str head, name = str_cut_last(path, '/', &head);

	err_set(err, code, "cannot write " STR_FMT ": %s", STR_ARG(path), reason(code));
	if (code == -ENOENT)
		err_set(err, code, "cannot write " STR_FMT ": its directory does not exist",
			STR_ARG(path));
	if (code == -ENOENT && head.n)
		return err_hint(err, "mkdir -p " STR_FMT, STR_ARG(head));
	if (code == -EISDIR)
		err_hint(err, "-o " STR_FMT "/perf-ops.html", STR_ARG(path));
	else if (name.n && !str_starts(path, S("/tmp/")))
		err_hint(err, "-o /tmp/" STR_FMT, STR_ARG(name));
	else if (name.n && code == -ENOSPC)
		err_hint(err, "-o /dev/shm/" STR_FMT, STR_ARG(name));
	return code;
}

static int put(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = fault_now() ? -1 : write(fd, bytes.p, bytes.n);
		if (n >= 0) {
			bytes = str_skip(bytes, (size_t)n);
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };
			(void)poll(&p, 1, -1); /* whatever it says, write() says it again */
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int file_put(int fd, struct str bytes, struct err *err)
{
	int r = put(fd, bytes);

	return r < 0 ? err_set(err, r, "cannot write the output: %s", reason(r)) : 0;
}

/* close() is where a full network disk speaks up. */
static int put_and_close(int fd, struct str bytes)
{
	int r = put(fd, bytes);
	bool bad = close(fd) < 0 || fault_now();

	return r < 0 ? r : bad ? -errno : 0;
}

static int write_directly(const char *path, struct str bytes)
{
	int fd = fault_now() ? -1 : open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	return fd < 0 ? -errno : put_and_close(fd, bytes);
}

/* A new file in the directory of PATH that nobody else has. */
static int open_beside(const char *path, mode_t mode, struct path *ret_name)
{
	struct str head, whole = str_from_c(path);

	(void)str_cut_last(whole, '/', &head);
	size_t dir = head.n || path[0] == '/' ? head.n + 1 : 0;
	for (unsigned i = 0; i < 100; i++) {
		int n = snprintf(ret_name->c, sizeof(ret_name->c), "%.*s.perf-ops-%d-%u.tmp",
				 (int)dir, path, (int)getpid(), i);
		if (n < 0 || (size_t)n >= sizeof(ret_name->c))
			return -ENAMETOOLONG;
		int fd = fault_now()
				 ? -1
				 : open(ret_name->c, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* WAS is what it replaces, whose mode and owner stay as far as we may; NULL for a new file. */
static int write_beside(const char *path, const struct stat *was, struct str bytes)
{
	struct path name;
	int r = open_beside(path, was ? 0600 : 0666, &name);

	if (r < 0)
		return r;
	if (was) {
		(void)!fchown(r, was->st_uid, was->st_gid); /* allowed to few; then it is ours */
		(void)fchmod(r, was->st_mode & 0777); /* our own new file: cannot be refused */
	}
	r = put_and_close(r, bytes);
	if (r == 0 && (fault_now() || rename(name.c, path) < 0))
		r = -errno;
	if (r < 0)
		(void)unlink(name.c); /* best effort: the failure itself is what is told */
	return r;
}

int file_write(struct str path, struct str bytes, struct err *err)
{
	struct path p, real;
	struct stat st;
	int r = path_set(&p, path);

	if (r < 0)
		return file_refused(err, r, path);
	/* A link stays a link: what it points to is replaced. */
	const char *target = realpath(p.c, real.c) ? real.c : p.c;
	bool exists = stat(target, &st) == 0;
	if (exists && S_ISDIR(st.st_mode))
		return file_refused(err, -EISDIR, path);
	if (exists && !S_ISREG(st.st_mode)) {
		r = write_directly(target, bytes);
	} else {
		r = write_beside(target, exists ? &st : NULL, bytes);
		/* A file we may write in a directory we may not. */
		if (exists && (r == -EACCES || r == -EPERM))
			r = write_directly(target, bytes);
	}
	return r < 0 ? file_refused(err, r, path) : 0;
}
