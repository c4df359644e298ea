/*
 * Log-linear buckets: values below 2^(sub_bits+1) have a bucket each; above, every power of two is
 * cut into 2^sub_bits equal ones (HdrHistogram's layout). A negative value has no bucket and counts
 * as dropped.
 */
/* lint-allow: unshared dist_new: the noun of load tests and benchmarks; no source fills one yet */
/* lint-allow: unshared dist_record: likewise */
/* lint-allow: unshared dist_quantile: likewise */
/* lint-allow: unshared dist_merge: likewise */
#include "model/dist.h"

#include <assert.h>
#include <errno.h>

#define SUB_BITS 7u /* quantiles within 0.8 % */

static uint32_t buckets_of(uint32_t sub_bits)
{
	return (64u - sub_bits) << sub_bits;
}

static uint32_t bucket_at(uint32_t sub_bits, uint64_t v)
{
	unsigned top = v ? 63u - (unsigned)__builtin_clzll(v) : 0;

	if (top <= sub_bits)
		return (uint32_t)v;
	unsigned shift = top - sub_bits;
	return (shift << sub_bits) + (uint32_t)(v >> shift);
}

/* The middle of a bucket. */
static int64_t value_at(uint32_t sub_bits, uint32_t bucket)
{
	if (bucket < 2u << sub_bits)
		return bucket;
	unsigned shift = (bucket >> sub_bits) - 1;
	assert(shift < 64);
	uint64_t low = (uint64_t)(bucket - (shift << sub_bits)) << shift;
	return (int64_t)(low + (UINT64_C(1) << shift) / 2);
}

struct dist *dist_new(struct arena *a, struct str name, enum unit unit)
{
	struct dist *d = arena_make(a, struct dist);

	*d = (struct dist){ .name = arena_str(a, name), .unit = unit, .sub_bits = SUB_BITS };
	d->n_buckets = buckets_of(SUB_BITS);
	d->bucket = arena_array(a, uint64_t, d->n_buckets);
	d->raw = arena_array(a, int64_t, DIST_RAW_MAX);
	return d;
}

void dist_record(struct dist *d, int64_t v)
{
	if (v < 0) {
		d->loss.dropped++;
		return;
	}
	d->bucket[bucket_at(d->sub_bits, (uint64_t)v)]++;
	d->min = d->count == 0 || v < d->min ? v : d->min;
	d->max = d->count == 0 || v > d->max ? v : d->max;
	d->sum += (double)v;
	if (d->count >= DIST_RAW_MAX)
		d->raw = NULL;
	else
		d->raw[d->count] = v;
	d->count++;
}

int64_t dist_quantile(const struct dist *d, double q)
{
	assert(q >= 0 && q <= 1);
	if (d->count == 0)
		return -1;
	double exact = q * (double)d->count;
	uint64_t rank = (uint64_t)exact;
	/* The smallest value that at least q of all do not exceed; 0.68 * 3000 is 2040, not more.
	 */
	rank += exact - (double)rank > exact * 1e-12;
	rank = rank == 0 ? 1 : rank > d->count ? d->count : rank;
	uint64_t seen = 0;
	for (uint32_t b = 0; b < d->n_buckets; b++) {
		seen += d->bucket[b];
		if (seen < rank)
			continue;
		int64_t v = value_at(d->sub_bits, b);
		return v < d->min ? d->min : v > d->max ? d->max : v;
	}
	return d->max;
}

int dist_merge(struct dist *into, const struct dist *from, struct err *err)
{
	if (into->unit != from->unit || into->sub_bits != from->sub_bits)
		return err_set(err, -EBADMSG, "'" STR_FMT "' and '" STR_FMT "' differ in unit",
			       STR_ARG(into->name), STR_ARG(from->name));
	into->loss.dropped += from->loss.dropped;
	into->loss.truncated += from->loss.truncated;
	into->loss.unresolved += from->loss.unresolved;
	if (from->count == 0)
		return 0;
	for (uint32_t b = 0; b < into->n_buckets; b++)
		into->bucket[b] += from->bucket[b];
	if (into->raw && from->raw && into->count + from->count <= DIST_RAW_MAX)
		memcpy(into->raw + into->count, from->raw, from->count * sizeof(*from->raw));
	else
		into->raw = NULL;
	into->min = into->count == 0 || from->min < into->min ? from->min : into->min;
	into->max = into->count == 0 || from->max > into->max ? from->max : into->max;
	into->sum += from->sum;
	into->count += from->count;
	return 0;
}

static int broken(const struct dist *d, const char *what, struct err *err)
{
	return err_set(err, -EBADMSG, "distribution '" STR_FMT "': %s", STR_ARG(d->name), what);
}

int dist_check(const struct dist *d, struct err *err)
{
	uint64_t n = 0;

	if (d->name.n == 0 || (unsigned)d->unit > UNIT_PER_S)
		return broken(d, "has no name or no unit", err);
	if (d->sub_bits > 16 || d->n_buckets != buckets_of(d->sub_bits) || !d->bucket)
		return broken(d, "has the wrong number of buckets", err);
	for (uint32_t b = 0; b < d->n_buckets; b++)
		n += d->bucket[b];
	if (n != d->count)
		return broken(d, "counts other values than its buckets", err);
	if (d->raw && d->count > DIST_RAW_MAX)
		return broken(d, "keeps more raw values than it may", err);
	if (d->count == 0)
		return d->sum != 0 ? broken(d, "has a sum of nothing", err) : 0;
	if (d->min < 0 || d->min > d->max ||
	    d->bucket[bucket_at(d->sub_bits, (uint64_t)d->min)] == 0 ||
	    d->bucket[bucket_at(d->sub_bits, (uint64_t)d->max)] == 0)
		return broken(d, "has ends that were never recorded", err);
	for (uint64_t i = 0; d->raw && i < d->count; i++)
		if (d->raw[i] < d->min || d->raw[i] > d->max)
			return broken(d, "has a raw value beyond its ends", err);
	return 0;
}
