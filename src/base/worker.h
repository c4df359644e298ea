/*
 * worker: the only way to a thread. N jobs share nothing: each gets its own index and its own shard
 * of the caller's state, and the results are merged after the join.
 */
#ifndef PERF_OPS_BASE_WORKER_H
#define PERF_OPS_BASE_WORKER_H

#include <stddef.h>

/* Runs job(self, i) for i in [0, n) on up to THREADS threads and returns when all are done. THREADS
 * 0 or 1, or a thread that cannot be made: the work is done on the calling thread. */
void worker_run(void (*job)(void *self, size_t i), void *self, size_t n, unsigned threads);

#endif
