/*
 * Writing pprof: rows with the same stack and labels become one sample, and every message is packed
 * on its own, so memory does not grow with the number of samples.
 * A location is a real function together with what was inlined into it; so the locations are the
 * distinct runs of inlined frames over their first frame that is not inlined.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <pprof.pb-c.h>

#include "base/gzip.h"
#include "base/map.h"
#include "base/vec.h"
#include "formats/notes.h"
#include "formats/numbers.h"
#include "formats/pprof_priv.h"
#include "formats/reading.h"

#define LARGE                                                                              \
	(4u << 20) /* raw bytes; above, compression must not take longer than all the rest \
		    */

struct group { /* frame, below it `up`: what it is inlined into */
	uint32_t up;
	frame_id frame;
	bool used;
};

struct func {
	str_id name, file;
	enum frame_kind kind;
	str_id module;    /* of one without a name, which is called after where it begins */
	uint64_t address; /* likewise; 0: it has a name */
};

struct writer {
	struct arena *scratch;
	const struct profile *p;
	struct buf *raw;
	unsigned char *pack; /* one message */
	size_t pack_cap;
	VEC(struct str) extra; /* strings behind those of the profile */
	struct map groups_by, funcs_by;
	VEC(struct group) groups; /* 0 is none; the index is the location id */
	VEC(struct func) funcs;   /* likewise */
	uint32_t *group_of;       /* by stack */
	uint32_t *below;          /* by stack: the stack under its group */
	uint32_t *mapping_of;     /* by string: mapping id of that module, or 0 */
	uint32_t n_mappings;
};

struct str pprof_annotation(enum frame_kind kind)
{
	static const char *const tail[] = { [FRAME_NATIVE] = "",
					    [FRAME_KERNEL] = "_[k]",
					    [FRAME_INLINE] = "",
					    [FRAME_SCRIPT] = "_[j]",
					    [FRAME_MARKER] = "_[m]" };

	return str_from_c(tail[kind]);
}

static void put_varint(struct buf *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	buf_put(b, (struct str){ bytes, n });
}

void pprof_place(struct buf *out, struct str module, uint64_t address)
{
	buf_printf(out, STR_FMT "+0x%llx", STR_ARG(reading_module(module)),
		   (unsigned long long)address);
}

static void put_bytes(struct buf *b, enum pprof_field field, struct str s)
{
	put_varint(b, (uint64_t)field << 3 | 2);
	put_varint(b, s.n);
	buf_put(b, s);
}

static void put_number(struct buf *b, enum pprof_field field, int64_t v)
{
	put_varint(b, (uint64_t)field << 3);
	put_varint(b, (uint64_t)v);
}

static void put_message(struct writer *w, enum pprof_field field, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);

	while (n > w->pack_cap)
		w->pack = arena_grow(w->scratch, w->pack, w->pack_cap, &w->pack_cap, 1);
	(void)protobuf_c_message_pack(m, w->pack); /* what it returns is n */
	put_bytes(w->raw, field, (struct str){ (const char *)w->pack, n });
}

static int64_t extra(struct writer *w, struct str s)
{
	for (size_t i = 0; i < w->extra.n; i++)
		if (str_eq(w->extra.v[i], s))
			return (int64_t)(w->p->n_strings + i);
	*vec_add(w->scratch, &w->extra) = arena_str(w->scratch, s);
	return (int64_t)(w->p->n_strings + w->extra.n - 1);
}

static const char *unit_name(enum unit u)
{
	static const char *const name[] = {
		[UNIT_NONE] = "none",       [UNIT_COUNT] = "count",   [UNIT_NS] = "nanoseconds",
		[UNIT_BYTES] = "bytes",     [UNIT_CYCLES] = "cycles", [UNIT_RATIO] = "ratio",
		[UNIT_PER_S] = "per_second"
	};

	return name[u];
}

static uint32_t group(struct writer *w, uint32_t up, frame_id frame)
{
	uint64_t h = map_hash2(up, frame.i);

	for (struct map_at at = map_first(&w->groups_by, h); at.hit;
	     at = map_next(&w->groups_by, at))
		if (w->groups.v[at.index].up == up && w->groups.v[at.index].frame.i == frame.i)
			return at.index;
	*vec_add(w->scratch, &w->groups) = (struct group){ .up = up, .frame = frame };
	map_insert(&w->groups_by, h, (uint32_t)w->groups.n - 1);
	return (uint32_t)w->groups.n - 1;
}

static void find_groups(struct writer *w)
{
	const struct profile *p = w->p;

	(void)vec_add(w->scratch, &w->groups);
	(void)vec_add(w->scratch, &w->funcs);
	w->group_of = arena_array(w->scratch, uint32_t, p->n_stacks);
	w->below = arena_array(w->scratch, uint32_t, p->n_stacks);
	for (size_t i = 1; i < p->n_stacks; i++) {
		uint32_t parent = p->stacks[i].parent.i;
		frame_id f = p->stacks[i].frame;
		bool in = p->frames[f.i].kind == FRAME_INLINE;
		w->group_of[i] = group(w, in ? w->group_of[parent] : 0, f);
		w->below[i] = in ? w->below[parent] : parent;
	}
}

struct row_sum {
	stack_id stack;
	label_id label;
	int64_t value[PROFILE_KINDS_MAX];
};

struct row_sums {
	struct map by;
	VEC(struct row_sum) rows;
};

static struct row_sum *row_sum(struct arena *a, struct row_sums *t, stack_id s, label_id l)
{
	uint64_t h = map_hash2(s.i, l.i);

	for (struct map_at at = map_first(&t->by, h); at.hit; at = map_next(&t->by, at)) {
		assert(t->rows.v);
		if (t->rows.v[at.index].stack.i == s.i && t->rows.v[at.index].label.i == l.i)
			return &t->rows.v[at.index];
	}
	map_insert(&t->by, h, (uint32_t)t->rows.n);
	struct row_sum *row = vec_add(a, &t->rows);
	row->stack = s;
	row->label = l;
	return row;
}

static size_t put_labels(struct writer *w, label_id first, PerfOps__Pprof__Label *label,
			 PerfOps__Pprof__Label **list, size_t max)
{
	size_t n = 0;

	for (label_id l = first; l.i && n < max; l = w->p->labels[l.i].next, n++) {
		perf_ops__pprof__label__init(&label[n]);
		label[n].key = w->p->labels[l.i].key.i;
		label[n].str = w->p->labels[l.i].text.i;
		label[n].num = w->p->labels[l.i].number;
		list[n] = &label[n];
	}
	return n;
}

static void put_samples(struct writer *w)
{
	enum { LABELS = 64 };
	const struct profile *p = w->p;
	struct row_sums sums = { .by.arena = w->scratch };
	PerfOps__Pprof__Label label[LABELS], *list[LABELS];
	VEC(uint64_t) ids = { 0 };

	for (size_t i = 0; i < p->sample.n_rows; i++) {
		struct row_sum *row =
			row_sum(w->scratch, &sums, p->sample.stack[i], p->sample.label[i]);
		for (unsigned k = 0; k < p->n_kinds; k++)
			row->value[k] =
				numbers_sum(row->value[k], p->sample.value[i * p->n_kinds + k]);
	}
	for (size_t i = 0; i < sums.rows.n; i++) {
		struct row_sum *row = &sums.rows.v[i];
		PerfOps__Pprof__Sample m = PERF_OPS__PPROF__SAMPLE__INIT;
		ids.n = 0;
		for (uint32_t s = row->stack.i; s; s = w->below[s]) {
			*vec_add(w->scratch, &ids) = w->group_of[s];
			w->groups.v[w->group_of[s]].used = true;
		}
		m.location_id = ids.v;
		m.n_location_id = ids.n;
		m.value = row->value;
		m.n_value = p->n_kinds;
		m.n_label = put_labels(w, row->label, label, list, LABELS);
		m.label = list;
		put_message(w, PPROF_SAMPLE, &m.base);
	}
}

static uint32_t mapping_id(struct writer *w, str_id module)
{
	if (module.i && !w->mapping_of[module.i])
		w->mapping_of[module.i] = ++w->n_mappings;
	return w->mapping_of[module.i];
}

static uint64_t func_id(struct writer *w, const struct frame *f)
{
	enum frame_kind kind = f->kind == FRAME_INLINE ? FRAME_NATIVE : f->kind;
	struct func want = { f->function, f->file, kind, { 0 }, 0 };
	if (!f->function.i) {
		want.module = f->module;
		want.address = f->address;
	}
	uint64_t h = map_hash2((uint64_t)f->function.i << 32 | f->file.i,
			       map_hash2((uint64_t)kind << 32 | want.module.i, want.address));

	for (struct map_at at = map_first(&w->funcs_by, h); at.hit;
	     at = map_next(&w->funcs_by, at)) {
		const struct func *g = &w->funcs.v[at.index];
		if (g->name.i == want.name.i && g->file.i == want.file.i && g->kind == kind &&
		    g->module.i == want.module.i && g->address == want.address)
			return at.index;
	}
	*vec_add(w->scratch, &w->funcs) = want;
	map_insert(&w->funcs_by, h, (uint32_t)w->funcs.n - 1);
	return w->funcs.n - 1;
}

/* Code made at run time is not the same twice: its addresses are nobody's name. */
static bool has_place(const struct writer *w, const struct frame *f)
{
	struct str module = profile_text(w->p, f->module);

	return f->address && module.n && module.p[0] != '[';
}

static void put_location(struct writer *w, uint32_t id)
{
	VEC(PerfOps__Pprof__Line) lines = { 0 };
	PerfOps__Pprof__Location m = PERF_OPS__PPROF__LOCATION__INIT;
	const struct frame *f = NULL;

	for (uint32_t g = id; g; g = w->groups.v[g].up) {
		f = &w->p->frames[w->groups.v[g].frame.i];
		PerfOps__Pprof__Line *line = vec_add(w->scratch, &lines);
		perf_ops__pprof__line__init(line);
		line->function_id = func_id(w, f);
		line->line = f->line;
	}
	PerfOps__Pprof__Line **list = arena_array(w->scratch, PerfOps__Pprof__Line *, lines.n);
	for (size_t i = 0; i < lines.n; i++)
		list[i] = &lines.v[i];
	m.id = id;
	m.mapping_id = mapping_id(w, f->module);
	m.address = f->address;
	m.line = list;
	/* Without a name or a place there is no line: readers then show the address. */
	m.n_line = lines.n == 1 && f->function.i == 0 && !has_place(w, f) ? 0 : lines.n;
	put_message(w, PPROF_LOCATION, &m.base);
}

static void put_functions(struct writer *w)
{
	for (size_t i = 1; i < w->funcs.n; i++) {
		const struct func *f = &w->funcs.v[i];
		struct str name = profile_text(w->p, f->name), tail = pprof_annotation(f->kind);
		PerfOps__Pprof__Function m = PERF_OPS__PPROF__FUNCTION__INIT;
		m.id = i;
		m.name = f->name.i;
		if (!f->name.i && f->address) {
			auto_buf place = BUF(PPROF_PLACE_MAX);
			pprof_place(&place, profile_text(w->p, f->module), f->address);
			*vec_add(w->scratch, &w->extra) = arena_str(w->scratch, buf_str(&place));
			m.name = (int64_t)(w->p->n_strings + w->extra.n - 1);
		}
		m.system_name = m.name;
		m.filename = f->file.i;
		if (tail.n) {
			*vec_add(w->scratch, &w->extra) = arena_printf(
				w->scratch, STR_FMT STR_FMT, STR_ARG(name), STR_ARG(tail));
			m.system_name = (int64_t)(w->p->n_strings + w->extra.n - 1);
		}
		put_message(w, PPROF_FUNCTION, &m.base);
	}
}

static void put_mappings(struct writer *w)
{
	str_id *module = arena_array(w->scratch, str_id, w->n_mappings + 1);

	for (size_t i = 1; i < w->p->n_strings; i++)
		module[w->mapping_of[i]].i = (uint32_t)i;
	for (uint32_t i = 1; i <= w->n_mappings; i++) {
		PerfOps__Pprof__Mapping m = PERF_OPS__PPROF__MAPPING__INIT;
		m.id = i;
		/* Addresses are link-time ones: as if the module began at 0. */
		m.memory_limit = UINT64_MAX;
		m.filename = module[i].i;
		m.has_functions = m.has_filenames = m.has_line_numbers = m.has_inline_frames = true;
		put_message(w, PPROF_MAPPING, &m.base);
	}
}

/* Length of the UTF-8 sequence at the start of S, 0 if there is none (RFC 3629, surrogates pass).
 */
static size_t utf8(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* Text as protobuf demands it: bytes that are not UTF-8 become '?'. */
static void put_string(struct buf *out, struct str s)
{
	char piece[256];

	put_varint(out, (uint64_t)PPROF_STRING << 3 | 2);
	put_varint(out, s.n);
	while (s.n) {
		size_t n = 0;
		while (n < s.n && n < sizeof(piece) - 4) {
			size_t len = utf8(str_skip(s, n));
			if (len)
				memcpy(piece + n, s.p + n, len);
			else
				piece[n] = '?';
			n += len + (len == 0);
		}
		buf_put(out, (struct str){ piece, n });
		s = str_skip(s, n);
	}
}

static void put_note(void *self, struct str key, struct str value)
{
	struct writer *w = self;
	struct str line =
		arena_printf(w->scratch, STR_FMT ": " STR_FMT, STR_ARG(key), STR_ARG(value));

	put_number(w->raw, PPROF_COMMENT, extra(w, line));
}

static void put_value_type(struct writer *w, enum pprof_field field, const struct value_kind *k)
{
	PerfOps__Pprof__ValueType m = PERF_OPS__PPROF__VALUE_TYPE__INIT;

	m.type = extra(w, k->name);
	m.unit = extra(w, str_from_c(unit_name(k->unit)));
	put_message(w, field, &m.base);
}

static void put_profile(struct writer *w, const struct run *r)
{
	const struct profile *p = w->p;

	for (unsigned k = 0; k < p->n_kinds; k++)
		put_value_type(w, PPROF_SAMPLE_TYPE, &p->kind[k]);
	find_groups(w);
	put_samples(w);
	for (uint32_t i = 1; i < w->groups.n; i++)
		if (w->groups.v[i].used)
			put_location(w, i);
	put_mappings(w);
	put_functions(w);
	if (r->start_ns)
		put_number(w->raw, PPROF_TIME_NANOS, r->start_ns);
	if (p->duration_ns)
		put_number(w->raw, PPROF_DURATION_NANOS, p->duration_ns);
	if (p->period_ns) {
		const struct value_kind cpu = { S("cpu"), UNIT_NS };
		put_value_type(w, PPROF_PERIOD_TYPE, &cpu);
		put_number(w->raw, PPROF_PERIOD, p->period_ns);
	}
	put_number(w->raw, PPROF_DEFAULT_SAMPLE_TYPE, extra(w, p->kind[p->main_kind].name));
	notes_say(r, p, put_note, w);
	for (size_t i = 0; i < p->n_strings; i++)
		put_string(w->raw, p->strings[i]);
	for (size_t i = 0; i < w->extra.n; i++)
		put_string(w->raw, w->extra.v[i]);
}

int pprof_write(const struct run *r, struct buf *out, struct err *err)
{
	if (r->profiles.n == 0)
		return err_set(err, -ENODATA, "there is no profile to write as pprof");
	auto_arena scratch = arena_open("writing pprof", SIZE_MAX);
	auto_buf raw = BUF(SIZE_MAX / 4);
	struct writer w = { .scratch = scratch,
			    .p = r->profiles.v[0],
			    .raw = &raw,
			    .groups_by.arena = scratch,
			    .funcs_by.arena = scratch };
	w.mapping_of = arena_array(scratch, uint32_t, w.p->n_strings);
	put_profile(&w, r);
	if (raw.full || !gzip_put(out, buf_str(&raw), raw.n > LARGE ? 1 : 6))
		return err_set(err, -EFBIG, "the pprof file would be too large");
	return 0;
}
