#include "sys/caps.h"

#include <errno.h>

#include "test.h"

static const struct rights user = {
	.uid = 1000,
	.paranoid = 2,
	.ptrace_scope = 1,
	.root_helps = true,
	.exe = { "/usr/bin/perf-ops", 17 },
	.command = { "/usr/bin/perf-ops profile 42", 28 },
	.lockdown = { "none", 4 },
};

#define SETCAP                                                                              \
	"sudo setcap cap_perfmon,cap_bpf,cap_sys_ptrace,cap_dac_read_search,cap_syslog+ep " \
	"/usr/bin/perf-ops  # once"
#define SUDO      "sudo /usr/bin/perf-ops profile 42"
#define FROM_HOST "sudo perf-ops profile container:ID  # from the host"
#define DOCKER                                                                  \
	"docker run --cap-add PERFMON --cap-add BPF --cap-add SYS_PTRACE IMAGE" \
	"  # before Docker 23 also --security-opt seccomp=unconfined\n" FROM_HOST
#define DOCKER_FILTERED                                                   \
	"docker run --cap-add PERFMON --cap-add BPF --cap-add SYS_PTRACE" \
	" --security-opt seccomp=unconfined IMAGE\n" FROM_HOST

static void check(const struct rights *r, struct refusal what, const char *text, const char *hint)
{
	struct err err = { 0 };

	assert_int_equal(rights_remedy(r, &what, &err), what.code);
	assert_int_equal(err.code, what.code);
	assert_string_equal(err.text, text);
	assert_string_equal(err.hint, hint);
}

static struct refusal refused(enum rights_gate gate, int code)
{
	return (struct refusal){ .gate = gate, .code = code, .owner = UINT32_MAX };
}

static void levels(void **state)
{
	struct rights r = user;

	(void)state;
	check(&r, refused(RIGHTS_KERNEL, -EACCES),
	      "cannot sample kernel stacks: kernel.perf_event_paranoid is 2, users need at most 1",
	      "sudo sysctl kernel.perf_event_paranoid=1\n" SUDO "\n" SETCAP);
	check(&r, refused(RIGHTS_MACHINE, -EACCES),
	      "cannot sample the whole machine: kernel.perf_event_paranoid is 2, users need at "
	      "most 0",
	      "sudo sysctl kernel.perf_event_paranoid=0\n" SUDO "\n" SETCAP);
	r.paranoid = 3;
	check(&r, refused(RIGHTS_SAMPLE, -EACCES),
	      "cannot sample CPU time: kernel.perf_event_paranoid is 3, users need at most 2",
	      "sudo sysctl kernel.perf_event_paranoid=2\n" SUDO "\n" SETCAP);
}

static void owners(void **state)
{
	struct rights r = user;
	struct refusal what = { .gate = RIGHTS_SAMPLE, .code = -EACCES, .pid = 42, .owner = 33 };

	(void)state;
	check(&r, what,
	      "cannot sample CPU time of process 42: it belongs to user id 33, we run as user "
	      "id 1000",
	      SUDO "\nsudo -u '#33' /usr/bin/perf-ops profile 42\n" SETCAP);
	r.user = S("alice");
	what.owner_name = S("www-data");
	check(&r, what,
	      "cannot sample CPU time of process 42: it belongs to www-data (user id 33), we run "
	      "as alice (user id 1000)",
	      SUDO "\nsudo -u '#33' /usr/bin/perf-ops profile 42\n" SETCAP);
	r.user = what.owner_name = S("");
	what.owner = 0; /* sudo -u '#0' would be sudo */
	what.gate = RIGHTS_MEMORY;
	check(&r, what,
	      "cannot read the memory map of process 42: it belongs to user id 0, we run as "
	      "user id 1000",
	      SUDO "\n" SETCAP);
	what.owner = 1000;
	check(&r, what,
	      "cannot read the memory map: that needs CAP_SYS_PTRACE, which this process does not "
	      "have",
	      SUDO "\n" SETCAP);
}

static void boxes(void **state)
{
	struct rights r = user;

	(void)state;
	r.uid = 0;
	r.container = true;
	r.root_helps = false;
	check(&r, refused(RIGHTS_BPF, -EPERM),
	      "cannot load BPF programs: that needs CAP_BPF and CAP_PERFMON, which this container "
	      "was "
	      "not given",
	      DOCKER);
	check(&r, refused(RIGHTS_SAMPLE, -ENOSYS),
	      "cannot sample CPU time: a seccomp filter refuses the system call (Function not "
	      "implemented)",
	      DOCKER_FILTERED);
	r.kubernetes = true;
	check(&r, refused(RIGHTS_BPF, -EPERM),
	      "cannot load BPF programs: that needs CAP_BPF and CAP_PERFMON, which this container "
	      "was "
	      "not given",
	      "kubectl debug -it POD --image=IMAGE --target=CONTAINER --profile=sysadmin -- "
	      "perf-ops "
	      "profile 1\nsudo perf-ops profile container:ID  # from the host");
	r.kubernetes = false;
	r.paranoid = 4;
	check(&r, refused(RIGHTS_SAMPLE, -EACCES),
	      "cannot sample CPU time: kernel.perf_event_paranoid is 4, users need at most 2",
	      "sudo sysctl kernel.perf_event_paranoid=2  # on the host\n" DOCKER);
}

static void other_gates(void **state)
{
	struct rights r = user;

	(void)state;
	r.cap_bpf = r.cap_perfmon = r.cap_sys_ptrace = true;
	r.seccomp = true;
	check(&r, refused(RIGHTS_BPF, -EPERM),
	      "cannot load BPF programs: a seccomp filter refuses the system call (Operation not "
	      "permitted)",
	      "");
	r.seccomp = false;
	r.lockdown = S("confidentiality");
	check(&r, refused(RIGHTS_BPF, -EPERM),
	      "cannot load BPF programs: the kernel is locked down (confidentiality), which only "
	      "another boot setting changes",
	      "");
	r.lockdown = S("");
	r.user_namespace = true;
	check(&r, refused(RIGHTS_KERNEL, -EPERM),
	      "cannot sample kernel stacks: we are root in a user namespace only, not on the "
	      "machine",
	      "sudo perf-ops profile container:ID  # from the host");
	r.user_namespace = false;
	check(&r, refused(RIGHTS_KERNEL, -EPERM),
	      "cannot sample kernel stacks: Operation not permitted", "");
	struct refusal gone = refused(RIGHTS_SAMPLE, -ESRCH);
	gone.pid = 42;
	check(&r, gone, "there is no process 42 any more", "");
	check(&r, refused(RIGHTS_SAMPLE, -EMFILE), "cannot sample CPU time: too many open files",
	      "ulimit -n 65536");
	check(&r, refused(RIGHTS_BPF, -ENOSYS),
	      "cannot load BPF programs: Function not implemented", "");
}

/* A remedy that is cut off is no remedy: lines that do not fit are left out whole. */
static void long_commands(void **state)
{
	struct rights r = user;
	struct err err = { 0 };
	struct refusal what = refused(RIGHTS_KERNEL, -EACCES);
	char many[1000];

	(void)state;
	memset(many, 'x', sizeof(many));
	r.command = (struct str){ many, sizeof(many) };
	(void)rights_remedy(&r, &what, &err);
	assert_string_equal(err.hint, "sudo sysctl kernel.perf_event_paranoid=1\n"
				      "sudo !!  # in bash and zsh: the last line again\n" SETCAP);
	r.exe = (struct str){ many, 990 };
	(void)rights_remedy(&r, &what, &err);
	assert_string_equal(err.hint, "sudo sysctl kernel.perf_event_paranoid=1\n"
				      "sudo !!  # in bash and zsh: the last line again");
	/* A launched command is repeated whole. */
	memcpy(many, "perf-ops profile -- ", 20);
	r.exe = user.exe;
	r.command = (struct str){ many, 650 };
	(void)rights_remedy(&r, &what, &err);
	struct str rest, hint = str_from_c(err.hint);
	(void)str_cut(hint, '\n', &rest);
	rest = str_cut(rest, '\n', &hint);
	assert_true(str_starts(rest, S("sudo perf-ops profile -- xxx")) && rest.n == 655);
	r.exe = S("/opt/with blank/perf-ops"); /* not in a line for a shell as it is */
	r.command = S("'/opt/with blank/perf-ops' profile 42");
	(void)rights_remedy(&r, &what, &err);
	assert_string_equal(err.hint, "sudo sysctl kernel.perf_event_paranoid=1\n"
				      "sudo '/opt/with blank/perf-ops' profile 42");
}

static void reading(void **state)
{
	auto_arena a = arena_open("test", 16 << 20);
	struct host h;
	struct err err = { 0 };

	assert_int_equal(host_open(str_from_c(*state), &h, &err), 0);
	struct rights r = rights_read(&h, a);
	assert_int_equal(r.uid, 1000);
	assert_false(r.cap_bpf || r.cap_perfmon || r.cap_sys_ptrace || r.cap_sys_admin ||
		     r.cap_syslog || r.seccomp || r.container || r.kubernetes || r.user_namespace ||
		     r.no_new_privs);
	assert_true(r.root_helps);
	assert_int_equal(r.paranoid, 3);
	assert_int_equal(r.kptr_restrict, -1);
	assert_int_equal(r.ptrace_scope, 1);
	check_str(r.lockdown, S("integrity"));
	check_str(r.exe, S("/usr/bin/perf-ops"));
	check_str(r.command, S("perf-ops profile --cgroup 'it'\\''s here'"));
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),        cmocka_unit_test(owners),
		cmocka_unit_test(boxes),         cmocka_unit_test(other_gates),
		cmocka_unit_test(long_commands), cmocka_unit_test_prestate(reading, argv[1]),
	};

	return RUN_TESTS(tests);
}
