/* share: how sure a share of samples is, and whether two shares differ by more than chance. */
#ifndef PERF_OPS_ANALYSE_SHARE_H
#define PERF_OPS_ANALYSE_SHARE_H

#include "base/arena.h"

/* With fewer samples a percentage is rough: its 95 % interval is wider than ±18 points. */
#define SHARE_ROUGH 30
/* The level of all intervals and tests. */
#define SHARE_ALPHA 0.05

struct interval {
	double low, high;
};

/* Wilson's score interval for HITS of N, 95 %. N 0: from 0 to 1. */
struct interval share_interval(int64_t hits, int64_t n);
/* Newcombe's hybrid score interval (his method 10) for share b minus share a, 95 %. */
struct interval share_change(int64_t a, int64_t n_a, int64_t b, int64_t n_b);
/*
 * Two-sided p of "both shares are the same": Fisher's exact test while an expected count is small,
 * else the pooled z test with Yates' correction. 1 when there is nothing to test.
 */
double share_test(int64_t a, int64_t n_a, int64_t b, int64_t n_b);
/* Benjamini and Hochberg 1995: adjusts N values of p in place for having asked N times. */
void share_adjust(struct arena *scratch, double *p, size_t n);

#endif
