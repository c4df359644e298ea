/* Opening, reading and writing files. The only callers of open, read and write are in sys/. */
#ifndef PERF_OPS_SYS_FILE_H
#define PERF_OPS_SYS_FILE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/input.h"

void fd_closep(int *fd);
#define auto_fd __attribute__((cleanup(fd_closep))) int
/* The descriptor goes on to somebody else: auto_fd closes nothing. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* flags as open(2), O_CLOEXEC added; a descriptor or negative errno. */
int file_open(struct str path, int flags, struct err *err);
/* The whole file, if it fits what is left of the arena; also for files of unknown size. */
int file_read(struct arena *a, struct str path, struct str *ret, struct err *err);
/* Exactly N bytes at OFFSET, or an error; for headers of files that may be truncated. */
int file_pread(int fd, void *into, size_t n, uint64_t offset, struct err *err);
/* Up to N bytes; how many, or negative errno. */
ssize_t file_pread_some(int fd, void *into, size_t n, uint64_t offset);
/* Writes beside PATH and renames over it, so a reader never sees half; -o of an existing pipe or
 * device writes to it directly. */
int file_write(struct str path, struct str bytes, struct err *err);
/*
 * A file that grows while something is measured: begun (empty, also when it was there), added to,
 * ended; or dropped, when nothing came of it. Nothing waits: a pipe that is full is -EAGAIN. PATH
 * is for the sentence.
 */
int file_begin(struct str path, struct err *err); /* a descriptor or negative errno */
int file_add(int fd, struct str path, struct str bytes, struct err *err);
int file_end(int fd, struct str path, struct err *err); /* closes FD in any case */
void file_drop(struct str path);
/* All of it to a descriptor: pipes, stdout. -EPIPE is an error like others. */
int file_put(int fd, struct str bytes, struct err *err);
bool file_exists(struct str path);

struct file_id {
	uint64_t device, inode, size;
	int64_t mtime_ns;
};
int file_id(int fd, struct file_id *ret, struct err *err);

/* A private read-only map of a whole file; empty for empty files. */
struct file_map {
	const unsigned char *p;
	size_t n;
};
int file_map(int fd, struct file_map *ret, struct err *err);
void file_unmap(struct file_map *m); /* accepts zeroed */
/* From now on, a page of a map whose file was cut off under us reads as zeroes, which parsers take
 * for a corrupt file; without it that is SIGBUS. stop_catch() calls it. */
void file_map_guard(void);

/* Directories: names without . and .., in no order; -ENOENT as any error. */
int file_list(struct arena *a, struct str path, struct str **ret, size_t *ret_n, struct err *err);
/* What a symbolic link says. */
int file_link(struct arena *a, struct str path, struct str *ret, struct err *err);
int file_mkdirs(struct str path, struct err *err); /* mode 0700, parents too */

/* A file or "-" (stdin) as input, with read-ahead of 256 KB; bounded memory for any size. */
struct input_file;
int input_file_open(struct arena *a, struct str path, struct input_file **ret, struct err *err);
struct input *input_file_input(struct input_file *f);
struct input_file *input_file_close(struct input_file *f); /* accepts NULL */

#endif
