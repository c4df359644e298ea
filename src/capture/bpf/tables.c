/*
 * The walk's maps seen from user space: which slice of the ranges belongs to which process, and
 * when a slice may be used again. Only this file writes into the maps.
 */
#include "capture/bpf/tables.h"

#include <assert.h>
#include <bpf/bpf.h>

#include "base/map.h"
#include "base/vec.h"
#include "capture/bpf/walk_abi.h"
#include "capture/space.h"
#include "capture/unwind/native/native.h"
#include "capture/unwind/native/walk.h"
#include "sys/memory.h"

_Static_assert(sizeof(struct range) == sizeof(struct walk_range) &&
		       offsetof(struct range, object) == offsetof(struct walk_range, exe) &&
		       WALK_NO_TABLE == SPACE_ANONYMOUS,
	       "ranges are copied as they are");

#define SLICE_LEAST  16
#define SLICE_ORDERS 10 /* 16 ... 8192 ranges */
#define NOBODY       UINT32_MAX
/* A fork may have copied the address of a slice a moment ago, and we have not heard of it yet. */
#define GRACE_NS     UINT64_C(1000000000)
#define SPACES_BYTES ((size_t)64 << 20)
#define LOAD_BYTES   ((size_t)1 << 30) /* while a table is compiled; given back at once */

struct slice {
	uint32_t first, refs, next;
	uint32_t order;
	uint64_t freed_ns;
};

struct followed {
	uint32_t pid, generation;
	uint32_t slice; /* NOBODY: no ranges */
	bool alive, dirty;
	uint8_t ending; /* 1: told since the last publishing, 2: before it */
};

enum { UNTRIED = 0, NONE = 1, FIRST_EXE = 2 };

struct tables {
	struct arena *arena, *index; /* the index is rebuilt without the dead, on a new arena */
	struct binaries *binaries;
	struct tables_maps maps;
	struct memory rows, pages, rules, exes, ranges;
	struct native_store store;
	struct spaces *spaces;
	struct str cache;
	const struct log *log;
	VEC(uint32_t) exe_of; /* by binary: UNTRIED, NONE, or FIRST_EXE + its id in the store */
	VEC(struct slice) slices;
	uint32_t free_slices[SLICE_ORDERS], unused; /* lists by `next` */
	uint32_t resting, resting_last;             /* let go, not yet to be used; oldest first */
	size_t ranges_used, ranges_max;
	VEC(struct followed) procs;
	VEC(uint32_t) free_procs, dirty, ending;
	struct map by_pid;
	size_t alive;
	uint64_t now_ns; /* of the last publishing */
	struct tables_losses losses;
};

struct tables_room tables_room(const struct binaries *b, size_t more_rows, size_t procs)
{
	uint64_t text = 0;

	for (uint32_t i = 0; i < binaries_count(b); i++) {
		const struct binary *bin = binaries_at(b, i);
		for (size_t k = 0; k < bin->n_text; k++)
			text += bin->text[k].size;
	}
	/* Known programs have a row for every 25 to 80 bytes of text; sizes in a file may lie. */
	uint64_t rows = text / 25;
	if (rows > (uint64_t)8 << 20)
		rows = (uint64_t)8 << 20;
	rows += more_rows;
	return (struct tables_room){
		.rows = rows,
		.pages = rows / 64 + 16384,
		.rules = rows > (size_t)2 << 20 ? 65536 : 16384,
		.exes = 8192,
		.ranges = 16384 + procs * 4,
		.procs = procs,
	};
}

static int share(int fd, size_t n, size_t size, struct memory *ret, struct err *err)
{
	return memory_map(fd, (n * size + 4095) & ~(size_t)4095, 0, true, ret, err);
}

static int share_all(struct tables *t, const struct tables_room *room, struct err *err)
{
	int r = share(t->maps.rows, room->rows, sizeof(uint32_t), &t->rows, err);

	if (r == 0)
		r = share(t->maps.pages, room->pages, sizeof(struct native_page), &t->pages, err);
	if (r == 0)
		r = share(t->maps.rules, room->rules, sizeof(struct native_rule), &t->rules, err);
	if (r == 0)
		r = share(t->maps.exes, room->exes, sizeof(struct native_exe), &t->exes, err);
	if (r == 0)
		r = share(t->maps.ranges, room->ranges, sizeof(struct walk_range), &t->ranges, err);
	return r;
}

int tables_open(const struct tables_use *use, const struct tables_room *room,
		const struct tables_maps *maps, struct tables **ret, struct err *err)
{
	struct arena *a = arena_open("unwind tables", SIZE_MAX / 2);
	struct tables *t = arena_make(a, struct tables);

	*t = (struct tables){
		.arena = a, .binaries = use->binaries, .maps = *maps, .log = use->log
	};
	t->cache = arena_str(a, use->cache);
	t->index = arena_open("followed processes", SIZE_MAX / 2);
	t->by_pid.arena = t->index;
	t->spaces = spaces_open(SPACES_BYTES);
	t->ranges_max = room->ranges;
	t->unused = t->resting = t->resting_last = NOBODY;
	for (size_t i = 0; i < SLICE_ORDERS; i++)
		t->free_slices[i] = NOBODY;
	int r = share_all(t, room, err);
	if (r < 0) {
		(void)tables_close(t); /* always NULL */
		return err_add(err, "filling the unwind tables");
	}
	t->store = (struct native_store){
		.rows = (uint32_t *)(void *)t->rows.p,
		.pages = (struct native_page *)(void *)t->pages.p,
		.rules = (struct native_rule *)(void *)t->rules.p,
		.exes = (struct native_exe *)(void *)t->exes.p,
		.max_rows = room->rows,
		.max_pages = room->pages,
		.max_rules = room->rules,
		.max_exes = room->exes,
		.map.arena = a,
	};
	*ret = t;
	return 0;
}

struct tables *tables_close(struct tables *t)
{
	if (!t)
		return NULL;
	memory_unmap(&t->rows);
	memory_unmap(&t->pages);
	memory_unmap(&t->rules);
	memory_unmap(&t->exes);
	memory_unmap(&t->ranges);
	t->spaces = spaces_close(t->spaces);
	t->index = arena_close(t->index);
	return (struct tables *)arena_close(t->arena);
}

/* Slices. */

static void slice_unref(struct tables *t, uint32_t i, uint64_t now_ns)
{
	struct slice *s;

	if (i == NOBODY)
		return;
	s = &t->slices.v[i];
	assert(s->refs > 0);
	if (--s->refs)
		return;
	s->freed_ns = now_ns;
	s->next = NOBODY;
	if (t->resting == NOBODY)
		t->resting = i;
	else
		t->slices.v[t->resting_last].next = i;
	t->resting_last = i;
}

static void wake_rested(struct tables *t, uint64_t now_ns)
{
	while (t->resting != NOBODY) {
		struct slice *s = &t->slices.v[t->resting];
		uint32_t i = t->resting;

		if (s->freed_ns + GRACE_NS > now_ns)
			return;
		t->resting = s->next;
		s->next = t->free_slices[s->order];
		t->free_slices[s->order] = i;
	}
}

/* One with room for N ranges, or NOBODY. */
static uint32_t slice_new(struct tables *t, size_t n, uint64_t now_ns)
{
	uint32_t order = 0, i;
	size_t size = SLICE_LEAST;

	for (; size < n; size *= 2)
		order++;
	assert(order < SLICE_ORDERS);
	wake_rested(t, now_ns);
	i = t->free_slices[order];
	if (i != NOBODY) {
		t->free_slices[order] = t->slices.v[i].next;
	} else {
		if (size > t->ranges_max - t->ranges_used)
			return NOBODY;
		i = (uint32_t)t->slices.n;
		vec_add(t->arena, &t->slices)->first = (uint32_t)t->ranges_used;
		t->slices.v[i].order = order;
		t->ranges_used += size;
	}
	t->slices.v[i].refs = 1;
	return i;
}

/* Processes. */

static struct followed *followed_of(const struct tables *t, uint32_t pid)
{
	uint64_t h = map_hash2(pid, 0);

	for (struct map_at at = map_first(&t->by_pid, h); at.hit; at = map_next(&t->by_pid, at)) {
		struct followed *f = &t->procs.v[at.index];

		if (f->pid == pid && f->alive)
			return f;
	}
	return NULL;
}

/* A map forgets nothing: it starts afresh when most of it are processes that ended. */
static void index_sweep(struct tables *t)
{
	if (t->by_pid.n < 1024 || t->alive * 4 > t->by_pid.n)
		return;
	struct arena *fresh = arena_open("followed processes", SIZE_MAX / 2);

	t->by_pid = (struct map){ .arena = fresh };
	for (size_t i = 0; i < t->procs.n; i++)
		if (t->procs.v[i].alive)
			map_insert(&t->by_pid, map_hash2(t->procs.v[i].pid, 0), (uint32_t)i);
	(void)arena_close(t->index); /* always NULL */
	t->index = fresh;
}

static void mark(struct tables *t, struct followed *f)
{
	if (f->dirty)
		return;
	f->dirty = true;
	*vec_add(t->arena, &t->dirty) = (uint32_t)(f - t->procs.v);
}

void tables_follow(struct tables *t, uint32_t pid)
{
	uint32_t i;

	if (followed_of(t, pid))
		return;
	index_sweep(t);
	if (t->free_procs.n) {
		i = t->free_procs.v[--t->free_procs.n];
	} else {
		i = (uint32_t)t->procs.n;
		(void)vec_add(t->arena, &t->procs); /* zeroed; filled below */
	}
	struct followed *f = &t->procs.v[i];
	bool dirty = f->dirty; /* of the one before: it is still in the list */

	*f = (struct followed){ .pid = pid, .slice = NOBODY, .alive = true, .dirty = dirty };
	map_insert(&t->by_pid, map_hash2(pid, 0), i);
	t->alive++;
	spaces_exec(t->spaces, pid);
	mark(t, f);
}

bool tables_follows(const struct tables *t, uint32_t pid)
{
	return followed_of(t, pid) != NULL;
}

size_t tables_followed(const struct tables *t)
{
	return t->alive;
}

uint32_t tables_pid(const struct tables *t, size_t *cursor)
{
	while (*cursor < t->procs.n) {
		const struct followed *f = &t->procs.v[(*cursor)++];

		if (f->alive)
			return f->pid;
	}
	return 0;
}

static void forget(struct tables *t, struct followed *f)
{
	(void)bpf_map_delete_elem(t->maps.procs, &f->pid); /* not there: it did not fit */
	slice_unref(t, f->slice, t->now_ns);
	spaces_gone(t->spaces, f->pid);
	t->alive -= f->ending == 0;
	f->slice = NOBODY;
	f->alive = false;
	*vec_add(t->arena, &t->free_procs) = (uint32_t)(f - t->procs.v);
}

/* The kernel has copied the parent's slice already; ours may be newer. */
void tables_fork(struct tables *t, uint32_t parent, uint32_t child)
{
	struct followed *p, *c = followed_of(t, child);

	if (c)
		forget(t, c); /* the number is used again */
	tables_follow(t, child);
	spaces_fork(t->spaces, parent, child);
	p = followed_of(t, parent);
	c = followed_of(t, child);
	const struct space *sp = spaces_of(t->spaces, child);

	if (!p || !sp || p->dirty || p->slice == NOBODY || p->generation != sp->generation)
		return;
	c->slice = p->slice;
	c->generation = p->generation;
	t->slices.v[c->slice].refs++;
}

void tables_exec(struct tables *t, uint32_t pid)
{
	struct followed *f = followed_of(t, pid);

	if (!f)
		return;
	spaces_exec(t->spaces, pid);
	mark(t, f);
}

void tables_gone(struct tables *t, uint32_t pid)
{
	struct followed *f = followed_of(t, pid);

	if (!f || f->ending)
		return;
	f->ending = 1;
	t->alive--;
	*vec_add(t->arena, &t->ending) = (uint32_t)(f - t->procs.v);
}

/* Files. */

static uint32_t load_table(struct tables *t, const struct binary *b)
{
	auto_arena a = arena_open("an unwind table", LOAD_BYTES);
	struct native_table table = { 0 };
	struct err err = { 0 };
	uint32_t exe;

	if (!b->is_elf || native_load(a, b, t->cache, &table, &err) < 0) {
		log_debug(t->log, STR_FMT ": no unwind table: %s", STR_ARG(b->path),
			  b->is_elf ? err.text : "not an ELF file");
		return NONE;
	}
	if (native_store_add(&t->store, &table, &exe, &err) < 0) {
		log_debug(t->log, STR_FMT ": %s", STR_ARG(b->path), err.text);
		t->losses.files++;
		return NONE;
	}
	log_debug(t->log, STR_FMT ": %zu rows, %zu rules", STR_ARG(b->path), table.n_rows,
		  table.n_rules);
	return FIRST_EXE + exe;
}

static uint32_t exe_of(struct tables *t, const struct binary *b)
{
	while (t->exe_of.n <= b->id)
		*vec_add(t->arena, &t->exe_of) = UNTRIED;
	if (t->exe_of.v[b->id] == UNTRIED)
		t->exe_of.v[b->id] = load_table(t, b);
	uint32_t known = t->exe_of.v[b->id];
	return known == NONE ? WALK_NO_TABLE : known - FIRST_EXE;
}

/* Memory that looks like a file but holds code made at run time, or none. */
static bool anonymous(struct str path)
{
	if (str_eq(path, S("[vdso]")))
		return false;
	return path.n == 0 || path.p[0] == '[' || str_starts(path, S("//")) ||
	       str_starts(path, S("/dev/zero")) || str_starts(path, S("anon_inode:"));
}

bool tables_map(struct tables *t, const struct raw_mapping *m)
{
	struct range r = { .start = m->start, .end = m->end, .object = SPACE_ANONYMOUS };
	struct followed *f = followed_of(t, m->pid);

	if (!f)
		return false;
	if (!anonymous(m->path)) {
		const struct binary *b = binaries_get(
			t->binaries, &(struct binary_place){ .pid = m->pid,
							     .start = m->start,
							     .end = m->end,
							     .device = m->device,
							     .inode = m->inode,
							     .path = m->path,
							     .build_id = m->build_id });
		r.object = exe_of(t, b);
		r.bias = binary_bias(b, m->start, m->file_offset);
		/* Two files without a table differ for the names, which ask for changes here. */
		r.flags = b->id + 1;
	}
	const struct space *was = spaces_of(t->spaces, m->pid);
	uint32_t generation = was ? was->generation : 0;

	if (!spaces_map(t->spaces, m->pid, &r)) {
		t->losses.mappings++;
		return false;
	}
	was = spaces_of(t->spaces, m->pid);
	if (was && was->generation == generation)
		return false;
	mark(t, f);
	return true;
}

/* Publishing. */

static void set_proc(struct tables *t, uint32_t pid, const struct walk_proc *p)
{
	if (bpf_map_update_elem(t->maps.procs, &pid, p, BPF_ANY) < 0)
		t->losses.processes++;
}

static void publish(struct tables *t, struct followed *f, uint64_t now_ns)
{
	const struct space *sp = spaces_of(t->spaces, f->pid);
	size_t n = sp ? sp->n : 0;
	struct walk_proc p = { 0 };

	if (n > WALK_RANGES_MAX) {
		t->losses.mappings += n - WALK_RANGES_MAX;
		n = WALK_RANGES_MAX;
	}
	if (n && (f->slice == NOBODY || f->generation != sp->generation)) {
		uint32_t s = slice_new(t, n, now_ns);

		slice_unref(t, f->slice, now_ns);
		f->slice = s;
		f->generation = sp->generation;
		if (s == NOBODY)
			t->losses.mappings += n;
		else
			memcpy(t->ranges.p + (size_t)t->slices.v[s].first * sizeof(struct range),
			       sp->v, n * sizeof(struct range));
	} else if (!n) {
		slice_unref(t, f->slice, now_ns);
		f->slice = NOBODY;
	}
	if (f->slice != NOBODY)
		p = (struct walk_proc){ .first = t->slices.v[f->slice].first, .n = (uint32_t)n };
	set_proc(t, f->pid, &p);
}

void tables_publish(struct tables *t, uint64_t now_ns)
{
	size_t kept = 0;

	t->now_ns = now_ns;
	for (size_t i = 0; i < t->ending.n; i++) {
		struct followed *f = &t->procs.v[t->ending.v[i]];

		if (f->ending == 1)
			t->ending.v[kept++] = t->ending.v[i];
		if (f->ending == 2 && f->alive)
			forget(t, f);
		f->ending = f->ending == 1 ? 2 : 0;
	}
	t->ending.n = kept;
	for (size_t i = 0; i < t->dirty.n; i++) {
		struct followed *f = &t->procs.v[t->dirty.v[i]];

		f->dirty = false;
		if (f->alive)
			publish(t, f, now_ns);
	}
	t->dirty.n = 0;
}

size_t tables_walk(const struct tables *t, uint32_t pid, const struct native_stack *from,
		   uint64_t *ip, size_t max, enum stack_end *ret_end)
{
	const struct space nothing = { 0 };
	const struct space *sp = spaces_of(t->spaces, pid);

	return native_walk(&t->store, sp ? sp : &nothing, from, ip, max, ret_end);
}

void tables_quiet(struct tables *t, uint32_t pid, uint64_t until_ns)
{
	struct walk_proc p;

	if (bpf_map_lookup_elem(t->maps.procs, &pid, &p) < 0)
		return; /* it ended meanwhile */
	p.quiet_ns = until_ns;
	set_proc(t, pid, &p);
}

struct tables_losses tables_losses(const struct tables *t)
{
	return t->losses;
}
