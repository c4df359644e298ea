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
/* Locked memory without limit, or as much as allowed: kernels before 5.11 charge BPF maps to it. */
void limits_raise_locked(void);

#endif
