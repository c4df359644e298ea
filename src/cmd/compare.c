/* compare: two recordings of what should be the same work; the second is the newer. */
#include "analyse/compare.h"

#include <errno.h>
#include <math.h>

#include "cmd/command.h"
#include "cmd/load.h"
#include "cmd/manner.h"
#include "cmd/profile_report.h"
#include "cmd/save.h"

#define ROWS       200 /* in JSON and the page */
#define ROWS_SHOWN 16  /* in text */

struct compare_params {
	struct manner manner;
	struct words files;
	struct texts output;
	struct str kind, fail_on_increase;
};

static const struct param table[] = {
	P_WORDS(compare_params, files, "the two files: before and after"),
	{ PARAM_LIST, 'o', "output", NULL, "FILE",
	  "also write a file; .html and .svg show the difference as a flame graph",
	  AT(compare_params, output, struct texts) },
	{ PARAM_TEXT, 'k', "kind", NULL, "KIND", "which of the values to compare",
	  AT(compare_params, kind, struct str) },
	{ PARAM_TEXT, 0, "fail_on_increase", NULL, "PP",
	  "exit with 1 when a function's share grew by more than PP percentage points beyond "
	  "noise, with 5 when that is not certain",
	  AT(compare_params, fail_on_increase, struct str) },
	P_FORMAT(compare_params),
	P_MANNER(compare_params),
	P_END,
};

static int load(const struct context *c, const struct compare_params *p, size_t which,
		struct run **ret, struct err *err)
{
	if (load_run(c, p->files.v[which], ret, err) < 0 || load_kind(*ret, p->kind, err) < 0)
		return err->code;
	(*ret)->command = S("compare");
	return 0;
}

static int gate_of(const struct compare_params *p, double *ret, struct err *err)
{
	*ret = (double)NAN;
	if (!p->fail_on_increase.n)
		return 0;
	if (str_to_double(p->fail_on_increase, ret) && *ret >= 0 && *ret <= 100)
		return 0;
	(void)err_set(err, -EINVAL, "--fail-on-increase cannot be '" STR_FMT "'",
		      STR_ARG(p->fail_on_increase));
	return err_hint(err, "percentage points from 0 to 100, such as 1.5");
}

/* What both have, when what they rank by differs: collapsed stacks know samples only. */
static void agree(struct profile *a, struct profile *b)
{
	if (str_eq(a->kind[a->main_kind].name, b->kind[b->main_kind].name))
		return;
	for (unsigned i = 0; i < a->n_kinds; i++)
		for (unsigned k = 0; k < b->n_kinds; k++)
			if (str_eq(a->kind[i].name, b->kind[k].name)) {
				a->main_kind = i;
				b->main_kind = k;
				return;
			}
}

static void judge(const struct context *c, const struct comparison *cmp, double pp,
		  struct report *out)
{
	static const enum exits exits[] = {
		[GATE_PASSED] = EXIT_FINE,
		[GATE_UNDECIDED] = EXIT_UNSURE,
		[GATE_FAILED] = EXIT_GATE,
	};
	struct str sentence;

	if (isnan(pp))
		return;
	out->exit = exits[compare_gate(c->arena, cmp, pp / 100, &sentence)];
	profile_report_say(out, c->arena, S("gate"), S("gate"), sentence);
}

static void sections(const struct context *c, const struct comparison *cmp, double pp,
		     struct report *out)
{
	const struct run *before = out->baseline, *after = out->run;

	profile_report_say(out, c->arena, S("head"), S(""),
			   arena_printf(c->arena, "before: " STR_FMT "; after: " STR_FMT,
					STR_ARG(before->target), STR_ARG(after->target)));
	profile_report_say(out, c->arena, S("verdict"), S(""), compare_sentence(c->arena, cmp));
	judge(c, cmp, pp, out);
	*report_section(out, c->arena) = (struct section){
		.id = S("changes"),
		.block = BLOCK_TABLE,
		.heading = S("functions, by how much their own share changed"),
		.table = compare_table(c->arena, cmp, ROWS),
		.limit = ROWS_SHOWN,
	};
	profile_report_say(out, c->arena, S("noise"), S("noise"),
			   S("tested for sampling noise only, at 5 % over all functions together "
			     "(Benjamini–Hochberg); how much runs differ by themselves two "
			     "recordings cannot tell, so repeat what matters"));
	*report_section(out, c->arena) = (struct section){
		.id = S("flame"),
		.block = BLOCK_FLAME,
		.heading = S("difference flame graph"),
		.about = { .kind = ART_PROFILE },
		.against = { .kind = ART_PROFILE },
	};
}

static int compare_run(const struct context *c, const void *params, struct report *out,
		       struct err *err)
{
	const struct compare_params *p = params;
	struct run *before, *after;
	struct comparison *cmp;
	double pp;

	if (p->files.n != 2) {
		(void)err_set(err, -EINVAL, "compare takes two files, not %zu", p->files.n);
		return err_hint(err, "perf-ops compare BEFORE AFTER");
	}
	if (gate_of(p, &pp, err) < 0 || save_plan(c->arena, &p->output, false, out, err) < 0 ||
	    load(c, p, 0, &before, err) < 0 || load(c, p, 1, &after, err) < 0)
		return err->code;
	agree(before->profiles.v[0], after->profiles.v[0]);
	if (compare_new(c->arena, weights_new(c->arena, before->profiles.v[0]),
			weights_new(c->arena, after->profiles.v[0]), &cmp, err) < 0)
		return err->code;
	out->run = after;
	out->baseline = before;
	sections(c, cmp, pp, out);
	return 0;
}

static const struct example examples[] = {
	{ "perf-ops compare before.pb.gz after.pb.gz", "what a change did" },
	{ "perf-ops compare -o diff.html before.pb.gz after.pb.gz", "as a flame graph" },
	{ "perf-ops compare --fail-on-increase 2 main.pb.gz branch.pb.gz", "a gate for CI" },
	{ NULL, NULL },
};

extern const struct command command_compare;
const struct command command_compare = {
	.name = "compare",
	.group = "read",
	.summary = "say what changed between two profiles, and what is only noise",
	.words = "BEFORE AFTER",
	.about = "Pairs the functions of two profiles by name and says whose share of the samples "
		 "changed by more than sampling noise explains. Shares are per sample, so the "
		 "recordings may differ in length; times are shown as measured.\n\n"
		 "Files may be of any format that perf-ops view reads.",
	.examples = examples,
	.params = table,
	.params_size = sizeof(struct compare_params),
	.reads_only = true,
	.run = compare_run,
};
