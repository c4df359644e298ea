/* html: what the page is told besides flame graphs, and how it all becomes one text. */
#include "present/html/html.h"

#include "base/gzip.h"
#include "present/html/flame_columns.h"
#include "present/html/words.h"

#include <math.h>

#define JSON_MAX   ((size_t)1 << 30)
#define GZIP_LEVEL 5 /* 6 saves 2 % of a large profile in twice the time, 9 5 % in twenty */

/* web/ built, by tools/embed.py. The block of data goes where the mark is. */
extern const char page_shell[], page_shell_end[];
#define MARK S("@@PERF-OPS-REPORT@@")

static void put_number(struct json *j, const char *key, double v)
{
	char digits[32];
	struct buf b = { .p = digits, .cap = sizeof(digits), .max = sizeof(digits) };

	if (isfinite(v))
		buf_printf(&b, "%.15g", v);
	else
		buf_put(&b, S("null")); /* not known */
	json_raw(j, key, buf_str(&b));
}

static void put_quantity(struct json *j, const char *key, struct quantity q)
{
	json_open(j, key, '{');
	put_number(j, "v", q.v);
	json_text(j, "unit", word_of_unit(q.unit));
	json_close(j, '}');
}

static void put_cell(struct json *j, const struct column *column, const struct cell *cell)
{
	if (column->unit == UNIT_NONE) {
		json_text(j, "", cell->text);
	} else if (cell->text.n) {
		json_open(j, "", '[');
		put_number(j, "", cell->v);
		json_text(j, "", cell->text);
		json_close(j, ']');
	} else {
		put_number(j, "", cell->v);
	}
}

static void put_table(struct json *j, const struct table *t)
{
	json_open(j, "table", '{');
	json_open(j, "columns", '[');
	for (size_t i = 0; i < t->n_columns; i++) {
		json_open(j, "", '{');
		json_text(j, "key", t->column[i].key);
		json_text(j, "heading", t->column[i].heading);
		json_text(j, "unit", word_of_unit(t->column[i].unit));
		json_bool(j, "wide", t->column[i].wide);
		json_bool(j, "change", t->column[i].change);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "rows", '[');
	for (size_t r = 0; r < t->n_rows; r++) {
		json_open(j, "", '[');
		for (size_t i = 0; i < t->n_columns; i++)
			put_cell(j, &t->column[i], &t->cell[r * t->n_columns + i]);
		json_close(j, ']');
	}
	json_close(j, ']');
	json_uint(j, "cut", t->n_cut);
	json_close(j, '}');
}

static void put_finding(struct json *j, const struct finding *f)
{
	static const char *const severity[] = { "info", "minor", "major", "critical" };
	static const char *const trust[] = { "hint", "likely", "certain" };

	json_open(j, "", '{');
	json_text(j, "rule", f->rule);
	json_text(j, "severity", str_from_c(severity[f->severity]));
	json_text(j, "trust", str_from_c(trust[f->trust]));
	put_number(j, "share", f->share);
	json_text(j, "symptom", f->symptom);
	json_text(j, "cause", f->cause);
	json_open(j, "evidence", '[');
	for (size_t i = 0; i < f->n_evidence; i++) {
		json_open(j, "", '{');
		json_text(j, "claim", f->evidence[i].claim);
		put_quantity(j, "seen", f->evidence[i].seen);
		put_quantity(j, "expected", f->evidence[i].expected);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "fixes", '[');
	for (size_t i = 0; i < f->n_fixes; i++) {
		json_open(j, "", '{');
		json_text(j, "action", f->fixes[i].action);
		json_text(j, "snippet", f->fixes[i].snippet);
		json_text(j, "risk", str_from_c(severity[f->fixes[i].risk]));
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static void put_section(struct json *j, const struct report *r, const struct section *s)
{
	json_open(j, "", '{');
	json_text(j, "id", s->id);
	json_text(j, "block", word_of_block(s->block));
	json_text(j, "heading", s->heading);
	json_text(j, "sentence", s->sentence);
	if (s->table)
		put_table(j, s->table);
	if (s->block == BLOCK_FINDINGS) {
		json_open(j, "findings", '[');
		for (size_t i = 0; i < r->run->findings.n; i++)
			put_finding(j, &r->run->findings.v[i]);
		json_close(j, ']');
	}
	json_close(j, '}');
}

static void put_run(struct json *j, const char *key, const struct run *run)
{
	json_open(j, key, '{');
	json_text(j, "command", run->command);
	json_text(j, "host", run->host);
	json_text(j, "version", run->version);
	json_text(j, "source", run->source);
	json_text(j, "target", run->target);
	put_number(j, "start_ms", run->start_ns > 0 ? floor((double)run->start_ns / 1e6) : NAN);
	put_number(j, "wall_ns", run->wall_ns > 0 ? (double)run->wall_ns : NAN);
	json_open(j, "limits", '[');
	for (size_t i = 0; i < run->limits.n; i++) {
		json_open(j, "", '{');
		json_text(j, "what", run->limits.v[i].what);
		json_text(j, "why", run->limits.v[i].why);
		json_text(j, "remedy", run->limits.v[i].remedy);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

static const struct profile *profile_at(const struct run *run, struct ref at)
{
	if (!run || at.kind != ART_PROFILE || at.which >= run->profiles.n)
		return NULL;
	return run->profiles.v[at.which];
}

static void put_report(struct columns *c, struct json *j, const struct report *r)
{
	json_open(j, "", '{');
	json_uint(j, "layout", 1);
	put_run(j, "run", r->run);
	if (r->baseline)
		put_run(j, "baseline", r->baseline);
	json_open(j, "sections", '[');
	for (size_t i = 0; i < r->n; i++)
		put_section(j, r, &r->section[i]);
	json_close(j, ']');
	json_open(j, "profiles", '[');
	for (size_t i = 0; i < r->n; i++) {
		const struct profile *p = profile_at(r->run, r->section[i].about);

		if (r->section[i].block == BLOCK_FLAME && p)
			flame_columns(c, j, p, profile_at(r->baseline, r->section[i].against));
	}
	json_close(j, ']');
	json_open(j, "texts", '[');
	for (size_t i = 0; i < c->texts.n; i++)
		json_text(j, "", c->texts.v[i]);
	json_close(j, ']');
	json_close(j, '}');
}

static void put_base64(struct buf *out, struct str s)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="; /* 64: nothing
											there */
	char line[4096];
	size_t n = 0;

	for (size_t i = 0; i < s.n; i += 3) {
		const unsigned char *p = (const unsigned char *)s.p + i;
		size_t left = s.n - i;
		uint32_t v = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (left > 2 ? p[2] : 0u);

		line[n++] = digit[v >> 18];
		line[n++] = digit[v >> 12 & 63];
		line[n++] = digit[left > 1 ? v >> 6 & 63 : 64];
		line[n++] = digit[left > 2 ? v & 63 : 64];
		if (n == sizeof(line)) {
			buf_put(out, (struct str){ line, n });
			n = 0;
		}
	}
	buf_put(out, (struct str){ line, n });
}

static void put_block(struct buf *out, const struct report *r)
{
	auto_arena arena = arena_open("html report", SIZE_MAX);
	auto_buf header = BUF(JSON_MAX), raw = BUF(2 * JSON_MAX), packed = BUF(2 * JSON_MAX);
	struct json j = { .out = &header };
	struct columns c;
	unsigned char length[4];

	columns_init(&c, arena);
	put_report(&c, &j, r);
	for (unsigned i = 0; i < 4; i++)
		length[i] = (unsigned char)(header.n >> (8 * i));
	buf_put(&raw, (struct str){ (const char *)length, sizeof(length) });
	buf_put(&raw, buf_str(&header));
	buf_put(&raw, (struct str){ (const char *)c.byte, c.n_bytes });
	if (header.full || raw.full || !gzip_put(&packed, buf_str(&raw), GZIP_LEVEL))
		out->full = true;
	else
		put_base64(out, buf_str(&packed));
}

void html_report(const struct report *r, struct buf *out)
{
	struct str shell = { page_shell, (size_t)(page_shell_end - page_shell) };
	size_t mark = str_find(shell, MARK);

	buf_put(out, str_head(shell, mark));
	put_block(out, r);
	buf_put(out, str_skip(shell, mark + MARK.n));
}
