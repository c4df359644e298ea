/* costs: how long single runs of a BPF program took, as a histogram: 32 steps for each doubling, so
 * a quantile is right within 3 %. */
#ifndef PERF_OPS_CAPTURE_COSTS_H
#define PERF_OPS_CAPTURE_COSTS_H

#include <stdint.h>

#define COSTS_STEPS 1024
struct costs { /* starts with zeroes */
	uint64_t n, sum_ns, count[COSTS_STEPS];
};

void costs_add(struct costs *c, uint32_t ns);
int64_t costs_quantile(const struct costs *c, double q); /* -1: none */

#endif
