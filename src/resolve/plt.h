/*
 * plt: names for the stubs through which calls leave an object, "memcpy@plt". A stub is known by
 * the slot of the GOT that it jumps through, so any layout of linkers is understood.
 */
#ifndef PERF_OPS_RESOLVE_PLT_H
#define PERF_OPS_RESOLVE_PLT_H

#include "resolve/elf_view.h"

struct plt;

struct plt *plt_open(struct arena *a, const struct elf_view *v); /* sections read; never NULL */
bool plt_find(const struct plt *p, uint64_t vaddr, struct str *ret);

#endif
