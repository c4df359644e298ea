/* The grammar of targets against processes that this test starts, and against a made-up machine. */
#include "capture/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* A child that bears NAME and waits to be killed; PORT_FD stays open in it. */
static pid_t bear(const char *name, bool with_child)
{
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, name);
		pid_t grandchild = with_child ? fork() : 1;
		if (grandchild == 0)
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		else if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

struct asked {
	struct arena *arena;
	struct target target;
	struct err err;
	int code;
};

static struct asked ask(const struct host *h, struct target_params p)
{
	struct asked a = { .arena = arena_open("test", 64 << 20) };

	a.code = target_find(h, a.arena, &p, &a.target, &a.err);
	return a;
}

static struct asked ask_word(const char *word)
{
	struct host h;
	struct err err = { 0 };

	assert_int_equal(host_open(S(""), &h, &err), 0);
	return ask(&h, (struct target_params){ .words = { .v = { str_from_c(word) }, .n = 1 },
					       .children = true });
}

static void done(struct asked *a)
{
	if (a->code == 0)
		target_done(&a->target);
	a->arena = arena_close(a->arena);
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in '%s'", part, text);
}

static void by_pid_with_children(void **state)
{
	char word[16];
	pid_t pid = bear("tgt-parent", true);

	(void)state;
	(void)snprintf(word, sizeof(word), "%d", pid);
	struct asked a = ask_word(word);
	assert_int_equal(a.code, 0);
	assert_int_equal(a.target.pids.n, 2);
	assert_int_equal(a.target.pids.v[0], pid);
	has(a.target.about.p, "tgt-parent (pid ");
	has(a.target.about.p, " and 1 child");
	done(&a);
	struct host h;
	struct err err = { 0 };
	assert_int_equal(host_open(S(""), &h, &err), 0);
	a = ask(&h, (struct target_params){ .words = { .v = { str_from_c(word) }, .n = 1 } });
	assert_int_equal(a.code, 0);
	assert_int_equal(a.target.pids.n, 1);
	done(&a);
	end(pid);
}

static void all_of_a_name(void **state)
{
	pid_t one = bear("tgt-twins", false), two = bear("tgt-twins", false);
	struct asked a = ask_word("tgt-twins");

	(void)state;
	assert_int_equal(a.code, 0);
	assert_int_equal(a.target.pids.n, 2);
	has(a.target.about.p, "tgt-twins (pids ");
	has(a.target.about.p, " and ");
	done(&a);
	end(one);
	end(two);
}

static void near_matches(void **state)
{
	pid_t pid = bear("tgt-mistyped", false);
	char expected[32];
	struct asked a = ask_word("tgt-mistpyed");

	(void)state;
	(void)snprintf(expected, sizeof(expected), "perf-ops profile %d", pid);
	assert_int_equal(a.code, -ESRCH);
	has(a.err.text, "tgt-mistpyed");
	has(a.err.hint, expected);
	done(&a);
	a = ask_word("GT-MISTYPE"); /* a part, in another case */
	assert_int_equal(a.code, -ESRCH);
	has(a.err.hint, expected);
	done(&a);
	a = ask_word("no-such-name-anywhere-at-all");
	assert_int_equal(a.code, -ESRCH);
	has(a.err.hint, "ps -eo");
	done(&a);
	end(pid);
	(void)snprintf(expected, sizeof(expected), "%d", pid);
	a = ask_word(expected); /* dead by now */
	assert_int_equal(a.code, -ESRCH);
	has(a.err.text, "there is no process");
	assert_true(a.err.hint[0] != 0);
	done(&a);
	static const char *const numbers[] = { "0", "99999999999999999999", "4294967297" };
	for (size_t i = 0; i < 3; i++) {
		a = ask_word(numbers[i]);
		assert_int_equal(a.code, -ESRCH);
		done(&a);
	}
}

static void zombies_threads_and_ourselves(void **state)
{
	char word[16];
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	(void)snprintf(word, sizeof(word), "%d", pid);
	struct asked a = ask_word(word);
	assert_int_equal(a.code, -ESRCH);
	has(a.err.text, "zombie");
	(void)snprintf(word, sizeof(word), "%d", getpid());
	has(a.err.hint, word); /* its parent */
	done(&a);
	end(pid);
	a = ask_word(word);
	assert_int_equal(a.code, -EINVAL);
	has(a.err.text, "itself");
	done(&a);
}

static int listen_on(uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static void by_port(void **state)
{
	uint16_t port;
	char word[16];
	int fd = listen_on(&port);
	pid_t pid = bear("tgt-server", false);
	bool found = false;

	(void)state;
	(void)snprintf(word, sizeof(word), ":%u", port);
	struct asked a = ask_word(word);
	assert_int_equal(a.code, 0);
	for (size_t i = 0; i < a.target.pids.n; i++)
		found |= a.target.pids.v[i] == (uint32_t)pid;
	assert_true(found);
	done(&a);
	end(pid);
	(void)close(fd);
	a = ask_word(word);
	assert_int_equal(a.code, -ESRCH);
	has(a.err.text, "listens");
	assert_true(a.err.hint[0] != 0);
	done(&a);
	static const char *const wrong[] = { ":", ":0", ":65536", ":http", ":-1", ":80 " };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		a = ask_word(wrong[i]);
		assert_int_equal(a.code, -EINVAL);
		has(a.err.hint, "perf-ops profile :8080");
		done(&a);
	}
}

static void wrong_combinations(void **state)
{
	static const char *const command[] = { "true", "x" };
	const struct target_params wrong[] = {
		{ .children = true },
		{ .words = { .v = { S("1") }, .n = 1 }, .command = { command, 1 } },
		{ .words = { .v = { S("1") }, .n = 1 }, .all = true },
		{ .all = true, .cgroup = S("/x") },
		{ .all = true, .command = { command, 1 } },
		{ .words = { .v = { S("1") }, .n = 1 }, .cgroup = S("/x") },
		{ .words = { .v = { S("1"), S("container:0123456789ab") }, .n = 2 } },
		{ .words = { .v = { S("") }, .n = 1 } },
	};
	struct host h;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(host_open(S(""), &h, &err), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct asked a = ask(&h, wrong[i]);
		assert_int_equal(a.code, -EINVAL);
		assert_true(i == 7 || strstr(a.err.hint, "perf-ops profile"));
		done(&a);
	}
	struct asked a = ask(&h, (struct target_params){ .cgroup = S("/no/such/group") });
	assert_int_equal(a.code, -ENOENT);
	done(&a);
	a = ask_word("container:0123456789abcdef");
	assert_int_equal(a.code, -ESRCH);
	done(&a);
}

static void commands_are_started(void **state)
{
	static const char *const command[] = { "true", "with", "words" };
	static const char *const missing[] = { "no-such-command-here" };
	struct host h;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(host_open(S(""), &h, &err), 0);
	struct asked a = ask(&h, (struct target_params){ .command = { command, 3 } });
	assert_int_equal(a.code, 0);
	assert_int_equal(a.target.pids.n, 1);
	assert_int_equal(a.target.pids.v[0], a.target.child.pid);
	has(a.target.about.p, "true with words (pid ");
	uint32_t pid = a.target.child.pid;
	done(&a); /* never released, so it is ended */
	assert_int_equal(kill((pid_t)pid, 0), -1);
	a = ask(&h, (struct target_params){ .command = { missing, 1 } });
	assert_int_equal(a.code, -ENOENT);
	has(a.err.text, "no-such-command-here");
	done(&a);
	a = ask(&h, (struct target_params){ .all = true });
	assert_int_equal(a.code, 0);
	assert_true(a.target.all);
	check_str(a.target.about, S("the whole machine"));
	done(&a);
}

/* A machine made of files. */
static void put(const char *root, const char *name, const char *text, size_t n)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		(void)mkdir(path, 0700);
		*p = '/';
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	(void)close(fd);
}

static void invent(const char *root, unsigned pid, unsigned parent, const char *comm, char how)
{
	char name[64], text[256];
	int n;

	(void)snprintf(name, sizeof(name), "proc/%u/stat", pid);
	n = snprintf(text, sizeof(text),
		     "%u (%s) %c %u 1 1 0 -1 0 0 0 0 0 5 6 0 0 20 0 1 0 99 0 0\n", pid, comm, how,
		     parent);
	put(root, name, text, (size_t)n);
	(void)snprintf(name, sizeof(name), "proc/%u/comm", pid);
	n = snprintf(text, sizeof(text), "%s\n", comm);
	put(root, name, text, (size_t)n);
	(void)snprintf(name, sizeof(name), "proc/%u/task/%u/comm", pid, pid);
	put(root, name, text, (size_t)n);
	(void)snprintf(name, sizeof(name), "proc/%u/cmdline", pid);
	n = snprintf(text, sizeof(text), "/usr/bin/%s%c--flag%c", comm, 0, 0);
	put(root, name, text, (size_t)n);
	(void)snprintf(name, sizeof(name), "proc/%u/cgroup", pid);
	n = snprintf(text, sizeof(text), "0::/system.slice/%s.service\n", comm);
	put(root, name, text, (size_t)n);
}

static void invented_machine(void **state)
{
	char root[] = "/tmp/perf-ops-target-XXXXXX", command[64];
	struct host h;
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(root));
	for (unsigned i = 0; i < 9; i++)
		invent(root, 100 + i, 1, "many", 'S');
	invent(root, 300, 100, "helper", 'R');
	invent(root, 301, 300, "deeper", 'R');
	invent(root, 4711, 1, "postgres", 'S');
	invent(root, 400, 1, "dead", 'Z');
	assert_int_equal(host_open(str_from_c(root), &h, &err), 0);
	struct asked a = ask(&h, (struct target_params){ .words = { .v = { S("many") }, .n = 1 },
							 .children = true });
	assert_int_equal(a.code, 0);
	assert_int_equal(a.target.pids.n, 11);
	check_str(a.target.about, S("many (pids 100, 101, 102, 103, 104 and 4 more of that name) "
				    "and 2 children"));
	done(&a);
	a = ask(&h, (struct target_params){ .words = { .v = { S("4711"), S("100"), S("postgres"),
							      S("helper"), S("deeper") },
						       .n = 5 } });
	assert_int_equal(a.code, 0);
	assert_int_equal(a.target.pids.n, 4);
	check_str(a.target.about, S("postgres (pid 4711), many (pid 100) and 2 more"));
	done(&a);
	a = ask(&h, (struct target_params){ .words = { .v = { S("4171") }, .n = 1 } });
	assert_int_equal(a.code, -ESRCH);
	done(&a);
	a = ask(&h, (struct target_params){ .words = { .v = { S("471") }, .n = 1 } });
	has(a.err.hint, "perf-ops profile 4711  # /usr/bin/postgres --flag");
	done(&a);
	a = ask(&h, (struct target_params){ .words = { .v = { S("400") }, .n = 1 } });
	has(a.err.text, "zombie");
	done(&a);
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_pid_with_children),
		cmocka_unit_test(all_of_a_name),
		cmocka_unit_test(near_matches),
		cmocka_unit_test(zombies_threads_and_ourselves),
		cmocka_unit_test(by_port),
		cmocka_unit_test(wrong_combinations),
		cmocka_unit_test(commands_are_started),
		cmocka_unit_test(invented_machine),
	};

	return RUN_TESTS(tests);
}
