/* Threads that take the next job by a counter, and end with the work. */
#include "base/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define THREADS_MAX 64

struct work {
	void (*job)(void *self, size_t i);
	void *self;
	size_t n;
	atomic_size_t next;
};

static void *take_jobs(void *arg)
{
	struct work *w = arg;

	for (;;) {
		size_t i = atomic_fetch_add_explicit(&w->next, 1, memory_order_relaxed);
		if (i >= w->n)
			return NULL;
		w->job(w->self, i);
	}
}

/* Signals are for the thread that asked: it is the one that waits for descriptors. */
static size_t start(struct work *w, pthread_t *threads, size_t n)
{
	sigset_t all, was;
	size_t started = 0;

	(void)sigfillset(&all);
	/* These are errors of the access itself, and of nobody else. */
	(void)sigdelset(&all, SIGSEGV);
	(void)sigdelset(&all, SIGBUS);
	(void)sigdelset(&all, SIGFPE);
	(void)sigdelset(&all, SIGILL);
	if (pthread_sigmask(SIG_SETMASK, &all, &was) != 0)
		return 0;
	while (started < n && pthread_create(&threads[started], NULL, take_jobs, w) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL); /* as before: cannot fail now */
	return started;
}

/* lint-allow: unshared worker_run: what later commands start threads with; its test holds the laws
 */
void worker_run(void (*job)(void *self, size_t i), void *self, size_t n, unsigned threads)
{
	pthread_t thread[THREADS_MAX];
	struct work w = { .job = job, .self = self, .n = n };
	size_t want = threads < n ? threads : n;

	want = want > THREADS_MAX ? THREADS_MAX : want;
	/* The calling thread is one of them. */
	size_t started = want > 1 ? start(&w, thread, want - 1) : 0;
	(void)take_jobs(&w);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(thread[i], NULL); /* fails for threads that are not ours */
}
