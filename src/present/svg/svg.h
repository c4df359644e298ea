/* svg: the flame graph of a report as one static picture: no script, a tooltip a frame. */
#ifndef PERF_OPS_PRESENT_SVG_H
#define PERF_OPS_PRESENT_SVG_H

#include "base/buf.h"
#include "model/report.h"

/* Valid UTF-8 and XML whatever the names are. Whether it fitted is told by out->full. */
void svg_report(const struct report *r, struct buf *out);

#endif
