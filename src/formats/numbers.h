/* numbers: long columns of numbers, from JSON and to JSON. */
#ifndef PERF_OPS_FORMATS_NUMBERS_H
#define PERF_OPS_FORMATS_NUMBERS_H

#include "base/json_write.h"
#include "base/vec.h"

struct numbers { /* NaN: null in the file */
	double *v;
	size_t n, cap;
};

/* False: not enough memory. What is no number becomes NaN. */
bool numbers_add(struct arena *a, struct numbers *c, struct str text);
/* Element I as an index below LIMIT; false: null, fractional, negative or beyond. */
bool numbers_index(const struct numbers *c, size_t i, size_t limit, uint32_t *ret);
/* Element I as flags; 0 when it is no index. */
uint32_t numbers_bits(const struct numbers *c, size_t i);
/* Element I, or OTHERWISE when it is not there. */
double numbers_get(const struct numbers *c, size_t i, double otherwise);
/* To the nearest, within half the range of int64_t, so that two of them can be subtracted. */
int64_t numbers_round(double v);

/* The sum, or the end of the range: a foreign file may hold anything. */
int64_t numbers_sum(int64_t a, int64_t b);

/* Elements of an array that json_open has opened; FIRST: no comma in front. */
void numbers_put(struct buf *out, int64_t v, bool first);
void numbers_put_null(struct buf *out, bool first);
void numbers_put_ms(struct buf *out, int64_t ns, bool first); /* 1234567 as 1.234567 */

#endif
