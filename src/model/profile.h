/*
 * profile: how much of something was spent under which call stack.
 * CPU ns, off-CPU ns, lock ns, heap bytes, I/O bytes and JS self time are all this one shape.
 *
 * Stacks are a trie: a stack is (parent, frame). A parent's id is always smaller than its
 * child's, so one backward pass over the array turns self values into totals.
 * Row 0 of strings, frames, stacks and labels is "none".
 * An inlined function is a frame of kind FRAME_INLINE whose parent is the frame it was inlined
 * into.
 */
#ifndef PERF_OPS_MODEL_PROFILE_H
#define PERF_OPS_MODEL_PROFILE_H

#include "base/arena.h"
#include "base/err.h"
#include "model/unit.h"

#define PROFILE_KINDS_MAX 4

enum frame_kind { FRAME_NATIVE, FRAME_KERNEL, FRAME_INLINE, FRAME_SCRIPT, FRAME_MARKER };

struct value_kind {
	struct str name; /* "cpu", "samples", "off-cpu", "allocated" */
	enum unit unit;
};

struct frame {
	str_id function, file, module;
	uint32_t line;
	enum frame_kind kind;
	/* Without a name: the link-time address where the function begins, so that all of it is one
	 * frame; where no table says that, the address that was seen. With a name 0. */
	uint64_t address;
};

struct stack {
	stack_id parent;
	frame_id frame;
};

/* "thread" = "worker-3"; a set of labels is a chain, known by its first. Well-known keys:
 * "process", "pid", "thread", "tid". */
struct label {
	label_id next;
	str_id key, text;
	int64_t number; /* when text is none */
};

struct profile_index; /* how interning finds things again; made when first needed */

struct profile {
	struct arena *arena; /* owns everything below */
	struct str name;     /* what was profiled, "postgres (4711)" */
	struct value_kind kind[PROFILE_KINDS_MAX];
	unsigned n_kinds;
	unsigned main_kind; /* the one that reports rank by */
	struct str *strings;
	size_t n_strings;
	struct frame *frames;
	size_t n_frames;
	struct stack *stacks;
	size_t n_stacks;
	struct label *labels;
	size_t n_labels;
	struct { /* structure of arrays, one row a sample */
		stack_id *stack;
		label_id *label;
		int64_t *value; /* n_rows * n_kinds */
		int64_t *at_ns; /* since run start, rising; NULL when aggregated */
		size_t n_rows;
	} sample;
	int64_t period_ns;   /* between samples as asked for; 0 not known */
	int64_t duration_ns; /* that was watched; 0 not known */
	struct loss loss;
	struct profile_index *index;
};

/* TIMED: every row will come with a time. NAME and kinds are copied. */
struct profile *profile_new(struct arena *a, struct str name, const struct value_kind *kinds,
			    unsigned n_kinds, bool timed);
str_id profile_string(struct profile *p, struct str s);                    /* interns a copy */
frame_id profile_frame(struct profile *p, const struct frame *f);          /* interns */
stack_id profile_stack(struct profile *p, stack_id parent, frame_id leaf); /* interns */
/* The chain LABEL... -> next, interned. Build it in a fixed order of keys. TEXT empty: a number. */
label_id profile_label(struct profile *p, label_id next, struct str key, struct str text,
		       int64_t number);
/* AT_NS is ignored by a profile that is not timed. Rows may come in any order; see profile_sort. */
void profile_add(struct profile *p, stack_id s, label_id l, const int64_t value[], int64_t at_ns);
void profile_sort(struct profile *p); /* rows by time, stable; nothing to do when not timed */
/* Bytes one more row, stack, frame and string of N bytes may take: what readers ask before adding.
 */
bool profile_fits(const struct profile *p, size_t string_bytes);
int profile_merge(struct profile *into, const struct profile *from, struct err *err);
int profile_check(const struct profile *p, struct err *err); /* every invariant above */
/* Same stacks by name, labels and sums; not the same ids. */
bool profile_equal(const struct profile *a, const struct profile *b);

static inline struct str profile_text(const struct profile *p, str_id s)
{
	return p->strings[s.i];
}

#endif
