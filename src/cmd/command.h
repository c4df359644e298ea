/*
 * command: one verb of the program. Its table is the only description of it: parsing, --help,
 * the man page, shell completion, the MCP tool schema and the web form are printed from it.
 * A command neither prints nor reads argv: it turns a typed struct of params into a report.
 */
#ifndef PERF_OPS_CMD_COMMAND_H
#define PERF_OPS_CMD_COMMAND_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/log.h"
#include "base/param.h"
#include "base/progress.h"
#include "model/report.h"

struct host; /* sys/host.h */

struct context {
	struct arena *arena;
	const struct host *host;
	const struct progress *progress;
	const struct log *log;
	const atomic_bool *stop; /* SIGINT, an MCP cancel, a closed browser tab */
};

struct example {
	const char *line, *about;
};

struct command {
	const char *name, *group, *summary;
	const char *words; /* "[TARGET...] [-- COMMAND ARG...]": what stands for PARAM_WORDS */
	const char *about; /* paragraphs for help and the man page */
	const struct example *examples; /* ends with a NULL line */
	const struct param *params;
	size_t params_size;
	bool reads_only; /* an AI agent may call it without asking */
	/* NULL: a verb of the surface itself (help, version, serve, mcp), and no tool for MCP */
	int (*run)(const struct context *c, const void *params, struct report *out,
		   struct err *err);
};

extern const struct command *const commands[]; /* ends with NULL; rows in commands.def */

#endif
