/*
 * The file format of speedscope (its schema: speedscope.app/file-format-schema.json). Written as
 * one "sampled" profile a thread, weighted by what the run ranks by. Read in both kinds, "sampled"
 * and "evented"; its keys may come in any order, so stacks are first kept by frame number.
 */
#include <assert.h>
#include <errno.h>

#include "base/map.h"
#include "formats/format.h"
#include "formats/json_path.h"
#include "formats/notes.h"
#include "formats/numbers.h"
#include "formats/reading.h"
#include "formats/row_groups.h"

static const char *unit_name(enum unit u)
{
	return u == UNIT_NS ? "nanoseconds" : u == UNIT_BYTES ? "bytes" : "none";
}

static void put_frame(struct json *j, const struct profile *p, const struct frame *f,
		      struct buf *text)
{
	json_open(j, "", '{');
	if (f->function.i) {
		json_text(j, "name", profile_text(p, f->function));
	} else {
		text->n = 0;
		buf_put(text, profile_text(p, f->module));
		buf_printf(text, f->module.i ? "+0x%llx" : "0x%llx",
			   (unsigned long long)f->address);
		json_text(j, "name", buf_str(text));
	}
	if (f->file.i)
		json_text(j, "file", profile_text(p, f->file));
	if (f->line)
		json_uint(j, "line", f->line);
	json_close(j, '}');
}

static void put_row(struct json *j, const struct profile *p, stack_id s, uint32_t *path)
{
	size_t n = 0;

	for (; s.i; s = p->stacks[s.i].parent)
		path[n++] = p->stacks[s.i].frame.i - 1;
	json_open(j, "", '[');
	for (size_t i = n; i-- > 0;)
		numbers_put(j->out, path[i], i + 1 == n);
	json_close(j, ']');
}

static void put_thread(struct json *j, const struct profile *p, const struct row_groups *g,
		       const struct row_group *t, uint32_t *path)
{
	auto_buf name = BUF(65536);
	int64_t sum = 0;

	row_labels_say(&t->labels, &name);
	json_open(j, "", '{');
	json_text(j, "type", S("sampled"));
	json_text(j, "name", name.n > 3 ? buf_str(&name) : p->name);
	json_text(j, "unit", str_from_c(unit_name(p->kind[p->main_kind].unit)));
	json_open(j, "samples", '[');
	for (size_t i = 0; i < t->n; i++)
		put_row(j, p, p->sample.stack[g->row[t->first + i]], path);
	json_close(j, ']');
	json_open(j, "weights", '[');
	for (size_t i = 0; i < t->n; i++) {
		int64_t v = p->sample.value[g->row[t->first + i] * p->n_kinds + p->main_kind];
		numbers_put(j->out, v, i == 0);
		sum = numbers_sum(sum, v);
	}
	json_close(j, ']');
	json_raw(j, "startValue", S("0"));
	json_uint(j, "endValue", sum < 0 ? 0 : (uint64_t)sum);
	json_close(j, '}');
}

static void put_note(void *self, struct str key, struct str value)
{
	struct json *j = self;

	json_open(j, "", '[');
	json_text(j, "", key);
	json_text(j, "", value);
	json_close(j, ']');
}

static int speedscope_write(const struct run *r, struct buf *out, struct err *err)
{
	auto_arena scratch = arena_open("writing speedscope", SIZE_MAX);
	auto_buf text = BUF(1 << 20);
	struct json j = { .out = out };

	if (r->profiles.n == 0)
		return err_set(err, -ENODATA, "there is no profile to write for speedscope");
	const struct profile *p = r->profiles.v[0];
	uint32_t *path = arena_array(scratch, uint32_t, p->n_stacks);
	struct row_groups g = row_groups_of(p, scratch);
	json_open(&j, "", '{');
	json_text(&j, "$schema", S("https://www.speedscope.app/file-format-schema.json"));
	json_text(&j, "exporter", S("perf-ops " PERF_OPS_VERSION));
	json_text(&j, "name", p->name);
	json_raw(&j, "activeProfileIndex", S("0"));
	json_text(&j, "perf-ops kind", p->kind[p->main_kind].name);
	json_open(&j, "perf-ops notes", '['); /* beyond the schema, which allows it */
	notes_say(r, p, put_note, &j);
	json_close(&j, ']');
	json_open(&j, "shared", '{');
	json_open(&j, "frames", '[');
	for (size_t i = 1; i < p->n_frames; i++)
		put_frame(&j, p, &p->frames[i], &text);
	json_close(&j, ']');
	json_close(&j, '}');
	json_open(&j, "profiles", '[');
	for (size_t i = 0; i < g.n; i++)
		put_thread(&j, p, &g, &g.v[i], path);
	json_close(&j, ']');
	json_close(&j, '}');
	return out->full ? err_set(err, -EFBIG, "the speedscope file would be too large") : 0;
}

enum place {
	P_TOP = 1,
	P_SHARED,
	P_FRAMES,
	P_FRAME,
	P_FRAME_NAME,
	P_FRAME_FILE,
	P_FRAME_LINE,
	P_PROFILES,
	P_PROFILE,
	P_TYPE,
	P_NAME,
	P_UNIT,
	P_START,
	P_SAMPLES,
	P_SAMPLE,
	P_SAMPLE_FRAME,
	P_WEIGHTS,
	P_WEIGHT,
	P_EVENTS,
	P_EVENT,
	P_EVENT_TYPE,
	P_EVENT_FRAME,
	P_EVENT_AT,
	P_FILE_NAME,
	P_EXPORTER,
	P_KIND,
	P_NOTES,
	P_NOTE,
	P_NOTE_TEXT,
};

static const struct json_step steps[] = {
	{ "", 0, P_TOP },
	{ "shared", P_TOP, P_SHARED },
	{ "frames", P_SHARED, P_FRAMES },
	{ "", P_FRAMES, P_FRAME },
	{ "name", P_FRAME, P_FRAME_NAME },
	{ "file", P_FRAME, P_FRAME_FILE },
	{ "line", P_FRAME, P_FRAME_LINE },
	{ "profiles", P_TOP, P_PROFILES },
	{ "", P_PROFILES, P_PROFILE },
	{ "type", P_PROFILE, P_TYPE },
	{ "name", P_PROFILE, P_NAME },
	{ "unit", P_PROFILE, P_UNIT },
	{ "startValue", P_PROFILE, P_START },
	{ "samples", P_PROFILE, P_SAMPLES },
	{ "", P_SAMPLES, P_SAMPLE },
	{ "", P_SAMPLE, P_SAMPLE_FRAME },
	{ "weights", P_PROFILE, P_WEIGHTS },
	{ "", P_WEIGHTS, P_WEIGHT },
	{ "events", P_PROFILE, P_EVENTS },
	{ "", P_EVENTS, P_EVENT },
	{ "type", P_EVENT, P_EVENT_TYPE },
	{ "frame", P_EVENT, P_EVENT_FRAME },
	{ "at", P_EVENT, P_EVENT_AT },
	{ "name", P_TOP, P_FILE_NAME },
	{ "exporter", P_TOP, P_EXPORTER },
	{ "perf-ops kind", P_TOP, P_KIND },
	{ "perf-ops notes", P_TOP, P_NOTES },
	{ "", P_NOTES, P_NOTE },
	{ "", P_NOTE, P_NOTE_TEXT },
};

struct frame_text {
	struct str name, file;
	double line;
};

struct node { /* of a trie over frame numbers; 0 is none */
	uint32_t parent, frame;
};

struct note {
	struct str key, value;
};

struct part { /* one profile of the file */
	struct str name, unit;
	double start;
	bool evented;
	struct numbers weights;
	VEC(uint32_t) rows; /* node of each sample */
};

struct reader {
	struct arena *scratch;
	struct run *run;
	struct err *err;
	struct input *in;
	struct json_path path;
	VEC(struct frame_text) frames;
	VEC(struct node) nodes;
	VEC(uint32_t) depth; /* of nodes */
	struct map nodes_by;
	VEC(struct part) parts;
	VEC(struct note) notes;
	struct str name, kind;
	bool ours;
	uint32_t at; /* node: the sample being read, or what is open between two events */
	char event_type;
	double event_frame, event_at, event_last;
};

static int refuse(struct reader *r, const char *what)
{
	return err_set(r->err, -EBADMSG, "speedscope: %s at byte %llu", what,
		       (unsigned long long)input_at(r->in));
}

/* Room for one more of everything and TEXT. */
static int room(struct reader *r, size_t text)
{
	enum { SLACK = 4096 };
	const struct map *by = &r->nodes_by;
	size_t most = SLACK;

	most += reading_growth(r->frames.n, r->frames.cap, sizeof(*r->frames.v));
	most += reading_growth(r->nodes.n, r->nodes.cap, sizeof(*r->nodes.v));
	most += reading_growth(r->depth.n, r->depth.cap, sizeof(*r->depth.v));
	most += reading_growth(2 * by->n + 2, by->cap, sizeof(*by->slot));
	most += reading_growth(r->parts.n, r->parts.cap, sizeof(*r->parts.v));
	most += reading_growth(r->notes.n, r->notes.cap, sizeof(*r->notes.v));
	if (r->parts.n) {
		const struct part *t = &r->parts.v[r->parts.n - 1];
		most += reading_growth(t->rows.n, t->rows.cap, sizeof(*t->rows.v));
	}
	if (!__builtin_add_overflow(most, text, &most) && arena_fits(r->scratch, most, 1))
		return 0;
	return err_set(r->err, -E2BIG, "speedscope: needs more memory than allowed at byte %llu",
		       (unsigned long long)input_at(r->in));
}

static int push_node(struct reader *r, double frame)
{
	if (!(frame >= 0 && frame < 4294967294.0) || frame != (double)(uint32_t)frame)
		return refuse(r, "a frame that is no index");
	uint32_t f = (uint32_t)frame;
	if (room(r, 0) < 0)
		return r->err->code;
	if (r->at && r->depth.v[r->at] >= READING_DEPTH_MAX)
		return refuse(r, "a stack of more than 65536 frames");
	uint64_t h = map_hash2(r->at, f);
	for (struct map_at m = map_first(&r->nodes_by, h); m.hit; m = map_next(&r->nodes_by, m))
		if (r->nodes.v[m.index].parent == r->at && r->nodes.v[m.index].frame == f) {
			r->at = m.index;
			return 0;
		}
	map_insert(&r->nodes_by, h, (uint32_t)r->nodes.n);
	*vec_add(r->scratch, &r->nodes) = (struct node){ r->at, f };
	uint32_t depth = r->depth.v[r->at] + 1;
	*vec_add(r->scratch, &r->depth) = depth;
	r->at = (uint32_t)r->nodes.n - 1;
	return 0;
}

static struct part *part(struct reader *r)
{
	return &r->parts.v[r->parts.n - 1];
}

/* What was open since the last event becomes a row; then the frame opens or closes. */
static int take_event(struct reader *r)
{
	struct part *t = part(r);
	double passed = r->event_at - r->event_last;

	t->evented = true;
	if (__builtin_isnan(r->event_at))
		return refuse(r, "an event without a time");
	if (r->at && passed > 0) {
		char text[40];
		auto_buf b = BUF(sizeof(text));
		buf_printf(&b, "%.9f", passed);
		if (room(r, 0) < 0 || !numbers_add(r->scratch, &t->weights, buf_str(&b)))
			return r->err->code ? r->err->code : refuse(r, "too many events");
		*vec_add(r->scratch, &t->rows) = r->at;
	}
	r->event_last = r->event_at;
	if (r->event_type == 'O')
		return push_node(r, r->event_frame);
	if (!r->at || r->nodes.v[r->at].frame != r->event_frame)
		return refuse(r, "an event closes a frame that is not the innermost");
	r->at = r->nodes.v[r->at].parent;
	return 0;
}

static enum json_go done(const struct reader *r)
{
	return r->err->code < 0 ? JSON_STOP : JSON_GO;
}

static enum json_go on_open(void *self, struct str key, enum json_type type)
{
	struct reader *r = self;
	unsigned at = json_path_open(&r->path, key);

	(void)type;
	if (!at)
		return JSON_SKIP;
	if (room(r, 0) < 0)
		return JSON_STOP;
	if (at == P_FRAME) {
		(void)vec_add(r->scratch, &r->frames);
	} else if (at == P_PROFILE) {
		(void)vec_add(r->scratch, &r->parts);
		r->at = 0;
		r->event_last = __builtin_nan("");
	} else if (at == P_SAMPLE) {
		r->at = 0;
	} else if (at == P_EVENT) {
		r->event_type = 0;
		r->event_frame = -1;
		r->event_at = __builtin_nan("");
	} else if (at == P_NOTE) {
		(void)vec_add(r->scratch, &r->notes);
	}
	return JSON_GO;
}

static enum json_go on_close(void *self)
{
	struct reader *r = self;
	unsigned was = json_path_close(&r->path);

	if (was == P_SAMPLE && room(r, 0) == 0)
		*vec_add(r->scratch, &part(r)->rows) = r->at;
	else if (was == P_EVENT)
		(void)take_event(r); /* done() sees what it complains of */
	return done(r);
}

static struct str keep(struct reader *r, struct str text)
{
	return room(r, text.n) < 0 ? S("") : arena_str(r->scratch, text);
}

static void take_frame(struct reader *r, unsigned at, struct str text)
{
	struct frame_text *f = &r->frames.v[r->frames.n - 1];

	if (at == P_FRAME_NAME)
		f->name = keep(r, text);
	else if (at == P_FRAME_FILE)
		f->file = keep(r, text);
	else if (!str_to_double(text, &f->line))
		f->line = 0;
}

static void take_part(struct reader *r, unsigned at, struct str text)
{
	struct part *t = part(r);

	if (at == P_NAME)
		t->name = keep(r, text);
	else if (at == P_UNIT)
		t->unit = keep(r, text);
	else if (at == P_START && !str_to_double(text, &t->start))
		t->start = 0;
	else if (at == P_WEIGHT && !numbers_add(r->scratch, &t->weights, text))
		(void)err_set(r->err, -E2BIG, "speedscope: needs more memory than allowed");
}

static void take_event_field(struct reader *r, unsigned at, struct str text)
{
	if (at == P_EVENT_TYPE)
		r->event_type = (char)(text.n == 1 ? text.p[0] : 0);
	else if (at == P_EVENT_FRAME && !str_to_double(text, &r->event_frame))
		r->event_frame = -1;
	else if (at == P_EVENT_AT && !str_to_double(text, &r->event_at))
		r->event_at = __builtin_nan("");
}

static enum json_go on_value(void *self, struct str key, enum json_type type, struct str text)
{
	struct reader *r = self;
	unsigned at = json_path_find(&r->path, key);
	double v;

	(void)type;
	if (at == P_SAMPLE_FRAME)
		(void)push_node(r, str_to_double(text, &v) ? v : -1);
	else if (at >= P_FRAME_NAME && at <= P_FRAME_LINE)
		take_frame(r, at, text);
	else if (at >= P_TYPE && at <= P_WEIGHT)
		take_part(r, at, text);
	else if (at >= P_EVENT_TYPE && at <= P_EVENT_AT)
		take_event_field(r, at, text);
	else if (at == P_FILE_NAME)
		r->name = keep(r, text);
	else if (at == P_EXPORTER)
		r->ours = str_starts(text, S("perf-ops"));
	else if (at == P_KIND)
		r->kind = keep(r, text);
	else if (at == P_NOTE_TEXT && r->notes.v[r->notes.n - 1].key.n == 0)
		r->notes.v[r->notes.n - 1].key = keep(r, text);
	else if (at == P_NOTE_TEXT)
		r->notes.v[r->notes.n - 1].value = keep(r, text);
	return done(r);
}

/* How many ns one of that unit is; 0: it is no time. */
static double unit_ns(struct str unit)
{
	return str_eq(unit, S("nanoseconds"))    ? 1
	       : str_eq(unit, S("microseconds")) ? 1e3
	       : str_eq(unit, S("milliseconds")) ? 1e6
	       : str_eq(unit, S("seconds"))      ? 1e9
						 : 0;
}

static int make_frames(struct reader *r, struct profile *p, frame_id *ret)
{
	for (size_t i = 0; i < r->frames.n; i++) {
		struct frame_text *t = &r->frames.v[i];
		struct frame f = { .kind = FRAME_NATIVE };
		struct str module, hex = str_cut_last(t->name, '+', &module);
		if (reading_room(p, t->name.n + t->file.n, r->err) < 0)
			return err_add(r->err, "speedscope");
		f.line = t->line > 0 && t->line < 4e9 ? (uint32_t)t->line : 0;
		f.file = profile_string(p, t->file);
		if (str_starts(hex, S("0x")) && str_to_hex(hex, &f.address))
			f.module = profile_string(p, module);
		else
			f.function = profile_string(p, t->name);
		ret[i] = profile_frame(p, &f);
	}
	return 0;
}

static int make_stacks(struct reader *r, struct profile *p, stack_id **ret)
{
	frame_id *frame;

	if (reading_scratch(r->scratch, r->frames.n + r->nodes.n, 8, r->err) < 0)
		return err_add(r->err, "speedscope");
	frame = arena_array(r->scratch, frame_id, r->frames.n);
	*ret = arena_array(r->scratch, stack_id, r->nodes.n);
	if (make_frames(r, p, frame) < 0)
		return r->err->code;
	for (size_t i = 1; i < r->nodes.n; i++) {
		const struct node *n = &r->nodes.v[i];
		if (n->frame >= r->frames.n)
			return err_set(r->err, -EBADMSG,
				       "speedscope: frame %u, but there are only %zu", n->frame,
				       r->frames.n);
		if (reading_room(p, 0, r->err) < 0)
			return err_add(r->err, "speedscope");
		(*ret)[i] = profile_stack(p, (*ret)[n->parent], frame[n->frame]);
	}
	return 0;
}

static int add_part(struct reader *r, struct profile *p, const struct part *t,
		    const stack_id *stack)
{
	struct row_labels l;
	double times = unit_ns(t->unit), at = 0;
	label_id label = { 0 };

	if (t->weights.n != t->rows.n)
		return err_set(r->err, -EBADMSG,
			       "speedscope: %zu samples, but %zu weights in '" STR_FMT "'",
			       t->rows.n, t->weights.n, STR_ARG(t->name));
	if (reading_room(p, t->name.n, r->err) < 0)
		return err_add(r->err, "speedscope");
	if (row_labels_hear(t->name, &l))
		label = row_labels_put(p, &l);
	else if (r->parts.n > 1 && t->name.n)
		label = profile_label(p, label, S("thread"), t->name, 0);
	for (size_t i = 0; i < t->rows.n; i++) {
		double w = numbers_get(&t->weights, i, 0) * (times > 0 ? times : 1);
		int64_t value[2] = { 1, numbers_round(w) };
		if (reading_room(p, 0, r->err) < 0)
			return err_add(r->err, "speedscope");
		if (p->n_kinds == 1)
			value[0] = value[1];
		profile_add(p, stack[t->rows.v[i]], label, value, numbers_round(at));
		at += w > 0 ? w : 0;
	}
	if (numbers_round(at) > p->duration_ns && times > 0)
		p->duration_ns = numbers_round(at);
	return 0;
}

/* One unit for all, or they cannot be one profile: that of the first. */
static int assemble(struct reader *r)
{
	struct value_kind kinds[2] = { { S("samples"), UNIT_COUNT }, { S("time"), UNIT_NS } };
	stack_id *stack = NULL;
	size_t left = 0;

	if (r->parts.n == 0)
		return err_set(r->err, -ENODATA, "this speedscope file holds no profiles");
	struct str unit = r->parts.v[0].unit;
	bool timed = unit_ns(unit) > 0, sampled = timed && !r->parts.v[0].evented;
	if (!timed && str_eq(unit, S("bytes")))
		kinds[0] = (struct value_kind){ S("bytes"), UNIT_BYTES };
	if (timed && !sampled)
		kinds[0] = kinds[1];
	if (r->kind.n && r->ours)
		kinds[sampled].name = r->kind;
	if (!arena_fits(r->run->arena, r->name.n + r->kind.n + 65536, 1))
		return err_set(r->err, -E2BIG, "speedscope: needs more memory than allowed");
	struct profile *p = profile_new(r->run->arena, r->name, kinds, sampled ? 2 : 1, timed);
	p->main_kind = sampled;
	if (make_stacks(r, p, &stack) < 0)
		return r->err->code;
	assert(stack);
	for (size_t i = 0; i < r->parts.n; i++) {
		bool fits = (unit_ns(r->parts.v[i].unit) > 0) == timed &&
			    (timed || str_eq(unit, r->parts.v[i].unit));
		left += !fits;
		if (fits && add_part(r, p, &r->parts.v[i], stack) < 0)
			return r->err->code;
	}
	if (left)
		run_add_limit(r->run, S("some profiles of the file were left out"),
			      S("they count another unit than the first"), S(""));
	for (size_t i = 0; i < r->notes.n; i++)
		(void)notes_hear(r->run, p, r->notes.v[i].key, r->notes.v[i].value);
	return reading_done(r->run, p, "speedscope", r->err);
}

static int speedscope_read(struct input *in, struct run *into, struct err *err)
{
	static const struct json_sax sax = { on_open, on_value, on_close, JSON_PATH_DEPTH,
					     JSON_PATH_STRING };
	auto_arena scratch = arena_open("reading speedscope", READING_SCRATCH_MAX);
	struct reader r = { .scratch = scratch, .run = into, .err = err, .in = in };

	r.path = JSON_PATH(steps);
	r.nodes_by.arena = scratch;
	(void)vec_add(scratch, &r.nodes);
	(void)vec_add(scratch, &r.depth);
	*err = (struct err){ 0 };
	if (json_read(in, &sax, &r, err) < 0 || err->code < 0)
		return err->code;
	return assemble(&r);
}

static int speedscope_sniff(struct str head)
{
	if (str_trim(head).n == 0 || str_trim(head).p[0] != '{')
		return 0;
	if (str_find(head, S("speedscope.app/file-format-schema")) < head.n)
		return 95;
	return str_find(head, S("\"shared\"")) < head.n &&
			       str_find(head, S("\"frames\"")) < head.n &&
			       str_find(head, S("\"stringArray\"")) == head.n
		       ? 30
		       : 0;
}

const struct format format_speedscope = {
	.name = "speedscope",
	.suffix = ".speedscope.json|.speedscope",
	.about = "JSON for www.speedscope.app",
	.sniff = speedscope_sniff,
	.read = speedscope_read,
	.write = speedscope_write,
};
