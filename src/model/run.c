/* Building a run, and whether all that lies in it holds together. */
#include "model/run.h"

#include <errno.h>

#include "base/vec.h"

struct run *run_new(struct arena *a)
{
	struct run *r = arena_make(a, struct run);

	r->arena = a;
	r->cost.cpu_ns = r->cost.probe_ns = r->cost.probe_p50_ns = r->cost.probe_p99_ns = -1;
	return r;
}

void run_add_profile(struct run *r, struct profile *p)
{
	/* Not vec_add: tidy takes its sizeof of a pointer for a mistake. */
	r->profiles.v = arena_grow(r->arena, r->profiles.v, r->profiles.n, &r->profiles.cap,
				   sizeof(struct profile *));
	r->profiles.v[r->profiles.n++] = p;
}

void run_add_limit(struct run *r, struct str what, struct str why, struct str remedy)
{
	*vec_add(r->arena, &r->limits) = (struct limit){ .what = arena_str(r->arena, what),
							 .why = arena_str(r->arena, why),
							 .remedy = arena_str(r->arena, remedy) };
}

/* How many places the artefact WHICH of that kind has; 0: there is no such artefact. */
static size_t places(const struct run *r, enum artefact kind, uint32_t which)
{
	switch (kind) {
	case ART_PROFILE:
		return which < r->profiles.n ? r->profiles.v[which]->n_stacks : 0;
	case ART_DIST:
		return which < r->dists.n ? r->dists.v[which]->n_buckets : 0;
	case ART_SERIES:
		return which < r->series.n ? r->series.v[which]->n + 1 : 0;
	case ART_TREE:
		return which < r->trees.n ? r->trees.v[which]->n : 0;
	case ART_PLAN:
		return which < r->plans.n ? r->plans.v[which]->n : 0;
	case ART_FINDING:
		return which < r->findings.n ? r->findings.v[which].n_evidence : 0;
	case ART_FACT:
		return SIZE_MAX; /* facts are no part of a run */
	}
	return 0;
}

static int check_refs(const struct run *r, const struct finding *f, struct err *err)
{
	for (size_t i = 0; i < f->n_evidence; i++) {
		struct ref at = f->evidence[i].at;
		if (at.where >= places(r, at.kind, at.which))
			return err_set(err, -EBADMSG,
				       "finding " STR_FMT ": evidence %zu points to nothing",
				       STR_ARG(f->rule), i);
	}
	return 0;
}

#define CHECK_ALL(list, check)                       \
	for (size_t i = 0; i < (list).n; i++)        \
		if ((check)((list).v[i], err) < 0) { \
			return err->code;            \
		}

int run_check(const struct run *r, struct err *err)
{
	CHECK_ALL(r->profiles, profile_check)
	CHECK_ALL(r->dists, dist_check)
	CHECK_ALL(r->series, series_check)
	CHECK_ALL(r->trees, tree_check)
	CHECK_ALL(r->plans, plan_check)
	for (size_t i = 0; i < r->findings.n; i++)
		if (finding_check(&r->findings.v[i], err) < 0 ||
		    check_refs(r, &r->findings.v[i], err) < 0)
			return err->code;
	for (size_t i = 0; i < r->limits.n; i++)
		if (r->limits.v[i].what.n == 0)
			return err_set(err, -EBADMSG, "limit %zu does not say what is missing", i);
	return 0;
}
