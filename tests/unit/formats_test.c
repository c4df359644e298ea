/* Every format that writes, read again: nothing is lost but what the format has no place for. */
#include <errno.h>
#include <time.h>

#include "base/gzip.h"
#include "format_sample.h"
#include "formats/format.h"
#include "test.h"

extern const struct format format_pprof, format_collapsed, format_speedscope, format_firefox,
	format_perfscript, format_cpuprofile;

static struct run *read_text(struct arena *a, const struct format *f, struct str text)
{
	struct run *r = run_new(a);
	struct err err = { 0 };
	struct input in = input_memory(text);
	struct gunzip *g = NULL;

	if (gzip_is(text))
		g = gunzip_open(a, &in, UINT64_C(1) << 30);
	if (f->read(g ? gunzip_input(g) : &in, r, &err) < 0)
		fail_msg("%s: %s", f->name, err.text);
	(void)gunzip_close(g);
	if (run_check(r, &err) < 0)
		fail_msg("%s: %s", f->name, err.text);
	return r;
}

static void write_text(const struct format *f, const struct run *r, struct buf *out)
{
	struct err err = { 0 };

	if (f->write(r, out, &err) < 0)
		fail_msg("%s: %s", f->name, err.text);
}

static void check_sniff(const struct format *f, struct str text)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct input in = input_memory(text);
	struct err err = { 0 };
	struct str all = text;
	struct gunzip *g = NULL;

	if (gzip_is(text)) {
		g = gunzip_open(a, &in, UINT64_C(1) << 30);
		assert_int_equal(input_all(gunzip_input(g), a, &all, &err), 0);
		(void)gunzip_close(g);
	}
	const struct format *found = format_sniff(str_head(all, 65536));
	if (found != f)
		fail_msg("taken for %s, not %s", found ? found->name : "nothing", f->name);
}

static void same_facts(const struct run *a, const struct run *b)
{
	const struct profile *p = a->profiles.v[0], *q = b->profiles.v[0];

	check_str(b->source, a->source);
	check_str(b->target, a->target);
	check_str(q->name, p->name);
	assert_int_equal(q->loss.dropped, p->loss.dropped);
	assert_int_equal(q->loss.truncated, p->loss.truncated);
	assert_int_equal(q->loss.unresolved, p->loss.unresolved);
	assert_int_equal(b->cost.cpu_ns, a->cost.cpu_ns);
	assert_int_equal(b->cost.probe_ns, -1);
	assert_int_equal(b->cost.rss_bytes, a->cost.rss_bytes);
	assert_int_equal(b->stack_end[0], a->stack_end[0]);
	assert_int_equal(b->start_ns, a->start_ns);
	assert_int_equal(q->period_ns, p->period_ns);
	assert_int_equal(q->duration_ns, p->duration_ns);
	assert_int_equal(q->main_kind, p->main_kind);
	assert_int_equal(b->limits.n, a->limits.n);
	check_str(b->limits.v[0].remedy, a->limits.v[0].remedy);
}

static void there_and_back(const struct format *f, struct sample_wish w)
{
	for (uint64_t seed = 1; seed < 50; seed++) {
		auto_arena a = arena_open("test", 1 << 28);
		auto_buf out = BUF(1 << 26);
		struct run *r = sample_run(a, seed, &w);
		write_text(f, r, &out);
		if (seed == 1)
			check_sniff(f, buf_str(&out));
		struct run *back = read_text(a, f, buf_str(&out));
		if (!profile_equal(r->profiles.v[0], back->profiles.v[0]))
			fail_msg("%s: another profile came back (seed %u)", f->name,
				 (unsigned)seed);
		same_facts(r, back);
		if (!w.timed || !back->profiles.v[0]->sample.at_ns)
			continue;
		const struct profile *p = r->profiles.v[0], *q = back->profiles.v[0];
		for (size_t i = 0; i < p->sample.n_rows; i++)
			assert_int_equal(p->sample.at_ns[i], q->sample.at_ns[i]);
	}
}

static void pprof(void **state)
{
	(void)state;
	there_and_back(&format_pprof,
		       (struct sample_wish){ true, true, true, true, true, true, false });
	there_and_back(&format_pprof,
		       (struct sample_wish){ false, true, true, true, false, true, false });
}

static void firefox(void **state)
{
	(void)state;
	there_and_back(&format_firefox,
		       (struct sample_wish){ true, true, true, true, true, true, false });
	there_and_back(&format_firefox,
		       (struct sample_wish){ false, true, true, true, true, true, false });
}

static void speedscope(void **state)
{
	(void)state; /* no modules, no kinds of frames; a row is a sample */
	there_and_back(&format_speedscope,
		       (struct sample_wish){ false, false, false, false, true, true, true });
}

/* What collapsed stacks can hold is what comes back, so the second file is the first. */
static void collapsed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 50; seed++) {
		auto_arena a = arena_open("test", 1 << 28);
		auto_buf one = BUF(1 << 26), two = BUF(1 << 26);
		struct sample_wish w = { true, true, true, true, seed % 2, true, false };
		struct run *r = sample_run(a, seed, &w);
		write_text(&format_collapsed, r, &one);
		check_sniff(&format_collapsed, buf_str(&one));
		struct run *back = read_text(a, &format_collapsed, buf_str(&one));
		write_text(&format_collapsed, back, &two);
		struct run *again = read_text(a, &format_collapsed, buf_str(&two));
		assert_true(profile_equal(back->profiles.v[0], again->profiles.v[0]));
		int64_t sum = 0, want = 0;
		const struct profile *p = r->profiles.v[0], *q = back->profiles.v[0];
		for (size_t i = 0; i < p->sample.n_rows; i++)
			want += p->sample.value[i * 2];
		for (size_t i = 0; i < q->sample.n_rows; i++)
			sum += q->sample.value[i];
		assert_int_equal(sum, want);
	}
}

static void collapsed_text(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	auto_buf out = BUF(1 << 20);

	(void)state;
	struct run *r = read_text(a, &format_collapsed,
				  S("main;work;memcpy 42\n\nmain;work_[i];sys_read_[k] 3.6\r\n"
				    "main;libx.so+0x1f00 1\nmain;operator new(unsigned long) 2\n"));
	const struct profile *p = r->profiles.v[0];
	assert_int_equal(p->sample.n_rows, 4);
	assert_int_equal(p->sample.value[1], 4);
	const struct stack *s = &p->stacks[p->sample.stack[1].i];
	assert_int_equal(p->frames[s->frame.i].kind, FRAME_KERNEL);
	check_str(profile_text(p, p->frames[s->frame.i].function), S("sys_read"));
	assert_int_equal(p->frames[p->stacks[s->parent.i].frame.i].kind, FRAME_INLINE);
	s = &p->stacks[p->sample.stack[2].i];
	assert_int_equal(p->frames[s->frame.i].address, 0x1f00);
	check_str(profile_text(p, p->frames[s->frame.i].module), S("libx.so"));
	write_text(&format_collapsed, r, &out);
	check_str(buf_str(&out), S("main;work;memcpy 42\nmain;work_[i];sys_read_[k] 4\n"
				   "main;libx.so+0x1f00 1\nmain;operator new(unsigned long) 2\n"));
}

static void perf_script_text(void **state)
{
	static const char text[] =
		"# ========\n# hostname : box\n# cmdline : /usr/bin/perf record ./t\n#\n"
		"my prog 2 28876/28877 [001]  2057.460357:    2004008 cpu-clock:pppH: \n"
		"\tffffffff821eb5f6 copy_mc+0x6 ([kernel.kallsyms])\n"
		"\t            1183 hot (inlined)\n"
		"  t.c:3\n"
		"\t            1183 inner(int, char (*)[3])+0x13 (/tmp/my dir/t (deleted))\n"
		"\t            2000 [unknown] (/usr/lib/x.so)\n\n"
		"t 28876 2057.460350: 1000 cpu-clock:pppH:  1190 main+0x10 (/tmp/t)\n"
		"t 28876 2057.460351: 1 cycles: \n\t 1190 main+0x10 (/tmp/t)\n\n";
	auto_arena a = arena_open("test", 1 << 24);
	struct run *r;

	(void)state;
	check_sniff(&format_perfscript, str_from_c(text));
	r = read_text(a, &format_perfscript, str_from_c(text));
	const struct profile *p = r->profiles.v[0];
	check_str(r->host, S("box"));
	assert_int_equal(p->sample.n_rows, 2);
	assert_int_equal(r->limits.n, 1);
	assert_int_equal(p->sample.at_ns[1], 7000);
	assert_int_equal(p->sample.value[3], 2004008);
	struct row_labels l = row_labels_get(p, p->sample.label[1]);
	check_str(l.thread, S("my prog 2"));
	assert_int_equal(l.pid, 28876);
	assert_int_equal(l.tid, 28877);
	stack_id s = p->sample.stack[1];
	const struct frame *f = &p->frames[p->stacks[s.i].frame.i];
	assert_int_equal(f->kind, FRAME_KERNEL);
	s = p->stacks[s.i].parent;
	f = &p->frames[p->stacks[s.i].frame.i];
	assert_int_equal(f->kind, FRAME_INLINE);
	check_str(profile_text(p, f->function), S("hot"));
	check_str(profile_text(p, f->module), S("t"));
	check_str(profile_text(p, f->file), S("t.c"));
	assert_int_equal(f->line, 3);
	s = p->stacks[s.i].parent;
	f = &p->frames[p->stacks[s.i].frame.i];
	check_str(profile_text(p, f->function), S("inner(int, char (*)[3])"));
	s = p->stacks[s.i].parent;
	f = &p->frames[p->stacks[s.i].frame.i];
	assert_int_equal(f->function.i, 0);
	assert_int_equal(f->address, 0x2000);
	check_str(profile_text(p, p->frames[p->stacks[p->sample.stack[0].i].frame.i].function),
		  S("main"));
}

static void evented_speedscope(void **state)
{
	static const char text[] =
		"{\"profiles\":[{\"type\":\"evented\",\"unit\":\"milliseconds\",\"name\":\"x\","
		"\"startValue\":0,\"endValue\":10,\"events\":[{\"type\":\"O\",\"frame\":0,\"at\":0}"
		","
		"{\"type\":\"O\",\"frame\":1,\"at\":2},{\"type\":\"C\",\"frame\":1,\"at\":7},"
		"{\"type\":\"C\",\"frame\":0,\"at\":10}]}],"
		"\"shared\":{\"frames\":[{\"name\":\"a\"},{\"name\":\"b\",\"line\":7}]},"
		"\"$schema\":\"https://www.speedscope.app/file-format-schema.json\"}";
	auto_arena a = arena_open("test", 1 << 24);
	struct run *r;

	(void)state;
	check_sniff(&format_speedscope, str_from_c(text));
	r = read_text(a, &format_speedscope, str_from_c(text));
	const struct profile *p = r->profiles.v[0];
	assert_int_equal(p->sample.n_rows, 3);
	assert_int_equal(p->sample.value[0], 2000000);
	assert_int_equal(p->sample.value[1], 5000000);
	assert_int_equal(p->sample.value[2], 3000000);
	assert_int_equal(p->sample.at_ns[2], 7000000);
	check_str(profile_text(p, p->frames[p->stacks[p->sample.stack[1].i].frame.i].function),
		  S("b"));
}

static void cpuprofile_text(void **state)
{
	static const char text[] =
		"{\"nodes\":[{\"id\":1,\"callFrame\":{\"functionName\":\"(root)\",\"scriptId\":"
		"\"0\","
		"\"url\":\"\",\"lineNumber\":-1,\"columnNumber\":-1},\"children\":[2,3]},"
		"{\"id\":2,\"callFrame\":{\"functionName\":\"(idle)\",\"url\":\"\",\"lineNumber\":-"
		"1}},"
		"{\"id\":3,\"callFrame\":{\"functionName\":\"\",\"url\":\"file:///app/x.js\","
		"\"lineNumber\":41}}],\"startTime\":1000,\"endTime\":1700,"
		"\"samples\":[2,3,3],\"timeDeltas\":[100,200,300]}";
	auto_arena a = arena_open("test", 1 << 24);
	struct run *r;

	(void)state;
	check_sniff(&format_cpuprofile, str_from_c(text));
	r = read_text(a, &format_cpuprofile, str_from_c(text));
	const struct profile *p = r->profiles.v[0];
	assert_int_equal(p->sample.n_rows, 3);
	assert_int_equal(p->sample.value[1], 200000);
	assert_int_equal(p->sample.value[3], 300000);
	assert_int_equal(p->sample.value[5], 100000);
	const struct frame *f = &p->frames[p->stacks[p->sample.stack[1].i].frame.i];
	check_str(profile_text(p, f->function), S("(anonymous)"));
	check_str(profile_text(p, f->module), S("x.js"));
	assert_int_equal(f->line, 42);
	assert_int_equal(f->kind, FRAME_SCRIPT);
	assert_int_equal(p->frames[p->stacks[p->sample.stack[0].i].frame.i].kind, FRAME_MARKER);
}

/* Every prefix of a file is refused or read, and never more than that. */
static void cut_files(void **state)
{
	(void)state;
	for (const struct format *const *f = formats; *f; f++) {
		auto_arena a = arena_open("test", SIZE_MAX);
		auto_buf out = BUF(1 << 26);
		struct sample_wish w = { true, true, true, true, true, true, false };
		struct err err = { 0 };
		struct str all;
		if (!(*f)->write || !(*f)->read)
			continue;
		write_text(*f, sample_run(a, 4, &w), &out);
		struct input in = input_memory(buf_str(&out));
		struct gunzip *g = gzip_is(buf_str(&out)) ? gunzip_open(a, &in, 1 << 30) : NULL;
		assert_int_equal(input_all(g ? gunzip_input(g) : &in, a, &all, &err), 0);
		(void)gunzip_close(g);
		for (size_t n = 0; n < all.n; n += 1 + all.n / 500) {
			auto_arena b = arena_open("test", 1 << 24);
			struct run *r = run_new(b);
			struct input cut = input_memory(str_head(all, n));
			err = (struct err){ 0 };
			if ((*f)->read(&cut, r, &err) < 0)
				assert_true(err.text[0] && err.code < 0);
			else
				assert_int_equal(run_check(r, &err), 0);
		}
	}
}

static void no_memory_is_a_sentence(void **state)
{
	(void)state;
	for (const struct format *const *f = formats; *f; f++) {
		auto_arena a = arena_open("test", SIZE_MAX);
		auto_arena small = arena_open("test", 200000);
		auto_buf text = BUF(1 << 26);
		struct sample_wish w = { true, true, true, true, true, true, true };
		struct err err = { 0 };
		struct str all;
		if (!(*f)->write || !(*f)->read)
			continue;
		struct run *r = sample_run(a, 9, &w);
		struct profile *p = r->profiles.v[0];
		for (unsigned i = 0; i < 20000; i++) { /* every stack another one */
			char name[32];
			int n = snprintf(name, sizeof(name), "f%u", i);
			struct frame fr = { .function = profile_string(
						    p, (struct str){ name, (size_t)n }) };
			int64_t v[2] = { 1, 1 };
			profile_add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &fr)),
				    (label_id){ 0 }, v, INT64_C(20000000000));
		}
		write_text(*f, r, &text);
		struct input in = input_memory(buf_str(&text));
		struct gunzip *g = gzip_is(buf_str(&text)) ? gunzip_open(a, &in, 1 << 30) : NULL;
		assert_int_equal(input_all(g ? gunzip_input(g) : &in, a, &all, &err), 0);
		(void)gunzip_close(g);
		in = input_memory(all);
		if ((*f)->read(&in, run_new(small), &err) != -E2BIG)
			fail_msg("%s: %d %s", (*f)->name, err.code, err.text);
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void a_hundred_thousand_samples(void **state)
{
	static const struct value_kind kinds[] = { { { "samples", 7 }, UNIT_COUNT },
						   { { "cpu", 3 }, UNIT_NS } };
	struct sample_wish w = { true, true, true, true, true, true, true };
	auto_arena a = arena_open("test", SIZE_MAX);
	struct run *r = run_new(a);
	struct profile *p = profile_new(a, S("big"), kinds, 2, true);
	uint64_t seed = 5;

	(void)state;
	p->main_kind = 1;
	for (int64_t i = 0; i < 100000; i++) { /* 20,000 distinct stacks of 30 frames */
		stack_id s = { 0 };
		uint64_t path = sample_chance(&seed) % 20000;
		for (uint64_t d = 0; d < 30; d++)
			s = profile_stack(p, s,
					  sample_frame(p,
						       (path >> (d < 20 ? 8 : 0)) * (d + 1) % 3000,
						       s, &w));
		struct row_labels l = { S("app"), S("app"), 1, 1 + (int64_t)(path % 8) };
		int64_t v[2] = { 1, 10101010 };
		profile_add(p, s, row_labels_put(p, &l), v, i * 10101010);
	}
	run_add_profile(r, p);
	for (const struct format *const *f = formats; *f; f++) {
		auto_buf out = BUF(1 << 30);
		if (!(*f)->write)
			continue;
		double start = seconds();
		write_text(*f, r, &out);
		double wrote = seconds();
		(void)read_text(a, *f, buf_str(&out));
		print_message("# %-10s %8zu bytes, written in %.0f ms, read in %.0f ms\n",
			      (*f)->name, out.n, (wrote - start) * 1e3, (seconds() - wrote) * 1e3);
		assert_true(wrote - start <
			    10); /* sanitizers, busy machine; a square takes minutes */
	}
}

/* What is counted against the limit of memory is what is needed, not a multiple of it. */
static void four_million_samples_of_speedscope(void **state)
{
	enum { SAMPLES = 4300000 };
	auto_arena a = arena_open("test", SIZE_MAX);
	auto_buf text = BUF(1 << 28);

	(void)state;
	buf_put(&text, S("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
			 "\"shared\":{\"frames\":[{\"name\":\"a\"},{\"name\":\"b\"}]},"
			 "\"profiles\":[{\"type\":\"sampled\",\"name\":\"x\",\"unit\":\"none\","
			 "\"startValue\":0,\"endValue\":1,\"samples\":[[0]"));
	for (size_t i = 1; i < SAMPLES; i++)
		buf_put(&text, i % 2 ? S(",[1]") : S(",[0]"));
	buf_put(&text, S("],\"weights\":[1"));
	for (size_t i = 1; i < SAMPLES; i++)
		buf_put(&text, S(",1"));
	buf_put(&text, S("]}]}"));
	struct run *r = read_text(a, &format_speedscope, buf_str(&text));
	assert_int_equal(r->profiles.v[0]->sample.n_rows, SAMPLES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pprof),
		cmocka_unit_test(firefox),
		cmocka_unit_test(speedscope),
		cmocka_unit_test(collapsed),
		cmocka_unit_test(collapsed_text),
		cmocka_unit_test(perf_script_text),
		cmocka_unit_test(evented_speedscope),
		cmocka_unit_test(cpuprofile_text),
		cmocka_unit_test(cut_files),
		cmocka_unit_test(no_memory_is_a_sentence),
		cmocka_unit_test(a_hundred_thousand_samples),
		cmocka_unit_test(four_million_samples_of_speedscope),
	};

	return RUN_TESTS(tests);
}
