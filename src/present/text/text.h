/* text: a report for a terminal. Every block once; what does not fit is cut, counted and said. */
#ifndef PERF_OPS_PRESENT_TEXT_H
#define PERF_OPS_PRESENT_TEXT_H

#include "base/buf.h"
#include "model/report.h"

struct text_manner {
	unsigned columns; /* of the terminal; names are shortened to fit */
	unsigned lines;   /* at most, by showing fewer rows of tables; 0: no bound */
	bool colour;
};

void text_report(const struct report *r, const struct text_manner *m, struct buf *out);

#endif
