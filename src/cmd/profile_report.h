/* profile_report: the sections that a profile is shown in, whether recorded now or read. */
#ifndef PERF_OPS_CMD_PROFILE_REPORT_H
#define PERF_OPS_CMD_PROFILE_REPORT_H

#include "cmd/command.h"

struct profile_report {
	bool per_thread;        /* threads of one name are told apart */
	const struct str *note; /* sentences behind the verdict: "The target ended after 3.2 s." */
	size_t n_notes;
};

/* Fills OUT from the first profile of R; sets exit to EXIT_UNSURE when it is without samples. */
void profile_report(struct arena *a, const struct run *r, const struct profile_report *o,
		    struct report *out);
/* A sentence of its own. */
void profile_report_say(struct report *out, struct arena *a, struct str id, struct str heading,
			struct str sentence);

#endif
