/*
 * tables: what the walk in the kernel knows: unwind tables of files, and where they lie in which
 * process. Filled while programs run: a process is pointed at its ranges only when they and the
 * tables they name are complete. Processes that share memory layout (forks) share a slice.
 */
#ifndef PERF_OPS_CAPTURE_TABLES_H
#define PERF_OPS_CAPTURE_TABLES_H

#include "base/log.h"
#include "model/sink.h"
#include "resolve/binary.h"

struct native_stack;

struct tables_room { /* elements of the maps, before they are made */
	size_t rows, pages, rules, exes, ranges, procs;
};

/* For the files known so far, and MORE_ROWS for what may come. */
struct tables_room tables_room(const struct binaries *b, size_t more_rows, size_t procs);

struct tables_maps { /* the BPF maps of capture/bpf/maps.bpf.h */
	int rows, pages, rules, exes, ranges, procs;
};

struct tables_losses {
	uint64_t files;     /* whose unwind table did not fit */
	uint64_t mappings;  /* that did not fit */
	uint64_t processes; /* likewise */
};

struct tables_use {
	struct binaries *binaries;
	struct str cache; /* directory of compiled tables, or empty */
	const struct log *log;
};

struct tables;
int tables_open(const struct tables_use *use, const struct tables_room *room,
		const struct tables_maps *maps, struct tables **ret, struct err *err);
struct tables *tables_close(struct tables *t); /* accepts NULL */

/* The events of a recording, in their order. The kernel sees them with the next tables_publish. */
void tables_follow(struct tables *t, uint32_t pid); /* nothing known of it yet */
bool tables_follows(const struct tables *t, uint32_t pid);
size_t tables_followed(const struct tables *t); /* how many processes have not ended */
/* False: known before, nothing changed. Compiles or loads the table of a new file: up to 0.3 s. */
bool tables_map(struct tables *t, const struct raw_mapping *m);
void tables_fork(struct tables *t, uint32_t parent, uint32_t child);
void tables_exec(struct tables *t, uint32_t pid);
/* It ended. Followed until the next but one publishing: its last samples are on the way. */
void tables_gone(struct tables *t, uint32_t pid);
/* The walk in user space, by what is known now. */
size_t tables_walk(const struct tables *t, uint32_t pid, const struct native_stack *from,
		   uint64_t *ip, size_t max, enum stack_end *ret_end);
/* An unknown address there need not be told again before that time. */
void tables_quiet(struct tables *t, uint32_t pid, uint64_t until_ns);
void tables_publish(struct tables *t, uint64_t now_ns);
/* The Nth followed process, for walking over all of them; 0 behind the last. */
uint32_t tables_pid(const struct tables *t, size_t *cursor);
struct tables_losses tables_losses(const struct tables *t);

#endif
