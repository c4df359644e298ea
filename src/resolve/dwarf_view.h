/*
 * dwarf_view: files, lines and inlined functions by DWARF, read by elfutils. Only compilation units
 * that are asked for are decoded; within them only functions that are asked for.
 */
#ifndef PERF_OPS_RESOLVE_DWARF_VIEW_H
#define PERF_OPS_RESOLVE_DWARF_VIEW_H

#include "resolve/names.h"

struct dwarf_view;

/* FD stays with the caller and outlives it. -ENODATA: no DWARF in there. RAW: do not demangle. */
int dwarf_view_open(struct arena *a, int fd, bool raw, struct dwarf_view **ret, struct err *err);
struct dwarf_view *dwarf_view_close(struct dwarf_view *d); /* accepts NULL */
/* Innermost first; the last is the real function, whose name is empty when DWARF knows no more than
 * the line. N is 0: nothing is known. Names are demangled. True: the name of the real function is
 * without its namespaces and parameters, because the compiler gave it no linkage name. */
bool dwarf_view_find(struct dwarf_view *d, uint64_t vaddr, struct name_list *ret);
/* A unit that was hit keeps its functions in a .dwo file, which is not read. */
bool dwarf_view_is_split(const struct dwarf_view *d);

#endif
