/* The command table as text for a terminal, and the words that all its projections share. */
#include "surface/help.h"

#define WIDTH      80
#define HELP_AT    30 /* the column where explanations of options start */
#define SUMMARY_AT 12

bool help_is_option(const struct param *p)
{
	return p->type != PARAM_WORDS && p->type != PARAM_REST;
}

bool help_is_on(const struct param *p)
{
	return p->type == PARAM_FLAG && p->initial && str_eq(str_from_c(p->initial), S("on"));
}

void help_name(struct buf *out, const struct param *p)
{
	for (struct str rest = str_from_c(p->name), part; rest.n;) {
		part = str_cut(rest, '_', &rest);
		buf_printf(out, STR_FMT "%s", STR_ARG(part), rest.n ? "-" : "");
	}
}

struct str help_value(const struct param *p)
{
	if (p->choices)
		return str_from_c(p->choices);
	switch (p->type) {
	case PARAM_COUNT:
		return S("N");
	case PARAM_NS:
		return S("TIME");
	case PARAM_BYTES:
		return S("SIZE");
	case PARAM_TEXT:
	case PARAM_LIST:
		return S("TEXT");
	case PARAM_FLAG:
	case PARAM_CHOICE:
	case PARAM_WORDS:
	case PARAM_REST:
		break;
	}
	return S("");
}

/* TEXT in lines of at most WIDTH columns; the first one starts where the cursor is, at column AT,
 * the others at INDENT. */
static void wrap(struct buf *out, struct str text, size_t at, size_t indent, size_t width)
{
	bool first = true;

	for (struct str rest = text; rest.n;) {
		struct str word = str_cut(rest, ' ', &rest);
		if (!first && at + 1 + word.n > width) {
			buf_printf(out, "\n%*s", (int)indent, "");
			at = indent;
			first = true;
		}
		buf_printf(out, "%s" STR_FMT, first ? "" : " ", STR_ARG(word));
		at += word.n + !first;
		first = false;
	}
	buf_put(out, S("\n"));
}

static void commands_list(struct buf *out)
{
	for (const struct command *const *c = commands; *c; c++) {
		buf_printf(out, "  %-*s", SUMMARY_AT - 2, (*c)->name);
		wrap(out, str_from_c((*c)->summary), SUMMARY_AT, SUMMARY_AT, WIDTH);
	}
}

void help_brief(struct buf *out)
{
	buf_put(out, S("perf-ops says why a program is slow, and whether a change helped.\n\n"));
	commands_list(out);
	buf_put(out, S("\nTry   perf-ops profile NAME       what does this program do?\n"
		       "      perf-ops profile -- ./prog  run it and see\n"
		       "      perf-ops help COMMAND       options and examples\n"));
}

static void exits_list(struct buf *out)
{
#define EXIT(name, code, about)           \
	buf_printf(out, "  %3d  ", code); \
	wrap(out, S(about), 7, 7, WIDTH);
#include "model/exits.def"
#undef EXIT
}

static void examples_list(struct buf *out, const struct example *e)
{
	for (; e && e->line; e++)
		buf_printf(out, "  %s\n      %s\n", e->line, e->about);
}

void help_overview(struct buf *out)
{
	buf_put(out, S("perf-ops COMMAND [OPTION...]\n\n"
		       "Says why a program is slow, and whether a change helped.\n\nCommands\n"));
	commands_list(out);
	buf_put(out, S("\nExamples\n"));
	for (const struct command *const *c = commands; *c; c++)
		if ((*c)->run && (*c)->examples && (*c)->examples->line)
			buf_printf(out, "  %s\n      %s\n", (*c)->examples->line,
				   (*c)->examples->about);
	buf_put(out, S("\nExit codes\n"));
	exits_list(out);
	buf_put(out, S("\nperf-ops help COMMAND explains one command.\n"));
}

static void option(struct buf *out, const struct param *p)
{
	auto_buf left = BUF(256);
	struct str value = help_value(p);

	if (p->letter)
		buf_printf(&left, "  -%c, --", p->letter);
	else
		buf_put(&left, S("      --"));
	if (help_is_on(p))
		buf_put(&left, S("no-"));
	help_name(&left, p);
	if (value.n)
		buf_printf(&left, " " STR_FMT, STR_ARG(value));
	buf_put(out, buf_str(&left));
	if (left.n + 2 > HELP_AT)
		buf_printf(out, "\n%*s", HELP_AT, "");
	else
		buf_printf(out, "%*s", (int)(HELP_AT - left.n), "");
	auto_buf text = BUF(1024);
	buf_printf(&text, "%s%s", help_is_on(p) ? "do not " : "", p->help);
	if (p->initial && p->type != PARAM_FLAG)
		buf_printf(&text, " (default %s)", p->initial);
	if (p->type == PARAM_LIST)
		buf_put(&text, S(" (may be repeated)"));
	wrap(out, buf_str(&text), HELP_AT, HELP_AT, WIDTH);
}

static void paragraphs(struct buf *out, const char *about)
{
	for (struct str rest = str_from_c(about); rest.n;) {
		struct str one = str_cut(rest, '\n', &rest);
		if (one.n)
			wrap(out, one, 0, 0, WIDTH);
		else
			buf_put(out, S("\n"));
	}
}

void help_command(const struct command *c, struct buf *out)
{
	buf_printf(out, "perf-ops %s [OPTION...]%s%s\n\n", c->name, *c->words ? " " : "", c->words);
	buf_printf(out, "%c%s.\n\n", c->summary[0] & ~0x20, c->summary + 1);
	paragraphs(out, c->about);
	buf_put(out, S("\nOptions\n"));
	for (const struct param *p = c->params; p->name; p++)
		if (help_is_option(p))
			option(out, p);
	if (c->examples && c->examples->line) {
		buf_put(out, S("\nExamples\n"));
		examples_list(out, c->examples);
	}
	buf_put(out, S("\nExit codes\n"));
	exits_list(out);
}
