/* What help may be asked; the surface answers. */
#ifndef PERF_OPS_CMD_HELP_H
#define PERF_OPS_CMD_HELP_H

#include "cmd/manner.h"

enum help_format { HELP_TEXT, HELP_MAN, HELP_BASH, HELP_ZSH, HELP_FISH, HELP_JSON, HELP_MCP };

struct help_params {
	struct manner manner; /* manner.format is an enum help_format */
	struct words topic;
};

#endif
