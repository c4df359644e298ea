/*
 * What is asked of whole profiles: order in time, merging, equality, and whether every invariant
 * holds.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "model/profile_priv.h"

struct row_time {
	int64_t at_ns;
	uint32_t row;
};

static int row_cmp(const void *a, const void *b)
{
	const struct row_time *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row); /* stable */
}

static bool sorted(const struct profile *p)
{
	for (size_t i = 1; i < p->sample.n_rows; i++)
		if (p->sample.at_ns[i] < p->sample.at_ns[i - 1])
			return false;
	return true;
}

/* Row i of the COLUMN becomes what was row order[i].row. */
static void reorder(void *column, size_t size, const struct row_time *order, size_t n, char *spare)
{
	for (size_t i = 0; i < n; i++)
		memcpy(spare + i * size, (const char *)column + order[i].row * size, size);
	memcpy(column, spare, n * size);
}

void profile_sort(struct profile *p)
{
	size_t n = p->sample.n_rows, value_size = p->n_kinds * sizeof(int64_t);

	if (!p->sample.at_ns || sorted(p))
		return;
	auto_arena scratch = arena_open("sorting samples", SIZE_MAX);
	struct row_time *order = arena_array(scratch, struct row_time, n);
	char *spare = arena_zalloc(scratch, n, value_size, 8);
	for (size_t i = 0; i < n; i++)
		order[i] = (struct row_time){ p->sample.at_ns[i], (uint32_t)i };
	qsort(order, n, sizeof(*order), row_cmp);
	reorder(p->sample.stack, sizeof(stack_id), order, n, spare);
	reorder(p->sample.label, sizeof(label_id), order, n, spare);
	reorder(p->sample.value, value_size, order, n, spare);
	reorder(p->sample.at_ns, sizeof(int64_t), order, n, spare);
}

static bool same_kinds(const struct profile *a, const struct profile *b)
{
	if (a->n_kinds != b->n_kinds)
		return false;
	for (unsigned k = 0; k < a->n_kinds; k++)
		if (a->kind[k].unit != b->kind[k].unit || !str_eq(a->kind[k].name, b->kind[k].name))
			return false;
	return true;
}

/* Upper bound of what FROM can add: every array and map may double, every string may be new. */
static bool merge_fits(const struct profile *into, const struct profile *from)
{
	size_t rows = into->sample.n_rows + from->sample.n_rows;
	size_t need = 65536 + rows * 2 * (from->n_kinds + 2) * sizeof(int64_t);

	need += (into->n_strings + from->n_strings) * 2 * (sizeof(struct str) + 32);
	need += (into->n_frames + from->n_frames) * 2 * (sizeof(struct frame) + 32);
	need += (into->n_stacks + from->n_stacks) * 2 * (sizeof(struct stack) + 32);
	need += (into->n_labels + from->n_labels) * 2 * (sizeof(struct label) + 32);
	for (size_t i = 1; i < from->n_strings; i++)
		need += from->strings[i].n + 1;
	return rows < UINT32_MAX && arena_fits(into->arena, need, 1);
}

/* lint-allow: unshared profile_merge: part of the noun; recordings come as one profile so far */
int profile_merge(struct profile *into, const struct profile *from, struct err *err)
{
	if (!same_kinds(into, from))
		return err_set(err, -EBADMSG,
			       "profiles '" STR_FMT "' and '" STR_FMT "' measure different things",
			       STR_ARG(into->name), STR_ARG(from->name));
	if (into->sample.at_ns && !from->sample.at_ns)
		return err_set(err, -EBADMSG, "profile '" STR_FMT "' has no times to merge by",
			       STR_ARG(from->name));
	if (!merge_fits(into, from))
		return err_set(err, -E2BIG, "both profiles together need more memory than allowed");
	auto_arena scratch = arena_open("merging profiles", SIZE_MAX);
	struct profile_ids ids = profile_import(into, from, scratch);
	for (size_t i = 0; i < from->sample.n_rows; i++)
		profile_add(into, ids.stack[from->sample.stack[i].i],
			    ids.label[from->sample.label[i].i],
			    &from->sample.value[i * from->n_kinds],
			    from->sample.at_ns ? from->sample.at_ns[i] : 0);
	profile_sort(into);
	into->loss.dropped += from->loss.dropped;
	into->loss.truncated += from->loss.truncated;
	into->loss.unresolved += from->loss.unresolved;
	into->period_ns = into->period_ns == from->period_ns ? into->period_ns : 0;
	/* Times of both count from the same start, so both were watched at once. */
	if (from->duration_ns > into->duration_ns)
		into->duration_ns = from->duration_ns;
	return 0;
}

struct sums { /* of a minus b, by (stack, label) of a third profile that holds both */
	struct arena *arena;
	struct map map;
	struct sum {
		stack_id stack;
		label_id label;
		uint64_t value[PROFILE_KINDS_MAX];
	} * v;
	size_t n, cap;
};

static struct sum *sum_of(struct sums *t, stack_id stack, label_id label)
{
	uint64_t h = map_hash2(stack.i, label.i);

	for (struct map_at at = map_first(&t->map, h); at.hit; at = map_next(&t->map, at)) {
		assert(t->v);
		if (t->v[at.index].stack.i == stack.i && t->v[at.index].label.i == label.i)
			return &t->v[at.index];
	}
	t->v = arena_grow(t->arena, t->v, t->n, &t->cap, sizeof(*t->v));
	map_insert(&t->map, h, (uint32_t)t->n);
	t->v[t->n] = (struct sum){ .stack = stack, .label = label };
	return &t->v[t->n++];
}

static void sum_rows(struct sums *t, const struct profile *p, const struct profile_ids *ids,
		     bool minus)
{
	for (size_t i = 0; i < p->sample.n_rows; i++) {
		struct sum *s = sum_of(t, ids->stack[p->sample.stack[i].i],
				       ids->label[p->sample.label[i].i]);
		for (unsigned k = 0; k < p->n_kinds; k++) {
			uint64_t v = (uint64_t)p->sample.value[i * p->n_kinds + k];
			s->value[k] += minus ? -v : v; /* wraps both ways alike */
		}
	}
}

/* lint-allow: unshared profile_equal: the law that tests of formats and merges are stated in */
bool profile_equal(const struct profile *a, const struct profile *b)
{
	if (!same_kinds(a, b))
		return false;
	auto_arena scratch = arena_open("comparing profiles", SIZE_MAX);
	struct profile *both = profile_new(scratch, a->name, a->kind, a->n_kinds, false);
	struct profile_ids ids_a = profile_import(both, a, scratch);
	struct profile_ids ids_b = profile_import(both, b, scratch);
	struct sums t = { .arena = scratch, .map.arena = scratch };
	sum_rows(&t, a, &ids_a, false);
	sum_rows(&t, b, &ids_b, true);
	for (size_t i = 0; i < t.n; i++)
		for (unsigned k = 0; k < a->n_kinds; k++)
			if (t.v[i].value[k])
				return false;
	return true;
}

static int broken(struct err *err, const char *what, size_t row)
{
	return err_set(err, -EBADMSG, "profile: %s (row %zu)", what, row);
}

static int check_kinds(const struct profile *p, struct err *err)
{
	if (!p->arena || p->n_kinds < 1 || p->n_kinds > PROFILE_KINDS_MAX)
		return broken(err, "not one to four kinds of values", p->n_kinds);
	if (p->main_kind >= p->n_kinds)
		return broken(err, "ranks by a kind of value it has not", p->main_kind);
	for (unsigned k = 0; k < p->n_kinds; k++)
		if (p->kind[k].name.n == 0 || (unsigned)p->kind[k].unit > UNIT_PER_S)
			return broken(err, "a kind of value without name or unit", k);
	if (p->n_strings < 1 || p->n_frames < 1 || p->n_stacks < 1 || p->n_labels < 1)
		return broken(err, "a table lacks its row 0", 0);
	if (p->n_strings > ROWS_MAX || p->n_frames > ROWS_MAX || p->n_stacks > ROWS_MAX ||
	    p->n_labels > ROWS_MAX || p->sample.n_rows > ROWS_MAX)
		return broken(err, "more rows than ids can name", 0);
	return 0;
}

static int check_frames(const struct profile *p, struct err *err)
{
	const struct frame *none = &p->frames[0];

	if (p->strings[0].n || none->function.i || none->file.i || none->module.i || none->address)
		return broken(err, "row 0 of strings or frames is not empty", 0);
	for (size_t i = 1; i < p->n_strings; i++)
		if (p->strings[i].n == 0 || !p->strings[i].p)
			return broken(err, "an empty string beside row 0", i);
	for (size_t i = 1; i < p->n_frames; i++) {
		const struct frame *f = &p->frames[i];
		if (f->function.i >= p->n_strings || f->file.i >= p->n_strings ||
		    f->module.i >= p->n_strings)
			return broken(err, "a frame refers to no string", i);
		if ((unsigned)f->kind > FRAME_MARKER)
			return broken(err, "a frame of unknown kind", i);
	}
	return 0;
}

static int check_tries(const struct profile *p, struct err *err)
{
	if (p->stacks[0].parent.i || p->stacks[0].frame.i || p->labels[0].next.i ||
	    p->labels[0].key.i)
		return broken(err, "row 0 of stacks or labels is not empty", 0);
	for (size_t i = 1; i < p->n_stacks; i++) {
		const struct stack *s = &p->stacks[i];
		if (s->parent.i >= i)
			return broken(err, "a stack does not stand behind its parent", i);
		if (s->frame.i == 0 || s->frame.i >= p->n_frames)
			return broken(err, "a stack refers to no frame", i);
		if (s->parent.i == 0 && p->frames[s->frame.i].kind == FRAME_INLINE)
			return broken(err, "an inlined frame without the frame it is in", i);
	}
	for (size_t i = 1; i < p->n_labels; i++) {
		const struct label *l = &p->labels[i];
		if (l->next.i >= i)
			return broken(err, "a label does not stand behind its next", i);
		if (l->key.i == 0 || l->key.i >= p->n_strings || l->text.i >= p->n_strings)
			return broken(err, "a label without key or text", i);
	}
	return 0;
}

static int check_rows(const struct profile *p, struct err *err)
{
	for (size_t i = 0; i < p->sample.n_rows; i++) {
		if (p->sample.stack[i].i >= p->n_stacks || p->sample.label[i].i >= p->n_labels)
			return broken(err, "a sample refers to no stack or label", i);
		if (p->sample.at_ns && p->sample.at_ns[i] < 0)
			return broken(err, "a sample before the start", i);
	}
	if (p->sample.at_ns && !sorted(p))
		return broken(err, "the samples are not in order of time", p->sample.n_rows);
	if (p->period_ns < 0 || p->duration_ns < 0)
		return broken(err, "a negative period or duration", 0);
	return 0;
}

int profile_check(const struct profile *p, struct err *err)
{
	int r = check_kinds(p, err);

	r = r < 0 ? r : check_frames(p, err);
	r = r < 0 ? r : check_tries(p, err);
	return r < 0 ? r : check_rows(p, err);
}
