/* Widths: numbers get what they need, wide texts give way first, then the other texts. */
#include "present/text/table.h"

#include <math.h>

#include "model/quantity.h"
#include "present/text/escape.h"

#define COLUMNS_SHOWN 16
#define GAP           2 /* before every column, the first as well */
#define WIDE_MIN      20
#define TEXT_MIN      8
#define HOT_SHARE     0.20 /* coloured: enough to be worth a look */

struct layout {
	const struct table *table;
	size_t rows;
	size_t shown[COLUMNS_SHOWN], n; /* which columns */
	size_t width[COLUMNS_SHOWN];
	bool colour;
};

static void number(struct buf *out, const struct column *c, const struct cell *cell)
{
	struct quantity q = { cell->v, c->unit };

	if (c->change)
		quantity_put_change(out, q);
	else
		quantity_put(out, q);
	if (cell->text.n) {
		buf_put(out, S(" "));
		escape_put(out, cell->text);
	}
}

static size_t cell_columns(const struct column *c, const struct cell *cell)
{
	if (c->unit == UNIT_NONE)
		return escape_columns(cell->text);
	auto_buf text = BUF(256);
	number(&text, c, cell);
	return escape_columns(buf_str(&text));
}

/* A text column in which nothing stands, such as the modules of collapsed stacks. */
static bool says_nothing(const struct layout *l, size_t column)
{
	const struct table *t = l->table;

	if (t->column[column].unit != UNIT_NONE)
		return false;
	for (size_t row = 0; row < l->rows; row++)
		if (t->cell[row * t->n_columns + column].text.n)
			return false;
	return true;
}

static void measure(struct layout *l)
{
	for (size_t i = 0; i < l->table->n_columns && l->n < COLUMNS_SHOWN; i++) {
		const struct column *c = &l->table->column[i];
		if (c->extra || says_nothing(l, i))
			continue;
		size_t most = escape_columns(c->heading);
		for (size_t row = 0; row < l->rows; row++) {
			size_t w = cell_columns(c, &l->table->cell[row * l->table->n_columns + i]);
			most = w > most ? w : most;
		}
		l->shown[l->n] = i;
		l->width[l->n++] = most;
	}
}

/* Takes OVER columns from texts that are longer than LEAST; returns what is still too much. */
static size_t narrow(struct layout *l, size_t over, bool wide, size_t least)
{
	for (size_t i = 0; i < l->n && over; i++) {
		const struct column *c = &l->table->column[l->shown[i]];
		if (c->unit != UNIT_NONE || c->wide != wide || l->width[i] <= least)
			continue;
		size_t give = l->width[i] - least < over ? l->width[i] - least : over;
		l->width[i] -= give;
		over -= give;
	}
	return over;
}

static void fit(struct layout *l, size_t columns)
{
	size_t all = 0;

	for (size_t i = 0; i < l->n; i++)
		all += GAP + l->width[i];
	if (all <= columns)
		return;
	size_t over = narrow(l, all - columns, true, WIDE_MIN);
	over = narrow(l, over, false, TEXT_MIN);
	(void)narrow(l, over, true, TEXT_MIN); /* a terminal narrower than that wraps by itself */
}

static void pad(struct buf *out, size_t columns)
{
	buf_printf(out, "%*s", (int)columns, "");
}

static void put_cell(struct buf *out, const struct layout *l, size_t i, const struct cell *cell)
{
	const struct column *c = &l->table->column[l->shown[i]];
	auto_buf text = BUF(4096);

	if (c->unit == UNIT_NONE)
		escape_fit(&text, cell->text, l->width[i]);
	else
		number(&text, c, cell);
	size_t used = escape_columns(buf_str(&text));
	size_t left = used < l->width[i] ? l->width[i] - used : 0;
	bool hot = l->colour && c->unit == UNIT_RATIO && fabs(cell->v) >= HOT_SHARE;
	if (c->unit != UNIT_NONE)
		pad(out, left);
	if (hot)
		buf_put(out, S("\x1b[1;31m"));
	buf_put(out, buf_str(&text));
	if (hot)
		buf_put(out, S("\x1b[0m"));
	if (c->unit == UNIT_NONE && i + 1 < l->n)
		pad(out, left);
}

static void put_head(struct buf *out, const struct layout *l)
{
	if (l->colour)
		buf_put(out, S("\x1b[2m"));
	for (size_t i = 0; i < l->n; i++) {
		const struct column *c = &l->table->column[l->shown[i]];
		auto_buf text = BUF(256);
		escape_fit(&text, c->heading, l->width[i]);
		size_t left = l->width[i] - escape_columns(buf_str(&text));
		pad(out, GAP + (c->unit != UNIT_NONE ? left : 0));
		buf_put(out, buf_str(&text));
		if (c->unit == UNIT_NONE && i + 1 < l->n)
			pad(out, left);
	}
	buf_put(out, l->colour ? S("\x1b[0m\n") : S("\n"));
}

void table_put(struct buf *out, const struct table *t, size_t rows, const struct text_manner *m)
{
	struct layout l = { .table = t,
			    .rows = rows < t->n_rows ? rows : t->n_rows,
			    .colour = m->colour };
	size_t cut = t->n_rows - l.rows + t->n_cut;

	measure(&l);
	fit(&l, m->columns);
	put_head(out, &l);
	for (size_t row = 0; row < l.rows; row++) {
		for (size_t i = 0; i < l.n; i++) {
			pad(out, GAP);
			put_cell(out, &l, i, &t->cell[row * t->n_columns + l.shown[i]]);
		}
		buf_put(out, S("\n"));
	}
	if (cut)
		buf_printf(out, "%*s… and %zu more\n", GAP, "", cut);
}

void table_put_running(struct buf *out, const struct table *t, size_t rows, struct str between)
{
	size_t shown = rows < t->n_rows ? rows : t->n_rows;

	for (size_t row = 0; row < shown; row++) {
		bool first = true;
		if (row)
			buf_put(out, between);
		for (size_t i = 0; i < t->n_columns; i++) {
			const struct cell *cell = &t->cell[row * t->n_columns + i];
			if (t->column[i].extra || (t->column[i].unit == UNIT_NONE && !cell->text.n))
				continue;
			if (!first)
				buf_put(out, S(" "));
			first = false;
			if (t->column[i].unit == UNIT_NONE)
				escape_fit(out, cell->text, 48);
			else if (t->column[i].unit == UNIT_RATIO && !t->column[i].change)
				quantity_put_share(out, cell->v);
			else
				number(out, &t->column[i], cell);
		}
	}
	if (t->n_rows - shown + t->n_cut)
		buf_printf(out, STR_FMT "and %zu more", STR_ARG(between),
			   t->n_rows - shown + t->n_cut);
}
