/*
 * Reading the "processed profile" of the Firefox Profiler. Its tables are columns; they belong to
 * each thread up to version 59 and to all of them from 60 on. Columns are kept as numbers until the
 * end of the file, because keys may come in any order.
 */
#include <assert.h>
#include <errno.h>

#include "formats/firefox_priv.h"
#include "formats/json_path.h"
#include "formats/notes.h"
#include "formats/numbers.h"
#include "formats/reading.h"
#include "formats/row_labels.h"

enum column {
	C_STACK_FRAME,
	C_STACK_PREFIX,
	C_STACK_OFFSET,
	C_FRAME_FUNC,
	C_FRAME_LINE,
	C_FRAME_ADDRESS,
	C_FRAME_INLINE,
	C_FRAME_FLAGS,
	C_FRAME_CATEGORY,
	C_FUNC_NAME,
	C_FUNC_RESOURCE,
	C_FUNC_SOURCE,
	C_FUNC_FILE,
	C_FUNC_JS,
	C_FUNC_FLAGS,
	C_RESOURCE_NAME,
	C_SOURCE_NAME,
	C_STACK,
	C_TIME,
	C_DELTA,
	C_WEIGHT,
	C_CPU,
	C__COUNT,
};

enum place {
	P_TOP = 1,
	P_META,
	P_META_PRODUCT,
	P_META_INTERVAL,
	P_META_START,
	P_CATEGORIES,
	P_CATEGORY,
	P_CATEGORY_NAME,
	P_UNITS,
	P_UNITS_CPU,
	P_EXTRA,
	P_EXTRA_ONE,
	P_ENTRIES,
	P_ENTRY,
	P_ENTRY_LABEL,
	P_ENTRY_VALUE,
	P_SHARED,
	P_THREADS,
	P_THREAD,
	P_THREAD_NAME,
	P_THREAD_PROCESS,
	P_THREAD_PID,
	P_THREAD_TID,
	P_STRINGS,
	P_STRING,
	P_STACKS,
	P_FRAMES,
	P_FUNCS,
	P_RESOURCES,
	P_SOURCES,
	P_SAMPLES,
	P_WEIGHT_TYPE,
	P_COLUMN = 100,           /* the array; + enum column */
	P_NUMBER = P_COLUMN + 50, /* an element of it; + enum column */
};

#define COLUMN(table, name, c)                     \
	{ name, table, P_COLUMN + (c) },           \
	{                                          \
		"", P_COLUMN + (c), P_NUMBER + (c) \
	}
/* Where tables may be: in the thread, or shared. */
#define TABLES(parent)                                                                      \
	{ "stringArray", parent, P_STRINGS }, { "stringTable", parent, P_STRINGS },         \
		{ "stackTable", parent, P_STACKS }, { "frameTable", parent, P_FRAMES },     \
		{ "funcTable", parent, P_FUNCS }, { "resourceTable", parent, P_RESOURCES }, \
	{                                                                                   \
		"sources", parent, P_SOURCES                                                \
	}

static const struct json_step steps[] = {
	/* clang-format off */
	{ "", 0, P_TOP },
	{ "meta", P_TOP, P_META },
	{ "product", P_META, P_META_PRODUCT },
	{ "interval", P_META, P_META_INTERVAL },
	{ "startTime", P_META, P_META_START },
	{ "categories", P_META, P_CATEGORIES },
	{ "", P_CATEGORIES, P_CATEGORY },
	{ "name", P_CATEGORY, P_CATEGORY_NAME },
	{ "sampleUnits", P_META, P_UNITS },
	{ "threadCPUDelta", P_UNITS, P_UNITS_CPU },
	{ "extra", P_META, P_EXTRA },
	{ "", P_EXTRA, P_EXTRA_ONE },
	{ "entries", P_EXTRA_ONE, P_ENTRIES },
	{ "", P_ENTRIES, P_ENTRY },
	{ "label", P_ENTRY, P_ENTRY_LABEL },
	{ "value", P_ENTRY, P_ENTRY_VALUE },
	{ "shared", P_TOP, P_SHARED },
	{ "threads", P_TOP, P_THREADS },
	{ "", P_THREADS, P_THREAD },
	{ "name", P_THREAD, P_THREAD_NAME },
	{ "processName", P_THREAD, P_THREAD_PROCESS },
	{ "pid", P_THREAD, P_THREAD_PID },
	{ "tid", P_THREAD, P_THREAD_TID },
	{ "samples", P_THREAD, P_SAMPLES },
	TABLES(P_THREAD),
	TABLES(P_SHARED),
	{ "", P_STRINGS, P_STRING },
	COLUMN(P_STACKS, "frame", C_STACK_FRAME),
	COLUMN(P_STACKS, "prefix", C_STACK_PREFIX),
	COLUMN(P_STACKS, "prefixOffset", C_STACK_OFFSET),
	COLUMN(P_FRAMES, "func", C_FRAME_FUNC),
	COLUMN(P_FRAMES, "line", C_FRAME_LINE),
	COLUMN(P_FRAMES, "address", C_FRAME_ADDRESS),
	COLUMN(P_FRAMES, "inlineDepth", C_FRAME_INLINE),
	COLUMN(P_FRAMES, "flags", C_FRAME_FLAGS),
	COLUMN(P_FRAMES, "category", C_FRAME_CATEGORY),
	COLUMN(P_FUNCS, "name", C_FUNC_NAME),
	COLUMN(P_FUNCS, "resource", C_FUNC_RESOURCE),
	COLUMN(P_FUNCS, "source", C_FUNC_SOURCE),
	COLUMN(P_FUNCS, "fileName", C_FUNC_FILE),
	COLUMN(P_FUNCS, "isJS", C_FUNC_JS),
	COLUMN(P_FUNCS, "flags", C_FUNC_FLAGS),
	COLUMN(P_RESOURCES, "name", C_RESOURCE_NAME),
	COLUMN(P_SOURCES, "filename", C_SOURCE_NAME),
	COLUMN(P_SAMPLES, "stack", C_STACK),
	COLUMN(P_SAMPLES, "time", C_TIME),
	COLUMN(P_SAMPLES, "timeDeltas", C_DELTA),
	COLUMN(P_SAMPLES, "weight", C_WEIGHT),
	COLUMN(P_SAMPLES, "threadCPUDelta", C_CPU),
	{ "weightType", P_SAMPLES, P_WEIGHT_TYPE },
	/* clang-format on */
};

/* Bits of the flags that replaced nulls: of frames from version 71 on, of functions from 75. */
enum { FRAME_IS_INLINE = 1, FRAME_HAS_LINE = 16 };
enum { FUNC_IS_JS = 1, FUNC_HAS_RESOURCE = 4, FUNC_HAS_SOURCE = 8 };

struct tables {
	struct numbers c[C__COUNT];
	VEC(struct str) strings;
};

struct thread {
	struct tables t;
	struct str name, process, weight_type;
	int64_t pid, tid;
};

struct note {
	struct str key, value;
};

struct reader {
	struct arena *scratch;
	struct run *run;
	struct err *err;
	struct input *in;
	struct json_path path;
	struct tables shared;
	VEC(struct thread) threads;
	VEC(struct str) categories;
	VEC(struct note) notes;
	bool in_thread;
	struct str product, cpu_unit;
	double interval, start;
	int64_t first_ns; /* the earliest sample */
	struct profile *p;
};

static int room(struct reader *r, size_t text)
{
	size_t most = r->threads.cap * (sizeof(struct thread) / 64) + r->categories.cap +
		      r->notes.cap + r->shared.strings.cap + 256;

	if (r->threads.n)
		most += r->threads.v[r->threads.n - 1].t.strings.cap;
	if (arena_fits(r->scratch, most, 256) && arena_fits(r->scratch, text + 1, 2))
		return 0;
	return err_set(r->err, -E2BIG,
		       "Firefox profile: needs more memory than allowed at byte %llu",
		       (unsigned long long)input_at(r->in));
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
	if (at == P_THREAD) {
		*vec_add(r->scratch, &r->threads) = (struct thread){ .pid = -1, .tid = -1 };
		r->in_thread = true;
	} else if (at == P_CATEGORY) {
		(void)vec_add(r->scratch, &r->categories);
	} else if (at == P_ENTRY) {
		(void)vec_add(r->scratch, &r->notes);
	}
	return JSON_GO;
}

static enum json_go on_close(void *self)
{
	struct reader *r = self;

	if (json_path_close(&r->path) == P_THREAD)
		r->in_thread = false;
	return JSON_GO;
}

static struct str keep(struct reader *r, struct str text)
{
	return room(r, text.n) < 0 ? S("") : arena_str(r->scratch, text);
}

/* 0 is what we write for "not known". */
static int64_t id_of(struct str text)
{
	uint64_t v;

	return str_to_u64(text, &v) && v > 0 && v <= INT64_MAX ? (int64_t)v : -1;
}

static void take_thread(struct reader *r, unsigned at, struct str text)
{
	struct thread *t = &r->threads.v[r->threads.n - 1];

	if (at == P_THREAD_NAME)
		t->name = keep(r, text);
	else if (at == P_THREAD_PROCESS)
		t->process = keep(r, text);
	else if (at == P_WEIGHT_TYPE)
		t->weight_type = keep(r, text);
	else if (at == P_THREAD_PID)
		t->pid = id_of(text);
	else if (at == P_THREAD_TID)
		t->tid = id_of(text);
}

static void take_meta(struct reader *r, unsigned at, struct str text)
{
	if (at == P_META_PRODUCT)
		r->product = keep(r, text);
	else if (at == P_UNITS_CPU)
		r->cpu_unit = keep(r, text);
	else if (at == P_META_INTERVAL && !str_to_double(text, &r->interval))
		r->interval = 0;
	else if (at == P_META_START && !str_to_double(text, &r->start))
		r->start = 0;
	else if (at == P_CATEGORY_NAME)
		r->categories.v[r->categories.n - 1] = keep(r, text);
	else if (at == P_ENTRY_LABEL)
		r->notes.v[r->notes.n - 1].key = keep(r, text);
	else if (at == P_ENTRY_VALUE)
		r->notes.v[r->notes.n - 1].value = keep(r, text);
}

static enum json_go on_value(void *self, struct str key, enum json_type type, struct str text)
{
	struct reader *r = self;
	unsigned at = json_path_find(&r->path, key);
	struct tables *t = r->in_thread ? &r->threads.v[r->threads.n - 1].t : &r->shared;

	if (type == JSON_BOOL)
		text = str_eq(text, S("true")) ? S("1") : S("0");
	if (at >= P_NUMBER) {
		if (!numbers_add(r->scratch, &t->c[at - P_NUMBER], text))
			return err_set(r->err, -E2BIG,
				       "Firefox profile: needs more memory than allowed") < 0
				       ? JSON_STOP
				       : JSON_GO;
	} else if (at == P_STRING) {
		struct str copy = keep(r, text);
		if (r->err->code == 0)
			*vec_add(r->scratch, &t->strings) = copy;
	} else if ((at >= P_THREAD_NAME && at <= P_THREAD_TID) || at == P_WEIGHT_TYPE) {
		take_thread(r, at, text);
	} else if (at) {
		take_meta(r, at, text);
	}
	return r->err->code < 0 ? JSON_STOP : JSON_GO;
}

/* A column of the thread, or the one that all share. */
static const struct numbers *column(const struct reader *r, const struct tables *t, enum column c)
{
	return t->c[c].n ? &t->c[c] : &r->shared.c[c];
}

static struct str string(const struct reader *r, const struct tables *t, const struct numbers *c,
			 size_t i)
{
	const struct tables *of = t->strings.n ? t : &r->shared;
	uint32_t s;

	return numbers_index(c, i, of->strings.n, &s) ? of->strings.v[s] : S("");
}

struct func {
	struct str name, file, module;
	bool script;
};

static struct func func_of(const struct reader *r, const struct tables *t, size_t i)
{
	const struct numbers *flags = column(r, t, C_FUNC_FLAGS);
	uint32_t bits = numbers_bits(flags, i), row;
	struct func f = { .name = string(r, t, column(r, t, C_FUNC_NAME), i),
			  .file = string(r, t, column(r, t, C_FUNC_FILE), i),
			  .script = numbers_get(column(r, t, C_FUNC_JS), i, 0) == 1 };

	f.script |= (bits & FUNC_IS_JS) != 0;
	if ((!flags->n || bits & FUNC_HAS_RESOURCE) &&
	    numbers_index(column(r, t, C_FUNC_RESOURCE), i, UINT32_MAX, &row))
		f.module = string(r, t, column(r, t, C_RESOURCE_NAME), row);
	if ((!flags->n || bits & FUNC_HAS_SOURCE) &&
	    numbers_index(column(r, t, C_FUNC_SOURCE), i, UINT32_MAX, &row))
		f.file = string(r, t, column(r, t, C_SOURCE_NAME), row);
	f.module = reading_module(f.module);
	return f;
}

static enum frame_kind kind_of(const struct reader *r, const struct tables *t, size_t i,
			       const struct func *f)
{
	const struct numbers *flags = column(r, t, C_FRAME_FLAGS);
	uint32_t category;

	if (numbers_get(column(r, t, C_FRAME_INLINE), i, 0) > 0 ||
	    numbers_bits(flags, i) & FRAME_IS_INLINE)
		return FRAME_INLINE;
	if (f->script)
		return FRAME_SCRIPT;
	if (numbers_index(column(r, t, C_FRAME_CATEGORY), i, r->categories.n, &category)) {
		if (str_eq(r->categories.v[category], FIREFOX_KERNEL))
			return FRAME_KERNEL;
		if (str_eq(r->categories.v[category], FIREFOX_MARKER))
			return FRAME_MARKER;
	}
	return reading_is_kernel(f->module) ? FRAME_KERNEL : FRAME_NATIVE;
}

static int make_frame(struct reader *r, const struct tables *t, size_t i, frame_id *ret)
{
	const struct numbers *flags = column(r, t, C_FRAME_FLAGS);
	bool lined = !flags->n || numbers_bits(flags, i) & FRAME_HAS_LINE;
	uint32_t row, line;

	if (!numbers_index(column(r, t, C_FRAME_FUNC), i, column(r, t, C_FUNC_NAME)->n, &row))
		return err_set(r->err, -EBADMSG, "Firefox profile: frame %zu has no function", i);
	struct func g = func_of(r, t, row);
	if (reading_room(r->p, g.name.n + g.file.n + g.module.n, r->err) < 0)
		return err_add(r->err, "Firefox profile");
	struct frame f = { .file = profile_string(r->p, g.file),
			   .module = profile_string(r->p, g.module),
			   .kind = kind_of(r, t, i, &g) };
	if (lined && numbers_index(column(r, t, C_FRAME_LINE), i, UINT32_MAX, &line))
		f.line = line;
	bool hex = str_starts(g.name, S("0x")) && str_to_hex(g.name, &f.address);
	if (!hex && !str_eq(g.name, S("(unknown)")))
		f.function = profile_string(r->p, g.name);
	*ret = profile_frame(r->p, &f);
	return 0;
}

/* A prefix stands before its stack; a file in which it does not is refused. */
static bool prefix_of(const struct reader *r, const struct tables *t, size_t i, uint32_t *ret)
{
	const struct numbers *offset = column(r, t, C_STACK_OFFSET);
	double v = numbers_get(column(r, t, C_STACK_PREFIX), i, -1);

	if (offset->n) {
		double back = numbers_get(offset, i, 0);
		v = back > 0 ? (double)i - back : -1;
	}
	*ret = UINT32_MAX;
	if (v == -1)
		return true;
	if (!(v >= 0 && v < (double)i) || v != (double)(uint32_t)v)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Inlined frames need one to be in. */
static frame_id grounded(struct reader *r, frame_id f)
{
	struct frame copy = r->p->frames[f.i];

	if (copy.kind != FRAME_INLINE)
		return f;
	copy.kind = FRAME_NATIVE;
	return profile_frame(r->p, &copy);
}

static int make_stacks(struct reader *r, const struct tables *t, stack_id **ret)
{
	size_t n = column(r, t, C_STACK_FRAME)->n, n_frames = column(r, t, C_FRAME_FUNC)->n;
	uint32_t frame, prefix;

	if (reading_scratch(r->scratch, n + n_frames + 1, 16, r->err) < 0)
		return err_add(r->err, "Firefox profile");
	frame_id *frames = arena_array(r->scratch, frame_id, n_frames + 1);
	*ret = arena_array(r->scratch, stack_id, n + 1);
	for (size_t i = 0; i < n_frames; i++)
		if (make_frame(r, t, i, &frames[i]) < 0)
			return r->err->code;
	for (size_t i = 0; i < n; i++) {
		if (!numbers_index(column(r, t, C_STACK_FRAME), i, n_frames, &frame) ||
		    !prefix_of(r, t, i, &prefix))
			return err_set(r->err, -EBADMSG,
				       "Firefox profile: stack %zu has no frame or no prefix", i);
		if (reading_room(r->p, 0, r->err) < 0)
			return err_add(r->err, "Firefox profile");
		stack_id up = { prefix == UINT32_MAX ? 0 : (*ret)[prefix].i };
		(*ret)[i] =
			profile_stack(r->p, up, up.i ? frames[frame] : grounded(r, frames[frame]));
	}
	return 0;
}

static int64_t value_of(const struct thread *t, size_t i)
{
	double w = numbers_get(&t->t.c[C_WEIGHT], i, 1);

	return numbers_round(str_eq(t->weight_type, S("tracing-ms")) ? w * 1e6 : w);
}

static int add_samples(struct reader *r, const struct thread *t, const stack_id *stack, bool cpu)
{
	const struct numbers *of = &t->t.c[C_STACK];
	size_t n_stacks = column(r, &t->t, C_STACK_FRAME)->n;
	double ms = 0, unit = str_eq(r->cpu_unit, S("ns")) ? 1 : 1000;
	struct row_labels l = { t->process, t->name, t->pid, t->tid };
	uint32_t s;

	if (reading_room(r->p, t->process.n + t->name.n, r->err) < 0)
		return err_add(r->err, "Firefox profile");
	label_id label = row_labels_put(r->p, &l);
	for (size_t i = 0; i < of->n; i++) {
		ms = t->t.c[C_DELTA].n ? ms + numbers_get(&t->t.c[C_DELTA], i, 0)
				       : numbers_get(&t->t.c[C_TIME], i, ms);
		int64_t at = numbers_round(ms * 1e6);
		int64_t value[2] = { value_of(t, i), 0 };
		if (cpu)
			value[1] = numbers_round(numbers_get(&t->t.c[C_CPU], i, 0) * unit);
		if (reading_room(r->p, 0, r->err) < 0)
			return err_add(r->err, "Firefox profile");
		bool known = numbers_index(of, i, n_stacks, &s);
		if (!known && numbers_get(of, i, -1) >= 0)
			return err_set(r->err, -EBADMSG,
				       "Firefox profile: sample %zu is of no stack", i);
		profile_add(r->p, known ? stack[s] : (stack_id){ 0 }, label, value, at);
		r->first_ns = at < r->first_ns ? at : r->first_ns;
	}
	return 0;
}

/* What the weights count, as the first thread says; and CPU time when all is there to tell. */
static bool open_profile(struct reader *r, bool timed)
{
	struct value_kind kinds[2] = { { S("samples"), UNIT_COUNT }, { S("cpu"), UNIT_NS } };
	struct str weight = r->threads.v[0].weight_type;
	bool cpu = str_eq(r->cpu_unit, S("ns")) || str_eq(r->cpu_unit, S("\xc2\xb5s"));

	for (size_t i = 0; i < r->threads.n; i++)
		cpu &= r->threads.v[i].t.c[C_CPU].n == r->threads.v[i].t.c[C_STACK].n;
	if (str_eq(weight, S("bytes")))
		kinds[0] = (struct value_kind){ S("bytes"), UNIT_BYTES };
	else if (str_eq(weight, S("tracing-ms")))
		kinds[0] = (struct value_kind){ S("time"), UNIT_NS };
	cpu &= kinds[0].unit == UNIT_COUNT;
	r->p = profile_new(r->run->arena, r->product, kinds, cpu ? 2 : 1, timed);
	r->p->main_kind = cpu;
	return cpu;
}

static int assemble(struct reader *r)
{
	bool timed = true, cpu;
	stack_id *shared = NULL;

	if (r->threads.n == 0)
		return err_set(r->err, -ENODATA, "this Firefox profile holds no threads");
	if (!arena_fits(r->run->arena, r->product.n + 65536, 1))
		return err_set(r->err, -E2BIG, "Firefox profile: needs more memory than allowed");
	for (size_t i = 0; i < r->notes.n; i++)
		timed &= !str_eq(r->notes.v[i].key, S("perf-ops.untimed"));
	cpu = open_profile(r, timed);
	r->first_ns = INT64_MAX;
	for (size_t i = 0; i < r->threads.n; i++) {
		const struct thread *t = &r->threads.v[i];
		bool own = t->t.c[C_STACK_FRAME].n || t->t.c[C_FRAME_FUNC].n;
		stack_id *stack = shared;
		if ((own || !shared) && make_stacks(r, &t->t, &stack) < 0)
			return r->err->code;
		assert(stack);
		shared = own ? shared : stack;
		if (add_samples(r, t, stack, cpu) < 0)
			return r->err->code;
	}
	/* Times are since the browser's start, and samples before it have negative ones. */
	for (size_t i = 0; r->p->sample.at_ns && r->first_ns < 0 && i < r->p->sample.n_rows; i++)
		r->p->sample.at_ns[i] -= r->first_ns;
	r->p->period_ns = r->interval > 0 ? numbers_round(r->interval * 1e6) : 0;
	r->run->start_ns = r->start > 0 ? numbers_round(r->start * 1e6) : 0;
	for (size_t i = 0; i < r->notes.n; i++)
		(void)notes_hear(r->run, r->p, r->notes.v[i].key, r->notes.v[i].value);
	return reading_done(r->run, r->p, "Firefox", r->err);
}

static int firefox_read(struct input *in, struct run *into, struct err *err)
{
	static const struct json_sax sax = { on_open, on_value, on_close, JSON_PATH_DEPTH,
					     JSON_PATH_STRING };
	auto_arena scratch = arena_open("reading a Firefox profile", READING_SCRATCH_MAX);
	struct reader r = { .scratch = scratch, .run = into, .err = err, .in = in };

	r.path = JSON_PATH(steps);
	*err = (struct err){ 0 };
	if (json_read(in, &sax, &r, err) < 0 || err->code < 0)
		return err->code;
	return assemble(&r);
}

static int firefox_sniff(struct str head)
{
	struct str start = str_trim(head);

	if (start.n == 0 || start.p[0] != '{')
		return 0;
	if (str_find(head, S("\"preprocessedProfileVersion\"")) < head.n)
		return 95;
	return str_find(head, S("\"stackTable\"")) < head.n ? 60 : 0;
}

const struct format format_firefox = {
	.name = "firefox",
	.suffix = ".firefox.json|.profile.json",
	.about = "JSON for profiler.firefox.com",
	.sniff = firefox_sniff,
	.read = firefox_read,
	.write = firefox_write,
};
