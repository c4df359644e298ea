/* Walks a stack in user space. Knows how the ends of the shared step map to those of a sample. */
#include "capture/unwind/native/walk.h"

_Static_assert((int)NATIVE_END_ROOT == (int)STACK_ROOT && (int)NATIVE_END_NONE == (int)STACK_NONE &&
		       (int)NATIVE_END_NO_MAP == (int)STACK_NO_MAP &&
		       (int)NATIVE_END_NO_RULE == (int)STACK_NO_RULE &&
		       (int)NATIVE_END_UNREADABLE == (int)STACK_UNREADABLE &&
		       (int)NATIVE_END_TRUNCATED == (int)STACK_TRUNCATED &&
		       (int)NATIVE_NEXT == (int)STACK__COUNT,
	       "native_end and stack_end are the same");

struct memory {
	const struct native_stack *from;
	bool over; /* something beyond a cut copy was asked for */
};

static long peek(void *self, void *into, __u32 n, __u64 address)
{
	struct memory *m = self;
	const struct native_stack *from = m->from;
	uint64_t at = address - from->start;

	if (address >= from->start && at < from->copy.n && n <= from->copy.n - at) {
		memcpy(into, from->copy.p + at, n);
		return 0;
	}
	if (from->peek && from->peek(from->self, into, n, address) == 0)
		return 0;
	m->over = from->cut && address >= from->start;
	return -1;
}

size_t native_walk(const struct native_store *store, const struct space *sp,
		   const struct native_stack *from, uint64_t *ip, size_t max,
		   enum stack_end *ret_end)
{
	struct memory memory = { .from = from };
	struct native_regs regs = from->regs;
	enum native_end end = NATIVE_NEXT;
	size_t n = 0;

	while (end == NATIVE_NEXT && n < max) {
		uint64_t at = native_look(&regs);
		const struct range *range = space_find(sp, at);
		const struct native_rule *rule = NULL;
		ip[n++] = at;
		if (!range) {
			end = NATIVE_END_NO_MAP;
			break;
		}
		if (range->object != SPACE_ANONYMOUS) {
			int id = native_find(store, range->object, at - range->bias);
			rule = id < 0 ? NULL : &store->rules[id];
		}
		end = native_step(&regs, rule, peek, &memory);
	}
	if (end == NATIVE_NEXT || (end == NATIVE_END_UNREADABLE && memory.over))
		end = NATIVE_END_TRUNCATED;
	*ret_end = (enum stack_end)end;
	return n;
}
