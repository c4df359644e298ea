/*
 * tape: a recording as it came, append-only: what a sink is told, in the order it is told. Played
 * back into another sink it gives the same run.
 *
 * Bytes: "PERFTAPE", v version, v monotonic ns, v epoch ns, v period ns, s host, s program, s boot;
 * then frames: v length of the rest, v type (tape.def), z ns since the frame before, payload. A
 * reader skips types it does not know; a torn end is loss, not an error. Stacks are a tree of (node
 * below, address) that grows from the root: what two stacks have in common stands there once.
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
	uint64_t monotonic_ns, epoch_ns; /* the same moment on both clocks: the beginning */
	int64_t period_ns;               /* between samples; 0: not regular */
	struct str host, program;
	struct str boot; /* /proc/sys/kernel/random/boot_id: addresses of the kernel hold so long */
};

struct tape_sink;
/* PUT takes bytes in order; when it returns false, nothing more is written and it is not called
 * again. */
struct tape_sink *tape_sink_open(const struct tape_head *h, bool (*put)(void *to, struct str bytes),
				 void *to);
struct sink *tape_sink(struct tape_sink *t);
/* What is known of the run by now; what is said again later replaces it. Limits are said once. */
void tape_sink_say(struct tape_sink *t, const struct run *r);
/* Puts all that was said until now; false: PUT has refused. */
bool tape_sink_flush(struct tape_sink *t);
/* Puts the end and closes; false: not all of it was taken. Accepts NULL. */
bool tape_sink_close(struct tape_sink *t);

#endif
