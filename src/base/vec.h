/*
 * vec: a growing array on an arena, of any type.
 *	VEC(struct row) rows = { 0 };
 *	*vec_add(arena, &rows) = (struct row){ ... };
 *	for (size_t i = 0; i < rows.n; i++) use(&rows.v[i]);
 * Pointers into it die at the next vec_add.
 */
#ifndef PERF_OPS_BASE_VEC_H
#define PERF_OPS_BASE_VEC_H

#include "base/arena.h"

/* clang-format off */
#define VEC(T) struct { T *v; size_t n, cap; }
/* clang-format on */

/* The address of a new, zeroed last element. The size is that of a type, so that clang-tidy does
 * not take a vec of pointers for a slip. */
#define vec_add(a, vec)                                                                           \
	((vec)->v =                                                                               \
		 arena_grow((a), (vec)->v, (vec)->n, &(vec)->cap, sizeof(__typeof__(*(vec)->v))), \
	 &(vec)->v[(vec)->n++])

#endif
