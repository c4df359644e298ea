/* What version may be asked; the surface answers. */
#ifndef PERF_OPS_CMD_VERSION_H
#define PERF_OPS_CMD_VERSION_H

#include "cmd/manner.h"

struct version_params {
	struct manner manner;
};

#endif
