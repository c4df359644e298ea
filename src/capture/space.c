/*
 * Sorted ranges with shared ownership: only this file knows that processes share tables, and what
 * every table costs. Each table has an arena of its own, so that what ends is given back at once.
 */
#include "capture/space.h"

#include <assert.h>

#include "base/map.h"
#include "base/vec.h"

#define TABLE_LEAST   4096 /* what the smallest arena takes from the heap */
#define INDEX_BYTES   48   /* one process in the index: its row and two slots, doubled by growth */
#define ROWS_AT_LEAST 64

struct table {
	struct space space; /* first: a space is its table */
	size_t cap;
	struct arena *arena;
	size_t refs;
};

struct row {
	uint32_t pid;
	struct table *table; /* NULL: gone */
};

struct spaces {
	struct arena *own, *index; /* the index is rebuilt without the dead, on a new arena */
	VEC(struct row) rows;
	struct map by_pid;
	size_t alive;
	struct table *empty; /* of every process without a mapping; never changed */
	size_t limit, used;
	uint32_t generation;
};

static uint64_t pid_hash(uint32_t pid)
{
	return map_hash2(pid, 0);
}

struct spaces *spaces_open(size_t limit_bytes)
{
	struct arena *a = arena_open("address spaces", SIZE_MAX / 2);
	struct spaces *s = arena_make(a, struct spaces);

	s->own = a;
	s->limit = limit_bytes;
	s->index = arena_open("index of address spaces", SIZE_MAX / 2);
	s->by_pid = (struct map){ .arena = s->index };
	s->empty = arena_make(a, struct table);
	s->empty->refs = 1;
	return s;
}

static size_t table_cost(const struct table *t)
{
	size_t used = t->arena ? arena_used(t->arena) : 0;

	return !t->arena ? 0 : used > TABLE_LEAST ? used : TABLE_LEAST;
}

static void table_release(struct spaces *s, struct table *t)
{
	assert(t->refs > 0);
	if (--t->refs)
		return;
	s->used -= table_cost(t);
	(void)arena_close(t->arena); /* always NULL; T lay inside */
}

struct spaces *spaces_close(struct spaces *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->rows.n; i++)
		if (s->rows.v[i].table)
			table_release(s, s->rows.v[i].table);
	s->index = arena_close(s->index);
	return (struct spaces *)arena_close(s->own);
}

static struct row *row_of(const struct spaces *s, uint32_t pid)
{
	uint64_t h = pid_hash(pid);

	for (struct map_at at = map_first(&s->by_pid, h); at.hit; at = map_next(&s->by_pid, at))
		if (s->rows.v[at.index].pid == pid)
			return &s->rows.v[at.index];
	return NULL;
}

/* A map forgets nothing, so the index starts afresh when half of it are processes that ended. */
static void index_sweep(struct spaces *s)
{
	struct arena *old = s->index;
	struct row *was = s->rows.v;
	size_t n = s->rows.n;

	if (n < ROWS_AT_LEAST || s->alive * 2 > n)
		return;
	s->index = arena_open("index of address spaces", SIZE_MAX / 2);
	s->by_pid = (struct map){ .arena = s->index };
	s->rows.v = NULL;
	s->rows.n = s->rows.cap = 0;
	for (size_t i = 0; i < n; i++)
		if (was[i].table) {
			map_insert(&s->by_pid, pid_hash(was[i].pid), (uint32_t)s->rows.n);
			*vec_add(s->index, &s->rows) = was[i];
		}
	s->used -= (n - s->rows.n) * INDEX_BYTES;
	(void)arena_close(old); /* always NULL */
}

static bool room(const struct spaces *s, size_t bytes)
{
	return s->used <= s->limit && bytes <= s->limit - s->used;
}

/* The row of PID, made when needed; NULL at the limit. What it held is let go for TABLE. */
static struct row *row_set(struct spaces *s, uint32_t pid, struct table *table)
{
	struct row *r = row_of(s, pid);

	table->refs++; /* before letting go: it may be the same one */
	if (!r) {
		index_sweep(s);
		if (!room(s, INDEX_BYTES)) {
			table_release(s, table);
			return NULL;
		}
		s->used += INDEX_BYTES;
		map_insert(&s->by_pid, pid_hash(pid), (uint32_t)s->rows.n);
		r = vec_add(s->index, &s->rows);
		r->pid = pid;
	}
	if (r->table)
		table_release(s, r->table);
	else
		s->alive++;
	r->table = table;
	return r;
}

/* The index of the first range that ends behind ADDRESS. */
static size_t lower(const struct space *sp, uint64_t address)
{
	size_t lo = 0, hi = sp->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (sp->v[mid].end > address)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* A table that only this process has, with room for N ranges; NULL at the limit. */
static struct table *table_own(struct spaces *s, struct row *r, size_t n)
{
	struct table *t = r->table;
	size_t want = 16;

	if (t->refs == 1 && t != s->empty && n <= t->cap)
		return t;
	while (want < n)
		want *= 2;
	size_t bytes = sizeof(*t) + want * sizeof(struct range);
	bytes = bytes > TABLE_LEAST ? bytes : TABLE_LEAST;
	if (!room(s, bytes))
		return NULL;
	struct arena *a = arena_open("address space", SIZE_MAX / 2);
	struct table *c = arena_make(a, struct table);
	*c = (struct table){ .space = t->space, .cap = want, .arena = a, .refs = 1 };
	c->space.v = arena_array(a, struct range, want);
	if (t->space.n)
		memcpy(c->space.v, t->space.v, t->space.n * sizeof(struct range));
	s->used += table_cost(c);
	table_release(s, t);
	r->table = c;
	return c;
}

static bool same_owner(const struct range *a, const struct range *b)
{
	return a->bias == b->bias && a->object == b->object && a->flags == b->flags;
}

/* Puts NEW in the place of COUNT ranges from AT. */
static void splice(struct space *sp, size_t at, size_t count, const struct range *new, size_t n_new)
{
	memmove(sp->v + at + n_new, sp->v + at + count,
		(sp->n - at - count) * sizeof(struct range));
	memcpy(sp->v + at, new, n_new * sizeof(struct range));
	sp->n = sp->n - count + n_new;
}

bool spaces_map(struct spaces *s, uint32_t pid, const struct range *r)
{
	struct row *row = row_of(s, pid);

	if (r->start >= r->end)
		return true;
	if (!row || !row->table)
		row = row_set(s, pid, s->empty);
	if (!row)
		return false;
	const struct range *had = space_find(&row->table->space, r->start);
	if (had && had->end >= r->end && same_owner(had, r))
		return true; /* said before: nothing changes, and what was derived stays valid */
	const struct space *now = &row->table->space;
	size_t from = lower(now, r->start), to = lower(now, r->end), n = 0;
	struct range mid = *r, piece[3];

	if (to < now->n && now->v[to].start < r->end)
		to++;
	/* Neighbours that touch and say the same become one: code made at run time grows by pages.
	 */
	if (from > 0 && now->v[from - 1].end == mid.start && same_owner(&now->v[from - 1], &mid))
		from--;
	if (to < now->n && now->v[to].start == mid.end && same_owner(&now->v[to], &mid))
		to++;
	struct range first = from < to ? now->v[from] : mid;
	struct range last = from < to ? now->v[to - 1] : mid;
	if (same_owner(&first, &mid) && first.start < mid.start)
		mid.start = first.start;
	if (same_owner(&last, &mid) && last.end > mid.end)
		mid.end = last.end;
	if (first.start < mid.start) {
		piece[n] = first;
		piece[n++].end = mid.start;
	}
	piece[n++] = mid;
	if (last.end > mid.end) {
		piece[n] = last;
		piece[n++].start = mid.end;
	}
	struct table *t = table_own(s, row, now->n - (to - from) + n);
	if (!t)
		return false;
	splice(&t->space, from, to - from, piece, n);
	t->space.generation = ++s->generation;
	return true;
}

void spaces_fork(struct spaces *s, uint32_t parent, uint32_t child)
{
	const struct row *p = row_of(s, parent);

	(void)row_set(s, child, p && p->table ? p->table : s->empty); /* NULL: unknown, as before */
}

void spaces_exec(struct spaces *s, uint32_t pid)
{
	(void)row_set(s, pid, s->empty); /* NULL: unknown, as before */
}

void spaces_gone(struct spaces *s, uint32_t pid)
{
	struct row *r = row_of(s, pid);

	if (!r || !r->table)
		return;
	table_release(s, r->table);
	r->table = NULL;
	s->alive--;
}

const struct space *spaces_of(const struct spaces *s, uint32_t pid)
{
	const struct row *r = row_of(s, pid);

	return r && r->table ? &r->table->space : NULL;
}

const struct range *space_find(const struct space *sp, uint64_t address)
{
	size_t i = lower(sp, address);

	return i < sp->n && sp->v[i].start <= address ? &sp->v[i] : NULL;
}
