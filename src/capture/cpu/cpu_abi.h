/* Shared by cpu.bpf.c and cpu.c: the records of the two rings. Include a kernel types header first:
 * see capture/unwind/native/native_abi.h, which does. */
#ifndef PERF_OPS_CAPTURE_CPU_ABI_H
#define PERF_OPS_CAPTURE_CPU_ABI_H

#include "capture/bpf/walk_abi.h"

enum cpu_record { /* the first word of every record */
		  CPU_SAMPLE = 1,
		  CPU_USER_STACK, /* struct cpu_stack: before the first sample that has its hash */
		  CPU_KERNEL_STACK,
		  CPU_LATE,   /* a sample with a copy of its stack, to be walked in user space */
		  CPU_FORK,   /* struct cpu_news, all that follow */
		  CPU_EXEC,   /* done: what the new program needs first is mapped */
		  CPU_GONE,   /* a thread */
		  CPU_ENDED,  /* likewise, and it was the last of its process */
		  CPU_NO_MAP, /* an address that no known mapping has */
};

struct cpu_sample {
	__u32 type, cost_ns; /* of the program, up to the moment before this record was sent */
	__u64 time_ns;
	__u32 tgid, tid, cpu;
	__u16 n_user;
	__u8 n_kernel, end; /* enum native_end */
	__u64 user_hash, kernel_hash;
};
_Static_assert(sizeof(struct cpu_sample) == 48, "cpu_sample is an ABI");

struct cpu_stack { /* leaf first; return addresses minus 1 */
	__u32 type, n;
	__u64 hash;
	__u64 ip[];
};
_Static_assert(sizeof(struct cpu_stack) == 16, "cpu_stack is an ABI");

#define CPU_COPY_BYTES 16384

/* Mappings that are not known yet (a program that just started) are known soon: then the walk is
 * done over. N bytes from START on follow. */
struct cpu_late {
	struct cpu_sample sample; /* n_user and user_hash: 0 */
	struct native_regs regs;
	__u64 start, n;
};
_Static_assert(sizeof(struct cpu_late) == 224, "cpu_late is an ABI");

struct cpu_news {
	__u32 type, tgid, tid, parent; /* parent: tgid of the forking process */
	__u64 time_ns, address;
	char comm[16];
};
_Static_assert(sizeof(struct cpu_news) == 48, "cpu_news is an ABI");

#define CPU_SEEN    65536   /* stacks the kernel remembers to have sent; a power of two */
#define CPU_TELL_NS 2000000 /* between two news of unknown addresses in a process */
#define CPU_EXEC_NS 5000000 /* between two times an exec wakes user space */

#endif
