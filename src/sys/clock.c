/* The clocks of the kernel, and what the kernel counts about ourselves. */
#include "sys/clock.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

static int64_t now_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t); /* cannot fail for these three clocks */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

int64_t clock_epoch_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

int64_t clock_own_cpu_ns(void)
{
	return now_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void clock_sleep_ns(int64_t ns)
{
	if (ns <= 0)
		return;
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = ns % 1000000000 };
	(void)nanosleep(&t, NULL); /* an early return is allowed by the header */
}

/* Not getrusage: ru_maxrss survives exec, so it is the peak of whoever started us. */
uint64_t clock_own_peak_rss_bytes(void)
{
	char text[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text));
	(void)close(fd);
	struct str s = { text, n > 0 ? (size_t)n : 0 };
	s = str_skip(s, str_find(s, S("VmHWM:")));
	struct str rest, line = str_cut(str_skip(s, 6), '\n', &rest);
	uint64_t kib;
	if (!str_ends(line, S(" kB")) || !str_to_u64(str_trim(str_head(line, line.n - 3)), &kib) ||
	    kib > UINT64_MAX / 1024)
		return 0;
	return kib * 1024;
}
