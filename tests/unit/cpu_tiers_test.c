/*
 * Tiers 2 and 3 of the CPU profiler on programs whose truth is known: this test starts itself as
 * the subject, and once more as an unprivileged user. Names are fakes that know the subject's own
 * functions only, so nothing but the capture is tested here.
 */
#include <errno.h>
#include <grp.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "capture/cpu/cpu.h"
#include "capture/record.h"
#include "capture/source.h"
#include "sys/clock.h"
#include "test.h"

extern const struct source source_cpu_perf;
extern const struct source source_cpu_proc;

/* ---- the subject ---- */

static volatile uint64_t bottomless, enough;

__attribute__((noinline)) static void spin(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		bottomless += i * i;
}

__attribute__((noinline)) static void heavy(void)
{
	spin(300000);
	bottomless++;
}

__attribute__((noinline)) static void light(void)
{
	spin(100000);
	bottomless++;
}

__attribute__((noinline)) static void work(void)
{
	while (!enough) {
		heavy();
		light();
	}
}

__attribute__((noinline)) static uint64_t deep(unsigned level)
{
	volatile char room[256];

	room[level % sizeof(room)] = (char)level;
	if (level == 0) {
		work();
		return 0;
	}
	return deep(level - 1) + (uint64_t)room[level % sizeof(room)];
}

static void *thread(void *name)
{
	(void)pthread_setname_np(pthread_self(), name);
	work();
	return NULL;
}

static void idle(void)
{
	for (;;)
		(void)pause();
}

static void families(unsigned n)
{
	for (;;) {
		pid_t pid = fork();
		if (pid == 0) {
			for (unsigned i = 0; i < n; i++)
				heavy();
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
}

static void subject(const char *how, char *self)
{
	static char one[] = "burner-one", two[] = "burner-two";
	pthread_t t;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(60);
	if (strcmp(how, "threads") == 0) {
		(void)pthread_create(&t, NULL, thread, one);
		(void)pthread_create(&t, NULL, thread, two);
		idle();
	} else if (strcmp(how, "deep") == 0) {
		(void)deep(500);
	} else if (strcmp(how, "families") == 0) {
		families(20);
	} else if (strcmp(how, "brief") == 0) {
		families(1);
	} else if (strcmp(how, "exec") == 0) {
		uint64_t until = (uint64_t)clock_monotonic_ns() + 300000000;
		while ((uint64_t)clock_monotonic_ns() < until)
			spin(10000);
		(void)execl(self, self, "subject", "work", NULL);
	} else if (strcmp(how, "short") == 0) {
		for (unsigned i = 0; i < 200; i++)
			heavy();
	} else {
		work();
	}
	_exit(0);
}

/* ---- names: the functions above, by distance from their beginning ---- */

struct names {
	struct arena *arena;
	uint64_t bias;
};

static const struct known {
	const char *name;
	void *at;
} known[] = {
	{ "spin", (void *)spin },       { "heavy", (void *)heavy },
	{ "light", (void *)light },     { "work", (void *)work },
	{ "thread", (void *)thread },   { "deep", (void *)deep },
	{ "subject", (void *)subject }, { "families", (void *)families },
};

void names_prepare(struct names *n, uint32_t binary, const uint64_t *vaddr, size_t n_vaddr)
{
	(void)n;
	(void)binary;
	(void)vaddr;
	(void)n_vaddr;
}

/* Addresses of this program are found by the nearest function below; all functions lie close. */
void names_file(struct names *n, uint32_t binary, uint64_t vaddr, struct name_list *ret)
{
	const struct known *best = NULL;

	(void)binary;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		uint64_t at = (uint64_t)(uintptr_t)known[i].at - n->bias;
		if (at <= vaddr && (!best || at > (uint64_t)(uintptr_t)best->at - n->bias))
			best = &known[i];
	}
	bool near = best && vaddr - ((uint64_t)(uintptr_t)best->at - n->bias) < 0x400;
	ret->n = 1;
	ret->v[0] = (struct name){ .function = near ? str_from_c(best->name) : S("elsewhere"),
				   .module = S("file"),
				   .kind = FRAME_NATIVE };
}

void names_kernel(struct names *n, uint64_t address, struct name_list *ret)
{
	(void)n;
	(void)address;
	ret->n = 1;
	ret->v[0] = (struct name){ .function = S("kernel"), .kind = FRAME_KERNEL };
}

void names_jit(struct names *n, uint32_t pid, uint64_t address, uint64_t time_ns,
	       struct name_list *ret)
{
	(void)n;
	(void)pid;
	(void)address;
	(void)time_ns;
	ret->n = 1;
	ret->v[0] = (struct name){ .function = S("jit"), .kind = FRAME_NATIVE };
}

size_t names_gaps(const struct names *n, const struct names_gap **ret)
{
	(void)n;
	*ret = NULL;
	return 0;
}

/* ---- one recording ---- */

struct recording {
	struct arena *arena;
	struct host host;
	struct target target;
	struct binaries *binaries;
	struct record *record;
	struct run *run;
	struct profile *profile;
	struct err err;
	int64_t took_ns;
};

static char own_path[4096];

/* Where this program was loaded, by the linker; the subject runs the same file. */
extern const char __executable_start[];

static uint64_t own_bias(void)
{
	return (uint64_t)(uintptr_t)__executable_start;
}

static int record_target(struct recording *r, const struct source *s, struct cpu_params p,
			 int64_t for_ns)
{
	struct source_context c = {
		.host = &r->host, .arena = r->arena, .binaries = r->binaries, .target = &r->target
	};
	struct record_options o = { .per_thread = true,
				    .kernel = true,
				    .timed = true,
				    .period_ns = 1000000000 / (int64_t)p.frequency,
				    .limit_bytes = 64 << 20 };
	void *self = NULL;

	r->record = record_open(&o, r->binaries);
	r->run = run_new(r->arena);
	int rc = s->open(&c, &p, &self, &r->err);
	if (rc == 0)
		rc = s->start(self, record_sink(r->record), &r->err);
	if (rc == 0 && r->target.child.pid)
		rc = child_release(&r->target.child, &r->err);
	int64_t begin = clock_monotonic_ns();
	uint64_t until = (uint64_t)(begin + for_ns);
	while (rc == 0 && (uint64_t)clock_monotonic_ns() < until)
		if (s->pump(self, until, &r->err) == 0)
			break;
	r->took_ns = clock_monotonic_ns() - begin;
	if (rc == 0)
		rc = s->finish(self, r->run, &r->err);
	s->close(self);
	struct names names = { .arena = r->arena, .bias = own_bias() };
	if (rc == 0)
		rc = record_finish(r->record, &names, NULL, r->run, &r->err);
	if (rc == 0) {
		assert_int_equal(run_check(r->run, &r->err), 0);
		r->profile = r->run->profiles.v[0];
	}
	return rc;
}

static void recording_open(struct recording *r)
{
	*r = (struct recording){ .arena = arena_open("test", SIZE_MAX / 2) };
	assert_int_equal(host_open(S(""), &r->host, &r->err), 0);
	r->binaries = binaries_open(r->arena, &r->host);
	r->target.children = true;
}

static void recording_close(struct recording *r)
{
	assert_null(record_close(r->record));
	(void)binaries_close(r->binaries);
	target_done(&r->target);
	(void)arena_close(r->arena);
}

static pid_t begin(const char *how)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl(own_path, own_path, "subject", how, NULL);
		_exit(127);
	}
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void attach(struct recording *r, uint32_t pid)
{
	r->target.pids.v = arena_array(r->arena, uint32_t, 1);
	r->target.pids.v[0] = pid;
	r->target.pids.n = 1;
	r->target.about = S("the subject");
}

/* Sum of the main value over rows that hold FUNCTION directly below BELOW (or anywhere: NULL). */
static double time_in(const struct profile *p, const char *function, const char *below)
{
	double sum = 0;

	for (size_t i = 0; i < p->sample.n_rows; i++)
		for (stack_id s = p->sample.stack[i]; s.i; s = p->stacks[s.i].parent) {
			stack_id up = p->stacks[s.i].parent;
			struct str name =
				profile_text(p, p->frames[p->stacks[s.i].frame.i].function);
			struct str caller =
				profile_text(p, p->frames[p->stacks[up.i].frame.i].function);
			if (!str_eq(name, str_from_c(function)) ||
			    (below && !str_eq(caller, str_from_c(below))))
				continue;
			sum += (double)p->sample.value[i * p->n_kinds + p->main_kind];
			break;
		}
	return sum;
}

static double total(const struct profile *p)
{
	double sum = 0;

	for (size_t i = 0; i < p->sample.n_rows; i++)
		sum += (double)p->sample.value[i * p->n_kinds + p->main_kind];
	return sum;
}

static bool has_label(const struct profile *p, const char *key, const char *text)
{
	for (size_t i = 1; i < p->n_labels; i++)
		if (str_eq(profile_text(p, p->labels[i].key), str_from_c(key)) &&
		    str_eq(profile_text(p, p->labels[i].text), str_from_c(text)))
			return true;
	return false;
}

static bool has_limit(const struct run *r, const char *what)
{
	for (size_t i = 0; i < r->limits.n; i++)
		if (str_find(r->limits.v[i].what, str_from_c(what)) < r->limits.v[i].what.n)
			return true;
	return false;
}

static const struct cpu_params usual = { .frequency = 499, .kernel = true, .user = true };

/* SKIP: not here, and why. */
static void need_perf(void)
{
	struct recording r;

	recording_open(&r);
	attach(&r, (uint32_t)getpid());
	struct source_context c = { .host = &r.host, .arena = r.arena, .target = &r.target };
	struct availability a = source_cpu_perf.probe(&c);
	recording_close(&r);
	if (a.ready)
		return;
	print_message("# SKIP %s\n", a.why.text);
	skip();
}

static void say_ends(const struct recording *r)
{
	print_message(
		"# %zu rows; root %llu none %llu nomap %llu norule %llu unreadable %llu "
		"truncated %llu; dropped %llu; own CPU %.1f ms in %.1f s\n",
		r->profile->sample.n_rows, (unsigned long long)r->run->stack_end[0],
		(unsigned long long)r->run->stack_end[1], (unsigned long long)r->run->stack_end[2],
		(unsigned long long)r->run->stack_end[3], (unsigned long long)r->run->stack_end[4],
		(unsigned long long)r->run->stack_end[5],
		(unsigned long long)r->profile->loss.dropped, (double)r->run->cost.cpu_ns / 1e6,
		(double)r->took_ns / 1e9);
	for (size_t i = 0; i < r->run->limits.n; i++)
		print_message("# limit: " STR_FMT ": " STR_FMT "\n",
			      STR_ARG(r->run->limits.v[i].what), STR_ARG(r->run->limits.v[i].why));
}

static uint64_t walked(const struct run *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < STACK__COUNT; i++)
		n += i == STACK_NONE ? 0 : r->stack_end[i];
	return n;
}

/* By the clock of the scheduler. */
static double cpu_of(pid_t pid)
{
	char name[64];
	unsigned long long ns = 0;

	(void)snprintf(name, sizeof(name), "/proc/%d/schedstat", pid);
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &ns), 1);
	(void)fclose(f);
	return (double)ns;
}

static void perf_shares(void **state)
{
	struct recording r;

	(void)state;
	need_perf();
	pid_t pid = begin("work");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	clock_sleep_ns(50000000);
	double before = cpu_of(pid);
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 1500000000), 0);
	double used = cpu_of(pid) - before;
	say_ends(&r);
	print_message("# %.0f of %.0f ms were sampled\n", total(r.profile) / 1e6, used / 1e6);
	assert_true(fabs(total(r.profile) / used - 1) < 0.15);
	assert_true(r.profile->sample.n_rows > 30);
	double share = time_in(r.profile, "heavy", "work") /
		       (time_in(r.profile, "heavy", "work") + time_in(r.profile, "light", "work"));
	print_message("# heavy: %.1f %% of 75 %%\n", share * 100);
	/* five standard errors of a share of 3/4, on a loaded machine of few samples */
	assert_true(fabs(share - 0.75) <
		    0.02 + 5 * sqrt(0.1875 / (double)r.profile->sample.n_rows));
	assert_true(time_in(r.profile, "work", "subject") > 0.9 * total(r.profile));
	assert_true((double)r.run->stack_end[STACK_ROOT] >= 0.99 * (double)walked(r.run));
	end(pid);
	recording_close(&r);
}

static void perf_threads(void **state)
{
	struct recording r;

	(void)state;
	need_perf();
	pid_t pid = begin("threads");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	/* at once: some threads are born while the events are opened */
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 1000000000), 0);
	say_ends(&r);
	assert_true(has_label(r.profile, "thread", "burner-one"));
	assert_true(has_label(r.profile, "thread", "burner-two"));
	assert_true(time_in(r.profile, "work", "thread") > 0.7 * total(r.profile));
	end(pid);
	recording_close(&r);
}

static void perf_launch(void **state)
{
	struct recording r;
	const char *argv[] = { own_path, "subject", "short" };

	(void)state;
	need_perf();
	recording_open(&r);
	assert_int_equal(child_new((struct args){ argv, 3 }, &r.target.child, &r.err), 0);
	attach(&r, r.target.child.pid);
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 30000000000), 0);
	say_ends(&r);
	assert_true(r.took_ns < 20000000000);
	assert_true(r.profile->sample.n_rows > 5);
	assert_true(time_in(r.profile, "heavy", "subject") > 0.7 * total(r.profile));
	recording_close(&r);
}

static void perf_families(void **state)
{
	struct recording r;

	(void)state;
	need_perf();
	pid_t pid = begin("families");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	clock_sleep_ns(50000000);
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 1000000000), 0);
	say_ends(&r);
	size_t pids = 0;
	for (size_t i = 1; i < r.profile->n_labels; i++)
		pids += str_eq(profile_text(r.profile, r.profile->labels[i].key), S("pid"));
	assert_true(pids > 5);
	assert_true(time_in(r.profile, "heavy", "families") > 0.6 * total(r.profile));
	recording_close(&r);

	recording_open(&r); /* the same without its children */
	r.target.children = false;
	attach(&r, (uint32_t)pid);
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 300000000), 0);
	for (size_t i = 1; i < r.profile->n_labels; i++)
		if (str_eq(profile_text(r.profile, r.profile->labels[i].key), S("pid")))
			assert_int_equal(r.profile->labels[i].number, pid);
	end(pid);
	recording_close(&r);
}

/* Of a process and the children it has waited for, in ticks. */
static double cpu_of_family(pid_t pid)
{
	char name[64];
	unsigned long own[2], children[2];

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", pid);
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f,
				"%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
				"%lu %lu",
				&own[0], &own[1], &children[0], &children[1]),
			 4);
	(void)fclose(f);
	return (double)(own[0] + own[1] + children[0] + children[1]) * 1e7;
}

/* Children that end before their first sample is due are in the profile all the same. */
static void perf_brief(void **state)
{
	struct recording r;

	(void)state;
	need_perf();
	pid_t pid = begin("brief");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	clock_sleep_ns(50000000);
	double before = cpu_of_family(pid);
	struct cpu_params p = usual;
	p.frequency = 20; /* every 50 ms of CPU time; the children run for less than 1 */
	assert_int_equal(record_target(&r, &source_cpu_perf, p, 1500000000), 0);
	double used = cpu_of_family(pid) - before;
	say_ends(&r);
	print_message("# %.0f of %.0f ms\n", total(r.profile) / 1e6, used / 1e6);
	/* Without the kernel side only what was used outside of it is there. */
	assert_true(total(r.profile) < used * 1.15);
	assert_true(total(r.profile) > used * (has_limit(r.run, "time in the kernel") ? 0.2 : 0.4));
	assert_true(has_limit(r.run, "ended too soon"));
	end(pid);
	recording_close(&r);
}

static void perf_exec(void **state)
{
	struct recording r;

	(void)state;
	need_perf();
	pid_t pid = begin("exec");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	clock_sleep_ns(30000000);
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 1200000000), 0);
	say_ends(&r);
	assert_true(time_in(r.profile, "spin", "subject") > 0); /* before */
	assert_true(time_in(r.profile, "heavy", "work") > 0);   /* after */
	assert_true((double)r.run->stack_end[STACK_ROOT] >= 0.9 * (double)walked(r.run));
	end(pid);
	recording_close(&r);
}

static void perf_deep(void **state)
{
	struct recording r;

	(void)state;
	need_perf();
	pid_t pid = begin("deep");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	clock_sleep_ns(50000000);
	assert_int_equal(record_target(&r, &source_cpu_perf, usual, 500000000), 0);
	say_ends(&r);
	assert_true(r.run->stack_end[STACK_TRUNCATED] > 0);
	assert_int_equal(r.profile->loss.truncated, r.run->stack_end[STACK_TRUNCATED]);
	assert_true(has_limit(r.run, "cut off at the bottom"));
	assert_true(time_in(r.profile, "[truncated]", NULL) > 0.9 * total(r.profile));
	end(pid);
	recording_close(&r);
}

static void dead_before_start(void **state)
{
	static const struct source *const all[] = { &source_cpu_perf, &source_cpu_proc };

	(void)state;
	need_perf();
	for (size_t i = 0; i < 2; i++) {
		struct recording r;
		pid_t pid = begin("short");
		end(pid);
		recording_open(&r);
		attach(&r, (uint32_t)pid);
		assert_int_equal(record_target(&r, all[i], usual, 500000000), -ESRCH);
		assert_true(r.err.text[0] != 0);
		recording_close(&r);
	}
}

static void dies_while_recording(void **state)
{
	static const struct source *const all[] = { &source_cpu_perf, &source_cpu_proc };

	(void)state;
	need_perf();
	for (size_t i = 0; i < 2; i++) {
		struct recording r;
		pid_t pid = begin("work"), killer = fork();
		if (killer == 0) {
			clock_sleep_ns(400000000);
			(void)kill(pid, SIGKILL);
			_exit(0);
		}
		recording_open(&r);
		attach(&r, (uint32_t)pid);
		assert_int_equal(record_target(&r, all[i], usual, 20000000000), 0);
		assert_true(r.took_ns < 10000000000);
		assert_true(r.profile->sample.n_rows > 0);
		end(pid);
		end(killer);
		recording_close(&r);
	}
}

/* Of all its threads, in ticks. */
static double cpu_of_all(pid_t pid)
{
	struct host h = { 0 };
	struct err err = { 0 };
	struct proc_stat st;
	auto_arena a = arena_open("test", 1 << 20);

	assert_int_equal(proc_stat(&h, a, (uint32_t)pid, &st, &err), 0);
	return (double)(st.user_ticks + st.system_ticks) * 1e7;
}

/* Exact, with the clock of the scheduler; without stacks, and it says so. */
static void proc_is_exact(void **state)
{
	struct recording r;

	(void)state;
	pid_t pid = begin("threads");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	clock_sleep_ns(50000000);
	double before = cpu_of_all(pid);
	assert_int_equal(record_target(&r, &source_cpu_proc, usual, 1000000000), 0);
	say_ends(&r);
	double used = cpu_of_all(pid) - before;
	print_message("# %.1f of %.1f ms\n", total(r.profile) / 1e6, used / 1e6);
	assert_true(fabs(total(r.profile) / used - 1) < 0.1); /* USED is in ticks, and read later */
	double one = time_in(r.profile, "[thread burner-one]", NULL);
	double two = time_in(r.profile, "[thread burner-two]", NULL);
	print_message("# %.0f + %.0f ms\n", one / 1e6, two / 1e6);
	assert_true(one > 0 && two > 0);
	assert_true(one + two > 0.95 * total(r.profile));
	assert_true(one + two < 1.2e9 * r.host.n_cpus);
	assert_true(has_limit(r.run, "stacks"));
	for (size_t i = 0; i < r.profile->n_frames; i++)
		assert_true(i == 0 || r.profile->frames[i].kind == FRAME_MARKER);
	end(pid);
	recording_close(&r);
}

static void proc_families(void **state)
{
	struct recording r;

	(void)state;
	pid_t pid = begin("families");
	recording_open(&r);
	attach(&r, (uint32_t)pid);
	assert_int_equal(record_target(&r, &source_cpu_proc, usual, 1000000000), 0);
	say_ends(&r);
	/* Most of its CPU time is spent in children that live for some milliseconds. */
	assert_true(total(r.profile) > 0);
	end(pid);
	recording_close(&r);
}

/* Everything above once more as nobody, who may watch nobody's processes only. */
static void as_nobody(void **state)
{
	(void)state;
	if (getuid() != 0) {
		print_message("# SKIP only root can become somebody else\n");
		skip();
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(99);
		(void)setenv("HOME", "/nonexistent", 1);
		(void)setenv("CMOCKA_MESSAGE_OUTPUT", "STDOUT", 1); /* not a second TAP stream */
		(void)dup2(2, 1);
		(void)execl(own_path, own_path, "nobody", NULL);
		_exit(98);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 98) {
		print_message("# SKIP nobody may not read this program\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* Of somebody else's process: refused, with a line to paste. */
static void strangers_are_refused(void **state)
{
	struct recording r;

	(void)state;
	if (getuid() != 0) {
		print_message("# SKIP only root can become somebody else\n");
		skip();
	}
	pid_t pid = begin("work"), other = fork();
	if (other == 0) {
		recording_open(&r);
		attach(&r, (uint32_t)pid);
		struct source_context c = { .host = &r.host,
					    .arena = r.arena,
					    .target = &r.target };
		if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(99);
		struct availability a = source_cpu_perf.probe(&c);
		struct availability b = source_cpu_proc.probe(&c);
		print_message("# %s\n# %s\n", a.why.text, b.why.text);
		_exit(a.ready || !strstr(a.why.hint, "sudo") || b.ready ? 1 : 0);
	}
	int status = -1;
	assert_int_equal(waitpid(other, &status, 0), other);
	end(pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);

	own_path[n > 0 ? n : 0] = 0;
	if (argc == 3 && strcmp(argv[1], "subject") == 0)
		subject(argv[2], own_path);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(perf_shares),
		cmocka_unit_test(perf_threads),
		cmocka_unit_test(perf_launch),
		cmocka_unit_test(perf_families),
		cmocka_unit_test(perf_brief),
		cmocka_unit_test(perf_exec),
		cmocka_unit_test(perf_deep),
		cmocka_unit_test(dead_before_start),
		cmocka_unit_test(dies_while_recording),
		cmocka_unit_test(proc_is_exact),
		cmocka_unit_test(proc_families),
		cmocka_unit_test(as_nobody), /* nobody cannot become somebody else: skips */
		cmocka_unit_test(strangers_are_refused),
	};
	return RUN_TESTS(tests);
}
