/* view: a profile that somebody recorded, in the same words as one recorded now. */
#include <errno.h>

#include "cmd/command.h"
#include "cmd/load.h"
#include "cmd/manner.h"
#include "cmd/profile_report.h"
#include "cmd/save.h"

struct view_params {
	struct manner manner;
	struct words file;
	struct texts output;
	struct str kind;
	bool per_thread;
};

static const struct param table[] = {
	P_WORDS(view_params, file, "the file to show, or - for stdin"),
	{ PARAM_LIST, 'o', "output", NULL, "FILE",
	  "also write it in another form; the end of the name says which",
	  AT(view_params, output, struct texts) },
	{ PARAM_TEXT, 'k', "kind", NULL, "KIND",
	  "which of its values to rank by, such as cpu, samples or alloc_space",
	  AT(view_params, kind, struct str) },
	P_FLAG(view_params, per_thread, 't', NULL, "tell threads of the same name apart"),
	P_FORMAT(view_params),
	P_MANNER(view_params),
	P_END,
};

static int view_run(const struct context *c, const void *params, struct report *out,
		    struct err *err)
{
	const struct view_params *p = params;
	struct run *run;

	if (p->file.n != 1) {
		(void)err_set(err, -EINVAL, p->file.n ? "view takes one file" : "which file?");
		return err_hint(err, p->file.n ? "two are for: perf-ops compare BEFORE AFTER"
					       : "perf-ops view FILE");
	}
	if (save_plan(c->arena, &p->output, false, out, err) < 0 ||
	    load_run(c, p->file.v[0], &run, err) < 0 || load_kind(run, p->kind, err) < 0)
		return err->code;
	run->command = S("view");
	profile_report(c->arena, run, &(struct profile_report){ .per_thread = p->per_thread }, out);
	return 0;
}

static const struct example examples[] = {
	{ "perf-ops view cpu.pb.gz", "the report of a pprof file" },
	{ "perf-ops view perf.data -o flame.html", "a flame graph from what perf recorded" },
	{ "perf script | perf-ops view - -o cpu.pb.gz", "perf's text as pprof" },
	{ NULL, NULL },
};

extern const struct command command_view;
const struct command command_view = {
	.name = "view",
	.group = "read",
	.summary = "show a profile from a file, or turn it into another format",
	.words = "FILE",
	.about = "Recognises the file by its content, compressed or not, and shows the same report "
		 "as perf-ops profile. With -o it converts: .html and .svg are flame graphs, .json "
		 "and .txt this report, other ends of names are formats that perf-ops writes.",
	.examples = examples,
	.params = table,
	.params_size = sizeof(struct view_params),
	.reads_only = true,
	.run = view_run,
};
