/*
 * jit: names for code that a process made at run time, from the files that its runtime leaves
 * behind: a jitdump that it has mapped, a perf map in its /tmp. Only files of the process's own
 * user or of root are believed.
 */
#ifndef PERF_OPS_RESOLVE_JIT_H
#define PERF_OPS_RESOLVE_JIT_H

#include "resolve/names.h"

struct jit;

struct jit *jit_open(struct arena *a, const struct host *h, struct binaries *b, uint32_t pid);
struct jit *jit_close(struct jit *j); /* accepts NULL */
bool jit_find(const struct jit *j, uint64_t address, uint64_t time_ns, struct name *ret);
struct str jit_why(const struct jit *j); /* names are missing */

#endif
