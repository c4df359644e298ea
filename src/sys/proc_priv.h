/* What the files of proc share: names below /proc/PID, and reading them with its errors. */
#ifndef PERF_OPS_SYS_PROC_PRIV_H
#define PERF_OPS_SYS_PROC_PRIV_H

#include "sys/proc.h"

/* /proc/PID/NAME, whole; -ESRCH when the process is gone. For sentences about rights, see
 * proc_refused. */
int proc_read(const struct host *h, struct arena *a, uint32_t pid, const char *name,
	      struct str *ret, struct err *err);
/* What the link /proc/PID/NAME says; "" when it cannot be read. */
struct str proc_link(const struct host *h, struct arena *a, uint32_t pid, const char *name);

/* Limits of what one look at /proc may take; beyond is -E2BIG, or 71 where it cannot happen. */
#define PROC_FILE_MAX ((size_t)64 << 20)

#endif
