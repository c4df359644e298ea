/*
 * log: what happens inside, for developers and for `--verbose`. The logger is passed in, never
 * found in a global. NULL is a logger that says nothing. Formatting happens only when someone
 * listens.
 */
#ifndef PERF_OPS_BASE_LOG_H
#define PERF_OPS_BASE_LOG_H

#include "base/str.h"

struct log {
	void (*say)(void *self, struct str line); /* set by the surface */
	void *self;
	bool verbose;
};

void log_debug(const struct log *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
