/*
 * progress: long work tells how far it is; the surface decides whether that becomes one line that
 * is written over, a plain line a phase, or nothing. NULL is a progress nobody watches.
 */
#ifndef PERF_OPS_BASE_PROGRESS_H
#define PERF_OPS_BASE_PROGRESS_H

#include "base/str.h"

struct progress {
	/* SHARE is 0..1, or negative when the end is not known. PHASE: "recording", "names". */
	void (*show)(void *self, struct str phase, double share, struct str detail);
	/* One line that stays: "profiling postgres (4711) and 3 children". */
	void (*note)(void *self, struct str line);
	void *self;
};

void progress_show(const struct progress *p, struct str phase, double share, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void progress_note(const struct progress *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
