/* inflate and deflate behind an input and a buffer. Members may follow one another (RFC 1952, 2.2).
 */
#include "base/gzip.h"

#include <errno.h>
#include <limits.h>
#include <zlib.h>

#define OUT_BYTES   ((size_t)64 << 10)
#define GZIP_WINDOW (15 + 16) /* the largest window; 16: gzip, not zlib */

struct gunzip {
	struct input in; /* first: more() gets it back */
	struct input *from;
	z_stream z;
	uint64_t out_max;
	bool open;   /* z wants inflateEnd */
	bool inside; /* of a member */
	bool dead;   /* an error or the end was told */
	char *out;
};

bool gzip_is(struct str head)
{
	return str_starts(head, S("\x1f\x8b"));
}

static int broken(struct gunzip *g, struct err *err, const char *what)
{
	g->dead = true;
	return err_set(err, -EBADMSG, "broken gzip data near byte %llu: %s",
		       (unsigned long long)input_at(g->from), what);
}

/* Something to read lies ready: 1, the end: 0, or negative. */
static int feed(struct gunzip *g, struct err *err)
{
	while (g->from->at == g->from->end) {
		int r = g->from->more(g->from, err);
		if (r <= 0)
			return r;
	}
	size_t n = (size_t)(g->from->end - g->from->at);
	g->z.next_in = (Bytef *)g->from->at; /* zlib only reads it */
	g->z.avail_in = n < UINT_MAX ? (uInt)n : UINT_MAX;
	return 1;
}

/* Between two members: 1 = another one begins, 0 = the end. Zeroes are padding of a tape. */
static int next_member(struct gunzip *g, struct err *err)
{
	int r;

	while ((r = feed(g, err)) > 0 && *g->from->at == 0 && input_at(g->from) > 0)
		g->from->at++;
	if (r > 0 && inflateReset(&g->z) != Z_OK)
		return broken(g, err, "no memory");
	g->inside = r > 0;
	return r;
}

/* One call of inflate; how far it came is told to FROM at once, so that messages are exact. */
static int step(struct gunzip *g, struct err *err)
{
	int z = inflate(&g->z, Z_NO_FLUSH);

	g->from->at = (const char *)g->z.next_in;
	if (z == Z_STREAM_END) {
		g->inside = false;
		return 0;
	}
	if (z == Z_OK || z == Z_BUF_ERROR)
		return 0;
	return broken(g, err, g->z.msg ? g->z.msg : "not gzip data");
}

static int gunzip_more(struct input *in, struct err *err)
{
	struct gunzip *g = (struct gunzip *)in;
	int r = 0;

	in->at = in->end = g->out;
	if (g->dead)
		return 0;
	g->z.next_out = (Bytef *)g->out;
	g->z.avail_out = OUT_BYTES;
	while (g->z.avail_out == OUT_BYTES) {
		r = g->inside ? feed(g, err) : next_member(g, err);
		if (r == 0 && g->inside)
			return broken(g, err, "it ends early");
		g->dead = r <= 0;
		if (r <= 0)
			return r;
		if (step(g, err) < 0)
			return err->code;
	}
	in->end += OUT_BYTES - g->z.avail_out;
	in->offset += (uint64_t)(in->end - in->at);
	if (in->offset > g->out_max) {
		g->dead = true;
		in->at = in->end;
		return err_set(err, -E2BIG, "unpacked it has more than %llu bytes",
			       (unsigned long long)g->out_max);
	}
	return 1;
}

struct gunzip *gunzip_open(struct arena *a, struct input *from, uint64_t out_max)
{
	struct gunzip *g = arena_make(a, struct gunzip);

	g->out = arena_array(a, char, OUT_BYTES);
	g->in = (struct input){ .at = g->out, .end = g->out, .more = gunzip_more };
	g->from = from;
	g->out_max = out_max;
	/* Fails without memory only; then next_member() says so. */
	g->open = inflateInit2(&g->z, GZIP_WINDOW) == Z_OK;
	return g;
}

struct input *gunzip_input(struct gunzip *g)
{
	return &g->in;
}

struct gunzip *gunzip_close(struct gunzip *g)
{
	if (g && g->open)
		(void)inflateEnd(&g->z); /* fails for streams that are not open */
	if (g)
		g->open = false;
	return NULL;
}

bool gzip_put(struct buf *out, struct str s, int level)
{
	unsigned char piece[16384];
	z_stream z = { 0 };
	int r = Z_OK;

	if (deflateInit2(&z, level, Z_DEFLATED, GZIP_WINDOW, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	while (r == Z_OK && !out->full) {
		if (z.avail_in == 0 && s.n) {
			struct str head = str_head(s, UINT_MAX);
			z.next_in = (Bytef *)head.p; /* zlib only reads it */
			z.avail_in = (uInt)head.n;
			s = str_skip(s, head.n);
		}
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		r = deflate(&z, s.n ? Z_NO_FLUSH : Z_FINISH);
		r = r == Z_BUF_ERROR ? Z_OK : r;
		buf_put(out, (struct str){ (char *)piece, sizeof(piece) - z.avail_out });
	}
	(void)deflateEnd(&z); /* complains about an unfinished stream, which FULL tells */
	return r == Z_STREAM_END && !out->full;
}
