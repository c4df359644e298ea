/* watch: waiting for any of several descriptors, with a deadline, until a signal at the latest. */
#ifndef PERF_OPS_SYS_WATCH_H
#define PERF_OPS_SYS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct watch {
	int fd;     /* negative: skipped */
	bool ready; /* has something to read, or its other end is closed */
	bool hung;  /* the other end is closed, or the watched process ended */
};

/* How many are ready; 0 at the deadline (relative; negative waits for ever) and after a signal. */
int watch_wait(struct watch *v, size_t n, long long timeout_ns, struct err *err);

#endif
