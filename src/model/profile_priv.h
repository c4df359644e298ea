/* profile_priv: how a profile finds its rows again, and how it takes over those of another. */
#ifndef PERF_OPS_MODEL_PROFILE_PRIV_H
#define PERF_OPS_MODEL_PROFILE_PRIV_H

#include "base/map.h"
#include "model/profile.h"

#define ROWS_MAX (UINT32_MAX - 1u) /* ids are 32 bits, and the map keeps one value for itself */

struct profile_index {
	struct map strings, frames, stacks, labels; /* row 0 of each is in none of them */
	size_t cap_strings, cap_frames, cap_stacks, cap_labels;
	size_t cap_stack, cap_label, cap_value, cap_at; /* of the four columns of sample */
	struct str last_string;                         /* callers often repeat a key or a module */
	str_id last_string_id;
};

/* Where the rows of one profile went in another; arrays by the old id, on the scratch arena. */
struct profile_ids {
	frame_id *frame;
	stack_id *stack;
	label_id *label;
};
struct profile_ids profile_import(struct profile *into, const struct profile *from,
				  struct arena *scratch);

#endif
