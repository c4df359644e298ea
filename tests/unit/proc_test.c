#include "sys/proc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/buf.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "test.h"

struct trees {
	struct host host, cgroup1, real;
	struct arena *a;
};

static struct trees *of(void **state)
{
	return *state;
}

static void check_ids(const struct proc_ids *got, const char *want)
{
	auto_buf b = BUF(1 << 16);

	for (size_t i = 0; i < got->n; i++)
		buf_printf(&b, "%u ", got->v[i]);
	check_str(buf_str(&b), str_from_c(want));
}

static void the_machine(void **state)
{
	struct trees *t = of(state);
	int64_t v;
	struct err err = { 0 };
	struct host h;

	assert_int_equal(t->host.n_cpus, 4);
	assert_true(t->host.fixture);
	check_str(host_name(&t->host, t->a), S("fixture"));
	assert_true(host_number(&t->host, "/proc/sys/kernel/perf_event_paranoid", &v));
	assert_int_equal(v, 3);
	assert_true(host_number(&t->host, "/proc/sys/kernel/kptr_restrict", &v));
	assert_int_equal(v, -1);
	assert_false(host_number(&t->host, "/proc/sys/kernel/hostname", &v));
	assert_false(host_number(&t->host, "/proc/sys/kernel/none", &v));
	assert_int_equal(host_open(S("/no/such/tree"), &h, &err), -ENOENT);
	assert_int_equal(host_open(S(""), &h, &err), 0);
	assert_false(h.fixture);
	assert_int_equal(h.n_cpus, sysconf(_SC_NPROCESSORS_ONLN));
}

static void one_process(void **state)
{
	struct trees *t = of(state);
	struct proc_stat st;
	struct proc_ids ids;
	struct err err = { 0 };

	assert_int_equal(proc_stat(&t->host, t->a, 200, &st, &err), 0);
	check_str(st.comm, S("a) R 7 (b"));
	assert_int_equal(st.state, 'S');
	assert_int_equal(st.parent, 1);
	assert_int_equal(st.n_threads, 3);
	assert_int_equal(st.user_ticks, 11);
	assert_int_equal(st.system_ticks, 7);
	assert_int_equal(st.start_ticks, 12345);
	assert_int_equal(st.flags, 0x400040);
	assert_int_equal(proc_task_stat(&t->host, t->a, 200, 201, &st, &err), 0);
	check_str(st.comm, S("a) R 7 (-w"));
	check_str(proc_comm(&t->host, t->a, 200, 202), S("a) R 7 (-w"));
	check_str(proc_comm(&t->host, t->a, 200, 999), S(""));
	check_str(proc_command(&t->host, t->a, 200), S("/opt/odd name/with blank x?y"));
	check_str(proc_command(&t->host, t->a, 777), S(""));
	check_str(proc_exe(&t->host, t->a, 200), S("/opt/odd name/with blank"));
	check_str(proc_exe(&t->host, t->a, 301), S("/usr/local/bin/node"));
	check_str(proc_exe(&t->host, t->a, 777), S(""));
	assert_int_equal(proc_owner(&t->host, 100), 33);
	assert_int_equal(proc_owner(&t->host, 777), UINT32_MAX);
	assert_int_equal(proc_inner_pid(&t->host, t->a, 301), 7);
	assert_int_equal(proc_inner_pid(&t->host, t->a, 200), 200);
	assert_int_equal(proc_inner_pid(&t->host, t->a, 777), 777);
	assert_true(proc_alive(&t->host, 301));
	assert_false(proc_alive(&t->host, 302)); /* a zombie */
	assert_false(proc_alive(&t->host, 777));
	assert_int_equal(proc_threads(&t->host, t->a, 200, &ids, &err), 0);
	check_ids(&ids, "200 201 202 ");
	assert_int_equal(proc_threads(&t->host, t->a, 777, &ids, &err), -ESRCH);
	assert_int_equal(proc_stat(&t->host, t->a, 777, &st, &err), -ESRCH);
	assert_string_equal(err.text, "there is no process 777");
}

static void finding(void **state)
{
	struct trees *t = of(state);
	struct proc_ids ids;
	struct err err = { 0 };

	assert_int_equal(proc_all(&t->host, t->a, &ids, &err), 0);
	check_ids(&ids, "1 100 101 102 103 200 300 301 302 303 304 305 ");
	assert_int_equal(proc_by_name(&t->host, t->a, S("postgres"), &ids, &err), 0);
	check_ids(&ids, "100 101 102 ");
	assert_int_equal(proc_by_name(&t->host, t->a, S("with blank"), &ids, &err), 0);
	check_ids(&ids, "200 ");
	assert_int_equal(proc_by_name(&t->host, t->a, S("init"), &ids, &err), 0); /* argv[0] */
	check_ids(&ids, "1 ");
	assert_int_equal(proc_by_name(&t->host, t->a, S("node"), &ids, &err), 0); /* 302 is dead */
	check_ids(&ids, "301 ");
	assert_int_equal(proc_by_name(&t->host, t->a, S("postgre"), &ids, &err), -ESRCH);
	assert_string_equal(err.text, "no process is called postgre");
	assert_int_equal(proc_by_name(&t->host, t->a, S(""), &ids, &err), -ESRCH);
	assert_int_equal(proc_descendants(&t->host, t->a, 100, &ids, &err), 0);
	check_ids(&ids, "101 102 ");
	assert_int_equal(proc_descendants(&t->host, t->a, 102, &ids, &err), 0);
	assert_int_equal(ids.n, 0);
	assert_int_equal(proc_descendants(&t->host, t->a, 1, &ids, &err), 0);
	assert_int_equal(ids.n, 11);
}

static void ports(void **state)
{
	struct trees *t = of(state);
	struct proc_ids ids;
	struct err err = { 0 };

	assert_int_equal(proc_by_port(&t->host, t->a, 5432, &ids, &err), 0);
	check_ids(&ids, "100 101 ");
	assert_int_equal(proc_by_port(&t->host, t->a, 3000, &ids, &err), 0); /* IPv6 */
	check_ids(&ids, "200 ");
	assert_int_equal(proc_by_port(&t->host, t->a, 8080, &ids, &err), 0); /* behind the proxy */
	check_ids(&ids, "301 ");
	assert_int_equal(proc_by_port(&t->host, t->a, 5433, &ids, &err), -ESRCH); /* connected */
	assert_string_equal(err.text, "nobody listens on port 5433");
	assert_int_equal(proc_by_port(&t->host, t->a, 22, &ids, &err), -ESRCH);
	assert_string_equal(err.text, "port 22 is listened on, but by no process of this machine");
}

#define ID  "4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f4f"
#define ID2 "4f4f4f4fa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

static void cgroups(void **state)
{
	struct trees *t = of(state);
	struct proc_ids ids;
	struct err err = { 0 };
	static const struct {
		const char *path, *ids;
	} two[] = {
		{ "/sys/fs/cgroup/system.slice/postgresql.service", "100 101 102 " },
		{ "/sys/fs/cgroup/system.slice/postgresql.service/", "100 101 102 " },
		{ "system.slice/postgresql.service/sub", "102 " },
		{ "/system.slice/postgresql.service", "100 101 102 " },
		{ "/sys/fs/cgroup", "1 100 101 102 103 200 300 301 302 303 304 305 " },
	}, one[] = {
		{ "/sys/fs/cgroup/cpu,cpuacct/docker/" ID, "50 51 " },
		{ "/sys/fs/cgroup/memory/" ID "/inner", "51 " }, /* only /docker is mounted */
		{ "/docker/" ID, "50 51 " },
		{ "/sys/fs/cgroup/systemd/init.scope", "1 " },
	};

	for (size_t i = 0; i < sizeof(two) / sizeof(*two); i++) {
		assert_int_equal(
			proc_by_cgroup(&t->host, t->a, str_from_c(two[i].path), &ids, &err), 0);
		check_ids(&ids, two[i].ids);
	}
	for (size_t i = 0; i < sizeof(one) / sizeof(*one); i++) {
		assert_int_equal(
			proc_by_cgroup(&t->cgroup1, t->a, str_from_c(one[i].path), &ids, &err), 0);
		check_ids(&ids, one[i].ids);
	}
	assert_int_equal(proc_by_cgroup(&t->host, t->a, S("/sys/fs/cgroup/none"), &ids, &err),
			 -ENOENT);
	assert_int_equal(proc_by_cgroup(&t->host, t->a, S("empty.slice"), &ids, &err), -ESRCH);
	assert_string_equal(err.text, "there is no process in the cgroup empty.slice");
}

static void containers(void **state)
{
	struct trees *t = of(state);
	struct str path;
	struct err err = { 0 };

	assert_int_equal(proc_container_cgroup(&t->host, t->a, S(ID), &path, &err), 0);
	check_str(path, S("/sys/fs/cgroup/system.slice/docker-" ID ".scope"));
	assert_int_equal(proc_container_cgroup(&t->host, t->a, S("4f4f4f4fa"), &path, &err), 0);
	check_str(path, S("/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/"
			  "kubepods-burstable-pod12_34.slice/cri-containerd-" ID2 ".scope"));
	assert_int_equal(proc_container_cgroup(&t->host, t->a, S("c0ffee00"), &path, &err), 0);
	assert_true(str_starts(path, S("/sys/fs/cgroup/machine.slice/libpod-c0ffee00")));
	assert_true(str_ends(path, S(".scope"))); /* what is inside is inside */
	assert_int_equal(proc_container_cgroup(&t->host, t->a, S("deadbeef"), &path, &err), -ESRCH);
	assert_int_equal(proc_container_cgroup(&t->host, t->a, S("4f4f4f4f"), &path, &err),
			 -EINVAL); /* two of them */
	assert_int_equal(proc_container_cgroup(&t->host, t->a, S("4f4f"), &path, &err), -EINVAL);
	assert_int_equal(proc_container_cgroup(&t->host, t->a, S("../../etc/x"), &path, &err),
			 -EINVAL);
	assert_int_equal(proc_container_cgroup(&t->cgroup1, t->a, S("4f4f4f4f"), &path, &err), 0);
	assert_true(str_ends(path, S("/" ID)));
	struct proc_ids ids;
	assert_int_equal(proc_by_cgroup(&t->cgroup1, t->a, path, &ids, &err), 0);
	check_ids(&ids, "50 51 ");
}

static void maps(void **state)
{
	struct trees *t = of(state);
	struct proc_maps m;
	struct err err = { 0 };

	assert_int_equal(proc_maps(&t->host, t->a, 200, &m, &err), 0);
	assert_int_equal(m.n, 9);
	check_str(m.v[1].path, S("/usr/bin/node"));
	assert_int_equal(m.v[1].start, 0x55d0a1c28000);
	assert_int_equal(m.v[1].end, 0x55d0a1d2d000);
	assert_int_equal(m.v[1].offset, 0x28000);
	assert_int_equal(m.v[1].inode, 1835032);
	assert_int_equal(m.v[1].device, makedev(0xfe, 1));
	assert_string_equal(m.v[1].perms, "r-xp");
	check_str(m.v[3].path, S(""));
	check_str(m.v[4].path, S("")); /* [anon:v8] */
	assert_true(m.v[5].deleted);
	check_str(m.v[5].path, S("/dev/zero"));
	check_str(m.v[6].path, S("/tmp/with blanks and\nnewline (deleted)"));
	assert_true(m.v[6].deleted);
	check_str(m.v[7].path, S("[vdso]"));
	assert_false(m.v[7].deleted);
	assert_int_equal(
		proc_maps_parse(t->a, S("1-2 r-xp 0 0:0 0\n3-4 r--p 0 0:0 0 /a\n"), true, &m, &err),
		0);
	assert_int_equal(m.n, 1);
	assert_int_equal(proc_maps_parse(t->a, S(""), true, &m, &err), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(proc_maps(&t->host, t->a, 777, &m, &err), -ESRCH);
	assert_string_equal(err.text, "process 777: there is no process 777");
}

static void broken_maps(void **state)
{
	struct trees *t = of(state);
	static const char *const bad[] = {
		"\n",
		"garbage",
		"1-2",
		"2-1 r-xp 0 0:0 0 /a",
		"1-2 r-x 0 0:0 0 /a",
		"1-2 r-xpp 0 0:0 0 /a",
		"1-2 r?xp 0 0:0 0 /a",
		"1-2 r-xp g 0:0 0 /a",
		"1-2 r-xp 0 00 0 /a",
		"1-2 r-xp 0 0:0 x /a",
		"1-2 r-xp 0 0:0 99999999999999999999 /a",
		"11111111111111111-2 r-xp 0 0:0 0 /a",
		"1-2 r-xp 0 fffffffff:0 0 /a",
		"-1-2 r-xp 0 0:0 0 /a",
		" 1-2 r-xp 0 0:0 0 /a",
	};
	struct proc_maps m = { 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = { 0 };
		if (proc_maps_parse(t->a, str_from_c(bad[i]), false, &m, &err) != -EBADMSG)
			fail_msg("'%s' was taken", bad[i]);
		assert_string_equal(err.text, "line 1 of the maps is not one");
	}
	assert_int_equal(m.n, 0);
}

/* More mappings than the caller allows is an error, not the end of the process. */
static void too_many_maps(void **state)
{
	auto_arena small = arena_open("test", 64 << 10);
	auto_buf text = BUF(1 << 20);
	struct proc_maps m;
	struct err err = { 0 };

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, "%x000-%x000 r-xp 0 fe:1 7 /a/path/%u\n", i, i + 1, i);
	assert_int_equal(proc_maps_parse(small, buf_str(&text), false, &m, &err), -E2BIG);
}

static void the_living(void **state)
{
	struct trees *t = of(state);
	struct proc_maps m;
	struct proc_ids ids;
	struct err err = { 0 };
	uint32_t own = (uint32_t)getpid();
	uint64_t here = 42, there = 0;
	bool found = false;

	assert_int_equal(proc_maps(&t->real, t->a, own, &m, &err), 0);
	for (size_t i = 0; i < m.n; i++) {
		uintptr_t code = (uintptr_t)the_living;
		found |= m.v[i].start <= code && code < m.v[i].end && m.v[i].perms[2] == 'x' &&
			 str_ends(m.v[i].path, S("/proc_test"));
	}
	assert_true(found);
	assert_int_equal(proc_memory(own, (uintptr_t)&here, &there, sizeof(there)), sizeof(there));
	assert_int_equal(there, 42);
	assert_int_equal(proc_memory(own, 8, &there, sizeof(there)), -EFAULT);
	assert_true(proc_alive(&t->real, own));
	assert_int_equal(proc_owner(&t->real, own), geteuid());
	/* Never ourselves. */
	assert_int_equal(proc_by_name(&t->real, t->a, S("proc_test"), &ids, &err), -ESRCH);
	const char *words[] = { "sleep", "60" };
	struct child c;
	assert_int_equal(child_new((struct args){ words, 2 }, &c, &err), 0);
	assert_int_equal(proc_descendants(&t->real, t->a, own, &ids, &err), 0);
	assert_int_equal(ids.n, 1);
	assert_int_equal(ids.v[0], c.pid);
	uint32_t pid = c.pid;
	assert_true(proc_alive(&t->real, pid));
	child_done(&c);
	assert_false(proc_alive(&t->real, pid));
}

static int open_trees(void **state)
{
	static struct trees t;
	struct err err = { 0 };
	struct str root = str_from_c(*state);

	t.a = arena_open("test", 64 << 20);
	struct str second = arena_printf(t.a, STR_FMT "/../cgroup1", STR_ARG(root));
	if (host_open(root, &t.host, &err) < 0 || host_open(second, &t.cgroup1, &err) < 0 ||
	    host_open(S(""), &t.real, &err) < 0)
		return -1;
	*state = &t;
	return 0;
}

static int close_trees(void **state)
{
	(void)arena_close(of(state)->a);
	return 0;
}

/* clang-format off */
#define TEST(f) { #f, f, open_trees, close_trees, argv[1] }
/* clang-format on */

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	const struct CMUnitTest tests[] = {
		TEST(the_machine),   TEST(one_process), TEST(finding), TEST(ports),
		TEST(cgroups),       TEST(containers),  TEST(maps),    TEST(broken_maps),
		TEST(too_many_maps), TEST(the_living),
	};

	return RUN_TESTS(tests);
}
