/* here: the machine and the process a command of the surface runs in. */
#ifndef PERF_OPS_CMD_HERE_H
#define PERF_OPS_CMD_HERE_H

#include "cmd/command.h"

/* First of all: from now on Ctrl-C only sets a flag, and a closed pipe is an error of a write. */
void here_catch(void);
/* Fills host and stop of CONTEXT, on its arena. */
int here_open(struct context *c, struct err *err);

#endif
