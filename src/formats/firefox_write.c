/*
 * Writing the "processed profile" of the Firefox Profiler. Our tables map one to one: strings,
 * frames and stacks keep their order, less the row 0; functions and resources are interned here.
 */
#include <assert.h>
#include <errno.h>

#include "base/map.h"
#include "formats/firefox_priv.h"
#include "formats/notes.h"
#include "formats/numbers.h"
#include "formats/row_groups.h"

struct func { /* a row of funcTable */
	struct str name;
	uint32_t string; /* of the name */
	str_id file, module;
	bool script;
};

struct writer {
	struct arena *scratch;
	const struct profile *p;
	struct json j;
	VEC(struct func) funcs;
	struct map funcs_by;
	uint32_t *func_of;     /* by frame */
	uint32_t *resource_of; /* by string: row + 1 of the resource with that name */
	uint32_t *source_of;   /* by string: likewise */
	VEC(str_id) resources, sources;
	VEC(struct str) extra; /* strings behind those of the profile */
};

static uint32_t row_of(struct writer *w, uint32_t *of, str_id s, bool source)
{
	if (s.i && !of[s.i]) {
		if (source)
			*vec_add(w->scratch, &w->sources) = s;
		else
			*vec_add(w->scratch, &w->resources) = s;
		of[s.i] = (uint32_t)(source ? w->sources.n : w->resources.n);
	}
	return of[s.i];
}

static uint32_t func(struct writer *w, const struct frame *f)
{
	const struct profile *p = w->p;
	bool named = f->function.i || !f->address, script = f->kind == FRAME_SCRIPT;
	struct str name =
		f->function.i ? profile_text(p, f->function)
		: named       ? S("(unknown)")
			      : arena_printf(w->scratch, "0x%llx", (unsigned long long)f->address);
	uint64_t h = map_hash2(str_hash(name), (uint64_t)f->file.i << 32 | f->module.i) + script;

	for (struct map_at at = map_first(&w->funcs_by, h); at.hit;
	     at = map_next(&w->funcs_by, at)) {
		assert(w->funcs.v);
		const struct func *g = &w->funcs.v[at.index];
		if (g->file.i == f->file.i && g->module.i == f->module.i && g->script == script &&
		    str_eq(g->name, name))
			return at.index;
	}
	uint32_t string = f->function.i;
	if (!string) {
		string = (uint32_t)(p->n_strings + w->extra.n);
		*vec_add(w->scratch, &w->extra) = name;
	}
	map_insert(&w->funcs_by, h, (uint32_t)w->funcs.n);
	*vec_add(w->scratch, &w->funcs) = (struct func){ name, string, f->file, f->module, script };
	(void)row_of(w, w->resource_of, f->module, false);
	(void)row_of(w, w->source_of, f->file, true);
	return (uint32_t)w->funcs.n - 1;
}

static void find_funcs(struct writer *w)
{
	w->func_of = arena_array(w->scratch, uint32_t, w->p->n_frames);
	w->resource_of = arena_array(w->scratch, uint32_t, w->p->n_strings);
	w->source_of = arena_array(w->scratch, uint32_t, w->p->n_strings);
	for (size_t i = 1; i < w->p->n_frames; i++)
		w->func_of[i] = func(w, &w->p->frames[i]);
}

enum cell { /* what stands in row i of a column */
	    CELL_NULL,
	    CELL_ZERO,
	    CELL_ONE,
	    CELL_INDEX,
	    STACK_FRAME,
	    STACK_PREFIX,
	    FRAME_ADDRESS,
	    FRAME_DEPTH,
	    FRAME_CATEGORY,
	    FRAME_FUNC,
	    FRAME_LINE,
	    FUNC_NAME,
	    FUNC_RESOURCE,
	    FUNC_SOURCE,
	    RESOURCE_NAME,
	    SOURCE_NAME,
};

static int64_t category(enum frame_kind kind) /* an index into those that put_meta lists */
{
	static const int64_t of[] = { [FRAME_NATIVE] = 1,
				      [FRAME_KERNEL] = 2,
				      [FRAME_INLINE] = 1,
				      [FRAME_SCRIPT] = 3,
				      [FRAME_MARKER] = 4 };

	return of[kind];
}

#define NONE INT64_MIN /* null */

static int64_t frame_cell(const struct writer *w, enum cell c, size_t i)
{
	const struct frame *f = &w->p->frames[i + 1];

	if (c == FRAME_ADDRESS)
		return f->function.i || !f->address ? -1 : (int64_t)f->address;
	if (c == FRAME_DEPTH)
		return f->kind == FRAME_INLINE;
	if (c == FRAME_CATEGORY)
		return category(f->kind);
	if (c == FRAME_FUNC)
		return w->func_of[i + 1];
	return f->line ? f->line : NONE;
}

static int64_t func_cell(const struct writer *w, enum cell c, size_t i)
{
	const struct func *f = &w->funcs.v[i];

	if (c == FUNC_NAME)
		return f->string;
	if (c == FUNC_RESOURCE)
		return (int64_t)w->resource_of[f->module.i] - 1;
	return f->file.i ? (int64_t)w->source_of[f->file.i] - 1 : NONE;
}

static int64_t cell(const struct writer *w, enum cell c, size_t i)
{
	switch (c) {
	case CELL_NULL:
		return NONE;
	case CELL_ZERO:
		return 0;
	case CELL_ONE:
		return 1;
	case CELL_INDEX:
		return (int64_t)i;
	case STACK_FRAME:
		return (int64_t)w->p->stacks[i + 1].frame.i - 1;
	case STACK_PREFIX:
		return w->p->stacks[i + 1].parent.i ? (int64_t)w->p->stacks[i + 1].parent.i - 1
						    : NONE;
	case FRAME_ADDRESS:
	case FRAME_DEPTH:
	case FRAME_CATEGORY:
	case FRAME_FUNC:
	case FRAME_LINE:
		return frame_cell(w, c, i);
	case FUNC_NAME:
	case FUNC_RESOURCE:
	case FUNC_SOURCE:
		return func_cell(w, c, i);
	case RESOURCE_NAME:
		return w->resources.v[i].i;
	case SOURCE_NAME:
		return w->sources.v[i].i;
	}
	return NONE;
}

static void put_number(struct writer *w, int64_t v, bool first)
{
	if (v == NONE)
		numbers_put_null(w->j.out, first);
	else
		numbers_put(w->j.out, v, first);
}

static void put_column(struct writer *w, const char *name, enum cell c, size_t n)
{
	json_open(&w->j, name, '[');
	for (size_t i = 0; i < n; i++)
		put_number(w, cell(w, c, i), i == 0);
	json_close(&w->j, ']');
}

static void put_bools(struct writer *w, const char *name, bool scripts)
{
	json_open(&w->j, name, '[');
	for (size_t i = 0; i < w->funcs.n; i++)
		json_bool(&w->j, "", scripts && w->funcs.v[i].script);
	json_close(&w->j, ']');
}

struct column {
	const char *name;
	enum cell cell;
};

/* The columns of a table, up to one without a name; the caller closes it. */
static void open_table(struct writer *w, const char *name, const struct column *c, size_t n)
{
	json_open(&w->j, name, '{');
	for (; c->name; c++)
		put_column(w, c->name, c->cell, n);
	json_uint(&w->j, "length", n);
}

static void put_tables(struct writer *w)
{
	static const struct column stacks[] = { { "frame", STACK_FRAME },
						{ "prefix", STACK_PREFIX },
						{ NULL, CELL_NULL } };
	static const struct column frames[] = {
		{ "address", FRAME_ADDRESS },   { "inlineDepth", FRAME_DEPTH },
		{ "category", FRAME_CATEGORY }, { "subcategory", CELL_ZERO },
		{ "func", FRAME_FUNC },         { "nativeSymbol", CELL_NULL },
		{ "innerWindowID", CELL_NULL }, { "line", FRAME_LINE },
		{ "column", CELL_NULL },        { NULL, CELL_NULL }
	};
	static const struct column funcs[] = {
		{ "name", FUNC_NAME },         { "resource", FUNC_RESOURCE },
		{ "source", FUNC_SOURCE },     { "lineNumber", CELL_NULL },
		{ "columnNumber", CELL_NULL }, { NULL, CELL_NULL }
	};
	static const struct column resources[] = { { "lib", CELL_INDEX },
						   { "name", RESOURCE_NAME },
						   { "host", CELL_NULL },
						   { "type", CELL_ONE }, /* library */
						   { NULL, CELL_NULL } };
	static const struct column sources[] = { { "uuid", CELL_NULL },
						 { "filename", SOURCE_NAME },
						 { NULL, CELL_NULL } };

	open_table(w, "stackTable", stacks, w->p->n_stacks - 1);
	json_close(&w->j, '}');
	open_table(w, "frameTable", frames, w->p->n_frames - 1);
	json_close(&w->j, '}');
	open_table(w, "funcTable", funcs, w->funcs.n);
	put_bools(w, "isJS", true);
	put_bools(w, "relevantForJS", false);
	json_close(&w->j, '}');
	open_table(w, "resourceTable", resources, w->resources.n);
	json_close(&w->j, '}');
	json_raw(&w->j, "nativeSymbols",
		 S("{\"libIndex\":[],\"address\":[],\"name\":[],\"functionSize\":[],"
		   "\"length\":0}"));
	open_table(w, "sources", sources, w->sources.n);
	json_close(&w->j, '}');
}

static void put_shared(struct writer *w)
{
	json_open(&w->j, "shared", '{');
	put_tables(w);
	json_open(&w->j, "stringArray", '[');
	for (size_t i = 0; i < w->p->n_strings; i++)
		json_text(&w->j, "", w->p->strings[i]);
	for (size_t i = 0; i < w->extra.n; i++)
		json_text(&w->j, "", w->extra.v[i]);
	json_close(&w->j, ']');
	json_close(&w->j, '}');
}

static void put_libs(struct writer *w)
{
	json_open(&w->j, "libs", '[');
	for (size_t i = 0; i < w->resources.n; i++) {
		struct str name = profile_text(w->p, w->resources.v[i]);
		json_open(&w->j, "", '{');
		json_text(&w->j, "arch", S(""));
		json_text(&w->j, "name", name);
		json_text(&w->j, "path", name);
		json_text(&w->j, "debugName", name);
		json_text(&w->j, "debugPath", name);
		json_text(&w->j, "breakpadId", S(""));
		json_raw(&w->j, "codeId", S("null"));
		json_close(&w->j, '}');
	}
	json_close(&w->j, ']');
}

static void put_category(struct json *j, struct str name, struct str color)
{
	json_open(j, "", '{');
	json_text(j, "name", name);
	json_text(j, "color", color);
	json_open(j, "subcategories", '[');
	json_text(j, "", S("Other"));
	json_close(j, ']');
	json_close(j, '}');
}

static void put_note(void *self, struct str key, struct str value)
{
	struct json *j = self;

	json_open(j, "", '{');
	json_text(j, "label", key);
	json_text(j, "format", S("string"));
	json_text(j, "value", value);
	json_close(j, '}');
}

static void put_ms(struct json *j, const char *key, int64_t ns)
{
	auto_buf text = BUF(64);

	numbers_put_ms(&text, ns, true);
	json_raw(j, key, buf_str(&text));
}

static void put_meta(struct writer *w, const struct run *r)
{
	const struct profile *p = w->p;
	struct json *j = &w->j;

	json_open(j, "meta", '{');
	json_uint(j, "preprocessedProfileVersion", FIREFOX_VERSION);
	json_uint(j, "version", 31); /* of the browser's own format, demanded too */
	put_ms(j, "interval", p->period_ns > 0 ? p->period_ns : 1000000);
	put_ms(j, "startTime", r->start_ns);
	put_ms(j, "profilingStartTime", 0);
	put_ms(j, "profilingEndTime", p->duration_ns);
	json_uint(j, "processType", 0);
	json_text(j, "product", p->name.n ? p->name : S("perf-ops"));
	json_text(j, "importedFrom", S("perf-ops " PERF_OPS_VERSION));
	json_uint(j, "stackwalk", 1);
	json_bool(j, "symbolicated", true);
	json_bool(j, "sourceCodeIsNotOnSearchfox", true);
	json_open(j, "categories", '[');
	put_category(j, S("Other"), S("grey"));
	put_category(j, S("User"), S("yellow"));
	put_category(j, FIREFOX_KERNEL, S("orange"));
	put_category(j, S("Script"), S("green"));
	put_category(j, FIREFOX_MARKER, S("purple"));
	json_close(j, ']');
	json_open(j, "sampleUnits", '{');
	json_text(j, "time", S("ms"));
	json_text(j, "eventDelay", S("ms"));
	json_text(j, "threadCPUDelta", S("ns"));
	json_close(j, '}');
	json_open(j, "markerSchema", '[');
	json_close(j, ']');
	json_open(j, "extra", '[');
	json_open(j, "", '{');
	json_text(j, "label", S("perf-ops"));
	json_open(j, "entries", '[');
	notes_say(r, p, put_note, j);
	if (!p->sample.at_ns)
		put_note(j, S("perf-ops.untimed"), FIREFOX_UNTIMED);
	json_close(j, ']');
	json_close(j, '}');
	json_close(j, ']');
	json_close(j, '}');
}

static int kind_with(const struct profile *p, enum unit unit)
{
	for (unsigned k = 0; k < p->n_kinds; k++)
		if (p->kind[k].unit == unit)
			return (int)k;
	return -1;
}

/* Values of one kind, or stacks for -1. */
static void put_values(struct writer *w, const char *name, const uint32_t *row, size_t n, int kind)
{
	const struct profile *p = w->p;

	json_open(&w->j, name, '[');
	for (size_t i = 0; i < n; i++) {
		uint32_t s = p->sample.stack[row[i]].i;
		int64_t v = s ? (int64_t)s - 1 : NONE;
		put_number(w, kind < 0 ? v : p->sample.value[row[i] * p->n_kinds + (unsigned)kind],
			   i == 0);
	}
	json_close(&w->j, ']');
}

static void put_times(struct writer *w, const uint32_t *row, size_t n)
{
	const struct profile *p = w->p;
	bool known = p->period_ns > 0 && p->period_ns < INT64_C(1000000000000);
	int64_t step = known ? p->period_ns : 1000000, was = 0;

	json_open(&w->j, "timeDeltas", '[');
	for (size_t i = 0; i < n; i++) {
		int64_t at = p->sample.at_ns ? p->sample.at_ns[row[i]] : (int64_t)i * step;
		numbers_put_ms(w->j.out, at - was, i == 0);
		was = at;
	}
	json_close(&w->j, ']');
}

static void put_weights_ms(struct writer *w, const uint32_t *row, size_t n, int kind)
{
	const struct profile *p = w->p;

	json_open(&w->j, "weight", '[');
	for (size_t i = 0; i < n; i++)
		numbers_put_ms(w->j.out, p->sample.value[row[i] * p->n_kinds + (unsigned)kind],
			       i == 0);
	json_close(&w->j, ']');
}

/* Weight: samples where they are counted; bytes; else time. CPU: ns beside samples. */
static void put_samples(struct writer *w, const uint32_t *row, size_t n)
{
	const struct profile *p = w->p;
	int count = kind_with(p, UNIT_COUNT), cpu = kind_with(p, UNIT_NS);
	int kind = count >= 0 ? count : (int)p->main_kind;

	json_open(&w->j, "samples", '{');
	put_values(w, "stack", row, n, -1);
	put_times(w, row, n);
	if (p->kind[kind].unit == UNIT_NS) {
		put_weights_ms(w, row, n, kind);
		json_text(&w->j, "weightType", S("tracing-ms"));
	} else {
		put_values(w, "weight", row, n, kind);
		json_text(&w->j, "weightType",
			  p->kind[kind].unit == UNIT_BYTES ? S("bytes") : S("samples"));
	}
	if (cpu >= 0 && count >= 0)
		put_values(w, "threadCPUDelta", row, n, cpu);
	json_uint(&w->j, "length", n);
	json_close(&w->j, '}');
}

static void put_no_markers(struct json *j)
{
	static const char *const column[] = { "data",    "name",  "startTime",
					      "endTime", "phase", "category" };

	json_open(j, "markers", '{');
	for (size_t i = 0; i < sizeof(column) / sizeof(column[0]); i++) {
		json_open(j, column[i], '[');
		json_close(j, ']');
	}
	json_uint(j, "length", 0);
	json_close(j, '}');
}

static void put_thread(struct writer *w, const struct row_groups *g, const struct row_group *t)
{
	const struct row_labels *l = &t->labels;
	struct json *j = &w->j;
	struct str name = l->thread.n ? l->thread : l->process.n ? l->process : w->p->name;
	auto_buf pid = BUF(32);

	numbers_put(&pid, l->pid >= 0 ? l->pid : 0, true);
	json_open(j, "", '{');
	json_text(j, "name", name);
	json_text(j, "processName", l->process);
	json_text(j, "processType", S("default"));
	json_bool(j, "isMainThread", l->pid == l->tid);
	json_text(j, "pid", buf_str(&pid));
	json_uint(j, "tid", l->tid >= 0 ? (uint64_t)l->tid : 0);
	json_raw(j, "processStartupTime", S("0"));
	json_raw(j, "processShutdownTime", S("null"));
	json_raw(j, "registerTime", S("0"));
	json_raw(j, "unregisterTime", S("null"));
	json_open(j, "pausedRanges", '[');
	json_close(j, ']');
	put_no_markers(j);
	put_samples(w, g->row + t->first, t->n);
	json_close(j, '}');
}

int firefox_write(const struct run *r, struct buf *out, struct err *err)
{
	auto_arena scratch = arena_open("writing for the Firefox Profiler", SIZE_MAX);
	struct writer w = { .scratch = scratch, .j.out = out, .funcs_by.arena = scratch };

	if (r->profiles.n == 0)
		return err_set(err, -ENODATA,
			       "there is no profile to write for the Firefox Profiler");
	w.p = r->profiles.v[0];
	struct row_groups g = row_groups_of(w.p, scratch);
	find_funcs(&w);
	json_open(&w.j, "", '{');
	put_meta(&w, r);
	put_libs(&w);
	put_shared(&w);
	json_open(&w.j, "threads", '[');
	for (size_t i = 0; i < g.n; i++)
		put_thread(&w, &g, &g.v[i]);
	json_close(&w.j, ']');
	json_open(&w.j, "pages", '[');
	json_close(&w.j, ']');
	json_close(&w.j, '}');
	return out->full ? err_set(err, -EFBIG, "the Firefox profile would be too large") : 0;
}
