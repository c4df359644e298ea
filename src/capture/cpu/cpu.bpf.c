/*
 * The CPU profiler in the kernel: at every tick of a perf event the stack of whoever runs, and the
 * life of the followed processes. A stack is sent once and then named by its hash, so a sample is
 * 48 bytes. What could not be sent is counted.
 */
#include "capture/bpf/walk.bpf.h"

#include "capture/cpu/cpu_abi.h"

const volatile bool everybody = false; /* also who is not in procs */
const volatile bool want_kernel = true;
const volatile bool want_user = true;
const volatile bool follow = true;  /* what a followed process forks is followed */
const volatile __u32 command = 0;   /* whose end is told at once: the recording is over then */
const volatile __u32 pid_space = 0; /* inode of our pid namespace; 0: the initial one */

__u64 epoch = 1;        /* raised by user space when it has forgotten stacks: all are sent again */
__u64 samples_lost = 0; /* ring full, or nested too deep */
__u64 news_lost = 0;
__u64 exec_told_ns = 0; /* when an exec woke the reader last */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} news SEC(".maps");

/* Direct-mapped: two stacks in one place are only sent more often. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CPU_SEEN);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

struct late {
	struct cpu_late head;
	__u8 copy[CPU_COPY_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WALK_NESTED);
	__type(key, __u32);
	__type(value, struct late);
} lates SEC(".maps");

struct ids {
	__u32 tgid, tid;
};

struct tick { /* one sample in the making */
	struct ids id;
	__u32 level;
	struct walk_proc *proc; /* NULL: unknown, with everybody */
	struct cpu_sample sample;
};

#define PID_LEVELS 8

/* The number of a thread as our own pid namespace has it; 0: not visible there. */
static __always_inline __u32 pid_here(struct task_struct *t)
{
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level);

	for (__u32 i = 0; i < PID_LEVELS && i <= level; i++) {
		struct upid u = { 0 };

		(void)bpf_probe_read_kernel(&u, sizeof(u), &pid->numbers[i]);
		if (u.ns && BPF_CORE_READ(u.ns, ns.inum) == pid_space)
			return (__u32)u.nr;
	}
	return 0;
}

static __always_inline struct ids ids_of(struct task_struct *t)
{
	if (!pid_space)
		return (struct ids){ .tgid = (__u32)BPF_CORE_READ(t, tgid),
				     .tid = (__u32)BPF_CORE_READ(t, pid) };
	return (struct ids){ .tgid = pid_here(BPF_CORE_READ(t, group_leader)), .tid = pid_here(t) };
}

/* False: the reader does not have this stack, so a sample may not name it. */
static __always_inline bool send_stack(void *stack, __u64 n, __u64 max, __u64 hash)
{
	__u32 slot = (__u32)(hash >> 20) & (CPU_SEEN - 1);
	__u64 mark = hash + epoch;
	__u64 *last = bpf_map_lookup_elem(&seen, &slot);

	if (!last)
		return false;
	if (*last == mark)
		return true;
	/* Hidden from the optimiser, or the verifier loses the bound. */
	asm volatile("" : "+r"(n));
	if (n > max)
		return false;
	if (bpf_ringbuf_output(&samples, stack, sizeof(struct cpu_stack) + n * sizeof(__u64),
			       BPF_RB_NO_WAKEUP))
		return false;
	/* Only now: another processor that saw the mark could name the stack before it is there. */
	*last = mark;
	return true;
}

static __always_inline void tell(struct cpu_news *n, __u64 flags)
{
	if (bpf_ringbuf_output(&news, n, sizeof(*n), flags))
		__sync_fetch_and_add(&news_lost, 1);
}

static __always_inline void tell_no_map(struct tick *t, __u64 address)
{
	__u64 now = t->sample.time_ns;
	struct cpu_news n = { .type = CPU_NO_MAP,
			      .tgid = t->id.tgid,
			      .tid = t->id.tid,
			      .time_ns = now,
			      .address = address };

	if (now - t->proc->told_ns < CPU_TELL_NS)
		return;
	t->proc->told_ns = now;
	tell(&n, BPF_RB_FORCE_WAKEUP);
}

#define PAGE_BYTES 4096

/* Whole pages from the stack pointer on, while they are there. The first ones need not be: what a
 * function reserved and did not touch yet. */
static __always_inline __u64 copy_stack(struct late *l, __u64 sp)
{
	__u64 at = sp, n = 0;

	l->head.start = sp;
	for (int i = 0; i < CPU_COPY_BYTES / PAGE_BYTES + 1; i++) {
		__u64 len = PAGE_BYTES - (at & (PAGE_BYTES - 1));

		asm volatile("" : "+r"(n), "+r"(len));
		if (n > CPU_COPY_BYTES - PAGE_BYTES || len > PAGE_BYTES)
			break;
		if (!bpf_probe_read_user(l->copy + n, (__u32)len, (const void *)at))
			n += len;
		else if (n)
			break;
		else
			l->head.start = at + len;
		at += len;
	}
	return n;
}

/* False: it could not be sent. */
static __always_inline bool send_late(struct walk *w, struct tick *t)
{
	struct late *l = bpf_map_lookup_elem(&lates, &t->level);
	__u64 n;

	if (!l || !walk_begin(w, t->proc))
		return false;
	l->head.regs = w->regs;
	n = copy_stack(l, w->regs.sp);
	l->head.n = n;
	l->head.sample = t->sample;
	l->head.sample.type = CPU_LATE;
	l->head.sample.n_user = 0;
	l->head.sample.user_hash = 0;
	l->head.sample.cost_ns = (__u32)(bpf_ktime_get_ns() - t->sample.time_ns);
	asm volatile("" : "+r"(n));
	if (n > CPU_COPY_BYTES)
		return false;
	return !bpf_ringbuf_output(&samples, l, sizeof(l->head) + n, BPF_RB_NO_WAKEUP);
}

static __always_inline void user_stack(struct walk *w, struct tick *t)
{
	struct cpu_sample *s = &t->sample;

	w->user.type = CPU_USER_STACK;
	s->end = NATIVE_END_NONE;
	if (!want_user || !walk_begin(w, t->proc))
		return;
	s->end = (__u8)walk_user(w);
	s->n_user = (__u16)w->user.n;
	s->user_hash = w->user.hash | 1;
	w->user.hash = s->user_hash;
	if (s->end != NATIVE_END_ROOT && walk_in_exec()) {
		s->end = NATIVE_END_NONE;
		s->n_user = 0;
	}
}

static __always_inline void kernel_stack(struct bpf_perf_event_data *ctx, struct walk *w)
{
	long bytes = -1;

	w->kernel.n = 0;
	w->kernel.hash = 0;
	if (want_kernel && (ctx->regs.cs & 3) == 0)
		bytes = bpf_get_stack(ctx, w->kernel.ip, sizeof(w->kernel.ip), 0);
	if (bytes <= 0)
		return;
	w->kernel.n = (__u32)bytes / sizeof(__u64);
	walk_kernel_hash(w);
}

/* False: it is lost. */
static __always_inline bool sample(struct bpf_perf_event_data *ctx, struct walk *w, struct tick *t)
{
	struct cpu_sample *s = &t->sample;

	kernel_stack(ctx, w);
	s->n_kernel = (__u8)w->kernel.n;
	s->kernel_hash = w->kernel.hash;
	w->kernel.type = CPU_KERNEL_STACK;
	if (s->n_kernel && !send_stack(&w->kernel, s->n_kernel, WALK_KERNEL_MAX, s->kernel_hash))
		return false;
	user_stack(w, t);
	if (s->end == NATIVE_END_NO_MAP && t->proc && s->time_ns >= t->proc->quiet_ns) {
		tell_no_map(t, native_look(&w->regs));
		return send_late(w, t);
	}
	if (s->n_user && !send_stack(&w->user, s->n_user, NATIVE_FRAMES_MAX, s->user_hash))
		return false;
	s->cost_ns = (__u32)(bpf_ktime_get_ns() - s->time_ns);
	return !bpf_ringbuf_output(&samples, s, sizeof(*s), BPF_RB_NO_WAKEUP);
}

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	__u64 both = bpf_get_current_pid_tgid();
	struct tick t = { .id = { .tgid = (__u32)(both >> 32), .tid = (__u32)both },
			  .sample = { .type = CPU_SAMPLE, .time_ns = bpf_ktime_get_ns() } };
	__u32 zero = 0, level;

	if (!t.id.tgid)
		return 0; /* the idle task */
	if (pid_space)
		t.id = ids_of(bpf_get_current_task_btf());
	t.proc = bpf_map_lookup_elem(&procs, &t.id.tgid);
	if (!t.proc && !everybody)
		return 0;
	t.sample.tgid = t.id.tgid;
	t.sample.tid = t.id.tid;
	t.sample.cpu = bpf_get_smp_processor_id();
	__u32 *depth = bpf_map_lookup_elem(&nested, &zero);

	if (!depth)
		return 0;
	t.level = level = *depth;
	struct walk *w = bpf_map_lookup_elem(&walks, &level);

	if (w) {
		*depth = level + 1;
		if (!sample(ctx, w, &t))
			__sync_fetch_and_add(&samples_lost, 1);
		*depth = level;
	} else {
		__sync_fetch_and_add(&samples_lost, 1);
	}
	return 0;
}

/* Is this process one of ours? The idle tasks are nobody's. */
static __always_inline bool followed(__u32 tgid)
{
	return everybody ? tgid != 0 : bpf_map_lookup_elem(&procs, &tgid) != NULL;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct ids from = ids_of(parent), to = ids_of(child);
	struct cpu_news n = { .type = CPU_FORK,
			      .tgid = to.tgid,
			      .tid = to.tid,
			      .parent = from.tgid,
			      .time_ns = bpf_ktime_get_ns() };
	struct walk_proc *p = bpf_map_lookup_elem(&procs, &from.tgid);

	if (!to.tgid || !followed(from.tgid) || (from.tgid != to.tgid && !follow && !everybody))
		return 0;
	if (p && from.tgid != to.tgid) {
		/* Same memory as the parent: unwinds from its first instruction on. */
		struct walk_proc copy = { .first = p->first, .n = p->n };

		if (bpf_map_update_elem(&procs, &to.tgid, &copy, BPF_ANY))
			__sync_fetch_and_add(&news_lost, 1);
	}
	(void)bpf_core_read_str(n.comm, sizeof(n.comm), &child->comm);
	tell(&n, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *t)
{
	struct ids id = ids_of(t);
	struct cpu_news n = {
		.type = CPU_EXEC, .tgid = id.tgid, .tid = id.tid, .time_ns = bpf_ktime_get_ns()
	};
	struct walk_proc *p = bpf_map_lookup_elem(&procs, &id.tgid);

	if (!followed(id.tgid))
		return 0;
	if (p)
		p->n = 0; /* what was mapped is gone */
	(void)bpf_core_read_str(n.comm, sizeof(n.comm), &t->comm);
	/* Soon enough to open its files, not so often that a build keeps us busy. */
	bool wake = n.time_ns - exec_told_ns > CPU_EXEC_NS;
	if (wake)
		exec_told_ns = n.time_ns;
	tell(&n, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *t)
{
	struct ids id = ids_of(t);
	bool last = BPF_CORE_READ(t, signal, live.counter) == 0;
	struct cpu_news n = { .type = last ? CPU_ENDED : CPU_GONE,
			      .tgid = id.tgid,
			      .tid = id.tid,
			      .time_ns = bpf_ktime_get_ns() };

	if (!followed(id.tgid))
		return 0;
	tell(&n, last && id.tgid == command ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return 0;
}

/* Some helpers are only there for programs that say so; the text is ours, under MIT too. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
