/*
 * html: a report as one page that needs nothing else: no network, no other file. The page (web/)
 * is part of the program; what differs is one block of text in its middle: base64 of gzip of
 * a little-endian u32, that many bytes of JSON, and columns of varints.
 * The layout is described in docs/modules/present.md.
 */
#ifndef PERF_OPS_PRESENT_HTML_H
#define PERF_OPS_PRESENT_HTML_H

#include "base/buf.h"
#include "model/report.h"

/* Whether it fitted is told by out->full, as ever. */
void html_report(const struct report *r, struct buf *out);

#endif
