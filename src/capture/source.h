/* source: turns the world into a run. One folder per source, one row in sources.def. */
#ifndef PERF_OPS_CAPTURE_SOURCE_H
#define PERF_OPS_CAPTURE_SOURCE_H

#include "base/log.h"
#include "base/param.h"
#include "capture/target.h"
#include "model/sink.h"
#include "resolve/binary.h"

/* "Can I run here?" is data, so the doctor can choose and the user can be told what is missing. */
struct availability {
	bool ready;
	int rank;       /* among sources that produce the same artefact; higher wins */
	struct err why; /* when not ready: the gate and the remedy */
};

struct source_context { /* what a source may use; all outlive it */
	const struct host *host;
	struct arena *arena;
	struct binaries *binaries;
	const struct target *target;
	const struct log *log;
};

struct source {
	const char *name;    /* "ebpf" */
	const char *summary; /* for the report: "in-kernel unwinding by eBPF" */
	size_t params_size;
	unsigned produces; /* 1u << enum artefact */
	bool isolate;      /* privileged or likely to crash: run in a worker, talk by tape */
	/* For this target: opens and closes what it would need; cheap (milliseconds). */
	struct availability (*probe)(const struct source_context *c);
	int (*open)(const struct source_context *c, const void *params, void **ret_self,
		    struct err *err);
	/* Says what holds now (tasks, mappings), then lets events flow. */
	int (*start)(void *self, struct sink *out, struct err *err);
	/* Waits until UNTIL_NS (monotonic) at most, pours what came; 0 = the target ended, 1 =
	 * more. */
	int (*pump)(void *self, uint64_t until_ns, struct err *err);
	/* After the last pump: stops, pours the rest, fills limits, cost and stack_end of the run.
	 */
	int (*finish)(void *self, struct run *into, struct err *err);
	void (*close)(void *self); /* accepts half-opened and NULL */
};

extern const struct source *const sources[]; /* ends with NULL; rows in sources.def */

#endif
