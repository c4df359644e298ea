/*
 * deny WHAT[,WHAT...] COMMAND ARG...: runs COMMAND under a seccomp filter that refuses bpf(2) and,
 * or, perf_event_open(2), process_vm_readv(2), as container runtimes and hardened kernels do. WHAT:
 * bpf, perf, vm; with =ERRNO, e.g. perf=13 (default 1, EPERM).
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
	{ "bpf", __NR_bpf },
	{ "perf", __NR_perf_event_open },
	{ "vm", __NR_process_vm_readv },
};

static unsigned add(struct sock_filter *f, unsigned n, const char *word)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		size_t k = strlen(calls[i].name);
		if (strncmp(word, calls[i].name, k) || (word[k] && word[k] != '='))
			continue;
		unsigned e = word[k] ? (unsigned)strtoul(word + k + 1, NULL, 10) : EPERM;
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0,
						      1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | e);
		return n;
	}
	(void)fprintf(stderr, "deny: what is '%s'?\n", word);
	exit(2);
}

int main(int argc, char **argv)
{
	struct sock_filter f[16];
	unsigned n = 0;
	char *rest = NULL;

	if (argc < 3)
		return 2;
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr));
	for (char *w = strtok_r(argv[1], ",", &rest); w; w = strtok_r(NULL, ",", &rest))
		n = add(f, n, w);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog p = { .len = (unsigned short)n, .filter = f };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) {
		perror("deny");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
