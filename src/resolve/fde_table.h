/*
 * fde_table: where functions begin, by the unwind tables of a program: known also when all names
 * were stripped. Reads .eh_frame_hdr, the sorted index that linkers write for exceptions (LSB 5,
 * "Exception Frames"), and from .eh_frame how long each function is.
 *
 * A part that the compiler moved away (".cold") is a function of its own in there.
 */
#ifndef PERF_OPS_RESOLVE_FDE_TABLE_H
#define PERF_OPS_RESOLVE_FDE_TABLE_H

#include "resolve/elf_view.h"

struct fde_table;

/* The index on A; V must outlive it. NULL: there is none, or it is damaged. */
struct fde_table *fde_table_open(struct arena *a, const struct elf_view *v);
/* The start of the function around VADDR; false: no function is known to cover it. Accepts NULL. */
bool fde_table_find(struct fde_table *t, uint64_t vaddr, uint64_t *ret_start);

#endif
