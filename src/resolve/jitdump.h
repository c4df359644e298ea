/*
 * jitdump: jit-PID.dump, the binary log of code that a runtime made, moved and described with lines
 * (Linux tools/perf/Documentation/jitdump-specification.txt). Addresses are used again, so a lookup
 * has a time. A log that ends in the middle of a record is good up to there.
 */
#ifndef PERF_OPS_RESOLVE_JITDUMP_H
#define PERF_OPS_RESOLVE_JITDUMP_H

#include "base/arena.h"
#include "base/err.h"

struct jitdump;

/* FD stays with the caller and outlives it: names are read when they are asked for. */
int jitdump_open(struct arena *a, int fd, struct jitdump **ret, struct err *err);
/* TIME_NS: CLOCK_MONOTONIC, 0: the newest. *ret_file is empty and *ret_line 0 when not known. */
bool jitdump_find(const struct jitdump *j, uint64_t address, uint64_t time_ns, struct str *ret_name,
		  struct str *ret_file, uint32_t *ret_line);

#endif
