/*
 * record_priv: what a recording holds between the last sample and the names. A sample is a row; a
 * row points to a node; a node is (caller, place); a place is an address that a name can be asked
 * for. Callers always stand before what they called.
 */
#ifndef PERF_OPS_CAPTURE_RECORD_PRIV_H
#define PERF_OPS_CAPTURE_RECORD_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "capture/record.h"
#include "capture/space.h"

enum place_kind { PLACE_FILE, PLACE_JIT, PLACE_KERNEL, PLACE_MARKER };

enum marker {                       /* the vaddr of a marker, below MARKER_THREAD */
	      MARKER_TRUNCATED = 1, /* deeper than the limit: its callers are not known */
	      MARKER_INCOMPLETE,    /* the walk lost its way: its callers are not known */
	      MARKER_THREAD,        /* no stack at all; object is the name of the thread */
};

struct place {
	uint64_t vaddr;   /* link-time in a file, run-time else */
	uint64_t seen_ns; /* first, for code made at run time: its address may be used again */
	uint32_t object;  /* binary, pid, or name of a thread */
	enum place_kind kind;
};

struct node {
	uint32_t parent, place; /* node 0 is none */
};

struct row {
	uint64_t time_ns;
	uint32_t node, label;
};

struct thread_label { /* what a sample is labelled with; label 0 is none */
	uint32_t pid, tid;
	uint32_t process, thread; /* names */
};

struct point {
	uint64_t time_ns;
	double v;
};

struct stream {
	struct str name;
	struct value_kind kind[PROFILE_KINDS_MAX];
	unsigned n_kinds;
	VEC(struct row) rows;
	VEC(int64_t) values; /* n_kinds a row */
	VEC(struct point) points;
	struct map sums; /* of rows by node and label, when time is not kept */
	struct loss loss;
};

struct task {
	uint32_t pid, tid;
	uint32_t name;
	uint32_t label;   /* made last */
	bool counted;     /* among the threads of its process */
	int64_t threads;  /* of a process: alive, as far as events told */
	uint64_t exec_ns; /* when it last changed its program */
	uint64_t gone_ns; /* 0: alive */
	uint64_t left_ns; /* of a process: when the last thread was gone */
};

struct departed {
	uint64_t time_ns;
	uint32_t pid;
};

struct memo { /* where a user stack that was seen ended up */
	uint64_t hash;
	uint32_t pid, generation, node;
	uint32_t end;
};
#define MEMO_SLOTS 32768 /* power of two; 1 MB */

struct record {
	struct sink sink; /* first */
	struct arena *arena;
	struct record_options options;
	struct binaries *binaries;
	struct spaces *spaces;
	size_t limit; /* of the arena; the spaces have their own */
	uint64_t samples, first_ns, least_ns, last_ns;
	uint64_t dropped_full; /* for want of memory: part of the loss of their streams */
	uint64_t maps_lost;

	VEC(struct place) places;
	struct map by_place;
	VEC(struct node) nodes;
	struct map by_node;
	struct memo *memo;

	VEC(struct str) names; /* of tasks; 0 is empty */
	struct map by_name;
	VEC(struct task) tasks;
	struct map by_task;
	VEC(struct thread_label) labels;
	struct map by_label;
	VEC(struct departed) departed; /* in order; from `departing` on still in the spaces */
	size_t departing;

	VEC(struct stream) streams;
};

#endif
