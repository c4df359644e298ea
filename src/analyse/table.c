/* Allocation of tables. */
#include "analyse/table.h"

struct table *table_new(struct arena *a, const struct column *column, size_t n_columns,
			size_t n_rows)
{
	struct table *t = arena_make(a, struct table);

	/* Presenters only read columns; the copy is because struct table does not say const. */
	t->column = arena_array(a, struct column, n_columns);
	memcpy(t->column, column, n_columns * sizeof(*column));
	t->n_columns = n_columns;
	t->n_rows = n_rows;
	t->cell = arena_array(a, struct cell, n_rows * n_columns + 1);
	return t;
}
