/*
 * Whose samples are taken: the targets, what they had forked before we came, who joins their
 * cgroup, and what /proc says about each of them.
 */
#include "capture/cpu/cpu_priv.h"

#include <errno.h>

#include "cpu.skel.h"
#include "sys/clock.h"
#include "sys/proc.h"

#define SCRATCH_BYTES  ((size_t)256 << 20) /* one maps file, one list of processes */
#define JOIN_EVERY_NS  UINT64_C(200000000)
#define CHECK_EVERY_NS UINT64_C(1000000000)
#define KERNEL_THREAD  0x00200000u /* PF_KTHREAD of linux/sched.h */

static bool among(const struct proc_ids *ids, uint32_t pid)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->v[i] == pid)
			return true;
	return false;
}

/* Adds whoever descends from IDS, by one look at all processes. */
static void add_descendants(struct cpu_self *s, struct proc_ids *ids)
{
	auto_arena a = arena_open("descendants", SCRATCH_BYTES);
	VEC(uint32_t) found = { 0 };
	struct proc_ids all;
	struct err err = { 0 };

	if (proc_all(s->c.host, a, &all, &err) < 0)
		return; /* then only the targets themselves: they are what was asked for */
	uint32_t *parent = arena_array(a, uint32_t, all.n + 1);
	bool *taken = arena_array(a, bool, all.n + 1);

	for (size_t i = 0; i < all.n; i++) {
		struct proc_stat st;

		taken[i] = among(ids, all.v[i]);
		if (proc_stat(s->c.host, a, all.v[i], &st, &err) == 0)
			parent[i] = st.parent;
	}
	for (size_t i = 0; i < ids->n; i++)
		*vec_add(a, &found) = ids->v[i];
	for (size_t k = 0; k < found.n; k++)
		for (size_t i = 0; i < all.n; i++)
			if (!taken[i] && parent[i] == found.v[k]) {
				taken[i] = true;
				*vec_add(a, &found) = all.v[i];
			}
	if (!found.v)
		return; /* no target, so no descendants */
	ids->v = arena_array(s->arena, uint32_t, found.n);
	memcpy(ids->v, found.v, found.n * sizeof(uint32_t));
	ids->n = found.n;
}

int cpu_follow_targets(struct cpu_self *s, struct proc_ids *ret, struct err *err)
{
	const struct target *t = s->c.target;

	*ret = t->pids;
	if (t->all)
		return proc_all(s->c.host, s->arena, ret, err);
	if (t->cgroup.n) {
		int r = proc_by_cgroup(s->c.host, s->arena, t->cgroup, ret, err);

		/* It is empty now: who joins is seen. */
		return r == -ESRCH ? 0 : r;
	}
	if (t->children && !t->child.pid)
		add_descendants(s, ret);
	return 0;
}

/* A command that waits for its exec: what it does and what is mapped there are our own. */
bool cpu_is_us(const struct cpu_self *s, uint32_t pid)
{
	return !s->execed && pid == s->c.target->child.pid;
}

/* Every executable mapping of PID, as an event of now. */
static void each_mapping(struct cpu_self *s, uint32_t pid,
			 void (*each)(struct cpu_self *s, const struct raw_mapping *m, size_t *sum),
			 size_t *sum)
{
	auto_arena a = arena_open("mappings", SCRATCH_BYTES);
	struct proc_maps maps;
	struct err err = { 0 };

	if (proc_maps(s->c.host, a, pid, &maps, &err) < 0) {
		log_debug(s->c.log, "%s", err.text);
		return; /* it ended */
	}
	for (size_t i = 0; i < maps.n; i++) {
		const struct proc_map *p = &maps.v[i];
		struct raw_mapping m = { .time_ns = (uint64_t)clock_monotonic_ns(),
					 .pid = pid,
					 .start = p->start,
					 .end = p->end,
					 .file_offset = p->offset,
					 .device = p->device,
					 .inode = p->inode,
					 .path = p->path };

		if (p->perms[2] == 'x')
			each(s, &m, sum);
	}
}

static void know(struct cpu_self *s, const struct raw_mapping *m, size_t *sum)
{
	(void)sum;
	if (m->path.n && (m->path.p[0] == '/' || str_eq(m->path, S("[vdso]"))))
		(void)binaries_get(s->c.binaries, &(struct binary_place){ .pid = m->pid,
									  .start = m->start,
									  .end = m->end,
									  .device = m->device,
									  .inode = m->inode,
									  .path = m->path });
}

void cpu_know_binaries(struct cpu_self *s, const struct proc_ids *pids)
{
	for (size_t i = 0; i < pids->n; i++)
		if (!cpu_is_us(s, pids->v[i]))
			each_mapping(s, pids->v[i], know, NULL);
}

static void add_mapping(struct cpu_self *s, const struct raw_mapping *m, size_t *sum)
{
	if (!tables_map(s->tables, m))
		return;
	s->sink->ops->mapping(s->sink, m);
	++*sum;
}

size_t cpu_rescan(struct cpu_self *s, uint32_t pid)
{
	size_t changed = 0;

	if (cpu_is_us(s, pid))
		return 0;
	each_mapping(s, pid, add_mapping, &changed);
	return changed;
}

static void say_seen(struct cpu_self *s, struct arena *a, uint32_t pid, uint32_t tid)
{
	struct proc_stat st = { 0 };
	struct err err = { 0 };

	(void)proc_stat(s->c.host, a, pid, &st, &err); /* it ended: without a parent then */
	s->sink->ops->task(s->sink,
			   &(struct raw_task){ .time_ns = (uint64_t)clock_monotonic_ns(),
					       .pid = pid,
					       .tid = tid,
					       .parent = st.parent,
					       .event = TASK_SEEN,
					       .name = proc_comm(s->c.host, a, pid, tid) });
}

void cpu_adopt(struct cpu_self *s, uint32_t pid, bool threads)
{
	auto_arena a = arena_open("a process", SCRATCH_BYTES);
	struct proc_ids tids = { 0 };
	struct err err = { 0 };

	tables_follow(s->tables, pid);
	say_seen(s, a, pid, pid);
	if (threads && proc_threads(s->c.host, a, pid, &tids, &err) == 0)
		for (size_t i = 0; i < tids.n; i++)
			if (tids.v[i] != pid)
				say_seen(s, a, pid, tids.v[i]);
	(void)cpu_rescan(s, pid);
}

static void join_cgroup(struct cpu_self *s)
{
	auto_arena a = arena_open("cgroup", SCRATCH_BYTES);
	struct proc_ids ids;
	struct err err = { 0 };

	if (proc_by_cgroup(s->c.host, a, s->c.target->cgroup, &ids, &err) < 0)
		return; /* it may be empty or gone: nobody joins then */
	for (size_t i = 0; i < ids.n; i++)
		if (!tables_follows(s->tables, ids.v[i]))
			cpu_adopt(s, ids.v[i], true);
}

/* After news were lost: who is not there any more, and what is mapped where. */
static void resync(struct cpu_self *s)
{
	size_t cursor = 0;

	for (uint32_t pid; (pid = tables_pid(s->tables, &cursor)) != 0;) {
		if (!proc_alive(s->c.host, pid))
			tables_gone(s->tables, pid);
		else
			(void)cpu_rescan(s, pid);
	}
	if (!s->c.target->children || s->c.target->all)
		return;
	struct proc_ids ids = { 0 };

	cursor = 0;
	VEC(uint32_t) known = { 0 };
	for (uint32_t pid; (pid = tables_pid(s->tables, &cursor)) != 0;)
		*vec_add(s->batch, &known) = pid;
	ids = (struct proc_ids){ known.v, known.n };
	add_descendants(s, &ids);
	for (size_t i = 0; i < ids.n; i++)
		if (!tables_follows(s->tables, ids.v[i]))
			cpu_adopt(s, ids.v[i], true);
}

void cpu_follow_upkeep(struct cpu_self *s, uint64_t now_ns)
{
	uint64_t lost = __atomic_load_n(&s->bpf->bss->news_lost, __ATOMIC_RELAXED);

	if (lost != s->news_lost || s->rings_lost != s->rings_synced) {
		log_debug(s->c.log, "news were lost: looking at all processes again");
		s->news_lost = lost;
		s->rings_synced = s->rings_lost;
		resync(s);
	}
	if (s->c.target->cgroup.n && now_ns - s->joined_ns >= JOIN_EVERY_NS) {
		s->joined_ns = now_ns;
		join_cgroup(s);
	}
	if (now_ns - s->checked_ns < CHECK_EVERY_NS)
		return;
	s->checked_ns = now_ns;
	/* Should its end not have been told. */
	for (size_t i = 0; !s->c.target->all && i < s->c.target->pids.n; i++) {
		uint32_t pid = s->c.target->pids.v[i];

		if (tables_follows(s->tables, pid) && !proc_alive(s->c.host, pid)) {
			tables_gone(s->tables, pid);
			s->child_ended |= pid == s->c.target->child.pid;
		}
	}
}

/* A command ends with its own process, whatever it leaves behind; others with the last one. */
bool cpu_ended(const struct cpu_self *s)
{
	if (s->c.target->all || s->c.target->cgroup.n)
		return false;
	return s->child_ended || tables_followed(s->tables) == 0;
}
