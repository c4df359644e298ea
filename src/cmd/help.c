/* help: the table of a verb that the surface performs itself. */
#include "cmd/help.h"

#include "cmd/command.h"

static const struct param table[] = {
	P_WORDS(help_params, topic, "the command to explain"),
	{ PARAM_CHOICE, 0, "format", "text", "text|man|bash|zsh|fish|json|mcp",
	  "text, a manual page, a completion script of a shell, or the command table as JSON",
	  AT(help_params, manner.format, unsigned) },
	P_MANNER(help_params),
	P_END,
};

static const struct example examples[] = {
	{ "perf-ops help profile", "all options of one command" },
	{ "perf-ops help --format=man profile | man -l -", "the same as a manual page" },
	{ "source <(perf-ops help --format=bash)", "completion in this shell" },
	{ NULL, NULL },
};

extern const struct command command_help;
const struct command command_help = {
	.name = "help",
	.group = "about",
	.summary = "explain the program or one command",
	.words = "[COMMAND]",
	.about = "Everything that help prints, the manual pages and the completions come from the "
		 "same table that reads the command line, so they cannot disagree with it.",
	.examples = examples,
	.params = table,
	.params_size = sizeof(struct help_params),
	.reads_only = true,
};
