/* Shared by BPF and user space: fixed width, padded by hand. Uses __u8..__u64 of linux/types.h or
 * of capture/bpf/kernel.bpf.h; include one of them first. */
#ifndef PERF_OPS_CAPTURE_NATIVE_ABI_H
#define PERF_OPS_CAPTURE_NATIVE_ABI_H

#ifndef PERF_OPS_KERNEL_BPF_H
#include <linux/types.h>
#endif

enum native_cfa {
	NATIVE_CFA_RSP = 1,    /* CFA = rsp + cfa_off */
	NATIVE_CFA_RBP = 2,    /* CFA = rbp + cfa_off */
	NATIVE_CFA_PLT = 3,    /* CFA = rsp + 8 + ((rip & 15) >= cfa_off ? 8 : 0) */
	NATIVE_CFA_END = 4,    /* nothing known here: frame pointers */
	NATIVE_CFA_ROOT = 5,   /* return address undefined: bottom of the stack */
	NATIVE_CFA_UNSUP = 6,  /* a rule this table cannot express */
	NATIVE_CFA_SIGNAL = 7, /* signal frame made by the kernel: ucontext at rsp */
	/* Two offsets of 16 bits: A the low half of cfa_off, B the high half, both signed. */
	NATIVE_CFA_DEREF_RSP = 8, /* CFA = *(rsp + A) + B */
	NATIVE_CFA_DEREF_RBP = 9, /* CFA = *(rbp + A) + B */
	/* Only where the register is known: at the leaf, under a signal frame, and rbx where it is
	 * followed. The register is cfa_off & 15 (enum native_gpr), the offset is cfa_off >> 4. */
	NATIVE_CFA_REG = 10,    /* CFA = register + offset */
	NATIVE_CFA_RA_REG = 11, /* CFA = rsp + offset, return address in the register (__vfork) */
	/* As END, but the frame may lie on another stack: Go's systemstack, asmcgocall, mcall. */
	NATIVE_CFA_FP = 12,
};

enum native_rbp { /* the low three bits of rbp */
		  NATIVE_RBP_SAME = 0,
		  NATIVE_RBP_AT_CFA = 1, /* saved at CFA + rbp_off */
		  NATIVE_RBP_UNSUP = 2,  /* lost: a later rule that needs it ends the walk */
		  NATIVE_RBP_AT_RBP = 3, /* saved at rbp + rbp_off (frames that gcc aligned) */
		  NATIVE_RBP_AT_RSP = 4, /* saved at rsp + rbp_off */
};

/*
 * The high five bits of rbp follow rbx, in files that have a frame by it (_dl_runtime_resolve in
 * ld.so, through which every lazily bound function is first called): 0 not followed here,
 * NATIVE_RBX_SAME it still holds, else it is saved at CFA - 8 * bits.
 */
#define NATIVE_RBP_BITS  7
#define NATIVE_RBX_SHIFT 3
#define NATIVE_RBX_SAME  31

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

enum native_gpr { /* in the order of a ucontext, so that a signal frame is copied as it is */
		  NATIVE_R8,
		  NATIVE_R9,
		  NATIVE_R10,
		  NATIVE_R11,
		  NATIVE_R12,
		  NATIVE_R13,
		  NATIVE_R14,
		  NATIVE_R15,
		  NATIVE_RDI,
		  NATIVE_RSI,
		  NATIVE_RBP,
		  NATIVE_RBX,
		  NATIVE_RDX,
		  NATIVE_RAX,
		  NATIVE_RCX,
		  NATIVE_RSP,
		  NATIVE_GPRS,
};

enum native_flags {
	NATIVE_EXACT = 1,      /* pc is where execution stands; else it is a return address */
	NATIVE_LEAF = 2,       /* gpr[] holds */
	NATIVE_NO_RBP = 4,     /* rbp is lost */
	NATIVE_CHAIN = 8,      /* rbp was read by a step along frame pointers */
	NATIVE_RBX_HOLDS = 16, /* gpr[NATIVE_RBX] holds */
};

struct native_regs { /* of one frame; native_step() makes those of its caller out of them */
	__u64 pc, sp, bp;
	__u32 flags, pad;
	__u64 gpr[NATIVE_GPRS]; /* with NATIVE_LEAF; rsp and rbp are read from sp and bp */
};
_Static_assert(sizeof(struct native_regs) == 160, "native_regs is an ABI");

enum native_end { /* as enum stack_end of model/sink.h (walk.c asserts it); NEXT: go on */
		  NATIVE_END_ROOT = 0,
		  NATIVE_END_NONE = 1,
		  NATIVE_END_NO_MAP = 2,
		  NATIVE_END_NO_RULE = 3,
		  NATIVE_END_UNREADABLE = 4,
		  NATIVE_END_TRUNCATED = 5,
		  NATIVE_NEXT = 6,
};

/* User frames before a stack counts as truncated: what fits into an element of a per-CPU map (32
 * KB). cc1plus marks its garbage in recursions of 3,700. */
#define NATIVE_FRAMES_MAX 3840

#endif
