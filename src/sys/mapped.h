/*
 * mapped: getting hold of a file that another process has mapped or written. Its name is somebody
 * else's word, so only regular files are opened (never a device, a pipe or a socket), without
 * blocking, and links are followed inside the root of that process only.
 */
#ifndef PERF_OPS_SYS_MAPPED_H
#define PERF_OPS_SYS_MAPPED_H

#include "base/err.h"
#include "base/str.h"

/* PATH as is: for /proc/PID/map_files/A-B. A descriptor, or negative errno. */
int mapped_open(struct str path, struct err *err);
/* PATH as a process sees it whose root is the directory ROOT, "/proc/PID/root". */
int mapped_open_within(struct str root, struct str path, struct err *err);
/* The name that the kernel has for an open file ends with " (deleted)". */
bool mapped_is_deleted(int fd);
/* Who owns an open file; UINT32_MAX unknown. */
uint32_t mapped_owner(int fd);
/* A file without a name that holds a copy of BYTES. A descriptor, or negative errno. */
int mapped_copy(const char *name, struct str bytes, struct err *err);

#endif
