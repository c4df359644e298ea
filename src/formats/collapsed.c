/*
 * Collapsed stacks, one a line, root first: "main;work;memcpy 42" (Brendan Gregg's FlameGraph).
 * Written with the process as first frame, as stackcollapse-perf.pl does. Kinds stand behind the
 * names: _[k] kernel, _[i] inlined, _[j] made at run time. A frame without a name is module+0xADDR.
 */
#include <assert.h>
#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "formats/format.h"
#include "formats/numbers.h"
#include "formats/reading.h"
#include "formats/row_labels.h"

struct annotation {
	const char *tail;
	enum frame_kind kind;
};

static const struct annotation annotations[] = { { "_[k]", FRAME_KERNEL },
						 { "_[i]", FRAME_INLINE },
						 { "_[j]", FRAME_SCRIPT },
						 { "_[m]", FRAME_MARKER } };
#define ANNOTATIONS (sizeof(annotations) / sizeof(annotations[0]))

/* "libc.so.6+0x1f00", "0x1f00" and "[unknown]" are places, not names. */
static bool unnamed(struct str text, struct str *module, uint64_t *address)
{
	struct str before, hex = str_cut_last(text, '+', &before);

	*module = before.n ? before : S("");
	*address = 0;
	if (str_eq(text, S("[unknown]")))
		return true;
	return str_starts(hex, S("0x")) && str_to_hex(hex, address);
}

static frame_id read_frame(struct profile *p, struct str text, bool root)
{
	struct frame f = { .kind = FRAME_NATIVE };
	struct str module;

	for (size_t i = 0; i < ANNOTATIONS; i++)
		if (str_ends(text, str_from_c(annotations[i].tail))) {
			text.n -= 4;
			f.kind = annotations[i].kind;
			break;
		}
	if (root && f.kind == FRAME_INLINE) /* inlined into what? */
		f.kind = FRAME_NATIVE;
	if (unnamed(text, &module, &f.address))
		f.module = profile_string(p, module);
	else
		f.function = profile_string(p, text);
	return profile_frame(p, &f);
}

/* The stack and the count of "stack count"; fractions are rounded. */
static bool split(struct str line, struct str *stack, int64_t *count)
{
	struct str number = str_cut_last(str_trim(line), ' ', stack);
	double v;

	*stack = str_trim(*stack);
	if (stack->n == 0 || !str_to_double(number, &v) || v < -9e18 || v > 9e18)
		return false;
	*count = (int64_t)(v < 0 ? v - 0.5 : v + 0.5);
	return true;
}

static int read_line(struct profile *p, struct str stack, int64_t count, struct err *err)
{
	stack_id s = { 0 };
	size_t depth = 0;

	while (stack.n) {
		struct str frame = str_cut(stack, ';', &stack);
		if (frame.n == 0)
			continue;
		if (++depth > READING_DEPTH_MAX)
			return err_set(err, -E2BIG, "a stack of more than %u frames",
				       READING_DEPTH_MAX);
		if (reading_room(p, frame.n, err) < 0)
			return err->code;
		s = profile_stack(p, s, read_frame(p, frame, s.i == 0));
	}
	if (reading_room(p, 0, err) < 0)
		return err->code;
	profile_add(p, s, (label_id){ 0 }, &count, 0);
	return 0;
}

static int collapsed_read(struct input *in, struct run *into, struct err *err)
{
	struct profile *p = profile_new(into->arena, S(""), reading_cpu_kinds, 1, false);
	auto_buf hold = BUF(READING_LINE_MAX);
	struct str line, stack;
	size_t number = 0;
	int64_t count;
	int more;

	while ((more = input_line(in, &hold, &line, err)) > 0) {
		number++;
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!split(line, &stack, &count))
			return err_set(err, -EBADMSG,
				       "collapsed: line %zu (before byte %llu) is not \"a;b;c 42\"",
				       number, (unsigned long long)input_at(in));
		if (read_line(p, stack, count, err) < 0)
			return err_add(err, "collapsed: line %zu", number);
	}
	return more < 0 ? more : reading_done(into, p, "collapsed", err);
}

struct stack_sum {
	stack_id stack;
	str_id process; /* its first frame; none: no label said it */
	int64_t value;
};

struct sums {
	struct arena *arena;
	struct map by;
	VEC(struct stack_sum) v;
};

static void sum_add(struct sums *t, stack_id stack, str_id process, int64_t value)
{
	uint64_t h = map_hash2(stack.i, process.i);

	for (struct map_at at = map_first(&t->by, h); at.hit; at = map_next(&t->by, at)) {
		assert(t->v.v);
		if (t->v.v[at.index].stack.i == stack.i &&
		    t->v.v[at.index].process.i == process.i) {
			t->v.v[at.index].value = numbers_sum(t->v.v[at.index].value, value);
			return;
		}
	}
	map_insert(&t->by, h, (uint32_t)t->v.n);
	*vec_add(t->arena, &t->v) = (struct stack_sum){ stack, process, value };
}

/* The separators of the format cannot stand in a name. */
static void put_name(struct buf *out, struct str s)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c != ';' && c >= ' ' && c != 0x7f)
			continue;
		buf_put(out, (struct str){ s.p + from, i - from });
		buf_put(out, c == ';' ? S(":") : S(" "));
		from = i + 1;
	}
	buf_put(out, str_skip(s, from));
}

static void put_frame(struct buf *out, const struct profile *p, const struct frame *f)
{
	if (f->function.i) {
		put_name(out, profile_text(p, f->function));
	} else if (f->address) {
		put_name(out, profile_text(p, f->module));
		buf_printf(out, f->module.i ? "+0x%llx" : "0x%llx", (unsigned long long)f->address);
	} else {
		buf_put(out, S("[unknown]"));
	}
	for (size_t i = 0; i < ANNOTATIONS; i++)
		if (f->kind == annotations[i].kind)
			buf_put(out, str_from_c(annotations[i].tail));
}

static str_id process_of(const struct profile *p, label_id l)
{
	for (; l.i; l = p->labels[l.i].next)
		if (str_eq(profile_text(p, p->labels[l.i].key), S("process")))
			return p->labels[l.i].text;
	return (str_id){ 0 };
}

/* Samples where they are counted, because that is what readers of this format expect. */
static unsigned kind_of(const struct profile *p)
{
	for (unsigned k = 0; k < p->n_kinds; k++)
		if (p->kind[k].unit == UNIT_COUNT && str_eq(p->kind[k].name, S("samples")))
			return k;
	return p->main_kind;
}

static void put_stack(struct buf *out, const struct profile *p, const struct stack_sum *s,
		      stack_id *path)
{
	size_t n = 0;

	if (s->process.i)
		put_name(out, profile_text(p, s->process));
	for (stack_id at = s->stack; at.i; at = p->stacks[at.i].parent)
		path[n++] = at;
	if (n == 0 && !s->process.i)
		buf_put(out, S("[unknown]"));
	for (size_t i = n; i-- > 0;) {
		if (i + 1 < n || s->process.i)
			buf_put(out, S(";"));
		put_frame(out, p, &p->frames[p->stacks[path[i].i].frame.i]);
	}
	buf_printf(out, " %lld\n", (long long)s->value);
}

/* The profile with only what a line can say, so that no two lines are the same; stacks by old id.
 */
static struct profile *plain(const struct profile *p, struct arena *scratch, stack_id **ret)
{
	struct profile *q = profile_new(scratch, p->name, p->kind, p->n_kinds, false);
	frame_id *frame = arena_array(scratch, frame_id, p->n_frames);

	*ret = arena_array(scratch, stack_id, p->n_stacks);
	for (size_t i = 1; i < p->n_frames; i++) {
		const struct frame *f = &p->frames[i];
		struct frame g = { .kind = f->kind, .address = f->function.i ? 0 : f->address };
		g.function = profile_string(q, profile_text(p, f->function));
		if (g.address)
			g.module = profile_string(q, profile_text(p, f->module));
		frame[i] = profile_frame(q, &g);
	}
	for (size_t i = 1; i < p->n_stacks; i++)
		(*ret)[i] = profile_stack(q, (*ret)[p->stacks[i].parent.i],
					  frame[p->stacks[i].frame.i]);
	return q;
}

static int collapsed_write(const struct run *r, struct buf *out, struct err *err)
{
	if (r->profiles.n == 0)
		return err_set(err, -ENODATA, "there is no profile to write as collapsed stacks");
	const struct profile *p = r->profiles.v[0];
	auto_arena scratch = arena_open("writing collapsed stacks", SIZE_MAX);
	struct sums sums = { .arena = scratch, .by.arena = scratch };
	stack_id *stack = NULL;
	struct profile *q = plain(p, scratch, &stack);
	str_id *process = arena_array(scratch, str_id, p->n_labels);
	stack_id *path = arena_array(scratch, stack_id, q->n_stacks);
	unsigned k = kind_of(p);

	for (uint32_t i = 1; i < p->n_labels; i++) {
		str_id name = process_of(p, (label_id){ i });
		process[i] = profile_string(q, profile_text(p, name));
	}
	for (size_t i = 0; i < p->sample.n_rows; i++)
		sum_add(&sums, stack[p->sample.stack[i].i], process[p->sample.label[i].i],
			p->sample.value[i * p->n_kinds + k]);
	for (size_t i = 0; i < sums.v.n; i++)
		if (sums.v.v[i].value)
			put_stack(out, q, &sums.v.v[i], path);
	return out->full ? err_set(err, -EFBIG, "the collapsed stacks would be too large") : 0;
}

static int collapsed_sniff(struct str head)
{
	struct str stack;
	int64_t count;
	int lines = 0, deep = 0;

	for (bool whole = head.n < 65536; head.n && lines < 20;) {
		struct str line = str_cut(head, '\n', &head);
		if (head.n == 0 && !whole)
			break; /* cut off */
		line = str_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (!split(line, &stack, &count) || memchr(line.p, '\t', line.n) ||
		    memchr(line.p, 0, line.n))
			return 0;
		lines++;
		deep += memchr(stack.p, ';', stack.n) != NULL;
	}
	return lines == 0 ? 0 : deep ? 60 : 20;
}

const struct format format_collapsed = {
	.name = "collapsed",
	.suffix = ".collapsed|.folded",
	.about = "collapsed stacks, one a line: flamegraph.pl, inferno, speedscope",
	.sniff = collapsed_sniff,
	.read = collapsed_read,
	.write = collapsed_write,
};
