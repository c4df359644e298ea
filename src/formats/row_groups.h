/* row_groups: the rows of a profile by thread, for formats that keep threads apart. */
#ifndef PERF_OPS_FORMATS_ROW_GROUPS_H
#define PERF_OPS_FORMATS_ROW_GROUPS_H

#include "formats/row_labels.h"

struct row_group {
	struct row_labels labels;
	size_t first, n; /* slice of row */
};

struct row_groups {
	struct row_group *v; /* in the order of their first samples */
	size_t n;
	uint32_t *row; /* in their old order within a group */
};

struct row_groups row_groups_of(const struct profile *p, struct arena *scratch);

#endif
