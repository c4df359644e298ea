/*
 * json: a report for programs, schema perf-ops.report/1. Only ever added to: ids, keys and meanings
 * that were printed once stay. Numbers carry their unit, what is not known is null.
 */
#ifndef PERF_OPS_PRESENT_JSON_H
#define PERF_OPS_PRESENT_JSON_H

#include "base/buf.h"
#include "model/report.h"

void json_report(const struct report *r, struct buf *out);

#endif
