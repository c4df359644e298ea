/*
 * caps: what this process may do, from /proc/self; for choosing remedies, never for deciding what
 * to try. Whoever is refused calls rights_remedy(), so one refusal has one wording everywhere.
 */
#ifndef PERF_OPS_SYS_CAPS_H
#define PERF_OPS_SYS_CAPS_H

#include "sys/host.h"

struct rights {
	uint32_t uid;
	struct str user; /* its name, or empty */
	bool cap_bpf, cap_perfmon, cap_sys_ptrace, cap_sys_admin, cap_syslog;
	bool seccomp;   /* a filter is installed */
	bool container; /* pid 1 is not init, or a runtime's marks are found */
	bool kubernetes;
	bool user_namespace; /* not the first one: our capabilities count for nothing outside */
	bool no_new_privs;
	bool root_helps;       /* root can have what is missing: it is in the bounding set */
	int64_t paranoid;      /* kernel.perf_event_paranoid, INT64_MIN unknown */
	int64_t kptr_restrict; /* likewise */
	int64_t ptrace_scope;  /* Yama; -1 absent */
	struct str lockdown;   /* "none", "integrity", "confidentiality", "" unknown */
	struct str exe;        /* our own file */
	struct str
		command; /* as it was typed, quoted for a shell; after "sudo " it can be pasted */
};
struct rights rights_read(const struct host *h, struct arena *a);
/* Whether process PID is another user's, and we have nothing that opens it to us. */
bool rights_are_short(const struct host *h, uint32_t pid);

/* What was refused. */
enum rights_gate {
	RIGHTS_SAMPLE,  /* perf_event_open on a process, user space only */
	RIGHTS_KERNEL,  /* likewise, with kernel stacks */
	RIGHTS_MACHINE, /* perf_event_open on everything */
	RIGHTS_BPF,     /* loading or attaching a BPF program */
	RIGHTS_MEMORY,  /* maps, open files or memory of a process */
};
struct refusal {
	enum rights_gate gate;
	int code;              /* negative errno */
	uint32_t pid;          /* whom it was about; 0 nobody in particular */
	uint32_t owner;        /* uid of that process; UINT32_MAX unknown or nobody's */
	struct str owner_name; /* or empty */
};
/* Fills err with code, one sentence that names the gate, and the lines to paste; returns the code.
 */
int rights_remedy(const struct rights *r, const struct refusal *what, struct err *err);
/* The same for this very process on the real machine, reading everything it needs. */
int rights_refused(enum rights_gate gate, int code, uint32_t pid, struct err *err);

#endif
