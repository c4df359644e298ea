/* terminal: what the surface needs to know about where it prints, and the way to stdout. */
#ifndef PERF_OPS_CMD_TERMINAL_H
#define PERF_OPS_CMD_TERMINAL_H

#include "base/err.h"
#include "base/str.h"

struct terminal {
	bool out, err;    /* stdout and stderr are terminals */
	bool colour;      /* on stdout */
	unsigned columns; /* of stdout; 80 when it is no terminal and COLUMNS says nothing */
};

/* COLOR is an enum manner_color. auto obeys NO_COLOR, CLICOLOR_FORCE and TERM=dumb. */
struct terminal terminal_look(unsigned color);
/* All of it to stdout. A pipe that was closed is no failure: whoever reads has had enough. */
int terminal_put(struct str s, struct err *err);

#endif
