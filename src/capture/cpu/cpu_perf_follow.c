/*
 * Whose samples are taken at tier 2: the targets with all their threads, and what those start. New
 * threads and children inherit the events; only those are looked for in /proc that were born while
 * the events were being opened, and those who join a cgroup.
 */
#include <errno.h>
#include <math.h>

#include "capture/cpu/cpu_perf_priv.h"
#include "sys/clock.h"
#include "sys/limits.h"
#include "sys/proc.h"

#define SCRATCH_BYTES   ((size_t)256 << 20) /* one maps file, one list of processes */
#define FIRST_SCAN_NS   UINT64_C(30000000)
#define SCAN_EVERY_NS   UINT64_C(1000000000)
#define RESCAN_AFTER_NS UINT64_C(100000000)
#define BRIEF_SAMPLES   20u

static struct perf_thread *thread_of(const struct perf_self *s, uint32_t tid)
{
	uint64_t h = map_hash2(tid, 1);

	for (struct map_at at = map_first(&s->by_tid, h); at.hit; at = map_next(&s->by_tid, at))
		if (s->threads.v[at.index].tid == tid)
			return &s->threads.v[at.index];
	return NULL;
}

static struct perf_thread *thread_add(struct perf_self *s, uint32_t pid, uint32_t tid)
{
	struct perf_thread *t = thread_of(s, tid);

	if (!t) {
		map_insert(&s->by_tid, map_hash2(tid, 1), (uint32_t)s->threads.n);
		t = vec_add(s->arena, &s->threads);
	}
	*t = (struct perf_thread){ .pid = pid, .tid = tid };
	return t;
}

static struct perf_process *process_of(const struct perf_self *s, uint32_t pid)
{
	uint64_t h = map_hash2(pid, 1);

	for (struct map_at at = map_first(&s->by_pid, h); at.hit; at = map_next(&s->by_pid, at))
		if (s->processes.v[at.index].pid == pid)
			return &s->processes.v[at.index];
	return NULL;
}

static struct perf_process *process_add(struct perf_self *s, uint32_t pid)
{
	struct perf_process *p = process_of(s, pid);

	if (!p) {
		map_insert(&s->by_pid, map_hash2(pid, 1), (uint32_t)s->processes.n);
		p = vec_add(s->arena, &s->processes);
	}
	*p = (struct perf_process){ .pid = pid };
	return p;
}

static bool is_target(const struct perf_self *s, uint32_t pid)
{
	const struct proc_ids *ids = &s->c.target->pids;

	for (size_t i = 0; i < ids->n; i++)
		if (ids->v[i] == pid)
			return true;
	return false;
}

bool perf_follows(const struct perf_self *s, uint32_t pid)
{
	return s->c.target->children || s->c.target->all || s->c.target->cgroup.n ||
	       is_target(s, pid);
}

void perf_follow_task(struct perf_self *s, const struct raw_task *t)
{
	struct perf_thread *x;

	switch (t->event) {
	case TASK_FORK:
	case TASK_SEEN:
		thread_add(s, t->pid, t->tid)->watched = true;
		if (t->pid == t->tid)
			(void)process_add(s, t->pid);
		break;
	case TASK_GONE:
		x = thread_of(s, t->tid);
		if (x)
			x->gone = true;
		*vec_add(s->arena, &s->ending) = (struct perf_ending){ t->pid, t->tid, t->time_ns };
		break;
	case TASK_EXEC:
	case TASK_NAMED:
		break;
	}
}

void perf_follow_sampled(struct perf_self *s, uint32_t tid)
{
	struct perf_thread *t = thread_of(s, tid);

	if (t)
		t->sampled_ns += (uint64_t)s->period_ns;
}

void perf_follow_used(struct perf_self *s, uint32_t tid, uint64_t cpu_ns)
{
	struct perf_thread *t = thread_of(s, tid);

	if (t)
		t->used_ns += cpu_ns;
}

/*
 * The clock of an inherited event starts with the thread: the first sample is due after a whole
 * period of CPU time. Of thousands of children that each run for a millisecond there is none. But
 * what they used is told when they end, so their time is put on the thread, without a stack.
 * Those with many samples are well represented by them.
 */
void perf_follow_settle(struct perf_self *s)
{
	for (size_t i = 0; i < s->n_ending; i++) {
		const struct perf_ending *e = &s->ending.v[i];
		struct perf_thread *t = thread_of(s, e->tid);
		if (!t || !t->used_ns)
			continue;
		int64_t missing = (int64_t)(t->used_ns - t->sampled_ns);
		bool few = t->sampled_ns < BRIEF_SAMPLES * (uint64_t)s->period_ns;
		/* Contexts that are swapped between alike threads carry the clock over: what one
		 * has too much the other lacks, so the sum is what counts. */
		s->unsampled_ns += few ? missing : 0;
		t->used_ns = t->sampled_ns = 0;
		int64_t tell = missing < s->unsampled_ns ? missing : s->unsampled_ns;
		if (!few || tell <= 0)
			continue;
		s->unsampled_ns -= tell;
		s->brief_ns += (uint64_t)tell;
		s->brief++;
		s->sink->ops->sample(s->sink, s->stream,
				     &(struct raw_sample){ .time_ns = e->time_ns,
							   .pid = e->pid,
							   .tid = e->tid,
							   .end = STACK_NONE,
							   .value = { 0, tell } });
	}
	s->ending.n -= s->n_ending;
	if (s->ending.n)
		memmove(s->ending.v, s->ending.v + s->n_ending, s->ending.n * sizeof(*s->ending.v));
	s->n_ending = s->ending.n;
}

/* The mappings of a process as they are now; quiet: only to have their unwind tables ready. */
static void read_maps(struct perf_self *s, uint32_t pid, uint64_t time_ns, bool quiet)
{
	auto_arena a = arena_open("mappings", SCRATCH_BYTES);
	struct proc_maps maps;
	struct err err = { 0 };

	if (proc_maps(s->c.host, a, pid, &maps, &err) < 0) {
		log_debug(s->c.log, "%s", err.text);
		return; /* it ended, or may be watched but not looked at */
	}
	for (size_t i = 0; i < maps.n; i++) {
		const struct proc_map *p = &maps.v[i];
		if (p->perms[2] != 'x')
			continue;
		struct raw_mapping m = { .time_ns = time_ns,
					 .pid = pid,
					 .start = p->start,
					 .end = p->end,
					 .file_offset = p->offset,
					 .device = p->device,
					 .inode = p->inode,
					 .path = p->path };
		perf_walker_map(s->walker, &m);
		if (!quiet)
			s->sink->ops->mapping(s->sink, &m);
	}
}

/* Code that is made executable later (mprotect) is told by no event: look when somebody is there.
 */
bool perf_follow_rescan(struct perf_self *s, uint32_t pid, uint64_t time_ns)
{
	struct perf_process *p = process_of(s, pid);
	uint64_t now = (uint64_t)clock_monotonic_ns();

	if (!p || p->gone || now < p->scanned_ns + RESCAN_AFTER_NS)
		return false;
	p->scanned_ns = now;
	read_maps(s, pid, time_ns, false);
	return true;
}

static void say_seen(struct perf_self *s, struct arena *a, uint32_t pid, uint32_t tid)
{
	struct raw_task t = { .time_ns = (uint64_t)clock_monotonic_ns(),
			      .pid = pid,
			      .tid = tid,
			      .event = TASK_SEEN,
			      .name = proc_comm(s->c.host, a, pid, tid) };

	perf_follow_task(s, &t);
	s->sink->ops->task(s->sink, &t);
}

/* Events for one thread; what is refused is counted. */
static int watch(struct perf_self *s, uint32_t pid, uint32_t tid)
{
	struct err err = { 0 };
	int r = perf_events_watch(s, (int32_t)tid, &err);

	(void)pid;
	if (r == 0 || r == -ESRCH)
		return r;
	if (!s->refused_threads++)
		s->refused = err;
	log_debug(s->c.log, "thread %u: %s", tid, err.text);
	return r;
}

/* Watches all threads of PID that are not watched yet. With SUSPECTS a thread is watched only when
 * it was there at the look before, too, and no event told of its birth: it inherited nothing. */
static void adopt(struct perf_self *s, uint32_t pid, bool suspects)
{
	auto_arena a = arena_open("threads", SCRATCH_BYTES);
	struct proc_ids tids;
	struct err err = { 0 };
	bool first = !process_of(s, pid), any = false;

	if (proc_threads(s->c.host, a, pid, &tids, &err) < 0)
		return; /* it ended */
	for (size_t i = 0; i < tids.n; i++) {
		struct perf_thread *t = thread_of(s, tids.v[i]);
		if (t && t->watched && !t->gone)
			continue;
		if (suspects && (!t || t->gone)) {
			(void)thread_add(s, pid, tids.v[i]);
			continue;
		}
		if (!s->c.target->all && watch(s, pid, tids.v[i]) < 0)
			continue;
		say_seen(s, a, pid, tids.v[i]);
		any = true;
	}
	if (!any || (!first && !suspects))
		return;
	struct perf_process *p = process_of(s, pid);
	struct proc_stat st;
	if (!p)
		p = process_add(s, pid);
	p->scanned_ns = (uint64_t)clock_monotonic_ns();
	if (proc_stat(s->c.host, a, pid, &st, &err) == 0) {
		p->user_ticks = st.user_ticks;
		p->system_ticks = st.system_ticks;
	}
	if (pid != s->c.target->child.pid) /* before its exec it is a copy of ourselves */
		read_maps(s, pid, p->scanned_ns, false);
}

static int targets_now(const struct perf_self *s, struct arena *a, struct proc_ids *ret,
		       struct err *err)
{
	const struct target *t = s->c.target;

	*ret = t->pids;
	if (t->all)
		return proc_all(s->c.host, a, ret, err);
	if (t->cgroup.n && proc_by_cgroup(s->c.host, a, t->cgroup, ret, err) < 0)
		return err->code == -ESRCH ? 0 : err->code; /* nobody in it yet */
	return 0;
}

int perf_follow_start(struct perf_self *s, struct err *err)
{
	auto_arena a = arena_open("targets", SCRATCH_BYTES);
	struct proc_ids ids;
	int r = targets_now(s, a, &ids, err);

	if (r < 0)
		return r;
	(void)limits_raise_files();
	/* A cold table takes longer to build than a ring takes to fill: all of them before events.
	 */
	for (size_t i = 0; i < ids.n; i++)
		if (ids.v[i] != s->c.target->child.pid)
			read_maps(s, ids.v[i], 0, true);
	if (s->c.target->all && perf_events_watch(s, -1, err) < 0)
		return err->code;
	for (size_t i = 0; i < ids.n; i++)
		adopt(s, ids.v[i], false);
	if (s->events.n == 0 && s->refused_threads) {
		*err = s->refused;
		return err->code;
	}
	if (s->events.n == 0 && !s->c.target->cgroup.n)
		return err_set(err, -ESRCH, STR_FMT " ended before it could be watched",
			       STR_ARG(s->c.target->about));
	s->scan_ns = (uint64_t)clock_monotonic_ns() + FIRST_SCAN_NS;
	s->scan_every_ns = FIRST_SCAN_NS;
	return 0;
}

void perf_follow_upkeep(struct perf_self *s, uint64_t now_ns)
{
	auto_arena a = arena_open("targets", SCRATCH_BYTES);
	struct proc_ids ids;
	struct err err = { 0 };

	/* Where events were lost nobody can tell who inherited: better one too few than one twice.
	 */
	if (now_ns < s->scan_ns || s->c.target->all || s->lost)
		return;
	s->scan_ns = now_ns + s->scan_every_ns;
	s->scan_every_ns =
		s->scan_every_ns * 2 < SCAN_EVERY_NS ? s->scan_every_ns * 2 : SCAN_EVERY_NS;
	if (targets_now(s, a, &ids, &err) < 0 || ids.n == 0)
		return;
	for (size_t i = 0; i < ids.n; i++)
		if (ids.v[i] != s->c.target->child.pid)
			adopt(s, ids.v[i], true);
}

bool perf_follow_ended(struct perf_self *s)
{
	if (s->c.target->all || s->c.target->cgroup.n)
		return false;
	for (size_t i = s->processes.n; i-- > 0;) {
		struct perf_process *p = &s->processes.v[i];
		if (p->gone)
			continue;
		if (proc_alive(s->c.host, p->pid))
			return false;
		p->gone = true;
	}
	return true;
}

double perf_follow_kernel_share(const struct perf_self *s)
{
	uint64_t user = 0, kernel = 0;

	for (size_t i = 0; i < s->processes.n; i++) {
		auto_arena a = arena_open("reading stat", SCRATCH_BYTES);
		const struct perf_process *p = &s->processes.v[i];
		struct proc_stat st;
		struct err gone = { 0 };
		if (p->gone || proc_stat(s->c.host, a, p->pid, &st, &gone) < 0 ||
		    st.user_ticks < p->user_ticks || st.system_ticks < p->system_ticks)
			continue;
		user += st.user_ticks - p->user_ticks;
		kernel += st.system_ticks - p->system_ticks;
	}
	return user + kernel < 20 ? NAN : (double)kernel / (double)(user + kernel);
}
