/*
 * subject KIND: programs that make a profiler's life hard.
 *	burn SECONDS          uses the processor
 *	deep DEPTH SECONDS    burns below DEPTH frames
 *	die MS                burns, then is gone
 *	exec MS PROGRAM ARG   burns, then becomes another program
 *	storm N               N short-lived children, one after the other, each burns 1 ms
 *	idle SECONDS          sleeps
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t spill;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((noinline)) static void burn_until(double end)
{
	while (now() < end)
		for (unsigned i = 0; i < 20000; i++)
			spill = spill * UINT64_C(6364136223846793005) + 1;
}

__attribute__((noinline)) static uint64_t dives(unsigned depth, double end)
{
	if (depth == 0) {
		burn_until(end);
		return spill;
	}
	uint64_t v = dives(depth - 1, end);
	__asm__ volatile("" : "+r"(v));
	return v + 1;
}

static void storm(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			burn_until(now() + 0.001);
			_exit(0);
		}
		if (pid > 0)
			(void)waitpid(pid, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	double x = argc > 2 ? strtod(argv[2], NULL) : 1;

	printf("pid %d\n", (int)getpid());
	(void)fflush(stdout);
	if (strcmp(kind, "burn") == 0) {
		burn_until(now() + x);
	} else if (strcmp(kind, "deep") == 0) {
		struct rlimit big = { 512 << 20, 512 << 20 };
		(void)setrlimit(RLIMIT_STACK, &big);
		(void)dives((unsigned)x, now() + (argc > 3 ? strtod(argv[3], NULL) : 2));
	} else if (strcmp(kind, "die") == 0) {
		burn_until(now() + x / 1000);
		_exit(3);
	} else if (strcmp(kind, "exec") == 0 && argc > 3) {
		burn_until(now() + x / 1000);
		execv(argv[3], argv + 3);
		return 127;
	} else if (strcmp(kind, "storm") == 0) {
		storm((unsigned)x);
	} else if (strcmp(kind, "idle") == 0) {
		(void)usleep((useconds_t)(x * 1e6));
	} else {
		return 2;
	}
	return 0;
}
