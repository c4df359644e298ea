/*
 * The state of one recording by perf_event without privileges, shared by the files cpu_perf*.c.
 *
 * Every thread has one event a processor, because an event that children inherit has a ring only
 * when it is bound to one (kernel/events/core.c, perf_mmap). All events of a processor write into
 * one ring. One turn of pump(): empty all rings, put what came in order of time, unwind, pour.
 */
#ifndef PERF_OPS_CAPTURE_CPU_PERF_PRIV_H
#define PERF_OPS_CAPTURE_CPU_PERF_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "capture/cpu/cpu.h"
#include "capture/source.h"
#include "sys/perf_event.h"

#define PERF_STACK_BYTES 16384u /* of stack copied with each sample */
#define PERF_TEXT_MAX    ((size_t)64 << 20)

enum { /* struct perf_user.reg: the order of PERF_REG_X86_* without flags and segments */
       PERF_AX,
       PERF_BX,
       PERF_CX,
       PERF_DX,
       PERF_SI,
       PERF_DI,
       PERF_BP,
       PERF_SP,
       PERF_IP,
       PERF_R8,
       PERF_REGS = PERF_R8 + 8
};
#define PERF_REG_MASK UINT64_C(0xff01ff)

struct perf_user {    /* the user side of a sample */
	uint64_t abi; /* PERF_SAMPLE_REGS_ABI_*; NONE: a kernel thread */
	uint64_t reg[PERF_REGS];
	struct str stack; /* from reg[PERF_SP] on */
	bool cut;         /* the copy is full: the stack may go on behind it */
};

/* cpu_perf_walk.c: which unwind table lies where, and walks over copied stacks. */
struct perf_walker;
struct perf_walker *perf_walker_open(struct binaries *b, const struct log *log);
struct perf_walker *perf_walker_close(struct perf_walker *w); /* accepts NULL */
void perf_walker_map(struct perf_walker *w, const struct raw_mapping *m);
void perf_walker_fork(struct perf_walker *w, uint32_t parent, uint32_t child);
void perf_walker_exec(struct perf_walker *w, uint32_t pid);
void perf_walker_gone(struct perf_walker *w, uint32_t pid);
/* The stack, valid until the next walk. */
const uint64_t *perf_walker_walk(struct perf_walker *w, uint32_t pid, const struct perf_user *u,
				 size_t *ret_n, enum stack_end *ret_end);
uint64_t perf_walker_full(const struct perf_walker *w); /* files without room for their table */

enum perf_item_kind { PERF_ITEM_SAMPLE, PERF_ITEM_MAPPING, PERF_ITEM_TASK, PERF_ITEM_COUNT };

struct perf_item {
	uint64_t time_ns;
	uint32_t order; /* of arrival, among equal times */
	enum perf_item_kind kind;
	union {
		struct {
			uint32_t pid, tid, cpu;
			const struct perf_user *user;
			const uint64_t *kernel; /* leaf first */
			uint16_t n_kernel;
		} sample;
		struct raw_mapping mapping;
		struct raw_task task;
		struct {
			uint32_t tid;
			uint64_t cpu_ns;
		} count; /* a thread that ends: what it used, on one processor */
	};
};

struct perf_thread {
	uint32_t pid, tid;
	bool watched; /* else only seen in /proc so far: it may have inherited events */
	bool gone;
	uint64_t sampled_ns, used_ns; /* used: told when it ends */
};

struct perf_ending { /* a thread whose last records may still come */
	uint32_t pid, tid;
	uint64_t time_ns;
};

struct perf_process {
	uint32_t pid;
	bool gone;
	uint64_t scanned_ns;               /* when its maps were read last */
	uint64_t user_ticks, system_ticks; /* at the start */
};

struct perf_cpu {
	int cpu, first; /* first: the event that owns the ring; -1: none yet */
	struct perf_ring ring;
};

struct perf_self {
	struct source_context c;
	struct cpu_params params;
	struct arena *arena, *batch; /* batch: what one turn read */
	struct perf_event_attr attr;
	int64_t period_ns;
	struct perf_walker *walker;

	/* cpu_perf_events.c */
	VEC(struct perf_cpu) cpus;
	VEC(int) events;
	uint64_t ring_bytes;
	struct perf_cpu *reading; /* whose ring is read */
	VEC(struct perf_item) items;
	uint64_t lost, lost_told, throttled;
	size_t batch_bytes;

	/* cpu_perf_follow.c */
	VEC(struct perf_thread) threads;
	struct map by_tid;
	VEC(struct perf_process) processes;
	struct map by_pid;
	uint64_t refused_threads; /* could not be watched */
	struct err refused;       /* why the first of them could not */
	uint64_t scan_ns;         /* when to look at /proc again */
	uint64_t scan_every_ns;

	VEC(struct perf_ending) ending; /* since the turn before */
	size_t n_ending;                /* of them, those of the turn before */
	int64_t unsampled_ns;           /* used minus sampled, of all that ended */
	uint64_t brief_ns, brief;       /* told of threads that were too short-lived */

	struct sink *sink;
	unsigned stream;
	uint64_t ends[STACK__COUNT];
	int64_t pause_ns, started_cpu_ns;
};

/* cpu_perf_events.c: events, rings and records. */
struct perf_event_attr perf_attr(const struct cpu_params *p, bool kernel);
int perf_events_cpus(struct perf_self *s, struct err *err);
/* All events of a thread, or of the machine (tid -1). -ESRCH: it is gone. */
int perf_events_watch(struct perf_self *s, int32_t tid, struct err *err);
/* Empties the rings into items, in order of time. The largest share of a ring that was full. */
double perf_events_read(struct perf_self *s);
void perf_events_stop(struct perf_self *s);
void perf_events_close(struct perf_self *s);

/* cpu_perf_follow.c: whose events are taken. */
int perf_follow_start(struct perf_self *s, struct err *err);
bool perf_follows(const struct perf_self *s, uint32_t pid);
void perf_follow_task(struct perf_self *s, const struct raw_task *t);
void perf_follow_sampled(struct perf_self *s, uint32_t tid);
void perf_follow_used(struct perf_self *s, uint32_t tid, uint64_t cpu_ns);
/* At the end of a turn: the time of threads that ended before their first sample was due. */
void perf_follow_settle(struct perf_self *s);
bool perf_follow_rescan(struct perf_self *s, uint32_t pid, uint64_t time_ns);
void perf_follow_upkeep(struct perf_self *s, uint64_t now_ns);
bool perf_follow_ended(struct perf_self *s);
/* Share of the CPU time since the start that was spent in the kernel; NaN when not known. */
double perf_follow_kernel_share(const struct perf_self *s);

#endif
