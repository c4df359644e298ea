/*
 * weights: what every stack and every function of a profile weighs, in one pass over its rows and
 * two over its stacks. Everything that ranks, draws paths or compares starts here.
 *
 * A function is a name in a module, or without a name the place where it begins; what has no place
 * either, and code made at run time, is one function a module. Its total counts a stack once,
 * however often the function stands in it (recursion). Sums stop at INT64_MAX.
 */
#ifndef PERF_OPS_ANALYSE_WEIGHTS_H
#define PERF_OPS_ANALYSE_WEIGHTS_H

#include "model/profile.h"

struct weight {
	int64_t value;   /* of the kind that is ranked by */
	int64_t samples; /* how many; 0 throughout when the profile does not tell */
};

struct function {
	str_id name, module; /* name none: not known */
	uint64_t address;    /* when it has no name, if it is one of a kind; else 0 */
	struct str shown;    /* "inflate"; without a name "libz.so.1+0x5a30", "[jit, no names]" */
	frame_id frame;      /* the first of its frames */
	enum frame_kind kind;
	struct weight self, total;
};

struct weights {
	const struct profile *profile;
	struct value_kind kind;
	struct weight all;
	/* Samples of equal weight that would tell as much (Kish 1965): the samples, when all weigh
	 * the same; 0 when their number is not known. */
	double effective;
	struct weight *self, *total; /* by stack */
	uint32_t *function_of;       /* by stack; 0: none */
	struct function *function;   /* row 0 is none */
	size_t n_functions;
};

struct weights *weights_new(struct arena *a, const struct profile *p);
/* V of all, 0..1; NaN when all is nothing. */
double weights_share(const struct weights *w, int64_t value);
/* How many of `effective` samples PART stands for. */
int64_t weights_hits(const struct weights *w, struct weight part);
int64_t weights_samples(const struct weights *w);
struct str weights_name(const struct weights *w, uint32_t function);
struct str weights_module(const struct weights *w, uint32_t function);
/* "[libz.so.1, no names]": all that has no name in the module of FUNCTION. */
struct str weights_nameless(struct arena *a, const struct weights *w, uint32_t function);
/* Adds every row to INTO[its label]; one element a label. */
void weights_by_label(const struct weights *w, struct weight *into);
void weight_add(struct weight *to, struct weight w); /* sums stop at the ends of int64_t */

#endif
