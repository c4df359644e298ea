/*
 * host: the machine as a tree of files. Everything that is read from /proc and /sys goes through
 * its root, so tests give it a fixture tree. Rights are probed, never guessed from the user id.
 */
#ifndef PERF_OPS_SYS_HOST_H
#define PERF_OPS_SYS_HOST_H

#include "base/arena.h"
#include "base/err.h"

struct host {
	struct str root; /* "" for the real one */
	unsigned n_cpus; /* online */
	bool fixture;    /* root is not the real one: nothing may be attached */
};

int host_open(struct str root, struct host *ret, struct err *err);
/* NAME (absolute) below the root, as a path for file.h. */
struct str host_path(const struct host *h, struct arena *a, struct str name);
/* A file below the root, whole; NAME is absolute. For /proc files too (size unknown). */
int host_read(const struct host *h, struct arena *a, struct str name, struct str *ret,
	      struct err *err);
/* A number in a file of its own, such as /proc/sys/kernel/perf_event_paranoid. */
bool host_number(const struct host *h, const char *name, int64_t *ret);
struct str host_name(const struct host *h, struct arena *a); /* node name */

#endif
