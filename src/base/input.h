/*
 * input: bytes in order, from memory, a file, a pipe or a compressed stream. A reader never knows
 * which, so every format reads 1 GB, stdin and .gz alike. Files are opened by sys/input_file.h,
 * gzip is undone by base/gzip.h, tests feed memory.
 */
#ifndef PERF_OPS_BASE_INPUT_H
#define PERF_OPS_BASE_INPUT_H

#include "base/arena.h"
#include "base/err.h"

struct input {
	const char *at, *end; /* what lies ready */
	uint64_t offset;      /* of end, since the beginning: goes into error messages */
	/* Drops at..end, brings the next piece: 1 = some, 0 = the end, negative = error. */
	int (*more)(struct input *in, struct err *err);
};

struct input input_memory(struct str s);
/* Where the reader stands, for messages: "at byte 1234". */
uint64_t input_at(const struct input *in);
/* For formats that need it whole (pprof): refuses with -E2BIG above the limit of the arena. */
int input_all(struct input *in, struct arena *a, struct str *ret, struct err *err);
/*
 * The next line without its newline, borrowed until the next call; LINE holds what straddles two
 * pieces, and its max bounds a line (-E2BIG). 1 = a line, 0 = the end, negative = error.
 */
struct buf;
int input_line(struct input *in, struct buf *line, struct str *ret, struct err *err);

#endif
