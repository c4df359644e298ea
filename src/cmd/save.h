/*
 * save: -o FILE. The suffix decides the form; it is checked before anything is measured, and what
 * cannot be written where it was asked for is kept somewhere else.
 */
#ifndef PERF_OPS_CMD_SAVE_H
#define PERF_OPS_CMD_SAVE_H

#include "base/buf.h"
#include "cmd/command.h"

enum save_kind { SAVE_UNKNOWN, SAVE_FORMAT, SAVE_HTML, SAVE_SVG, SAVE_JSON, SAVE_TEXT, SAVE_TAPE };

enum save_kind save_kind(struct str path);
/* Turns FILES into outputs of the report; -EINVAL names the suffixes there are. Only who records
 * can write a TAPE, and one. */
int save_plan(struct arena *a, const struct texts *files, bool tape, struct report *out,
	      struct err *err);
/* The tape among the outputs, or NULL. */
struct output *save_tape(const struct report *r);
/* The run in the format of PATH's suffix. */
int save_format(const struct run *r, struct str path, struct buf *out, struct err *err);
/*
 * Writes BYTES to PATH. When that cannot be, to a new file in $TMPDIR, /tmp, /var/tmp or /dev/shm:
 * then the error stands, *KEPT is that path, and the hint is the command that moves it. *KEPT is
 * empty when nothing could be written anywhere.
 */
int save_bytes(struct arena *a, struct str path, struct str bytes, struct str *kept,
	       struct err *err);
/* Likewise begins a file that grows (sys/file.h): a descriptor, or negative errno. */
int save_begin(struct arena *a, struct str path, struct str *kept, struct err *err);

#endif
