/* The command table as manual pages, in the man(7) macros: groff and mandoc take them alike. */
#include "surface/help.h"

/* When the form of the pages last changed; a build date would make builds differ. */
#define MANUAL_DATE "2026-11-22"

/* roff: a dot or an apostrophe at the start of a line is a request, a backslash an escape; a plain
 * hyphen may become a typographic one, which cannot be pasted. */
static void roff(struct buf *out, struct str s)
{
	bool start = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (start && (c == '.' || c == '\''))
			buf_put(out, S("\\&"));
		if (c == '\\')
			buf_put(out, S("\\e"));
		else if (c == '-')
			buf_put(out, S("\\-"));
		else
			buf_put(out, (struct str){ &s.p[i], 1 });
		start = c == '\n';
	}
}

static void roff_c(struct buf *out, const char *c)
{
	roff(out, str_from_c(c));
}

static void title(struct buf *out, const struct command *c)
{
	auto_buf upper = BUF(64);

	buf_printf(&upper, "%s%s", c ? "PERF-OPS-" : "PERF-OPS", c ? c->name : "");
	buf_put(out, S(".TH "));
	for (size_t i = 0; i < upper.n; i++)
		if (upper.p[i] >= 'a' && upper.p[i] <= 'z')
			upper.p[i] = (char)(upper.p[i] - 'a' + 'A');
	roff(out, buf_str(&upper));
	buf_put(out, S(" 1 " MANUAL_DATE " \"perf\\-ops " PERF_OPS_VERSION
		       "\" \"perf\\-ops manual\"\n.SH NAME\n"));
}

static void paragraphs(struct buf *out, const char *about)
{
	for (struct str rest = str_from_c(about); rest.n;) {
		struct str one = str_cut(rest, '\n', &rest);
		if (one.n) {
			roff(out, one);
			buf_put(out, S("\n"));
		} else {
			buf_put(out, S(".PP\n"));
		}
	}
}

static void option(struct buf *out, const struct param *p)
{
	auto_buf name = BUF(128);
	struct str value = help_value(p);

	buf_put(out, S(".TP\n"));
	if (p->letter)
		buf_printf(out, "\\fB\\-%c\\fR, ", p->letter);
	buf_put(&name, S("--"));
	if (p->type == PARAM_FLAG)
		buf_put(&name, help_is_on(p) ? S("no-") : S(""));
	help_name(&name, p);
	buf_put(out, S("\\fB"));
	roff(out, buf_str(&name));
	buf_put(out, S("\\fR"));
	if (value.n) {
		buf_put(out, S(" \\fI"));
		roff(out, value);
		buf_put(out, S("\\fR"));
	}
	buf_put(out, S("\n"));
	if (help_is_on(p))
		buf_put(out, S("do not "));
	roff_c(out, p->help);
	if (p->initial && p->type != PARAM_FLAG) {
		buf_put(out, S(" (default "));
		roff_c(out, p->initial);
		buf_put(out, S(")"));
	}
	if (p->type == PARAM_LIST)
		buf_put(out, S(" (may be repeated)"));
	buf_put(out, S("\n"));
}

static void exit_rows(struct buf *out)
{
	buf_put(out, S(".SH EXIT STATUS\n"));
#define EXIT(name, code, about)                       \
	buf_printf(out, ".TP\n\\fB%d\\fR\n", (code)); \
	roff_c(out, about);                           \
	buf_put(out, S("\n"));
#include "model/exits.def"
#undef EXIT
}

static void example(struct buf *out, const struct example *e)
{
	buf_put(out, S(".TP\n\\fB"));
	roff_c(out, e->line);
	buf_put(out, S("\\fR\n"));
	roff_c(out, e->about);
	buf_put(out, S("\n"));
}

static void overview(struct buf *out)
{
	title(out, NULL);
	buf_put(out, S("perf\\-ops \\- says why a program is slow, and whether a change helped\n"
		       ".SH SYNOPSIS\n\\fBperf\\-ops\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n"
		       ".SH COMMANDS\n"));
	for (const struct command *const *c = commands; *c; c++) {
		buf_printf(out, ".TP\n\\fBperf\\-ops\\-%s\\fR(1)\n", (*c)->name);
		roff_c(out, (*c)->summary);
		buf_put(out, S("\n"));
	}
	buf_put(out, S(".SH EXAMPLES\n"));
	for (const struct command *const *c = commands; *c; c++)
		if ((*c)->run && (*c)->examples && (*c)->examples->line)
			example(out, (*c)->examples);
	exit_rows(out);
}

void help_man(const struct command *c, struct buf *out)
{
	if (!c) {
		overview(out);
		return;
	}
	title(out, c);
	buf_printf(out, "perf\\-ops\\-%s \\- ", c->name);
	roff_c(out, c->summary);
	buf_printf(out, "\n.SH SYNOPSIS\n\\fBperf\\-ops %s\\fR [\\fIOPTION\\fR...] ", c->name);
	roff_c(out, c->words);
	buf_put(out, S("\n.SH DESCRIPTION\n"));
	paragraphs(out, c->about);
	buf_put(out, S(".SH OPTIONS\n"));
	for (const struct param *p = c->params; p->name; p++)
		if (help_is_option(p))
			option(out, p);
	if (c->examples && c->examples->line)
		buf_put(out, S(".SH EXAMPLES\n"));
	for (const struct example *e = c->examples; e && e->line; e++)
		example(out, e);
	exit_rows(out);
	buf_put(out, S(".SH SEE ALSO\n\\fBperf\\-ops\\fR(1)\n"));
}
