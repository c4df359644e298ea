/*
 * gzip: RFC 1952 by zlib, as a stream. Recognised by its magic, so callers never look at suffixes.
 */
#ifndef PERF_OPS_BASE_GZIP_H
#define PERF_OPS_BASE_GZIP_H

#include "base/buf.h"
#include "base/input.h"

struct gunzip;

/* True when HEAD starts with 1f 8b. */
bool gzip_is(struct str head);
/* An input over FROM, which must outlive it; output is bounded by OUT_MAX bytes in all (bombs:
 * -E2BIG). */
struct gunzip *gunzip_open(struct arena *a, struct input *from, uint64_t out_max);
struct input *gunzip_input(struct gunzip *g);
struct gunzip *gunzip_close(struct gunzip *g); /* accepts NULL; before the arena is closed */
/* One member with the whole of S; level 1..9. False when OUT is full. */
bool gzip_put(struct buf *out, struct str s, int level);

#endif
