/*
 * object: everything that is known about the addresses of one binary: its symbols, its debug file,
 * its DWARF or Go tables. Opened when the first address of it is asked for.
 */
#ifndef PERF_OPS_RESOLVE_OBJECT_H
#define PERF_OPS_RESOLVE_OBJECT_H

#include "resolve/names.h"

struct object;

/* Never NULL: what cannot be read is told by object_gap. DEADLINE_NS: for downloads. */
struct object *object_open(struct arena *a, const struct host *h, const struct binary *bin,
			   struct names_options o, int64_t deadline_ns);
struct object *object_close(struct object *o); /* accepts NULL */
/* Functions, files and lines, innermost first; modules are the caller's. N is 0: no name. */
void object_find(struct object *o, uint64_t vaddr, struct name_list *ret);
/* Where the function around VADDR begins, whatever its name; false: not known. */
bool object_start(struct object *o, uint64_t vaddr, uint64_t *ret);
/* Why names are missing, and what to do about it; empty: nothing is. */
void object_gap(const struct object *o, struct str *ret_why, struct str *ret_remedy);

/* All addresses have names, but inlined functions are missing: the gap says why. */
bool object_is_partial(const struct object *o);

#endif
