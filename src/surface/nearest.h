/* nearest: what somebody meant who mistyped. */
#ifndef PERF_OPS_SURFACE_NEAREST_H
#define PERF_OPS_SURFACE_NEAREST_H

#include "base/str.h"

struct command;
/* The word for which the fewest letters have to be changed, or empty when none is near. */
struct str nearest_command(struct str typed);
/* The long option of C without its dashes, likewise. */
struct str nearest_option(const struct command *c, struct str typed, char *into, size_t max);

#endif
