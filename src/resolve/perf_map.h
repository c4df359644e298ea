/*
 * perf_map: /tmp/perf-PID.map, the text in which runtimes name the code that they made: lines of
 * "START SIZE NAME" in hex (Linux tools/perf/Documentation/jit-interface.txt). A later line takes
 * over the addresses of earlier ones. Names stay in the file.
 */
#ifndef PERF_OPS_RESOLVE_PERF_MAP_H
#define PERF_OPS_RESOLVE_PERF_MAP_H

#include "base/arena.h"
#include "base/err.h"

struct perf_map;

/* Takes FD. Files above 256 MB are read up to there. */
struct perf_map *perf_map_open(struct arena *a, int fd);
struct perf_map *perf_map_close(struct perf_map *m); /* accepts NULL */
bool perf_map_find(const struct perf_map *m, uint64_t address, struct str *ret);

#endif
