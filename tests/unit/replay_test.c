/* Recordings played into a sink that writes down what it is told: tapes and perf.data. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "formats/format.h"
#include "formats/tape.h"
#include "test.h"

extern const struct format format_tape, format_perfdata;

struct script { /* a sink that writes a line for each call */
	struct sink sink;
	struct buf text;
	unsigned streams, samples, mappings, tasks, build_ids, cut;
	struct loss loss;
};

static unsigned on_stream(struct sink *s, struct str name, const struct value_kind *k, unsigned n)
{
	struct script *t = (struct script *)s;

	buf_printf(&t->text, "stream " STR_FMT, STR_ARG(name));
	for (unsigned i = 0; i < n; i++)
		buf_printf(&t->text, " " STR_FMT "/%u", STR_ARG(k[i].name), (unsigned)k[i].unit);
	buf_put(&t->text, S("\n"));
	return t->streams++;
}

static void on_sample(struct sink *s, unsigned stream, const struct raw_sample *r)
{
	struct script *t = (struct script *)s;

	t->samples++;
	t->cut += r->end == STACK_TRUNCATED;
	buf_printf(&t->text, "sample %u %llu %u %u %u %u %lld %lld", stream,
		   (unsigned long long)r->time_ns, r->pid, r->tid, r->cpu, r->end,
		   (long long)r->value[0], (long long)r->value[1]);
	for (unsigned i = 0; i < r->n_kernel; i++)
		buf_printf(&t->text, " k%llx", (unsigned long long)r->kernel_ip[i]);
	for (unsigned i = 0; i < r->n_user; i++)
		buf_printf(&t->text, " u%llx", (unsigned long long)r->user_ip[i]);
	buf_put(&t->text, S("\n"));
}

static void on_point(struct sink *s, unsigned stream, uint64_t time_ns, double v)
{
	buf_printf(&((struct script *)s)->text, "point %u %llu %.17g\n", stream,
		   (unsigned long long)time_ns, v);
}

static void on_mapping(struct sink *s, const struct raw_mapping *m)
{
	struct script *t = (struct script *)s;

	t->mappings++;
	t->build_ids += m->build_id.n == 20;
	buf_printf(&t->text, "mapping %llu %u %llx %llx %llx %llu %llu " STR_FMT " %zu\n",
		   (unsigned long long)m->time_ns, m->pid, (unsigned long long)m->start,
		   (unsigned long long)m->end, (unsigned long long)m->file_offset,
		   (unsigned long long)m->device, (unsigned long long)m->inode, STR_ARG(m->path),
		   m->build_id.n);
}

static void on_task(struct sink *s, const struct raw_task *r)
{
	struct script *t = (struct script *)s;

	t->tasks++;
	buf_printf(&t->text, "task %llu %u %u %u %u " STR_FMT "\n", (unsigned long long)r->time_ns,
		   r->pid, r->tid, r->parent, (unsigned)r->event, STR_ARG(r->name));
}

static void on_lost(struct sink *s, unsigned stream, struct loss l)
{
	struct script *t = (struct script *)s;

	t->loss.dropped += l.dropped;
	t->loss.truncated += l.truncated;
	buf_printf(&t->text, "lost %u %llu %llu %llu\n", stream, (unsigned long long)l.dropped,
		   (unsigned long long)l.truncated, (unsigned long long)l.unresolved);
}

static const struct sink_ops script_ops = { on_stream,  on_sample, on_point,
					    on_mapping, on_task,   on_lost };

#define SCRIPT ((struct script){ .sink.ops = &script_ops, .text = BUF(SIZE_MAX / 4) })

static uint64_t chance(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

static void random_sample(struct sink *s, unsigned stream, uint64_t time, uint64_t *seed)
{
	uint64_t kernel[8], user[40], path = chance(seed) % 64;
	struct raw_sample r = { .time_ns = time,
				.pid = 100,
				.tid = 100 + (uint32_t)(path % 4),
				.cpu = (uint32_t)chance(seed) % 2,
				.n_kernel = (uint16_t)(path % 3 ? 0 : 5),
				.n_user = (uint16_t)(path % 40),
				.end = (uint8_t)(path % STACK__COUNT),
				.kernel_ip = kernel,
				.user_ip = user,
				.value = { 1, (int64_t)chance(seed) - 500 } };

	for (unsigned i = 0; i < 8; i++)
		kernel[i] = UINT64_C(0xffffffff81000000) + path * 64 + i;
	for (unsigned i = 0; i < 40; i++)
		user[i] = UINT64_C(0x7f0000000000) + (path + i) * 4099;
	s->ops->sample(s, stream, &r);
}

/* The same events into any sink. */
static void tell(struct sink *s, uint64_t seed, unsigned n)
{
	static const struct value_kind cpu[] = { { { "samples", 7 }, UNIT_COUNT },
						 { { "cpu", 3 }, UNIT_NS } };
	unsigned a = s->ops->stream(s, S("cpu"), cpu, 2);
	unsigned b = s->ops->stream(s, S("load"), cpu, 1);
	struct raw_task task = { .pid = 100, .tid = 101, .parent = 1, .name = S("a b") };
	struct raw_mapping map = { .start = 0x7f0000000000,
				   .end = 0x7f0000100000,
				   .file_offset = 4096,
				   .device = 2049,
				   .inode = UINT64_MAX,
				   .pid = 100,
				   .path = S("/usr/lib/x.so"),
				   .build_id = S("0123456789abcdefghij") };
	uint64_t time = 5000000000;

	s->ops->task(s, &task);
	s->ops->mapping(s, &map);
	for (unsigned i = 0; i < n; i++) {
		time += chance(&seed) % 20000000;
		random_sample(s, a, time - chance(&seed) % 1000000, &seed);
		if (i % 50 == 7)
			s->ops->point(s, b, time, (double)i / 3);
		if (i % 90 == 5) {
			task.time_ns = time;
			task.event = (enum task_event)(i % (TASK_GONE + 1));
			s->ops->task(s, &task);
		}
		if (i % 200 == 9)
			s->ops->lost(s, a, (struct loss){ i, 1, 2 });
	}
}

static bool put(void *to, struct str bytes)
{
	buf_put(to, bytes);
	return true;
}

static void record(struct buf *tape, uint64_t seed, unsigned n)
{
	struct tape_head h = { 1, 1700000000000000000, 1001001, S("box"), S("test"), S("b-1") };
	struct tape_sink *t = tape_sink_open(&h, put, tape);

	auto_arena a = arena_open("test", 1 << 20);
	struct run *r = run_new(a);
	r->target = S("first");
	tape_sink_say(t, r);
	tell(tape_sink(t), seed, n);
	r->target = S("a\tb: c");
	r->cost.probe_p99_ns = 17;
	run_add_limit(r, S("not seen"), S("why"), S("remedy"));
	tape_sink_say(t, r);
	assert_true(tape_sink_close(t));
}

static int replay(const struct format *f, struct str bytes, struct script *s, struct err *err)
{
	struct input in = input_memory(bytes);

	return f->replay(&in, &s->sink, err);
}

static void tape_there_and_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		auto_arena a = arena_open("test", 1 << 20);
		auto_buf tape = BUF(1 << 26);
		struct script said = SCRIPT, heard = SCRIPT;
		struct err err = { 0 };
		heard.sink.into = run_new(a);
		tell(&said.sink, seed, 500);
		record(&tape, seed, 500);
		if (replay(&format_tape, buf_str(&tape), &heard, &err) < 0)
			fail_msg("%s", err.text);
		if (!str_eq(buf_str(&heard.text), buf_str(&said.text)))
			fail_msg("the tape says something else (seed %u)", (unsigned)seed);
		check_str(heard.sink.into->host, S("box"));
		check_str(heard.sink.into->kernel, S("boot b-1"));
		check_str(heard.sink.into->target, S("a\tb: c"));
		assert_int_equal(heard.sink.into->limits.n, 1); /* the end is there */
		assert_int_equal(heard.sink.into->cost.probe_p99_ns, 17);
		assert_int_equal(heard.sink.began_ns, 1);
		assert_int_equal(heard.sink.period_ns, 1001001);
		buf_done(&said.text);
		buf_done(&heard.text);
		assert_ptr_equal(format_sniff(buf_str(&tape)), &format_tape);
	}
}

static void tape_is_small(void **state)
{
	auto_buf small = BUF(1 << 28), large = BUF(1 << 28);

	(void)state;
	record(&small, 3, 1000);
	record(&large, 3, 21000);
	double each = (double)(large.n - small.n) / 20000;
	print_message("# %.1f bytes a sample\n", each);
	assert_true(each <= 64);
}

/* Every cut gives the beginning of what was said, and says that the end is missing. */
static void torn_tape(void **state)
{
	auto_buf tape = BUF(1 << 26);
	struct script said = SCRIPT;
	unsigned samples = 0;

	(void)state;
	tell(&said.sink, 1, 300);
	record(&tape, 1, 300);
	for (size_t n = 0; n < tape.n; n += 7) {
		auto_arena a = arena_open("test", 1 << 20);
		struct script heard = SCRIPT;
		struct err err = { 0 };
		heard.sink.into = run_new(a);
		int r = replay(&format_tape, str_head(buf_str(&tape), n), &heard, &err);
		assert_true(r == 0 || (n < 56 && err.text[0]));
		assert_true(str_starts(buf_str(&said.text), buf_str(&heard.text)));
		if (r == 0) {
			const struct run *run = heard.sink.into;
			check_str(run->limits.v[run->limits.n - 1].what,
				  S("the end of the tape is missing"));
		}
		assert_true(heard.samples >= samples);
		samples = heard.samples;
		buf_done(&heard.text);
	}
	assert_true(samples > 290);
	buf_done(&said.text);
}

/* Deeper and more different stacks than a tape remembers: all come back, and memory is bounded. */
static void forgetful_tape(void **state)
{
	enum { DEPTH = 3000, STACKS = 400 };
	struct tape_head h = { 0 };
	auto_buf tape = BUF(1 << 28);
	auto_arena a = arena_open("test", 1 << 24);
	struct script said = SCRIPT, heard = SCRIPT;
	struct err err = { 0 };
	uint64_t *ip = arena_array(a, uint64_t, DEPTH);
	struct sink *both[] = { &said.sink, NULL };

	(void)state;
	struct tape_sink *t = tape_sink_open(&h, put, &tape);
	both[1] = tape_sink(t);
	for (unsigned k = 0; k < 2; k++)
		(void)both[k]->ops->stream(both[k], S("cpu"),
					   &(struct value_kind){ S("samples"), UNIT_COUNT }, 1);
	for (unsigned i = 0; i < STACKS; i++) {
		struct raw_sample r = {
			.time_ns = i, .n_user = DEPTH, .user_ip = ip, .value = { 1 }
		};
		unsigned which =
			i % (STACKS / 2); /* all of them twice, the second time much later */
		r.user_hash = which + 1;
		for (unsigned d = 0; d < DEPTH; d++)
			ip[d] = UINT64_C(0x400000) + (uint64_t)which * DEPTH + d;
		for (unsigned k = 0; k < 2; k++)
			both[k]->ops->sample(both[k], 0, &r);
	}
	assert_true(tape_sink_close(t));
	if (replay(&format_tape, buf_str(&tape), &heard, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(str_eq(buf_str(&heard.text), buf_str(&said.text)));
	assert_true(tape.n > DEPTH * STACKS * 3 / 4); /* a frame is a byte: written again */
	buf_done(&said.text);
	buf_done(&heard.text);
}

static bool refuse(void *to, struct str bytes)
{
	(void)bytes;
	++*(int *)to;
	return false;
}

static void full_disk(void **state)
{
	struct tape_head h = { 0 };
	int calls = 0;

	(void)state;
	struct tape_sink *t = tape_sink_open(&h, refuse, &calls);
	tell(tape_sink(t), 1, 20000);
	assert_false(tape_sink_close(t));
	assert_int_equal(calls, 1);
	assert_true(tape_sink_close(NULL));
}

/* A file of tests/formats/corpus. */
static struct str corpus(struct arena *a, const char *name)
{
	char path[4096];
	size_t cap = 1 << 20;
	char *bytes = arena_zalloc(a, cap, 1, 1);

	(void)snprintf(path, sizeof(path), "%s/%s", getenv("CORPUS"), name);
	FILE *f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing", path);
	size_t n = fread(bytes, 1, cap, f);
	(void)fclose(f);
	return (struct str){ bytes, n };
}

static void perf_data(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct script file = SCRIPT, pipe = SCRIPT;
	struct err err = { 0 };

	(void)state;
	assert_ptr_equal(format_sniff(corpus(a, "fp.perf.data")), &format_perfdata);
	file.sink.into = run_new(a);
	if (replay(&format_perfdata, corpus(a, "fp.perf.data"), &file, &err) < 0 ||
	    replay(&format_perfdata, corpus(a, "pipe.perf.data"), &pipe, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(file.streams, 1);
	assert_true(file.samples > 40 && pipe.samples > 10);
	assert_true(file.mappings > 5 && pipe.mappings > 2);
	assert_true(file.tasks > 3);
	assert_true(file.build_ids > 2);
	assert_true(str_starts(file.sink.into->kernel, S("_text ffffffff81000000")));
	assert_int_equal(file.sink.period_ns, 1000000000 / 299);
	assert_true(file.sink.began_ns > 0);
	assert_int_equal(file.loss.dropped + file.loss.truncated, 0);
	buf_done(&file.text);
	buf_done(&pipe.text);
}

static void perf_data_with_copied_stacks(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct script s = SCRIPT;
	struct err err = { 0 };

	(void)state;
	if (replay(&format_perfdata, corpus(a, "dwarf.perf.data"), &s, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(s.samples > 5);
	assert_int_equal(s.cut,
			 s.samples); /* who records counts them; said twice they were doubled */
	assert_int_equal(s.loss.truncated, 0);
	buf_done(&s.text);
}

static void perf_data_refused(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct script s = SCRIPT;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(replay(&format_perfdata, corpus(a, "compressed.perf.data"), &s, &err),
			 -EBADMSG);
	assert_non_null(strstr(err.text, "compressed"));
	assert_non_null(strstr(err.hint, "perf script"));
	assert_int_equal(replay(&format_perfdata, S("2ELIFREP________"), &s, &err), -EBADMSG);
	buf_done(&s.text);
}

static void perf_data_cut(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct str all = corpus(a, "fp.perf.data");
	uint64_t data[2]; /* offset and size of the data, in the header */

	(void)state;
	memcpy(data, all.p + 40, sizeof(data));
	for (size_t n = 0; n < all.n; n += 131) {
		struct script s = SCRIPT;
		struct err err = { 0 };
		if (replay(&format_perfdata, str_head(all, n), &s, &err) < 0)
			assert_true(err.text[0]);
		else if (n < data[0] + data[1] && s.samples)
			assert_true(s.loss.truncated);
		buf_done(&s.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tape_there_and_back),
		cmocka_unit_test(tape_is_small),
		cmocka_unit_test(torn_tape),
		cmocka_unit_test(forgetful_tape),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(perf_data),
		cmocka_unit_test(perf_data_with_copied_stacks),
		cmocka_unit_test(perf_data_refused),
		cmocka_unit_test(perf_data_cut),
	};

	return RUN_TESTS(tests);
}
