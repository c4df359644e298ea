/*
 * The walk of a user stack inside the kernel: which mapping is an address in, which rule holds
 * there, one step, up to NATIVE_FRAMES_MAX times.
 *
 * The functions are global on purpose: the verifier then checks each of them once, for any
 * argument, and the thousands of rounds of the loop are calls it need not enter.
 * That needs neither bpf_loop (5.17) nor tail calls, and it verifies in milliseconds.
 */
#ifndef PERF_OPS_WALK_BPF_H
#define PERF_OPS_WALK_BPF_H

#include "capture/bpf/maps.bpf.h"
#include "capture/unwind/native/native_step.h"

static __always_inline const struct walk_range *walk_range_at(__u32 index)
{
	return bpf_map_lookup_elem(&ranges, &index);
}

/* Sets w->range to the range AT is in, the last that starts at or below it; 0: there is none. */
__noinline int walk_find_range(struct walk *w, __u64 at)
{
	const struct walk_range *r;

	if (!w)
		return 0;
	__u32 first = w->first, lo = first, hi = first + w->n;

	for (__u32 i = 0; i < 13 && lo < hi; i++) {
		__u32 mid = (lo + hi) >> 1;

		r = walk_range_at(mid);
		if (!r)
			return 0;
		if (r->start <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == first)
		return 0;
	w->range = lo - 1;
	r = walk_range_at(lo - 1);
	return r && at < r->end;
}

/* The index of the rule at VADDR, or -1. The first row of a page has low half 0, so a search stays
 * inside of it. */
__noinline int walk_find_rule(__u32 exe, __u64 vaddr)
{
	const struct native_exe *x = bpf_map_lookup_elem(&exes, &exe);
	__u32 page = (__u32)(vaddr >> 16), low = (__u32)vaddr & 0xffff, pair;
	const __u64 *two;

	if (!x || vaddr >> 48 || page >= x->n_pages)
		return -1;
	page += x->first_page;
	const struct native_page *g = bpf_map_lookup_elem(&pages, &page);
	if (!g || g->n == 0)
		return -1;
	__u32 lo = g->first, hi = g->first + g->n;

	for (__u32 i = 0; i < 17 && lo < hi; i++) {
		__u32 mid = (lo + hi) >> 1;

		pair = mid >> 1;
		two = bpf_map_lookup_elem(&rows, &pair);
		if (!two)
			return -1;
		if ((__u32)(*two >> ((mid & 1) * 32)) >> 16 <= low)
			lo = mid + 1;
		else
			hi = mid;
	}
	lo--;
	pair = lo >> 1;
	two = bpf_map_lookup_elem(&rows, &pair);
	return two ? (int)(*two >> ((lo & 1) * 32) & 0xffff) : -1;
}

#define WALK_VADDR_BITS 40 /* files larger than 1 TB are searched every time */
#define WALK_EXE_BITS   13

/*
 * As walk_find_rule(), through the memory of what was found. A word of it is 1 | tag | rule: place
 * and tag together are a bijection of (exe, vaddr), so a hit is never somebody else's; and one word
 * is read and written as a whole, so processors may share it.
 */
static __always_inline __u32 walk_rule(__u32 exe, __u64 vaddr)
{
	const __u64 mask = (1ull << (WALK_VADDR_BITS + WALK_EXE_BITS)) - 1;
	__u64 key = (__u64)exe << WALK_VADDR_BITS | vaddr;

	if (vaddr >> WALK_VADDR_BITS || exe >> WALK_EXE_BITS)
		return (__u32)walk_find_rule(exe, vaddr);
	/* An odd factor, and a shift by more than half of the bits: both can be undone. */
	key = key * 0x9e3779b97f4a7c15ull & mask;
	key ^= key >> 29;
	__u32 slot = (__u32)key & (WALK_KNOWN - 1);
	__u64 tag = 1ull << 63 | key / WALK_KNOWN << 16;
	__u64 *word = bpf_map_lookup_elem(&known, &slot);

	if (!word)
		return ~0u;
	__u64 was = *word;
	if ((was & ~0xffffull) == tag)
		return (__u32)(was & 0xffff);
	int rule = walk_find_rule(exe, vaddr);
	if (rule >= 0)
		*word = tag | (__u64)rule;
	return (__u32)rule;
}

static __always_inline long walk_peek(void *self, void *into, __u32 n, __u64 address)
{
	(void)self;
	return bpf_probe_read_user(into, n, (const void *)address);
}

static __always_inline __u64 walk_mix(__u64 hash, __u64 ip)
{
	hash = (hash ^ ip) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

/* One frame: notes it and replaces the registers by those of its caller. An enum native_end. */
__noinline int walk_step(struct walk *w)
{
	const struct native_rule *rule = NULL;

	if (!w)
		return NATIVE_END_NONE;
	__u64 at = native_look(&w->regs);
	__u32 n = w->user.n;

	if (n >= NATIVE_FRAMES_MAX)
		return NATIVE_END_TRUNCATED;
	w->user.ip[n] = at;
	w->user.n = n + 1;
	w->user.hash = walk_mix(w->user.hash, at);
	/* Mostly the caller is in the same file. */
	const struct walk_range *r = walk_range_at(w->range);
	if (!r || w->range - w->first >= w->n || at < r->start || at >= r->end) {
		if (!walk_find_range(w, at))
			return NATIVE_END_NO_MAP;
		r = walk_range_at(w->range);
		if (!r)
			return NATIVE_END_NO_MAP;
	}
	if (r->exe != WALK_NO_TABLE) {
		__u32 index = walk_rule(r->exe, at - r->bias);

		rule = bpf_map_lookup_elem(&rules, &index);
	}
	return native_step(&w->regs, rule, walk_peek, NULL);
}

__noinline int walk_user(struct walk *w)
{
	if (!w)
		return NATIVE_END_NONE;
	for (__u32 i = 0; i < NATIVE_FRAMES_MAX; i++) {
		int end = walk_step(w);

		if (end != NATIVE_NEXT)
			return end;
	}
	return NATIVE_END_TRUNCATED;
}

/* The hash of N kernel addresses that are in w->kernel already. */
__noinline int walk_kernel_hash(struct walk *w)
{
	if (!w)
		return 0;
	__u64 hash = 0;
	__u32 n = w->kernel.n;

	for (__u32 i = 0; i < WALK_KERNEL_MAX && i < n; i++)
		hash = walk_mix(hash, w->kernel.ip[i]);
	w->kernel.hash = hash | 1;
	return 0;
}

/*
 * Registers as user space left them: right in an interrupt, in a system call and at a switch. False
 * for threads without a user side, and for those that have ended it. P NULL: nothing is known of
 * the process.
 */
static __always_inline bool walk_begin(struct walk *w, const struct walk_proc *p)
{
	struct task_struct *t = bpf_get_current_task_btf();
	const struct pt_regs *r = (const struct pt_regs *)bpf_task_pt_regs(t);

	w->user.n = 0;
	w->user.hash = 0;
	if (!t->mm || (r->cs & 3) != 3)
		return false;
	w->first = p ? p->first : 0;
	w->n = p ? p->n : 0;
	w->range = w->first;
	w->regs.pc = r->ip;
	w->regs.sp = r->sp;
	w->regs.bp = r->bp;
	w->regs.flags = NATIVE_EXACT | NATIVE_LEAF;
	w->regs.gpr[NATIVE_R8] = r->r8;
	w->regs.gpr[NATIVE_R9] = r->r9;
	w->regs.gpr[NATIVE_R10] = r->r10;
	w->regs.gpr[NATIVE_R11] = r->r11;
	w->regs.gpr[NATIVE_R12] = r->r12;
	w->regs.gpr[NATIVE_R13] = r->r13;
	w->regs.gpr[NATIVE_R14] = r->r14;
	w->regs.gpr[NATIVE_R15] = r->r15;
	w->regs.gpr[NATIVE_RDI] = r->di;
	w->regs.gpr[NATIVE_RSI] = r->si;
	w->regs.gpr[NATIVE_RBP] = r->bp;
	w->regs.gpr[NATIVE_RBX] = r->bx;
	w->regs.gpr[NATIVE_RDX] = r->dx;
	w->regs.gpr[NATIVE_RAX] = r->ax;
	w->regs.gpr[NATIVE_RCX] = r->cx;
	w->regs.gpr[NATIVE_RSP] = r->sp;
	return true;
}

/* Whether the current task is replacing its program: the old stack is gone, the new one not begun.
 */
static __always_inline bool walk_in_exec(void)
{
	struct task_struct *t = bpf_get_current_task_btf();

	return bpf_core_field_exists(t->in_execve) && BPF_CORE_READ_BITFIELD_PROBED(t, in_execve);
}

#endif
