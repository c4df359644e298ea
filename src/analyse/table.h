/* table: how the functions of analyse/ fill the tables of reports. */
#ifndef PERF_OPS_ANALYSE_TABLE_H
#define PERF_OPS_ANALYSE_TABLE_H

#include "base/arena.h"
#include "model/report.h"

/* All cells zeroed: empty texts, zeros. COLUMN must outlive it: a static array. */
struct table *table_new(struct arena *a, const struct column *column, size_t n_columns,
			size_t n_rows);
static inline struct cell *table_row(struct table *t, size_t row)
{
	return &t->cell[row * t->n_columns];
}

#endif
