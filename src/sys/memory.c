/* mmap, and what it is asked for here. */
#include "sys/memory.h"

#include <sys/mman.h>

#include "sys/fault.h"
#include "sys/reason_priv.h"

static int map(int fd, int prot, int flags, off_t offset, struct memory *m)
{
	void *p = fault_now() ? MAP_FAILED : mmap(NULL, m->n, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		return -errno;
	m->p = p;
	return 0;
}

int memory_map(int fd, size_t n, uint64_t offset, bool writable, struct memory *ret,
	       struct err *err)
{
	struct memory m = { .n = n };
	int r = offset > INT64_MAX ? -EINVAL
				   : map(fd, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
					 (off_t)offset, &m);

	if (r < 0)
		return err_set(err, r, "cannot share %zu bytes with the kernel: %s", n, reason(r));
	*ret = m;
	return 0;
}

int memory_reserve(size_t n, struct memory *ret, struct err *err)
{
	struct memory m = { .n = n };
	int r = map(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0, &m);

	if (r < 0)
		return err_set(err, r, "cannot reserve %zu bytes of memory: %s", n, reason(r));
	*ret = m;
	return 0;
}

void memory_unmap(struct memory *m)
{
	if (m->p)
		(void)munmap(m->p, m->n); /* ours, so it cannot fail */
	*m = (struct memory){ 0 };
}
