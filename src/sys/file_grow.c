/* Writing a file that grows while something is measured: nothing here waits, and a reader sees it
 * grow. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/file.h"
#include "sys/reason_priv.h"

int file_begin(struct str path, struct err *err)
{
	struct path p;
	int r = path_set(&p, path);

	/* Without O_NONBLOCK a named pipe waits here for its reader, and later for its hunger. */
	if (r == 0)
		r = fault_now() ? -1
				: open(p.c, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC,
				       0666);
	if (r == -1)
		r = -errno;
	return r < 0 ? file_refused(err, r, path) : r;
}

int file_add(int fd, struct str path, struct str bytes, struct err *err)
{
	while (bytes.n) {
		ssize_t n = fault_now() ? -1 : write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return file_refused(err, -errno, path);
		bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
	}
	return 0;
}

int file_end(int fd, struct str path, struct err *err)
{
	int r = fault_now() ? -1 : close(fd);

	return r < 0 ? file_refused(err, -errno, path) : 0;
}

void file_drop(struct str path)
{
	struct path p;
	struct stat st;

	if (path_set(&p, path) == 0 && lstat(p.c, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(p.c); /* best effort: it is empty, and somebody complains already */
}
