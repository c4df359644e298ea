#include "sys/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/clock.h"
#include "sys/env.h"
#include "sys/file.h"
#include "sys/stop.h"
#include "test.h"

#define WORDS(...)                                            \
	((struct args){ (const char *const[]){ __VA_ARGS__ }, \
			sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) })

static struct child_end wait_for(struct child *c)
{
	struct child_end end = { 0 };
	struct err err = { 0 };

	for (unsigned i = 0; i < 2000 && end.how == CHILD_RUNNING; i++) {
		assert_int_equal(child_poll(c, &end, &err), 0);
		clock_sleep_ns(5000000);
	}
	return end;
}

static void waits_at_the_gate(void **state)
{
	struct child c;
	struct child_end end;
	struct err err = { 0 };
	char path[] = "/tmp/perf-ops-gate-XXXXXX", text[64];

	(void)state;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(remove(path), 0);
	assert_int_equal(child_new(WORDS("touch", path), &c, &err), 0);
	assert_true(c.pid > 0);
	clock_sleep_ns(100000000);
	assert_false(file_exists(str_from_c(path)));
	assert_int_equal(child_poll(&c, &end, &err), 0);
	assert_int_equal(end.how, CHILD_RUNNING);
	/* Only its own descriptors: ours are closed by exec, and it has no other end of the gate.
	 */
	(void)snprintf(text, sizeof(text), "/proc/%u/exe", c.pid);
	assert_true(file_exists(str_from_c(text)));
	assert_int_equal(child_release(&c, &err), 0);
	end = wait_for(&c);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 0);
	assert_true(file_exists(str_from_c(path)));
	assert_int_equal(remove(path), 0);
	/* Asked again, it says the same. */
	end = wait_for(&c);
	assert_int_equal(end.how, CHILD_EXITED);
	child_signal(&c, SIGKILL); /* to nobody */
	child_done(&c);
	child_done(&c);
}

static void never_released(void **state)
{
	struct child c, zeroed = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(child_new(WORDS("sleep", "100"), &c, &err), 0);
	pid_t pid = (pid_t)c.pid;
	child_done(&c);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(c.pid, 0);
	child_done(&zeroed);
}

/* The end of perf-ops itself opens the gate the wrong way: the command never runs. */
static void dies_with_us(void **state)
{
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	pid_t middle = fork();
	if (middle == 0) {
		struct child c;
		struct err err = { 0 };
		int r = child_new(WORDS("sleep", "100"), &c, &err);
		pid = (pid_t)c.pid;
		_exit(r == 0 && write(ends[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	assert_int_equal(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
	for (unsigned i = 0; i < 400; i++) {
		char stat[64];
		(void)snprintf(stat, sizeof(stat), "/proc/%d/fd/0", pid);
		if (!file_exists(str_from_c(stat))) /* gone, or a zombie without files */
			break;
		assert_true(i < 399);
		clock_sleep_ns(5000000);
	}
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void ends(void **state)
{
	struct child c;
	struct child_end end;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(child_new(WORDS("sh", "-c", "exit 7"), &c, &err), 0);
	assert_int_equal(child_release(&c, &err), 0);
	end = wait_for(&c);
	assert_int_equal(end.how, CHILD_EXITED);
	assert_int_equal(end.status, 7);
	child_done(&c);
	assert_int_equal(child_new(WORDS("sleep", "100"), &c, &err), 0);
	assert_int_equal(child_release(&c, &err), 0);
	child_signal(&c, SIGTERM);
	end = wait_for(&c);
	assert_int_equal(end.how, CHILD_KILLED);
	assert_int_equal(end.status, SIGTERM);
	child_done(&c);
}

/* What we ignore and block is not what the command inherits. */
static void signals_as_usual(void **state)
{
	struct child c;
	struct err err = { 0 };
	sigset_t block, was;

	(void)state;
	stop_catch();
	assert_int_equal(sigemptyset(&block), 0);
	assert_int_equal(sigaddset(&block, SIGTERM), 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, &block, &was), 0);
	assert_int_equal(child_new(WORDS("sh", "-c",
					 "grep -qx 'SigBlk:.0000000000000000' /proc/self/status &&"
					 "kill -PIPE $$"),
				   &c, &err),
			 0);
	assert_int_equal(child_release(&c, &err), 0);
	struct child_end end = wait_for(&c);
	assert_int_equal(end.how, CHILD_KILLED);
	assert_int_equal(end.status, SIGPIPE);
	child_done(&c);
	assert_int_equal(sigprocmask(SIG_SETMASK, &was, NULL), 0);
}

static void what_cannot_run(void **state)
{
	struct child c = { 0 };
	struct err err = { 0 };
	char path[] = "/tmp/perf-ops-script-XXXXXX";
	char want[128];

	(void)state;
	assert_int_equal(child_new(WORDS("no-such-command-at-all"), &c, &err), -ENOENT);
	assert_string_equal(err.text, "cannot run no-such-command-at-all: no such command");
	assert_int_equal(child_new(WORDS("/no/such"), &c, &err), -ENOENT);
	assert_string_equal(err.text, "cannot run /no/such: No such file or directory");
	assert_int_equal(child_new(WORDS("/tmp"), &c, &err), -EACCES);
	assert_int_equal(child_new(WORDS(""), &c, &err), -ENOENT);
	assert_int_equal(child_new((struct args){ 0 }, &c, &err), -ENOENT);
	assert_int_equal(c.pid, 0);
	int fd = mkstemp(path);
	assert_int_equal(child_new(WORDS(path), &c, &err), -EACCES);
	(void)snprintf(want, sizeof(want), "chmod +x %s", path);
	assert_string_equal(err.hint, want);
	/* It can be executed, says its mode, but its interpreter is not there. */
	assert_int_equal(file_put(fd, S("#!/no/such/interpreter\n"), &err), 0);
	assert_int_equal(fchmod(fd, 0700), 0);
	(void)close(fd);
	assert_int_equal(child_new(WORDS(path), &c, &err), 0);
	assert_int_equal(child_release(&c, &err), -ENOENT);
	assert_string_equal(err.text, "cannot run the command: No such file or directory");
	assert_int_equal(wait_for(&c).status, 127);
	child_done(&c);
	/* A script without a first line is the shell's. */
	assert_int_equal(file_write(str_from_c(path), S("exit 9\n"), &err), 0);
	assert_int_equal(child_new(WORDS(path), &c, &err), 0);
	assert_int_equal(child_release(&c, &err), 0);
	assert_int_equal(wait_for(&c).status, 9);
	child_done(&c);
	assert_int_equal(remove(path), 0);
}

static void found_by_path(void **state)
{
	struct child c;
	struct err err = { 0 };
	struct str was = env_get("PATH");
	char old[4096];

	(void)state;
	(void)snprintf(old, sizeof(old), STR_FMT, STR_ARG(was));
	assert_int_equal(setenv("PATH", "/no/such:/etc:/usr/bin:/bin", 1), 0);
	assert_int_equal(child_new(WORDS("true"), &c, &err), 0);
	child_done(&c);
	assert_int_equal(setenv("PATH", "/no/such", 1), 0);
	assert_int_equal(child_new(WORDS("true"), &c, &err), -ENOENT);
	assert_int_equal(setenv("PATH", old, 1), 0);
	check_str(env_get("PERF_OPS_NEVER_SET"), S(""));
}

static void stop_is_a_flag(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		stop_catch();
		bool before = atomic_load(stop_flag());
		(void)raise(SIGPIPE);
		(void)raise(SIGINT);
		if (before || !atomic_load(stop_flag()))
			_exit(1);
		(void)raise(SIGTERM);
		_exit(2);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void clocks(void **state)
{
	int64_t before = clock_monotonic_ns(), cpu = clock_own_cpu_ns();

	(void)state;
	clock_sleep_ns(20000000);
	int64_t slept = clock_monotonic_ns() - before;
	assert_true(slept >= 20000000 && slept < 5000000000);
	assert_true(clock_own_cpu_ns() - cpu < slept);
	assert_true(clock_epoch_ns() > INT64_C(1600000000) * 1000000000);
	assert_true(clock_own_peak_rss_bytes() > 500 << 10);
	clock_sleep_ns(-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_at_the_gate), cmocka_unit_test(never_released),
		cmocka_unit_test(dies_with_us),      cmocka_unit_test(ends),
		cmocka_unit_test(what_cannot_run),   cmocka_unit_test(found_by_path),
		cmocka_unit_test(stop_is_a_flag),    cmocka_unit_test(clocks),
		cmocka_unit_test(signals_as_usual),
	};

	return RUN_TESTS(tests);
}
