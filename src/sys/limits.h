/*
 * limits: what the kernel lets this process have. A child inherits them, and programs exist that
 * break when they may open a million files: so raise them after child_new(), whose child has the
 * old ones.
 */
#ifndef PERF_OPS_SYS_LIMITS_H
#define PERF_OPS_SYS_LIMITS_H

#include <stdint.h>

/* Descriptors as many as the hard limit allows; how many that is. */
uint64_t limits_raise_files(void);

#endif
