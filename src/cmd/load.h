/* load: a file of any format as a run. What it is decides its content, never its name. */
#ifndef PERF_OPS_CMD_LOAD_H
#define PERF_OPS_CMD_LOAD_H

#include "cmd/command.h"

/* PATH "-" is stdin. A file without a profile is -ENODATA. */
int load_run(const struct context *c, struct str path, struct run **ret, struct err *err);
/* Makes KIND the one that reports rank by; -EINVAL names those there are. KIND empty: no change. */
int load_kind(struct run *r, struct str kind, struct err *err);

#endif
