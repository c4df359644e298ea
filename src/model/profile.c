/*
 * Interning: every string, frame, stack and label exists once, so comparing ids compares content.
 * Four open-addressing maps from content hash to row; the rows themselves are plain arrays.
 */
#include "model/profile.h"

#include <assert.h>

#include "model/profile_priv.h"

static uint64_t frame_hash(const struct frame *f)
{
	uint64_t names = map_hash2((uint64_t)f->function.i << 32 | f->file.i,
				   (uint64_t)f->module.i << 32 | f->line);

	return map_hash2(names, f->address * 8 + (uint64_t)f->kind);
}

static uint64_t stack_hash(stack_id parent, frame_id frame)
{
	return map_hash2(parent.i, frame.i);
}

static uint64_t label_hash(const struct label *l)
{
	return map_hash2(map_hash2((uint64_t)l->next.i << 32 | l->key.i, l->text.i),
			 (uint64_t)l->number);
}

static void index_rows(struct profile *p)
{
	struct profile_index *x = p->index;

	for (size_t i = 1; i < p->n_strings; i++)
		map_insert(&x->strings, str_hash(p->strings[i]), (uint32_t)i);
	for (size_t i = 1; i < p->n_frames; i++)
		map_insert(&x->frames, frame_hash(&p->frames[i]), (uint32_t)i);
	for (size_t i = 1; i < p->n_stacks; i++)
		map_insert(&x->stacks, stack_hash(p->stacks[i].parent, p->stacks[i].frame),
			   (uint32_t)i);
	for (size_t i = 1; i < p->n_labels; i++)
		map_insert(&x->labels, label_hash(&p->labels[i]), (uint32_t)i);
}

/* The index; made over the rows that exist when there is none yet. */
static struct profile_index *index_of(struct profile *p)
{
	if (p->index)
		return p->index;
	struct profile_index *x = arena_make(p->arena, struct profile_index);
	x->strings.arena = x->frames.arena = x->stacks.arena = x->labels.arena = p->arena;
	x->cap_strings = p->n_strings;
	x->cap_frames = p->n_frames;
	x->cap_stacks = p->n_stacks;
	x->cap_labels = p->n_labels;
	x->cap_stack = x->cap_label = x->cap_value = p->sample.n_rows;
	x->cap_at = p->sample.at_ns ? p->sample.n_rows : 0;
	p->index = x;
	index_rows(p);
	return x;
}

struct profile *profile_new(struct arena *a, struct str name, const struct value_kind *kinds,
			    unsigned n_kinds, bool timed)
{
	struct profile *p = arena_make(a, struct profile);

	assert(n_kinds >= 1 && n_kinds <= PROFILE_KINDS_MAX);
	p->arena = a;
	p->name = arena_str(a, name);
	p->n_kinds = n_kinds;
	for (unsigned k = 0; k < n_kinds; k++)
		p->kind[k] = (struct value_kind){ arena_str(a, kinds[k].name), kinds[k].unit };
	struct profile_index *x = index_of(p);
	p->strings = arena_grow(a, NULL, 0, &x->cap_strings, sizeof(*p->strings));
	p->frames = arena_grow(a, NULL, 0, &x->cap_frames, sizeof(*p->frames));
	p->stacks = arena_grow(a, NULL, 0, &x->cap_stacks, sizeof(*p->stacks));
	p->labels = arena_grow(a, NULL, 0, &x->cap_labels, sizeof(*p->labels));
	p->strings[0] = S("");
	p->n_strings = p->n_frames = p->n_stacks = p->n_labels = 1;
	if (timed) /* that at_ns is there is how a profile without rows says it is timed */
		p->sample.at_ns = arena_grow(a, NULL, 0, &x->cap_at, sizeof(*p->sample.at_ns));
	return p;
}

str_id profile_string(struct profile *p, struct str s)
{
	struct profile_index *x = index_of(p);

	if (s.n == 0)
		return (str_id){ 0 };
	if (str_eq(s, x->last_string))
		return x->last_string_id;
	uint64_t h = str_hash(s);
	struct map_at at = map_first(&x->strings, h);
	while (at.hit && !str_eq(p->strings[at.index], s))
		at = map_next(&x->strings, at);
	if (!at.hit) {
		assert(p->n_strings < ROWS_MAX);
		p->strings = arena_grow(p->arena, p->strings, p->n_strings, &x->cap_strings,
					sizeof(*p->strings));
		at.index = (uint32_t)p->n_strings++;
		p->strings[at.index] = arena_str(p->arena, s);
		map_insert(&x->strings, h, at.index);
	}
	x->last_string = p->strings[at.index];
	x->last_string_id.i = at.index;
	return x->last_string_id;
}

static bool frame_same(const struct frame *a, const struct frame *b)
{
	return a->function.i == b->function.i && a->address == b->address && a->line == b->line &&
	       a->kind == b->kind && a->file.i == b->file.i && a->module.i == b->module.i;
}

frame_id profile_frame(struct profile *p, const struct frame *f)
{
	struct profile_index *x = index_of(p);
	uint64_t h = frame_hash(f);

	assert(f->function.i < p->n_strings && f->file.i < p->n_strings &&
	       f->module.i < p->n_strings);
	for (struct map_at at = map_first(&x->frames, h); at.hit; at = map_next(&x->frames, at))
		if (frame_same(&p->frames[at.index], f))
			return (frame_id){ at.index };
	assert(p->n_frames < ROWS_MAX);
	p->frames =
		arena_grow(p->arena, p->frames, p->n_frames, &x->cap_frames, sizeof(*p->frames));
	p->frames[p->n_frames] = *f;
	map_insert(&x->frames, h, (uint32_t)p->n_frames);
	return (frame_id){ (uint32_t)p->n_frames++ };
}

stack_id profile_stack(struct profile *p, stack_id parent, frame_id leaf)
{
	struct profile_index *x = index_of(p);
	uint64_t h = stack_hash(parent, leaf);

	assert(parent.i < p->n_stacks && leaf.i > 0 && leaf.i < p->n_frames);
	for (struct map_at at = map_first(&x->stacks, h); at.hit; at = map_next(&x->stacks, at)) {
		const struct stack *s = &p->stacks[at.index];
		if (s->parent.i == parent.i && s->frame.i == leaf.i)
			return (stack_id){ at.index };
	}
	assert(p->n_stacks < ROWS_MAX);
	p->stacks =
		arena_grow(p->arena, p->stacks, p->n_stacks, &x->cap_stacks, sizeof(*p->stacks));
	p->stacks[p->n_stacks] = (struct stack){ parent, leaf };
	map_insert(&x->stacks, h, (uint32_t)p->n_stacks);
	return (stack_id){ (uint32_t)p->n_stacks++ };
}

static bool label_same(const struct label *a, const struct label *b)
{
	return a->next.i == b->next.i && a->key.i == b->key.i && a->text.i == b->text.i &&
	       a->number == b->number;
}

static label_id label_intern(struct profile *p, const struct label *l)
{
	struct profile_index *x = index_of(p);
	uint64_t h = label_hash(l);

	assert(l->next.i < p->n_labels && l->key.i > 0);
	for (struct map_at at = map_first(&x->labels, h); at.hit; at = map_next(&x->labels, at))
		if (label_same(&p->labels[at.index], l))
			return (label_id){ at.index };
	assert(p->n_labels < ROWS_MAX);
	p->labels =
		arena_grow(p->arena, p->labels, p->n_labels, &x->cap_labels, sizeof(*p->labels));
	p->labels[p->n_labels] = *l;
	map_insert(&x->labels, h, (uint32_t)p->n_labels);
	return (label_id){ (uint32_t)p->n_labels++ };
}

label_id profile_label(struct profile *p, label_id next, struct str key, struct str text,
		       int64_t number)
{
	struct label l = { .next = next,
			   .key = profile_string(p, key),
			   .text = profile_string(p, text),
			   .number = text.n ? 0 : number };

	return label_intern(p, &l);
}

void profile_add(struct profile *p, stack_id s, label_id l, const int64_t value[], int64_t at_ns)
{
	struct profile_index *x = index_of(p);
	size_t n = p->sample.n_rows, value_size = p->n_kinds * sizeof(*value);

	assert(s.i < p->n_stacks && l.i < p->n_labels);
	p->sample.stack = arena_grow(p->arena, p->sample.stack, n, &x->cap_stack, sizeof(s));
	p->sample.label = arena_grow(p->arena, p->sample.label, n, &x->cap_label, sizeof(l));
	p->sample.value = arena_grow(p->arena, p->sample.value, n, &x->cap_value, value_size);
	p->sample.stack[n] = s;
	p->sample.label[n] = l;
	memcpy(&p->sample.value[n * p->n_kinds], value, value_size);
	if (p->sample.at_ns) {
		p->sample.at_ns =
			arena_grow(p->arena, p->sample.at_ns, n, &x->cap_at, sizeof(at_ns));
		p->sample.at_ns[n] = at_ns;
	}
	p->sample.n_rows = n + 1;
}

/* What growing by MORE rows may charge: twice the array, as arena_grow doubles. */
static size_t growth(size_t n, size_t cap, size_t more, size_t size)
{
	return n + more > cap ? 2 * (cap > more ? cap : more) * size : 0;
}

static size_t map_growth(const struct map *m, size_t more)
{
	size_t floor = 64 + 4 * more;

	return (m->n + more) * 2 >= m->cap ? 2 * (m->cap > floor ? m->cap : floor) * 8 : 0;
}

bool profile_fits(const struct profile *p, size_t string_bytes)
{
	enum { STRINGS = 8, LABELS = 8, SLACK = 4096 }; /* generous: a frame brings several */
	const struct profile_index *x = p->index;
	size_t n = p->sample.n_rows, need = SLACK;

	if (!x || p->n_strings >= ROWS_MAX - STRINGS || p->n_labels >= ROWS_MAX - LABELS ||
	    p->n_frames >= ROWS_MAX - 1 || p->n_stacks >= ROWS_MAX - 1)
		return false;
	need += growth(p->n_strings, x->cap_strings, STRINGS, sizeof(*p->strings));
	need += growth(p->n_frames, x->cap_frames, 1, sizeof(*p->frames));
	need += growth(p->n_stacks, x->cap_stacks, 1, sizeof(*p->stacks));
	need += growth(p->n_labels, x->cap_labels, LABELS, sizeof(*p->labels));
	need += growth(n, x->cap_stack, 1, sizeof(stack_id));
	need += growth(n, x->cap_label, 1, sizeof(label_id));
	need += growth(n, x->cap_value, 1, p->n_kinds * sizeof(int64_t));
	need += p->sample.at_ns ? growth(n, x->cap_at, 1, sizeof(int64_t)) : 0;
	need += map_growth(&x->strings, STRINGS) + map_growth(&x->frames, 1) +
		map_growth(&x->stacks, 1) + map_growth(&x->labels, LABELS);
	return !__builtin_add_overflow(need, string_bytes, &need) && arena_fits(p->arena, need, 1);
}

struct profile_ids profile_import(struct profile *into, const struct profile *from,
				  struct arena *scratch)
{
	struct profile_ids ids = { .frame = arena_array(scratch, frame_id, from->n_frames),
				   .stack = arena_array(scratch, stack_id, from->n_stacks),
				   .label = arena_array(scratch, label_id, from->n_labels) };
	str_id *string = arena_array(scratch, str_id, from->n_strings);

	for (size_t i = 1; i < from->n_strings; i++)
		string[i] = profile_string(into, from->strings[i]);
	for (size_t i = 1; i < from->n_frames; i++) {
		struct frame f = from->frames[i];
		f.function = string[f.function.i];
		f.file = string[f.file.i];
		f.module = string[f.module.i];
		ids.frame[i] = profile_frame(into, &f);
	}
	/* One pass is enough: what a row refers to always stands before it. */
	for (size_t i = 1; i < from->n_stacks; i++)
		ids.stack[i] = profile_stack(into, ids.stack[from->stacks[i].parent.i],
					     ids.frame[from->stacks[i].frame.i]);
	for (size_t i = 1; i < from->n_labels; i++) {
		struct label l = from->labels[i];
		l.next = ids.label[l.next.i];
		l.key = string[l.key.i];
		l.text = string[l.text.i];
		ids.label[i] = label_intern(into, &l);
	}
	return ids;
}
