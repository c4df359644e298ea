/*
 * The perf events: one clock per processor that the BPF program runs on, and one dummy per
 * processor whose ring tells new mappings and names. Source of the records: linux/perf_event.h.
 */
#include "capture/cpu/cpu_priv.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "sys/file.h"
#include "sys/host.h"

#define RING_PAGES 16
#define CPU_MOST   8192 /* processor numbers are tried up to here: they may have holes */

static struct perf_event_attr clock_attr(const struct cpu_self *s, bool hardware)
{
	return (struct perf_event_attr){
		.type = hardware ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
		.config = hardware ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(struct perf_event_attr),
		.freq = 1,
		.sample_freq = s->params.frequency,
		.disabled = 1,
		.exclude_idle = 1,
	};
}

/* Opens ATTR on every processor that is online; one descriptor each in FDS. */
static int open_all(struct cpu_self *s, const struct perf_event_attr *attr, bool clocks,
		    struct err *err)
{
	size_t n = 0;

	for (int cpu = 0; cpu < CPU_MOST && n < s->c.host->n_cpus; cpu++) {
		struct err e = { 0 };
		int fd = perf_open(attr, -1, cpu, -1, &e);

		if (fd == -ENODEV)
			continue; /* offline */
		if (fd < 0) {
			*err = e;
			return fd;
		}
		if (clocks)
			*vec_add(s->arena, &s->clocks) = fd;
		else
			*vec_add(s->arena, &s->watchers) = fd;
		n++;
	}
	return n ? 0 : err_set(err, -ENODEV, "no processor could be watched");
}

int cpu_clocks_open(struct cpu_self *s, struct err *err)
{
	struct perf_event_attr attr = clock_attr(s, true);

	s->clock_name = "cycles";
	if (!s->params.hardware || perf_probe(&attr, -1, 0) < 0) {
		s->clock_name = "cpu-clock";
		attr = clock_attr(s, false);
	}
	s->period_ns = 1000000000 / (int64_t)s->params.frequency;
	int r = open_all(s, &attr, true, err);
	return r < 0 ? err_add(err, "sampling at %llu Hz", (unsigned long long)s->params.frequency)
		     : 0;
}

int cpu_watchers_open(struct cpu_self *s, struct err *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.size = sizeof(attr),
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.mmap = 1,
		.mmap2 = 1, /* device and inode: a known file needs no call to be known again */
		.comm = 1,
		.comm_exec = 1,
		.disabled = 1,
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX, /* never: BPF wakes us when it matters */
	};
	int r = open_all(s, &attr, false, err);

	for (size_t i = 0; r == 0 && i < s->watchers.n; i++)
		r = perf_ring_open(s->watchers.v[i], RING_PAGES, vec_add(s->arena, &s->rings), err);
	return r < 0 ? err_add(err, "watching for new mappings") : 0;
}

int cpu_watchers_start(struct cpu_self *s, struct err *err)
{
	for (size_t i = 0; i < s->watchers.n; i++) {
		int r = perf_enable(s->watchers.v[i], true);

		if (r < 0)
			return err_set(err, r, "cannot watch for new mappings: %s", strerror(-r));
	}
	return 0;
}

void cpu_events_close(struct cpu_self *s)
{
	for (size_t i = 0; i < s->rings.n; i++)
		perf_ring_close(&s->rings.v[i]);
	for (size_t i = 0; i < s->watchers.n; i++)
		fd_closep(&s->watchers.v[i]);
	for (size_t i = 0; i < s->clocks.n; i++)
		fd_closep(&s->clocks.v[i]);
	s->rings.n = s->watchers.n = s->clocks.n = 0;
}

/* Records. All end with the time, because of sample_id_all. */

struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t major, minor;
	uint64_t inode, inode_generation;
	uint32_t prot, flags;
	char path[];
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

#define PID_NONE UINT32_MAX /* the process is not visible in our pid namespace */

static uint64_t record_time(const struct perf_event_header *h)
{
	uint64_t t;

	memcpy(&t, (const char *)h + h->size - sizeof(t), sizeof(t));
	return t;
}

/* Text from P to its NUL, at the latest to the time at the end of the record. */
static struct str record_text(struct cpu_self *s, const struct perf_event_header *h, const char *p)
{
	size_t room = (size_t)((const char *)h + h->size - sizeof(uint64_t) - p);

	return arena_str(s->batch, (struct str){ p, strnlen(p, room) });
}

static void take_mmap(struct cpu_self *s, const struct perf_event_header *h)
{
	const struct mmap2_record *m = (const void *)h;

	if (h->size < sizeof(*m) + sizeof(uint64_t) || m->pid == PID_NONE || m->pid == 0 ||
	    m->len == 0 || m->addr + m->len < m->addr || h->misc & PERF_RECORD_MISC_MMAP_BUILD_ID)
		return;
	struct item *i = cpu_item(s, record_time(h), ITEM_MAPPING);

	i->mapping = (struct raw_mapping){ .time_ns = i->time_ns,
					   .pid = m->pid,
					   .start = m->addr,
					   .end = m->addr + m->len,
					   .file_offset = m->pgoff,
					   .device = makedev(m->major, m->minor),
					   .inode = m->inode };
	struct str path = record_text(s, h, m->path);
	if (str_ends(path, S(" (deleted)")))
		path.n -= S(" (deleted)").n;
	if (str_starts(path, S("//")) || str_starts(path, S("[anon")))
		path.n = 0;
	i->mapping.path = path;
}

static void take_comm(struct cpu_self *s, const struct perf_event_header *h)
{
	const struct comm_record *c = (const void *)h;

	if (h->size < sizeof(*c) + sizeof(uint64_t) || c->pid == PID_NONE || c->pid == 0)
		return;
	struct item *i = cpu_item(s, record_time(h), ITEM_TASK);

	i->task = (struct raw_task){
		.time_ns = i->time_ns,
		.pid = c->pid,
		.tid = c->tid,
		.event = h->misc & PERF_RECORD_MISC_COMM_EXEC ? TASK_EXEC : TASK_NAMED,
		.name = record_text(s, h, c->comm),
	};
}

static void each_record(void *self, const struct perf_event_header *h)
{
	struct cpu_self *s = self;

	if (h->type == PERF_RECORD_MMAP2)
		take_mmap(s, h);
	else if (h->type == PERF_RECORD_COMM)
		take_comm(s, h);
	else if (h->type == PERF_RECORD_LOST && h->size >= sizeof(struct lost_record))
		s->rings_lost += ((const struct lost_record *)(const void *)h)->lost;
}

void cpu_watchers_drain(struct cpu_self *s)
{
	for (size_t i = 0; i < s->rings.n; i++)
		(void)perf_ring_read(&s->rings.v[i], each_record, s); /* how many: all in items */
}
