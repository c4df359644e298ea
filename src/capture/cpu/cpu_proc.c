/*
 * Tier 3 of the CPU profiler: /proc and nothing else. How much CPU time every thread used is exact,
 * by the scheduler's own clock. Where it was used is not known: a running thread shows its stack to
 * nobody who does not stop it, and the stack of a sleeping one is not where its time went. So there
 * is one frame a thread, and the limits say why.
 */
#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "capture/cpu/cpu.h"
#include "capture/cpu/cpu_perf_priv.h"
#include "capture/source.h"
#include "sys/caps.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"

#define SCRATCH_BYTES  ((size_t)64 << 20)
#define TICK_NS        UINT64_C(10000000) /* USER_HZ is 100 on every x86 */
#define LOOK_LEAST_NS  INT64_C(50000000)
#define LOOK_MOST_NS   INT64_C(2000000000)
#define LOOK_COST      50                  /* a look may cost this part of the time between two */
#define SEARCH_NS      UINT64_C(250000000) /* for new processes */
#define ENDED_LEAST_NS UINT64_C(30000000)  /* the process's own count is in ticks */

struct thread {
	uint32_t pid, tid;
	uint64_t cpu_ns; /* at the last look */
	uint32_t look;   /* the last one it was there */
	uint32_t name;
};

struct process {
	uint32_t pid, look;
	bool gone;
	uint64_t ticks, system_ticks, children_ticks; /* at the start */
	uint64_t ticks_now, system_now, children_now; /* at the last look */
	uint64_t told_ns;                             /* of its threads so far */
};

struct proc_self {
	struct source_context c;
	struct arena *arena;
	struct sink *sink;
	unsigned stream;
	VEC(struct thread) threads;
	struct map by_tid;
	VEC(struct process) processes;
	struct map by_pid;
	VEC(struct str) names;
	struct map by_name;
	uint32_t look;
	int64_t wait_ns, started_cpu_ns;
	uint64_t next_ns, search_ns, samples;
};

static struct thread *thread_of(const struct proc_self *s, uint32_t tid)
{
	uint64_t h = map_hash2(tid, 3);

	for (struct map_at at = map_first(&s->by_tid, h); at.hit; at = map_next(&s->by_tid, at))
		if (s->threads.v[at.index].tid == tid)
			return &s->threads.v[at.index];
	return NULL;
}

static struct process *process_of(const struct proc_self *s, uint32_t pid)
{
	uint64_t h = map_hash2(pid, 3);

	for (struct map_at at = map_first(&s->by_pid, h); at.hit; at = map_next(&s->by_pid, at))
		if (s->processes.v[at.index].pid == pid)
			return &s->processes.v[at.index];
	return NULL;
}

static uint32_t name_of(struct proc_self *s, struct str name)
{
	uint64_t h = str_hash(name);

	for (struct map_at at = map_first(&s->by_name, h); at.hit; at = map_next(&s->by_name, at))
		if (str_eq(s->names.v[at.index], name))
			return at.index;
	map_insert(&s->by_name, h, (uint32_t)s->names.n);
	*vec_add(s->arena, &s->names) = arena_str(s->arena, name);
	return (uint32_t)s->names.n - 1;
}

static void say(struct proc_self *s, enum task_event event, uint32_t pid, uint32_t tid,
		struct str name)
{
	s->sink->ops->task(s->sink, &(struct raw_task){ .time_ns = (uint64_t)clock_monotonic_ns(),
							.pid = pid,
							.tid = tid,
							.event = event,
							.name = name });
}

static void say_cpu(struct proc_self *s, uint32_t pid, uint32_t tid, uint64_t cpu_ns)
{
	s->samples++;
	s->sink->ops->sample(s->sink, s->stream,
			     &(struct raw_sample){ .time_ns = (uint64_t)clock_monotonic_ns(),
						   .pid = pid,
						   .tid = tid,
						   .end = STACK_NONE,
						   .value = { 1, (int64_t)cpu_ns } });
}

/* CPU time of a thread: nanoseconds by schedstat, ticks where the kernel was built without it. */
static bool thread_cpu(const struct proc_self *s, struct arena *a, uint32_t pid, uint32_t tid,
		       uint64_t *ret)
{
	struct err gone = { 0 };
	struct str text;
	struct proc_stat st;

	if (host_read(s->c.host, a, arena_printf(a, "/proc/%u/task/%u/schedstat", pid, tid), &text,
		      &gone) == 0 &&
	    str_to_u64(str_cut(text, ' ', &text), ret) && *ret > 0)
		return true;
	if (proc_task_stat(s->c.host, a, pid, tid, &st, &gone) < 0)
		return false;
	*ret = (st.user_ticks + st.system_ticks) * TICK_NS;
	return true;
}

/* Field NUMBER of /proc/PID/stat as in proc(5), from 4; TEXT stands behind the name. */
static uint64_t field(struct str text, unsigned number)
{
	uint64_t v;

	for (unsigned i = 3; i < number; i++)
		(void)str_cut(text, ' ', &text);
	return str_to_u64(str_cut(text, ' ', &text), &v) ? v : 0;
}

/* What all its threads used, those that ended included, and children it has waited for. */
static bool process_cpu(const struct proc_self *s, struct process *p)
{
	auto_arena a = arena_open("reading stat", SCRATCH_BYTES);
	struct str text, head;
	struct err gone = { 0 };

	if (host_read(s->c.host, a, arena_printf(a, "/proc/%u/stat", p->pid), &text, &gone) < 0)
		return false;
	text = str_trim(str_cut_last(text, ')', &head));
	p->system_now = field(text, 15);
	p->ticks_now = field(text, 14) + p->system_now;
	p->children_now = field(text, 16) + field(text, 17);
	return true;
}

/* BORN: it began while we were recording, so all its time counts. */
static void see_thread(struct proc_self *s, struct process *p, uint32_t tid, bool born)
{
	auto_arena a = arena_open("reading a thread", SCRATCH_BYTES);
	struct thread *t = thread_of(s, tid);
	uint64_t cpu_ns;

	if (!thread_cpu(s, a, p->pid, tid, &cpu_ns))
		return; /* it ended */
	if (!t) {
		map_insert(&s->by_tid, map_hash2(tid, 3), (uint32_t)s->threads.n);
		t = vec_add(s->arena, &s->threads);
		t->tid = tid;
	}
	bool fresh = t->look == 0 || t->pid != p->pid || cpu_ns < t->cpu_ns;
	uint32_t name = name_of(s, proc_comm(s->c.host, a, p->pid, tid));
	if (fresh) {
		t->pid = p->pid;
		t->cpu_ns = born ? 0 : cpu_ns;
	}
	if (fresh || t->name != name)
		say(s, fresh ? TASK_SEEN : TASK_NAMED, p->pid, tid, s->names.v[name]);
	t->name = name;
	t->look = s->look;
	if (cpu_ns > t->cpu_ns) {
		say_cpu(s, p->pid, tid, cpu_ns - t->cpu_ns);
		p->told_ns += cpu_ns - t->cpu_ns;
	}
	t->cpu_ns = cpu_ns;
}

static void see_process(struct proc_self *s, struct process *p, bool born)
{
	auto_arena a = arena_open("reading threads", SCRATCH_BYTES);
	struct proc_ids tids;
	struct err gone = { 0 };

	if (p->gone)
		return;
	if (!proc_alive(s->c.host, p->pid) || !process_cpu(s, p) ||
	    proc_threads(s->c.host, a, p->pid, &tids, &gone) < 0) {
		p->gone = true;
		return;
	}
	for (size_t i = 0; i < tids.n; i++)
		see_thread(s, p, tids.v[i], born);
}

static void add_process(struct proc_self *s, uint32_t pid, bool born)
{
	struct process *p = process_of(s, pid);

	if (p && !p->gone)
		return;
	if (!p) {
		map_insert(&s->by_pid, map_hash2(pid, 3), (uint32_t)s->processes.n);
		p = vec_add(s->arena, &s->processes);
	}
	*p = (struct process){ .pid = pid };
	see_process(s, p, born);
	if (!born) {
		p->ticks = p->ticks_now;
		p->system_ticks = p->system_now;
		p->children_ticks = p->children_now;
	}
}

/* Whoever has a parent among those we know was started by it. */
static void search_children(struct proc_self *s)
{
	auto_arena a = arena_open("looking for children", SCRATCH_BYTES);
	struct proc_ids all;
	struct err err = { 0 };
	bool more = true;

	if (proc_all(s->c.host, a, &all, &err) < 0)
		return;
	uint32_t *parent = arena_array(a, uint32_t, all.n + 1);
	for (size_t i = 0; i < all.n; i++) {
		auto_arena one = arena_open("reading stat", SCRATCH_BYTES);
		struct proc_stat st;
		const struct process *p = process_of(s, all.v[i]);
		if ((!p || p->gone) && proc_stat(s->c.host, one, all.v[i], &st, &err) == 0)
			parent[i] = st.state == 'Z' ? 0 : st.parent;
	}
	while (more) {
		more = false;
		for (size_t i = 0; i < all.n; i++) {
			const struct process *p = parent[i] ? process_of(s, parent[i]) : NULL;
			if (!p)
				continue;
			parent[i] = 0;
			add_process(s, all.v[i], true);
			more = true;
		}
	}
}

static void search(struct proc_self *s)
{
	auto_arena a = arena_open("looking for processes", SCRATCH_BYTES);
	const struct target *t = s->c.target;
	struct proc_ids ids = { 0 };
	struct err err = { 0 };

	if (t->all)
		(void)proc_all(s->c.host, a, &ids, &err); /* none: nothing new then */
	else if (t->cgroup.n)
		(void)proc_by_cgroup(s->c.host, a, t->cgroup, &ids, &err);
	for (size_t i = 0; i < ids.n; i++)
		add_process(s, ids.v[i], t->all && s->look > 1);
	if (t->children && !t->all)
		search_children(s);
}

/* Threads that ended between two looks: their process counted them. */
static void tell_ended(struct proc_self *s, struct process *p)
{
	uint64_t all_ns = (p->ticks_now - p->ticks) * TICK_NS;

	if (p->ticks_now < p->ticks || all_ns < p->told_ns + ENDED_LEAST_NS)
		return;
	say(s, TASK_SEEN, p->pid, 0, S("threads that ended"));
	say_cpu(s, p->pid, 0, all_ns - p->told_ns);
	p->told_ns = all_ns;
}

static void look(struct proc_self *s)
{
	int64_t before = clock_own_cpu_ns();
	uint64_t now = (uint64_t)clock_monotonic_ns();

	s->look++;
	for (size_t i = 0; i < s->processes.n; i++)
		see_process(s, &s->processes.v[i], true);
	if (now >= s->search_ns) {
		search(s);
		s->search_ns = now + SEARCH_NS;
	}
	int64_t wait = (clock_own_cpu_ns() - before) * LOOK_COST;
	s->wait_ns = wait < LOOK_LEAST_NS ? LOOK_LEAST_NS : wait;
	s->wait_ns = s->wait_ns > LOOK_MOST_NS ? LOOK_MOST_NS : s->wait_ns;
	s->next_ns = (uint64_t)clock_monotonic_ns() + (uint64_t)s->wait_ns;
}

static struct availability probe(const struct source_context *c)
{
	auto_arena a = arena_open("probing /proc", SCRATCH_BYTES);
	struct availability v = { .rank = 10, .ready = true };
	const struct proc_ids *ids = &c->target->pids;
	struct proc_maps maps;

	/* Times are for everybody to read; what belongs to somebody else is refused all the same,
	 * with the way to see it whole, rather than shown as a number without an explanation. */
	if (c->host->fixture)
		v.ready = err_set(&v.why, -ENOTSUP, "this is a recorded machine") == 0;
	else if (!c->target->all && ids->n)
		v.ready = proc_maps(c->host, a, ids->v[0], &maps, &v.why) == 0;
	return v;
}

static void close_self(void *self)
{
	struct proc_self *s = self;

	if (s)
		(void)arena_close(s->arena); /* always NULL; S lay inside */
}

static int open_self(const struct source_context *c, const void *params, void **ret_self,
		     struct err *err)
{
	struct availability v = probe(c);
	struct arena *a;

	(void)params; /* a rate would promise more than there is */
	if (!v.ready) {
		*err = v.why;
		return err_add(err, "reading CPU times");
	}
	a = arena_open("CPU times of threads", SIZE_MAX / 2);
	struct proc_self *s = arena_make(a, struct proc_self);
	*s = (struct proc_self){
		.c = *c, .arena = a, .by_tid.arena = a, .by_pid.arena = a, .by_name.arena = a
	};
	*ret_self = s;
	return 0;
}

static int start(void *self, struct sink *out, struct err *err)
{
	static const struct value_kind kinds[] = { { { "samples", 7 }, UNIT_COUNT },
						   { { "cpu", 3 }, UNIT_NS } };
	struct proc_self *s = self;
	const struct target *t = s->c.target;
	size_t alive = 0;

	s->sink = out;
	s->stream = out->ops->stream(out, S("cpu"), kinds, 2);
	s->started_cpu_ns = clock_own_cpu_ns();
	s->look = 1;
	for (size_t i = 0; i < t->pids.n; i++)
		add_process(s, t->pids.v[i], false);
	if (t->all)
		search(s);
	for (size_t i = 0; i < s->processes.n; i++)
		alive += !s->processes.v[i].gone;
	if (alive == 0 && !t->all && !t->cgroup.n)
		return err_set(err, -ESRCH, STR_FMT " ended before it could be watched",
			       STR_ARG(t->about));
	s->search_ns = s->next_ns = (uint64_t)clock_monotonic_ns() + (uint64_t)LOOK_LEAST_NS;
	return 0;
}

static bool ended(const struct proc_self *s)
{
	for (size_t i = 0; i < s->processes.n; i++)
		if (!s->processes.v[i].gone)
			return false;
	return !s->c.target->all && !s->c.target->cgroup.n;
}

static int pump(void *self, uint64_t until_ns, struct err *err)
{
	struct proc_self *s = self;
	uint64_t now = (uint64_t)clock_monotonic_ns();

	(void)err;
	while (now < until_ns) {
		uint64_t next = s->next_ns < until_ns ? s->next_ns : until_ns;
		if (next > now)
			clock_sleep_ns((int64_t)(next - now));
		now = (uint64_t)clock_monotonic_ns();
		if (now < s->next_ns)
			return 1; /* a signal, or the time is up */
		look(s);
		if (ended(s))
			return 0;
		now = (uint64_t)clock_monotonic_ns();
	}
	return 1;
}

/* Why there are no stacks: what refuses the tier above. */
static void limit_stacks(const struct proc_self *s, struct run *into)
{
	const struct cpu_params p = { .frequency = 99, .user = true };
	struct perf_event_attr attr = perf_attr(&p, false);
	const struct proc_ids *ids = &s->c.target->pids;
	struct err why = { 0 };
	int fd = perf_open(&attr, ids->n ? (int32_t)ids->v[0] : 0, -1, -1, &why);

	if (fd >= 0 || why.code == -ESRCH) {
		fd_closep(&fd);
		why = (struct err){ 0 };
		(void)err_set(&why, 0,
			      "a running thread shows its stack only to perf events or "
			      "eBPF");
	}
	struct str rest, remedy = str_cut(str_from_c(why.hint), '\n', &rest);
	run_add_limit(into, S("no stacks: only how much CPU time each thread used"),
		      str_from_c(why.text), remedy);
}

static void limit_times(const struct proc_self *s, struct run *into)
{
	uint64_t all = 0, kernel = 0, children = 0;

	for (size_t i = 0; i < s->processes.n; i++) {
		const struct process *p = &s->processes.v[i];
		all += p->ticks_now - p->ticks;
		kernel += p->system_now - p->system_ticks;
		children += p->children_now - p->children_ticks;
	}
	if (all >= 20) {
		struct str what =
			arena_printf(into->arena,
				     "%.0f %% of the CPU time was spent in the kernel; by "
				     "which function is not known",
				     100.0 * (double)kernel / (double)all);
		run_add_limit(into, what, S("/proc tells it by process only"), S(""));
	}
	if (children >= 5) {
		struct str what = arena_printf(into->arena,
					       "%.1f s were used by children that have ended; of "
					       "each, the time after the last look is missing",
					       (double)children * (double)TICK_NS / 1e9);
		struct str why = arena_printf(into->arena, "/proc is looked at every %lld ms",
					      (long long)(s->wait_ns / 1000000));
		run_add_limit(into, what, why, S(""));
	}
}

static int finish(void *self, struct run *into, struct err *err)
{
	struct proc_self *s = self;

	(void)err;
	look(s);
	for (size_t i = 0; i < s->processes.n; i++)
		tell_ended(s, &s->processes.v[i]);
	limit_stacks(s, into);
	limit_times(s, into);
	into->stack_end[STACK_NONE] += s->samples;
	into->source = arena_printf(into->arena, "CPU times of threads from /proc, every %lld ms",
				    (long long)(s->wait_ns / 1000000));
	into->cost.cpu_ns = clock_own_cpu_ns() - s->started_cpu_ns;
	into->cost.rss_bytes = clock_own_peak_rss_bytes();
	return 0;
}

const struct source source_cpu_proc = {
	.name = "proc",
	.summary = "CPU times of threads from /proc",
	.params_size = sizeof(struct cpu_params),
	.produces = 1u << ART_PROFILE,
	.probe = probe,
	.open = open_self,
	.start = start,
	.pump = pump,
	.finish = finish,
	.close = close_self,
};
