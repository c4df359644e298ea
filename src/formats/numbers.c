/* Written without printf: a profile has millions of them. */
#include "formats/numbers.h"

bool numbers_add(struct arena *a, struct numbers *c, struct str text)
{
	double v;

	if (c->n == c->cap && !arena_fits(a, c->cap + 16, 2 * sizeof(double)))
		return false;
	*vec_add(a, c) = str_to_double(text, &v) ? v : __builtin_nan("");
	return true;
}

bool numbers_index(const struct numbers *c, size_t i, size_t limit, uint32_t *ret)
{
	double v = numbers_get(c, i, -1);

	if (!(v >= 0 && v < (double)limit && v < 4294967295.0) || v != (double)(uint32_t)v)
		return false;
	*ret = (uint32_t)v;
	return true;
}

uint32_t numbers_bits(const struct numbers *c, size_t i)
{
	uint32_t v;

	return numbers_index(c, i, UINT32_MAX, &v) ? v : 0;
}

double numbers_get(const struct numbers *c, size_t i, double otherwise)
{
	return i < c->n && !__builtin_isnan(c->v[i]) ? c->v[i] : otherwise;
}

int64_t numbers_round(double v)
{
	const int64_t end = INT64_MAX / 2;

	if (!(v > -(double)end))
		return v < 0 ? -end : 0;
	if (v >= (double)end)
		return end;
	return (int64_t)(v < 0 ? v - 0.5 : v + 0.5);
}

int64_t numbers_sum(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

static size_t digits(char *end, uint64_t v, size_t at_least)
{
	size_t n = 0;

	for (; v || n < at_least; v /= 10)
		*(end - ++n) = (char)('0' + v % 10);
	return n;
}

static void put(struct buf *out, uint64_t v, bool minus, bool first)
{
	char text[32], *end = text + sizeof(text);
	size_t n = digits(end, v, 1);

	if (minus)
		*(end - ++n) = '-';
	if (!first)
		*(end - ++n) = ',';
	buf_put(out, (struct str){ end - n, n });
}

void numbers_put(struct buf *out, int64_t v, bool first)
{
	put(out, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0, first);
}

void numbers_put_null(struct buf *out, bool first)
{
	buf_put(out, first ? S("null") : S(",null"));
}

void numbers_put_ms(struct buf *out, int64_t ns, bool first)
{
	uint64_t v = ns < 0 ? -(uint64_t)ns : (uint64_t)ns, part = v % 1000000;
	char text[8] = ".";

	put(out, v / 1000000, ns < 0, first);
	if (part == 0)
		return;
	size_t n = digits(text + 7, part, 6);
	while (text[n] == '0')
		n--;
	buf_put(out, (struct str){ text, n + 1 });
}
