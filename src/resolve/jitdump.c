/* One pass over the record headers; a piece of code is known by the offset of its load record. */
#include "resolve/jitdump.h"

#include <assert.h>
#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "resolve/spans.h"
#include "sys/file.h"

#define MAGIC       0x4A695444u /* "JiTD" */
#define FLAG_TSC    1u          /* time stamps are of the processor's counter: of no use here */
#define RECORDS_MAX (16u << 20)
#define LINES_MAX   65536u /* of one function */
#define NAME_MAX_N  4096u
#define CODE_MAX    UINT32_MAX

enum { CODE_LOAD = 0, CODE_MOVE = 1, CODE_DEBUG_INFO = 2 };

struct header {
	uint32_t magic, version, total_size, machine, pad, pid;
	uint64_t timestamp, flags;
};

struct record {
	uint32_t id, total_size;
	uint64_t timestamp;
};

struct load {
	uint32_t pid, tid;
	uint64_t vma, address, size, index;
};

struct move {
	uint32_t pid, tid;
	uint64_t vma, from, address, size, index;
};

struct line { /* followed by the name of the file; ff 00: as in the line before */
	uint64_t address;
	uint32_t line, discriminator;
};

struct code {
	uint64_t index, first; /* address at its load: lines are told for that */
	uint64_t name, name_n; /* in the file; name_n is a bound */
	uint64_t lines;        /* offset of its debug info, 0: none */
};

struct jitdump {
	struct arena *arena;
	int fd;
	struct spans spans; /* what: row << 32 | index of code, so a later record is larger */
	VEC(struct code) codes;
	struct map by_index;
	uint64_t rows;
};

struct reader {
	struct jitdump *j;
	bool timed;
	/* Debug info stands before the load it belongs to, at the same address. */
	uint64_t lines_address, lines;
};

static uint32_t code_of(const struct jitdump *j, uint64_t index)
{
	for (struct map_at at = map_first(&j->by_index, map_hash2(index, 1)); at.hit;
	     at = map_next(&j->by_index, at)) {
		assert(j->codes.v); /* the map has only what is in there */
		if (j->codes.v[at.index].index == index)
			return at.index;
	}
	return UINT32_MAX;
}

static bool claim(struct reader *r, uint64_t address, uint64_t size, uint64_t time, uint32_t code)
{
	struct jitdump *j = r->j;
	uint64_t end;

	if (size > CODE_MAX || __builtin_add_overflow(address, size, &end))
		return true;
	return spans_add(
		&j->spans, j->arena,
		(struct span){ address, end, r->timed ? time : j->rows, j->rows++ << 32 | code });
}

static bool take_load(struct reader *r, const struct record *h, uint64_t at)
{
	struct jitdump *j = r->j;
	struct load l;

	if (h->total_size < sizeof(*h) + sizeof(l) ||
	    file_pread_some(j->fd, &l, sizeof(l), at + sizeof(*h)) != (ssize_t)sizeof(l))
		return true;
	if (!arena_fits(j->arena, j->codes.cap + 64, 4 * sizeof(struct code)))
		return false;
	uint32_t code = (uint32_t)j->codes.n;
	bool lined = r->lines && r->lines_address == l.address;
	*vec_add(j->arena, &j->codes) =
		(struct code){ .index = l.index,
			       .first = l.address,
			       .name = at + sizeof(*h) + sizeof(l),
			       .name_n = h->total_size - sizeof(*h) - sizeof(l),
			       .lines = lined ? r->lines : 0 };
	r->lines = 0;
	map_insert(&j->by_index, map_hash2(l.index, 1), code);
	return claim(r, l.address, l.size, h->timestamp, code);
}

static bool take_move(struct reader *r, const struct record *h, uint64_t at)
{
	struct move m;

	if (h->total_size < sizeof(*h) + sizeof(m) ||
	    file_pread_some(r->j->fd, &m, sizeof(m), at + sizeof(*h)) != (ssize_t)sizeof(m))
		return true;
	uint32_t code = code_of(r->j, m.index);
	return code == UINT32_MAX || claim(r, m.address, m.size, h->timestamp, code);
}

static void take_lines(struct reader *r, const struct record *h, uint64_t at)
{
	uint64_t address;

	if (h->total_size < sizeof(*h) + 16 ||
	    file_pread_some(r->j->fd, &address, sizeof(address), at + sizeof(*h)) !=
		    (ssize_t)sizeof(address))
		return;
	r->lines_address = address;
	r->lines = at;
}

int jitdump_open(struct arena *a, int fd, struct jitdump **ret, struct err *err)
{
	struct header h;
	struct record rec;

	if (file_pread_some(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || h.magic != MAGIC ||
	    h.total_size < sizeof(h) || h.total_size > 4096)
		return err_set(err, -EBADMSG, "it is not a jitdump file of this byte order");
	if (h.version != 1)
		return err_set(err, -ENOTSUP, "jitdump version %u is not known", h.version);
	struct jitdump *j = arena_make(a, struct jitdump);
	*j = (struct jitdump){ .arena = a, .fd = fd, .by_index = { .arena = a } };
	struct reader r = { .j = j, .timed = !(h.flags & FLAG_TSC) };
	bool fits = true;
	uint64_t at = h.total_size;
	for (unsigned n = 0; fits && n < RECORDS_MAX; n++, at += rec.total_size) {
		if (file_pread_some(fd, &rec, sizeof(rec), at) != (ssize_t)sizeof(rec) ||
		    rec.total_size < sizeof(rec))
			break;
		if (rec.id == CODE_LOAD)
			fits = take_load(&r, &rec, at);
		else if (rec.id == CODE_MOVE)
			fits = take_move(&r, &rec, at);
		else if (rec.id == CODE_DEBUG_INFO)
			take_lines(&r, &rec, at);
	}
	spans_sort(&j->spans, a);
	*ret = j;
	return 0;
}

static struct str name_at(const struct jitdump *j, uint64_t at, uint64_t max)
{
	char name[NAME_MAX_N];
	ssize_t got =
		file_pread_some(j->fd, name, max < sizeof(name) ? (size_t)max : sizeof(name), at);
	size_t n = got > 0 ? strnlen(name, (size_t)got) : 0;

	return n && arena_fits(j->arena, 1, n + 1) ? arena_str(j->arena, (struct str){ name, n })
						   : S("");
}

/* The last line that begins at or before ADDRESS, an address of the code at its first place. */
static void line_at(const struct jitdump *j, const struct code *c, uint64_t address,
		    struct str *ret_file, uint32_t *ret_line)
{
	struct record h;
	uint64_t n, at = c->lines, file = 0, file_n = 0, best = 0, best_n = 0;
	uint64_t closest = 0;

	if (file_pread_some(j->fd, &h, sizeof(h), at) != (ssize_t)sizeof(h) ||
	    file_pread_some(j->fd, &n, sizeof(n), at + sizeof(h) + 8) != (ssize_t)sizeof(n))
		return;
	uint64_t end = at + h.total_size;
	at += sizeof(h) + 16;
	for (uint64_t i = 0; i < n && i < LINES_MAX && at < end; i++) {
		struct line l;
		char name[NAME_MAX_N];
		if (file_pread_some(j->fd, &l, sizeof(l), at) != (ssize_t)sizeof(l))
			break;
		at += sizeof(l);
		ssize_t got = file_pread_some(j->fd, name, sizeof(name), at);
		size_t len = got > 0 ? strnlen(name, (size_t)got) : 0;
		if (got <= 0 || len == (size_t)got)
			break;
		if (len != 1 || name[0] != '\xff') {
			file = at;
			file_n = len;
		}
		at += len + 1;
		if (l.address <= address && l.address >= closest) {
			closest = l.address;
			best = file;
			best_n = file_n;
			*ret_line = l.line;
		}
	}
	if (best_n)
		*ret_file = name_at(j, best, best_n);
}

bool jitdump_find(const struct jitdump *j, uint64_t address, uint64_t time_ns, struct str *ret_name,
		  struct str *ret_file, uint32_t *ret_line)
{
	const struct span *s = spans_find(&j->spans, address, time_ns);

	if (!s)
		return false;
	const struct code *c = &j->codes.v[(uint32_t)s->what];
	*ret_name = name_at(j, c->name, c->name_n);
	*ret_file = S("");
	*ret_line = 0;
	if (c->lines)
		line_at(j, c, c->first + (address - s->start), ret_file, ret_line);
	return ret_name->n != 0;
}
