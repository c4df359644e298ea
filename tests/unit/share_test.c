/* Intervals and tests against published values, and the rate of false alarms by simulation. */
#include "analyse/share.h"

#include <math.h>

#include "test.h"

static void near(double got, double want, double by)
{
	if (!(fabs(got - want) <= by))
		fail_msg("%.6f is not %.6f", got, want);
}

/* Newcombe 1998, table I (single proportion): 81 of 263, 15 of 148, 0 of 20, 1 of 29. */
static void wilson_as_published(void **state)
{
	static const struct {
		int64_t hits, n;
		double low, high;
	} rows[] = { { 81, 263, 0.2553, 0.3662 },
		     { 15, 148, 0.0624, 0.1605 },
		     { 0, 20, 0.0000, 0.1611 },
		     { 1, 29, 0.0061, 0.1718 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct interval v = share_interval(rows[i].hits, rows[i].n);
		near(v.low, rows[i].low, 0.00006);
		near(v.high, rows[i].high, 0.00006);
	}
	assert_true(share_interval(0, 0).low <= 0 && share_interval(0, 0).high >= 1);
	assert_true(share_interval(5, 5).high >= 1);
}

/* Newcombe 1998 (differences), table II, method 10: 56/70 - 48/80 is 0.0524 to 0.3339. */
static void newcombe_as_published(void **state)
{
	struct interval v = share_change(48, 80, 56, 70);

	(void)state;
	near(v.low, 0.0524, 0.0001);
	near(v.high, 0.3339, 0.0001);
	v = share_change(0, 10, 9, 10); /* 9/10 - 0/10: 0.4868 to 0.9789? the bounds hold anyway */
	assert_true(v.low > 0.4 && v.high <= 1);
}

/* Fisher's tea: 3 of 4 against 1 of 4 has p 0.4857. 1/11 against 9/12 (Wikipedia): 0.0028. */
static void exact_test_as_published(void **state)
{
	(void)state;
	near(share_test(3, 4, 1, 4), 0.485714, 1e-6);
	near(share_test(1, 10, 11, 14), 0.0027594, 1e-6);
	near(share_test(0, 100, 0, 100), 1, 0);
	near(share_test(5, 5, 7, 7), 1, 0);
	assert_true(share_test(5000, 10000, 6000, 10000) < 1e-40);
	assert_true(share_test(1, INT64_MAX, 1, INT64_MAX) > 0.4);
	/* symmetric */
	near(share_test(30, 1000, 60, 900), share_test(60, 900, 30, 1000), 1e-12);
}

static void adjusted(void **state)
{
	auto_arena a = arena_open("test", 1 << 20);
	double p[] = { 0.01, 0.04, 0.03, 0.005, 0.9 };

	(void)state;
	share_adjust(a, p, 5);
	near(p[3], 0.025, 1e-12);
	near(p[0], 0.025, 1e-12);
	near(p[2], 0.05, 1e-12);
	near(p[1], 0.05, 1e-12);
	near(p[4], 0.9, 1e-12);
}

static uint64_t next(uint64_t *s) /* xorshift64*, Vigna 2016: the same numbers every time */
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * UINT64_C(2685821657736338717);
}

enum { FUNCTIONS = 60, SAMPLES = 1000, TRIALS = 2000 };

/* Zipf, as profiles are: function k has a share of 1/k. */
static void draw(uint64_t *seed, const double *upto, int64_t *count, int n)
{
	memset(count, 0, FUNCTIONS * sizeof(*count));
	for (int i = 0; i < n; i++) {
		double x = (double)(next(seed) >> 11) / 9007199254740992.0;
		int f = 0;
		while (f < FUNCTIONS - 1 && x >= upto[f])
			f++;
		count[f]++;
	}
}

/* Two recordings of the same: any function called different is a false alarm. */
static void alarms_are_rare(void **state)
{
	double upto[FUNCTIONS], sum = 0, at = 0;
	uint64_t seed = 20261122;
	int alarms = 0;

	(void)state;
	for (int f = 0; f < FUNCTIONS; f++)
		sum += 1.0 / (f + 1);
	for (int f = 0; f < FUNCTIONS; f++)
		upto[f] = at += 1.0 / (f + 1) / sum;
	for (int trial = 0; trial < TRIALS; trial++) {
		auto_arena a = arena_open("test", 1 << 20);
		int64_t x[FUNCTIONS], y[FUNCTIONS];
		double p[FUNCTIONS], least = 1;
		size_t n = 0;
		draw(&seed, upto, x, SAMPLES);
		draw(&seed, upto, y, SAMPLES + trial % 3 * 500);
		for (int f = 0; f < FUNCTIONS; f++)
			if (x[f] + y[f] >= 10)
				p[n++] = share_test(x[f], SAMPLES, y[f], SAMPLES + trial % 3 * 500);
		share_adjust(a, p, n);
		for (size_t i = 0; i < n; i++)
			least = fmin(least, p[i]);
		alarms += least <= SHARE_ALPHA;
	}
	if (alarms > TRIALS * 5 / 100)
		fail_msg("%d of %d comparisons of the same cried wolf", alarms, TRIALS);
	if (alarms < TRIALS / 200) /* then it would also miss what is there */
		fail_msg("%d of %d: the test is far too timid", alarms, TRIALS);
}

/* The interval of Wilson holds the truth in about 95 % of recordings. */
static void interval_covers(void **state)
{
	uint64_t seed = 7;
	int held = 0;

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		int64_t hits = 0;
		for (int i = 0; i < 200; i++)
			hits += next(&seed) >> 11 < (uint64_t)(0.07 * 9007199254740992.0);
		struct interval v = share_interval(hits, 200);
		held += v.low <= 0.07 && 0.07 <= v.high;
	}
	if (held < TRIALS * 93 / 100 || held > TRIALS * 98 / 100)
		fail_msg("%d of %d", held, TRIALS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wilson_as_published),     cmocka_unit_test(newcombe_as_published),
		cmocka_unit_test(exact_test_as_published), cmocka_unit_test(adjusted),
		cmocka_unit_test(alarms_are_rare),         cmocka_unit_test(interval_covers),
	};

	return RUN_TESTS(tests);
}
