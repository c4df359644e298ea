#include "sys/perf_event.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "test.h"

/* A ring in plain memory: the kernel's side is played by the test. */
struct fake {
	struct perf_ring ring;
	struct perf_event_mmap_page *page;
	unsigned char *data;
};

static struct fake fake_ring(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct fake f = { 0 };
	void *p = NULL;

	assert_int_equal(posix_memalign(&p, page, page + size), 0);
	memset(p, 0, page + size);
	f.ring = (struct perf_ring){ .p = p, .size = size, .scratch = malloc(65536) };
	f.page = p;
	f.data = (unsigned char *)p + page;
	return f;
}

static void fake_done(struct fake *f)
{
	free(f->ring.p);
	free(f->ring.scratch);
}

static void put(struct fake *f, uint64_t *head, uint16_t size, uint32_t type)
{
	unsigned char record[65536];
	struct perf_event_header h = { .type = type, .size = size };

	for (unsigned i = 0; i < size; i++)
		record[i] = (unsigned char)(type + i);
	memcpy(record, &h, sizeof(h));
	for (unsigned i = 0; i < size; i++)
		f->data[(*head + i) & (f->ring.size - 1)] = record[i];
	*head += size;
}

struct seen {
	uint32_t n, bad, last;
};

static void each(void *self, const struct perf_event_header *h)
{
	struct seen *s = self;
	const unsigned char *p = (const unsigned char *)h;

	s->bad += h->type != s->last + 1;
	for (unsigned i = sizeof(*h); i < h->size; i++)
		s->bad += p[i] != (unsigned char)(h->type + i);
	s->last = h->type;
	s->n++;
}

static void records_wrap(void **state)
{
	struct fake f = fake_ring(4096);
	struct seen s = { 0 };
	uint64_t head = 0;
	uint32_t type = 0;

	(void)state;
	/* Sizes that make records end at, and reach over, every multiple of 8 before the end. */
	for (unsigned round = 0; round < 3000; round++) {
		unsigned now = 1 + round % 5;
		for (unsigned i = 0; i < now; i++) {
			type++;
			put(&f, &head, (uint16_t)(8 + 8 * (type % 70)), type);
		}
		f.page->data_head = head;
		assert_int_equal(perf_ring_read(&f.ring, each, &s), now);
		assert_int_equal(f.page->data_tail, head);
	}
	assert_int_equal(s.n, type);
	assert_int_equal(s.bad, 0);
	assert_int_equal(perf_ring_read(&f.ring, each, &s), 0);
	fake_done(&f);
}

static void records_larger_than_the_rest(void **state)
{
	struct fake f = fake_ring(65536);
	struct seen s = { 0 };
	uint64_t head = 65536 - 8;

	(void)state;
	f.page->data_tail = head;
	put(&f, &head, 65528, 1); /* the largest: all but 8 bytes of it have wrapped */
	f.page->data_head = head;
	assert_int_equal(perf_ring_read(&f.ring, each, &s), 1);
	assert_int_equal(s.bad, 0);
	fake_done(&f);
}

/* What is no record is passed over up to the head: no endless loop, no byte behind it. */
static void nonsense(void **state)
{
	static const uint16_t sizes[] = { 0, 1, 7, 1024, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct fake f = fake_ring(4096);
		struct seen s = { 0 };
		uint64_t head = 0;
		put(&f, &head, 16, 1);
		struct perf_event_header h = { .size = sizes[i] };
		memcpy(f.data + head, &h, sizeof(h));
		f.page->data_head = head + 64;
		assert_int_equal(perf_ring_read(&f.ring, each, &s), 1);
		assert_int_equal(f.page->data_tail, head + 64);
		fake_done(&f);
	}
}

static void count(void *self, const struct perf_event_header *h)
{
	*(unsigned *)self += h->type == PERF_RECORD_SAMPLE;
}

static struct perf_event_attr clock_attr(void)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(struct perf_event_attr),
		.sample_period = 1000000,
		.sample_type = PERF_SAMPLE_IP,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
}

static void the_kernel(void **state)
{
	struct perf_event_attr attr = clock_attr();
	struct perf_ring ring = { 0 };
	struct err err = { 0 };
	unsigned n = 0;

	(void)state;
	perf_ring_close(&ring);
	int r = perf_probe(&attr, 0, -1);
	if (r == -EACCES || r == -EPERM || r == -ENOSYS)
		skip(); /* perf_event_open is not allowed here */
	assert_int_equal(r, 0);
	auto_fd fd = perf_open(&attr, 0, -1, -1, &err);
	assert_true(fd >= 0);
	assert_int_equal(perf_ring_open(fd, 3, &ring, &err), -EINVAL);
	assert_int_equal(perf_ring_open(fd, 8, &ring, &err), 0);
	assert_int_equal(perf_enable(fd, true), 0);
	for (volatile unsigned i = 0; i < 300000000u; i++) {
		if (i % 1000000 == 0 && perf_ring_read(&ring, count, &n) && n > 5)
			break;
	}
	assert_true(n > 5);
	assert_int_equal(perf_enable(fd, false), 0);
	perf_ring_close(&ring);
	assert_null(ring.p);
	attr.type = 0x7fffffff;
	assert_true(perf_open(&attr, 0, -1, -1, &err) < 0);
	assert_non_null(strstr(err.text, "no such counter"));
	assert_int_equal(perf_enable(-1, true), -EBADF);
}

/* A process that is gone, and one that is not ours. */
static void refusals(void **state)
{
	struct perf_event_attr attr = clock_attr();
	struct err err = { 0 };

	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	int r = perf_open(&attr, pid, -1, -1, &err);
	if (r == -EACCES || r == -EPERM || r == -ENOSYS)
		skip();
	assert_int_equal(r, -ESRCH);
	assert_non_null(strstr(err.text, "there is no process"));
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(3);
		r = perf_open(&attr, 1, -1, -1, &err);
		_exit(r == -EACCES && strstr(err.text, "it belongs to ") &&
				      strstr(err.text, "user id 0") &&
				      strstr(err.text, "user id 65534") && strstr(err.hint, "sudo ")
			      ? 0
			      : 4);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_wrap), cmocka_unit_test(records_larger_than_the_rest),
		cmocka_unit_test(nonsense),     cmocka_unit_test(the_kernel),
		cmocka_unit_test(refusals),
	};

	return RUN_TESTS(tests);
}
