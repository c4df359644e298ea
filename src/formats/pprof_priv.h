/* pprof_priv: the field numbers of message Profile, which is streamed and never held whole. */
#ifndef PERF_OPS_FORMATS_PPROF_PRIV_H
#define PERF_OPS_FORMATS_PPROF_PRIV_H

#include "formats/format.h"

enum pprof_field {
	PPROF_SAMPLE_TYPE = 1,
	PPROF_SAMPLE = 2,
	PPROF_MAPPING = 3,
	PPROF_LOCATION = 4,
	PPROF_FUNCTION = 5,
	PPROF_STRING = 6,
	PPROF_DROP_FRAMES = 7,
	PPROF_KEEP_FRAMES = 8,
	PPROF_TIME_NANOS = 9,
	PPROF_DURATION_NANOS = 10,
	PPROF_PERIOD_TYPE = 11,
	PPROF_PERIOD = 12,
	PPROF_COMMENT = 13,
	PPROF_DEFAULT_SAMPLE_TYPE = 14,
	PPROF_DOC_URL = 15,
	PPROF__END,
};

/* What a function's system_name ends with when the kind of its frames does not follow from the
 * module: FlameGraph's annotations. Empty for native and inlined ones. */
struct str pprof_annotation(enum frame_kind kind);

/* "cc1plus+0x8a3f10": the name of a function that has none, for readers that show names only. The
 * file of our own is read back as what it was. */
#define PPROF_PLACE_MAX 4096
void pprof_place(struct buf *out, struct str module, uint64_t address);

int pprof_write(const struct run *r, struct buf *out, struct err *err);

#endif
