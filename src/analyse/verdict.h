/* verdict: the one sentence a profile comes to, and how it was reached. */
#ifndef PERF_OPS_ANALYSE_VERDICT_H
#define PERF_OPS_ANALYSE_VERDICT_H

#include "analyse/blame.h"
#include "base/buf.h"

enum verdict_shape {
	VERDICT_EMPTY,      /* no samples */
	VERDICT_UNRESOLVED, /* most of it in code without names, and nothing named explains it */
	VERDICT_KERNEL,     /* most of it in the kernel */
	VERDICT_HOT,        /* one function */
	VERDICT_FLAT,       /* no function stands out */
};

struct verdict {
	enum verdict_shape shape;
	struct str sentence;
	uint32_t plateau; /* the function with the most in itself; 0: none */
	bool rough;       /* fewer than SHARE_ROUGH samples */
};

struct verdict verdict_new(struct arena *a, const struct weights *w);
/* "CPU time", or what the kind of the profile is called. */
struct str verdict_subject(const struct weights *w);
/* For sentences: long names lose their middle. In backquotes. */
void verdict_put_name(struct buf *out, struct str name);

#endif
