/* The command table as completion scripts for bash, zsh and fish. */
#include "surface/help.h"

static bool names_files(const struct param *p)
{
	struct str value = help_value(p);

	return p->type != PARAM_CHOICE && (str_eq(value, S("FILE")) || str_eq(value, S("PATH")));
}

static bool wants_processes(const struct command *c)
{
	return str_find(str_from_c(c->words), S("TARGET")) < strlen(c->words);
}

static bool wants_commands(const struct command *c)
{
	return str_find(str_from_c(c->words), S("COMMAND]")) < strlen(c->words) && !c->run;
}

static void command_names(struct buf *out)
{
	for (const struct command *const *c = commands; *c; c++)
		buf_printf(out, "%s%s", c == commands ? "" : " ", (*c)->name);
}

/* Choices by blanks, as shells want them. */
static void choice_words(struct buf *out, const struct param *p)
{
	for (struct str rest = str_from_c(p->choices), one; rest.n;) {
		one = str_cut(rest, '|', &rest);
		buf_printf(out, STR_FMT "%s", STR_ARG(one), rest.n ? " " : "");
	}
}

static void bash_values(struct buf *out, const struct command *c)
{
	for (const struct param *p = c->params; p->name; p++) {
		if (!help_is_option(p) || p->type == PARAM_FLAG)
			continue;
		buf_printf(out, "\t%s,--", c->name);
		help_name(out, p);
		if (p->letter)
			buf_printf(out, "|%s,-%c", c->name, p->letter);
		buf_put(out, S(") "));
		if (p->type == PARAM_CHOICE) {
			buf_put(out, S("COMPREPLY=($(compgen -W '"));
			choice_words(out, p);
			buf_put(out, S("' -- \"$cur\"))"));
		} else if (names_files(p)) {
			buf_put(out, S("COMPREPLY=($(compgen -f -- \"$cur\"))"));
		} else {
			buf_put(out, S("COMPREPLY=()"));
		}
		buf_put(out, S("; return ;;\n"));
	}
}

static void bash_command(struct buf *out, const struct command *c)
{
	buf_printf(out, "\t%s)\n\t\tif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '", c->name);
	for (const struct param *p = c->params; p->name; p++) {
		if (!help_is_option(p))
			continue;
		buf_printf(out, "--%s", help_is_on(p) ? "no-" : "");
		help_name(out, p);
		buf_put(out, S(" "));
	}
	buf_put(out, S("' -- \"$cur\")); return; fi\n\t\t"));
	if (wants_processes(c))
		buf_put(out, S("COMPREPLY=($(compgen -W \"$(cat /proc/[0-9]*/comm 2>/dev/null | "
			       "sort -u)\" -- \"$cur\"))"));
	else if (wants_commands(c))
		buf_put(out, S("COMPREPLY=($(compgen -W \"$commands\" -- \"$cur\"))"));
	else if (*c->words)
		buf_put(out, S("COMPREPLY=($(compgen -f -- \"$cur\"))"));
	else
		buf_put(out, S("COMPREPLY=()"));
	buf_put(out, S(" ;;\n"));
}

void help_bash(struct buf *out)
{
	buf_put(out, S("# bash completion of perf-ops, printed by: perf-ops help --format=bash\n"
		       "_perf_ops()\n{\n"
		       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev= i commands='"));
	command_names(out);
	buf_put(out, S("'\n\tCOMPREPLY=()\n"
		       "\tif ((COMP_CWORD > 0)); then prev=${COMP_WORDS[COMP_CWORD-1]}; fi\n"
		       "\tif ((COMP_CWORD == 1)); then\n"
		       "\t\tCOMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n"
		       "\t\treturn\n\tfi\n"
		       "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
		       "\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then\n"
		       "\t\t\tif ((COMP_CWORD == i + 1)); then\n"
		       "\t\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
		       "\t\t\telse\n\t\t\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\t\t\tfi\n"
		       "\t\t\treturn\n\t\tfi\n\tdone\n"
		       "\tcase ${COMP_WORDS[1]},$prev in\n"));
	for (const struct command *const *c = commands; *c; c++)
		bash_values(out, *c);
	buf_put(out, S("\tesac\n\tcase ${COMP_WORDS[1]} in\n"));
	for (const struct command *const *c = commands; *c; c++)
		bash_command(out, *c);
	buf_put(out, S("\tesac\n}\ncomplete -F _perf_ops perf-ops\n"));
}

/* Inside single quotes of zsh's _arguments: brackets and colons have a meaning there. */
static void zsh_text(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '\'')
			buf_put(out, S("'\\''"));
		else if (*c == '[' || *c == ']' || *c == ':')
			buf_printf(out, "\\%c", *c);
		else
			buf_put(out, (struct str){ c, 1 });
	}
}

static void zsh_action(struct buf *out, const struct param *p)
{
	if (p->type == PARAM_FLAG)
		return;
	buf_put(out, S(":value:"));
	if (p->type == PARAM_CHOICE) {
		buf_put(out, S("("));
		choice_words(out, p);
		buf_put(out, S(")"));
	} else if (names_files(p)) {
		buf_put(out, S("_files"));
	}
}

static void zsh_option(struct buf *out, const struct param *p)
{
	const char *more = p->type == PARAM_LIST ? "*" : "";

	buf_printf(out, "\t\t\t'%s--%s", more, help_is_on(p) ? "no-" : "");
	help_name(out, p);
	buf_printf(out, "%s[%s", p->type == PARAM_FLAG ? "" : "=", help_is_on(p) ? "do not " : "");
	zsh_text(out, p->help);
	buf_put(out, S("]"));
	zsh_action(out, p);
	buf_put(out, S("' \\\n"));
	if (!p->letter)
		return;
	buf_printf(out, "\t\t\t'%s-%c%s[", more, p->letter, p->type == PARAM_FLAG ? "" : "+");
	zsh_text(out, p->help);
	buf_put(out, S("]"));
	zsh_action(out, p);
	buf_put(out, S("' \\\n"));
}

void help_zsh(struct buf *out)
{
	buf_put(out,
		S("#compdef perf-ops\n# printed by: perf-ops help --format=zsh\n_perf_ops() {\n"
		  "\tlocal -a verbs\n\tverbs=(\n"));
	for (const struct command *const *c = commands; *c; c++) {
		buf_printf(out, "\t\t'%s:", (*c)->name);
		zsh_text(out, (*c)->summary);
		buf_put(out, S("'\n"));
	}
	buf_put(out, S("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command verbs\n"
		       "\t\treturn\n\tfi\n\tlocal verb=$words[2]\n\tshift words\n"
		       "\t(( CURRENT-- ))\n\tcase $verb in\n"));
	for (const struct command *const *c = commands; *c; c++) {
		buf_printf(out, "\t%s)\n\t\t_arguments -s -S \\\n", (*c)->name);
		for (const struct param *p = (*c)->params; p->name; p++)
			if (help_is_option(p))
				zsh_option(out, p);
		if (wants_processes(*c))
			buf_put(out, S("\t\t\t'*:target:_pids' ;;\n"));
		else if (wants_commands(*c))
			buf_put(out, S("\t\t\t'*:command:(${verbs%%:*})' ;;\n"));
		else if (*(*c)->words)
			buf_put(out, S("\t\t\t'*:file:_files' ;;\n"));
		else
			buf_put(out, S("\t\t\t'*: :' ;;\n"));
	}
	buf_put(out, S("\tesac\n}\n_perf_ops \"$@\"\n"));
}

/* Inside single quotes of fish: only the quote and the backslash are escaped. */
static void fish_text(struct buf *out, const char *text)
{
	for (const char *c = text; *c; c++)
		buf_printf(out, "%s%c", *c == '\'' || *c == '\\' ? "\\" : "", *c);
}

static void fish_option(struct buf *out, const struct command *c, const struct param *p)
{
	buf_printf(out, "complete -c perf-ops -n '__fish_seen_subcommand_from %s' -l %s", c->name,
		   help_is_on(p) ? "no-" : "");
	help_name(out, p);
	if (p->letter)
		buf_printf(out, " -s %c", p->letter);
	if (p->type == PARAM_CHOICE) {
		buf_put(out, S(" -x -a '"));
		choice_words(out, p);
		buf_put(out, S("'"));
	} else if (p->type != PARAM_FLAG) {
		buf_put(out, names_files(p) ? S(" -r -F") : S(" -x"));
	}
	buf_printf(out, " -d '%s", help_is_on(p) ? "do not " : "");
	fish_text(out, p->help);
	buf_put(out, S("'\n"));
}

void help_fish(struct buf *out)
{
	buf_put(out, S("# fish completion of perf-ops, printed by: perf-ops help --format=fish\n"
		       "complete -c perf-ops -n __fish_use_subcommand -f\n"));
	for (const struct command *const *c = commands; *c; c++) {
		buf_printf(out, "complete -c perf-ops -n __fish_use_subcommand -f -a %s -d '",
			   (*c)->name);
		fish_text(out, (*c)->summary);
		buf_put(out, S("'\n"));
		if (wants_processes(*c))
			buf_printf(out,
				   "complete -c perf-ops -n '__fish_seen_subcommand_from %s' -f -a "
				   "'(cat /proc/[0-9]*/comm 2>/dev/null | sort -u)'\n",
				   (*c)->name);
		for (const struct param *p = (*c)->params; p->name; p++)
			if (help_is_option(p))
				fish_option(out, *c, p);
	}
}
