/*
 * binary: the files that are mapped into the observed processes, opened while that is still
 * possible and kept open, so that names and unwind tables come from what really ran: also when it
 * was deleted, replaced, or lies in another mount namespace. One entry per (device, inode,
 * build-id).
 */
#ifndef PERF_OPS_RESOLVE_BINARY_H
#define PERF_OPS_RESOLVE_BINARY_H

#include "sys/file.h"
#include "sys/host.h"

#define BUILD_ID_MAX 32

struct segment {                      /* an executable PT_LOAD */
	uint64_t vaddr, offset, size; /* size in the file */
};

struct binary {
	uint32_t id;     /* index among binaries, stable */
	struct str path; /* as the target sees it: "/usr/bin/node", "[vdso]" */
	int fd;          /* -1: could not be opened; why says so */
	struct file_id file;
	bool is_elf, deleted, is_pie;
	uint8_t build_id[BUILD_ID_MAX];
	size_t build_id_n;
	struct segment *text; /* executable segments */
	size_t n_text;
	struct err why;
};

struct binary_place {        /* how to get at a file that is mapped */
	uint32_t pid;        /* 0: only by path */
	uint64_t start, end; /* of the mapping: /proc/PID/map_files/START-END */
	uint64_t device, inode;
	struct str path;
	struct str build_id; /* from the event, or empty; a path that leads to another one is
				refused */
};

struct binaries;
struct binaries *binaries_open(struct arena *a, const struct host *h);
struct binaries *binaries_close(struct binaries *b); /* closes all descriptors; accepts NULL */
/*
 * Known already, or opened now: map_files, then /proc/PID/root + path, then path. "[vdso]" is
 * copied from the memory of PID. Never NULL: a file that cannot be opened has fd -1.
 */
struct binary *binaries_get(struct binaries *b, const struct binary_place *p);
struct binary *binaries_at(const struct binaries *b, uint32_t id);
size_t binaries_count(const struct binaries *b);

/*
 * Run-time address minus link-time address of a mapping: from the executable segment that contains
 * its file offset (rounded to pages). The file offset itself when there is none.
 */
uint64_t binary_bias(const struct binary *bin, uint64_t start, uint64_t file_offset);

#endif
