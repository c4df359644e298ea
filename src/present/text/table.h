/* table: rows and columns for a terminal, or one running line. */
#ifndef PERF_OPS_PRESENT_TEXT_TABLE_H
#define PERF_OPS_PRESENT_TEXT_TABLE_H

#include "base/buf.h"
#include "model/report.h"
#include "present/text/text.h"

/* ROWS: at most so many; the others and n_cut are counted in a last line. */
void table_put(struct buf *out, const struct table *t, size_t rows, const struct text_manner *m);
/* "worker-1 61.0 %, main 20.1 %, and 3 more": the first ROWS rows. */
void table_put_running(struct buf *out, const struct table *t, size_t rows, struct str between);

#endif
