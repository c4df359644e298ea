/*
 * taping: -o FILE.tape. What a source says goes to the recording and, as it comes, to a file, so
 * that little is lost when perf-ops is killed. What goes wrong with the file ends the tape, never
 * the recording.
 */
#ifndef PERF_OPS_CMD_TAPING_H
#define PERF_OPS_CMD_TAPING_H

#include "cmd/command.h"
#include "model/sink.h"
#include "resolve/binary.h"

struct taping;
/* All that arrives is passed on to RECORD first. TOLD is filled by the end. */
struct taping *taping_open(const struct context *c, struct str path, struct binaries *b,
			   struct sink *record, struct written *told);
struct sink *taping_sink(struct taping *t);
/* These accept NULL: nobody asked for a tape. */
void taping_say(struct taping *t, const struct run *r); /* what is known of the run by now */
void taping_pulse(struct taping *t, int64_t now_ns);    /* often: puts what is half a second old */
struct taping *taping_close(struct taping *t);          /* always NULL */
struct taping *taping_drop(struct taping *t);           /* nothing was recorded: no file */

#endif
