/* fork, a gate and exec. The child waits at a pipe, so its pid exists before its program does. */
#include "sys/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/env.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/reason_priv.h"

/* 0 for a file that may be executed, else why not. */
static int runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* As execvp does it: the first that may be executed; a forbidden one is remembered. */
static int search(struct str name, struct path *ret)
{
	struct str list = env_get("PATH");
	int why = -ENOENT;

	if (list.n == 0)
		list = S("/usr/local/bin:/usr/bin:/bin");
	while (list.n) {
		struct str dir = str_cut(list, ':', &list);
		if (dir.n == 0)
			dir = S(".");
		if (dir.n + 1 + name.n >= sizeof(ret->c))
			continue;
		memcpy(ret->c, dir.p, dir.n);
		ret->c[dir.n] = '/';
		memcpy(ret->c + dir.n + 1, name.p, name.n);
		ret->c[dir.n + 1 + name.n] = 0;
		int r = runnable(ret->c);
		if (r == 0)
			return 0;
		if (r == -EACCES && file_exists(str_from_c(ret->c))) /* not: a closed directory */
			why = r;
	}
	return why;
}

static int find(struct str name, struct path *ret)
{
	if (name.n && memchr(name.p, '/', name.n)) {
		int r = path_set(ret, name);
		return r < 0 ? r : runnable(ret->c);
	}
	return name.n ? search(name, ret) : -ENOENT;
}

static int cannot_run(struct str name, int code, struct err *err)
{
	if (code == -ENOENT && !memchr(name.p, '/', name.n))
		return err_set(err, code, "cannot run " STR_FMT ": no such command", STR_ARG(name));
	err_set(err, code, "cannot run " STR_FMT ": %s", STR_ARG(name), reason(code));
	if (code == -EACCES && memchr(name.p, '/', name.n))
		err_hint(err, "chmod +x " STR_FMT, STR_ARG(name));
	return code;
}

/* The other side of the fork. Signals as a shell would have left them: what we ignore or block
 * would survive exec. */
static _Noreturn void wait_and_exec(int gate, int report, const char *path, const char *const *argv)
{
	sigset_t none;
	char go;
	ssize_t n;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	do
		n = read(gate, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(127); /* never released */
	(void)execvp(path, (char *const *)argv);
	int code = errno;
	(void)!write(report, &code, sizeof(code)); /* whoever reads it knows 127, too */
	_exit(127);
}

/* Not among 0, 1 and 2, which are the command's own even when we were started without them. */
static int make_pipe(int ends[2])
{
	if (fault_now() || pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		int low = ends[i];
		if (low > 2)
			continue;
		ends[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
		int code = errno;
		(void)close(low);
		if (ends[i] < 0)
			return -code;
	}
	return 0;
}

int child_new(struct args argv, struct child *ret, struct err *err)
{
	struct path path;
	int gate[2] = { -1, -1 }, report[2] = { -1, -1 };
	struct str name = str_from_c(argv.n ? argv.v[0] : NULL);
	int r = find(name, &path);

	if (r < 0)
		return cannot_run(name, r, err);
	/* execvp wants a NULL behind the words. */
	auto_arena a = arena_open("starting a command", (argv.n + 1) * sizeof(char *) + 4096);
	const char **words = arena_array(a, const char *, argv.n + 1);
	memcpy(words, argv.v, argv.n * sizeof(*words));
	r = make_pipe(gate);
	r = r < 0 ? r : make_pipe(report);
	pid_t pid = r < 0 ? -1 : fault_now() ? -1 : fork();
	if (r == 0 && pid < 0)
		r = -errno;
	if (r == 0 && pid == 0) {
		(void)close(gate[1]); /* or its end would never be seen */
		wait_and_exec(gate[0], report[1], path.c, words);
	}
	fd_closep(&gate[0]);
	fd_closep(&report[1]);
	if (r < 0) {
		fd_closep(&gate[1]);
		fd_closep(&report[0]);
		return err_set(err, r, "cannot start " STR_FMT ": %s", STR_ARG(name), reason(r));
	}
	*ret = (struct child){ .pid = (uint32_t)pid, .gate = gate[1], .report = report[0] };
	return 0;
}

static void close_gate(struct child *c)
{
	if (c->gate)
		fd_closep(&c->gate);
	c->gate = 0;
}

int child_release(struct child *c, struct err *err)
{
	int code = 0;
	ssize_t n = fault_now() ? -1 : write(c->gate, "", 1);

	if (n != 1)
		return err_set(err, -errno, "cannot let the command run: %s", reason(errno));
	close_gate(c);
	do
		n = read(c->report, &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	fd_closep(&c->report);
	c->report = 0;
	if (n == (ssize_t)sizeof(code))
		return err_set(err, -code, "cannot run the command: %s", reason(code));
	return 0;
}

int child_poll(struct child *c, struct child_end *ret, struct err *err)
{
	int status = 0;

	if (c->ended) {
		*ret = c->end;
		return 0;
	}
	pid_t pid = fault_now() ? -1 : waitpid((pid_t)c->pid, &status, WNOHANG);
	if (pid < 0)
		return err_set(err, -errno, "cannot ask for the command's end: %s", reason(errno));
	if (pid > 0 && (WIFEXITED(status) || WIFSIGNALED(status))) {
		c->ended = true;
		c->end = WIFEXITED(status) ? (struct child_end){ CHILD_EXITED, WEXITSTATUS(status) }
					   : (struct child_end){ CHILD_KILLED, WTERMSIG(status) };
	}
	*ret = c->end;
	return 0;
}

void child_signal(const struct child *c, int signal)
{
	if (c->pid && !c->ended)
		(void)kill((pid_t)c->pid, signal); /* ours and not yet waited for: the pid is its */
}

void child_done(struct child *c)
{
	if (c->pid && c->gate) { /* never released */
		close_gate(c);
		child_signal(c, SIGKILL);
		while (!c->ended && waitpid((pid_t)c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (c->pid && c->report)
		fd_closep(&c->report);
	*c = (struct child){ 0 };
}
