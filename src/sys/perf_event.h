/*
 * perf_event: perf_event_open(2) and its ring, for sampling, for task and mapping events, and as
 * the clock of BPF programs. Source: linux/perf_event.h, man page perf_event_open.
 */
#ifndef PERF_OPS_SYS_PERF_EVENT_H
#define PERF_OPS_SYS_PERF_EVENT_H

#include <linux/perf_event.h>

#include "base/err.h"
#include "base/str.h"

/* A descriptor or negative errno with a sentence and the remedy that fits errno, paranoid level and
 * capabilities. PID -1: everything on CPU. */
int perf_open(const struct perf_event_attr *attr, int32_t pid, int cpu, int group, struct err *err);
/* Only whether it would open: 0 or negative errno; nothing stays open. */
int perf_probe(const struct perf_event_attr *attr, int32_t pid, int cpu);
int perf_enable(int fd, bool on);
/* The records of FD go into the ring of TO, an event of the same processor; negative errno. */
int perf_redirect(int fd, int to);

struct perf_ring {
	unsigned char *p;       /* mapping: one control page, then size bytes */
	size_t size;            /* power of two */
	unsigned char *scratch; /* a record that wraps is copied here */
};
int perf_ring_open(int fd, size_t pages, struct perf_ring *ret, struct err *err);
void perf_ring_close(struct perf_ring *r); /* accepts zeroed */
/* Each record in order; returns how many. The pointer is valid during the call only. */
size_t perf_ring_read(struct perf_ring *r,
		      void (*each)(void *self, const struct perf_event_header *h), void *self);

#endif
