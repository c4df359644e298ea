/* One pass over the file in pieces; a row is where in it the name stands. */
#include "resolve/perf_map.h"

#include "resolve/spans.h"
#include "sys/file.h"

#define FILE_MAX  (UINT64_C(256) << 20)
#define PIECE     ((size_t)64 << 10)
#define NAME_MAXN 4096u

struct perf_map {
	struct arena *arena;
	int fd;
	struct spans spans; /* what: offset of the name in the file */
};

/* LINE without its newline stands at OFFSET. Order in the file is time. */
static bool take(struct perf_map *m, struct str line, uint64_t offset)
{
	struct str rest = line;
	uint64_t start, size, end;
	struct str a = str_cut(rest, ' ', &rest), b = str_cut(rest, ' ', &rest);

	if (rest.n == 0 || !str_to_hex(a, &start) || !str_to_hex(b, &size) ||
	    __builtin_add_overflow(start, size, &end))
		return true;
	uint64_t at = offset + (uint64_t)(rest.p - line.p);
	return spans_add(&m->spans, m->arena, (struct span){ start, end, at, at });
}

struct perf_map *perf_map_open(struct arena *a, int fd)
{
	struct perf_map *m = arena_make(a, struct perf_map);
	auto_arena scratch = arena_open("perf map", 2 * PIECE);
	char *piece = arena_array(scratch, char, PIECE);
	size_t kept = 0; /* of a line that is not complete */
	bool fits = true;

	m->arena = a;
	m->fd = fd;
	for (uint64_t at = 0; fits && at < FILE_MAX;) {
		ssize_t n = file_pread_some(fd, piece + kept, PIECE - kept, at);
		if (n <= 0)
			break;
		struct str all = { piece, kept + (size_t)n }, rest = all;
		uint64_t base = at - kept;
		at += (uint64_t)n;
		for (const char *nl; fits && (nl = memchr(rest.p, '\n', rest.n)) != NULL;) {
			struct str line = { rest.p, (size_t)(nl - rest.p) };
			fits = take(m, line, base + (uint64_t)(line.p - all.p));
			rest = str_skip(rest, line.n + 1);
		}
		/* A line longer than a piece is no line of a map. */
		kept = rest.n < PIECE ? rest.n : 0;
		memmove(piece, rest.p, kept);
	}
	spans_sort(&m->spans, a);
	return m;
}

struct perf_map *perf_map_close(struct perf_map *m)
{
	if (m && m->fd >= 0)
		fd_closep(&m->fd);
	return NULL;
}

bool perf_map_find(const struct perf_map *m, uint64_t address, struct str *ret)
{
	const struct span *s = spans_find(&m->spans, address, 0);
	char name[NAME_MAXN];

	if (!s)
		return false;
	ssize_t got = file_pread_some(m->fd, name, sizeof(name), s->what);
	if (got <= 0)
		return false;
	const char *nl = memchr(name, '\n', (size_t)got);
	struct str text = str_trim((struct str){ name, nl ? (size_t)(nl - name) : (size_t)got });
	if (!text.n || !arena_fits(m->arena, 1, text.n + 1))
		return false;
	*ret = arena_str(m->arena, text);
	return true;
}
