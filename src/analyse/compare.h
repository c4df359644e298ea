/*
 * compare: two profiles, function by function. A share that moved is told apart from one that
 * chance moved: each function with enough samples is tested, and the answers are adjusted for how
 * many were tested (share.h). Shares are per sample, so recordings may differ in length; the time
 * is what was really spent, and per second watched where both lengths are known.
 */
#ifndef PERF_OPS_ANALYSE_COMPARE_H
#define PERF_OPS_ANALYSE_COMPARE_H

#include "analyse/share.h"
#include "analyse/weights.h"
#include "model/report.h"

enum change_kind { CHANGE_NONE, CHANGE_MORE, CHANGE_LESS }; /* NONE: chance explains it */

struct change {
	uint32_t before, after; /* functions of either profile; 0: not in it */
	struct str name, module;
	struct weight self_before, self_after;
	double share_before, share_after;
	struct interval share_change; /* 95 %; -1..1 without samples */
	double p;                     /* adjusted; NaN: too few samples, not tested */
	enum change_kind kind;
};

struct comparison {
	const struct weights *before, *after;
	struct change *v; /* proven ones first, then by how much the share moved */
	size_t n, n_tested, n_proven;
	bool tested; /* both profiles tell how many samples they have */
};

/* -EINVAL when the two do not measure the same thing. */
int compare_new(struct arena *a, const struct weights *before, const struct weights *after,
		struct comparison **ret, struct err *err);
/* What it comes to. */
struct str compare_sentence(struct arena *a, const struct comparison *c);
/* Function, shares, change and its interval, times, p, what it is. */
struct table *compare_table(struct arena *a, const struct comparison *c, size_t rows);

enum gate { GATE_PASSED, GATE_UNDECIDED, GATE_FAILED };
/* Whether a share grew by MORE (0..1): failed when its whole interval lies above, undecided when
 * only what was seen does. SENTENCE says which function. */
enum gate compare_gate(struct arena *a, const struct comparison *c, double more,
		       struct str *sentence);

#endif
