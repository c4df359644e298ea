/*
 * The JSON grammar (RFC 8259) over pieces of any size. A text that lies in one piece and has no
 * escapes is handed out where it stands; everything else goes through a buffer. What is skipped is
 * searched by 64 bytes at a time, after Langdale and Lemire, "Parsing Gigabytes of JSON per Second"
 * (2019): bits of quotes become bits of "inside a string" by a running parity.
 */
#include "base/json_read.h"

#include <emmintrin.h>
#include <errno.h>

#include "base/buf.h"

enum { END = -1, FAILED = -2 }; /* beside the 256 bytes */

struct reader {
	struct input *in;
	const struct json_sax *sax;
	void *self;
	struct err *err;
	const char *p, *end; /* of the piece; in->at is behind while we read */
	struct str key;      /* of the value that is being read */
	bool key_lent;       /* it lies in the piece */
	struct buf key_copy; /* for keys that do not, or must survive it */
	struct buf text;     /* for values that do not lie in one piece as they are */
	struct buf stack;    /* '{' and '[', one a level */
};

static uint64_t at(const struct reader *r)
{
	return r->in->offset - (uint64_t)(r->end - r->p);
}

static int broken_at(struct reader *r, uint64_t offset, const char *what)
{
	return err_set(r->err, -EBADMSG, "broken JSON at byte %llu: %s", (unsigned long long)offset,
		       what);
}

/* The next piece: 1, the end: 0, or negative. */
static int refill(struct reader *r)
{
	if (r->key_lent) {
		r->key_copy.n = 0;
		buf_put(&r->key_copy, r->key);
		if (r->key_copy.full)
			return err_set(r->err, -ENOMEM, "out of memory");
		r->key = buf_str(&r->key_copy);
		r->key_lent = false;
	}
	do {
		r->in->at = r->in->end;
		int got = r->in->more(r->in, r->err);
		r->p = r->in->at;
		r->end = r->in->end;
		if (got <= 0)
			return got;
	} while (r->p == r->end);
	return 1;
}

/* The next byte, which stays. */
static int peek(struct reader *r)
{
	if (r->p == r->end) {
		int got = refill(r);
		if (got <= 0)
			return got < 0 ? FAILED : END;
	}
	return (unsigned char)*r->p;
}

static int peek_token(struct reader *r)
{
	for (;;) {
		for (; r->p < r->end; r->p++) {
			unsigned char c = (unsigned char)*r->p;
			if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
				return c;
		}
		int c = peek(r);
		if (c < 0)
			return c;
	}
}

/* A complaint about the byte that peek() gave. */
static int unexpected(struct reader *r, int c, const char *expected)
{
	if (c == FAILED)
		return r->err->code;
	if (c == END)
		return err_set(r->err, -EBADMSG,
			       "broken JSON at byte %llu: it ends early, %s expected",
			       (unsigned long long)at(r), expected);
	if (c > ' ' && c < 127)
		return err_set(r->err, -EBADMSG, "broken JSON at byte %llu: %s expected, not '%c'",
			       (unsigned long long)at(r), expected, c);
	return err_set(r->err, -EBADMSG, "broken JSON at byte %llu: %s expected, not byte 0x%02x",
		       (unsigned long long)at(r), expected, (unsigned)c);
}

static int too_long(struct reader *r, uint64_t begin)
{
	return err_set(r->err, -E2BIG, "the text at byte %llu of the JSON has more than %zu bytes",
		       (unsigned long long)begin, r->sax->string_max);
}

/* The first byte that ends a plain run: a quote, a backslash, a control character. */
static const char *plain_end(const char *p, const char *end)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)p);
		__m128i hit = _mm_or_si128(
			_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
			_mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
		unsigned mask = (unsigned)_mm_movemask_epi8(hit);
		if (mask)
			return p + __builtin_ctz(mask);
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p > 0x1f)
		p++;
	return p;
}

static int hex4(struct reader *r, uint32_t *ret)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		int c = peek(r);
		int low = c | 0x20;
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 0 && low >= 'a' && low <= 'f')
			v = v << 4 | (uint32_t)(low - 'a' + 10);
		else
			return unexpected(r, c, "a hex digit");
		r->p++;
	}
	*ret = v;
	return 0;
}

static void put_utf8(struct buf *b, uint32_t c)
{
	char s[4];
	size_t n = 0;

	if (c < 0x80) {
		s[n++] = (char)c;
	} else if (c < 0x800) {
		s[n++] = (char)(0xc0 | c >> 6);
		s[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		s[n++] = (char)(0xe0 | c >> 12);
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		s[n++] = (char)(0xf0 | c >> 18);
		s[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		s[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		s[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_put(b, (struct str){ s, n });
}

#define REPLACEMENT 0xfffdu

/*
 * Behind \u. A high surrogate waits in *high for its low half; one that stays alone names no
 * character and becomes U+FFFD.
 */
static int unicode(struct reader *r, struct buf *out, uint32_t *high)
{
	uint32_t c = 0;
	int bad = hex4(r, &c);

	if (bad)
		return bad;
	if (*high && c >= 0xdc00 && c <= 0xdfff) {
		put_utf8(out, 0x10000 + ((*high - 0xd800) << 10) + (c - 0xdc00));
		*high = 0;
		return 0;
	}
	if (*high)
		put_utf8(out, REPLACEMENT);
	*high = c >= 0xd800 && c <= 0xdbff ? c : 0;
	if (*high == 0)
		put_utf8(out, c >= 0xdc00 && c <= 0xdfff ? REPLACEMENT : c);
	return 0;
}

/* Behind a backslash. */
static int escape(struct reader *r, struct buf *out, uint32_t *high)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = peek(r);

	if (c == 'u') {
		r->p++;
		return unicode(r, out, high);
	}
	const char *known = c > 0 ? strchr(from, c) : NULL;
	if (!known)
		return unexpected(r, c, "one of \"\\/bfnrtu behind the backslash");
	r->p++;
	if (*high)
		put_utf8(out, REPLACEMENT);
	*high = 0;
	buf_put(out, (struct str){ &to[known - from], 1 });
	return 0;
}

/* A string that is escaped, or goes on in the next piece. */
static int string_by_copy(struct reader *r, struct buf *out, uint64_t begin)
{
	uint32_t high = 0;

	out->n = 0;
	for (;;) {
		const char *q = plain_end(r->p, r->end);
		if (high && (q > r->p || (q < r->end && *q != '\\'))) {
			put_utf8(out, REPLACEMENT);
			high = 0;
		}
		buf_put(out, (struct str){ r->p, (size_t)(q - r->p) });
		r->p = q;
		if (q == r->end && peek(r) >= 0)
			continue; /* in the next piece, about which nothing is known yet */
		int c = peek(r);
		if (out->full)
			return too_long(r, begin);
		if (c == '"')
			break;
		if (c != '\\')
			return unexpected(r, c, "the rest of a text");
		r->p++;
		int bad = escape(r, out, &high);
		if (bad)
			return bad;
	}
	r->p++;
	return 0;
}

/* Behind the opening quote. */
static int string(struct reader *r, struct buf *spill, struct str *ret, bool *ret_lent)
{
	const char *q = plain_end(r->p, r->end);
	uint64_t begin = at(r);

	if ((size_t)(q - r->p) > r->sax->string_max)
		return too_long(r, begin);
	if (q < r->end && *q == '"') {
		*ret = (struct str){ r->p, (size_t)(q - r->p) };
		*ret_lent = true;
		r->p = q + 1;
		return 0;
	}
	int bad = string_by_copy(r, spill, begin);
	*ret = buf_str(spill);
	*ret_lent = false;
	return bad;
}

static const char *digits_end(const char *p, const char *end)
{
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Where the longest number that begins at P ends; NULL when there is none. END may cut it. */
static const char *number_end(const char *p, const char *end)
{
	const char *q;

	p += p < end && *p == '-';
	if (p == end)
		return NULL;
	q = *p == '0' ? p + 1 : digits_end(p, end);
	if (q == p)
		return NULL;
	p = q;
	if (p < end && *p == '.') {
		q = digits_end(p + 1, end);
		if (q == p + 1)
			return NULL;
		p = q;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		p += p < end && (*p == '+' || *p == '-');
		q = digits_end(p, end);
		if (q == p)
			return NULL;
		p = q;
	}
	return p;
}

static bool in_number(int c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static int number(struct reader *r, struct str *ret)
{
	const char *q = number_end(r->p, r->end);
	uint64_t begin = at(r);

	if (q && q < r->end && !in_number(*q)) {
		*ret = (struct str){ r->p, (size_t)(q - r->p) };
		r->p = q;
		return ret->n > r->sax->string_max ? too_long(r, begin) : 0;
	}
	/* It may go on in the next piece, or is none. */
	r->text.n = 0;
	for (int c = peek(r); in_number(c); c = peek(r)) {
		buf_put(&r->text, (struct str){ r->p++, 1 });
		if (r->text.full)
			return too_long(r, begin);
	}
	if (peek(r) == FAILED)
		return r->err->code;
	*ret = buf_str(&r->text);
	q = number_end(ret->p, ret->p + ret->n);
	if (!q || q < ret->p + ret->n)
		return broken_at(r, begin, "that is no number");
	return 0;
}

static int literal(struct reader *r, struct str word)
{
	for (size_t i = 0; i < word.n; i++) {
		int c = peek(r);
		if (c != (unsigned char)word.p[i])
			return unexpected(r, c, "null, true or false");
		r->p++;
	}
	return 0;
}

/* The bits of one block of 64 bytes. */
struct block {
	uint64_t quotes, slashes, opens, closes;
};

static struct block block_bits(const char *p)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i lower = _mm_set1_epi8(0x20); /* makes [ into { and ] into } */
	const __m128i open = _mm_set1_epi8('{'), close = _mm_set1_epi8('}');
	struct block b = { 0 };

	for (unsigned i = 0; i < 64; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(p + i));
		__m128i l = _mm_or_si128(v, lower);
		b.quotes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote)) << i;
		b.slashes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, slash)) << i;
		b.opens |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(l, open)) << i;
		b.closes |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(l, close)) << i;
	}
	return b;
}

/* What the block before leaves behind. */
struct carry {
	uint64_t string;  /* all ones inside a string */
	uint64_t escaped; /* 1: the first byte stands behind a backslash */
};

/* Bytes behind a backslash that is not behind one itself. */
static uint64_t escaped_bits(uint64_t slashes, struct carry *c)
{
	uint64_t escaped = c->escaped;

	c->escaped = 0;
	slashes &= ~escaped;
	while (slashes) {
		uint64_t bit = slashes & -slashes;
		if (bit >> 63)
			c->escaped = 1;
		escaped |= bit << 1;
		slashes &= ~(bit | bit << 1);
	}
	return escaped;
}

/* From each quote to the next: the parity of the quotes up to there. */
static uint64_t string_bits(uint64_t quotes, struct carry *c)
{
	for (unsigned i = 1; i < 64; i *= 2)
		quotes ^= quotes << i;
	quotes ^= c->string;
	c->string = quotes >> 63 ? UINT64_MAX : 0;
	return quotes;
}

static int push(struct reader *r, char bracket, uint64_t offset)
{
	if (r->stack.n >= r->sax->depth_max)
		return err_set(r->err, -E2BIG, "JSON at byte %llu is nested more than %zu deep",
			       (unsigned long long)offset, r->sax->depth_max);
	if (r->stack.n < r->stack.cap)
		r->stack.p[r->stack.n++] = bracket;
	else
		buf_put(&r->stack, (struct str){ &bracket, 1 });
	return r->stack.full ? err_set(r->err, -ENOMEM, "out of memory") : 0;
}

static int pop(struct reader *r, char bracket, uint64_t offset)
{
	char open = r->stack.p[r->stack.n - 1];

	if (bracket != (open == '{' ? '}' : ']'))
		return broken_at(r, offset,
				 open == '{' ? "'}' expected, not ']'" : "']' expected, not '}'");
	r->stack.n--;
	return 0;
}

/*
 * The brackets of one block of N bytes (64 lie at P), until the stack is as low as FLOOR: how many
 * bytes that took, or negative.
 */
static int walk_brackets(struct reader *r, const char *p, unsigned n, struct carry *c, size_t floor)
{
	struct block b = block_bits(p);
	uint64_t offset = at(r);
	uint64_t escaped = b.slashes | c->escaped ? escaped_bits(b.slashes, c) : 0;
	uint64_t inside = string_bits(b.quotes & ~escaped, c);

	if (n < 64)
		c->escaped = escaped >> n & 1;
	for (uint64_t bits = (b.opens | b.closes) & ~inside; bits; bits &= bits - 1) {
		unsigned i = (unsigned)__builtin_ctzll(bits);
		int bad = b.opens >> i & 1 ? push(r, p[i], offset + i) : pop(r, p[i], offset + i);
		if (bad)
			return bad;
		if (r->stack.n == floor)
			return (int)i + 1;
	}
	return (int)n;
}

/* Behind the opening bracket that is on the stack; ends behind its closing one. */
static int skip(struct reader *r)
{
	struct carry c = { 0 };
	size_t floor = r->stack.n - 1;
	char padded[64];

	while (r->stack.n > floor) {
		int next = peek(r);
		if (next < 0)
			return unexpected(r, next, "the end of an object or array");
		size_t n = (size_t)(r->end - r->p);
		const char *block = r->p;
		if (n < 64) {
			memset(padded, ' ', sizeof(padded));
			memcpy(padded, r->p, n);
			block = padded;
		}
		int took = walk_brackets(r, block, n < 64 ? (unsigned)n : 64, &c, floor);
		if (took < 0)
			return took;
		r->p += took;
	}
	return 0;
}

/* Steps give negative for an error, else one of these. */
enum { GO_ON, STOPPED };

static int scalar(struct reader *r, enum json_type type, struct str text)
{
	enum json_go go = r->sax->value ? r->sax->value(r->self, r->key, type, text) : JSON_GO;

	r->key = S("");
	r->key_lent = false;
	return go == JSON_STOP ? STOPPED : GO_ON;
}

static int open_container(struct reader *r, int c)
{
	enum json_type type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
	int bad = push(r, (char)c, at(r));

	if (bad)
		return bad;
	r->p++;
	enum json_go go = r->sax->open ? r->sax->open(r->self, r->key, type) : JSON_GO;
	r->key = S("");
	r->key_lent = false;
	if (go == JSON_SKIP)
		return skip(r);
	return go == JSON_STOP ? STOPPED : GO_ON;
}

static int word(struct reader *r, struct str text, enum json_type type)
{
	int bad = literal(r, text);

	return bad ? bad : scalar(r, type, text);
}

static int text_value(struct reader *r)
{
	struct str s = S("");
	bool lent;

	r->p++;
	int bad = string(r, &r->text, &s, &lent);
	return bad ? bad : scalar(r, JSON_STRING, s);
}

static int number_value(struct reader *r)
{
	struct str s = S("");
	int bad = number(r, &s);

	return bad ? bad : scalar(r, JSON_NUMBER, s);
}

/* C is what peek_token() gave. */
static int value(struct reader *r, int c)
{
	switch (c) {
	case '{':
	case '[':
		return open_container(r, c);
	case '"':
		return text_value(r);
	case 't':
		return word(r, S("true"), JSON_BOOL);
	case 'f':
		return word(r, S("false"), JSON_BOOL);
	case 'n':
		return word(r, S("null"), JSON_NULL);
	default:
		break;
	}
	if (c == '-' || (c >= '0' && c <= '9'))
		return number_value(r);
	return unexpected(r, c, "a value");
}

/* A key, its colon and its value. */
static int member(struct reader *r, int c)
{
	if (c != '"')
		return unexpected(r, c, "a key in quotes");
	r->p++;
	int bad = string(r, &r->key_copy, &r->key, &r->key_lent);
	if (bad)
		return bad;
	c = peek_token(r);
	if (c != ':')
		return unexpected(r, c, "':'");
	r->p++;
	return value(r, peek_token(r));
}

/* Behind a value, or where a container may be empty: closes what ends here, until one goes on. */
static int close_all(struct reader *r)
{
	while (r->stack.n) {
		int c = peek_token(r);
		bool object = r->stack.p[r->stack.n - 1] == '{';
		if (c == ',') {
			r->p++;
			return GO_ON;
		}
		if (c != (object ? '}' : ']'))
			return unexpected(r, c, object ? "',' or '}'" : "',' or ']'");
		r->p++;
		r->stack.n--;
		if (r->sax->close && r->sax->close(r->self) == JSON_STOP)
			return STOPPED;
	}
	return GO_ON;
}

/* One value, or what stands between an opening bracket and the first value. */
static int step(struct reader *r, bool *fresh)
{
	int c = peek_token(r);
	bool object = r->stack.n && r->stack.p[r->stack.n - 1] == '{';
	size_t depth = r->stack.n;

	if (*fresh && c == (object ? '}' : ']')) {
		*fresh = false;
		return close_all(r);
	}
	int done = object ? member(r, c) : value(r, c);
	*fresh = r->stack.n > depth;
	return done != GO_ON || *fresh ? done : close_all(r);
}

static int top(struct reader *r)
{
	bool fresh = false;
	int done;

	/* A byte order mark, as some editors leave it. */
	for (size_t i = 0; i < 3 && peek(r) == (unsigned char)"\xef\xbb\xbf"[i]; i++)
		r->p++;
	do
		done = step(r, &fresh);
	while (done == GO_ON && r->stack.n);
	if (done != GO_ON)
		return done;
	int c = peek_token(r);
	return c == END ? GO_ON : unexpected(r, c, "nothing more");
}

int json_read(struct input *in, const struct json_sax *sax, void *self, struct err *err)
{
	struct reader r = {
		.in = in,
		.sax = sax,
		.self = self,
		.err = err,
		.p = in->at,
		.end = in->end,
		.key = S(""),
		.key_copy = BUF(sax->string_max),
		.text = BUF(sax->string_max),
		.stack = BUF(sax->depth_max),
	};
	int done = top(&r);

	in->at = r.p;
	buf_done(&r.key_copy);
	buf_done(&r.text);
	buf_done(&r.stack);
	return done < 0 ? done : 0;
}
