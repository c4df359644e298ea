/*
 * The grammar of targets, and what is said when nobody fits: only this file turns words of the
 * command line into processes.
 */
#include "capture/target.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/vec.h"
#include "sys/file.h"

#define SCRATCH_MAX ((size_t)256 << 20)
#define PID_MAX     4194304u /* PID_MAX_LIMIT of linux/threads.h */
#define NEAR_MAX    3
#define LISTED_MAX  5 /* pids told one by one */
#define ABOUT_MAX   160
#define EXAMPLES                                                                      \
	"perf-ops profile 4711  # or a name: postgres, a port: :8080, container:ID, " \
	"--cgroup PATH, -a for everything, -- COMMAND to start one"

struct pids { /* each once, in the order of the words */
	uint32_t *v;
	size_t n, cap;
};

static uint32_t own_pid(const struct host *h)
{
	auto_arena tmp = arena_open("looking for ourselves", 65536);
	struct err ignored = { 0 };
	struct str self;
	uint64_t pid;

	if (file_link(tmp, host_path(h, tmp, S("/proc/self")), &self, &ignored) < 0 ||
	    !str_to_u64(self, &pid))
		return 0; /* a fixture: we are not in it */
	return (uint32_t)pid;
}

static void add_pid(struct arena *a, struct pids *list, uint32_t pid)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == pid)
			return;
	*vec_add(a, list) = pid;
}

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Levenshtein's distance without regard to case, of at most 32 bytes each; exact enough to rank. */
static unsigned distance(struct str a, struct str b)
{
	unsigned row[33];

	a = str_head(a, 32);
	b = str_head(b, 32);
	for (unsigned k = 0; k <= b.n; k++)
		row[k] = k;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t k = 1; k <= b.n; k++) {
			unsigned swap = diagonal + (lower(a.p[i - 1]) != lower(b.p[k - 1]));
			diagonal = row[k];
			unsigned other = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
			row[k] = swap < other ? swap : other;
		}
	}
	return row[b.n];
}

static bool contains(struct str s, struct str part)
{
	for (size_t i = 0; i + part.n <= s.n; i++) {
		size_t k = 0;
		while (k < part.n && lower(s.p[i + k]) == lower(part.p[k]))
			k++;
		if (k == part.n)
			return true;
	}
	return false;
}

struct near {
	uint32_t pid;
	unsigned score; /* lower is nearer */
	struct str comm, command;
};

/* How near a process is to a word that named nobody; UINT32_MAX: not at all. */
static unsigned nearness(const struct near *n, struct str word, bool number)
{
	char digits[16];
	int len = snprintf(digits, sizeof(digits), "%u", n->pid);
	struct str pid = { digits, (size_t)len };

	if (number) {
		unsigned d = distance(pid, word);
		return d <= 1 ? d : UINT32_MAX;
	}
	if (contains(n->comm, word) || contains(word, n->comm))
		return 1;
	size_t d = distance(n->comm, word);
	if (d * 3 <= word.n)
		return (unsigned)d + 1;
	return contains(n->command, word) ? 20 : UINT32_MAX;
}

/* Whoever started us has the same word in its command line: sudo, a shell, a test. */
static bool is_ancestor(const struct pids *ancestors, uint32_t pid)
{
	for (size_t i = 0; i < ancestors->n; i++)
		if (ancestors->v[i] == pid)
			return true;
	return false;
}

static void find_ancestors(const struct host *h, struct arena *a, struct pids *ret)
{
	uint32_t pid = own_pid(h);
	struct proc_stat st;
	struct err gone = { 0 };

	while (pid > 1 && ret->n < 64) {
		*vec_add(a, ret) = pid;
		if (proc_stat(h, a, pid, &st, &gone) < 0)
			break;
		pid = st.parent;
	}
}

static void keep_nearest(struct near best[NEAR_MAX], size_t *n, const struct near *x)
{
	size_t at = *n < NEAR_MAX ? *n : NEAR_MAX;

	while (at > 0 && best[at - 1].score > x->score)
		at--;
	if (at == NEAR_MAX)
		return;
	size_t move = (*n < NEAR_MAX ? *n : NEAR_MAX - 1) - at;
	memmove(&best[at + 1], &best[at], move * sizeof(*best));
	best[at] = *x;
	*n += *n < NEAR_MAX;
}

/* The remedy: the nearest of what does run, as a line that can be pasted. */
static void hint_near(const struct host *h, struct str word, bool number, struct err *err)
{
	auto_arena tmp = arena_open("looking for near matches", SCRATCH_MAX);
	auto_buf line = BUF(300);
	struct near best[NEAR_MAX];
	struct proc_ids all;
	struct err ignored = { 0 };
	struct pids ancestors = { 0 };
	size_t n = 0;

	if (word.n == 0 || proc_all(h, tmp, &all, &ignored) < 0)
		return;
	find_ancestors(h, tmp, &ancestors);
	for (size_t i = 0; i < all.n; i++) {
		struct near x = { .pid = all.v[i], .comm = proc_comm(h, tmp, all.v[i], all.v[i]) };
		x.command = proc_command(h, tmp, x.pid);
		x.score = nearness(&x, word, number);
		if (x.comm.n == 0 || x.score == UINT32_MAX || is_ancestor(&ancestors, x.pid) ||
		    !proc_alive(h, x.pid))
			continue;
		keep_nearest(best, &n, &x);
	}
	for (size_t i = 0; i < n; i++) {
		struct str what = str_head(best[i].command.n ? best[i].command : best[i].comm, 60);
		buf_printf(&line, i == 0 ? "perf-ops profile %u  # " STR_FMT : "; or %u: " STR_FMT,
			   best[i].pid, STR_ARG(what));
	}
	if (n)
		(void)err_hint(err, STR_FMT, STR_ARG(buf_str(&line)));
	else
		(void)err_hint(err, "ps -eo pid,user,%%cpu,args --sort=-%%cpu | head  # what runs");
}

/* The process that a thread belongs to; 0 unknown. "Tgid:" of /proc/PID/status. */
static uint32_t process_of(const struct host *h, struct arena *a, uint32_t tid)
{
	struct err gone = { 0 };
	struct str text;
	uint64_t id;

	if (host_read(h, a, arena_printf(a, "/proc/%u/status", tid), &text, &gone) < 0)
		return 0;
	while (text.n) {
		struct str value, key = str_cut(text, '\n', &text);
		key = str_cut(key, ':', &value);
		if (str_eq(key, S("Tgid")) && str_to_u64(str_trim(value), &id))
			return (uint32_t)id;
	}
	return 0;
}

static int find_pid(const struct host *h, struct arena *a, struct str word, struct pids *pids,
		    struct err *err)
{
	auto_arena tmp = arena_open("looking for a process", SCRATCH_MAX);
	struct proc_stat st;
	uint64_t pid;

	if (!str_to_u64(word, &pid) || pid == 0 || pid > PID_MAX) {
		(void)err_set(err, -ESRCH, "there is no process " STR_FMT, STR_ARG(word));
		hint_near(h, word, true, err);
		return err->code;
	}
	if (pid == own_pid(h)) {
		(void)err_set(err, -EINVAL, "process %u is perf-ops itself", (unsigned)pid);
		return err_hint(err, "%s", EXAMPLES);
	}
	if (proc_stat(h, tmp, (uint32_t)pid, &st, err) < 0) {
		if (err->code == -ESRCH)
			hint_near(h, word, true, err);
		return err->code;
	}
	uint32_t process = process_of(h, tmp, (uint32_t)pid);
	if (process && process != pid) {
		(void)err_set(err, -ESRCH, "%u is a thread of process %u (" STR_FMT ")",
			      (unsigned)pid, process, STR_ARG(proc_comm(h, tmp, process, process)));
		return err_hint(err, "perf-ops profile %u --per-thread", process);
	}
	if (st.state == 'Z' || st.state == 'X') {
		(void)err_set(err, -ESRCH,
			      "process %u (" STR_FMT
			      ") has ended: it is a zombie that its parent %u "
			      "(" STR_FMT ") has not waited for",
			      (unsigned)pid, STR_ARG(st.comm), st.parent,
			      STR_ARG(proc_comm(h, tmp, st.parent, st.parent)));
		return err_hint(err, "perf-ops profile %u  # the parent", st.parent);
	}
	add_pid(a, pids, (uint32_t)pid);
	return 0;
}

static int find_port(const struct host *h, struct arena *a, struct str word, struct pids *pids,
		     struct err *err)
{
	struct proc_ids ids;
	uint64_t port;

	if (!str_to_u64(str_skip(word, 1), &port) || port == 0 || port > 65535) {
		(void)err_set(err, -EINVAL, "'" STR_FMT "' is no port: 1 to 65535 behind a colon",
			      STR_ARG(word));
		return err_hint(err, "perf-ops profile :8080");
	}
	if (proc_by_port(h, a, (uint16_t)port, &ids, err) < 0) {
		if (!err->hint[0])
			(void)err_hint(err, "ss -tlnp  # who listens where");
		return err->code;
	}
	for (size_t i = 0; i < ids.n; i++)
		add_pid(a, pids, ids.v[i]);
	return 0;
}

static int find_name(const struct host *h, struct arena *a, struct str word, struct pids *pids,
		     struct err *err)
{
	struct proc_ids ids;

	if (proc_by_name(h, a, word, &ids, err) < 0) {
		if (err->code == -ESRCH)
			hint_near(h, word, false, err);
		return err->code;
	}
	for (size_t i = 0; i < ids.n; i++)
		add_pid(a, pids, ids.v[i]);
	return 0;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

static int find_word(const struct host *h, struct arena *a, struct str word, struct pids *pids,
		     struct err *err)
{
	if (word.n == 0)
		return err_set(err, -EINVAL, "a target is empty: a process, a name or a :port");
	if (word.p[0] == ':')
		return find_port(h, a, word, pids, err);
	return all_digits(word) ? find_pid(h, a, word, pids, err)
				: find_name(h, a, word, pids, err);
}

/* "nginx (pid 10)", "nginx (pids 10, 11 and 12)", "nginx (pids 10, 11, 12 … 37 processes)". */
static void tell_pids(struct buf *out, struct str name, const uint32_t *pid, size_t n)
{
	buf_printf(out, STR_FMT " (pid%s", STR_ARG(name), n > 1 ? "s" : "");
	for (size_t i = 0; i < n && i < LISTED_MAX; i++) {
		bool last = i + 1 == n;
		buf_printf(out, "%s%u", i == 0 ? " " : last ? " and " : ", ", pid[i]);
	}
	if (n > LISTED_MAX)
		buf_printf(out, " and %zu more of that name", n - LISTED_MAX);
	buf_put(out, S(")"));
}

/* All words, and one sentence about whom they found. */
static int find_words(const struct host *h, struct arena *a, const struct words *w,
		      struct target *t, struct err *err)
{
	auto_buf about = BUF(ABOUT_MAX);
	struct pids pids = { 0 };
	size_t untold = 0;

	for (size_t i = 0; i < w->n; i++) {
		size_t before = pids.n;
		int r = find_word(h, a, w->v[i], &pids, err);
		if (r < 0)
			return r;
		if (pids.n == before)
			continue; /* the same ones under another name */
		struct str name = proc_comm(h, a, pids.v[before], pids.v[before]);
		if (!all_digits(w->v[i]) && w->v[i].p[0] != ':')
			name = w->v[i];
		if (i >= 3) {
			untold += pids.n - before;
			continue;
		}
		if (about.n)
			buf_put(&about, S(", "));
		tell_pids(&about, name.n ? name : S("process"), pids.v + before, pids.n - before);
	}
	if (untold)
		buf_printf(&about, " and %zu more", untold);
	t->pids = (struct proc_ids){ pids.v, pids.n };
	t->about = arena_str(a, buf_str(&about));
	return 0;
}

static int find_cgroup(const struct host *h, struct arena *a, struct str path, struct str name,
		       struct target *t, struct err *err)
{
	struct err why = { 0 };

	t->cgroup = arena_str(a, path);
	/* Nobody in it yet is no error: members join while recording. */
	if (proc_by_cgroup(h, a, path, &t->pids, &why) < 0 && why.code != -ESRCH) {
		*err = why;
		return why.code;
	}
	t->about = arena_printf(a, STR_FMT " (%zu process%s)", STR_ARG(name), t->pids.n,
				t->pids.n == 1 ? "" : "es");
	return 0;
}

static int find_group(const struct host *h, struct arena *a, const struct target_params *p,
		      struct target *t, struct err *err)
{
	struct str path = p->cgroup, name;
	int r;

	if (path.n) {
		name = arena_printf(a, "cgroup " STR_FMT, STR_ARG(path));
	} else {
		struct str id = str_skip(p->words.v[0], S("container:").n);
		r = proc_container_cgroup(h, a, id, &path, err);
		if (r < 0)
			return r;
		name = arena_printf(a, "container " STR_FMT, STR_ARG(str_head(id, 12)));
	}
	return find_cgroup(h, a, path, name, t, err);
}

static int launch(struct arena *a, struct args command, struct target *t, struct err *err)
{
	auto_buf about = BUF(ABOUT_MAX);
	int r = child_new(command, &t->child, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < command.n; i++) {
		if (i && about.n + strlen(command.v[i]) > 60) {
			buf_put(&about, S(" ..."));
			break;
		}
		if (i)
			buf_put(&about, S(" "));
		buf_put(&about, str_head(str_from_c(command.v[i]), 60));
	}
	buf_printf(&about, " (pid %u)", t->child.pid);
	t->pids.v = arena_array(a, uint32_t, 1);
	t->pids.v[0] = t->child.pid;
	t->pids.n = 1;
	t->about = arena_str(a, buf_str(&about));
	return 0;
}

/* Children that are there already belong to their parents, so that no source has to look. */
static int add_children(const struct host *h, struct arena *a, struct target *t, struct err *err)
{
	struct pids pids = { 0 };
	size_t named = t->pids.n;
	uint32_t self = own_pid(h);

	for (size_t i = 0; i < named; i++)
		add_pid(a, &pids, t->pids.v[i]);
	for (size_t i = 0; i < named; i++) {
		struct proc_ids below;
		int r = proc_descendants(h, a, t->pids.v[i], &below, err);
		if (r < 0)
			return r;
		for (size_t k = 0; k < below.n; k++)
			if (below.v[k] != self && proc_alive(h, below.v[k]))
				add_pid(a, &pids, below.v[k]);
	}
	t->pids = (struct proc_ids){ pids.v, pids.n };
	if (pids.n > named)
		t->about = arena_printf(a, STR_FMT " and %zu child%s", STR_ARG(t->about),
					pids.n - named, pids.n - named == 1 ? "" : "ren");
	return 0;
}

static bool is_container(struct str word)
{
	return str_starts(word, S("container:"));
}

/* One kind of target at a time. */
static int check_grammar(const struct target_params *p, struct err *err)
{
	bool container = false;

	for (size_t i = 0; i < p->words.n; i++)
		container |= is_container(p->words.v[i]);
	unsigned kinds = (p->words.n > 0) + (p->command.n > 0) + (p->cgroup.n > 0) + p->all;
	if (kinds == 0) {
		(void)err_set(err, -EINVAL,
			      "nothing was named: give a process, a port or a command");
		return err_hint(err, "%s", EXAMPLES);
	}
	if (p->command.n && p->words.n) {
		(void)err_set(err, -EINVAL,
			      "either a running process (" STR_FMT ") or a command to start (%s), "
			      "not both",
			      STR_ARG(p->words.v[0]), p->command.v[0]);
		return err_hint(err, "perf-ops profile -- %s", p->command.v[0]);
	}
	if (kinds > 1 || (container && p->words.n > 1)) {
		(void)err_set(err, -EINVAL,
			      "only one of -a, --cgroup, container:ID, processes and a command can "
			      "be watched at a time");
		return err_hint(err, "%s", EXAMPLES);
	}
	return 0;
}

int target_find(const struct host *h, struct arena *a, const struct target_params *p,
		struct target *ret, struct err *err)
{
	struct target t = { .all = p->all, .children = p->children };
	int r = check_grammar(p, err);

	if (r < 0)
		return r;
	if (p->all) {
		t.about = S("the whole machine");
	} else if (p->command.n) {
		r = launch(a, p->command, &t, err);
	} else if (p->cgroup.n || is_container(p->words.v[0])) {
		r = find_group(h, a, p, &t, err);
	} else {
		r = find_words(h, a, &p->words, &t, err);
		if (r == 0 && p->children)
			r = add_children(h, a, &t, err);
	}
	if (r < 0)
		return r;
	*ret = t;
	return 0;
}

void target_done(struct target *t)
{
	child_done(&t->child);
}
