/*
 * tape: a recording as it came, append-only: what a sink is told, in the order it is told. Played
 * back into another sink it gives the same run.
 *
 * Bytes: "PERFTAPE", v version, v monotonic ns, v epoch ns, s host, s program; then frames: v
 * length of the rest, v type (tape.def), z ns since the frame before, payload. A reader skips types
 * it does not know; a torn end is loss, not an error. Each distinct stack stands there once.
 */
#ifndef PERF_OPS_FORMATS_TAPE_H
#define PERF_OPS_FORMATS_TAPE_H

#include "model/sink.h"

#define TAPE_MAGIC   "PERFTAPE"
#define TAPE_VERSION 1u

enum tape_type {
#define TAPE(name, number, about) TAPE_##name = (number),
#include "formats/tape.def"
#undef TAPE
};

struct tape_head {
	uint64_t monotonic_ns, epoch_ns; /* the same moment on both clocks */
	struct str host, program;
};

struct tape_sink;
/* PUT takes bytes in order; when it returns false, nothing more is written and it is not called
 * again. */
struct tape_sink *tape_sink_open(const struct tape_head *h, bool (*put)(void *to, struct str bytes),
				 void *to);
struct sink *tape_sink(struct tape_sink *t);
/* Puts what is left and closes; false: not all of it was taken. Accepts NULL. */
bool tape_sink_close(struct tape_sink *t);

#endif
