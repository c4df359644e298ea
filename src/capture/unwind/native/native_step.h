/*
 * native_step: from the registers of a frame to those of its caller. Compiled into the BPF program
 * and into the user-space walker, so both go the same way. No loop, no division, no memory but the
 * registers given; PEEK is a constant, so it is inlined too.
 *
 * How a walk goes (x86-64):
 *	regs = { pc, sp, bp, flags = NATIVE_EXACT | NATIVE_LEAF, gpr };
 *	do {
 *		at = native_look(&regs);     what to report, and what to look up
 *		rule = the rule at `at` of the file mapped there, or NULL when it has no table
 *		end = native_step(&regs, rule, peek, self);
 *	} while (end == NATIVE_NEXT && room for more frames);
 *
 * What counts as the bottom (NATIVE_END_ROOT), and nothing else does:
 *  - a rule says that the return address is undefined (_start, clone3, goexit, the ELF entry);
 *  - a return address of 0 where a rule says the return address is;
 *  - along frame pointers: a saved rbp of 0, by which the psABI marks the deepest frame, read by
 *    a step along frame pointers (anybody may keep a 0 in rbp otherwise), or set by Go's mcall.
 * A walk that ran into nonsense ends with NATIVE_END_NO_RULE.
 */
#ifndef PERF_OPS_CAPTURE_NATIVE_STEP_H
#define PERF_OPS_CAPTURE_NATIVE_STEP_H

#include "capture/unwind/native/native_abi.h"

#define NATIVE_INLINE static inline __attribute__((always_inline))

/* N bytes of the target's memory at ADDRESS; not 0: could not. bpf_probe_read_user and friends. */
typedef long native_peek(void *self, void *into, __u32 n, __u64 address);

/* Where a signal frame holds gregs[0], from the sp in it: ucontext.uc_mcontext; then 16 registers
 * in the order of enum native_gpr, then rip. Kernel: struct rt_sigframe, sp is behind pretcode. */
#define NATIVE_SIGNAL_GREGS 40

/* The address to report and to look up: a return address may be the first byte of the next
 * function, the byte before it is in the call. */
NATIVE_INLINE __u64 native_look(const struct native_regs *r)
{
	return r->pc - (r->flags & NATIVE_EXACT ? 0 : 1);
}

/* Along frame pointers: rbp points to the caller's rbp, the return address is behind it. SWITCHED:
 * the code here is known to keep a frame in rbp, or 0, though rsp may be on another stack. */
NATIVE_INLINE enum native_end native_step_fp(struct native_regs *r, int switched, native_peek *peek,
					     void *self)
{
	__u64 frame[2];

	if (r->flags & NATIVE_NO_RBP)
		return NATIVE_END_NO_RULE;
	if (r->bp == 0 && (switched || r->flags & NATIVE_CHAIN))
		return NATIVE_END_ROOT;
	/* A frame is aligned and lies above the stack pointer; anything else is not a frame. */
	if (r->bp & 7 || (r->bp < r->sp && !switched))
		return NATIVE_END_NO_RULE;
	if (peek(self, frame, sizeof(frame), r->bp))
		return NATIVE_END_UNREADABLE;
	if (frame[1] == 0)
		return frame[0] == 0 ? NATIVE_END_ROOT : NATIVE_END_NO_RULE;
	r->sp = r->bp + 16;
	r->bp = frame[0];
	r->pc = frame[1];
	r->flags = NATIVE_CHAIN;
	return NATIVE_NEXT;
}

/* What the kernel pushed when it delivered a signal is the whole state at the interruption. */
NATIVE_INLINE enum native_end native_step_signal(struct native_regs *r, native_peek *peek,
						 void *self)
{
	__u64 pc;

	if (peek(self, r->gpr, sizeof(r->gpr), r->sp + NATIVE_SIGNAL_GREGS) ||
	    peek(self, &pc, sizeof(pc), r->sp + NATIVE_SIGNAL_GREGS + sizeof(r->gpr)))
		return NATIVE_END_UNREADABLE;
	r->pc = pc;
	r->sp = r->gpr[NATIVE_RSP];
	r->bp = r->gpr[NATIVE_RBP];
	r->flags = NATIVE_EXACT | NATIVE_LEAF;
	return NATIVE_NEXT;
}

/* The canonical frame address: the caller's sp. NATIVE_NEXT, or why there is none. */
NATIVE_INLINE enum native_end native_cfa(const struct native_regs *r,
					 const struct native_rule *rule, native_peek *peek,
					 void *self, __u64 *ret)
{
	__s32 off = rule->cfa_off;
	__u64 base;

	switch (rule->cfa) {
	case NATIVE_CFA_RSP:
		*ret = r->sp + (__u64)(__s64)off;
		return NATIVE_NEXT;
	case NATIVE_CFA_RBP:
		*ret = r->bp + (__u64)(__s64)off;
		return r->flags & NATIVE_NO_RBP ? NATIVE_END_NO_RULE : NATIVE_NEXT;
	case NATIVE_CFA_PLT:
		*ret = r->sp + ((__s32)(r->pc & 15) >= off ? 16 : 8);
		return NATIVE_NEXT;
	case NATIVE_CFA_DEREF_RSP:
	case NATIVE_CFA_DEREF_RBP:
		base = rule->cfa == NATIVE_CFA_DEREF_RSP ? r->sp : r->bp;
		if (rule->cfa == NATIVE_CFA_DEREF_RBP && r->flags & NATIVE_NO_RBP)
			return NATIVE_END_NO_RULE;
		if (peek(self, &base, sizeof(base), base + (__u64)(__s64)(__s16)off))
			return NATIVE_END_UNREADABLE;
		*ret = base + (__u64)(__s64)(off >> 16);
		return NATIVE_NEXT;
	case NATIVE_CFA_REG:
		*ret = r->gpr[off & (NATIVE_GPRS - 1)] + (__u64)(__s64)(off >> 4);
		if (r->flags & NATIVE_RBX_HOLDS && (off & (NATIVE_GPRS - 1)) == NATIVE_RBX)
			return NATIVE_NEXT;
		return r->flags & NATIVE_LEAF ? NATIVE_NEXT : NATIVE_END_NO_RULE;
	case NATIVE_CFA_RA_REG:
		*ret = r->sp + (__u64)(__s64)(off >> 4);
		return r->flags & NATIVE_LEAF ? NATIVE_NEXT : NATIVE_END_NO_RULE;
	default:
		return NATIVE_END_NO_RULE;
	}
}

/* Where the caller's rbp is saved, 0: nowhere (it still holds, or is lost). */
NATIVE_INLINE __u64 native_rbp_at(const struct native_regs *r, const struct native_rule *rule,
				  __u64 cfa)
{
	__u64 off = (__u64)(__s64)rule->rbp_off;
	__u32 how = rule->rbp & NATIVE_RBP_BITS;

	if (how == NATIVE_RBP_AT_CFA)
		return cfa + off;
	if (how == NATIVE_RBP_AT_RBP && !(r->flags & NATIVE_NO_RBP))
		return r->bp + off;
	if (how == NATIVE_RBP_AT_RSP)
		return r->sp + off;
	return 0;
}

/* Brings the registers other than pc and sp to the caller; r->flags become those of its frame. */
NATIVE_INLINE enum native_end native_restore(struct native_regs *r, const struct native_rule *rule,
					     __u64 cfa, native_peek *peek, void *self)
{
	__u32 flags = r->flags & NATIVE_NO_RBP, rbx = rule->rbp >> NATIVE_RBX_SHIFT;
	__u64 at = native_rbp_at(r, rule, cfa), saved;

	if (at) {
		if (peek(self, &saved, sizeof(saved), at))
			return NATIVE_END_UNREADABLE;
		r->bp = saved;
		flags = 0;
	} else if ((rule->rbp & NATIVE_RBP_BITS) != NATIVE_RBP_SAME) {
		flags = NATIVE_NO_RBP;
	}
	if (rbx == NATIVE_RBX_SAME) {
		flags |= r->flags & (NATIVE_LEAF | NATIVE_RBX_HOLDS) ? NATIVE_RBX_HOLDS : 0;
	} else if (rbx) {
		if (peek(self, &saved, sizeof(saved), cfa - 8 * (__u64)rbx))
			return NATIVE_END_UNREADABLE;
		r->gpr[NATIVE_RBX] = saved;
		flags |= NATIVE_RBX_HOLDS;
	}
	r->flags = flags;
	return NATIVE_NEXT;
}

/* RULE NULL: the file has no table. NATIVE_NEXT: *r are the registers of the caller; anything
 * else: the walk ends at the frame *r stood for, and *r is not to be used again. */
NATIVE_INLINE enum native_end native_step(struct native_regs *r, const struct native_rule *rule,
					  native_peek *peek, void *self)
{
	enum native_end end;
	__u64 cfa = 0, pc;

	if (!rule || rule->cfa == NATIVE_CFA_END)
		return native_step_fp(r, 0, peek, self);
	if (rule->cfa == NATIVE_CFA_FP)
		return native_step_fp(r, 1, peek, self);
	if (rule->cfa == NATIVE_CFA_ROOT)
		return NATIVE_END_ROOT;
	if (rule->cfa == NATIVE_CFA_SIGNAL)
		return native_step_signal(r, peek, self);
	end = native_cfa(r, rule, peek, self, &cfa);
	if (end != NATIVE_NEXT)
		return end;
	if (rule->cfa == NATIVE_CFA_RA_REG) {
		/* The return address was popped: cfa == sp is right, once, at the leaf. */
		pc = r->gpr[rule->cfa_off & (NATIVE_GPRS - 1)];
		if (cfa < r->sp)
			return NATIVE_END_NO_RULE;
	} else {
		/* Callers lie higher. Whatever does not climb could go on for ever. */
		if (cfa <= r->sp)
			return NATIVE_END_NO_RULE;
		if (peek(self, &pc, sizeof(pc), cfa - 8))
			return NATIVE_END_UNREADABLE;
	}
	end = native_restore(r, rule, cfa, peek, self);
	if (end != NATIVE_NEXT)
		return end;
	if (pc == 0)
		return NATIVE_END_ROOT;
	r->pc = pc;
	r->sp = cfa;
	return NATIVE_NEXT;
}

#endif
