/* Step k holds the durations from (32 + k % 32) << k / 32 on; below 32 ns nothing is told apart. */
#include "capture/bpf/costs.h"

#include <stddef.h>

static size_t cost_step(uint32_t ns)
{
	uint32_t v = ns < 32 ? 32 : ns;
	unsigned e = 31 - (unsigned)__builtin_clz(v);

	return (size_t)(e - 5) * 32 + (v >> (e - 5)) - 32;
}

void costs_add(struct costs *c, uint32_t ns)
{
	c->n++;
	c->sum_ns += ns;
	c->count[cost_step(ns)]++;
}

int64_t costs_quantile(const struct costs *c, double q)
{
	uint64_t want = (uint64_t)((double)c->n * q), seen = 0;

	for (size_t i = 0; i < COSTS_STEPS; i++) {
		seen += c->count[i];
		if (c->count[i] && seen > want)
			return (int64_t)(i % 32 * 2 + 65) << (i / 32) >> 1;
	}
	return -1;
}
