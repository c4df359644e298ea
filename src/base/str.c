/* Cutting, comparing and converting borrowed text. */
#include "base/str.h"

bool str_starts(struct str s, struct str head)
{
	return s.n >= head.n && memcmp(s.p, head.p, head.n) == 0;
}

bool str_ends(struct str s, struct str tail)
{
	return s.n >= tail.n && memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0;
}

size_t str_find(struct str s, struct str needle)
{
	if (needle.n == 0)
		return 0;
	const char *q = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return q ? (size_t)(q - s.p) : s.n;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n ? memcmp(a.p, b.p, n) : 0;

	return r ? r : (a.n > b.n) - (a.n < b.n);
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xc2b2ae3d27d4eb4f);
	h ^= h >> 29;
	h *= UINT64_C(0x165667b19e3779f9);
	return h ^ (h >> 32);
}

uint64_t str_hash(struct str s)
{
	uint64_t h = UINT64_C(0x9e3779b185ebca87) ^ s.n, w;

	for (; s.n >= 8; s = str_skip(s, 8)) {
		memcpy(&w, s.p, 8);
		h = mix(h ^ w) * UINT64_C(0x9e3779b185ebca87);
	}
	if (s.n) {
		w = 0;
		memcpy(&w, s.p, s.n);
		h ^= mix(w + s.n);
	}
	return mix(h);
}

struct str str_cut(struct str s, char sep, struct str *rest)
{
	const char *q = s.n ? memchr(s.p, sep, s.n) : NULL;

	if (!q) {
		*rest = (struct str){ "", 0 };
		return s;
	}
	size_t k = (size_t)(q - s.p);
	*rest = (struct str){ q + 1, s.n - k - 1 };
	return (struct str){ s.p, k };
}

struct str str_cut_last(struct str s, char sep, struct str *rest)
{
	const char *q = s.n ? memrchr(s.p, sep, s.n) : NULL;

	if (!q) {
		*rest = (struct str){ "", 0 };
		return s;
	}
	size_t k = (size_t)(q - s.p);
	*rest = (struct str){ s.p, k };
	return (struct str){ q + 1, s.n - k - 1 };
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
	while (s.n && blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_to_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned char)s.p[i] - (unsigned)'0';
		if (d > 9 || __builtin_mul_overflow(v, UINT64_C(10), &v) ||
		    __builtin_add_overflow(v, d, &v))
			return false;
	}
	*ret = v;
	return true;
}

static unsigned hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool str_to_hex(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (str_starts(s, S("0x")))
		s = str_skip(s, 2);
	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = hex_digit(s.p[i]);
		if (d > 15)
			return false;
		v = v << 4 | d;
	}
	*ret = v;
	return true;
}

/* Takes digits off S; at most 18 of them count, the others only move the point. */
static size_t digits(struct str *s, uint64_t *v, int *exponent, bool fraction, unsigned *used)
{
	size_t n = 0;

	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		if (*used < 18) {
			*v = *v * 10 + (uint64_t)(s->p[n] - '0');
			*used += *v != 0;
			*exponent -= fraction;
		} else {
			*exponent += !fraction;
		}
	}
	*s = str_skip(*s, n);
	return n;
}

static double scaled(double v, int exponent)
{
	for (; exponent > 0; exponent--)
		v *= 10;
	double divisor = 1;
	for (; exponent < 0 && divisor < 1e300; exponent++)
		divisor *= 10;
	return v / divisor;
}

bool str_to_double(struct str s, double *ret)
{
	bool minus = s.n && s.p[0] == '-';
	uint64_t v = 0, e = 0;
	int exponent = 0;
	unsigned used = 0;

	s = str_skip(s, minus);
	if (digits(&s, &v, &exponent, false, &used) == 0)
		return false;
	if (s.n && s.p[0] == '.') {
		s = str_skip(s, 1);
		if (digits(&s, &v, &exponent, true, &used) == 0)
			return false;
	}
	if (s.n && (s.p[0] | 0x20) == 'e') {
		bool down = s.n > 1 && s.p[1] == '-';
		s = str_skip(s, 1 + (s.n > 1 && (s.p[1] == '-' || s.p[1] == '+')));
		if (!str_to_u64(s, &e) || e > 400)
			return false;
		exponent += down ? -(int)e : (int)e;
		s.n = 0;
	}
	double d = scaled((double)v, exponent);
	if (s.n || !__builtin_isfinite(d))
		return false;
	*ret = minus ? -d : d;
	return true;
}
