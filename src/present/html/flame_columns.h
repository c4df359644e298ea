/* flame_columns: a flame graph and its time line as columns, for the page. */
#ifndef PERF_OPS_PRESENT_HTML_FLAME_COLUMNS_H
#define PERF_OPS_PRESENT_HTML_FLAME_COLUMNS_H

#include "model/profile.h"
#include "present/html/columns.h"

/* One object of JSON's open array; the columns it names are appended to C. BASE may be NULL. */
void flame_columns(struct columns *c, struct json *j, const struct profile *p,
		   const struct profile *base);

#endif
