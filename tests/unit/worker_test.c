#include "base/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "test.h"

#define JOBS 1000

struct shards {
	unsigned runs[JOBS];
	pthread_t by[JOBS];
	atomic_int inside, most;
};

static void job(void *self, size_t i)
{
	struct shards *s = self;
	int now = atomic_fetch_add(&s->inside, 1) + 1, most = atomic_load(&s->most);

	while (now > most && !atomic_compare_exchange_weak(&s->most, &most, now))
		;
	s->runs[i]++;
	s->by[i] = pthread_self();
	atomic_fetch_sub(&s->inside, 1);
}

static void every_job_once(void **state)
{
	static const unsigned threads[] = { 0, 1, 2, 7, 64, 5000 };

	(void)state;
	for (size_t t = 0; t < sizeof(threads) / sizeof(*threads); t++) {
		static struct shards s;
		s = (struct shards){ 0 };
		worker_run(job, &s, JOBS, threads[t]);
		for (size_t i = 0; i < JOBS; i++)
			assert_int_equal(s.runs[i], 1);
		assert_true(s.most <= (threads[t] ? (int)threads[t] : 1));
		for (size_t i = 0; i < JOBS && threads[t] < 2; i++)
			assert_true(pthread_equal(s.by[i], pthread_self()));
	}
}

static void none(void *self, size_t i)
{
	(void)i;
	*(bool *)self = true;
}

static void no_jobs(void **state)
{
	bool called = false;

	(void)state;
	worker_run(none, &called, 0, 8);
	assert_false(called);
}

/* Two jobs that wait for each other end only when there are two threads. */
static void meet(void *self, size_t i)
{
	(void)i;
	(void)pthread_barrier_wait(self);
}

static void jobs_run_side_by_side(void **state)
{
	pthread_barrier_t both;

	(void)state;
	assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
	worker_run(meet, &both, 2, 2);
	assert_int_equal(pthread_barrier_destroy(&both), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_once),
		cmocka_unit_test(no_jobs),
		cmocka_unit_test(jobs_run_side_by_side),
	};

	return RUN_TESTS(tests);
}
