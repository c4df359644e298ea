/*
 * report: what to show of a run, in which order. A command writes a report, never a line of
 * text; each presenter knows each block once, so commands and media add up and do not multiply.
 */
#ifndef PERF_OPS_MODEL_REPORT_H
#define PERF_OPS_MODEL_REPORT_H

#include "model/exits.h"
#include "model/run.h"

enum block {
	BLOCK_SENTENCE, /* the sentence */
	BLOCK_TABLE,    /* section.table: ranked functions, threads, changes, costs: any rows */
	BLOCK_FINDINGS,
	BLOCK_FLAME, /* the profile `about`; with `against`, the difference of the two */
	BLOCK_HISTOGRAM,
	BLOCK_TIMELINE,
	BLOCK_TREEMAP,
	BLOCK_PLAN,
};

/* A table is computed by analyse/ and drawn by present/: numbers with units, not formatted text. */
struct column {
	struct str key;     /* stable, for JSON: "self_share" */
	struct str heading; /* for people: "self" */
	enum unit unit;     /* UNIT_NONE: the cells are text */
	bool wide;          /* text that may be shortened first when the line is too long */
	bool change;        /* a difference: written with its sign */
	bool extra;         /* for JSON and the page: too much for a terminal */
};

struct cell {
	struct str text; /* of a text column; in a number column: a mark behind it, or empty */
	double v;        /* NaN: not known, shown as such */
};

struct table {
	struct column *column;
	size_t n_columns;
	struct cell *cell; /* n_rows * n_columns */
	size_t n_rows;
	size_t n_cut; /* rows that exist and are not here; said by every presenter */
};

struct section {
	struct str
		id; /* stable, for scripts: "verdict", "top", "path", "threads", "cost", "loss" */
	enum block block;
	struct str heading, sentence; /* sentence: shown in front of any block when not empty */
	struct ref about, against;    /* against: in the baseline, when there is one */
	const struct table *table;
	struct str between; /* not empty: text writes the rows in one running line, with this */
	unsigned limit;     /* rows at most in text, 0: all; what is cut is counted and said */
};

struct written { /* a file that was written while something was measured */
	uint64_t bytes;
	struct str kept; /* not empty: the place it has instead, because of */
	struct err err;  /* code not 0: it is not there, not whole or not in its place */
};

struct output { /* -o FILE */
	struct str path;
	const struct written *written; /* NULL: the surface writes it */
};

struct report {
	const struct run *run, *baseline; /* baseline: NULL unless something is compared */
	struct section *section;
	size_t n;
	struct output *output; /* files to write; the surface does */
	size_t n_outputs;
	unsigned format; /* enum report_format: what goes to stdout */
	enum exits exit;
};

enum report_format { REPORT_TEXT, REPORT_JSON };

struct section *report_section(struct report *r, struct arena *a); /* one more, zeroed */

#endif
