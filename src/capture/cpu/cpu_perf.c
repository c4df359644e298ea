/*
 * Tier 2 of the CPU profiler: perf_event_open without privileges. The kernel copies registers and
 * a piece of the stack with every sample; the stack is unwound here, by the tables of tier 1.
 */
#include <errno.h>
#include <math.h>

#include "capture/cpu/cpu_perf_priv.h"
#include "sys/caps.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"

#define PAUSE_LEAST_NS INT64_C(2000000)
#define PAUSE_MOST_NS  INT64_C(40000000)
#define ALIVE_EVERY_NS UINT64_C(100000000)

/* Opens for a process, with its kernel side if that is allowed. */
static int try_open(const struct cpu_params *p, int32_t pid, int cpu, bool *kernel, struct err *err)
{
	struct perf_event_attr attr = perf_attr(p, true);

	*kernel = perf_probe(&attr, pid, cpu) == 0;
	if (*kernel)
		return 0;
	attr = perf_attr(p, false);
	int fd = perf_open(&attr, pid, cpu, -1, err);
	if (fd < 0)
		return fd;
	fd_closep(&fd);
	return 0;
}

static int try_target(const struct source_context *c, const struct cpu_params *p, bool *kernel,
		      struct err *err)
{
	const struct target *t = c->target;

	if (c->host->fixture)
		return err_set(err, -ENOTSUP, "this is a recorded machine: nothing runs on it");
	if (t->all) {
		*kernel = true;
		struct perf_event_attr attr = perf_attr(p, true);
		int fd = perf_open(&attr, -1, 0, -1, err);
		if (fd < 0)
			return fd;
		fd_closep(&fd);
		return 0;
	}
	/* The first one that was named is meant; 0 is ourselves, for an empty cgroup. */
	return try_open(p, t->pids.n ? (int32_t)t->pids.v[0] : 0, -1, kernel, err);
}

static struct availability probe(const struct source_context *c)
{
	const struct cpu_params p = { .frequency = 99, .kernel = true, .user = true };
	struct availability a = { .rank = 50 };
	bool kernel;

	a.ready = try_target(c, &p, &kernel, &a.why) == 0;
	return a;
}

static void close_self(void *self)
{
	struct perf_self *s = self;

	if (!s)
		return;
	perf_events_close(s);
	s->walker = perf_walker_close(s->walker);
	s->batch = arena_close(s->batch);
	(void)arena_close(s->arena); /* always NULL; S lay inside */
}

static int open_self(const struct source_context *c, const void *params, void **ret_self,
		     struct err *err)
{
	struct arena *a = arena_open("sampling by perf events", SIZE_MAX / 2);
	struct perf_self *s = arena_make(a, struct perf_self);
	bool kernel = false;

	*s = (struct perf_self){ .c = *c,
				 .params = *(const struct cpu_params *)params,
				 .arena = a,
				 .by_tid.arena = a,
				 .by_pid.arena = a,
				 .pause_ns = PAUSE_LEAST_NS * 4 };
	int r = try_target(c, &s->params, &kernel, err);
	if (r == 0)
		r = perf_events_cpus(s, err);
	if (r < 0) {
		close_self(s);
		return err_add(err, "sampling by perf events");
	}
	s->attr = perf_attr(&s->params, kernel);
	s->attr.inherit = !c->target->all;
	s->attr.inherit_thread = !c->target->all && !c->target->children && !c->target->cgroup.n;
	if (c->target->child.pid) { /* from its exec on; until then it is a copy of ourselves */
		s->attr.disabled = 1;
		s->attr.enable_on_exec = 1;
	}
	s->period_ns = (int64_t)s->attr.sample_period;
	s->walker = perf_walker_open(c->binaries, c->log);
	*ret_self = s;
	return 0;
}

static int start(void *self, struct sink *out, struct err *err)
{
	static const struct value_kind kinds[] = { { { "samples", 7 }, UNIT_COUNT },
						   { { "cpu", 3 }, UNIT_NS } };
	struct perf_self *s = self;

	s->sink = out;
	s->stream = out->ops->stream(out, S("cpu"), kinds, 2);
	s->started_cpu_ns = clock_own_cpu_ns();
	return perf_follow_start(s, err);
}

static void pour_sample(struct perf_self *s, const struct perf_item *i)
{
	struct raw_sample x = { .time_ns = i->time_ns,
				.pid = i->sample.pid,
				.tid = i->sample.tid,
				.cpu = i->sample.cpu,
				.end = STACK_NONE,
				.kernel_ip = i->sample.kernel,
				.n_kernel = i->sample.n_kernel,
				.value = { 1, s->period_ns } };
	enum stack_end end = STACK_NONE;
	size_t n = 0;

	if (i->sample.user) {
		x.user_ip = perf_walker_walk(s->walker, x.pid, i->sample.user, &n, &end);
		if (end == STACK_NO_MAP && perf_follow_rescan(s, x.pid, x.time_ns))
			x.user_ip = perf_walker_walk(s->walker, x.pid, i->sample.user, &n, &end);
		x.n_user = (uint16_t)n;
		x.end = (uint8_t)end;
	}
	s->ends[end]++;
	perf_follow_sampled(s, x.tid);
	s->sink->ops->sample(s->sink, s->stream, &x);
}

static void pour_task(struct perf_self *s, const struct raw_task *t)
{
	perf_follow_task(s, t);
	if (t->event == TASK_FORK && t->pid == t->tid)
		perf_walker_fork(s->walker, t->parent, t->pid);
	if (t->event == TASK_EXEC)
		perf_walker_exec(s->walker, t->pid);
	s->sink->ops->task(s->sink, t);
}

static void pour(struct perf_self *s, const struct perf_item *i)
{
	switch (i->kind) {
	case PERF_ITEM_SAMPLE:
		if (perf_follows(s, i->sample.pid))
			pour_sample(s, i);
		break;
	case PERF_ITEM_MAPPING:
		if (!perf_follows(s, i->mapping.pid))
			break;
		perf_walker_map(s->walker, &i->mapping);
		s->sink->ops->mapping(s->sink, &i->mapping);
		break;
	case PERF_ITEM_TASK:
		if (perf_follows(s, i->task.pid))
			pour_task(s, &i->task);
		break;
	case PERF_ITEM_COUNT:
		perf_follow_used(s, i->count.tid, i->count.cpu_ns);
		break;
	}
}

/* What is gone stays until the turn is over: its last samples may stand behind its end. */
static void turn(struct perf_self *s)
{
	s->batch = arena_open("samples of one turn", SIZE_MAX / 2);
	double fullest = perf_events_read(s);

	for (size_t i = 0; i < s->items.n; i++)
		pour(s, &s->items.v[i]);
	for (size_t i = 0; i < s->items.n; i++) {
		const struct perf_item *x = &s->items.v[i];
		if (x->kind == PERF_ITEM_TASK && x->task.event == TASK_GONE &&
		    x->task.pid == x->task.tid && !proc_alive(s->c.host, x->task.pid))
			perf_walker_gone(s->walker, x->task.pid);
	}
	perf_follow_settle(s);
	if (s->lost > s->lost_told)
		s->sink->ops->lost(s->sink, s->stream,
				   (struct loss){ .dropped = s->lost - s->lost_told });
	s->lost_told = s->lost;
	s->batch = arena_close(s->batch);
	/* Look twice as often when a quarter was used, half as often when hardly anything was. */
	if (fullest > 0.25 && s->pause_ns > PAUSE_LEAST_NS)
		s->pause_ns /= 2;
	else if (fullest < 0.06 && s->pause_ns < PAUSE_MOST_NS)
		s->pause_ns *= 2;
}

static int pump(void *self, uint64_t until_ns, struct err *err)
{
	struct perf_self *s = self;
	uint64_t now = (uint64_t)clock_monotonic_ns(), look = now + ALIVE_EVERY_NS;

	(void)err;
	for (;;) {
		turn(s);
		perf_follow_upkeep(s, now);
		now = (uint64_t)clock_monotonic_ns();
		if (now >= look || now >= until_ns) {
			if (perf_follow_ended(s)) {
				turn(s);
				return 0;
			}
			look = now + ALIVE_EVERY_NS;
		}
		if (now >= until_ns)
			return 1;
		uint64_t left = until_ns - now;
		clock_sleep_ns(left < (uint64_t)s->pause_ns ? (int64_t)left : s->pause_ns);
	}
}

/* A limit has room for one remedy: the first line is the best. */
static struct str first_line(const char *hint)
{
	struct str rest;

	return str_cut(str_from_c(hint), '\n', &rest);
}

static void limit_kernel(const struct perf_self *s, struct run *into)
{
	double share = perf_follow_kernel_share(s);
	struct err why = { 0 };
	struct str what = S("time in the kernel is not in the profile");

	if (!s->attr.exclude_kernel)
		return;
	if (!isnan(share))
		what = arena_printf(into->arena,
				    "time in the kernel, %.0f %% of the CPU time, is not in the "
				    "profile",
				    share * 100);
	(void)rights_refused(RIGHTS_KERNEL, -EACCES, 0, &why);
	run_add_limit(into, what, str_from_c(why.text), first_line(why.hint));
}

static void limit_depth(const struct perf_self *s, struct run *into)
{
	struct err why = { 0 };
	uint64_t n = s->ends[STACK_TRUNCATED], all = 0;

	for (size_t i = 0; i < STACK__COUNT; i++)
		all += s->ends[i];
	if (n == 0)
		return;
	struct str what = arena_printf(into->arena, "%llu of %llu stacks are cut off at the bottom",
				       (unsigned long long)n, (unsigned long long)all);
	(void)rights_refused(RIGHTS_BPF, -EPERM, 0, &why);
	run_add_limit(
		into, what,
		S("without privileges the kernel copies 16 KB of stack with a sample, and they "
		  "are deeper"),
		first_line(why.hint));
}

static void limit_refused(const struct perf_self *s, struct run *into)
{
	if (s->refused_threads) {
		struct str what = arena_printf(into->arena, "%llu threads could not be watched",
					       (unsigned long long)s->refused_threads);
		run_add_limit(into, what, str_from_c(s->refused.text), first_line(s->refused.hint));
	}
	if (s->brief_ns > s->brief * 1000) {
		struct str what =
			arena_printf(into->arena,
				     "%.2g s of CPU time were used by %llu threads that "
				     "ended too soon for stacks",
				     (double)s->brief_ns / 1e9, (unsigned long long)s->brief);
		struct str why = arena_printf(into->arena,
					      "the first stack of a thread is taken after %.3g ms "
					      "of CPU time",
					      (double)s->period_ns / 1e6);
		run_add_limit(into, what, why, S("sample more often: -F 999"));
	}
	if (s->throttled) {
		struct str what =
			arena_printf(into->arena, "the kernel held the sampling back %llu times",
				     (unsigned long long)s->throttled);
		run_add_limit(into, what, S("sampling took more time than it allows"),
			      S("sudo sysctl kernel.perf_cpu_time_max_percent=0"));
	}
	if (perf_walker_full(s->walker)) {
		struct str what =
			arena_printf(into->arena, "%llu files were unwound by frame pointers only",
				     (unsigned long long)perf_walker_full(s->walker));
		run_add_limit(into, what, S("there was no room for their unwind tables"), S(""));
	}
}

static int finish(void *self, struct run *into, struct err *err)
{
	struct perf_self *s = self;

	(void)err;
	perf_events_stop(s);
	turn(s);
	turn(s); /* settles with the threads that ended in the last one */
	limit_kernel(s, into);
	limit_depth(s, into);
	limit_refused(s, into);
	for (size_t i = 0; i < STACK__COUNT; i++)
		into->stack_end[i] += s->ends[i];
	into->source =
		arena_printf(into->arena, "perf events with copied stacks, cpu-clock at %llu Hz",
			     (unsigned long long)s->params.frequency);
	into->cost.cpu_ns = clock_own_cpu_ns() - s->started_cpu_ns;
	into->cost.rss_bytes = clock_own_peak_rss_bytes();
	into->cost.kernel_bytes = s->ring_bytes;
	return 0;
}

const struct source source_cpu_perf = {
	.name = "perf",
	.summary = "perf events with copied stacks",
	.params_size = sizeof(struct cpu_params),
	.produces = 1u << ART_PROFILE,
	.probe = probe,
	.open = open_self,
	.start = start,
	.pump = pump,
	.finish = finish,
	.close = close_self,
};
