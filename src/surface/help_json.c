/* The command table for programs: as it is, and as tools of the Model Context Protocol. */
#include "base/json_write.h"
#include "surface/help.h"

static const char *const type_names[] = {
	[PARAM_FLAG] = "flag",  [PARAM_COUNT] = "count", [PARAM_NS] = "time",
	[PARAM_BYTES] = "size", [PARAM_TEXT] = "text",   [PARAM_CHOICE] = "choice",
	[PARAM_LIST] = "list",  [PARAM_WORDS] = "words", [PARAM_REST] = "rest",
};

static void text_of_c(struct json *j, const char *key, const char *text)
{
	json_text(j, key, str_from_c(text));
}

static void name_of(struct json *j, const struct param *p)
{
	auto_buf name = BUF(128);

	help_name(&name, p);
	json_text(j, "name", buf_str(&name));
}

static void choices(struct json *j, const char *key, const struct param *p)
{
	json_open(j, key, '[');
	for (struct str rest = str_from_c(p->choices); rest.n;)
		json_text(j, "", str_cut(rest, '|', &rest));
	json_close(j, ']');
}

static void option(struct json *j, const struct param *p)
{
	char letter[2] = { p->letter, '\0' };

	json_open(j, "", '{');
	name_of(j, p);
	if (p->letter)
		text_of_c(j, "letter", letter);
	text_of_c(j, "type", type_names[p->type]);
	if (p->type == PARAM_CHOICE)
		choices(j, "choices", p);
	if (p->initial)
		text_of_c(j, "default", p->initial);
	text_of_c(j, "help", p->help);
	json_close(j, '}');
}

static void command(struct json *j, const struct command *c)
{
	json_open(j, "", '{');
	text_of_c(j, "name", c->name);
	text_of_c(j, "group", c->group);
	text_of_c(j, "summary", c->summary);
	text_of_c(j, "words", c->words);
	text_of_c(j, "about", c->about);
	json_bool(j, "reads_only", c->reads_only);
	json_open(j, "options", '[');
	for (const struct param *p = c->params; p->name; p++)
		option(j, p);
	json_close(j, ']');
	json_open(j, "examples", '[');
	for (const struct example *e = c->examples; e && e->line; e++) {
		json_open(j, "", '{');
		text_of_c(j, "line", e->line);
		text_of_c(j, "about", e->about);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

void help_json(const struct command *c, struct buf *out)
{
	struct json j = { .out = out };

	json_open(&j, "", '{');
	text_of_c(&j, "schema", "perf-ops.help/1");
	text_of_c(&j, "version", PERF_OPS_VERSION);
	json_open(&j, "commands", '[');
	for (const struct command *const *each = commands; *each; each++)
		if (!c || c == *each)
			command(&j, *each);
	json_close(&j, ']');
	json_open(&j, "exits", '[');
#define EXIT(exit_name, exit_code, exit_about) \
	json_open(&j, "", '{');                \
	text_of_c(&j, "name", #exit_name);     \
	json_uint(&j, "code", exit_code);      \
	text_of_c(&j, "about", exit_about);    \
	json_close(&j, '}');
#include "model/exits.def"
#undef EXIT
	json_close(&j, ']');
	json_close(&j, '}');
	buf_put(out, S("\n"));
}

/* JSON Schema has no times and sizes: they stay text, as on the command line. */
static const char *schema_type(enum param_type type)
{
	switch (type) {
	case PARAM_FLAG:
		return "boolean";
	case PARAM_COUNT:
		return "integer";
	case PARAM_LIST:
	case PARAM_WORDS:
	case PARAM_REST:
		return "array";
	case PARAM_NS:
	case PARAM_BYTES:
	case PARAM_TEXT:
	case PARAM_CHOICE:
		break;
	}
	return "string";
}

static void schema(struct json *j, const struct param *p)
{
	struct str type = str_from_c(schema_type(p->type));

	json_open(j, p->name, '{');
	json_text(j, "type", type);
	text_of_c(j, "description", p->help);
	if (str_eq(type, S("array"))) {
		json_open(j, "items", '{');
		text_of_c(j, "type", "string");
		json_close(j, '}');
	}
	if (p->type == PARAM_CHOICE)
		choices(j, "enum", p);
	if (p->initial && p->type == PARAM_COUNT)
		json_raw(j, "default", str_from_c(p->initial));
	else if (p->initial && p->type == PARAM_FLAG)
		json_bool(j, "default", help_is_on(p));
	else if (p->initial)
		text_of_c(j, "default", p->initial);
	json_close(j, '}');
}

void help_mcp(struct buf *out)
{
	struct json j = { .out = out };

	json_open(&j, "", '{');
	json_open(&j, "tools", '[');
	for (const struct command *const *c = commands; *c; c++) {
		if (!(*c)->run)
			continue;
		json_open(&j, "", '{');
		text_of_c(&j, "name", (*c)->name);
		text_of_c(&j, "description", (*c)->summary);
		json_open(&j, "annotations", '{');
		json_bool(&j, "readOnlyHint", (*c)->reads_only);
		json_close(&j, '}');
		json_open(&j, "inputSchema", '{');
		text_of_c(&j, "type", "object");
		json_open(&j, "properties", '{');
		for (const struct param *p = (*c)->params; p->name; p++)
			schema(&j, p);
		json_close(&j, '}');
		json_close(&j, '}');
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_close(&j, '}');
	buf_put(out, S("\n"));
}
