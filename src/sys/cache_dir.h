/*
 * cache_dir: a directory of files that can be made again. It must be ours alone: a directory of
 * another user, or one that others may write to, is refused, and links in it are not followed, so
 * that nobody gets us to read or overwrite what we should not.
 */
#ifndef PERF_OPS_SYS_CACHE_DIR_H
#define PERF_OPS_SYS_CACHE_DIR_H

#include "sys/file.h"

/* Made when it is missing (mode 0700). A descriptor, or negative errno: then do without. */
int cache_dir_open(struct str path, struct err *err);
/* A regular file of ours in it, for reading; a descriptor, or negative errno. */
int cache_dir_read(int dir, struct str name, struct err *err);
/* All of it or nothing, also for readers meanwhile. */
int cache_dir_write(int dir, struct str name, struct str bytes, struct err *err);
/* Removes the oldest files until at most MOST bytes are left. */
void cache_dir_trim(int dir, uint64_t most);

#endif
