/* quantity: a number with its unit in words, the same in sentences, tables and pages. */
#ifndef PERF_OPS_MODEL_QUANTITY_H
#define PERF_OPS_MODEL_QUANTITY_H

#include "base/buf.h"
#include "model/unit.h"

/* "63.2 %", "1.24 s", "12,345", "3.1 MiB"; NaN is "?". No locale. */
void quantity_put(struct buf *out, struct quantity q);
/* A difference: always with its sign; ratios in percentage points. */
void quantity_put_change(struct buf *out, struct quantity q);
/* A share without decimals from 10 % on, as sentences want it: "63 %", "3.4 %". */
void quantity_put_share(struct buf *out, double share);

#endif
