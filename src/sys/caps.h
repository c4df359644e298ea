/* What this process may do, from /proc/self/status; for choosing remedies, never for deciding what
 * to try. */
#ifndef PERF_OPS_SYS_CAPS_H
#define PERF_OPS_SYS_CAPS_H

#include "sys/host.h"

struct rights {
	uint32_t uid;
	bool cap_bpf, cap_perfmon, cap_sys_ptrace, cap_sys_admin, cap_syslog;
	bool seccomp;   /* a filter is installed */
	bool container; /* pid 1 is not init, or a runtime's marks are found */
	bool no_new_privs;
	int64_t paranoid;      /* kernel.perf_event_paranoid, INT64_MIN unknown */
	int64_t kptr_restrict; /* likewise */
	int64_t ptrace_scope;  /* Yama; -1 absent */
	struct str lockdown;   /* "none", "integrity", "confidentiality", "" unknown */
};
struct rights rights_read(const struct host *h, struct arena *a);

#endif
