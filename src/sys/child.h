/*
 * child: a command that perf-ops starts. It is born stopped at a pipe, so everything can be
 * attached before its exec, and it ends with us only if it has not been released.
 */
#ifndef PERF_OPS_SYS_CHILD_H
#define PERF_OPS_SYS_CHILD_H

#include "base/err.h"
#include "base/param.h"

enum { CHILD_RUNNING, CHILD_EXITED, CHILD_KILLED };
struct child_end {
	int how;    /* CHILD_* */
	int status; /* exit status or signal */
};

struct child {
	uint32_t pid;         /* 0: none; stays after the end, but is nobody's then */
	int gate;             /* write end: a byte lets it exec; 0: released */
	int report;           /* read end: errno of a failed exec, or end of file */
	bool ended;           /* waited for: the pid may be somebody else's by now */
	struct child_end end; /* what child_poll said last */
};

/* Finds ARGV[0] by PATH at once, so that "no such command" is said before anything is attached. */
int child_new(struct args argv, struct child *ret, struct err *err);
int child_release(struct child *c, struct err *err); /* exec; its failure is ours: "cannot run x" */
int child_poll(struct child *c, struct child_end *ret, struct err *err); /* never blocks */
void child_signal(const struct child *c, int signal);
void child_done(struct child *c); /* kills it when it was never released; closes; accepts zeroed */

#endif
