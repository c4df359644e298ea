/* Sections in their order; tables give up rows until all of it fits the lines there are. */
#include "present/text/text.h"

#include "present/text/escape.h"
#include "present/text/table.h"

#define TEXT_MAX      ((size_t)4 << 20)
#define ROWS_LEAST    3
#define RUNNING_ROWS  6
#define RUNNING_LEAST 2
#define INDENT        2

static size_t count_lines(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

/* Up to the next blank at which a line may end: "49 %" stays together. */
static struct str piece(struct str text, struct str *rest)
{
	size_t n = 0;

	while (n < text.n && (text.p[n] != ' ' || (n + 1 < text.n && text.p[n + 1] == '%')))
		n++;
	*rest = str_skip(text, n + 1);
	return str_head(text, n);
}

/* Escaped text in lines; escapes contain no blanks, so a cut never falls into one. */
static void wrap(struct buf *out, struct str text, size_t columns)
{
	size_t at = 0;

	for (struct str rest = text; rest.n;) {
		struct str word = piece(rest, &rest);
		size_t width = escape_columns(word);
		if (at && at + 1 + width > columns) {
			buf_printf(out, "\n%*s", INDENT, "");
			at = INDENT;
		} else if (at) {
			buf_put(out, S(" "));
			at++;
		}
		escape_fit(out, word, columns > INDENT ? columns - INDENT : 1);
		at += width;
	}
	buf_put(out, S("\n"));
}

/* Lines behind the first are commands: they stand alone and whole, so that they can be pasted. */
static void commands(struct buf *out, struct str rest)
{
	while (rest.n) {
		buf_put(out, S("    "));
		escape_put(out, str_cut(rest, '\n', &rest));
		buf_put(out, S("\n"));
	}
}

static void line(struct buf *out, struct str heading, struct str whole, const struct text_manner *m)
{
	auto_buf all = BUF(TEXT_MAX);
	struct str more, text = str_cut(whole, '\n', &more);

	buf_printf(&all, STR_FMT "%s" STR_FMT, STR_ARG(heading), heading.n && text.n ? ": " : "",
		   STR_ARG(text));
	if (!m->colour || !heading.n) {
		wrap(out, buf_str(&all), m->columns);
		commands(out, more);
		return;
	}
	auto_buf plain = BUF(TEXT_MAX);
	wrap(&plain, buf_str(&all), m->columns);
	/* A heading has no escapes and is shorter than a line, so it stands there as it is. */
	struct str rest = str_skip(buf_str(&plain), heading.n);
	buf_printf(out, "\x1b[1m" STR_FMT "\x1b[0m", STR_ARG(heading));
	buf_put(out, rest);
	commands(out, more);
}

struct squeeze {
	size_t fewer; /* rows of every table */
	bool dense;   /* no empty lines, and shorter running lines */
};

static void running(struct buf *out, const struct section *s, struct squeeze q,
		    const struct text_manner *m)
{
	size_t limit = s->limit ? s->limit : RUNNING_ROWS;

	auto_buf rows = BUF(TEXT_MAX);

	buf_printf(&rows, STR_FMT "%s", STR_ARG(s->sentence), s->sentence.n ? " " : "");
	table_put_running(&rows, s->table, q.dense && limit > RUNNING_LEAST ? RUNNING_LEAST : limit,
			  s->between);
	line(out, s->heading, buf_str(&rows), m);
}

/* True when something was printed. */
static bool section(struct buf *out, const struct section *s, struct squeeze q,
		    const struct text_manner *m)
{
	size_t before = out->n;

	if (s->table && s->between.n) {
		running(out, s, q, m);
		return true;
	}
	if (s->table) {
		size_t rows = s->limit ? s->limit : s->table->n_rows;
		size_t keep = rows > q.fewer + ROWS_LEAST ? rows - q.fewer : ROWS_LEAST;
		if (s->heading.n || s->sentence.n)
			line(out, s->heading, s->sentence, m);
		table_put(out, s->table, q.fewer ? keep : rows, m);
	} else if (s->sentence.n) {
		if (m->colour && str_eq(s->id, S("verdict"))) {
			buf_put(out, S("\x1b[1m"));
			line(out, (struct str){ "", 0 }, s->sentence, m);
			buf_put(out, S("\x1b[0m"));
		} else {
			line(out, s->heading, s->sentence, m);
		}
	}
	return out->n > before;
}

static bool stands_alone(const struct section *s)
{
	return s->table && !s->between.n;
}

static void all(struct buf *out, const struct report *r, struct squeeze q,
		const struct text_manner *m)
{
	const struct section *last = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct section *s = &r->section[i];
		auto_buf one = BUF(TEXT_MAX);
		if (!section(&one, s, q, m))
			continue;
		if (last &&
		    (stands_alone(s) || stands_alone(last) || (s->heading.n && !last->heading.n)))
			buf_put(out, S("\n"));
		buf_put(out, buf_str(&one));
		last = s;
	}
}

static size_t longest(const struct report *r)
{
	size_t rows = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct section *s = &r->section[i];
		size_t here = !stands_alone(s) ? 0 : s->limit ? s->limit : s->table->n_rows;
		rows = here > rows ? here : rows;
	}
	return rows;
}

void text_report(const struct report *r, const struct text_manner *m, struct buf *out)
{
	size_t least = m->lines ? longest(r) : 0;

	for (struct squeeze q = { 0 };;) {
		auto_buf text = BUF(TEXT_MAX);
		all(&text, r, q, m);
		if (m->lines && !q.dense && count_lines(buf_str(&text)) > m->lines) {
			q.dense = q.fewer >= least;
			q.fewer += !q.dense;
			continue;
		}
		buf_put(out, buf_str(&text));
		out->full |= text.full;
		return;
	}
}
