/*
 * target: what the user points at. One grammar for every command:
 *   PID | NAME | :PORT | container:ID | --cgroup PATH | -a | -- CMD ARG...
 * Several PIDs and names may be given. Resolved once, at the start; children are followed by the
 * source.
 */
#ifndef PERF_OPS_CAPTURE_TARGET_H
#define PERF_OPS_CAPTURE_TARGET_H

#include "base/param.h"
#include "sys/child.h"
#include "sys/proc.h"

struct target_params { /* part of the params of every command that has a target */
	struct words words;
	struct args command;
	struct str cgroup;
	bool all, children;
};

struct target {
	bool all;             /* the whole machine */
	bool children;        /* follow what they fork */
	struct proc_ids pids; /* resolved processes; with a command: that child */
	struct str cgroup;    /* its directory when it is one: new members join while recording */
	struct child child;   /* pid 0 when nothing was launched */
	struct str about;     /* "postgres (pid 4711) and 3 more" */
};

/* -ESRCH with a sentence when nobody fits: near matches are named as the remedy. */
int target_find(const struct host *h, struct arena *a, const struct target_params *p,
		struct target *ret, struct err *err);
void target_done(struct target *t);

#endif
