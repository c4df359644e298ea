/* Time, in nanoseconds. The only callers of clock_gettime. */
#ifndef PERF_OPS_SYS_CLOCK_H
#define PERF_OPS_SYS_CLOCK_H

#include <stdint.h>

int64_t clock_monotonic_ns(void); /* as bpf_ktime_get_ns and perf's clockid CLOCK_MONOTONIC */
int64_t clock_epoch_ns(void);
int64_t clock_own_cpu_ns(void);          /* user + system of all our threads, children not */
void clock_sleep_ns(int64_t ns);         /* may return early on a signal */
uint64_t clock_own_peak_rss_bytes(void); /* VmHWM */

#endif
