/*
 * kallsyms: the functions of the kernel and its modules, from the text of /proc/kallsyms. Symbols
 * have no size there: one reaches to the next symbol of any kind, and no further than the largest
 * function there is.
 */
#ifndef PERF_OPS_RESOLVE_KALLSYMS_H
#define PERF_OPS_RESOLVE_KALLSYMS_H

#include "base/arena.h"

struct kallsyms;

/* Keeps nothing of TEXT. */
struct kallsyms *kallsyms_parse(struct arena *a, struct str text);
/* The addresses are all zero: kernel.kptr_restrict, or no right to see them. */
bool kallsyms_hidden(const struct kallsyms *k);
/* MODULE: "[kernel]" or "[ext4]". False: no function there. */
bool kallsyms_find(const struct kallsyms *k, uint64_t address, struct str *ret_name,
		   struct str *ret_module);

#endif
