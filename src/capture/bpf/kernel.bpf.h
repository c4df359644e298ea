/*
 * The few kernel types we read. libbpf relocates the offsets from the running kernel's own BTF
 * (CO-RE), so no generated vmlinux.h is needed where we build; only members we read are listed.
 */
#ifndef PERF_OPS_KERNEL_BPF_H
#define PERF_OPS_KERNEL_BPF_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

/* linux/bpf.h: constants of the ABI, they never change. */
enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum { BPF_ANY = 0 };
enum { BPF_F_MMAPABLE = 1 << 10 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };
enum { BPF_RB_AVAIL_DATA = 0 };

/* linux/bpf_perf_event.h and asm/ptrace.h as user space sees them: the context of a perf_event
 * program. Read directly, never relocated. */
struct bpf_perf_event_data {
	struct {
		__u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
		__u64 rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs, eflags, rsp, ss;
	} regs;
	__u64 sample_period, addr;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, ip, cs, sp;
};

struct kernel_atomic {
	int counter;
};

struct signal_struct {
	struct kernel_atomic live; /* threads that have not ended */
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct mm_struct;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct signal_struct *signal;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm; /* NULL: a kernel thread, or one that is ending */
	unsigned in_execve : 1;
};

#pragma clang attribute pop

#endif
