/* perf_event_open and the walk over its ring. */
#include "sys/perf_event.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/caps.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/reason_priv.h"

#define RECORD_MAX 65536u /* perf_event_header.size has 16 bits */

static int open_event(const struct perf_event_attr *attr, int32_t pid, int cpu, int group)
{
	if (fault_now())
		return -errno;
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, group, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static int no_such_event(int code, struct err *err)
{
	if (code == -ENOENT || code == -ENODEV || code == -EOPNOTSUPP)
		return err_set(err, code, "this machine has no such counter: %s", reason(code));
	if (code == -EINVAL || code == -E2BIG)
		return err_set(err, code,
			       "this kernel does not know the kind of sampling asked for");
	if (code == -EBUSY)
		return err_set(err, code, "the counter is held by another profiler");
	return 0;
}

int perf_open(const struct perf_event_attr *attr, int32_t pid, int cpu, int group, struct err *err)
{
	int fd = open_event(attr, pid, cpu, group);

	if (fd >= 0)
		return fd;
	if (no_such_event(fd, err))
		return fd;
	enum rights_gate gate = pid < 0                ? RIGHTS_MACHINE
				: attr->exclude_kernel ? RIGHTS_SAMPLE
						       : RIGHTS_KERNEL;
	return rights_refused(gate, fd, pid > 0 ? (uint32_t)pid : 0, err);
}

int perf_probe(const struct perf_event_attr *attr, int32_t pid, int cpu)
{
	auto_fd fd = open_event(attr, pid, cpu, -1);

	return fd < 0 ? fd : 0;
}

int perf_enable(int fd, bool on)
{
	if (fault_now() || ioctl(fd, on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) < 0)
		return -errno;
	return 0;
}

int perf_redirect(int fd, int to)
{
	if (fault_now() || ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, to) < 0)
		return -errno;
	return 0;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int perf_ring_open(int fd, size_t pages, struct perf_ring *ret, struct err *err)
{
	size_t size;

	if (pages == 0 || (pages & (pages - 1)) ||
	    __builtin_mul_overflow(pages, page_size(), &size))
		return err_set(err, -EINVAL, "a ring of %zu pages: it must be a power of two",
			       pages);
	void *p = fault_now() ? MAP_FAILED
			      : mmap(NULL, size + page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
				     fd, 0);
	if (p == MAP_FAILED) {
		int code = -errno;
		err_set(err, code, "cannot map a ring of %zu KB: %s", size / 1024, reason(code));
		if (code == -EPERM)
			return err_hint(err, "sudo sysctl kernel.perf_event_mlock_kb=%zu",
					(size / 1024 + 4) * (size_t)sysconf(_SC_NPROCESSORS_CONF));
		return code;
	}
	void *scratch = fault_now() ? MAP_FAILED
				    : mmap(NULL, RECORD_MAX, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (scratch == MAP_FAILED) {
		int code = -errno;
		(void)munmap(p, size + page_size());
		return err_set(err, code, "cannot get memory for a ring: %s", reason(code));
	}
	*ret = (struct perf_ring){ .p = p, .size = size, .scratch = scratch };
	return 0;
}

void perf_ring_close(struct perf_ring *r)
{
	if (r->p)
		(void)munmap(r->p, r->size + page_size()); /* ours, so it cannot fail */
	if (r->scratch)
		(void)munmap(r->scratch, RECORD_MAX);
	*r = (struct perf_ring){ 0 };
}

/* The record at position AT, in one piece. */
static const struct perf_event_header *record_at(struct perf_ring *r, uint64_t at, uint16_t size)
{
	unsigned char *ring = r->p + page_size();
	size_t from = at & (r->size - 1), first = r->size - from;

	if (first >= size)
		return (const struct perf_event_header *)(ring + from);
	memcpy(r->scratch, ring + from, first);
	memcpy(r->scratch + first, ring, size - first);
	return (const struct perf_event_header *)r->scratch;
}

size_t perf_ring_read(struct perf_ring *r,
		      void (*each)(void *self, const struct perf_event_header *h), void *self)
{
	struct perf_event_mmap_page *page = (struct perf_event_mmap_page *)r->p;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;
	size_t n = 0;

	/* Records are multiples of 8 bytes, so a header never wraps. */
	while (head - tail >= sizeof(struct perf_event_header)) {
		struct perf_event_header h;
		memcpy(&h, r->p + page_size() + (tail & (r->size - 1)), sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail)
			break; /* not a record: what follows cannot be trusted either */
		each(self, record_at(r, tail, h.size));
		tail += h.size;
		n++;
	}
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
	return n;
}
