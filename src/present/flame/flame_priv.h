/* flame: what its two halves, functions and nodes, share while they build. */
#ifndef PERF_OPS_PRESENT_FLAME_PRIV_H
#define PERF_OPS_PRESENT_FLAME_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "present/flame/flame.h"

struct line_seen { /* a line of a function, before they are ranked */
	uint32_t function, number, rank;
	enum frame_kind kind;
	int64_t self;
};

struct flame_side { /* by frame, stack and label of one profile */
	const struct profile *profile;
	uint32_t *function, *line; /* by frame */
	int64_t *total;            /* by stack, of the main kind */
	uint32_t *node;            /* by stack; NO_NODE: no sample is under it */
	uint32_t *thread;          /* by label, 1 more; 0: not looked at yet */
	unsigned main_kind;
};

#define NO_NODE UINT32_MAX

struct flame_build {
	struct flame *flame;
	struct arena *keep, *scratch;
	struct flame_side side[2];
	unsigned n_sides;
	VEC(struct flame_function) functions;
	VEC(struct line_seen) lines;
	VEC(struct flame_thread) threads;
	struct map function_map, line_map, thread_map, node_map;
};

/* Fills side[].function and side[].line, and functions and lines. */
void flame_name_frames(struct flame_build *b, unsigned side);
/* After all self values are in: lines by function, heaviest first; line_seen.rank is the place. */
void flame_rank_lines(struct flame_build *b);
uint32_t flame_thread_of(struct flame_build *b, unsigned side, label_id label);

#endif
