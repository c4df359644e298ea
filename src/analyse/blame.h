/*
 * blame: which function of the program itself stands behind what is spent in libraries, language
 * runtimes and the kernel. "41 % in memcpy" cannot be acted upon, "in build_index, by memcpy" can.
 */
#ifndef PERF_OPS_ANALYSE_BLAME_H
#define PERF_OPS_ANALYSE_BLAME_H

#include "analyse/weights.h"

struct blame {
	const struct weights *weights;
	bool *foreign;        /* by function: kernel, C library, runtime of a language */
	uint32_t *behind;     /* by stack: the nearest function of the program; 0: none */
	struct weight *whole; /* by function: itself and the foreign functions it called */
};

struct blame blame_new(struct arena *a, const struct weights *w);
/* Who of the program is behind FUNCTION most, and how much of FUNCTION's own; 0: nobody. */
uint32_t blame_behind(struct arena *a, const struct blame *b, uint32_t function,
		      struct weight *ret);
/* Likewise for all leaves in the kernel. */
uint32_t blame_behind_kernel(struct arena *a, const struct blame *b, struct weight *ret);

#endif
