/*
 * fault: every call of sys/ that can fail asks here first. With PERF_OPS_FAULT=N in the environment
 * the N-th of them fails with EIO instead of being made, so tests walk through every failure there
 * is.
 */
#ifndef PERF_OPS_SYS_FAULT_H
#define PERF_OPS_SYS_FAULT_H

#include <stdbool.h>

/* True (and errno set) when this call is to fail. */
bool fault_now(void);

#endif
