/* Growing the list of sections. */
#include "model/report.h"

#define FIRST 16u /* what arena_grow starts with; so the capacity follows from the count */

struct section *report_section(struct report *r, struct arena *a)
{
	size_t cap = r->n ? FIRST : 0;

	while (cap && cap < r->n)
		cap *= 2;
	r->section = arena_grow(a, r->section, r->n, &cap, sizeof(*r->section));
	return &r->section[r->n++];
}
