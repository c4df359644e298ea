/*
 * flame: one profile, or a profile and what it is compared with, as flame graphs draw it: stacks
 * merged by function, in preorder, the heaviest child first; what was spent, by thread and node.
 *
 * Laws: node 0 is the root and stands for all; depth[i] <= depth[i - 1] + 1; spent rows are sorted
 * by thread, then node, each pair once; every sum of the profile is a sum of spent rows.
 */
#ifndef PERF_OPS_PRESENT_FLAME_H
#define PERF_OPS_PRESENT_FLAME_H

#include "model/profile.h"

struct flame_function {
	struct str name; /* never empty: module+address when there is no better one */
	struct str file, module;
	enum frame_kind kind;         /* of the first of its frames */
	uint32_t first_line, n_lines; /* rows of line, heaviest first */
};

struct flame_line {
	uint32_t number;      /* 0: not known */
	enum frame_kind kind; /* one function may be inlined here and called there */
	int64_t self;         /* of the main kind, both sides */
};

struct flame_thread {
	struct str process, name;
	uint64_t pid, tid; /* 0: not known */
	bool base;         /* of the profile compared with */
};

struct flame {
	const struct profile *profile;
	struct flame_function *function;
	size_t n_functions;
	struct flame_line *line;
	size_t n_lines;
	struct flame_thread *thread;
	size_t n_threads;
	uint32_t *depth, *function_of, *line_of; /* by node; line_of counts within the function */
	size_t n_nodes;
	struct { /* value has n * profile->n_kinds */
		uint32_t *thread, *node;
		int64_t *value;
		size_t n;
	} spent;
	uint32_t *row_node, *row_thread; /* of all samples, the profile's and then the base's */
	uint32_t *row_order;             /* those rows by thread, then node */
	size_t n_rows;
};

/* Foreign files hold any numbers: sums stop at the ends. */
static inline int64_t flame_plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* BASE is NULL when nothing is compared; its kinds are found by name. All of it lies on A. */
struct flame *flame_new(struct arena *a, const struct profile *p, const struct profile *base);

#endif
