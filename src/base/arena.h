/* Region memory. Whoever opens the arena frees it; nobody frees what is inside it. */
#ifndef PERF_OPS_BASE_ARENA_H
#define PERF_OPS_BASE_ARENA_H

#include "base/str.h"

struct arena;

struct arena *arena_open(const char *purpose, size_t limit);
struct arena *arena_close(struct arena *a); /* accepts NULL, always returns NULL */
/* Zeroed, never NULL: without memory, or over the limit, the process ends with exit code 71. */
void *arena_zalloc(struct arena *a, size_t count, size_t size, size_t align);
/*
 * Makes room for at least one more of N used elements: returns P, or its new place with the old
 * content and zeroes behind it, and raises *cap. Large arrays have blocks of their own and are
 * moved by realloc, so doubling leaves nothing behind. P NULL starts one. See base/vec.h.
 */
void *arena_grow(struct arena *a, void *p, size_t n, size_t *cap, size_t size);
/* What a reader asks before it believes a count found in a file: over the limit is -E2BIG there. */
bool arena_fits(const struct arena *a, size_t count, size_t size);
size_t arena_used(const struct arena *a);            /* bytes, for reports of our own cost */
struct str arena_str(struct arena *a, struct str s); /* a copy, with a NUL behind it */
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define arena_make(a, T)     ((T *)arena_zalloc((a), 1, sizeof(T), _Alignof(T)))
#define arena_array(a, T, n) ((T *)arena_zalloc((a), (n), sizeof(T), _Alignof(T)))

static inline void arena_closep(struct arena **a)
{
	*a = arena_close(*a);
}
#define auto_arena __attribute__((cleanup(arena_closep))) struct arena *

#endif
