/*
 * record: the sink that builds a run. Keeps every distinct stack once, as (file, link-time
 * address), in a trie; one row a sample. Names are looked up when the recording is over.
 */
#ifndef PERF_OPS_CAPTURE_RECORD_H
#define PERF_OPS_CAPTURE_RECORD_H

#include "base/progress.h"
#include "model/sink.h"
#include "resolve/names.h"

struct record_options {
	bool per_thread; /* label rows by thread, not only by process */
	bool kernel;     /* keep kernel frames */
	bool timed;      /* keep the time of every sample */
	int64_t period_ns;
	size_t limit_bytes; /* of memory; beyond it samples are dropped and counted */
};

struct record;
struct record *record_open(const struct record_options *o, struct binaries *b);
struct record *record_close(struct record *r); /* accepts NULL */
struct sink *record_sink(struct record *r);
uint64_t record_samples(const struct record *r);
uint64_t record_first_ns(const struct record *r); /* time of the first sample; 0 none yet */
/* Resolves all names and adds one profile per stream to INTO. */
int record_finish(struct record *r, struct names *n, const struct progress *progress,
		  struct run *into, struct err *err);

#endif
