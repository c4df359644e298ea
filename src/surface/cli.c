/* Who prints, and who decides how the program ends. */
#include "surface/cli.h"

#include <errno.h>

#include "base/json_write.h"
#include "cmd/help.h"
#include "cmd/here.h"
#include "cmd/terminal.h"
#include "present/json/json.h"
#include "present/text/text.h"
#include "surface/help.h"
#include "surface/nearest.h"
#include "surface/outputs.h"

#define OUT_MAX   ((size_t)1 << 30)
#define ARENA_MAX ((size_t)8 << 30) /* of address space; readers have bounds of their own */
#define LINES     39                /* of a report on a terminal; what is written makes one more */

struct cli {
	struct arena *arena;
	struct screen screen;
	struct terminal terminal;
};

/* The rule of base/err.h. */
static enum exits exit_of(const struct err *err)
{
	switch (-err->code) {
	case EINVAL:
		return EXIT_USAGE;
	case ESRCH:
	case ENOENT:
	case EBADMSG:
	case EILSEQ:
	case E2BIG:
	case ENODATA:
	case EISDIR:
		return EXIT_TARGET;
	case ENOMEM:
		return EXIT_MEMORY;
	case ECANCELED:
		return EXIT_STOPPED;
	default:
		return EXIT_CANNOT;
	}
}

static enum exits complain(struct cli *cli, const struct err *err)
{
	screen_complain(&cli->screen, err);
	return exit_of(err);
}

static enum exits say(struct cli *cli, const struct buf *out, enum exits exit)
{
	struct err err = { 0 };

	screen_clear(&cli->screen);
	if (out->full)
		(void)err_set(&err, -EFBIG, "the result is larger than %zu MiB", out->max >> 20);
	else if (terminal_put(buf_str(out), &err) == 0)
		return exit;
	return complain(cli, &err);
}

static const struct command *find(struct str name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (str_eq(str_from_c((*c)->name), name))
			return *c;
	return NULL;
}

static enum exits unknown_command(struct cli *cli, struct str typed)
{
	struct str meant = nearest_command(typed);
	struct err err = { 0 };

	(void)err_set(&err, -EINVAL, "there is no command '" STR_FMT "'", STR_ARG(typed));
	if (meant.n)
		(void)err_hint(&err, "did you mean: perf-ops " STR_FMT, STR_ARG(meant));
	else
		(void)err_hint(&err, "perf-ops help");
	return complain(cli, &err);
}

static enum exits help(struct cli *cli, const struct help_params *p)
{
	auto_buf out = BUF(OUT_MAX);
	struct str topic = p->topic.n ? p->topic.v[0] : S("");
	const struct command *c = find(topic);

	if (topic.n && !c)
		return unknown_command(cli, topic);
	switch ((enum help_format)p->manner.format) {
	case HELP_TEXT:
		if (c)
			help_command(c, &out);
		else
			help_overview(&out);
		break;
	case HELP_MAN:
		help_man(c, &out);
		break;
	case HELP_BASH:
		help_bash(&out);
		break;
	case HELP_ZSH:
		help_zsh(&out);
		break;
	case HELP_FISH:
		help_fish(&out);
		break;
	case HELP_JSON:
		help_json(c, &out);
		break;
	case HELP_MCP:
		help_mcp(&out);
		break;
	}
	return say(cli, &out, EXIT_FINE);
}

static enum exits version(struct cli *cli, unsigned format)
{
	auto_buf out = BUF(4096);
	struct json j = { .out = &out };

	if (format == REPORT_TEXT) {
		buf_put(&out, S("perf-ops " PERF_OPS_VERSION "\n"));
		return say(cli, &out, EXIT_FINE);
	}
	json_open(&j, "", '{');
	json_text(&j, "schema", S("perf-ops.version/1"));
	json_text(&j, "name", S("perf-ops"));
	json_text(&j, "version", S(PERF_OPS_VERSION));
	json_close(&j, '}');
	buf_put(&out, S("\n"));
	return say(cli, &out, EXIT_FINE);
}

static enum exits show(struct cli *cli, const struct report *r)
{
	auto_buf out = BUF(OUT_MAX);
	struct text_manner m = {
		.columns = cli->terminal.columns,
		.lines = r->n_outputs < 8 ? LINES - (unsigned)r->n_outputs : LINES - 8,
		.colour = cli->terminal.colour,
	};

	if (r->format == REPORT_JSON)
		json_report(r, &out);
	else
		text_report(r, &m, &out);
	enum exits said = say(cli, &out, r->exit);
	/* A full disk behind stdout is no reason to lose the files too. */
	enum exits written = outputs_write(r, cli->arena, &cli->screen);
	return said != r->exit ? said : written;
}

static enum exits run(struct cli *cli, const struct command *c, const void *params)
{
	const struct manner *manner = params;
	struct report report = { .format = manner->format };
	struct err err = { 0 };
	struct context context = {
		.arena = cli->arena,
		.progress = &cli->screen.progress,
		.log = &cli->screen.log,
	};

	if (here_open(&context, &err) < 0 || c->run(&context, params, &report, &err) < 0)
		return complain(cli, &err);
	return show(cli, &report);
}

/* Asked for anywhere before `--`, also beside a mistake: who asks for help shall get it. */
static bool wants_help(struct args argv)
{
	for (size_t i = 0; i < argv.n; i++) {
		struct str word = str_from_c(argv.v[i]);
		if (str_eq(word, S("--")))
			return false;
		if (str_eq(word, S("--help")) || str_eq(word, S("-h")))
			return true;
	}
	return false;
}

static enum exits wrong_words(struct cli *cli, const struct command *c, struct err *err)
{
	struct str text = str_from_c(err->text), head = S("no such option: --");
	char into[64];

	if (str_starts(text, head)) {
		struct str typed = str_skip(text, head.n), value;
		typed = str_cut(typed, '=', &value);
		struct str meant = nearest_option(c, typed, into, sizeof(into));
		if (meant.n)
			(void)err_hint(err, "did you mean: --" STR_FMT, STR_ARG(meant));
	}
	if (!err->hint[0])
		(void)err_hint(err, "perf-ops help %s", c->name);
	return complain(cli, err);
}

static enum exits dispatch(struct cli *cli, const struct command *c, struct args argv)
{
	void *params = arena_zalloc(cli->arena, 1, c->params_size, _Alignof(max_align_t));
	const struct manner *manner = params;
	struct help_params about = { .topic = { .v = { str_from_c(c->name) }, .n = 1 } };
	struct err err = { 0 };

	if (wants_help(argv))
		return help(cli, &about);
	if (param_parse(c->params, argv, params, &err) < 0)
		return wrong_words(cli, c, &err);
	cli->terminal = terminal_look(manner->color);
	screen_open(&cli->screen, cli->terminal.err, manner->quiet, manner->verbose);
	if (c->run)
		return run(cli, c, params);
	return str_eq(str_from_c(c->name), S("help")) ? help(cli, params)
						      : version(cli, manner->format);
}

static enum exits main_words(struct cli *cli, struct args argv)
{
	struct str verb = str_from_c(argv.n ? argv.v[0] : "");
	auto_buf out = BUF(OUT_MAX);
	struct err err = { 0 };

	if (!argv.n) {
		help_brief(&out);
		return say(cli, &out, EXIT_FINE);
	}
	if (str_eq(verb, S("--help")) || str_eq(verb, S("-h"))) {
		help_overview(&out);
		return say(cli, &out, EXIT_FINE);
	}
	if (str_eq(verb, S("--version")) || str_eq(verb, S("-V")))
		return version(cli, REPORT_TEXT);
	if (str_starts(verb, S("-"))) {
		(void)err_set(&err, -EINVAL, "a command comes first, not '" STR_FMT "'",
			      STR_ARG(verb));
		(void)err_hint(&err, "perf-ops help");
		return complain(cli, &err);
	}
	const struct command *c = find(verb);
	if (!c)
		return unknown_command(cli, verb);
	return dispatch(cli, c, (struct args){ argv.v + 1, argv.n - 1 });
}

int cli_main(int argc, char **argv)
{
	auto_arena a = arena_open("this command", ARENA_MAX);
	struct cli cli = { .arena = a };

	here_catch();
	screen_open(&cli.screen, false, false, false);
	if (argc < 1)
		return EXIT_USAGE;
	return main_words(&cli, (struct args){ (const char *const *)argv + 1, (size_t)argc - 1 });
}
