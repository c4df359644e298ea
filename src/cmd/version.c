/* version: the table of a verb that the surface performs itself. */
#include "cmd/version.h"

#include "cmd/command.h"

static const struct param table[] = {
	P_FORMAT(version_params),
	P_MANNER(version_params),
	P_END,
};

static const struct example examples[] = {
	{ "perf-ops version --format=json", "for scripts" },
	{ NULL, NULL },
};

extern const struct command command_version;
const struct command command_version = {
	.name = "version",
	.group = "about",
	.summary = "print the version of perf-ops",
	.words = "",
	.about = "Versions follow semantic versioning: options, exit codes and the ids in JSON do "
		 "not change their meaning within a major version.",
	.examples = examples,
	.params = table,
	.params_size = sizeof(struct version_params),
	.reads_only = true,
};
