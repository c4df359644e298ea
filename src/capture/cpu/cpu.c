/*
 * The eBPF tier of the CPU profiler, as a source: stacks are walked in the kernel, at the tick of a
 * perf event. The target is never stopped. Nothing is pinned: everything ends with our descriptors.
 */
#include "capture/cpu/cpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>

#include "capture/cpu/cpu_priv.h"
#include "cpu.skel.h"
#include "sys/caps.h"
#include "sys/clock.h"
#include "sys/env.h"
#include "sys/file.h"
#include "sys/watch.h"

#define STACKS_BYTES   ((size_t)24 << 20)
#define QUEUE_BYTES    (SIZE_MAX / 2) /* what the rings hold is the bound */
#define LOG_BYTES      ((size_t)256 << 10)
#define HASH_ROW_BYTES 48 /* of an element of a hash map, beside key and value */
#define PUMP_NS        50000000
#define NEWS_BYTES     ((uint32_t)256 << 10)
/* 4026531836, PROC_PID_INIT_INO of linux/proc_ns.h: the first pid namespace. */
#define FIRST_PID_SPACE 0xeffffffcu

static int silent(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

/* A program that does nothing: whether the kernel takes programs of this kind from us. */
static int probe_program(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	auto_fd fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "probe", "GPL", insns, 2, NULL);

	return fd < 0 ? fd : 0;
}

static int probe_kernel(struct err *why)
{
	int r = probe_program();

	if (r == -EPERM || r == -EACCES)
		return rights_refused(RIGHTS_BPF, r, 0, why);
	if (r < 0)
		return err_set(why, r, "this kernel takes no BPF programs: %s", strerror(-r));
	if (!file_exists(S("/sys/kernel/btf/vmlinux")))
		return err_set(why, -ENOTSUP,
			       "this kernel does not describe its types (CONFIG_DEBUG_INFO_BTF)");
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_task_pt_regs, NULL) <= 0 ||
	    libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) <= 0)
		return err_set(why, -ENOTSUP,
			       "this kernel is too old to walk stacks in BPF (5.15 can)");
	return 0;
}

static struct availability cpu_probe(const struct source_context *c)
{
	struct availability a = { .rank = 100 };
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.size = sizeof(attr),
					.freq = 1,
					.sample_freq = 99,
					.disabled = 1 };

	if (c->host->fixture) {
		(void)err_set(&a.why, -ENOTSUP, "a recorded machine cannot be sampled");
		return a;
	}
	(void)libbpf_set_print(silent); /* it would print; what it says is in our log */
	if (probe_kernel(&a.why) < 0)
		return a;
	int r = perf_probe(&attr, -1, 0);
	if (r < 0 && r != -ENODEV) {
		(void)rights_refused(RIGHTS_MACHINE, r, 0, &a.why);
		return a;
	}
	a.ready = true;
	return a;
}

/* The inode of our pid namespace when it is not the first one, else 0. */
static uint32_t pid_space(const struct cpu_self *s)
{
	struct str link, number;
	struct err err = { 0 };
	uint64_t inode;

	if (file_link(s->arena, S("/proc/self/ns/pid"), &link, &err) < 0)
		return 0;
	(void)str_cut(link, '[', &number);
	number = str_cut(number, ']', &(struct str){ 0 });
	if (!str_to_u64(number, &inode) || inode == FIRST_PID_SPACE)
		return 0;
	return (uint32_t)inode;
}

static struct str cache_of(struct arena *a)
{
	struct str cache = env_get("XDG_CACHE_HOME"), home = env_get("HOME");

	if (cache.n)
		return arena_printf(a, STR_FMT "/perf-ops/unwind", STR_ARG(cache));
	if (home.n)
		return arena_printf(a, STR_FMT "/.cache/perf-ops/unwind", STR_ARG(home));
	return S("");
}

/* A power of two with room for a quarter of a second at full rate, should we be kept waiting. */
static uint32_t ring_bytes(const struct cpu_self *s)
{
	uint64_t want = s->params.frequency * s->c.host->n_cpus / 4 * 512;
	uint32_t n = (uint32_t)512 << 10;

	while (n < want && n < (uint32_t)32 << 20)
		n *= 2;
	return n;
}

static void size_maps(struct cpu_self *s, const struct tables_room *room)
{
	struct cpu_bpf *b = s->bpf;

	/* Before loading these only store a number: they cannot fail. */
	(void)bpf_map__set_max_entries(b->maps.rows, (uint32_t)(room->rows + 1) / 2);
	(void)bpf_map__set_max_entries(b->maps.pages, (uint32_t)room->pages);
	(void)bpf_map__set_max_entries(b->maps.rules, (uint32_t)room->rules);
	(void)bpf_map__set_max_entries(b->maps.exes, (uint32_t)room->exes);
	(void)bpf_map__set_max_entries(b->maps.ranges, (uint32_t)room->ranges);
	(void)bpf_map__set_max_entries(b->maps.procs, (uint32_t)room->procs);
	(void)bpf_map__set_max_entries(b->maps.samples, ring_bytes(s));
	(void)bpf_map__set_max_entries(b->maps.news, NEWS_BYTES);
	b->rodata->everybody = s->c.target->all;
	b->rodata->follow = s->c.target->children || s->c.target->all;
	b->rodata->command = s->c.target->child.pid;
	b->rodata->want_kernel = s->params.kernel;
	b->rodata->want_user = s->params.user;
	b->rodata->pid_space = pid_space(s);
}

/* What the maps take; the kernel's own bookkeeping beside it is small. */
static uint64_t maps_bytes(const struct cpu_self *s)
{
	const struct bpf_map *m;
	uint64_t sum = 0;

	bpf_object__for_each_map(m, s->bpf->obj)
	{
		uint64_t n = bpf_map__max_entries(m);
		uint64_t value = (bpf_map__value_size(m) + 7) & ~UINT64_C(7);

		unsigned type = bpf_map__type(m);

		if (type == BPF_MAP_TYPE_PERCPU_ARRAY)
			n *= s->c.host->n_cpus;
		if (type == BPF_MAP_TYPE_HASH)
			value += bpf_map__key_size(m) + HASH_ROW_BYTES;
		sum += type == BPF_MAP_TYPE_RINGBUF ? n : n * value;
	}
	for (size_t i = 0; i < s->rings.n; i++)
		sum += s->rings.v[i].size;
	return sum;
}

static int refuse_load(struct cpu_self *s, int r, const char *verifier, struct err *err)
{
	struct str rest = str_from_c(verifier);

	while (rest.n) {
		struct str line = str_cut(rest, '\n', &rest);
		log_debug(s->c.log, "verifier: " STR_FMT, STR_ARG(line));
	}
	if (r == -EPERM || r == -EACCES)
		return rights_refused(RIGHTS_BPF, r, 0, err);
	(void)err_set(err, r, "the kernel refuses the BPF program: %s", strerror(-r));
	return err_hint(err, "run with --verbose to see the reasons it gives");
}

static int load(struct cpu_self *s, const struct tables_room *room, struct err *err)
{
	char *log = arena_array(s->arena, char, LOG_BYTES);
	/* Zeroes its padding too, which libbpf looks at. */
	LIBBPF_OPTS(bpf_object_open_opts, o, .kernel_log_buf = log, .kernel_log_size = LOG_BYTES);

	s->bpf = cpu_bpf__open_opts(&o);
	if (!s->bpf)
		return err_set(err, -errno, "cannot open the BPF program: %s", strerror(errno));
	size_maps(s, room);
	int r = cpu_bpf__load(s->bpf);
	return r < 0 ? refuse_load(s, r, log, err) : 0;
}

static int open_rings(struct cpu_self *s, struct err *err)
{
	s->samples = ring_buffer__new(bpf_map__fd(s->bpf->maps.samples), cpu_take_sample, s, NULL);
	s->news = ring_buffer__new(bpf_map__fd(s->bpf->maps.news), cpu_take_news, s, NULL);
	if (!s->samples || !s->news)
		return err_set(err, -errno, "cannot read the rings of the BPF program: %s",
			       strerror(errno));
	return 0;
}

/* Room for what may be executed while recording: a lot when a command brings its own children. */
static struct tables_room room_of(const struct cpu_self *s)
{
	const struct target *t = s->c.target;

	if (t->all || t->cgroup.n)
		return tables_room(s->c.binaries, (size_t)2 << 20, 32768);
	if (t->child.pid)
		return tables_room(s->c.binaries, (size_t)2 << 20, 8192);
	return tables_room(s->c.binaries, (size_t)1 << 20, 8192);
}

static int open_parts(struct cpu_self *s, struct err *err)
{
	auto_arena a = arena_open("targets", SIZE_MAX / 2);
	struct proc_ids pids;
	int r = cpu_follow_targets(s, &pids, err);

	if (r < 0)
		return r;
	cpu_know_binaries(s, &pids);
	struct tables_room room = room_of(s);
	r = load(s, &room, err);
	if (r < 0)
		return r;
	const struct tables_maps maps = {
		.rows = bpf_map__fd(s->bpf->maps.rows),
		.pages = bpf_map__fd(s->bpf->maps.pages),
		.rules = bpf_map__fd(s->bpf->maps.rules),
		.exes = bpf_map__fd(s->bpf->maps.exes),
		.ranges = bpf_map__fd(s->bpf->maps.ranges),
		.procs = bpf_map__fd(s->bpf->maps.procs),
	};
	struct tables_use use = { s->c.binaries, cache_of(a), s->c.log };
	r = tables_open(&use, &room, &maps, &s->tables, err);
	if (r == 0)
		r = open_rings(s, err);
	if (r == 0)
		r = cpu_clocks_open(s, err);
	if (r == 0)
		r = cpu_watchers_open(s, err);
	return r;
}

static void cpu_close(void *self)
{
	struct cpu_self *s = self;

	if (!s)
		return;
	for (size_t i = 0; i < s->links.n; i++)
		(void)bpf_link__destroy(s->links.v[i]); /* closing cannot be mended */
	cpu_events_close(s);
	ring_buffer__free(s->samples);
	ring_buffer__free(s->news);
	s->tables = tables_close(s->tables);
	cpu_bpf__destroy(s->bpf);
	s->stacks = stacks_close(s->stacks);
	s->batch = arena_close(s->batch);
	(void)arena_close(s->arena); /* S lies in it */
}

static int cpu_open(const struct source_context *c, const void *params, void **ret_self,
		    struct err *err)
{
	struct arena *a = arena_open("eBPF sampling", QUEUE_BYTES);
	struct cpu_self *s = arena_make(a, struct cpu_self);

	*s = (struct cpu_self){ .c = *c, .arena = a };
	s->params = *(const struct cpu_params *)params;
	s->batch = arena_open("one turn", QUEUE_BYTES);
	s->stacks = stacks_open(STACKS_BYTES);
	(void)libbpf_set_print(silent);
	int64_t began = clock_monotonic_ns();
	int r = open_parts(s, err);
	if (r < 0) {
		cpu_close(s);
		return r;
	}
	s->execed = !c->target->child.pid;
	s->kernel_bytes = maps_bytes(s);
	log_debug(c->log, "eBPF: loaded in %.1f ms, %.1f MB of maps",
		  (double)(clock_monotonic_ns() - began) / 1e6, (double)s->kernel_bytes / 1e6);
	*ret_self = s;
	return 0;
}

static int add_link(struct cpu_self *s, struct bpf_link *link, const char *what, struct err *err)
{
	if (!link)
		return err_set(err, -errno, "cannot attach to %s: %s", what, strerror(errno));
	*vec_add(s->arena, &s->links) = link;
	return 0;
}

static int attach_life(struct cpu_self *s, struct err *err)
{
	struct bpf_program *const programs[] = { s->bpf->progs.on_fork, s->bpf->progs.on_exec,
						 s->bpf->progs.on_exit };

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		int r = add_link(s, bpf_program__attach(programs[i]),
				 bpf_program__section_name(programs[i]), err);
		if (r < 0)
			return r;
	}
	return cpu_watchers_start(s, err);
}

/* From here on there are samples. */
static int attach_clocks(struct cpu_self *s, struct err *err)
{
	for (size_t i = 0; i < s->clocks.n; i++) {
		int fd = s->clocks.v[i];
		struct bpf_link *l = bpf_program__attach_perf_event(s->bpf->progs.on_sample, fd);
		int r = add_link(s, l, "the clock of a processor", err);

		if (r < 0)
			return r;
		s->clocks.v[i] = -1; /* the link closes it */
	}
	return 0;
}

/* From here on the kernel tells what they fork. What was born while we looked is found by looking
 * again. */
static int follow(struct cpu_self *s, struct proc_ids *ret, struct err *err)
{
	for (size_t before = 0;; before = ret->n) {
		int r = cpu_follow_targets(s, ret, err);

		if (r < 0)
			return r;
		if (ret->n <= before)
			return 0;
		for (size_t i = 0; i < ret->n; i++)
			tables_follow(s->tables, ret->v[i]);
		tables_publish(s->tables, (uint64_t)clock_monotonic_ns());
	}
}

static int cpu_start(void *self, struct sink *out, struct err *err)
{
	struct cpu_self *s = self;
	const struct value_kind kinds[] = { { S("samples"), UNIT_COUNT }, { S("cpu"), UNIT_NS } };
	struct proc_ids pids;
	int64_t began = clock_monotonic_ns();
	int r = attach_life(s, err);

	if (r < 0)
		return r;
	s->sink = out;
	s->stream = out->ops->stream(out, S("cpu"), kinds, 2);
	r = follow(s, &pids, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < pids.n; i++)
		cpu_adopt(s, pids.v[i], true);
	s->checked_ns = s->joined_ns = (uint64_t)clock_monotonic_ns();
	tables_publish(s->tables, s->checked_ns);
	r = attach_clocks(s, err);
	if (r < 0)
		return r;
	log_debug(s->c.log, "eBPF: attached in %.1f ms, %zu processes",
		  (double)(clock_monotonic_ns() - began) / 1e6, pids.n);
	return 0;
}

static int cpu_pump(void *self, uint64_t until_ns, struct err *err)
{
	struct cpu_self *s = self;
	uint64_t now = (uint64_t)clock_monotonic_ns();
	int64_t wait = PUMP_NS;
	struct watch news = { .fd = ring_buffer__epoll_fd(s->news) };

	if (now < s->alert_ns) {
		wait = s->pause_ns;
		s->pause_ns *= 2;
	}
	if (until_ns <= now)
		wait = 0;
	else if (until_ns - now < (uint64_t)wait)
		wait = (int64_t)(until_ns - now);
	int r = watch_wait(&news, 1, wait < PUMP_NS ? wait : PUMP_NS, err);
	if (r < 0)
		return r;
	cpu_turn(s);
	return !cpu_ended(s);
}

/* N of something did not fit; WHAT is said of them. No command mends it, so there is no remedy. */
static void say_full(struct run *into, uint64_t n, const char *what, struct str why)
{
	if (n)
		run_add_limit(into,
			      arena_printf(into->arena, "%llu %s", (unsigned long long)n, what),
			      why, S(""));
}

static void say_limits(const struct cpu_self *s, struct run *into)
{
	struct tables_losses l = tables_losses(s->tables);

	say_full(into, l.files, "files have no unwind table, and stacks end there",
		 S("the memory for unwind tables was full; profile fewer processes at a time"));
	say_full(into, l.mappings, "mappings are not known",
		 S("the memory for mappings was full; profile fewer processes at a time"));
	say_full(into, l.processes, "processes were not followed",
		 S("the table of processes was full; profile fewer processes at a time"));
	if (s->c.target->all && s->bpf->rodata->pid_space)
		run_add_limit(into, S("only the processes of this container are seen"),
			      S("perf-ops runs in a pid namespace of its own; containers see the "
				"host's with --pid=host"),
			      S(""));
}

static int cpu_finish(void *self, struct run *into, struct err *err)
{
	struct cpu_self *s = self;

	(void)err;
	for (size_t i = 0; i < s->links.n; i++)
		(void)bpf_link__destroy(s->links.v[i]); /* no more samples either way */
	s->links.n = 0;
	cpu_turn(s);
	into->source = arena_printf(into->arena, "eBPF, %s at %llu Hz", s->clock_name,
				    (unsigned long long)s->params.frequency);
	into->cost.probe_ns = (int64_t)s->costs.sum_ns;
	into->cost.probe_runs = s->costs.n;
	into->cost.probe_p50_ns = costs_quantile(&s->costs, 0.5);
	into->cost.probe_p99_ns = costs_quantile(&s->costs, 0.99);
	into->cost.kernel_bytes = s->kernel_bytes;
	for (size_t i = 0; i < STACK__COUNT; i++)
		into->stack_end[i] += s->ends[i];
	say_limits(s, into);
	return 0;
}

const struct source source_cpu = {
	.name = "ebpf",
	.summary = "stacks walked in the kernel by eBPF",
	.params_size = sizeof(struct cpu_params),
	.produces = 1u,
	.probe = cpu_probe,
	.open = cpu_open,
	.start = cpu_start,
	.pump = cpu_pump,
	.finish = cpu_finish,
	.close = cpu_close,
};
