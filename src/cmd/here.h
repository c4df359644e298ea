/* here: the machine and the process a command of the surface runs in. */
#ifndef PERF_OPS_CMD_HERE_H
#define PERF_OPS_CMD_HERE_H

#include "cmd/command.h"

/* Fills host and stop of CONTEXT, on its arena; from now on Ctrl-C only sets the flag. */
int here_open(struct context *c, struct err *err);

#endif
