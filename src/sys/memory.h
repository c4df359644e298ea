/* memory: pages that are not the heap: shared with the kernel through a descriptor, or reserved. */
#ifndef PERF_OPS_SYS_MEMORY_H
#define PERF_OPS_SYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct memory {
	unsigned char *p;
	size_t n;
};

/* N bytes of FD from OFFSET (whole pages), shared: a BPF array with BPF_F_MMAPABLE, a ring. */
int memory_map(int fd, size_t n, uint64_t offset, bool writable, struct memory *ret,
	       struct err *err);
/* Zeroed pages of our own that cost nothing until they are touched. */
int memory_reserve(size_t n, struct memory *ret, struct err *err);
void memory_unmap(struct memory *m); /* accepts zeroed */

#endif
