/*
 * E. B. Wilson, J. Amer. Statist. Assoc. 22 (1927); R. G. Newcombe, Statist. Med. 17 (1998) 873;
 * Y. Benjamini, Y. Hochberg, J. R. Statist. Soc. B 57 (1995) 289. Samples count as independent
 * draws: what varies from run to run beyond that is not in two recordings, and not in here.
 */
#include "analyse/share.h"

#include <math.h>
#include <stdlib.h>

#define Z95            1.959963984540054
#define EXPECTED_SMALL 10.0  /* below, the normal approximation is off in the tails */
#define NEGLIGIBLE     1e-12 /* terms of a sum that cannot change a p any more */

struct interval share_interval(int64_t hits, int64_t n)
{
	if (n <= 0 || hits < 0 || hits > n)
		return (struct interval){ 0, 1 };
	double m = (double)n, p = (double)hits / m, z2 = Z95 * Z95;
	double centre = (p + z2 / (2 * m)) / (1 + z2 / m);
	double half = Z95 / (1 + z2 / m) * sqrt(p * (1 - p) / m + z2 / (4 * m * m));

	return (struct interval){ hits == 0 ? 0 : fmax(0, centre - half),
				  hits == n ? 1 : fmin(1, centre + half) };
}

struct interval share_change(int64_t a, int64_t n_a, int64_t b, int64_t n_b)
{
	if (n_a <= 0 || n_b <= 0)
		return (struct interval){ -1, 1 };
	struct interval ia = share_interval(a, n_a), ib = share_interval(b, n_b);
	double pa = (double)a / (double)n_a, pb = (double)b / (double)n_b, d = pb - pa;

	return (struct interval){ d - hypot(pb - ib.low, ia.high - pa),
				  d + hypot(ib.high - pb, pa - ia.low) };
}

/* Natural logarithm of n over k. lgamma() would write to a global, signgam. */
static double log_choose(double n, double k)
{
	int sign;

	return lgamma_r(n + 1, &sign) - lgamma_r(k + 1, &sign) - lgamma_r(n - k + 1, &sign);
}

/* Sums the probabilities of all tables as unlikely as the seen one, outwards from the mode. */
static double fisher(double a, double n_a, double b, double n_b)
{
	double k = a + b, low = fmax(0, k - n_b), high = fmin(k, n_a);
	double all = log_choose(n_a + n_b, k);
	double seen = exp(log_choose(n_a, a) + log_choose(n_b, k - a) - all);
	double mode = floor((k + 1) * (n_a + 1) / (n_a + n_b + 2)), p = 0;

	mode = fmin(fmax(mode, low), high);
	for (int side = 0; side < 2; side++) {
		double step = side ? 1 : -1;
		for (double x = side ? mode + 1 : mode; x >= low && x <= high; x += step) {
			double at = exp(log_choose(n_a, x) + log_choose(n_b, k - x) - all);
			if (at <= seen * (1 + 1e-7))
				p += at;
			if (at < NEGLIGIBLE * seen || at < 1e-300)
				break;
		}
	}
	return fmin(p, 1);
}

double share_test(int64_t a, int64_t n_a, int64_t b, int64_t n_b)
{
	if (a < 0 || b < 0 || n_a <= 0 || n_b <= 0 || a > n_a || b > n_b || a + b == 0)
		return 1;
	double na = (double)n_a, nb = (double)n_b, pooled = (double)(a + b) / (na + nb);
	double least = fmin(na, nb) * fmin(pooled, 1 - pooled);

	if (pooled >= 1)
		return 1;
	if (least < EXPECTED_SMALL)
		return fisher((double)a, na, (double)b, nb);
	double d = fabs((double)a / na - (double)b / nb) - 0.5 * (1 / na + 1 / nb);
	double z = fmax(0, d) / sqrt(pooled * (1 - pooled) * (1 / na + 1 / nb));
	return erfc(z / sqrt(2));
}

struct ranked {
	double p;
	size_t at;
};

static int by_p(const void *x, const void *y)
{
	const struct ranked *a = x, *b = y;

	return (a->p > b->p) - (a->p < b->p);
}

void share_adjust(struct arena *scratch, double *p, size_t n)
{
	struct ranked *r = arena_array(scratch, struct ranked, n + 1);
	double least = 1;

	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){ p[i], i };
	qsort(r, n, sizeof(*r), by_p);
	for (size_t i = n; i-- > 0;) {
		least = fmin(least, r[i].p * (double)n / (double)(i + 1));
		p[r[i].at] = least;
	}
}
