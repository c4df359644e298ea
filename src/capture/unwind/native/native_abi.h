/* Shared by BPF and user space: fixed width, padded by hand. Uses __u8..__u64 of linux/types.h or
 * of capture/bpf/kernel.bpf.h; include one of them first. */
#ifndef PERF_OPS_CAPTURE_NATIVE_ABI_H
#define PERF_OPS_CAPTURE_NATIVE_ABI_H

#ifndef PERF_OPS_KERNEL_BPF_H
#include <linux/types.h>
#endif

enum native_cfa {
	NATIVE_CFA_RSP = 1,       /* CFA = rsp + cfa_off */
	NATIVE_CFA_RBP = 2,       /* CFA = rbp + cfa_off */
	NATIVE_CFA_PLT = 3,       /* CFA = rsp + 8 + ((rip & 15) >= cfa_off ? 8 : 0) */
	NATIVE_CFA_END = 4,       /* nothing known here: frame pointers */
	NATIVE_CFA_ROOT = 5,      /* return address undefined: bottom of the stack */
	NATIVE_CFA_UNSUP = 6,     /* a rule this table cannot express */
	NATIVE_CFA_SIGNAL = 7,    /* signal frame made by the kernel: ucontext at rsp */
	NATIVE_CFA_DEREF_RSP = 8, /* CFA = *(rsp + cfa_off) + rbp_off (rbp is not saved then) */
	NATIVE_CFA_DEREF_RBP = 9, /* CFA = *(rbp + cfa_off) */
	NATIVE_CFA_REG = 10, /* CFA = other register + cfa_off; leaf frames only; which: rbp_off */
};

enum native_rbp {
	NATIVE_RBP_SAME = 0,
	NATIVE_RBP_AT_CFA = 1, /* saved at CFA + rbp_off */
	NATIVE_RBP_UNSUP = 2,  /* lost: a later rule that needs it ends the walk */
};

struct native_rule {
	__u8 cfa, rbp;
	__s16 rbp_off;
	__s32 cfa_off;
};
_Static_assert(sizeof(struct native_rule) == 8, "native_rule is an ABI");

struct native_page { /* rows of one 64 KB of text */
	__u32 first, n;
};
_Static_assert(sizeof(struct native_page) == 8, "native_page is an ABI");

struct native_exe { /* pages of one file; page k covers vaddr [k << 16, (k + 1) << 16) */
	__u32 first_page, n_pages;
};
_Static_assert(sizeof(struct native_exe) == 8, "native_exe is an ABI");

#define NATIVE_FRAMES_MAX 1024 /* user frames before a stack counts as truncated */

#endif
