/* row_labels: the well-known labels of a sample, as a struct. Absent text is empty, absent ids are
 * -1. */
#ifndef PERF_OPS_FORMATS_ROW_LABELS_H
#define PERF_OPS_FORMATS_ROW_LABELS_H

#include "model/profile.h"

struct row_labels {
	struct str process, thread;
	int64_t pid, tid;
};

#define ROW_LABELS_NONE ((struct row_labels){ .pid = -1, .tid = -1 })

struct row_labels row_labels_get(const struct profile *p, label_id l);
/* The chain process, pid, thread, tid, as far as they are there. */
label_id row_labels_put(struct profile *p, const struct row_labels *l);
/* "postgres [4711] / worker [4712]", for formats that have one name for a thread. */
struct buf;
void row_labels_say(const struct row_labels *l, struct buf *out);
/* Back again. False: no such text. Borrows from TEXT. */
bool row_labels_hear(struct str text, struct row_labels *ret);

#endif
