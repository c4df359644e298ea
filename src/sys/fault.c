/* Counting down to the call that fails. The one counter is shared by all threads and set once. */
#include "sys/fault.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"

enum { UNREAD = -1, OFF = 0 };

/* lint-allow: global calls_left: "the n-th call" is one of the whole process */
static atomic_llong calls_left = UNREAD;

static struct str variable(const char *name)
{
	return str_from_c(secure_getenv(name));
}

/* What was asked for: which call (OFF: none) and with which errno. */
static long long asked(int *code)
{
	struct str tail, head = str_cut(variable("PERF_OPS_FAULT"), ':', &tail);
	uint64_t n = 0, with = EIO;

	if (!str_to_u64(head, &n) || n > LLONG_MAX)
		return OFF;
	if (!str_to_u64(tail, &with) || with == 0 || with > 4095)
		with = EIO;
	*code = (int)with;
	return (long long)n;
}

static void tell(long long n, const char *where)
{
	uint64_t fd;
	char line[128];

	if (!str_to_u64(variable("PERF_OPS_FAULT_FD"), &fd) || fd > INT_MAX)
		return;
	int len = snprintf(line, sizeof(line), "fault %lld %s\n", n, where);
	if (len > 0 && (size_t)len < sizeof(line))
		(void)!write((int)fd, line, (size_t)len); /* nobody to tell about telling */
}

bool fault_at(const char *where)
{
	long long left = atomic_load_explicit(&calls_left, memory_order_relaxed);
	int code = EIO;

	if (left == OFF)
		return false;
	if (left == UNREAD) {
		long long expected = UNREAD;
		(void)atomic_compare_exchange_strong(&calls_left, &expected, asked(&code));
	}
	left = atomic_load(&calls_left);
	while (left > 0 && !atomic_compare_exchange_weak(&calls_left, &left, left - 1))
		;
	if (left != 1)
		return false;
	tell(asked(&code), where);
	errno = code;
	return true;
}
