/*
 * reports KIND FILE: writes a report of an invented profile through the real presenters, and says
 * on stdout, as JSON, what is true of it, summed here sample by sample and not by the code under
 * test. small    three threads, all kinds of frames, 3,000 samples in 10 s large    1,000,000
 * samples on 500,000 stacks, 8 threads, 8,000 functions compare  small against a run where two
 * functions took other shares hostile  names that would be markup, invalid UTF-8, 60,000 bytes
 * long, 5,000 frames deep empty    a recording without a single sample
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json_write.h"
#include "model/report.h"
#include "present/html/html.h"
#include "present/svg/svg.h"

#define PERIOD_NS 10101010

struct way { /* a stack, root first; how often in each third of the recording */
	const char *frames[12];
	unsigned thread, times[3];
};

/* "kind:module:file:line:function" */
#define MAIN   "n:/usr/bin/imaged:server.c:40:main"
#define SERVE  "n:/usr/bin/imaged:server.c:112:serve"
#define HANDLE "n:/usr/bin/imaged:server.c:77:handle_request"
#define START  "n:/lib/x86_64-linux-gnu/libc.so.6:::start_thread"
#define LOOP   "n:/usr/bin/imaged:worker.c:31:worker_loop"
#define ROW    "n:/usr/lib/libpng16.so.16:pngread.c:540:png_read_row"
#define INFL   "n:/lib/x86_64-linux-gnu/libz.so.1:inflate.c:"
#define SYS    "k:[kernel]:::do_syscall_64"

static const struct way ways[] = {
	{ { MAIN, SERVE, HANDLE, ROW, INFL "1012:inflate" }, 0, { 300, 500, 40 } },
	{ { MAIN, SERVE, HANDLE, ROW, INFL "1044:inflate",
	    "i:/lib/x86_64-linux-gnu/libz.so.1:inffast.c:80:copy_match" },
	  0,
	  { 120, 130, 20 } },
	{ { MAIN, SERVE, HANDLE, ROW,
	    "n:/usr/lib/libpng16.so.16:pngrutil.c:4120:png_read_filter_row" },
	  0,
	  { 80, 90, 0 } },
	{ { MAIN, SERVE, HANDLE, "s::/srv/app/page.js:12:renderPage",
	    "s::/srv/app/page.js:40:escapeHtml" },
	  0,
	  { 60, 20, 200 } },
	{ { MAIN, SERVE, HANDLE, "s::/srv/app/page.js:12:renderPage" }, 0, { 20, 10, 90 } },
	{ { MAIN, SERVE, "n:/lib/x86_64-linux-gnu/libc.so.6:::read", SYS, "k:[kernel]:::ksys_read",
	    "k:[kernel]:::copy_page_to_iter" },
	  0,
	  { 90, 60, 80 } },
	{ { START, LOOP, "n:/usr/bin/imaged:walk.cc:9:walk(std::vector<Node*> const&, int)",
	    "n:/usr/bin/imaged:walk.cc:9:walk(std::vector<Node*> const&, int)",
	    "n:/usr/bin/imaged:walk.cc:9:walk(std::vector<Node*> const&, int)" },
	  1,
	  { 100, 100, 100 } },
	{ { START, LOOP, INFL "1012:inflate" }, 1, { 60, 60, 60 } },
	{ { START, LOOP, "n:/usr/bin/imaged:::" }, 2, { 30, 30, 30 } },
	{ { START, LOOP, "n:/usr/bin/imaged:hash.c:88:hash_row" }, 2, { 110, 150, 260 } },
};

static const struct value_kind kinds[] = { { S("samples"), UNIT_COUNT }, { S("cpu"), UNIT_NS } };
static const char *const thread_names[] = { "imaged", "worker-1", "worker-2" };

static uint64_t chance(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static frame_id read_frame(struct profile *p, const char *text)
{
	struct str rest = str_from_c(text), part[4];
	uint64_t line = 0;

	for (int i = 0; i < 4; i++)
		part[i] = str_cut(rest, ':', &rest);
	(void)str_to_u64(part[3], &line);
	struct frame f = { .function = profile_string(p, rest),
			   .module = profile_string(p, part[1]),
			   .file = profile_string(p, part[2]),
			   .line = (uint32_t)line,
			   .address = rest.n ? 0 : 0x4f10,
			   .kind = text[0] == 'k'   ? FRAME_KERNEL
				   : text[0] == 'i' ? FRAME_INLINE
				   : text[0] == 's' ? FRAME_SCRIPT
						    : FRAME_NATIVE };

	return profile_frame(p, &f);
}

static label_id thread_label(struct profile *p, const char *name, unsigned t)
{
	label_id l = profile_label(p, (label_id){ 0 }, S("tid"), S(""), 4711 + (int64_t)t);

	l = profile_label(p, l, S("thread"), str_from_c(name), 0);
	l = profile_label(p, l, S("pid"), S(""), 4711);
	return profile_label(p, l, S("process"), S("imaged"), 0);
}

static struct profile *profile_made(struct arena *a, const char *name, bool timed, int64_t seconds)
{
	struct profile *p = profile_new(a, str_from_c(name), kinds, 2, timed);

	p->main_kind = 1;
	p->period_ns = PERIOD_NS;
	p->duration_ns = seconds * 1000000000;
	return p;
}

static struct profile *small(struct arena *a, const char *name, unsigned swap)
{
	struct profile *p = profile_made(a, name, true, 10);
	const int64_t one[2] = { 1, PERIOD_NS };

	for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
		const struct way *way = &ways[w];
		stack_id s = { 0 };
		label_id l = thread_label(p, thread_names[way->thread], way->thread);

		for (int i = 0; i < 12 && way->frames[i]; i++)
			s = profile_stack(p, s, read_frame(p, way->frames[i]));
		for (unsigned third = 0; third < 3; third++) {
			unsigned times = way->times[third];

			if (swap && w == 0)
				times /= swap;
			if (swap && w == 3)
				times *= swap;
			for (unsigned i = 0; i < times; i++)
				profile_add(p, s, l, one,
					    (int64_t)((third + (i + 0.5) / times) * 10e9 / 3));
		}
	}
	profile_sort(p);
	p->loss = (struct loss){ .dropped = 2, .truncated = 0, .unresolved = 90 };
	return p;
}

/* Which function F calls at its CALL'th place: always the same few, as in a program. */
static unsigned callee(unsigned f, unsigned call, unsigned functions)
{
	uint64_t seed = (f * 16 + call + 1) * UINT64_C(0x9e3779b97f4a7c15);

	(void)chance(&seed);
	return (unsigned)(chance(&seed) % functions);
}

/* Walks along a few calls that are usual and many that are rare: 500,000 stacks, most of them seen
 * once. */
static struct profile *large(struct arena *a)
{
	enum { SAMPLES = 1000000, STACKS = 500001, FUNCTIONS = 8000, CALLS = 8, DEEPEST = 60 };
	struct profile *p = profile_made(a, "large", true, 125);
	frame_id *frame = calloc(FUNCTIONS, sizeof(*frame));
	unsigned *function = calloc(STACKS, sizeof(*function));
	uint32_t(*kid)[CALLS] = calloc(STACKS, sizeof(*kid));
	uint64_t seed = 88172645463325252;
	const int64_t one[2] = { 1, PERIOD_NS };
	label_id label[8];

	for (unsigned t = 0; t < 8; t++)
		label[t] = thread_label(p, "worker", t);
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		char text[128];

		(void)snprintf(
			text, sizeof(text),
			"n:/usr/lib/libmodule_%u.so:source_%u.cc:%u:ns%u::module_%u::method_%u",
			i % 37, i % 400, 10 + i * 7 % 900, i % 37, i % 211, i);
		frame[i] = read_frame(p, text);
	}
	for (int64_t i = 0; i < SAMPLES; i++) {
		stack_id s = { 0 };
		unsigned target = 8 + (unsigned)(chance(&seed) % (DEEPEST - 8));

		for (unsigned d = 0; d < target; d++) {
			uint64_t r = chance(&seed) % 1000;
			unsigned call = r < 850 ? 0 : r < 950 ? 1 : 2 + (unsigned)(r % (CALLS - 2));
			unsigned f = callee(s.i ? function[s.i] : FUNCTIONS, call, FUNCTIONS);

			if (!kid[s.i][call]) {
				stack_id child;

				if (p->n_stacks >= STACKS)
					break;
				child = profile_stack(p, s, frame[f]);
				kid[s.i][call] = child.i;
				function[child.i] = f;
			}
			s.i = kid[s.i][call];
		}
		profile_add(p, s, label[chance(&seed) % 8], one, i * 125000);
	}
	free(frame);
	free(function);
	free(kid);
	return p;
}

static struct profile *hostile(struct arena *a)
{
	static const char *const names[] = { "</script><script>alert(1)</script>",
					     "<img src=x onerror=alert(1)>",
					     "\xff\xfe broken \xc3",
					     "a\"b'c&amp;d",
					     "\xe2\x80\xaereversed",
					     "line\nbreak\ttab\x01",
					     "]]>--><!--",
					     "" };
	struct profile *p = profile_made(a, "</title><script>alert(2)</script>", false, 1);
	char *big = malloc(60000);
	const int64_t one[2] = { 3, 3 * PERIOD_NS };
	stack_id s = { 0 };

	memset(big, 'x', 60000);
	for (unsigned i = 0; i < 9; i++) {
		struct frame f = { .function =
					   profile_string(p, i < 8 ? str_from_c(names[i])
								   : (struct str){ big, 60000 }),
				   .file = profile_string(p, S("</script>.c")),
				   .module = profile_string(p, S("<b>/<i>")),
				   .line = i };

		s = profile_stack(p, (stack_id){ 0 }, profile_frame(p, &f));
		profile_add(p, s, (label_id){ 0 }, one, 0);
	}
	for (unsigned i = 0; i < 5000; i++) {
		struct frame f = { .function = profile_string(p, i % 2 ? S("odd") : S("even")) };

		s = profile_stack(p, s, profile_frame(p, &f));
	}
	profile_add(p, s, (label_id){ 0 }, one, 0);
	free(big);
	return p;
}

static void one_table(struct section *s, struct arena *a)
{
	static struct column columns[] = {
		{ .key = S("function"), .heading = S("function"), .wide = true },
		{ .key = S("self_share"), .heading = S("self"), .unit = UNIT_RATIO },
		{ .key = S("total_share"), .heading = S("total"), .unit = UNIT_RATIO },
		{ .key = S("samples"), .heading = S("samples"), .unit = UNIT_COUNT },
	};
	static const struct {
		const char *name;
		double v[3];
	} rows[] = { { "inflate", { 0.3307, 0.4049, 1020 } },
		     { "hash_row", { 0.1686, 0.1686, 520 } },
		     { "walk(std::vector<Node*> const&, int)", { 0.0973, 0.0973, 300 } },
		     { "escapeHtml", { 0.0908, 0.0908, 280 } } };
	struct table *t = arena_make(a, struct table);

	*t = (struct table){ .column = columns,
			     .n_columns = 4,
			     .n_rows = 4,
			     .cell = arena_array(a, struct cell, 16),
			     .n_cut = 7 };
	for (size_t r = 0; r < 4; r++) {
		t->cell[r * 4].text = str_from_c(rows[r].name);
		for (size_t c = 0; c < 3; c++)
			t->cell[r * 4 + c + 1].v = rows[r].v[c];
	}
	s->table = t;
}

static void add_sections(struct report *r, struct arena *a, bool compared)
{
	struct section *s = report_section(r, a);

	*s = (struct section){
		.id = S("verdict"),
		.block = BLOCK_SENTENCE,
		.heading = S("Verdict"),
		.sentence = S("40 % of CPU time is in `inflate`, called from `png_read_row`")
	};
	s = report_section(r, a);
	*s = (struct section){ .id = S("flame"),
			       .block = BLOCK_FLAME,
			       .about = { ART_PROFILE, 0, 0 },
			       .against = { compared ? ART_PROFILE : ART_FACT, 0, 0 } };
	s = report_section(r, a);
	*s = (struct section){ .id = S("top"),
			       .block = BLOCK_TABLE,
			       .heading = S("Top functions"),
			       .sentence = S("By self time; what they call is in total.") };
	one_table(s, a);
	s = report_section(r, a);
	*s = (struct section){ .id = S("cost"),
			       .block = BLOCK_SENTENCE,
			       .heading = S("Cost"),
			       .sentence = S("Recording took 0.2 % of one CPU and 23 MB.") };
}

/* What the page must show: self and total of a function, per kind "samples", counted from the rows.
 */
static void truth(struct json *j, const struct profile *p, const char *key, const char *name)
{
	uint64_t self = 0, total = 0;

	for (size_t r = 0; r < p->sample.n_rows; r++) {
		uint64_t v = (uint64_t)p->sample.value[r * 2];
		bool leaf = true, in = false;

		for (stack_id s = p->sample.stack[r]; s.i;
		     s = p->stacks[s.i].parent, leaf = false) {
			bool is =
				str_eq(profile_text(p, p->frames[p->stacks[s.i].frame.i].function),
				       str_from_c(name));

			self += is && leaf ? v : 0;
			in |= is;
		}
		total += in ? v : 0;
	}
	json_open(j, key, '{');
	json_text(j, "name", str_from_c(name));
	json_uint(j, "self", self);
	json_uint(j, "total", total);
	json_close(j, '}');
}

static uint64_t before(const struct profile *p, int64_t end_ns)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < p->sample.n_rows; r++)
		if (!p->sample.at_ns || p->sample.at_ns[r] < end_ns)
			sum += (uint64_t)p->sample.value[r * 2];
	return sum;
}

static uint64_t of_thread(const struct profile *p, int64_t tid)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < p->sample.n_rows; r++)
		for (label_id l = p->sample.label[r]; l.i; l = p->labels[l.i].next)
			if (str_eq(profile_text(p, p->labels[l.i].key), S("tid")) &&
			    p->labels[l.i].number == tid)
				sum += (uint64_t)p->sample.value[r * 2];
	return sum;
}

static uint64_t under(const struct profile *p, const char *name)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < p->sample.n_rows; r++) {
		stack_id s = p->sample.stack[r];

		while (s.i && p->stacks[s.i].parent.i)
			s = p->stacks[s.i].parent;
		if (str_eq(profile_text(p, p->frames[p->stacks[s.i].frame.i].function),
			   str_from_c(name)))
			sum += (uint64_t)p->sample.value[r * 2];
	}
	return sum;
}

static void told(const struct profile *p, const struct profile *base, double seconds, size_t bytes)
{
	static const char *const asked[] = { "inflate", "walk(std::vector<Node*> const&, int)",
					     "png_read_row", "escapeHtml", "hash_row" };
	struct buf out = BUF(65536);
	struct json j = { .out = &out };

	json_open(&j, "", '{');
	json_uint(&j, "samples", before(p, INT64_MAX));
	json_uint(&j, "stacks", p->n_stacks - 1);
	json_uint(&j, "bytes", bytes);
	json_uint(&j, "written_us", (uint64_t)(seconds * 1e6));
	json_uint(&j, "before_3s", before(p, 3000000000));
	json_uint(&j, "before_slice_480", before(p, 480 * (p->duration_ns / 512 + 1)));
	json_uint(&j, "main", under(p, "main"));
	json_uint(&j, "main_base", base ? under(base, "main") : 0);
	json_open(&j, "threads", '[');
	for (int64_t tid = 4711; tid < 4714; tid++) {
		json_open(&j, "", '[');
		json_uint(&j, "", (uint64_t)tid);
		json_uint(&j, "", of_thread(p, tid));
		json_close(&j, ']');
	}
	json_close(&j, ']');
	json_open(&j, "functions", '[');
	for (size_t i = 0; i < 5 && p->n_stacks < 1000; i++)
		truth(&j, p, "", asked[i]);
	json_close(&j, ']');
	json_open(&j, "base", '[');
	for (size_t i = 0; base && i < 5; i++)
		truth(&j, base, "", asked[i]);
	json_close(&j, ']');
	json_close(&j, '}');
	printf(STR_FMT "\n", STR_ARG(buf_str(&out)));
	buf_done(&out);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct profile *named(struct arena *a, const char *kind)
{
	if (!strcmp(kind, "small"))
		return small(a, "imaged (4711)", 0);
	if (!strcmp(kind, "compare"))
		return small(a, "imaged, after", 4);
	if (!strcmp(kind, "large"))
		return large(a);
	if (!strcmp(kind, "hostile"))
		return hostile(a);
	return strcmp(kind, "empty") ? NULL : profile_made(a, "empty", true, 1);
}

int main(int argc, char **argv)
{
	auto_arena a = arena_open("reports", SIZE_MAX);
	struct report r = { 0 };
	struct buf out = BUF((size_t)1 << 30);
	struct run *run = run_new(a), *base = run_new(a);
	struct profile *p = argc == 3 ? named(a, argv[1]) : NULL, *before = NULL;

	if (!p) {
		fprintf(stderr, "usage: reports small|large|compare|hostile|empty FILE\n");
		return 2;
	}
	run_add_profile(run, p);
	run->target = p->name;
	run->version = S("0.1.0");
	run->source = S("eBPF, cpu-clock at 99 Hz");
	run->command = S("perf-ops profile imaged -o imaged.html");
	run_add_limit(run, S("kernel addresses are hidden"), S("kernel.kptr_restrict is 2"),
		      S("sudo sysctl kernel.kptr_restrict=1"));
	r.run = run;
	if (!strcmp(argv[1], "compare")) {
		before = small(a, "imaged, before", 0);
		run_add_profile(base, before);
		r.baseline = base;
	}
	add_sections(&r, a, before != NULL);
	double began = now();
	if (str_ends(str_from_c(argv[2]), S(".svg")))
		svg_report(&r, &out);
	else
		html_report(&r, &out);
	double took = now() - began;
	FILE *f = fopen(argv[2], "w");
	bool fine = f && !out.full && fwrite(out.p, 1, out.n, f) == out.n;
	fine = f && fclose(f) == 0 && fine;
	told(p, before, took, out.n);
	buf_done(&out);
	return fine ? 0 : 1;
}
