/*
 * The perf events of tier 2 and the records in their rings. Layout of the records:
 * linux/perf_event.h, PERF_RECORD_*. Every length in them is checked against the record.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "capture/cpu/cpu_perf_priv.h"
#include "sys/file.h"

#define RING_PAGES_MOST \
	128 /* 512 KB and the control page: what kernel.perf_event_mlock_kb allows */
#define RING_PAGES_LEAST 16   /* three samples with their stacks */
#define CPU_MOST         8192 /* processor numbers are tried up to here: they may have holes */
#define BATCH_MOST       ((size_t)64 << 20)

struct perf_event_attr perf_attr(const struct cpu_params *p, bool kernel)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.size = sizeof(a),
		/* A period, not a frequency: the clock needs no feedback, and no limit applies. */
		.sample_period = 1000000000 / (p->frequency ? p->frequency : 1),
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.exclude_kernel = !kernel,
		.exclude_hv = 1,
		.exclude_idle = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.inherit = 1,
		.inherit_stat = 1, /* threads that end tell what they used: PERF_RECORD_READ */
	};

	if (kernel && p->kernel) {
		a.sample_type |= PERF_SAMPLE_CALLCHAIN;
		a.exclude_callchain_user = 1;
	}
	if (p->user) {
		a.sample_type |= PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER;
		a.sample_regs_user = PERF_REG_MASK;
		a.sample_stack_user = PERF_STACK_BYTES;
	}
	return a;
}

int perf_events_cpus(struct perf_self *s, struct err *err)
{
	struct perf_event_attr dummy = { .type = PERF_TYPE_SOFTWARE,
					 .config = PERF_COUNT_SW_DUMMY,
					 .size = sizeof(dummy),
					 .exclude_kernel = 1,
					 .disabled = 1 };

	for (int cpu = 0; cpu < CPU_MOST && s->cpus.n < s->c.host->n_cpus; cpu++)
		if (perf_probe(&dummy, 0, cpu) != -ENODEV) /* offline */
			*vec_add(s->arena, &s->cpus) = (struct perf_cpu){ .cpu = cpu, .first = -1 };
	return s->cpus.n ? 0 : err_set(err, -ENODEV, "no processor can be watched");
}

/* As large as the limit of locked memory allows: other profilers of the same user share it. */
static int ring_open(struct perf_self *s, struct perf_cpu *c, int fd, struct err *err)
{
	int r = -EPERM;

	for (size_t pages = RING_PAGES_MOST; r == -EPERM && pages >= RING_PAGES_LEAST; pages /= 2)
		r = perf_ring_open(fd, pages, &c->ring, err);
	if (r < 0)
		return r;
	c->first = fd;
	s->ring_bytes += c->ring.size;
	return 0;
}

static int watch_on(struct perf_self *s, struct perf_cpu *c, int32_t tid, struct err *err)
{
	int fd = perf_open(&s->attr, tid, c->cpu, -1, err), r;

	if (fd < 0)
		return fd;
	r = c->first < 0 ? ring_open(s, c, fd, err) : perf_redirect(fd, c->first);
	if (r < 0) {
		fd_closep(&fd);
		return err->code ? r : err_set(err, r, "cannot share a ring of samples");
	}
	*vec_add(s->arena, &s->events) = fd;
	return 0;
}

int perf_events_watch(struct perf_self *s, int32_t tid, struct err *err)
{
	for (size_t i = 0; i < s->cpus.n; i++) {
		struct err e = { 0 };
		int r = watch_on(s, &s->cpus.v[i], tid, &e);
		if (r < 0) {
			*err = e;
			return r;
		}
	}
	return 0;
}

void perf_events_stop(struct perf_self *s)
{
	for (size_t i = 0; i < s->events.n; i++)
		(void)perf_enable(s->events.v[i], false); /* closed soon anyway */
}

void perf_events_close(struct perf_self *s)
{
	for (size_t i = 0; i < s->cpus.n; i++)
		perf_ring_close(&s->cpus.v[i].ring);
	for (size_t i = 0; i < s->events.n; i++)
		fd_closep(&s->events.v[i]);
	s->events.n = s->cpus.n = 0;
}

/* What is left of a record. */
struct rest {
	const unsigned char *p;
	size_t n;
	bool bad;
};

static struct rest rest_of(const struct perf_event_header *h)
{
	return (struct rest){ (const unsigned char *)(h + 1), h->size - sizeof(*h), false };
}

static const void *take(struct rest *r, size_t n)
{
	const void *p = r->p;

	if (n > r->n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static uint64_t take_u64(struct rest *r)
{
	uint64_t v = 0;
	const void *p = take(r, sizeof(v));

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t take_u32(struct rest *r)
{
	uint32_t v = 0;
	const void *p = take(r, sizeof(v));

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

/* Text up to its NUL, and what stands behind it: pid, tid and time (sample_id_all). */
static struct str take_text(struct perf_self *s, struct rest *r)
{
	size_t n = r->n > 16 ? r->n - 16 : 0;
	const char *p = take(r, n);

	return p ? arena_str(s->batch, (struct str){ p, strnlen(p, n) }) : S("");
}

static struct perf_item *item(struct perf_self *s, enum perf_item_kind kind, uint64_t time_ns)
{
	struct perf_item *i = vec_add(s->arena, &s->items);

	*i = (struct perf_item){ .time_ns = time_ns, .kind = kind, .order = (uint32_t)s->items.n };
	return i;
}

/* The kernel's part of a call chain: contexts are told by values that are no addresses. */
static uint16_t take_chain(struct perf_self *s, struct rest *r, const uint64_t **ret)
{
	uint64_t n = take_u64(r);
	bool kernel = false;
	uint16_t kept = 0;

	if (n > r->n / sizeof(uint64_t)) {
		r->bad = true;
		return 0;
	}
	uint64_t *ip = arena_array(s->batch, uint64_t, n + 1);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t v = take_u64(r);
		if (v >= (uint64_t)PERF_CONTEXT_MAX) {
			kernel = v == (uint64_t)PERF_CONTEXT_KERNEL;
			continue;
		}
		if (kernel && kept < UINT16_MAX) {
			ip[kept] = v - (kept > 0); /* return addresses lie behind the call */
			kept++;
		}
	}
	*ret = ip;
	return kept;
}

static const struct perf_user *take_user(struct perf_self *s, struct rest *r)
{
	struct perf_user *u = arena_make(s->batch, struct perf_user);

	u->abi = take_u64(r);
	for (size_t i = 0; u->abi != PERF_SAMPLE_REGS_ABI_NONE && i < PERF_REGS; i++)
		u->reg[i] = take_u64(r);
	uint64_t room = take_u64(r), used = 0;
	const char *p = room ? take(r, room) : NULL;
	if (room)
		used = take_u64(r);
	if (r->bad || used > room) {
		r->bad = true;
		return NULL;
	}
	if (p)
		u->stack = arena_str(s->batch, (struct str){ p, used });
	u->cut = used == room;
	s->batch_bytes += used;
	return u;
}

static void each_sample(struct perf_self *s, const struct perf_event_header *h)
{
	struct rest r = rest_of(h);
	uint32_t pid = take_u32(&r), tid = take_u32(&r);
	uint64_t time_ns = take_u64(&r);
	const uint64_t *kernel = NULL;
	uint16_t n_kernel = 0;
	const struct perf_user *user = NULL;

	if (s->attr.sample_type & PERF_SAMPLE_CALLCHAIN)
		n_kernel = take_chain(s, &r, &kernel);
	if (!r.bad && s->attr.sample_type & PERF_SAMPLE_REGS_USER)
		user = take_user(s, &r);
	if (r.bad || pid == 0 || pid == UINT32_MAX) { /* idle; outside our pid namespace */
		s->lost += r.bad;
		return;
	}
	struct perf_item *i = item(s, PERF_ITEM_SAMPLE, time_ns);
	i->sample.pid = pid;
	i->sample.tid = tid;
	i->sample.cpu = (uint32_t)s->reading->cpu;
	i->sample.user = user;
	i->sample.kernel = kernel;
	i->sample.n_kernel = n_kernel;
}

/* pid, tid, addr, len, pgoff, maj, min, ino, generation, prot, flags, path */
static void each_mmap2(struct perf_self *s, const struct perf_event_header *h)
{
	struct rest r = rest_of(h);
	struct raw_mapping m = { .pid = take_u32(&r) };

	(void)take_u32(&r);
	m.start = take_u64(&r);
	m.end = m.start + take_u64(&r);
	m.file_offset = take_u64(&r);
	uint32_t major = take_u32(&r), minor = take_u32(&r);
	m.device = makedev(major, minor);
	m.inode = take_u64(&r);
	(void)take(&r, 16);
	m.path = take_text(s, &r);
	(void)take_u64(&r);
	m.time_ns = take_u64(&r);
	if (r.bad || m.end <= m.start || h->misc & PERF_RECORD_MISC_MMAP_BUILD_ID)
		return;
	if (str_ends(m.path, S(" (deleted)")))
		m.path.n -= S(" (deleted)").n;
	if (str_starts(m.path, S("//")) || str_starts(m.path, S("[anon")))
		m.path.n = 0;
	item(s, PERF_ITEM_MAPPING, m.time_ns)->mapping = m;
}

static void add_task(struct perf_self *s, const struct raw_task *t)
{
	if (t->pid != 0 && t->pid != UINT32_MAX)
		item(s, PERF_ITEM_TASK, t->time_ns)->task = *t;
}

static void each_comm(struct perf_self *s, const struct perf_event_header *h)
{
	struct rest r = rest_of(h);
	struct raw_task t = { .event = h->misc & PERF_RECORD_MISC_COMM_EXEC ? TASK_EXEC
									    : TASK_NAMED };

	t.pid = take_u32(&r);
	t.tid = take_u32(&r);
	t.name = take_text(s, &r);
	(void)take_u64(&r);
	t.time_ns = take_u64(&r);
	if (!r.bad)
		add_task(s, &t);
}

/* pid, ppid, tid, ptid, time. Of a new thread pid and ppid are the same. */
static void each_task(struct perf_self *s, const struct perf_event_header *h)
{
	struct rest r = rest_of(h);
	struct raw_task t = { .event = h->type == PERF_RECORD_FORK ? TASK_FORK : TASK_GONE };

	t.pid = take_u32(&r);
	t.parent = take_u32(&r);
	t.tid = take_u32(&r);
	(void)take_u32(&r);
	t.time_ns = take_u64(&r);
	if (!r.bad)
		add_task(s, &t);
}

/* pid, tid, value (read_format is 0), and pid, tid, time */
static void each_count(struct perf_self *s, const struct perf_event_header *h)
{
	struct rest r = rest_of(h);

	(void)take_u32(&r);
	uint32_t tid = take_u32(&r);
	uint64_t cpu_ns = take_u64(&r);
	(void)take_u64(&r);
	uint64_t time_ns = take_u64(&r);
	if (r.bad)
		return;
	struct perf_item *i = item(s, PERF_ITEM_COUNT, time_ns);
	i->count.tid = tid;
	i->count.cpu_ns = cpu_ns;
}

static void each_record(void *self, const struct perf_event_header *h)
{
	struct perf_self *s = self;
	struct rest r = rest_of(h);

	switch ((enum perf_event_type)h->type) {
	case PERF_RECORD_SAMPLE:
		/* A flood is dropped here rather than in memory without end. */
		if (s->batch_bytes > BATCH_MOST)
			s->lost++;
		else
			each_sample(s, h);
		break;
	case PERF_RECORD_MMAP2:
		each_mmap2(s, h);
		break;
	case PERF_RECORD_COMM:
		each_comm(s, h);
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		each_task(s, h);
		break;
	case PERF_RECORD_READ:
		each_count(s, h);
		break;
	case PERF_RECORD_LOST: /* id, lost */
		(void)take_u64(&r);
		s->lost += take_u64(&r);
		break;
	case PERF_RECORD_LOST_SAMPLES:
		s->lost += take_u64(&r);
		break;
	case PERF_RECORD_THROTTLE:
		s->throttled++;
		break;
	case PERF_RECORD_MMAP:
	case PERF_RECORD_UNTHROTTLE:
	case PERF_RECORD_AUX:
	case PERF_RECORD_ITRACE_START:
	case PERF_RECORD_SWITCH:
	case PERF_RECORD_SWITCH_CPU_WIDE:
	case PERF_RECORD_NAMESPACES:
	case PERF_RECORD_KSYMBOL:
	case PERF_RECORD_BPF_EVENT:
	case PERF_RECORD_CGROUP:
	case PERF_RECORD_TEXT_POKE:
	case PERF_RECORD_AUX_OUTPUT_HW_ID:
	case PERF_RECORD_MAX:
		break; /* not asked for */
	}
}

static int item_cmp(const void *a, const void *b)
{
	const struct perf_item *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

double perf_events_read(struct perf_self *s)
{
	double fullest = 0;

	s->items.n = s->batch_bytes = 0;
	for (size_t i = 0; i < s->cpus.n; i++) {
		struct perf_cpu *c = &s->cpus.v[i];
		size_t before = s->batch_bytes;
		if (!c->ring.p)
			continue;
		s->reading = c;
		(void)perf_ring_read(&c->ring, each_record, s); /* how many: all in items */
		double share = (double)(s->batch_bytes - before) / (double)c->ring.size;
		fullest = share > fullest ? share : fullest;
	}
	if (s->items.n)
		qsort(s->items.v, s->items.n, sizeof(*s->items.v), item_cmp);
	return fullest;
}
