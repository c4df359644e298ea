/* How many digits a reader can use: three for measures, all for counts. */
#include "model/quantity.h"

#include <math.h>

struct scale {
	double from, divisor;
	const char *name;
};

static const struct scale times[] = {
	{ 1e9, 1e9, "s" }, { 1e6, 1e6, "ms" }, { 1e3, 1e3, "µs" }, { 0, 1, "ns" }
};
static const struct scale sizes[] = { { 1099511627776.0, 1099511627776.0, "TiB" },
				      { 1073741824.0, 1073741824.0, "GiB" },
				      { 1048576.0, 1048576.0, "MiB" },
				      { 1024.0, 1024.0, "KiB" },
				      { 0, 1, "B" } };
static const struct scale counts[] = {
	{ 1e12, 1e12, "T" }, { 1e9, 1e9, "G" }, { 1e6, 1e6, "M" }, { 0, 1, "" }
};

static void three_digits(struct buf *out, double v)
{
	buf_printf(out, "%.*f", v >= 99.95 || v == 0 ? 0 : v >= 9.995 ? 1 : 2, v);
}

static void scaled(struct buf *out, double v, const struct scale *s)
{
	/* 999.7 ms is 1.00 s: what would be rounded up to the next unit belongs there. */
	while (v < s->from * 0.9995)
		s++;
	if (s->divisor <= 1 && v == floor(v))
		buf_printf(out, "%.0f", v); /* bytes and nanoseconds have no halves */
	else
		three_digits(out, v / s->divisor);
	buf_printf(out, "%s%s", *s->name ? " " : "", s->name);
}

static void whole(struct buf *out, double v)
{
	char digits[32];
	auto_buf text = BUF(sizeof(digits));

	buf_printf(&text, "%.0f", v);
	for (size_t i = 0; i < text.n; i++) {
		if (i && (text.n - i) % 3 == 0)
			buf_put(out, S(","));
		buf_put(out, (struct str){ text.p + i, 1 });
	}
}

static void ratio(struct buf *out, double v)
{
	if (v > 0 && v < 0.0005)
		buf_put(out, S("<0.1 %"));
	else
		buf_printf(out, "%.1f %%", v * 100);
}

static void magnitude(struct buf *out, double v, enum unit unit)
{
	switch (unit) {
	case UNIT_NONE:
	case UNIT_COUNT:
		if (v >= 1e15)
			buf_printf(out, "%.3g", v);
		else
			whole(out, v);
		break;
	case UNIT_NS:
		if (v >= 120e9)
			buf_printf(out, "%.0f min %.0f s", floor(v / 60e9),
				   floor(fmod(v, 60e9) / 1e9));
		else
			scaled(out, v, times);
		break;
	case UNIT_BYTES:
		scaled(out, v, sizes);
		break;
	case UNIT_CYCLES:
		scaled(out, v, counts);
		buf_put(out, S(" cycles"));
		break;
	case UNIT_RATIO:
		ratio(out, v);
		break;
	case UNIT_PER_S:
		scaled(out, v, counts);
		buf_put(out, S("/s"));
		break;
	}
}

void quantity_put(struct buf *out, struct quantity q)
{
	if (!isfinite(q.v)) {
		buf_put(out, S("?"));
		return;
	}
	if (q.v < 0)
		buf_put(out, S("-"));
	magnitude(out, fabs(q.v), q.unit);
}

void quantity_put_change(struct buf *out, struct quantity q)
{
	if (!isfinite(q.v)) {
		buf_put(out, S("?"));
		return;
	}
	bool none = q.unit == UNIT_RATIO ? fabs(q.v) < 0.0005 : q.v == 0;
	buf_put(out, none ? S("±") : q.v > 0 ? S("+") : S("-"));
	if (q.unit == UNIT_RATIO)
		buf_printf(out, "%.1f pp", none ? 0.0 : fabs(q.v) * 100);
	else
		magnitude(out, fabs(q.v), q.unit);
}

void quantity_put_share(struct buf *out, double share)
{
	if (!isfinite(share))
		buf_put(out, S("?"));
	else if (share >= 0.0995)
		buf_printf(out, "%.0f %%", share * 100);
	else if (share > 0 && share < 0.0005)
		buf_put(out, S("<0.1 %"));
	else
		buf_printf(out, "%.1f %%", share * 100);
}
