/*
 * The state of one recording by eBPF, shared by the files of this folder.
 *
 * One turn of pump(): drain the ring of samples, then the ring of news, then the perf rings with
 * the mappings. What a sample needs was said before it, so it is in one of the rings by the time
 * the sample has been read. Then all is put in order of time and poured, and last the kernel is
 * told about the new mappings.
 */
#ifndef PERF_OPS_CAPTURE_CPU_PRIV_H
#define PERF_OPS_CAPTURE_CPU_PRIV_H

#include "base/vec.h"
#include "capture/bpf/costs.h"
#include "capture/bpf/stacks.h"
#include "capture/bpf/tables.h"
#include "capture/cpu/cpu.h"
#include "capture/cpu/cpu_abi.h"
#include "capture/source.h"
#include "sys/perf_event.h"

struct cpu_bpf;
struct bpf_link;
struct ring_buffer;

enum item_kind { ITEM_SAMPLE, ITEM_LATE, ITEM_NEWS, ITEM_MAPPING, ITEM_TASK };

struct item {
	uint64_t time_ns;
	uint32_t order; /* of arrival, among equal times */
	enum item_kind kind;
	union {
		struct cpu_sample sample;
		const struct cpu_late *late; /* in the batch, its copy behind it */
		struct cpu_news news;
		struct raw_mapping mapping;
		struct raw_task task;
	};
};

struct cpu_self {
	struct source_context c;
	struct cpu_params params;
	struct arena *arena, *batch; /* batch: the texts of one turn */
	struct cpu_bpf *bpf;
	struct tables *tables;
	struct stacks *stacks;
	struct ring_buffer *samples, *news;
	VEC(struct bpf_link *) links;
	VEC(int) clocks;             /* perf events that sample, one a processor */
	VEC(int) watchers;           /* dummy events that tell mappings and names */
	VEC(struct perf_ring) rings; /* of the watchers */
	const char *clock_name;
	int64_t period_ns;
	uint64_t kernel_bytes;

	struct sink *sink;
	unsigned stream;
	VEC(struct item) items;
	struct costs costs;
	uint64_t ends[STACK__COUNT];
	uint64_t unknown; /* samples whose stack or process had been forgotten */
	uint64_t late_ip[NATIVE_FRAMES_MAX];
	uint64_t told_lost;                /* said to the sink already */
	uint64_t news_lost;                /* as seen by the last resync */
	uint64_t rings_lost, rings_synced; /* records a perf ring had no room for */
	uint64_t alert_ns;                 /* until then a program is starting: look often */
	int64_t pause_ns;                  /* between two looks while on alert */
	uint64_t checked_ns, joined_ns;    /* last look at the roots, at the cgroup */
	bool child_ended;
	bool execed; /* the command is itself now; before, its process was a copy of us */
};

/* cpu_events.c: the perf events. */
int cpu_clocks_open(struct cpu_self *s, struct err *err);
int cpu_watchers_open(struct cpu_self *s, struct err *err);
int cpu_watchers_start(struct cpu_self *s, struct err *err);
void cpu_watchers_drain(struct cpu_self *s);
void cpu_events_close(struct cpu_self *s);

/* cpu_follow.c: whose samples are taken. */
int cpu_follow_targets(struct cpu_self *s, struct proc_ids *ret, struct err *err);
void cpu_know_binaries(struct cpu_self *s, const struct proc_ids *pids);
void cpu_adopt(struct cpu_self *s, uint32_t pid, bool threads); /* says what holds now */
size_t cpu_rescan(struct cpu_self *s, uint32_t pid);            /* how many mappings are new */
void cpu_follow_upkeep(struct cpu_self *s, uint64_t now_ns);
bool cpu_ended(const struct cpu_self *s);
bool cpu_is_us(const struct cpu_self *s, uint32_t pid);

/* cpu_pour.c: from the rings to the sink. */
struct item *cpu_item(struct cpu_self *s, uint64_t time_ns, enum item_kind kind);
int cpu_take_sample(void *self, void *record, size_t n); /* callbacks of libbpf */
int cpu_take_news(void *self, void *record, size_t n);
void cpu_turn(struct cpu_self *s);

#endif
