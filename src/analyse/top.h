/*
 * top: the tables of a profile, ranked. Numbers with units; whoever shows them formats them.
 * A table holds at most so many rows, and says how many there would be more.
 */
#ifndef PERF_OPS_ANALYSE_TOP_H
#define PERF_OPS_ANALYSE_TOP_H

#include "analyse/weights.h"
#include "model/report.h"

enum top_order { TOP_BY_SELF, TOP_BY_TOTAL };

/* function, self share and value, total share and value, samples, module. */
struct table *top_functions(struct arena *a, const struct weights *w, enum top_order order,
			    size_t rows);
/* By the module of the leaf. */
struct table *top_modules(struct arena *a, const struct weights *w, size_t rows);
/*
 * By a label: KEY "thread" or "process". NUMBER_KEY ("tid", "pid"), when not empty, keeps those of
 * one name apart. NULL: the profile has no such label.
 */
struct table *top_labels(struct arena *a, const struct weights *w, struct str key,
			 struct str number_key, size_t rows);
/* Who calls FUNCTION, by what is spent in FUNCTION itself; itself, in recursion, is passed over. */
struct table *top_callers(struct arena *a, const struct weights *w, uint32_t function, size_t rows);
/* The same by function: element 0 is what nobody calls, because it is the root. */
struct weight *top_caller_weights(struct arena *a, const struct weights *w, uint32_t function);
/* main, and what calls it: under all there is, and nobody asked about it. */
bool top_is_start(const struct weights *w, uint32_t function);
/* The heaviest way from the root, leaf first, lines of a function taken together. */
struct table *top_path(struct arena *a, const struct weights *w);
/* Of all, in leaves of the kernel; NaN when there is nothing. */
double top_kernel_share(const struct weights *w);

#endif
