/* Field by field; docs/commands/json.md is the same list in words. */
#include "present/json/json.h"

#include <math.h>
#include <stdio.h>

#include "base/json_write.h"
#include "model/sink.h"

static const char *const unit_names[] = {
	[UNIT_NONE] = "text",        [UNIT_COUNT] = "count",   [UNIT_NS] = "ns",
	[UNIT_BYTES] = "bytes",      [UNIT_CYCLES] = "cycles", [UNIT_RATIO] = "ratio",
	[UNIT_PER_S] = "per_second",
};
static const char *const block_names[] = {
	[BLOCK_SENTENCE] = "sentence",   [BLOCK_TABLE] = "table",
	[BLOCK_FINDINGS] = "findings",   [BLOCK_FLAME] = "flame",
	[BLOCK_HISTOGRAM] = "histogram", [BLOCK_TIMELINE] = "timeline",
	[BLOCK_TREEMAP] = "treemap",     [BLOCK_PLAN] = "plan",
};
static const char *const end_names[] = {
	[STACK_ROOT] = "root",
	[STACK_NONE] = "none",
	[STACK_NO_MAP] = "no_map",
	[STACK_NO_RULE] = "no_rule",
	[STACK_UNREADABLE] = "unreadable",
	[STACK_TRUNCATED] = "truncated",
};

static void number(struct json *j, const char *key, double v)
{
	char text[40];
	double back;

	if (!isfinite(v)) {
		json_raw(j, key, S("null"));
		return;
	}
	/* 15 digits are readable (0.1 stays 0.1); 17 when they would not read back the same. */
	int n = snprintf(text, sizeof(text), "%.15g", v);
	if (!str_to_double((struct str){ text, (size_t)n }, &back) || back != v)
		n = snprintf(text, sizeof(text), "%.17g", v);
	json_raw(j, key, (struct str){ text, (size_t)n });
}

static void whole(struct json *j, const char *key, int64_t v)
{
	auto_buf text = BUF(32);

	buf_printf(&text, "%lld", (long long)v);
	json_raw(j, key, buf_str(&text));
}

/* A cost that is not known is negative. */
static void known(struct json *j, const char *key, int64_t v)
{
	if (v < 0)
		json_raw(j, key, S("null"));
	else
		whole(j, key, v);
}

static void text_of_c(struct json *j, const char *key, const char *text)
{
	json_text(j, key, str_from_c(text));
}

static void loss(struct json *j, const struct loss *l)
{
	json_open(j, "loss", '{');
	json_uint(j, "dropped", l->dropped);
	json_uint(j, "truncated", l->truncated);
	json_uint(j, "unresolved", l->unresolved);
	json_close(j, '}');
}

static void profile(struct json *j, const struct profile *p)
{
	json_open(j, "", '{');
	json_text(j, "name", p->name);
	json_open(j, "kinds", '[');
	for (unsigned k = 0; k < p->n_kinds; k++) {
		double sum = 0; /* exact up to 2^53, and no overflow beyond */
		for (size_t row = 0; row < p->sample.n_rows; row++)
			sum += (double)p->sample.value[row * p->n_kinds + k];
		json_open(j, "", '{');
		json_text(j, "name", p->kind[k].name);
		text_of_c(j, "unit", unit_names[p->kind[k].unit]);
		number(j, "total", sum);
		json_bool(j, "main", k == p->main_kind);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_uint(j, "rows", p->sample.n_rows);
	json_uint(j, "stacks", p->n_stacks ? p->n_stacks - 1 : 0);
	whole(j, "period_ns", p->period_ns);
	whole(j, "duration_ns", p->duration_ns);
	loss(j, &p->loss);
	json_close(j, '}');
}

static void cost(struct json *j, const struct cost *c)
{
	json_open(j, "cost", '{');
	known(j, "cpu_ns", c->cpu_ns);
	known(j, "probe_ns", c->probe_ns);
	json_uint(j, "probe_runs", c->probe_runs);
	known(j, "probe_p50_ns", c->probe_p50_ns);
	known(j, "probe_p99_ns", c->probe_p99_ns);
	json_uint(j, "rss_bytes", c->rss_bytes);
	json_uint(j, "kernel_bytes", c->kernel_bytes);
	json_close(j, '}');
}

static void run(struct json *j, const char *key, const struct run *r)
{
	json_open(j, key, '{');
	json_text(j, "id", r->id);
	json_text(j, "command", r->command);
	json_text(j, "host", r->host);
	json_text(j, "version", r->version);
	json_text(j, "source", r->source);
	json_text(j, "target", r->target);
	whole(j, "start_ns", r->start_ns);
	whole(j, "wall_ns", r->wall_ns);
	whole(j, "own_cpu_ns", r->own_cpu_ns);
	cost(j, &r->cost);
	json_open(j, "stack_end", '{');
	for (unsigned i = 0; i < STACK__COUNT; i++)
		json_uint(j, end_names[i], r->stack_end[i]);
	json_close(j, '}');
	json_open(j, "limits", '[');
	for (size_t i = 0; i < r->limits.n; i++) {
		json_open(j, "", '{');
		json_text(j, "what", r->limits.v[i].what);
		json_text(j, "why", r->limits.v[i].why);
		json_text(j, "remedy", r->limits.v[i].remedy);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "profiles", '[');
	for (size_t i = 0; i < r->profiles.n; i++)
		profile(j, r->profiles.v[i]);
	json_close(j, ']');
	json_close(j, '}');
}

/* Keys are literals of analyse/, copied because json_write takes C strings. */
static void keyed_cell(struct json *j, const struct column *c, const struct cell *cell)
{
	char key[64];
	struct str k = str_head(c->key, sizeof(key) - 1);

	memcpy(key, k.p, k.n);
	key[k.n] = '\0';
	if (c->unit == UNIT_NONE)
		json_text(j, key, cell->text);
	else
		number(j, key, cell->v);
}

static void table(struct json *j, const struct table *t)
{
	json_open(j, "table", '{');
	json_open(j, "columns", '[');
	for (size_t i = 0; i < t->n_columns; i++) {
		json_open(j, "", '{');
		json_text(j, "key", t->column[i].key);
		json_text(j, "heading", t->column[i].heading);
		text_of_c(j, "unit", unit_names[t->column[i].unit]);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "rows", '[');
	for (size_t row = 0; row < t->n_rows; row++) {
		json_open(j, "", '{');
		for (size_t i = 0; i < t->n_columns; i++)
			keyed_cell(j, &t->column[i], &t->cell[row * t->n_columns + i]);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_uint(j, "cut", t->n_cut);
	json_close(j, '}');
}

void json_report(const struct report *r, struct buf *out)
{
	struct json j = { .out = out };

	json_open(&j, "", '{');
	text_of_c(&j, "schema", "perf-ops.report/1");
	text_of_c(&j, "version", PERF_OPS_VERSION);
	json_uint(&j, "exit", r->exit);
	if (r->run)
		run(&j, "run", r->run);
	if (r->baseline)
		run(&j, "baseline", r->baseline);
	json_open(&j, "sections", '[');
	for (size_t i = 0; i < r->n; i++) {
		const struct section *s = &r->section[i];
		json_open(&j, "", '{');
		json_text(&j, "id", s->id);
		text_of_c(&j, "block", block_names[s->block]);
		json_text(&j, "heading", s->heading);
		json_text(&j, "sentence", s->sentence);
		if (s->table)
			table(&j, s->table);
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_open(&j, "outputs", '[');
	for (size_t i = 0; i < r->n_outputs; i++)
		json_text(&j, "", r->output[i].path);
	json_close(&j, ']');
	json_close(&j, '}');
	buf_put(out, S("\n"));
}
