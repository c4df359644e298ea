/*
 * proc: processes as /proc shows them. All answers are copies on the arena. A process that ends
 * while it is read is -ESRCH.
 */
#ifndef PERF_OPS_SYS_PROC_H
#define PERF_OPS_SYS_PROC_H

#include <sys/types.h>

#include "sys/host.h"

struct proc_map {
	uint64_t start, end, offset;
	uint64_t device, inode; /* device as makedev() */
	char perms[5];          /* "r-xp" */
	bool deleted;           /* " (deleted)" was behind the path; taken off */
	struct str path; /* empty: anonymous, named ones ("[anon:x]") too; "[heap]", "[vdso]" */
};

struct proc_maps {
	struct proc_map *v;
	size_t n;
};

int proc_maps(const struct host *h, struct arena *a, uint32_t pid, struct proc_maps *ret,
	      struct err *err);
/* Only executable ones when EXEC; parses TEXT of a maps file. Bad lines are an error. */
int proc_maps_parse(struct arena *a, struct str text, bool exec, struct proc_maps *ret,
		    struct err *err);

struct proc_ids {
	uint32_t *v;
	size_t n;
};
int proc_all(const struct host *h, struct arena *a, struct proc_ids *ret, struct err *err);
int proc_threads(const struct host *h, struct arena *a, uint32_t pid, struct proc_ids *ret,
		 struct err *err);
/* Children of PID, theirs, and so on, from all processes' stat (works without
 * CONFIG_PROC_CHILDREN).
 */
int proc_descendants(const struct host *h, struct arena *a, uint32_t pid, struct proc_ids *ret,
		     struct err *err);

struct proc_stat {
	struct str comm;
	char state;
	uint32_t parent, n_threads;
	uint64_t user_ticks, system_ticks, start_ticks;
	uint32_t flags; /* PF_KTHREAD 0x00200000 */
};
int proc_stat(const struct host *h, struct arena *a, uint32_t pid, struct proc_stat *ret,
	      struct err *err);
int proc_task_stat(const struct host *h, struct arena *a, uint32_t pid, uint32_t tid,
		   struct proc_stat *ret, struct err *err);
struct str proc_comm(const struct host *h, struct arena *a, uint32_t pid,
		     uint32_t tid); /* "" unknown */
struct str proc_command(const struct host *h, struct arena *a,
			uint32_t pid); /* argv by blanks, at most 4 KB; "" */
struct str proc_exe(const struct host *h, struct arena *a, uint32_t pid); /* "" unknown */
uint32_t proc_owner(const struct host *h, uint32_t pid); /* uid; UINT32_MAX unknown */
/* The pid of PID inside its own pid namespace (perf map files are named by it); PID when unknown.
 */
uint32_t proc_inner_pid(const struct host *h, struct arena *a, uint32_t pid);
bool proc_alive(const struct host *h, uint32_t pid); /* zombies are not alive */

/* Who has a listening TCP socket on PORT (v4, v6), by inode of the socket in /proc/PID/fd. */
int proc_by_port(const struct host *h, struct arena *a, uint16_t port, struct proc_ids *ret,
		 struct err *err);
/* By name: comm, else the last part of exe or of argv[0], exactly. Never ourselves. */
int proc_by_name(const struct host *h, struct arena *a, struct str name, struct proc_ids *ret,
		 struct err *err);
/* All in a cgroup and below it; PATH absolute (/sys/fs/cgroup/...) or relative to any mounted
 * hierarchy. */
int proc_by_cgroup(const struct host *h, struct arena *a, struct str path, struct proc_ids *ret,
		   struct err *err);
/* The cgroup directory of a container id (or a prefix of ≥ 8 hex digits): docker, containerd,
 * podman, cri-o, kubernetes, systemd or cgroupfs driver, v1 or v2. */
int proc_container_cgroup(const struct host *h, struct arena *a, struct str id, struct str *ret,
			  struct err *err);

/* N bytes of the memory of another process (process_vm_readv); how many, or negative errno. */
ssize_t proc_memory(uint32_t pid, uint64_t address, void *into, size_t n);
/* Where the vdso of this process begins, for proc_memory(); 0: there is none. */
uint64_t proc_own_vdso(uint32_t *ret_pid);

#endif
