/* Borrowed text. Two words, passed by value, never owned, never NUL-terminated by promise. */
#ifndef PERF_OPS_BASE_STR_H
#define PERF_OPS_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define S(lit)     ((struct str){ "" lit, sizeof(lit) - 1 })
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).n, (s).p

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline struct str str_from_c(const char *c)
{
	return c ? (struct str){ c, strlen(c) } : (struct str){ "", 0 };
}

/* The first N bytes of S, or all of it. */
static inline struct str str_head(struct str s, size_t n)
{
	return (struct str){ s.p, n < s.n ? n : s.n };
}

/* S without its first N bytes. */
static inline struct str str_skip(struct str s, size_t n)
{
	n = n < s.n ? n : s.n;
	return (struct str){ s.p + n, s.n - n };
}

bool str_starts(struct str s, struct str head);
bool str_ends(struct str s, struct str tail);
/* Where NEEDLE begins in S, or S.n when it does not occur. An empty NEEDLE is at 0. */
size_t str_find(struct str s, struct str needle);
/* Byte order; a prefix comes first. For qsort: negative, 0, positive. */
int str_cmp(struct str a, struct str b);
/* 64 bits, well mixed (xxh64's finaliser over 8-byte words); not stable between versions. */
uint64_t str_hash(struct str s);

/* Splits at the first SEP: returns the head, leaves the tail in *rest. No SEP: all of it. */
struct str str_cut(struct str s, char sep, struct str *rest);
/* Splits at the last SEP: returns the tail, leaves the head in *rest. No SEP: all of it. */
struct str str_cut_last(struct str s, char sep, struct str *rest);
struct str str_trim(struct str s);            /* blanks and newlines off both ends */
bool str_to_u64(struct str s, uint64_t *ret); /* whole string or false; no errno, no locale */
bool str_to_hex(struct str s, uint64_t *ret); /* 1..16 hex digits, optional 0x */
bool str_to_double(struct str s,
		   double *ret); /* likewise; finite decimal numbers, exponent allowed */

#endif
