/* outputs: the -o files of a report, written after its text. */
#ifndef PERF_OPS_SURFACE_OUTPUTS_H
#define PERF_OPS_SURFACE_OUTPUTS_H

#include "model/report.h"
#include "surface/screen.h"

/* All of them are tried; says where each one went. The exit code of the worst, or of the report. */
enum exits outputs_write(const struct report *r, struct arena *a, struct screen *s);

#endif
