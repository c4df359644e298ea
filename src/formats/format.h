/*
 * format: bytes <-> run. One file, one row in formats.def. Pure: no files, no clock.
 * Input comes with gzip undone already; the writer of a format that is compressed by custom
 * (pprof) compresses itself.
 */
#ifndef PERF_OPS_FORMATS_FORMAT_H
#define PERF_OPS_FORMATS_FORMAT_H

#include "base/buf.h"
#include "base/input.h"
#include "model/sink.h"

struct format {
	const char *name;   /* "pprof" */
	const char *suffix; /* what -o FILE ends with, several by '|': ".pb.gz|.pprof" */
	const char *about;
	int (*sniff)(struct str head); /* 0..100 for up to 64 KB of the start; the best one reads */
	int (*read)(struct input *in, struct run *into, struct err *err); /* NULL: cannot */
	/* For files that hold addresses (tape, perf.data): plays the recording into a sink. */
	int (*replay)(struct input *in, struct sink *into, struct err *err);
	int (*write)(const struct run *r, struct buf *out, struct err *err); /* NULL: cannot */
};

extern const struct format *const formats[]; /* ends with NULL; rows in formats.def */

/* The best by content, or NULL. */
const struct format *format_sniff(struct str head);
/* By the end of PATH, the longest suffix first; or NULL. */
const struct format *format_by_suffix(struct str path);

#endif
