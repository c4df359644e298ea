/*
 * manner: how an answer is given, not what it says. The first member of every command's params, so
 * the surface reads it without knowing the command; the same five options everywhere.
 */
#ifndef PERF_OPS_CMD_MANNER_H
#define PERF_OPS_CMD_MANNER_H

#include "base/param.h"

enum manner_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct manner {
	unsigned format; /* enum report_format, but for help: enum help_format */
	unsigned color;  /* enum manner_color */
	bool quiet, verbose, help;
};

/* clang-format off */
#define P_FORMAT(P) \
	{ PARAM_CHOICE, 0, "format", "text", "text|json", "form of the answer on stdout", \
	  AT(P, manner.format, unsigned) }
#define P_MANNER(P) \
	{ PARAM_CHOICE, 0, "color", "auto", "auto|always|never", \
	  "colours; auto: on a terminal, unless NO_COLOR is set or TERM is dumb", \
	  AT(P, manner.color, unsigned) }, \
	{ PARAM_FLAG, 'q', "quiet", NULL, NULL, "no progress and no notes on stderr", \
	  AT(P, manner.quiet, bool) }, \
	{ PARAM_FLAG, 'v', "verbose", NULL, NULL, "say on stderr what happens inside", \
	  AT(P, manner.verbose, bool) }, \
	{ PARAM_FLAG, 'h', "help", NULL, NULL, "explain this command", \
	  AT(P, manner.help, bool) }
/* clang-format on */

#endif
