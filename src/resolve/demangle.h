/* demangle: C++ (Itanium), Rust legacy and v0, D-like prefixes untouched. Bounded in depth and
 * size. */
#ifndef PERF_OPS_RESOLVE_DEMANGLE_H
#define PERF_OPS_RESOLVE_DEMANGLE_H

#include "base/arena.h"

/* The readable name, or MANGLED itself. Rust hashes (::h0123456789abcdef) are taken off. */
struct str demangle(struct arena *a, struct str mangled);

#endif
