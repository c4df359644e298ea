/*
 * The .cpuprofile of V8 (node --cpu-prof, Chrome DevTools): a tree of nodes, and the node of every
 * sample with the microseconds since the one before. A sample lasts until the next.
 */
#include <errno.h>

#include "base/map.h"
#include "formats/format.h"
#include "formats/json_path.h"
#include "formats/numbers.h"
#include "formats/reading.h"

enum place {
	P_TOP = 1,
	P_NODES,
	P_NODE,
	P_ID,
	P_PARENT,
	P_CHILDREN,
	P_CHILD,
	P_CALL,
	P_FUNCTION,
	P_URL,
	P_LINE,
	P_SAMPLES,
	P_SAMPLE,
	P_DELTAS,
	P_DELTA,
	P_START,
	P_END,
};

static const struct json_step steps[] = {
	{ "", 0, P_TOP },
	{ "nodes", P_TOP, P_NODES },
	{ "", P_NODES, P_NODE },
	{ "id", P_NODE, P_ID },
	{ "parent", P_NODE, P_PARENT },
	{ "children", P_NODE, P_CHILDREN },
	{ "", P_CHILDREN, P_CHILD },
	{ "callFrame", P_NODE, P_CALL },
	{ "functionName", P_CALL, P_FUNCTION },
	{ "url", P_CALL, P_URL },
	{ "lineNumber", P_CALL, P_LINE },
	{ "samples", P_TOP, P_SAMPLES },
	{ "", P_SAMPLES, P_SAMPLE },
	{ "timeDeltas", P_TOP, P_DELTAS },
	{ "", P_DELTAS, P_DELTA },
	{ "startTime", P_TOP, P_START },
	{ "endTime", P_TOP, P_END },
};

struct node {
	double id, parent_id, line; /* parent_id: NaN when only the parent says it */
	struct str function, url;
	uint32_t parent; /* row + 1; 0: a root */
	uint8_t state;   /* of make_stack */
	stack_id stack;
};

struct child {
	uint32_t of;
	double id;
};

struct reader {
	struct arena *scratch;
	struct run *run;
	struct err *err;
	struct input *in;
	struct json_path path;
	VEC(struct node) nodes;
	VEC(struct child) children;
	struct map by_id;
	struct numbers samples, deltas;
	double start, end;
	struct profile *p;
};

static int room(struct reader *r, size_t text)
{
	size_t most = r->nodes.cap + r->children.cap + 64;

	if (arena_fits(r->scratch, most, 4 * sizeof(struct node)) &&
	    arena_fits(r->scratch, text + 1, 2))
		return 0;
	return err_set(r->err, -E2BIG, "cpuprofile: needs more memory than allowed at byte %llu",
		       (unsigned long long)input_at(r->in));
}

static enum json_go on_open(void *self, struct str key, enum json_type type)
{
	struct reader *r = self;
	unsigned at = json_path_open(&r->path, key);

	(void)type;
	if (!at)
		return JSON_SKIP;
	if (at != P_NODE)
		return JSON_GO;
	if (room(r, 0) < 0)
		return JSON_STOP;
	*vec_add(r->scratch, &r->nodes) = (struct node){ .id = -1, .parent_id = __builtin_nan("") };
	return JSON_GO;
}

static enum json_go on_close(void *self)
{
	struct reader *r = self;

	(void)json_path_close(&r->path); /* nothing is decided at an end */
	return JSON_GO;
}

static double number(struct str text)
{
	double v;

	return str_to_double(text, &v) ? v : __builtin_nan("");
}

static int take_node(struct reader *r, unsigned at, struct str text)
{
	struct node *n = &r->nodes.v[r->nodes.n - 1];

	if (room(r, text.n) < 0)
		return r->err->code;
	if (at == P_ID)
		n->id = number(text);
	else if (at == P_PARENT)
		n->parent_id = number(text);
	else if (at == P_FUNCTION)
		n->function = arena_str(r->scratch, text);
	else if (at == P_URL)
		n->url = arena_str(r->scratch, text);
	else if (at == P_LINE)
		n->line = number(text) + 1; /* V8 counts lines from 0 */
	else if (at == P_CHILD)
		*vec_add(r->scratch, &r->children) =
			(struct child){ (uint32_t)r->nodes.n - 1, number(text) };
	return 0;
}

static enum json_go on_value(void *self, struct str key, enum json_type type, struct str text)
{
	struct reader *r = self;
	unsigned at = json_path_find(&r->path, key);
	bool full = false;

	(void)type;
	if (at >= P_ID && at <= P_LINE)
		return take_node(r, at, text) < 0 ? JSON_STOP : JSON_GO;
	if (at == P_SAMPLE)
		full = !numbers_add(r->scratch, &r->samples, text);
	else if (at == P_DELTA)
		full = !numbers_add(r->scratch, &r->deltas, text);
	else if (at == P_START)
		r->start = number(text);
	else if (at == P_END)
		r->end = number(text);
	if (full)
		(void)err_set(r->err, -E2BIG, "cpuprofile: too many samples at byte %llu",
			      (unsigned long long)input_at(r->in));
	return full ? JSON_STOP : JSON_GO;
}

static uint64_t id_hash(double id)
{
	return map_hash2((uint64_t)numbers_round(id), 0);
}

/* Row + 1, or 0. */
static uint32_t find(const struct reader *r, double id)
{
	for (struct map_at at = map_first(&r->by_id, id_hash(id)); at.hit;
	     at = map_next(&r->by_id, at))
		if (r->nodes.v[at.index].id == id)
			return at.index + 1;
	return 0;
}

/* Children name parents, or parents name children; both exist. */
static int link_nodes(struct reader *r)
{
	if (reading_scratch(r->scratch, r->nodes.n + 64, 64, r->err) < 0)
		return err_add(r->err, "cpuprofile");
	for (uint32_t i = 0; i < r->nodes.n; i++) {
		double id = r->nodes.v[i].id;
		if (!(id >= 0) || find(r, id))
			return err_set(r->err, -EBADMSG, "cpuprofile: node %u has no id of its own",
				       i);
		map_insert(&r->by_id, id_hash(id), i);
	}
	for (size_t i = 0; i < r->nodes.n; i++)
		if (r->nodes.v[i].parent_id >= 0)
			r->nodes.v[i].parent = find(r, r->nodes.v[i].parent_id);
	for (size_t i = 0; i < r->children.n; i++) {
		uint32_t child = find(r, r->children.v[i].id);
		if (!child)
			return err_set(r->err, -EBADMSG, "cpuprofile: a child that is no node");
		r->nodes.v[child - 1].parent = r->children.v[i].of + 1;
	}
	return 0;
}

static int make_frame(struct reader *r, const struct node *n, stack_id parent, stack_id *ret)
{
	struct str module = reading_module(n->url);
	bool mark = n->function.n > 2 && n->function.p[0] == '(' && n->url.n == 0;

	if (str_eq(n->function, S("(root)"))) {
		*ret = parent;
		return 0;
	}
	if (reading_room(r->p, n->function.n + n->url.n + module.n, r->err) < 0)
		return err_add(r->err, "cpuprofile");
	struct frame f = { .function = profile_string(r->p, n->function.n ? n->function
									  : S("(anonymous)")),
			   .file = profile_string(r->p, n->url),
			   .module = profile_string(r->p, module),
			   .line = n->line > 0 && n->line < 4e9 ? (uint32_t)n->line : 0,
			   .kind = mark ? FRAME_MARKER : FRAME_SCRIPT };
	*ret = profile_stack(r->p, parent, profile_frame(r->p, &f));
	return 0;
}

enum { STACK_UNKNOWN, STACK_ON_PATH, STACK_MADE };

/* From the node up to one that is made, then down again; a circle meets its own path. */
static int make_stack(struct reader *r, uint32_t row, uint32_t *path, stack_id *ret)
{
	size_t n = 0;
	stack_id s = { 0 };

	for (uint32_t at = row; at; at = r->nodes.v[at - 1].parent) {
		struct node *node = &r->nodes.v[at - 1];
		if (node->state == STACK_MADE) {
			s = node->stack;
			break;
		}
		if (node->state == STACK_ON_PATH || n >= READING_DEPTH_MAX)
			return err_set(r->err, -EBADMSG,
				       "cpuprofile: the nodes are no tree, or too deep a one");
		node->state = STACK_ON_PATH;
		path[n++] = at - 1;
	}
	while (n-- > 0) {
		struct node *node = &r->nodes.v[path[n]];
		if (make_frame(r, node, s, &s) < 0)
			return r->err->code;
		node->stack = s;
		node->state = STACK_MADE;
	}
	*ret = s;
	return 0;
}

static int add_samples(struct reader *r)
{
	uint32_t *path = arena_array(r->scratch, uint32_t, (size_t)READING_DEPTH_MAX);
	double at_us = 0, end_us = r->end - r->start;

	for (size_t i = 0; i < r->samples.n; i++) {
		uint32_t row = find(r, numbers_get(&r->samples, i, -1));
		stack_id s = { 0 };
		if (!row)
			return err_set(r->err, -EBADMSG, "cpuprofile: sample %zu is of no node", i);
		if (make_stack(r, row, path, &s) < 0)
			return r->err->code;
		if (reading_room(r->p, 0, r->err) < 0)
			return err_add(r->err, "cpuprofile");
		at_us += numbers_get(&r->deltas, i, 0);
		double lasts =
			i + 1 < r->samples.n ? numbers_get(&r->deltas, i + 1, 0) : end_us - at_us;
		int64_t value[2] = { 1, lasts > 0 ? numbers_round(lasts * 1000) : 0 };
		profile_add(r->p, s, (label_id){ 0 }, value,
			    at_us > 0 ? numbers_round(at_us * 1000) : 0);
	}
	r->p->duration_ns = end_us > 0 ? numbers_round(end_us * 1000) : 0;
	return 0;
}

static int cpuprofile_read(struct input *in, struct run *into, struct err *err)
{
	static const struct json_sax sax = { on_open, on_value, on_close, JSON_PATH_DEPTH,
					     JSON_PATH_STRING };
	static const struct value_kind kinds[2] = { { { "samples", 7 }, UNIT_COUNT },
						    { { "time", 4 }, UNIT_NS } };
	auto_arena scratch = arena_open("reading cpuprofile", READING_SCRATCH_MAX);
	struct reader r = { .scratch = scratch, .run = into, .err = err, .in = in };

	r.path = JSON_PATH(steps);
	r.by_id.arena = scratch;
	r.start = r.end = 0;
	*err = (struct err){ 0 };
	if (json_read(in, &sax, &r, err) < 0 || err->code < 0)
		return err->code;
	if (r.samples.n != r.deltas.n)
		return err_set(err, -EBADMSG, "cpuprofile: %zu samples, but %zu times", r.samples.n,
			       r.deltas.n);
	if (!arena_fits(into->arena, 65536, 1))
		return err_set(err, -E2BIG, "cpuprofile: needs more memory than allowed");
	r.p = profile_new(into->arena, S(""), kinds, 2, true);
	r.p->main_kind = 1;
	if (link_nodes(&r) < 0 || add_samples(&r) < 0)
		return err->code;
	return reading_done(into, r.p, "cpuprofile", err);
}

static int cpuprofile_sniff(struct str head)
{
	struct str start = str_trim(head);

	if (start.n == 0 || start.p[0] != '{')
		return 0;
	return str_find(head, S("\"callFrame\"")) < head.n ? 80 : 0;
}

const struct format format_cpuprofile = {
	.name = "cpuprofile",
	.suffix = ".cpuprofile",
	.about = "the CPU profile of V8: node --cpu-prof, Chrome DevTools",
	.sniff = cpuprofile_sniff,
	.read = cpuprofile_read,
};
