/* firefox_priv: what writer and reader of the Firefox Profiler's format agree on. */
#ifndef PERF_OPS_FORMATS_FIREFOX_PRIV_H
#define PERF_OPS_FORMATS_FIREFOX_PRIV_H

#include "formats/format.h"

/* Tables shared by all threads came with 60; the profiler upgrades older files when it loads them.
 */
#define FIREFOX_VERSION 60

/* Category names that carry the kind of a frame. */
#define FIREFOX_KERNEL S("Kernel")
#define FIREFOX_MARKER S("Marker")
/* A note: the format demands times, and these were not measured. */
#define FIREFOX_UNTIMED S("times are not known; samples are shown one interval apart")

int firefox_write(const struct run *r, struct buf *out, struct err *err);

#endif
