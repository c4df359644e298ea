/* ppoll for a few descriptors, epoll for many. */
#include "sys/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/file.h"
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

int watch_set_open(struct watch_set *ret, struct err *err)
{
	int fd = fault_now() ? -1 : epoll_create1(EPOLL_CLOEXEC);

	if (fd == 0) { /* we were started without a standard input, and 0 means none */
		fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
		(void)close(0);
	}
	if (fd < 0)
		return err_set(err, -errno, "cannot wait for events: %s", reason(errno));
	ret->fd = fd;
	return 0;
}

void watch_set_close(struct watch_set *s)
{
	if (s->fd > 0)
		fd_closep(&s->fd);
	s->fd = 0;
}

int watch_set_add(struct watch_set *s, int fd, unsigned tag, struct err *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = tag };

	if (fault_now() || epoll_ctl(s->fd, EPOLL_CTL_ADD, fd, &e) < 0)
		return err_set(err, -errno, "cannot watch a descriptor: %s", reason(errno));
	return 0;
}

/* epoll_wait counts milliseconds; rounding up keeps short waits from becoming busy loops. */
static int milliseconds(long long ns)
{
	if (ns < 0)
		return -1;
	long long ms = ns / 1000000 + (ns % 1000000 != 0);
	return ms > 3600000 ? 3600000 : (int)ms;
}

int watch_set_wait(struct watch_set *s, unsigned *tags, size_t cap, long long timeout_ns,
		   struct err *err)
{
	struct epoll_event e[AT_MOST];

	if (cap == 0)
		return 0;
	int r = fault_now() ? -1
			    : epoll_wait(s->fd, e, cap < AT_MOST ? (int)cap : AT_MOST,
					 milliseconds(timeout_ns));
	if (r < 0 && errno == EINTR)
		return 0;
	if (r < 0)
		return err_set(err, -errno, "cannot wait for events: %s", reason(errno));
	for (int i = 0; i < r; i++)
		tags[i] = e[i].data.u32;
	return r;
}
