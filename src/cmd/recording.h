/* recording: a target watched by the best source there is, from the first look to the names. */
#ifndef PERF_OPS_CMD_RECORDING_H
#define PERF_OPS_CMD_RECORDING_H

#include "capture/target.h"
#include "cmd/command.h"

enum recording_tier { TIER_AUTO, TIER_EBPF, TIER_PERF, TIER_PROC };

struct recording_order {
	const struct target_params *target;
	uint64_t frequency;
	int64_t duration_ns; /* 0: 10 s when attached, to the end when launched */
	bool kernel;
	unsigned tier;   /* enum recording_tier */
	struct str tape; /* where it is written while it is made; empty: nowhere */
};

struct recording {
	struct run *run;
	uint64_t samples;
	int64_t period_ns;
	int64_t target_cpu_ns; /* what the kernel says it used meanwhile; negative: not known */
	bool launched, stopped, ended; /* stopped: by the user; ended: the target did */
	bool broken;                   /* the source failed on the way; the limits say why */
	struct child_end end;          /* of what was launched */
	struct written tape;           /* when there is one */
};

int recording_make(const struct context *c, const struct recording_order *o, struct recording *ret,
		   struct err *err);

#endif
