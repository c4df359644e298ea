/* Input from memory, and the two ways of reading that most formats share. */
#include "base/input.h"

#include <errno.h>

#include "base/buf.h"

static int memory_more(struct input *in, struct err *err)
{
	(void)err;
	in->at = in->end;
	return 0;
}

/* lint-allow: unshared input_memory: what tests and fuzz targets feed every reader with */
struct input input_memory(struct str s)
{
	const char *p = s.n ? s.p : "";

	return (struct input){ .at = p, .end = p + s.n, .offset = s.n, .more = memory_more };
}

uint64_t input_at(const struct input *in)
{
	return in->offset - (uint64_t)(in->end - in->at);
}

static struct str ready(const struct input *in)
{
	return (struct str){ in->at, (size_t)(in->end - in->at) };
}

int input_all(struct input *in, struct arena *a, struct str *ret, struct err *err)
{
	auto_buf all = BUF(SIZE_MAX / 4);
	int r;

	if (in->more == memory_more) { /* it outlives the reader anyway */
		*ret = ready(in);
		in->at = in->end;
		return 0;
	}
	do {
		buf_put(&all, ready(in));
		if (all.full || !arena_fits(a, all.n + 1, 1))
			return err_set(err, -E2BIG, "more than %zu bytes: too large for this",
				       all.n);
		in->at = in->end;
		r = in->more(in, err);
	} while (r > 0);
	if (r == 0)
		*ret = arena_str(a, buf_str(&all));
	return r;
}

int input_line(struct input *in, struct buf *line, struct str *ret, struct err *err)
{
	uint64_t begin = input_at(in);

	line->n = 0;
	line->full = false;
	for (;;) {
		struct str s = ready(in);
		const char *q = s.n ? memchr(s.p, '\n', s.n) : NULL;
		struct str piece = q ? str_head(s, (size_t)(q - s.p)) : s;
		if (piece.n > line->max - line->n)
			break;
		in->at += piece.n + (q != NULL);
		if (q && line->n == 0) {
			*ret = piece;
			return 1;
		}
		buf_put(line, piece);
		if (line->full)
			break;
		int r = q ? 0 : in->more(in, err);
		if (r < 0)
			return r;
		if (r == 0) {
			*ret = buf_str(line);
			return q || line->n;
		}
	}
	return err_set(err, -E2BIG, "the line that begins at byte %llu has more than %zu bytes",
		       (unsigned long long)begin, line->max);
}
