/*
 * walk: a user stack from registers and memory, in user space, by the same tables and the same step
 * as in the kernel. For stacks that perf copied, for sleeping threads, for tests.
 */
#ifndef PERF_OPS_CAPTURE_NATIVE_WALK_H
#define PERF_OPS_CAPTURE_NATIVE_WALK_H

#include "capture/space.h"
#include "capture/unwind/native/native.h"
#include "capture/unwind/native/native_step.h"
#include "model/sink.h"

struct native_stack {
	struct native_regs regs; /* flags: NATIVE_EXACT, and NATIVE_LEAF when gpr[] is filled */
	struct str copy;         /* bytes of the stack from address `start` on */
	uint64_t start;
	bool cut;          /* more than was copied is there: beyond the copy is "truncated" */
	native_peek *peek; /* asked for what is not in the copy; NULL: there is nobody to ask */
	void *self;
};

/*
 * Leaf first, as struct raw_sample wants it: addresses ready to be looked up. How many; at most
 * MAX, and then *ret_end is STACK_TRUNCATED unless the last of them was a root.
 * The ranges of SP have the file's id in STORE (native_store_add) as `object`, or SPACE_ANONYMOUS
 * where there is no table: frame pointers.
 */
size_t native_walk(const struct native_store *store, const struct space *sp,
		   const struct native_stack *from, uint64_t *ip, size_t max,
		   enum stack_end *ret_end);

#endif
