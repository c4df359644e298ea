/* run: everything one invocation learned. It owns the arena that every artefact lives in. */
#ifndef PERF_OPS_MODEL_RUN_H
#define PERF_OPS_MODEL_RUN_H

#include "model/dist.h"
#include "model/finding.h"
#include "model/plan.h"
#include "model/profile.h"
#include "model/series.h"
#include "model/tree.h"

/* clang-format off */
#define RUN_LIST(T) struct { T *v; size_t n, cap; }
/* clang-format on */

/* One line about how the measuring was done: which tier ran, what could not be seen, the remedy. */
struct limit {
	struct str what;   /* "kernel stacks are not visible" */
	struct str why;    /* "kernel.perf_event_paranoid is 2" */
	struct str remedy; /* can be pasted, or empty */
};

/* What measuring cost; NaN or negative: not known. */
struct cost {
	int64_t cpu_ns;      /* all threads of perf-ops, while recording */
	int64_t probe_ns;    /* inside our BPF programs, all samples together */
	uint64_t probe_runs; /* how often they ran */
	int64_t probe_p50_ns, probe_p99_ns;
	uint64_t rss_bytes;    /* peak */
	uint64_t kernel_bytes; /* maps and rings */
};

struct run {
	struct arena *arena;
	struct str id, command, host, version;
	/* Of a recording read from a file: whose addresses those of the kernel are, as the format
	 * says it (tape: "boot UUID"; perf.data: "SYMBOL ADDRESS [BUILD-ID]", hex). */
	struct str kernel;
	struct str source;         /* "eBPF, cpu-clock at 99 Hz" */
	struct str target;         /* "postgres (pid 4711) and 3 children" */
	int64_t start_ns, wall_ns; /* since the epoch; monotonic */
	int64_t own_cpu_ns;        /* what we ourselves cost the machine; always reported */
	struct cost cost;
	uint64_t stack_end[8]; /* user stacks by enum stack_end of model/sink.h */
	RUN_LIST(struct limit) limits;
	RUN_LIST(struct profile *) profiles;
	RUN_LIST(struct dist *) dists;
	RUN_LIST(struct series *) series;
	RUN_LIST(struct tree *) trees;
	RUN_LIST(struct plan *) plans;
	RUN_LIST(struct finding) findings;
};

struct run *run_new(struct arena *a);
void run_add_profile(struct run *r, struct profile *p);
void run_add_limit(struct run *r, struct str what, struct str why, struct str remedy); /* copies */
int run_check(const struct run *r, struct err *err); /* all artefacts, and every ref resolves */

#endif
