#include "sys/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/watch.h"
#include "test.h"

static void ask(struct buf *said)
{
	for (unsigned i = 0; i < 5; i++) {
		errno = 0;
		if (fault_now())
			buf_printf(said, "%u:%d ", i + 1, errno);
	}
}

/* Each setting in a process of its own: it is read once. What is written to the descriptor comes
 * behind what was said. */
static void check(const char *setting, void (*job)(struct buf *said), const char *want)
{
	int out[2];
	auto_buf all = BUF(4096);
	char piece[512];
	ssize_t n;

	assert_int_equal(pipe(out), 0);
	pid_t pid = fork();
	if (pid == 0) {
		auto_buf said = BUF(4096);
		char fd[16];
		(void)snprintf(fd, sizeof(fd), "%d", out[1]);
		(void)setenv("PERF_OPS_FAULT", setting, 1);
		(void)setenv("PERF_OPS_FAULT_FD", fd, 1);
		job(&said);
		_exit(write(out[1], said.p, said.n) == (ssize_t)said.n ? 0 : 1);
	}
	(void)close(out[1]);
	while ((n = read(out[0], piece, sizeof(piece))) > 0)
		buf_put(&all, (struct str){ piece, (size_t)n });
	(void)close(out[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_str(buf_str(&all), str_from_c(want));
}

static void counting(void **state)
{
	(void)state;
	check("", ask, "");
	check("0", ask, "");
	check("x", ask, "");
	check("-1", ask, "");
	check("1", ask, "fault 1 ask\n1:5 ");
	check("3", ask, "fault 3 ask\n3:5 ");
	check("5:28", ask, "fault 5 ask\n5:28 ");
	check("2:0", ask, "fault 2 ask\n2:5 ");
	check("6", ask, "");
}

/* A walk through this folder; the harness below lets every call of it fail once. */
static void walk(struct buf *said)
{
	auto_arena a = arena_open("test", 64 << 20);
	struct err err = { 0 };
	struct host h = { 0 };
	struct proc_maps maps;
	struct proc_ids ids;
	struct str text;
	struct child c = { 0 };
	struct child_end end;
	struct watch none = { .fd = -1 };
	const char *words[] = { "true" };

	(void)host_open(S(""), &h, &err);
	(void)proc_maps(&h, a, (uint32_t)getpid(), &maps, &err);
	(void)proc_threads(&h, a, (uint32_t)getpid(), &ids, &err);
	(void)file_read(a, S("/proc/self/stat"), &text, &err);
	(void)file_write(S("/tmp/perf-ops-fault"), S("x"), &err);
	auto_fd fd = file_open(S("/proc/self/exe"), O_RDONLY, &err);
	struct file_map map = { 0 };
	if (fd >= 0 && file_map(fd, &map, &err) == 0)
		file_unmap(&map);
	if (child_new((struct args){ words, 1 }, &c, &err) == 0 && child_release(&c, &err) == 0)
		(void)child_poll(&c, &end, &err);
	child_done(&c);
	(void)watch_wait(&none, 1, 1, &err);
	if (err.code)
		buf_printf(said, "code %d", err.code);
}

static void every_call_fails_once(void **state)
{
	unsigned fired = 0;

	(void)state;
	for (unsigned n = 1; n < 500; n++) {
		int out[2];
		char setting[16], text[600] = "";
		assert_int_equal(pipe(out), 0);
		(void)snprintf(setting, sizeof(setting), "%u", n);
		pid_t pid = fork();
		if (pid == 0) {
			auto_buf said = BUF(4096);
			char fd[16];
			(void)snprintf(fd, sizeof(fd), "%d", out[1]);
			(void)setenv("PERF_OPS_FAULT", setting, 1);
			(void)setenv("PERF_OPS_FAULT_FD", fd, 1);
			walk(&said);
			_exit(0);
		}
		(void)close(out[1]);
		ssize_t got = read(out[0], text, sizeof(text) - 1);
		(void)close(out[0]);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0); /* no signal, no end by itself */
		if (got <= 0)
			break;
		assert_true(str_starts(str_from_c(text), S("fault ")));
		fired++;
	}
	(void)remove("/tmp/perf-ops-fault");
	assert_true(fired > 20 && fired < 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting),
		cmocka_unit_test(every_call_fails_once),
	};

	return RUN_TESTS(tests);
}
