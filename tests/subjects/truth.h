/*
 * truth: a subject measures its own phases with its thread's CPU clock, a few times per 5 ms, and
 * prints at the end what it really did: one line "truth NAME SHARE" for each phase. The profiler
 * must agree.
 */
#ifndef PERF_OPS_SUBJECT_TRUTH_H
#define PERF_OPS_SUBJECT_TRUTH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PHASES_MAX 8
#define ROUND_NS   UINT64_C(5000000)
#define CALLS      16 /* between two looks at the clock, so that looking is not what is measured */

struct truth {
	const char *name[PHASES_MAX];
	uint64_t ns[PHASES_MAX];
	unsigned n;
};

static inline uint64_t cpu_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* About 20 us of arithmetic that no optimiser removes; always inlined, so it counts for its caller.
 */
static inline __attribute__((always_inline)) uint64_t grind(uint64_t x)
{
	for (unsigned i = 0; i < 20000; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		__asm__ volatile("" : "+r"(x)); /* one step at a time, for every compiler */
	}
	return x;
}

/* Runs CALL for about WEIGHT rounds of CPU time and books it under NAME. */
#define PHASE(t, slot, phase_name, weight, call)           \
	do {                                               \
		uint64_t from_ = cpu_now_ns(), to_;        \
		do {                                       \
			call;                              \
			to_ = cpu_now_ns();                \
		} while (to_ - from_ < (weight)*ROUND_NS); \
		(t)->name[slot] = phase_name;              \
		(t)->ns[slot] += to_ - from_;              \
		if ((t)->n <= (slot))                      \
			(t)->n = (slot) + 1;               \
	} while (0)

static inline void truth_print(const struct truth *t)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < t->n; i++)
		all += t->ns[i];
	for (unsigned i = 0; i < t->n; i++)
		printf("truth %s %.6f\n", t->name[i], all ? (double)t->ns[i] / (double)all : 0);
}

static inline double subject_seconds(int argc, char **argv)
{
	return argc > 1 ? strtod(argv[1], NULL) : 4;
}

#endif
