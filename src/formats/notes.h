/*
 * notes: what a run knows beside its samples (loss, cost, limits, where it came from) as lines
 * "perf-ops.KEY: VALUE", so that a format with any place for comments carries it there and back.
 */
#ifndef PERF_OPS_FORMATS_NOTES_H
#define PERF_OPS_FORMATS_NOTES_H

#include "base/buf.h"
#include "model/run.h"

/* Calls FN with every note; key and value are borrowed until it returns. */
void notes_say(const struct run *r, const struct profile *p,
	       void (*fn)(void *self, struct str key, struct str value), void *self);
/* Takes a note over; false when it is none of ours. */
bool notes_hear(struct run *r, struct profile *p, struct str key, struct str value);
/* Likewise for a whole line. */
bool notes_hear_line(struct run *r, struct profile *p, struct str line);

#endif
