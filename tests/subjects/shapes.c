/*
 * shapes KIND SECONDS: so much CPU time in known functions, in the shapes of stacks that profilers
 * get wrong.
 *
 *	plain		three functions, 50 : 30 : 20
 *	inlined		a callee that the compiler put into its caller
 *	tail		a caller that is gone from the stack because its last call was a jump
 *	recursion	a leaf below 60 frames of itself
 *	deep		a leaf below 900 frames
 *	signal		time inside a signal handler
 *	plugin		a shared object opened while we run
 *	vdso		clock_gettime without a system call
 *	plt		a library function through the procedure linkage table
 *	threads		two threads of different work
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "truth.h"

#define KEEP __attribute__((noinline))

static volatile uint64_t spill;

KEEP static void alpha(void)
{
	spill = grind(spill);
}

KEEP static void beta(void)
{
	spill = grind(spill + 1);
}

KEEP static void gamma_work(void)
{
	spill = grind(spill + 2);
}

static inline __attribute__((always_inline)) void folded_callee(void)
{
	spill = grind(spill + 3);
}

KEEP static void holds_folded(void)
{
	folded_callee();
	__asm__ volatile("" ::: "memory");
}

KEEP static void jumped_to(void)
{
	spill = grind(spill + 4);
}

KEEP static void jumps_away(void)
{
	__asm__ volatile("" ::: "memory");
	jumped_to(); /* a tail call at -O2 */
}

KEEP static uint64_t dives(unsigned depth)
{
	if (depth == 0)
		return spill = grind(spill + 5);
	uint64_t v = dives(depth - 1);
	__asm__ volatile("" : "+r"(v)); /* no tail call */
	return v + 1;
}

KEEP static void in_handler(int number)
{
	(void)number;
	for (unsigned i = 0; i < 20; i++) /* long beside the delivery of the signal */
		spill = grind(spill + 6);
}

KEEP static void asks_clock(void)
{
	struct timespec t;

	for (unsigned i = 0; i < 3000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		spill += (uint64_t)t.tv_nsec;
	}
}

KEEP static void calls_library(void)
{
	char text[256];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (unsigned i = 0; i < 3000; i++)
		spill +=
			(uint64_t)strtoull("12345678901234567", NULL, 10) + (uint64_t)text[i & 127];
}

static void (*plugin_work(void))(void)
{
	const char *path = getenv("SUBJECT_PLUGIN");
	void *so = path ? dlopen(path, RTLD_NOW) : NULL;
	void (*work)(void) = so ? (void (*)(void))dlsym(so, "plugin_burns") : NULL;

	if (!work) {
		(void)fprintf(stderr, "no plugin: %s\n", dlerror());
		exit(1);
	}
	return work;
}

static void *second_thread(void *self)
{
	struct truth *t = self;
	uint64_t end = UINT64_C(2500000000);

	pthread_setname_np(pthread_self(), "second");
	while (cpu_now_ns() < end)
		PHASE(t, 1, "beta", 1, beta());
	return NULL;
}

static void both_threads(struct truth *t)
{
	struct truth other = { 0 };
	pthread_t thread;
	uint64_t end = UINT64_C(2500000000);

	if (pthread_create(&thread, NULL, second_thread, &other))
		exit(1);
	while (cpu_now_ns() < end)
		PHASE(t, 0, "alpha", 1, alpha());
	pthread_join(thread, NULL);
	t->name[1] = other.name[1];
	t->ns[1] = other.ns[1];
	t->n = 2;
}

static void one_round(const char *kind, struct truth *t, void (*plugin)(void))
{
	if (strcmp(kind, "plain") == 0) {
		PHASE(t, 0, "alpha", 5, alpha());
		PHASE(t, 1, "beta", 3, beta());
		PHASE(t, 2, "gamma_work", 2, gamma_work());
	} else if (strcmp(kind, "inlined") == 0) {
		PHASE(t, 0, "folded_callee", 6, holds_folded());
		PHASE(t, 1, "alpha", 4, alpha());
	} else if (strcmp(kind, "tail") == 0) {
		PHASE(t, 0, "jumped_to", 6, jumps_away());
		PHASE(t, 1, "alpha", 4, alpha());
	} else if (strcmp(kind, "recursion") == 0) {
		PHASE(t, 0, "dives", 7, dives(60));
		PHASE(t, 1, "alpha", 3, alpha());
	} else if (strcmp(kind, "deep") == 0) {
		PHASE(t, 0, "dives", 7, dives(900));
		PHASE(t, 1, "alpha", 3, alpha());
	} else if (strcmp(kind, "signal") == 0) {
		PHASE(t, 0, "in_handler", 6, raise(SIGUSR1));
		PHASE(t, 1, "alpha", 4, alpha());
	} else if (strcmp(kind, "plugin") == 0) {
		PHASE(t, 0, "plugin_burns", 6, plugin());
		PHASE(t, 1, "alpha", 4, alpha());
	} else if (strcmp(kind, "vdso") == 0) {
		PHASE(t, 0, "asks_clock", 6, asks_clock());
		PHASE(t, 1, "alpha", 4, alpha());
	} else if (strcmp(kind, "plt") == 0) {
		PHASE(t, 0, "calls_library", 6, calls_library());
		PHASE(t, 1, "alpha", 4, alpha());
	} else {
		(void)fprintf(stderr, "no shape '%s'\n", kind);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "plain";
	uint64_t end = (uint64_t)(1e9 * subject_seconds(argc - 1, argv + 1));
	struct truth t = { 0 };
	void (*plugin)(void) = NULL;

	signal(SIGUSR1, in_handler);
	if (strcmp(kind, "plugin") == 0) {
		alpha();
		plugin = plugin_work();
	}
	if (strcmp(kind, "threads") == 0)
		both_threads(&t);
	else
		while (cpu_now_ns() < end)
			one_round(kind, &t, plugin);
	truth_print(&t);
	return 0;
}
