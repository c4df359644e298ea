/* ppoll: nanoseconds, and a few descriptors. */
#include "sys/watch.h"

#include <poll.h>
#include <time.h>

#include "sys/fault.h"
#include "sys/reason_priv.h"

enum { AT_MOST = 64 };

int watch_wait(struct watch *v, size_t n, long long timeout_ns, struct err *err)
{
	struct pollfd p[AT_MOST];
	struct timespec t = { .tv_sec = timeout_ns / 1000000000,
			      .tv_nsec = timeout_ns % 1000000000 };

	if (n > AT_MOST)
		return err_set(err, -E2BIG, "%zu descriptors to wait for, at most %d", n, AT_MOST);
	for (size_t i = 0; i < n; i++) {
		p[i] = (struct pollfd){ .fd = v[i].fd, .events = POLLIN };
		v[i].ready = v[i].hung = false;
	}
	int r = fault_now() ? -1 : ppoll(p, n, timeout_ns < 0 ? NULL : &t, NULL);
	if (r < 0 && errno == EINTR)
		return 0;
	if (r < 0)
		return err_set(err, -errno, "cannot wait for events: %s", reason(errno));
	for (size_t i = 0; i < n; i++) {
		v[i].ready = p[i].revents != 0;
		v[i].hung = (p[i].revents & (POLLHUP | POLLERR)) != 0;
	}
	return r;
}
