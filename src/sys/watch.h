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

/* Any number of descriptors at the cost of the ready ones: rings of hundreds of CPUs. */
struct watch_set {
	int fd; /* 0: none */
};
#define auto_watch_set __attribute__((cleanup(watch_set_close))) struct watch_set
int watch_set_open(struct watch_set *ret, struct err *err);
void watch_set_close(struct watch_set *s); /* accepts zeroed */
int watch_set_add(struct watch_set *s, int fd, unsigned tag, struct err *err);
/* The tags of what is ready, at most CAP; how many, as watch_wait. */
int watch_set_wait(struct watch_set *s, unsigned *tags, size_t cap, long long timeout_ns,
		   struct err *err);

#endif
