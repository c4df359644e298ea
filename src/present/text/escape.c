/* UTF-8 one character at a time: Unicode 15, table 3-7 of well-formed sequences. */
#include "present/text/escape.h"

struct character {
	uint32_t code;
	size_t bytes;
	bool shown; /* as it is; else as \xNN or \u{NNNN} */
};

struct span {
	uint32_t first, last;
};

/* Zero columns: combining marks that occur in names. Two columns: East Asian Wide, emoji. */
static const struct span combining[] = {
	{ 0x300, 0x36f },   { 0x483, 0x489 },   { 0x591, 0x5bd },
	{ 0x610, 0x61a },   { 0x64b, 0x65f },   { 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0xfe20, 0xfe2f }
};
static const struct span wide[] = {
	{ 0x1100, 0x115f }, { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd }
};
/* Control characters, invisible ones and those that change the direction (CVE-2021-42574). */
static const struct span hidden[] = {
	{ 0, 0x1f },        { 0x7f, 0x9f },     { 0xad, 0xad },
	{ 0x61c, 0x61c },   { 0x200b, 0x200f }, { 0x2028, 0x202e },
	{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xe0000, 0xe0fff }
};

static bool among(const struct span *v, size_t n, uint32_t code)
{
	for (size_t i = 0; i < n; i++)
		if (code >= v[i].first && code <= v[i].last)
			return true;
	return false;
}
#define AMONG(v, code) among(v, sizeof(v) / sizeof((v)[0]), code)

static struct character next(struct str s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char lead = (unsigned char)s.p[0];
	size_t n = lead < 0x80       ? 1
		   : lead >> 5 == 6  ? 2
		   : lead >> 4 == 14 ? 3
		   : lead >> 3 == 30 ? 4
				     : 0;
	uint32_t code = n <= 1 ? lead : lead & (0x7fU >> n);

	if (n == 0 || n > s.n)
		return (struct character){ lead, 1, false };
	for (size_t i = 1; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >> 6 != 2)
			return (struct character){ lead, 1, false };
		code = code << 6 | (c & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return (struct character){ lead, 1, false };
	return (struct character){ code, n, !AMONG(hidden, code) };
}

static size_t columns_of(struct character c)
{
	if (!c.shown) /* \xNN, or \u{NNNN} with as many digits as it has */
		return c.code < 0x100 ? 4 : c.code < 0x10000 ? 8 : 9;
	if (c.code < 0x300)
		return 1;
	if (AMONG(combining, c.code))
		return 0;
	return AMONG(wide, c.code) ? 2 : 1;
}

static void put(struct buf *out, struct str s, struct character c)
{
	if (c.shown)
		buf_put(out, str_head(s, c.bytes));
	else if (c.code < 0x100)
		buf_printf(out, "\\x%02x", c.code);
	else
		buf_printf(out, "\\u{%04x}", c.code);
}

size_t escape_columns(struct str s)
{
	size_t columns = 0;

	for (struct character c; s.n; s = str_skip(s, c.bytes)) {
		c = next(s);
		columns += columns_of(c);
	}
	return columns;
}

void escape_put(struct buf *out, struct str s)
{
	for (struct character c; s.n; s = str_skip(s, c.bytes)) {
		c = next(s);
		put(out, s, c);
	}
}

void escape_fit(struct buf *out, struct str s, size_t columns)
{
	size_t all = escape_columns(s), at = 0;

	if (all <= columns) {
		escape_put(out, s);
		return;
	}
	if (columns == 0)
		return;
	/* HEAD columns, the ellipsis, then what begins at or after column all - TAIL. */
	size_t head = columns / 2, tail = columns - 1 - head, shown = 0;
	bool cut = false;
	for (struct character c; s.n; s = str_skip(s, c.bytes)) {
		c = next(s);
		if (!cut && at + columns_of(c) > head) {
			buf_put(out, S("…"));
			cut = true;
		}
		if (!cut || (at >= all - tail && shown < tail)) {
			put(out, s, c);
			shown += cut ? columns_of(c) : 0;
		}
		at += columns_of(c);
	}
}
