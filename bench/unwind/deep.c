/* The bottom of a stack of 1,000 frames, most of the time: how deep is a profiler able to look? */
#include <stdlib.h>
#include <time.h>

static double until;

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((noinline)) static unsigned spin(unsigned x)
{
	while (now() < until)
		for (unsigned i = 0; i < 100000; i++)
			x = x * 1103515245 + 12345;
	return x;
}

__attribute__((noinline)) static unsigned down(unsigned depth)
{
	volatile unsigned here[8] = { depth };

	return depth ? down(depth - 1) + here[depth & 7] : spin(here[0]);
}

int main(int argc, char **argv)
{
	until = now() + strtod(argv[argc - 1], NULL);
	return (int)(down(1000) & 1);
}
