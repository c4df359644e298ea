/*
 * The eBPF tier of the CPU profiler on programs whose truth is known: this test starts itself as
 * the subject. What is tested is which stacks come and how they end, not their names.
 */
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/map.h"
#include "capture/bpf/costs.h"
#include "capture/bpf/stacks.h"
#include "capture/cpu/cpu.h"
#include "capture/source.h"
#include "capture/unwind/native/native_abi.h"
#include "sys/clock.h"
#include "sys/limits.h"
#include "test.h"

extern const struct source source_cpu;

/* ---- the subject ---- */

static volatile uint64_t bottomless;
static char own_path[4096];

__attribute__((noinline)) static void spin(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		bottomless += i * i;
}

static void spin_for(int64_t ns)
{
	for (int64_t until = clock_own_cpu_ns() + ns; clock_own_cpu_ns() < until;)
		spin(100000);
}

__attribute__((noinline)) static uint64_t deep(unsigned level)
{
	volatile char room[64];

	room[level % sizeof(room)] = (char)level;
	while (level == 0 && bottomless != 1)
		spin(100000);
	if (level == 0)
		return 0;
	return deep(level - 1) + (uint64_t)room[level % sizeof(room)];
}

static void start(const char *how)
{
	(void)execl(own_path, own_path, "subject", how, NULL);
	_exit(127);
}

/* Forks and execs for ever; each child lives about as long as three ticks of 99 Hz. */
static void families(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			start("short");
		(void)waitpid(pid, NULL, 0);
	}
}

static void plugin(void)
{
	char *(*crypt)(const char *, const char *);
	void *library;

	spin_for(300000000);
	library = dlopen("libcrypt.so.1", RTLD_NOW);
	*(void **)&crypt = library ? dlsym(library, "crypt") : NULL;
	if (!crypt)
		_exit(3);
	for (;;)
		bottomless += (uint64_t)(uintptr_t)crypt("secret", "$6$rounds=5000$saltsalt$");
}

static void reads(void)
{
	static char into[1 << 20];
	int fd = open("/dev/zero", O_RDONLY);

	for (;;)
		bottomless += (uint64_t)read(fd, into, sizeof(into));
}

static void subject(const char *how)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(60);
	if (strncmp(how, "deep", 4) == 0)
		(void)deep((unsigned)atoi(how + 4));
	if (strcmp(how, "families") == 0)
		families();
	if (strcmp(how, "plugin") == 0)
		plugin();
	if (strcmp(how, "reads") == 0)
		reads();
	if (strcmp(how, "short") == 0)
		spin_for(30000000);
	else
		for (;;)
			spin(100000);
	_exit(0);
}

/* ---- the sink: counts ---- */

struct counts {
	struct sink sink;
	uint64_t samples, others, lost, ends[STACK__COUNT], tasks[TASK_GONE + 1], mappings;
	uint64_t user_frames, kernel_frames, deepest, in_watched;
	uint32_t root;      /* samples of other processes are `others` */
	struct str watched; /* part of a path */
	uint64_t watched_from, watched_to;
};

static unsigned count_stream(struct sink *s, struct str name, const struct value_kind *k,
			     unsigned n)
{
	(void)s;
	check_str(name, S("cpu"));
	check_str(k[0].name, S("samples"));
	assert_int_equal(n, 2);
	return 7;
}

static void count_sample(struct sink *s, unsigned stream, const struct raw_sample *r)
{
	struct counts *c = (struct counts *)s;

	assert_int_equal(stream, 7);
	assert_true(r->end < STACK__COUNT);
	assert_int_equal(r->value[0], 1);
	c->samples++;
	c->others += r->pid != c->root;
	c->ends[r->end]++;
	c->user_frames += r->n_user;
	c->kernel_frames += r->n_kernel;
	if (r->n_user > c->deepest)
		c->deepest = r->n_user;
	c->in_watched +=
		r->n_user && r->user_ip[0] >= c->watched_from && r->user_ip[0] < c->watched_to;
	for (size_t i = 0; i < r->n_kernel; i++)
		assert_true(r->kernel_ip[i] >> 63);
	for (size_t i = 0; i < r->n_user; i++)
		assert_false(r->user_ip[i] >> 63);
}

static void count_point(struct sink *s, unsigned stream, uint64_t time_ns, double v)
{
	(void)s;
	(void)stream;
	(void)time_ns;
	(void)v;
}

static void count_mapping(struct sink *s, const struct raw_mapping *m)
{
	struct counts *c = (struct counts *)s;

	c->mappings++;
	if (c->watched.n && str_find(m->path, c->watched) < m->path.n) {
		c->watched_from = m->start;
		c->watched_to = m->end;
	}
}

static void count_task(struct sink *s, const struct raw_task *t)
{
	((struct counts *)s)->tasks[t->event]++;
}

static void count_lost(struct sink *s, unsigned stream, struct loss l)
{
	(void)stream;
	((struct counts *)s)->lost += l.dropped;
}

static const struct sink_ops counting = { count_stream,  count_sample, count_point,
					  count_mapping, count_task,   count_lost };

/* ---- one recording ---- */

struct recording {
	struct arena *arena;
	struct host host;
	struct target target;
	struct source_context c;
	struct counts n;
	struct run *run;
	struct err err;
	uint64_t want, want_others; /* samples of the subject, and of others */
	int last;                   /* what the last pump said */
};

static void recording_open(struct recording *r)
{
	*r = (struct recording){ .arena = arena_open("test", SIZE_MAX / 2) };
	assert_int_equal(host_open(S(""), &r->host, &r->err), 0);
	r->target.children = true;
	r->target.pids = (struct proc_ids){ arena_array(r->arena, uint32_t, 1), 1 };
	r->run = run_new(r->arena);
	r->n.sink = (struct sink){ .ops = &counting, .into = r->run };
	r->c = (struct source_context){ .host = &r->host,
					.arena = r->arena,
					.binaries = binaries_open(r->arena, &r->host),
					.target = &r->target };
}

static void recording_close(struct recording *r)
{
	(void)binaries_close(r->c.binaries);
	child_done(&r->target.child);
	(void)arena_close(r->arena);
}

static bool can(struct availability *ret)
{
	struct recording r;

	recording_open(&r);
	*ret = source_cpu.probe(&r.c);
	recording_close(&r);
	return ret->ready;
}

#define NEED_BPF()                                                  \
	do {                                                        \
		struct availability a_;                             \
		if (!can(&a_)) {                                    \
			print_message("# SKIP: %s\n", a_.why.text); \
			skip();                                     \
		}                                                   \
	} while (0)

#define PATIENCE_NS 20000000000 /* on a machine that is busy with other things */

/* Until NS have passed and there are as many samples as wanted. 0 or the error. */
static int record_for(struct recording *r, uint64_t frequency, int64_t ns)
{
	struct cpu_params p = { .frequency = frequency, .kernel = true, .user = true };
	void *self = NULL;
	int rc = source_cpu.open(&r->c, &p, &self, &r->err);

	if (rc == 0)
		rc = source_cpu.start(self, &r->n.sink, &r->err);
	if (rc == 0 && r->target.child.pid)
		rc = child_release(&r->target.child, &r->err);
	uint64_t until = (uint64_t)(clock_monotonic_ns() + ns);
	r->last = 1;
	uint64_t latest = until + PATIENCE_NS;
	for (uint64_t now = 0; rc == 0 && r->last > 0 && now < latest;) {
		r->last = source_cpu.pump(self, latest, &r->err);
		now = (uint64_t)clock_monotonic_ns();
		if (now >= until && r->n.samples - r->n.others >= r->want &&
		    r->n.others >= r->want_others)
			break;
	}
	if (rc == 0)
		rc = source_cpu.finish(self, r->run, &r->err);
	source_cpu.close(self);
	return rc;
}

static void attach(struct recording *r, pid_t pid)
{
	r->target.pids.v[0] = r->n.root = (uint32_t)pid;
}

static pid_t begin(const char *how)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		start(how);
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

/* Attaches to a new subject once it has begun its work. */
static void record_subject(struct recording *r, const char *how, uint64_t frequency, int64_t ns)
{
	pid_t pid = begin(how);

	clock_sleep_ns(100000000);
	attach(r, pid);
	int rc = record_for(r, frequency, ns);
	end(pid);
	if (rc < 0)
		fail_msg("%s", r->err.text);
}

/* ---- tests ---- */

static void spin_is_rooted(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	r.want = 100;
	record_subject(&r, "work", 499, 500000000);
	assert_true(r.n.samples >= 100);
	assert_int_equal(r.n.ends[STACK_ROOT], r.n.samples);
	assert_int_equal(r.n.others, 0);
	assert_int_equal(r.n.lost, 0);
	assert_true(r.n.user_frames >= r.n.samples * 4); /* spin, main and what is under it */
	assert_int_equal(r.run->stack_end[STACK_ROOT], r.n.samples);
	assert_int_equal(r.run->cost.probe_runs, r.n.samples);
	assert_true(r.run->cost.probe_p50_ns > 200 && r.run->cost.probe_p50_ns < 1000000);
	assert_true(r.run->cost.probe_p99_ns >= r.run->cost.probe_p50_ns);
	assert_true(r.run->cost.kernel_bytes > 1 << 20);
	assert_true(str_find(r.run->source, S("eBPF, cpu-clock at 499 Hz")) == 0);
	assert_int_equal(r.last, 1);
	recording_close(&r);
}

static void an_end_is_the_end(void **state)
{
	struct recording r;
	pid_t pid;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	pid = begin("short");
	attach(&r, pid);
	int64_t began = clock_monotonic_ns();
	if (record_for(&r, 99, PATIENCE_NS) < 0)
		fail_msg("%s", r.err.text);
	assert_int_equal(r.last, 0);
	assert_true(clock_monotonic_ns() - began < 5000000000);
	assert_int_equal(r.n.tasks[TASK_SEEN], 1);
	end(pid);
	recording_close(&r);
}

static void a_command_is_seen_from_its_first_instruction(void **state)
{
	struct recording r;
	const char *argv[] = { own_path, "subject", "short" };

	(void)state;
	NEED_BPF();
	recording_open(&r);
	if (child_new((struct args){ argv, 3 }, &r.target.child, &r.err) < 0)
		fail_msg("%s", r.err.text);
	attach(&r, (pid_t)r.target.child.pid);
	if (record_for(&r, 999, PATIENCE_NS) < 0)
		fail_msg("%s", r.err.text);
	assert_int_equal(r.last, 0);
	assert_int_equal(r.n.tasks[TASK_EXEC], 1);
	assert_true(r.n.tasks[TASK_GONE] >= 1);
	assert_true(r.n.samples > 5);
	/* The dynamic linker too: its stacks are walked late, but none is lost. */
	assert_true(r.n.ends[STACK_NO_MAP] == 0);
	assert_true(r.n.ends[STACK_ROOT] + r.n.ends[STACK_NONE] + 1 >= r.n.samples);
	recording_close(&r);
}

static void forks_and_execs_are_followed(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	r.want_others = 200;
	record_subject(&r, "families", 499, 1000000000);
	assert_true(r.n.others >= 200);
	assert_true(r.n.tasks[TASK_FORK] > 5);
	assert_true(r.n.tasks[TASK_EXEC] > 5);
	assert_true(r.n.tasks[TASK_GONE] > 5);
	uint64_t good = r.n.ends[STACK_ROOT] + r.n.ends[STACK_NONE];
	if (good * 100 < r.n.samples * 98)
		fail_msg("%llu of %llu stacks have a root", (unsigned long long)good,
			 (unsigned long long)r.n.samples);
	assert_int_equal(r.n.lost, 0);
	recording_close(&r);
}

static void children_can_be_left_out(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	r.target.children = false;
	record_subject(&r, "families", 499, 500000000);
	assert_int_equal(r.n.others, 0);
	assert_int_equal(r.n.tasks[TASK_FORK], 0);
	recording_close(&r);
}

static void a_library_may_come_later(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	if (!dlopen("libcrypt.so.1", RTLD_NOW)) {
		print_message("# SKIP: there is no libcrypt.so.1\n");
		skip();
	}
	recording_open(&r);
	r.n.watched = S("/libcrypt.so");
	r.want = 400; /* the first 150 before it comes */
	record_subject(&r, "plugin", 499, 500000000);
	assert_true(r.n.in_watched > 100);
	assert_int_equal(r.n.ends[STACK_ROOT], r.n.samples);
	recording_close(&r);
}

static void depth_has_a_limit(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	r.want = 20;
	record_subject(&r, "deep3900", 199, 100000000);
	assert_true(r.n.samples >= 20);
	assert_int_equal(r.n.ends[STACK_TRUNCATED], r.n.samples);
	assert_int_equal(r.n.deepest, NATIVE_FRAMES_MAX);
	recording_close(&r);
	recording_open(&r);
	r.want = 20;
	record_subject(&r, "deep3700", 199, 100000000);
	assert_int_equal(r.n.ends[STACK_ROOT], r.n.samples);
	assert_true(r.n.deepest > 3700);
	recording_close(&r);
}

static void the_kernel_is_seen(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	r.want = 50;
	record_subject(&r, "reads", 499, 100000000);
	assert_true(r.n.samples >= 50);
	assert_true(r.n.kernel_frames > r.n.samples); /* read, vfs, and the copy itself */
	assert_int_equal(r.n.ends[STACK_ROOT], r.n.samples);
	recording_close(&r);
}

static void everybody_is_everybody(void **state)
{
	struct recording r;

	(void)state;
	NEED_BPF();
	recording_open(&r);
	r.target.all = true;
	r.want = 50;
	record_subject(&r, "work", 499, 300000000);
	assert_true(r.n.samples > r.n.others); /* the subject is among them */
	assert_true(r.n.tasks[TASK_SEEN] > 3);
	assert_int_equal(r.last, 1);
	recording_close(&r);
}

/* How many programs of ours the kernel has. */
static unsigned programs(void)
{
	unsigned id = 0, n = 0;

	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = { 0 };
		unsigned size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			n += strcmp(info.name, "on_sample") == 0;
		(void)close(fd);
	}
	return n;
}

static void killed_we_leave_nothing(void **state)
{
	struct recording r;
	unsigned before = programs();
	pid_t pid;

	(void)state;
	NEED_BPF();
	pid = fork();
	if (pid == 0) {
		recording_open(&r);
		attach(&r, getppid());
		_exit(record_for(&r, 99, PATIENCE_NS) < 0);
	}
	for (int i = 0; i < 500 && programs() == before; i++)
		clock_sleep_ns(10000000);
	assert_true(programs() > before);
	end(pid);
	for (int i = 0; i < 500 && programs() > before; i++)
		clock_sleep_ns(10000000);
	assert_true(programs() <= before);
}

static int record_in_namespace(void)
{
	struct recording r;
	pid_t pid = fork();

	if (pid == 0)
		start("work");
	clock_sleep_ns(100000000);
	recording_open(&r);
	attach(&r, pid);
	r.want = 50;
	int rc = record_for(&r, 499, 100000000);
	end(pid);
	if (rc < 0 || r.n.samples < 50)
		return 1;
	return r.n.others != 0 || r.n.ends[STACK_ROOT] != r.n.samples ? 2 : 0;
}

static void numbers_of_a_pid_namespace(void **state)
{
	int status = 0;
	pid_t outer, pid;

	(void)state;
	NEED_BPF();
	outer = fork();
	if (outer == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(77);
		pid = fork();
		if (pid == 0) {
			if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			    mount("proc", "/proc", "proc", 0, NULL) < 0)
				_exit(77);
			_exit(record_in_namespace());
		}
		(void)waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
	}
	(void)waitpid(outer, &status, 0);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("# SKIP: no new pid namespace here\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void no_machine_no_sampling(void **state)
{
	struct recording r;

	(void)state;
	recording_open(&r);
	r.host.fixture = true;
	struct availability a = source_cpu.probe(&r.c);
	assert_false(a.ready);
	assert_true(a.why.code < 0 && a.why.text[0]);
	recording_close(&r);
}

static void stacks_are_forgotten_in_order(void **state)
{
	struct stacks *s = stacks_open(1 << 20);
	uint64_t ip[64], epoch = stacks_epoch(s), put = 0;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < 64; i++)
		ip[i] = i;
	for (; stacks_epoch(s) < epoch + 3; put++) {
		ip[0] = put;
		stacks_put(s, map_hash2(put, 1), ip, 64);
		const uint64_t *got = stacks_get(s, map_hash2(put, 1), &n);
		assert_non_null(got);
		assert_int_equal(n, 64);
		assert_int_equal(got[0], put);
		assert_int_equal(got[63], 63);
		assert_true(put < 100000); /* memory is bounded */
	}
	assert_null(stacks_get(s, map_hash2(0, 1), &n));
	assert_non_null(stacks_get(s, map_hash2(put - 2, 1), &n));
	assert_null(stacks_get(s, 12345, &n));
	assert_null(stacks_close(s));
}

static void quantiles_are_close(void **state)
{
	struct costs c = { 0 };

	(void)state;
	assert_int_equal(costs_quantile(&c, 0.5), -1);
	for (uint32_t i = 1; i <= 10000; i++)
		costs_add(&c, i * 10);
	assert_in_range(costs_quantile(&c, 0.5), 48500, 51500);
	assert_in_range(costs_quantile(&c, 0.99), 96000, 102000);
	assert_int_equal(c.n, 10000);
	costs_add(&c, 0);
	costs_add(&c, UINT32_MAX);
	assert_true(costs_quantile(&c, 1.0 - 1e-9) > (int64_t)4000000000);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_machine_no_sampling),
		cmocka_unit_test(stacks_are_forgotten_in_order),
		cmocka_unit_test(quantiles_are_close),
		cmocka_unit_test(spin_is_rooted),
		cmocka_unit_test(an_end_is_the_end),
		cmocka_unit_test(a_command_is_seen_from_its_first_instruction),
		cmocka_unit_test(forks_and_execs_are_followed),
		cmocka_unit_test(children_can_be_left_out),
		cmocka_unit_test(a_library_may_come_later),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(the_kernel_is_seen),
		cmocka_unit_test(everybody_is_everybody),
		cmocka_unit_test(killed_we_leave_nothing),
		cmocka_unit_test(numbers_of_a_pid_namespace),
	};

	ssize_t n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
	own_path[n > 0 ? n : 0] = '\0';
	if (argc == 3 && strcmp(argv[1], "subject") == 0)
		subject(argv[2]);
	(void)limits_raise_files();
	return RUN_TESTS(tests);
}
