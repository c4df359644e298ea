/* Which gate it was and which line opens it. Sources: capabilities(7), perf_event_open(2),
 * Documentation/admin-guide/perf-security.rst, kernel/events/core.c for which level asks for what.
 */
#include "sys/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>

#include "sys/env.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/reason_priv.h"

#define CAPABILITIES "cap_perfmon,cap_bpf,cap_sys_ptrace,cap_dac_read_search,cap_syslog"
#define COMMAND_MAX  700 /* longer ones are not repeated in a remedy */

/* The value of "Name:\t..." in a status file. */
static struct str field(struct str status, struct str name)
{
	while (status.n) {
		struct str line = str_cut(status, '\n', &status);
		if (str_starts(line, name))
			return str_trim(str_skip(line, name.n));
	}
	return S("");
}

static uint64_t field_number(struct str status, struct str name)
{
	struct str rest;
	uint64_t v;

	return str_to_u64(str_cut(field(status, name), '\t', &rest), &v) ? v : 0;
}

static struct str text(const struct host *h, struct arena *a, struct str name)
{
	struct err ignored = { 0 };
	struct str s;

	return host_read(h, a, name, &s, &ignored) < 0 ? S("") : s;
}

static int64_t number(const struct host *h, const char *name, int64_t otherwise)
{
	int64_t v;

	return host_number(h, name, &v) ? v : otherwise;
}

static struct str link_of(const struct host *h, struct arena *a, struct str name)
{
	struct err ignored = { 0 };
	struct str s;

	return file_link(a, host_path(h, a, name), &s, &ignored) < 0 ? S("") : s;
}

static bool has(struct str s, struct str needle)
{
	return str_find(s, needle) < s.n;
}

/* A pid namespace that is not the first (its inode is fixed: PROC_PID_INIT_INO), a mark a runtime
 * leaves, or a cgroup that carries a runtime's name. */
static bool in_container(const struct host *h, struct arena *a)
{
	struct str ns = link_of(h, a, S("/proc/self/ns/pid"));
	struct str cgroup = text(h, a, S("/proc/1/cgroup"));

	return (ns.n && !str_eq(ns, S("pid:[4026531836]"))) ||
	       file_exists(host_path(h, a, S("/.dockerenv"))) ||
	       file_exists(host_path(h, a, S("/run/.containerenv"))) || has(cgroup, S("docker")) ||
	       has(cgroup, S("kubepods")) || has(cgroup, S("libpod")) ||
	       has(cgroup, S("containerd")) || has(cgroup, S("lxc"));
}

static bool in_user_namespace(struct str uid_map)
{
	struct str rest = str_trim(uid_map), last;

	if (uid_map.n == 0)
		return false;
	last = str_cut_last(rest, ' ', &rest);
	return !str_eq(last, S("4294967295"));
}

/* "none [integrity] confidentiality": the one in brackets. */
static struct str chosen(struct str s)
{
	struct str rest;

	(void)str_cut(s, '[', &rest);
	return str_cut(rest, ']', &s);
}

static bool plain(struct str word)
{
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];
		bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
		if (!letter && !(c && strchr("_-+./:,@%=", c)))
			return false;
	}
	return word.n != 0;
}

/* Whether sudo finds the program by the word that was typed: by a path, or in its own PATH (the
 * secure_path that distributions ship). */
static bool found_by_sudo(struct str word, struct str exe)
{
	static const struct str folders[] = {
		{ "/usr/local/sbin", 15 }, { "/usr/local/bin", 14 }, { "/usr/sbin", 9 },
		{ "/usr/bin", 8 },         { "/sbin", 5 },           { "/bin", 4 }
	};
	struct str folder, name = str_cut_last(exe, '/', &folder);

	if (memchr(word.p, '/', word.n))
		return true;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (str_eq(folder, folders[i]))
			return str_eq(word, name);
	return false;
}

/* The words of a cmdline file as a shell would have to be told them. */
static struct str quoted(struct arena *a, struct str words, struct str exe)
{
	auto_buf out = BUF(4096);

	for (bool first = true; words.n; first = false) {
		struct str word = str_cut(words, 0, &words);
		word = first && exe.n && !found_by_sudo(word, exe) ? exe : word;
		buf_put(&out, first ? S("") : S(" "));
		if (plain(word)) {
			buf_put(&out, word);
			continue;
		}
		buf_put(&out, S("'"));
		for (size_t i = 0; i < word.n; i++)
			buf_put(&out,
				word.p[i] == '\'' ? S("'\\''") : (struct str){ &word.p[i], 1 });
		buf_put(&out, S("'"));
	}
	return out.full || has(buf_str(&out), S("\n")) ? S("") : arena_str(a, buf_str(&out));
}

/* passwd(5): "name:password:uid:..."; only the local file, without the network behind nss. */
static struct str user_name(const struct host *h, struct arena *a, uint32_t uid)
{
	struct str rest = text(h, a, S("/etc/passwd")), line, name;
	uint64_t v;

	while (rest.n) {
		line = str_cut(rest, '\n', &rest);
		name = str_cut(line, ':', &line);
		(void)str_cut(line, ':', &line);
		if (str_to_u64(str_cut(line, ':', &line), &v) && v == uid)
			return name;
	}
	return S("");
}

static bool capable(uint64_t set, unsigned cap)
{
	return set >> cap & 1;
}

struct rights rights_read(const struct host *h, struct arena *a)
{
	struct str status = text(h, a, S("/proc/self/status"));
	struct str uid, rest, lines = field(status, S("Uid:"));
	uint64_t v, caps = 0;
	struct rights r = { .uid = UINT32_MAX };

	(void)str_cut(lines, '\t', &rest);
	uid = str_cut(rest, '\t', &lines); /* the effective one */
	if (str_to_u64(uid, &v) && v < UINT32_MAX)
		r.uid = (uint32_t)v;
	if (r.uid != UINT32_MAX)
		r.user = user_name(h, a, r.uid);
	(void)str_to_hex(field(status, S("CapEff:")), &caps);
	r.cap_sys_admin = capable(caps, CAP_SYS_ADMIN);
	r.cap_bpf = capable(caps, CAP_BPF) || r.cap_sys_admin;
	r.cap_perfmon = capable(caps, CAP_PERFMON) || r.cap_sys_admin;
	r.cap_sys_ptrace = capable(caps, CAP_SYS_PTRACE);
	r.cap_syslog = capable(caps, CAP_SYSLOG);
	r.seccomp = field_number(status, S("Seccomp:")) == 2;
	r.no_new_privs = field_number(status, S("NoNewPrivs:")) == 1;
	r.container = in_container(h, a);
	uint64_t bounding = 0;
	(void)str_to_hex(field(status, S("CapBnd:")), &bounding);
	r.root_helps = capable(bounding, CAP_BPF) && capable(bounding, CAP_PERFMON) &&
		       capable(bounding, CAP_SYS_PTRACE);
	r.kubernetes = !h->fixture && env_get("KUBERNETES_SERVICE_HOST").n != 0;
	r.user_namespace = in_user_namespace(text(h, a, S("/proc/self/uid_map")));
	r.root_helps = r.root_helps && !r.user_namespace;
	r.paranoid = number(h, "/proc/sys/kernel/perf_event_paranoid", INT64_MIN);
	r.kptr_restrict = number(h, "/proc/sys/kernel/kptr_restrict", INT64_MIN);
	r.ptrace_scope = number(h, "/proc/sys/kernel/yama/ptrace_scope", -1);
	r.lockdown = chosen(text(h, a, S("/sys/kernel/security/lockdown")));
	r.exe = link_of(h, a, S("/proc/self/exe"));
	auto_arena tmp = arena_open("reading our command line", 1 << 20);
	r.command = quoted(a, text(h, tmp, S("/proc/self/cmdline")), r.exe);
	return r;
}

/* The level of perf_event_paranoid up to which a user without capabilities gets this. */
static int64_t level_for(enum rights_gate gate)
{
	switch (gate) {
	case RIGHTS_SAMPLE:
		return 2;
	case RIGHTS_KERNEL:
		return 1;
	case RIGHTS_MACHINE:
		return 0;
	case RIGHTS_BPF:
	case RIGHTS_MEMORY:
		break;
	}
	return INT64_MAX; /* another gate */
}

static const char *doing(enum rights_gate gate)
{
	switch (gate) {
	case RIGHTS_SAMPLE:
		return "sample CPU time";
	case RIGHTS_KERNEL:
		return "sample kernel stacks";
	case RIGHTS_MACHINE:
		return "sample the whole machine";
	case RIGHTS_BPF:
		return "load BPF programs";
	case RIGHTS_MEMORY:
		return "read the memory map";
	}
	return "do that";
}

/* Lines of a hint: each is a command; what is said about it follows as a shell comment. A line that
 * does not fit is left out whole. */
struct lines {
	char text[sizeof(((struct err *)0)->hint)];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void line(struct lines *l, const char *fmt, ...)
{
	va_list ap;
	size_t at = l->n ? l->n + 1 : 0;

	if (at >= sizeof(l->text))
		return;
	va_start(ap, fmt);
	int n = vsnprintf(l->text + at, sizeof(l->text) - at, fmt, ap);
	va_end(ap);
	bool fits = n > 0 && (size_t)n < sizeof(l->text) - at;
	if (fits && l->n)
		l->text[l->n] = '\n';
	if (fits)
		l->n = at + (size_t)n;
	l->text[l->n] = 0;
}

static void line_sudo(struct lines *l, const struct rights *r)
{
	if (r->command.n && r->command.n <= COMMAND_MAX)
		line(l, "sudo " STR_FMT, STR_ARG(r->command));
	else
		line(l, "sudo !!  # in bash and zsh: the last line again");
}

static void line_setcap(struct lines *l, const struct rights *r)
{
	if (!r->no_new_privs && plain(r->exe))
		line(l, "sudo setcap " CAPABILITIES "+ep " STR_FMT "  # once", STR_ARG(r->exe));
}

/* Inside a container nothing that is typed there helps: it has to be started with more. The default
 * filter of Docker 23 lets perf_event_open() and bpf() through for whoever has the capability
 * (moby#43987); older ones, and others', do not: FILTERED. */
static void lines_container(struct lines *l, const struct rights *r, bool filtered)
{
	if (r->kubernetes)
		line(l, "kubectl debug -it POD --image=IMAGE --target=CONTAINER --profile=sysadmin"
			" -- perf-ops profile 1");
	else
		line(l, "docker run --cap-add PERFMON --cap-add BPF --cap-add SYS_PTRACE%s IMAGE%s",
		     filtered ? " --security-opt seccomp=unconfined" : "",
		     filtered ? "" : "  # before Docker 23 also --security-opt seccomp=unconfined");
	line(l, "sudo perf-ops profile container:ID  # from the host");
}

/* In a container that was not given what we need. */
static bool boxed(const struct rights *r)
{
	return r->container && !r->root_helps;
}

static void lines_rights(struct lines *l, const struct rights *r)
{
	if (boxed(r)) {
		lines_container(l, r, false);
	} else {
		line_sudo(l, r);
		line_setcap(l, r);
	}
}

static int say_level(const struct rights *r, const struct refusal *what, struct err *err)
{
	struct lines l = { 0 };

	err_set(err, what->code,
		"cannot %s: kernel.perf_event_paranoid is %lld, users need at most %lld",
		doing(what->gate), (long long)r->paranoid, (long long)level_for(what->gate));
	line(&l, "sudo sysctl kernel.perf_event_paranoid=%lld%s", (long long)level_for(what->gate),
	     boxed(r) ? "  # on the host" : "");
	lines_rights(&l, r);
	return err_hint(err, "%s", l.text);
}

static void put_user(struct buf *out, struct str name, uint32_t uid)
{
	if (name.n)
		buf_printf(out, STR_FMT " (user id %u)", STR_ARG(str_head(name, 64)), uid);
	else
		buf_printf(out, "user id %u", uid);
}

static int say_owner(const struct rights *r, const struct refusal *what, struct err *err)
{
	struct lines l = { 0 };

	auto_buf whose = BUF(128), who = BUF(128);
	put_user(&whose, what->owner_name, what->owner);
	put_user(&who, r->user, r->uid);
	err_set(err, what->code,
		"cannot %s of process %u: it belongs to " STR_FMT ", we run as " STR_FMT,
		doing(what->gate), what->pid, STR_ARG(buf_str(&whose)), STR_ARG(buf_str(&who)));
	if (boxed(r)) {
		lines_container(&l, r, false);
		return err_hint(err, "%s", l.text);
	}
	line_sudo(&l, r);
	if (what->owner != 0 && r->command.n && r->command.n <= COMMAND_MAX / 2)
		line(&l, "sudo -u '#%u' " STR_FMT, what->owner, STR_ARG(r->command));
	line_setcap(&l, r);
	return err_hint(err, "%s", l.text);
}

static bool has_capability(const struct rights *r, enum rights_gate gate)
{
	switch (gate) {
	case RIGHTS_SAMPLE:
	case RIGHTS_KERNEL:
	case RIGHTS_MACHINE:
		return r->cap_perfmon;
	case RIGHTS_BPF:
		return r->cap_bpf && r->cap_perfmon;
	case RIGHTS_MEMORY:
		return r->cap_sys_ptrace;
	}
	return false;
}

static const char *capability(enum rights_gate gate)
{
	return gate == RIGHTS_BPF      ? "CAP_BPF and CAP_PERFMON"
	       : gate == RIGHTS_MEMORY ? "CAP_SYS_PTRACE"
				       : "CAP_PERFMON";
}

static int say_capability(const struct rights *r, const struct refusal *what, struct err *err)
{
	struct lines l = { 0 };

	err_set(err, what->code, "cannot %s: that needs %s, which %s", doing(what->gate),
		capability(what->gate),
		boxed(r) ? "this container was not given" : "this process does not have");
	lines_rights(&l, r);
	return err_hint(err, "%s", l.text);
}

/* We have the capability and are refused all the same. */
static int say_other_gate(const struct rights *r, const struct refusal *what, struct err *err)
{
	struct lines l = { 0 };

	if (r->seccomp) {
		err_set(err, what->code, "cannot %s: a seccomp filter refuses the system call (%s)",
			doing(what->gate), reason(what->code));
		if (r->container)
			lines_container(&l, r, true);
		return err_hint(err, "%s", l.text);
	}
	if (r->lockdown.n && !str_eq(r->lockdown, S("none")))
		return err_set(err, what->code,
			       "cannot %s: the kernel is locked down (" STR_FMT
			       "), which only another boot setting changes",
			       doing(what->gate), STR_ARG(r->lockdown));
	if (r->user_namespace) {
		err_set(err, what->code,
			"cannot %s: we are root in a user namespace only, not on the machine",
			doing(what->gate));
		return err_hint(err, "sudo perf-ops profile container:ID  # from the host");
	}
	return err_set(err, what->code, "cannot %s: %s", doing(what->gate), reason(what->code));
}

static int say_absent(const struct refusal *what, struct err *err)
{
	if (what->code == -ESRCH)
		return err_set(err, what->code, "there is no process %u any more", what->pid);
	if (what->code == -EMFILE || what->code == -ENFILE) {
		err_set(err, what->code, "cannot %s: too many open files", doing(what->gate));
		return err_hint(err, "ulimit -n 65536");
	}
	return err_set(err, what->code, "cannot %s: %s", doing(what->gate), reason(what->code));
}

/* lint-allow: unshared rights_remedy: its test judges every gate by made-up rights */
int rights_remedy(const struct rights *r, const struct refusal *what, struct err *err)
{
	bool capable_of = has_capability(r, what->gate);
	bool foreign = what->pid && what->owner != UINT32_MAX && r->uid != UINT32_MAX &&
		       what->owner != r->uid && r->uid != 0;

	if (what->code == -ENOSYS && (r->seccomp || r->container)) {
		struct rights filtered = *r; /* a filter that lies about the call being there */
		filtered.seccomp = true;
		return say_other_gate(&filtered, what, err);
	}
	if (what->code != -EACCES && what->code != -EPERM)
		return say_absent(what, err);
	if (capable_of)
		return say_other_gate(r, what, err);
	/* Somebody else's process is refused at every level: a lower one would not help. */
	if (foreign && what->gate != RIGHTS_BPF)
		return say_owner(r, what, err);
	if (r->paranoid > level_for(what->gate))
		return say_level(r, what, err);
	return say_capability(r, what, err);
}

int rights_refused(enum rights_gate gate, int code, uint32_t pid, struct err *err)
{
	auto_arena a = arena_open("choosing a remedy", 4 << 20);
	struct refusal what = { .gate = gate, .code = code, .pid = pid, .owner = UINT32_MAX };
	struct host h = { 0 };

	if (pid)
		what.owner = proc_owner(&h, pid);
	if (what.owner != UINT32_MAX)
		what.owner_name = user_name(&h, a, what.owner);
	struct rights r = rights_read(&h, a);
	return rights_remedy(&r, &what, err);
}

bool rights_are_short(const struct host *h, uint32_t pid)
{
	auto_arena a = arena_open("whose process it is", 4 << 20);
	struct rights r = rights_read(h, a);
	uint32_t owner = proc_owner(h, pid);

	return owner != UINT32_MAX && r.uid != UINT32_MAX && owner != r.uid && r.uid != 0 &&
	       !r.cap_perfmon;
}
