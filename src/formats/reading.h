/* reading: what the readers of profiles have in common: kinds, refusals and module names. */
#ifndef PERF_OPS_FORMATS_READING_H
#define PERF_OPS_FORMATS_READING_H

#include "base/input.h"
#include "model/run.h"

#define READING_DEPTH_MAX   65536u             /* frames of one stack */
#define READING_SCRATCH_MAX ((size_t)1 << 30)  /* beside what the run keeps */
#define READING_LINE_MAX    ((size_t)16 << 20) /* of a text format */

extern const struct value_kind reading_cpu_kinds[2]; /* samples; cpu in ns */

/* -E2BIG, in words, when one more frame or row with so much text might not fit. */
int reading_room(const struct profile *p, size_t string_bytes, struct err *err);
/* Likewise for COUNT things of SIZE bytes beside the run. */
int reading_scratch(const struct arena *a, size_t count, size_t size, struct err *err);
/* What one more of N elements may charge to the arena, where room is for CAP; arena_grow doubles.
 */
static inline size_t reading_growth(size_t n, size_t cap, size_t size)
{
	return n < cap ? 0 : 2 * (cap > 8 ? cap : 8) * size;
}
/* "libc.so.6" of "/usr/lib/libc.so.6". */
struct str reading_module(struct str path);
/* Is this what kernels and their modules are called? "[kernel.kallsyms]", "[ext4]", "x.ko". */
bool reading_is_kernel(struct str module);
/* Sorts, tells the run how long it was watched, checks, and adds it; -ENODATA without a sample. */
int reading_done(struct run *r, struct profile *p, const char *format, struct err *err);

#endif
