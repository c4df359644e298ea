/*
 * json_path: where a streaming JSON reader stands, as a small number that the format chose. A table
 * says which number follows which under which key; what the table does not know is skipped.
 */
#ifndef PERF_OPS_FORMATS_JSON_PATH_H
#define PERF_OPS_FORMATS_JSON_PATH_H

#include "base/json_read.h"

#define JSON_PATH_DEPTH  60
#define JSON_PATH_STRING ((size_t)1 << 20)

struct json_step {
	const char *key; /* "" in arrays; NULL: any */
	unsigned char from, to;
};

struct json_path { /* 0 is outside of everything */
	const struct json_step *steps;
	size_t n_steps;
	unsigned char at[JSON_PATH_DEPTH];
	unsigned depth;
};

#define JSON_PATH(table) \
	((struct json_path){ .steps = (table), .n_steps = sizeof(table) / sizeof((table)[0]) })

/* The place of a value with that key here; 0: not in the table. */
unsigned json_path_find(const struct json_path *p, struct str key);
/* Enters it; 0: it was not entered and is to be skipped. */
unsigned json_path_open(struct json_path *p, struct str key);
/* Leaves, and says what was left. */
unsigned json_path_close(struct json_path *p);

#endif
