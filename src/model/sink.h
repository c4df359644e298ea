/*
 * sink: where captures pour. Two exist: one writes a tape (raw frames, replayable), one builds a
 * run. What streams (cpu, off-CPU, heap, load) says everything through ops and so works with
 * either. What has no stream (bench, sql, bundle) puts whole artefacts into `into`.
 *
 * Order: the tasks and mappings that hold at the start come first, then events by time; a little
 * disorder (50 ms) between processors is allowed.
 */
#ifndef PERF_OPS_MODEL_SINK_H
#define PERF_OPS_MODEL_SINK_H

#include "model/run.h"

enum stack_end { /* how the walk of a user stack ended; the quality of a recording is their count */
		 STACK_ROOT,    /* at the bottom: return address undefined or 0 */
		 STACK_NONE,    /* no user stack: a kernel thread, or not asked for */
		 STACK_NO_MAP,  /* an address outside every known mapping */
		 STACK_NO_RULE, /* no unwind information there, and frame pointers did not help */
		 STACK_UNREADABLE, /* memory could not be read */
		 STACK_TRUNCATED,  /* deeper than the limit */
		 STACK__COUNT,
};

struct raw_sample {       /* addresses, not names: resolving waits until the measurement is over */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint32_t pid, tid, cpu;
	uint16_t n_kernel, n_user;
	uint8_t end;               /* enum stack_end */
	uint64_t user_hash;        /* equal hash, equal pid: equal user stack; 0 not known */
	const uint64_t *kernel_ip; /* leaf first; valid until the call returns */
	/* Leaf first. The first is exact. The others are return addresses with 1 taken off already,
	 * so that they lie in the call; after a signal frame the next one is exact again. Look them
	 * up as they are. */
	const uint64_t *user_ip;
	int64_t value[PROFILE_KINDS_MAX];
};

struct raw_mapping { /* from now on these addresses of this process are this file */
	uint64_t time_ns, start, end, file_offset;
	uint64_t device, inode; /* 0, 0: anonymous memory or unknown */
	uint32_t pid;
	struct str path;     /* as the target sees it; "[vdso]"; empty: anonymous, e.g. JIT code */
	struct str build_id; /* raw bytes, or empty */
};

enum task_event { TASK_SEEN, TASK_FORK, TASK_EXEC, TASK_NAMED, TASK_GONE };

struct raw_task { /* born, renamed or gone; pid == tid: the process itself */
	uint64_t time_ns;
	uint32_t pid, tid, parent; /* parent: pid of the forking process */
	enum task_event event;
	struct str name; /* comm */
};

struct sink;
struct sink_ops { /* hot: no allocation per call beyond the sink's own blocks; never fails */
	unsigned (*stream)(struct sink *s, struct str name, const struct value_kind *k, unsigned n);
	void (*sample)(struct sink *s, unsigned stream, const struct raw_sample *r);
	void (*point)(struct sink *s, unsigned stream, uint64_t time_ns, double v);
	void (*mapping)(struct sink *s, const struct raw_mapping *m);
	void (*task)(struct sink *s, const struct raw_task *t);
	void (*lost)(struct sink *s, unsigned stream, struct loss l);
};

struct sink {
	const struct sink_ops *ops;
	struct run *into; /* NULL on a tape */
	/* When it began, CLOCK_MONOTONIC, and the time between samples (0: not known). Who plays a
	 * recording from a file sets them before the first event. */
	uint64_t began_ns;
	int64_t period_ns;
};

#endif
