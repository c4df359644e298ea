/* One process: its files below /proc/PID, field by field. Formats: proc(5), fs/proc/array.c. */
#include "sys/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/vec.h"
#include "sys/caps.h"
#include "sys/fault.h"
#include "sys/file.h"
#include "sys/proc_priv.h"

#define SMALL_FILE  ((size_t)1 << 20) /* more than the kernel ever writes into these */
#define COMMAND_MAX 4096              /* of a command line that is only shown */

int proc_read(const struct host *h, struct arena *a, uint32_t pid, const char *name,
	      struct str *ret, struct err *err)
{
	struct str path = arena_printf(a, "/proc/%u/%s", pid, name);
	int r = host_read(h, a, path, ret, err);

	if (r == -ENOENT || r == -ESRCH)
		return err_set(err, -ESRCH, "there is no process %u", pid);
	if ((r == -EACCES || r == -EPERM) && !h->fixture)
		return rights_refused(RIGHTS_MEMORY, r, pid, err);
	return r;
}

struct str proc_link(const struct host *h, struct arena *a, uint32_t pid, const char *name)
{
	struct err ignored = { 0 };
	struct str to;

	if (file_link(a, host_path(h, a, arena_printf(a, "/proc/%u/%s", pid, name)), &to,
		      &ignored) < 0)
		return S("");
	return to;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The entries of a directory that are numbers, ascending. */
static int list_ids(const struct host *h, struct arena *a, struct str dir, struct proc_ids *ret,
		    struct err *err)
{
	auto_arena tmp = arena_open("listing processes", PROC_FILE_MAX);
	VEC(uint32_t) ids = { 0 };
	struct str *names;
	size_t n;
	int r = file_list(tmp, host_path(h, tmp, dir), &names, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t id;
		if (str_to_u64(names[i], &id) && id > 0 && id < UINT32_MAX)
			*vec_add(a, &ids) = (uint32_t)id;
	}
	if (r < 0)
		return r;
	if (ids.n)
		qsort(ids.v, ids.n, sizeof(*ids.v), by_number);
	*ret = (struct proc_ids){ ids.v, ids.n };
	return 0;
}

int proc_all(const struct host *h, struct arena *a, struct proc_ids *ret, struct err *err)
{
	return list_ids(h, a, S("/proc"), ret, err);
}

int proc_threads(const struct host *h, struct arena *a, uint32_t pid, struct proc_ids *ret,
		 struct err *err)
{
	int r = list_ids(h, a, arena_printf(a, "/proc/%u/task", pid), ret, err);

	return r == -ENOENT || r == -ESRCH ? err_set(err, -ESRCH, "there is no process %u", pid)
					   : r;
}

/* Field NUMBER (from 1, as in proc(5)) of what stands behind the name. */
static uint64_t stat_field(struct str behind, unsigned number)
{
	uint64_t v;

	for (unsigned i = 3; i < number; i++)
		(void)str_cut(behind, ' ', &behind);
	return str_to_u64(str_trim(str_cut(behind, ' ', &behind)), &v) ? v : 0;
}

/* The name may hold blanks and brackets: it ends at the last one. */
static int parse_stat(struct arena *a, struct str text, struct proc_stat *ret, struct err *err)
{
	struct str head, name;
	struct str behind = str_trim(str_cut_last(text, ')', &head));

	(void)str_cut(head, '(', &name);
	if (head.n == 0 || behind.n < 3 || behind.p[1] != ' ')
		return err_set(err, -EBADMSG, "a stat file without a name in brackets");
	*ret = (struct proc_stat){
		.comm = arena_str(a, name),
		.state = behind.p[0],
		.parent = (uint32_t)stat_field(behind, 4),
		.n_threads = (uint32_t)stat_field(behind, 20),
		.user_ticks = stat_field(behind, 14),
		.system_ticks = stat_field(behind, 15),
		.start_ticks = stat_field(behind, 22),
		.flags = (uint32_t)stat_field(behind, 9),
	};
	return 0;
}

static int read_stat(const struct host *h, struct arena *a, uint32_t pid, const char *name,
		     struct proc_stat *ret, struct err *err)
{
	auto_arena tmp = arena_open("reading stat", SMALL_FILE);
	struct str text;
	int r = proc_read(h, tmp, pid, name, &text, err);

	return r < 0 ? r : parse_stat(a, text, ret, err);
}

int proc_stat(const struct host *h, struct arena *a, uint32_t pid, struct proc_stat *ret,
	      struct err *err)
{
	return read_stat(h, a, pid, "stat", ret, err);
}

int proc_task_stat(const struct host *h, struct arena *a, uint32_t pid, uint32_t tid,
		   struct proc_stat *ret, struct err *err)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "task/%u/stat", tid);
	return read_stat(h, a, pid, name, ret, err);
}

/* A small file of a process; "" when it cannot be read. */
static struct str small(const struct host *h, struct arena *a, uint32_t pid, const char *name)
{
	struct err ignored = { 0 };
	struct str text, path = arena_printf(a, "/proc/%u/%s", pid, name);

	return host_read(h, a, path, &text, &ignored) < 0 ? S("") : text;
}

struct str proc_comm(const struct host *h, struct arena *a, uint32_t pid, uint32_t tid)
{
	auto_arena tmp = arena_open("reading a name", SMALL_FILE);
	char name[64];

	(void)snprintf(name, sizeof(name), "task/%u/comm", tid);
	struct str text = small(h, tmp, pid, name);
	if (str_ends(text, S("\n"))) /* only the kernel's: a name may end in blanks */
		text.n--;
	return arena_str(a, text);
}

struct str proc_command(const struct host *h, struct arena *a, uint32_t pid)
{
	auto_arena tmp = arena_open("reading a command line", 8 * SMALL_FILE);
	struct str text = small(h, tmp, pid, "cmdline");

	while (text.n && text.p[text.n - 1] == 0)
		text.n--;
	text = arena_str(a, str_head(text, COMMAND_MAX));
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ')
			((char *)text.p)[i] = text.p[i] ? '?' : ' '; /* our own copy */
	return text;
}

struct str proc_exe(const struct host *h, struct arena *a, uint32_t pid)
{
	struct str exe = proc_link(h, a, pid, "exe");

	return str_ends(exe, S(" (deleted)")) ? str_head(exe, exe.n - 10) : exe;
}

static struct str status_field(const struct host *h, struct arena *a, uint32_t pid, struct str name)
{
	struct str text = small(h, a, pid, "status");

	while (text.n) {
		struct str line = str_cut(text, '\n', &text);
		if (str_starts(line, name))
			return str_trim(str_skip(line, name.n));
	}
	return S("");
}

uint32_t proc_owner(const struct host *h, uint32_t pid)
{
	auto_arena tmp = arena_open("reading an owner", SMALL_FILE);
	struct str ids = status_field(h, tmp, pid, S("Uid:"));
	uint64_t uid;

	(void)str_cut(ids, '\t', &ids); /* the real one; the effective one counts */
	return str_to_u64(str_cut(ids, '\t', &ids), &uid) && uid < UINT32_MAX ? (uint32_t)uid
									      : UINT32_MAX;
}

uint32_t proc_inner_pid(const struct host *h, struct arena *a, uint32_t pid)
{
	auto_arena tmp = arena_open("reading a pid", SMALL_FILE);
	struct str rest, ids = status_field(h, tmp, pid, S("NSpid:"));
	uint64_t inner;

	(void)a; /* of the interface; the answer needs no memory */
	return str_to_u64(str_cut_last(ids, '\t', &rest), &inner) && inner < UINT32_MAX
		       ? (uint32_t)inner
		       : pid;
}

bool proc_alive(const struct host *h, uint32_t pid)
{
	auto_arena tmp = arena_open("looking for a process", SMALL_FILE);
	struct proc_stat st = { 0 };
	struct err ignored = { 0 };

	return parse_stat(tmp, small(h, tmp, pid, "stat"), &st, &ignored) == 0 && st.state != 'Z' &&
	       st.state != 'X' && st.state != 'x';
}

ssize_t proc_memory(uint32_t pid, uint64_t address, void *into, size_t n)
{
	struct iovec here = { into, n }, there = { .iov_len = n };

	memcpy(&there.iov_base, &address, sizeof(address)); /* a pointer, but not of ours */

	if (fault_now())
		return -errno;
	ssize_t r = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);
	return r < 0 ? -errno : r;
}

uint64_t proc_own_vdso(uint32_t *ret_pid)
{
	*ret_pid = (uint32_t)getpid();
	return getauxval(AT_SYSINFO_EHDR);
}
