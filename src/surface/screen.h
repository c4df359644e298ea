/*
 * screen: stderr. Progress is one line that is written over on a terminal and one plain line a
 * phase elsewhere; notes and complaints stay.
 */
#ifndef PERF_OPS_SURFACE_SCREEN_H
#define PERF_OPS_SURFACE_SCREEN_H

#include "base/err.h"
#include "base/log.h"
#include "base/progress.h"

struct screen {
	struct progress progress;
	struct log log;
	bool terminal, quiet;
	char phase[32];
	bool drawn; /* a progress line stands there */
};

void screen_open(struct screen *s, bool terminal, bool quiet, bool verbose);
void screen_clear(struct screen *s); /* takes the progress line away */
/* "perf-ops: what", and the remedy on a line of its own; also when quiet. */
void screen_complain(struct screen *s, const struct err *err);
/* A line that stays, unless quiet. */
void screen_say(struct screen *s, struct str text);

#endif
