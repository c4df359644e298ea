/*
 * Reading pprof. Message Profile is walked field by field and each inner message is unpacked alone
 * into memory that is used again, so a hostile file cannot make more of itself than a small
 * multiple of its size. What the samples refer to may stand behind them: two passes.
 */
#include <errno.h>

#include <pprof.pb-c.h>

#include "base/map.h"
#include "base/vec.h"
#include "formats/notes.h"
#include "formats/pprof_priv.h"
#include "formats/reading.h"

struct field { /* one of any message; number: varint and fixed ones; bytes: the others */
	unsigned id, type;
	uint64_t number;
	struct str bytes;
};

struct mapping {
	uint64_t start, offset;
	int64_t file;
};

struct func {
	int64_t name, system_name, file;
};

struct line {
	uint64_t func, line;
};

struct location {
	uint64_t mapping, address;
	uint32_t line, n_lines; /* slice of lines */
	uint32_t frame;         /* first of n_frames in frames, outermost first; 0: not made yet */
	uint32_t n_frames;
};

struct value_type {
	int64_t type, unit;
};

struct ids { /* 64-bit id of the file to a row */
	struct map by;
	VEC(uint64_t) id;
};

struct reader {
	struct run *run;
	struct profile *p;
	struct arena *scratch;
	struct err *err;
	struct str file;
	unsigned char *mem; /* for one message; used again for the next */
	size_t mem_n, mem_cap;
	VEC(struct str) string;
	VEC(struct value_type) type;
	VEC(int64_t) comment;
	VEC(struct mapping) mapping;
	VEC(struct func) func;
	VEC(struct location) location;
	VEC(struct line) lines;
	VEC(frame_id) frames; /* 0 is none */
	VEC(stack_id) path;
	struct ids mapping_ids, func_ids, location_ids;
	unsigned kind_from[PROFILE_KINDS_MAX]; /* which value of the file a kind is */
	int64_t kind_times[PROFILE_KINDS_MAX];
	int64_t time_nanos, duration_nanos, period, period_type, period_unit, default_type;
};

static bool varint(struct str *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 10 && i < s->n; i++) {
		unsigned char c = (unsigned char)s->p[i];
		v |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			*s = str_skip(*s, i + 1);
			*ret = v;
			return true;
		}
	}
	return false;
}

/* 1: a field; 0: the end; -1: this is no protobuf. */
static int next_field(struct str *s, struct field *f)
{
	uint64_t tag;
	size_t fixed;

	if (s->n == 0)
		return 0;
	if (!varint(s, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
		return -1;
	*f = (struct field){ .id = (unsigned)(tag >> 3), .type = (unsigned)tag & 7 };
	switch (f->type) {
	case 0:
		return varint(s, &f->number) ? 1 : -1;
	case 1:
	case 5:
		fixed = f->type == 1 ? 8 : 4;
		break;
	case 2:
		if (!varint(s, &f->number) || f->number > s->n)
			return -1;
		fixed = f->number;
		break;
	default:
		return -1;
	}
	if (fixed > s->n)
		return -1;
	f->bytes = str_head(*s, fixed);
	*s = str_skip(*s, fixed);
	return 1;
}

/* Where S lies in the file, for messages. */
static unsigned long long offset(const struct reader *r, struct str s)
{
	return (unsigned long long)(s.p - r->file.p);
}

static int broken(const struct reader *r, struct str at, const char *what)
{
	return err_set(r->err, -EBADMSG, "pprof: %s at byte %llu", what, offset(r, at));
}

static void *mem_alloc(void *self, size_t n)
{
	struct reader *r = self;
	size_t at = (r->mem_n + 15) & ~(size_t)15;

	if (at > r->mem_cap || n > r->mem_cap - at)
		return NULL;
	r->mem_n = at + n;
	return r->mem + at;
}

static void mem_free(void *self, void *p)
{
	(void)self; /* all of it is taken back before the next message */
	(void)p;
}

static int unpack(struct reader *r, const ProtobufCMessageDescriptor *d, struct str s, void **ret)
{
	/* What protobuf-c needs at most: its list of fields (2 bytes in the file, 40 here), and an
	 * empty label (2 bytes, 8 + 56 here). */
	size_t want = s.n * 64 + 4096;
	ProtobufCAllocator a = { mem_alloc, mem_free, r };

	if (want > r->mem_cap) {
		if (reading_scratch(r->scratch, want, 2, r->err) < 0) {
			(void)err_add(r->err, "pprof: a message at byte %llu", offset(r, s));
			return -E2BIG;
		}
		r->mem_cap = want * 2;
		r->mem = arena_zalloc(r->scratch, r->mem_cap, 1, 16);
	}
	r->mem_n = 0;
	*ret = protobuf_c_message_unpack(d, &a, s.n, (const uint8_t *)s.p);
	if (*ret)
		return 0;
	(void)broken(r, s, "a broken message");
	return -EBADMSG;
}

static bool ids_find(const struct ids *t, uint64_t id, uint32_t *row)
{
	uint64_t h = map_hash2(id, 0);

	for (struct map_at at = map_first(&t->by, h); at.hit; at = map_next(&t->by, at))
		if (t->id.v[at.index] == id) {
			*row = at.index;
			return true;
		}
	return false;
}

static int ids_add(struct reader *r, struct ids *t, uint64_t id, struct str at)
{
	uint32_t row;

	if (id == 0 || ids_find(t, id, &row))
		return broken(r, at, "an id that is 0 or there already");
	if (t->id.n >= UINT32_MAX - 1)
		return broken(r, at, "too many rows");
	t->by.arena = r->scratch;
	map_insert(&t->by, map_hash2(id, 0), (uint32_t)t->id.n);
	*vec_add(r->scratch, &t->id) = id;
	return 0;
}

static int read_value_type(struct reader *r, struct str s, int64_t *type, int64_t *unit)
{
	PerfOps__Pprof__ValueType *m = NULL;

	if (unpack(r, &perf_ops__pprof__value_type__descriptor, s, (void **)&m) < 0)
		return r->err->code;
	*type = m->type;
	*unit = m->unit;
	return 0;
}

static int read_mapping(struct reader *r, struct str s)
{
	PerfOps__Pprof__Mapping *m = NULL;

	if (unpack(r, &perf_ops__pprof__mapping__descriptor, s, (void **)&m) < 0 ||
	    ids_add(r, &r->mapping_ids, m->id, s) < 0)
		return r->err->code;
	*vec_add(r->scratch, &r->mapping) =
		(struct mapping){ m->memory_start, m->file_offset, m->filename };
	return 0;
}

static int read_function(struct reader *r, struct str s)
{
	PerfOps__Pprof__Function *m = NULL;

	if (unpack(r, &perf_ops__pprof__function__descriptor, s, (void **)&m) < 0 ||
	    ids_add(r, &r->func_ids, m->id, s) < 0)
		return r->err->code;
	*vec_add(r->scratch, &r->func) = (struct func){ m->name, m->system_name, m->filename };
	return 0;
}

static int read_location(struct reader *r, struct str s)
{
	PerfOps__Pprof__Location *m = NULL;

	if (unpack(r, &perf_ops__pprof__location__descriptor, s, (void **)&m) < 0 ||
	    ids_add(r, &r->location_ids, m->id, s) < 0)
		return r->err->code;
	if (m->n_line > READING_DEPTH_MAX || r->lines.n > UINT32_MAX - READING_DEPTH_MAX)
		return broken(r, s, "too many lines in a location");
	*vec_add(r->scratch, &r->location) = (struct location){ .mapping = m->mapping_id,
								.address = m->address,
								.line = (uint32_t)r->lines.n,
								.n_lines = (uint32_t)m->n_line };
	for (size_t i = 0; i < m->n_line; i++)
		*vec_add(r->scratch, &r->lines) =
			(struct line){ m->line[i]->function_id, (uint64_t)m->line[i]->line };
	return 0;
}

static int read_comments(struct reader *r, const struct field *f)
{
	struct str rest = f->bytes;
	uint64_t v = f->number;

	if (f->type == 0)
		*vec_add(r->scratch, &r->comment) = (int64_t)v;
	while (f->type == 2 && rest.n) {
		if (!varint(&rest, &v))
			return broken(r, rest, "a broken list of comments");
		*vec_add(r->scratch, &r->comment) = (int64_t)v;
	}
	return 0;
}

static void read_number(struct reader *r, const struct field *f)
{
	int64_t v = (int64_t)f->number;

	if (f->id == PPROF_TIME_NANOS)
		r->time_nanos = v;
	else if (f->id == PPROF_DURATION_NANOS)
		r->duration_nanos = v;
	else if (f->id == PPROF_PERIOD)
		r->period = v;
	else if (f->id == PPROF_DEFAULT_SAMPLE_TYPE)
		r->default_type = v;
}

/* All but the samples. */
static int read_table(struct reader *r, const struct field *f)
{
	if (f->id == PPROF_COMMENT)
		return read_comments(r, f);
	if (f->type == 0)
		read_number(r, f);
	if (f->type != 2)
		return 0;
	if (f->id == PPROF_MAPPING)
		return read_mapping(r, f->bytes);
	if (f->id == PPROF_LOCATION)
		return read_location(r, f->bytes);
	if (f->id == PPROF_FUNCTION)
		return read_function(r, f->bytes);
	if (f->id == PPROF_PERIOD_TYPE)
		return read_value_type(r, f->bytes, &r->period_type, &r->period_unit);
	if (f->id == PPROF_STRING)
		*vec_add(r->scratch, &r->string) = f->bytes;
	if (f->id != PPROF_SAMPLE_TYPE)
		return 0;
	int64_t type = 0, unit = 0;
	if (read_value_type(r, f->bytes, &type, &unit) < 0)
		return r->err->code;
	*vec_add(r->scratch, &r->type) = (struct value_type){ type, unit };
	return 0;
}

static int read_tables(struct reader *r)
{
	struct str rest = r->file;
	struct field f;
	int more;

	(void)vec_add(r->scratch, &r->frames);
	while ((more = next_field(&rest, &f)) > 0) {
		/* Every vector and map may double; the largest row is a string or a location. */
		size_t most = r->string.cap + r->location.cap + r->lines.cap + r->func.cap +
			      r->mapping.cap + r->comment.cap + r->type.cap + 1024;
		if (reading_scratch(r->scratch, most, 4 * sizeof(struct location), r->err) < 0)
			return err_add(r->err, "pprof at byte %llu", offset(r, rest));
		if (read_table(r, &f) < 0)
			return r->err->code;
	}
	return more < 0 ? broken(r, rest, "not a protobuf field") : 0;
}

static struct str text(const struct reader *r, int64_t i)
{
	return i > 0 && (uint64_t)i < r->string.n ? r->string.v[i] : S("");
}

struct unit_name {
	const char *name;
	enum unit unit;
	int64_t times;
};

static enum unit unit_of(struct str s, int64_t *times)
{
	static const struct unit_name names[] = {
		{ "count", UNIT_COUNT, 1 },           { "samples", UNIT_COUNT, 1 },
		{ "objects", UNIT_COUNT, 1 },         { "nanoseconds", UNIT_NS, 1 },
		{ "nanosecond", UNIT_NS, 1 },         { "ns", UNIT_NS, 1 },
		{ "microseconds", UNIT_NS, 1000 },    { "us", UNIT_NS, 1000 },
		{ "milliseconds", UNIT_NS, 1000000 }, { "ms", UNIT_NS, 1000000 },
		{ "seconds", UNIT_NS, 1000000000 },   { "s", UNIT_NS, 1000000000 },
		{ "bytes", UNIT_BYTES, 1 },           { "byte", UNIT_BYTES, 1 },
		{ "kilobytes", UNIT_BYTES, 1024 },    { "kb", UNIT_BYTES, 1024 },
		{ "megabytes", UNIT_BYTES, 1048576 }, { "cycles", UNIT_CYCLES, 1 },
		{ "ratio", UNIT_RATIO, 1 },           { "per_second", UNIT_PER_S, 1 },
	};

	*times = 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(s, str_from_c(names[i].name))) {
			*times = names[i].times;
			return names[i].unit;
		}
	return UNIT_NONE;
}

/* Which values are kept: the first four, and in any case the one the file ranks by. */
static int choose_kinds(struct reader *r)
{
	struct value_kind kinds[PROFILE_KINDS_MAX];
	size_t main_type = r->type.n ? r->type.n - 1 : 0; /* pprof's own default: the last */
	unsigned n = 0, main_kind = 0;

	if (r->type.n == 0)
		return err_set(r->err, -EBADMSG, "pprof: it does not say what its samples count");
	for (size_t i = 0; i < r->type.n; i++)
		if (r->default_type > 0 &&
		    str_eq(text(r, r->type.v[i].type), text(r, r->default_type)))
			main_type = i;
	for (size_t i = 0; i < r->type.n; i++) {
		if (n == PROFILE_KINDS_MAX && i != main_type)
			continue;
		n -= n == PROFILE_KINDS_MAX;
		struct str name = text(r, r->type.v[i].type);
		kinds[n].name = name.n ? name : S("value");
		kinds[n].unit = unit_of(text(r, r->type.v[i].unit), &r->kind_times[n]);
		r->kind_from[n] = (unsigned)i;
		main_kind = i == main_type ? n : main_kind;
		n++;
	}
	size_t names = 0;
	for (unsigned k = 0; k < n; k++)
		names += kinds[k].name.n;
	if (!arena_fits(r->run->arena, names + 65536, 1))
		return err_set(r->err, -E2BIG, "pprof: needs more memory than allowed");
	r->p = profile_new(r->run->arena, S(""), kinds, n, false);
	r->p->main_kind = main_kind;
	if (r->type.n > PROFILE_KINDS_MAX)
		run_add_limit(r->run, S("some kinds of values of the file were left out"),
			      S("a profile holds four"), S(""));
	return 0;
}

static enum frame_kind kind_of(const struct reader *r, const struct func *f, struct str module)
{
	static const enum frame_kind said[] = { FRAME_KERNEL, FRAME_SCRIPT, FRAME_MARKER };
	struct str name = text(r, f->name), full = text(r, f->system_name);

	for (size_t i = 0; i < 3; i++)
		if (str_starts(full, name) &&
		    str_eq(str_skip(full, name.n), pprof_annotation(said[i])))
			return said[i];
	return reading_is_kernel(module) ? FRAME_KERNEL : FRAME_NATIVE;
}

static bool is_place(struct str name, struct str module, uint64_t address)
{
	auto_buf place = BUF(PPROF_PLACE_MAX);

	if (!address || !module.n || !str_starts(name, module))
		return false;
	pprof_place(&place, module, address);
	return str_eq(name, buf_str(&place));
}

static int add_frame(struct reader *r, struct str module, uint64_t address, const struct line *l)
{
	struct func none = { 0 };
	uint32_t row;
	const struct func *f = l && ids_find(&r->func_ids, l->func, &row) ? &r->func.v[row] : &none;
	struct str name = text(r, f->name), file = text(r, f->file);

	name = name.n ? name : text(r, f->system_name);
	if (is_place(name, module, address))
		name = S("");
	if (reading_room(r->p, name.n + file.n + module.n, r->err) < 0)
		return err_add(r->err, "pprof");
	struct frame frame = { .function = profile_string(r->p, name),
			       .file = profile_string(r->p, file),
			       .module = profile_string(r->p, module),
			       .line = l && l->line <= UINT32_MAX ? (uint32_t)l->line : 0,
			       .kind = kind_of(r, f, module),
			       .address = name.n ? 0 : address };
	if (reading_scratch(r->scratch, r->frames.cap + 16, 2 * sizeof(frame_id), r->err) < 0)
		return err_add(r->err, "pprof");
	*vec_add(r->scratch, &r->frames) = profile_frame(r->p, &frame);
	return 0;
}

/* A location becomes frames when it is first met: outermost first, what is inlined behind it. */
static int frames_of(struct reader *r, struct location *loc)
{
	struct str module = S("");
	uint64_t address = loc->address;
	uint32_t row;

	if (loc->frame)
		return 0;
	if (ids_find(&r->mapping_ids, loc->mapping, &row)) {
		const struct mapping *m = &r->mapping.v[row];
		module = reading_module(text(r, m->file));
		if (address >= m->start && !reading_is_kernel(module))
			address = address - m->start + m->offset;
	}
	size_t first = r->frames.n;
	if (loc->n_lines == 0 && add_frame(r, module, address, NULL) < 0)
		return r->err->code;
	for (uint32_t i = loc->n_lines; i-- > 0;) {
		if (add_frame(r, module, address, &r->lines.v[loc->line + i]) < 0)
			return r->err->code;
		if (i + 1 == loc->n_lines)
			continue;
		struct frame in = r->p->frames[r->frames.v[r->frames.n - 1].i];
		in.kind = FRAME_INLINE;
		r->frames.v[r->frames.n - 1] = profile_frame(r->p, &in);
	}
	loc->frame = (uint32_t)first;
	loc->n_frames = (uint32_t)(r->frames.n - first);
	return 0;
}

static int stack_of(struct reader *r, const PerfOps__Pprof__Sample *m, struct str at, stack_id *ret)
{
	stack_id s = { 0 };

	if (m->n_location_id > READING_DEPTH_MAX)
		return broken(r, at, "a stack of more than 65536 locations");
	for (size_t i = m->n_location_id; i-- > 0;) {
		uint32_t row;
		if (!ids_find(&r->location_ids, m->location_id[i], &row))
			return broken(r, at, "a sample refers to no location");
		struct location *loc = &r->location.v[row];
		if (frames_of(r, loc) < 0)
			return r->err->code;
		for (uint32_t k = 0; k < loc->n_frames; k++) {
			if (reading_room(r->p, 0, r->err) < 0)
				return err_add(r->err, "pprof");
			s = profile_stack(r->p, s, r->frames.v[loc->frame + k]);
		}
	}
	*ret = s;
	return 0;
}

static int labels_of(struct reader *r, const PerfOps__Pprof__Sample *m, label_id *ret)
{
	label_id l = { 0 };

	for (size_t i = m->n_label; i-- > 0;) {
		struct str key = text(r, m->label[i]->key), value = text(r, m->label[i]->str);
		if (key.n == 0)
			continue;
		if (reading_room(r->p, key.n + value.n, r->err) < 0)
			return err_add(r->err, "pprof");
		l = profile_label(r->p, l, key, value, m->label[i]->num);
	}
	*ret = l;
	return 0;
}

static int read_sample(struct reader *r, struct str s)
{
	PerfOps__Pprof__Sample *m = NULL;
	int64_t value[PROFILE_KINDS_MAX];
	stack_id stack = { 0 };
	label_id label = { 0 };

	if (unpack(r, &perf_ops__pprof__sample__descriptor, s, (void **)&m) < 0)
		return r->err->code;
	if (m->n_value != r->type.n)
		return broken(r, s, "a sample with more or fewer values than the file announces");
	for (unsigned k = 0; k < r->p->n_kinds; k++)
		if (__builtin_mul_overflow(m->value[r->kind_from[k]], r->kind_times[k], &value[k]))
			return broken(r, s, "a value beyond 64 bits");
	if (stack_of(r, m, s, &stack) < 0 || labels_of(r, m, &label) < 0 ||
	    reading_room(r->p, 0, r->err) < 0)
		return r->err->code;
	profile_add(r->p, stack, label, value, 0);
	return 0;
}

static int read_samples(struct reader *r)
{
	struct str rest = r->file;
	struct field f;

	while (next_field(&rest, &f) > 0) /* the first pass has seen that it holds */
		if (f.id == PPROF_SAMPLE && f.type == 2 && read_sample(r, f.bytes) < 0)
			return r->err->code;
	return 0;
}

static void take_facts(struct reader *r)
{
	int64_t times;

	r->run->start_ns = r->time_nanos > 0 ? r->time_nanos : 0;
	r->p->duration_ns = r->duration_nanos > 0 ? r->duration_nanos : 0;
	if (unit_of(text(r, r->period_unit), &times) == UNIT_NS && r->period > 0 &&
	    !__builtin_mul_overflow(r->period, times, &times))
		r->p->period_ns = times;
	for (size_t i = 0; i < r->comment.n; i++)
		(void)notes_hear_line(r->run, r->p, text(r, r->comment.v[i])); /* or somebody's */
}

static int pprof_read(struct input *in, struct run *into, struct err *err)
{
	auto_arena scratch = arena_open("reading pprof", READING_SCRATCH_MAX);
	struct reader r = { .run = into, .scratch = scratch, .err = err };

	if (input_all(in, scratch, &r.file, err) < 0 || read_tables(&r) < 0 ||
	    choose_kinds(&r) < 0 || read_samples(&r) < 0)
		return err->code;
	take_facts(&r);
	return reading_done(into, r.p, "pprof", err);
}

/* Is this a ValueType: varints 1 and 2 and nothing else? */
static bool is_value_type(struct str s)
{
	struct field f;
	int more;

	while ((more = next_field(&s, &f)) > 0)
		if (f.type != 0 || f.id > 2)
			return false;
	return more == 0;
}

static int pprof_sniff(struct str head)
{
	struct field f;
	int types = 0, others = 0;

	while (next_field(&head, &f) > 0) {
		bool number = (f.id >= PPROF_DROP_FRAMES && f.id <= PPROF_PERIOD &&
			       f.id != PPROF_PERIOD_TYPE) ||
			      f.id >= PPROF_DEFAULT_SAMPLE_TYPE;
		if (f.id >= PPROF__END || (f.type != (number ? 0u : 2u) && f.id != PPROF_COMMENT))
			return 0;
		if (f.id == PPROF_SAMPLE_TYPE && !is_value_type(f.bytes))
			return 0;
		types += f.id == PPROF_SAMPLE_TYPE;
		others += f.id != PPROF_SAMPLE_TYPE;
	}
	return types ? (others ? 90 : 40) : 0;
}

const struct format format_pprof = {
	.name = "pprof",
	.suffix = ".pb.gz|.pprof|.pb",
	.about = "pprof, gzip-compressed protobuf: go tool pprof, Parca, Pyroscope, speedscope",
	.sniff = pprof_sniff,
	.read = pprof_read,
	.write = pprof_write,
};
