/* What every CPU source is asked: the same struct for eBPF, perf and /proc. */
#ifndef PERF_OPS_CAPTURE_CPU_H
#define PERF_OPS_CAPTURE_CPU_H

#include <stdbool.h>
#include <stdint.h>

struct cpu_params {
	uint64_t frequency; /* samples per second and processor */
	bool kernel;        /* kernel stacks */
	bool user;          /* user stacks */
	bool hardware;      /* a cycle counter when there is one, else the CPU clock */
};

#endif
