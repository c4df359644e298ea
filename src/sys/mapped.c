/* Opens twice: O_PATH to see what it is (that touches nothing), then for reading by /proc/self/fd.
 */
#include "sys/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/file.h"

#define NAME_MAX_BYTES 4096u

static bool as_c(struct str s, char into[static NAME_MAX_BYTES])
{
	if (s.n >= NAME_MAX_BYTES || memchr(s.p, 0, s.n))
		return false;
	memcpy(into, s.p, s.n);
	into[s.n] = 0;
	return true;
}

/* Takes PLACE, an O_PATH descriptor or -1 with errno. */
static int reopen(int place, struct str path, struct err *err)
{
	auto_fd seen = place;
	struct stat st;
	char again[40];

	if (seen < 0 || fault_now())
		return err_set(err, -errno, "cannot open " STR_FMT ": %s", STR_ARG(path),
			       strerror(errno));
	if (fstat(seen, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, STR_FMT " is not a regular file", STR_ARG(path));
	(void)snprintf(again, sizeof(again), "/proc/self/fd/%d", seen);
	int fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(err, -errno, "cannot open " STR_FMT ": %s", STR_ARG(path),
			       strerror(errno));
	return fd;
}

int mapped_open(struct str path, struct err *err)
{
	char c[NAME_MAX_BYTES];

	if (!as_c(path, c))
		return err_set(err, -ENAMETOOLONG, "a path of %zu bytes", path.n);
	return reopen(open(c, O_PATH | O_CLOEXEC), path, err);
}

int mapped_open_within(struct str root, struct str path, struct err *err)
{
	char r[NAME_MAX_BYTES], c[NAME_MAX_BYTES];
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	if (!as_c(root, r) || !as_c(path, c))
		return err_set(err, -ENAMETOOLONG, "a path of %zu bytes", path.n);
	auto_fd dir = open(r, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(err, -errno, "cannot enter " STR_FMT ": %s", STR_ARG(root),
			       strerror(errno));
	return reopen((int)syscall(SYS_openat2, dir, c, &how, sizeof(how)), path, err);
}

bool mapped_is_deleted(int fd)
{
	char path[40], to[NAME_MAX_BYTES];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, to, sizeof(to));
	return n > 0 && str_ends((struct str){ to, (size_t)n }, S(" (deleted)"));
}

uint32_t mapped_owner(int fd)
{
	struct stat st;

	return fault_now() || fstat(fd, &st) != 0 ? UINT32_MAX : st.st_uid;
}

int mapped_copy(const char *name, struct str bytes, struct err *err)
{
	auto_fd fd = fault_now() ? -1 : memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot make a file in memory: %s", strerror(errno));
	int bad = file_put(fd, bytes, err);
	if (bad)
		return bad;
	return fd_take(&fd);
}
