/*
 * space: which object lies where in each process, kept up to date by the events of a recording.
 * Pure bookkeeping without any call of the kernel: used by the sources (which unwind table is at an
 * address?) and by the record sink (which file is an address in?), on a live machine and on a tape
 * alike. Forked processes share one table until one of them changes it.
 */
#ifndef PERF_OPS_CAPTURE_SPACE_H
#define PERF_OPS_CAPTURE_SPACE_H

#include "base/arena.h"

struct range {
	uint64_t start, end;
	uint64_t bias;   /* run-time minus link-time address */
	uint32_t object; /* the owner's id: a binary, or SPACE_ANONYMOUS */
	uint32_t flags;  /* the owner's */
};
#define SPACE_ANONYMOUS UINT32_MAX

struct space {
	struct range *v; /* by start, not overlapping */
	size_t n;
	uint32_t generation; /* changes whenever v does; unique over all spaces */
};

struct spaces;
struct spaces *spaces_open(size_t limit_bytes);
struct spaces *spaces_close(struct spaces *s); /* accepts NULL */
/* Cuts or replaces what it overlaps. False when the limit of memory is reached: counted as lost. */
bool spaces_map(struct spaces *s, uint32_t pid, const struct range *r);
void spaces_fork(struct spaces *s, uint32_t parent, uint32_t child);
void spaces_exec(struct spaces *s, uint32_t pid); /* empty again */
void spaces_gone(struct spaces *s, uint32_t pid);
/* NULL: never heard of. Valid until the next change. */
const struct space *spaces_of(const struct spaces *s, uint32_t pid);
const struct range *space_find(const struct space *sp, uint64_t address); /* NULL: none */

#endif
