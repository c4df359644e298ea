/* functions: which frames are one function, and its lines; which labels are one thread. */
#include "present/flame/flame_priv.h"

#include <inttypes.h>
#include <stdlib.h>

static struct str last_part(struct str path)
{
	return str_cut_last(path, '/', &path);
}

/* A frame without a name is where it lies: "libz.so.1+0x5a30". */
static struct str place_name(struct flame_build *b, const struct profile *p, const struct frame *f)
{
	struct str module = last_part(profile_text(p, f->module));

	if (!module.n && !f->address)
		return S("[unknown]");
	if (!module.n)
		return arena_printf(b->keep, "0x%" PRIx64, f->address);
	if (!f->address)
		return arena_printf(b->keep, "[" STR_FMT "]", STR_ARG(module));
	return arena_printf(b->keep, STR_FMT "+0x%" PRIx64, STR_ARG(module), f->address);
}

/*
 * Script functions are told apart by file too, since half of them are called "anonymous". Native
 * ones are not: the line table names the header for the part of a function that a macro made.
 */
static uint32_t function_of(struct flame_build *b, const struct profile *p, const struct frame *f)
{
	struct flame_function fn = { .name = profile_text(p, f->function),
				     .file = profile_text(p, f->file),
				     .module = profile_text(p, f->module),
				     .kind = f->kind };
	struct str place = fn.kind == FRAME_SCRIPT ? fn.file : S("");
	uint64_t hash;

	if (!fn.name.n)
		fn.name = place_name(b, p, f);
	hash = map_hash2(str_hash(fn.name), str_hash(fn.module));
	hash = map_hash2(hash, str_hash(place));
	for (struct map_at at = map_first(&b->function_map, hash); at.hit;
	     at = map_next(&b->function_map, at)) {
		struct flame_function *g = &b->functions.v[at.index];

		if (str_eq(g->name, fn.name) && str_eq(g->module, fn.module) &&
		    (g->kind == FRAME_SCRIPT) == (fn.kind == FRAME_SCRIPT) &&
		    (fn.kind != FRAME_SCRIPT || str_eq(g->file, fn.file))) {
			if (!g->file.n)
				g->file = fn.file;
			return at.index;
		}
	}
	map_insert(&b->function_map, hash, (uint32_t)b->functions.n);
	*vec_add(b->keep, &b->functions) = fn;
	return (uint32_t)b->functions.n - 1;
}

static uint32_t line_of(struct flame_build *b, uint32_t function, const struct frame *f)
{
	uint64_t hash = map_hash2(function, (uint64_t)f->kind << 32 | f->line);

	for (struct map_at at = map_first(&b->line_map, hash); at.hit;
	     at = map_next(&b->line_map, at))
		if (b->lines.v[at.index].function == function &&
		    b->lines.v[at.index].number == f->line && b->lines.v[at.index].kind == f->kind)
			return at.index;
	map_insert(&b->line_map, hash, (uint32_t)b->lines.n);
	*vec_add(b->scratch, &b->lines) =
		(struct line_seen){ .function = function, .number = f->line, .kind = f->kind };
	return (uint32_t)b->lines.n - 1;
}

void flame_name_frames(struct flame_build *b, unsigned side)
{
	struct flame_side *s = &b->side[side];
	const struct profile *p = s->profile;

	s->function = arena_array(b->scratch, uint32_t, p->n_frames);
	s->line = arena_array(b->scratch, uint32_t, p->n_frames);
	for (size_t i = 1; i < p->n_frames; i++) {
		s->function[i] = function_of(b, p, &p->frames[i]);
		s->line[i] = line_of(b, s->function[i], &p->frames[i]);
	}
}

static int by_weight(const void *a, const void *b, void *lines)
{
	const struct line_seen *v = lines;
	const struct line_seen *x = &v[*(const uint32_t *)a], *y = &v[*(const uint32_t *)b];

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

void flame_rank_lines(struct flame_build *b)
{
	struct flame *f = b->flame;
	uint32_t *order = arena_array(b->scratch, uint32_t, b->lines.n);

	for (uint32_t i = 0; i < b->lines.n; i++)
		order[i] = i;
	qsort_r(order, b->lines.n, sizeof(*order), by_weight, b->lines.v);
	f->n_lines = b->lines.n;
	f->line = arena_array(b->keep, struct flame_line, b->lines.n);
	for (uint32_t i = 0; i < b->lines.n; i++) {
		struct line_seen *seen = &b->lines.v[order[i]];
		struct flame_function *fn = &b->functions.v[seen->function];

		if (!fn->n_lines)
			fn->first_line = i;
		seen->rank = fn->n_lines++;
		f->line[i] = (struct flame_line){ seen->number, seen->kind, seen->self };
	}
}

static struct flame_thread thread_read(const struct profile *p, label_id label, bool base)
{
	struct flame_thread t = { .base = base };

	for (; label.i; label = p->labels[label.i].next) {
		const struct label *l = &p->labels[label.i];
		struct str key = profile_text(p, l->key);

		if (str_eq(key, S("process")))
			t.process = profile_text(p, l->text);
		else if (str_eq(key, S("thread")))
			t.name = profile_text(p, l->text);
		else if (str_eq(key, S("pid")))
			t.pid = l->number > 0 ? (uint64_t)l->number : 0;
		else if (str_eq(key, S("tid")))
			t.tid = l->number > 0 ? (uint64_t)l->number : 0;
	}
	return t;
}

uint32_t flame_thread_of(struct flame_build *b, unsigned side, label_id label)
{
	struct flame_side *s = &b->side[side];
	struct flame_thread t;
	uint64_t hash;

	if (s->thread[label.i])
		return s->thread[label.i] - 1;
	t = thread_read(s->profile, label, side == 1);
	hash = map_hash2(map_hash2(t.pid, t.tid), str_hash(t.name) + side);
	for (struct map_at at = map_first(&b->thread_map, hash); at.hit;
	     at = map_next(&b->thread_map, at)) {
		const struct flame_thread *u = &b->threads.v[at.index];

		if (u->pid == t.pid && u->tid == t.tid && u->base == t.base &&
		    str_eq(u->name, t.name) && str_eq(u->process, t.process)) {
			s->thread[label.i] = at.index + 1;
			return at.index;
		}
	}
	map_insert(&b->thread_map, hash, (uint32_t)b->threads.n);
	*vec_add(b->keep, &b->threads) = t;
	s->thread[label.i] = (uint32_t)b->threads.n;
	return (uint32_t)b->threads.n - 1;
}
