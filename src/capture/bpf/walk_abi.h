/* Shared by BPF and user space: what the walk in the kernel is told about each process. */
#ifndef PERF_OPS_CAPTURE_WALK_ABI_H
#define PERF_OPS_CAPTURE_WALK_ABI_H

#include "capture/unwind/native/native_abi.h"

/* Instead of a file: it has no table, or there is no file (code made at run time). SPACE_ANONYMOUS
 * of capture/space.h. */
#define WALK_NO_TABLE 0xffffffffu

struct walk_range { /* executable memory; laid out as struct range of capture/space.h */
	__u64 start, end, bias;
	__u32 exe, pad;
};
_Static_assert(sizeof(struct walk_range) == 32, "walk_range is an ABI");

#define WALK_RANGES_MAX 8191 /* of one process: what 13 halvings can search */

struct walk_proc { /* a followed process: its slice of the ranges, sorted by start */
	__u32 first, n;
	__u64 quiet_ns; /* until then nobody wants to hear of unknown addresses */
	__u64 told_ns;  /* when one was told last */
};
_Static_assert(sizeof(struct walk_proc) == 24, "walk_proc is an ABI");

#define WALK_KNOWN 16384 /* addresses whose rule is remembered; a power of two */

#define WALK_KERNEL_MAX 127 /* kernel.perf_event_max_stack */

#endif
