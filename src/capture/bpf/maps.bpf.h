/*
 * The maps of the walk. User space maps the tables into itself and fills them by plain stores; what
 * a process needs is written before the process is pointed at it.
 */
#ifndef PERF_OPS_MAPS_BPF_H
#define PERF_OPS_MAPS_BPF_H

#include "capture/bpf/kernel.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "capture/bpf/walk_abi.h"

/* Sizes are set before loading: see struct walk_room. A mappable array rounds its values up to 8
 * bytes, so one value holds two rows. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct native_page);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct native_rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct native_exe);
} exes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_range);
} ranges SEC(".maps");

/* Preallocated: programs that run in an interrupt may not allocate. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_proc);
} procs SEC(".maps");

/* The rules of addresses that were looked up before: one cache line instead of a search. Tables
 * never change once they are there, so nothing in it gets stale. See walk_rule(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WALK_KNOWN);
	__type(key, __u32);
	__type(value, __u64);
} known SEC(".maps");

struct walk { /* where a walk stands, and its result; laid out to be sent as it is */
	struct native_regs regs;
	__u32 first, n; /* the slice of the process */
	__u32 range;    /* of the frame before */
	__u32 pad;
	struct {
		__u32 type, n;
		__u64 hash;
		__u64 ip[NATIVE_FRAMES_MAX];
	} user;
	struct {
		__u32 type, n;
		__u64 hash;
		__u64 ip[WALK_KERNEL_MAX];
	} kernel;
};

/* Two a processor: a sample may interrupt a program that is in the middle of a walk. */
#define WALK_NESTED 2

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WALK_NESTED);
	__type(key, __u32);
	__type(value, struct walk);
} walks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} nested SEC(".maps");

#endif
