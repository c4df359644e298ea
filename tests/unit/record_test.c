/*
 * The record sink against invented processes whose truth is known. Files and names are fakes, so
 * that every address has one right answer:
 *	vaddr & 0xf000 == 0xd000   no name
 *	vaddr & 0xf000 == 0xe000   "inner" inlined into "outer"
 *	else                       "FILE+VADDR"
 */
#include "capture/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/vec.h"
#include "test.h"

struct binaries { /* the fake: one file per path, biased by its first mapping */
	struct binary v[16];
	size_t n;
};

struct binary *binaries_get(struct binaries *b, const struct binary_place *p)
{
	for (size_t i = 0; i < b->n; i++)
		if (str_eq(b->v[i].path, p->path))
			return &b->v[i];
	assert_true(b->n < 16);
	b->v[b->n] = (struct binary){ .id = (uint32_t)b->n,
				      .path = p->path,
				      .fd = 3,
				      .is_elf = !str_starts(p->path, S("/memfd:")) };
	return &b->v[b->n++];
}

struct binary *binaries_at(const struct binaries *b, uint32_t id)
{
	return (struct binary *)(uintptr_t)&b->v[id];
}

uint64_t binary_bias(const struct binary *bin, uint64_t start, uint64_t file_offset)
{
	(void)bin;
	return start - file_offset;
}

struct names {
	struct arena *arena;
	struct binaries *binaries;
	size_t prepared, asked, jit, kernel_hidden;
};

void names_prepare(struct names *n, uint32_t binary, const uint64_t *vaddr, size_t n_vaddr)
{
	(void)binary;
	for (size_t i = 1; i < n_vaddr; i++)
		assert_true(vaddr[i - 1] < vaddr[i]); /* sorted and unique */
	n->prepared += n_vaddr;
}

static struct name *fill(struct name_list *l, struct str function, struct str module)
{
	l->v[l->n] = (struct name){ .function = function, .module = module, .kind = FRAME_NATIVE };
	return &l->v[l->n++];
}

void names_file(struct names *n, uint32_t binary, uint64_t vaddr, struct name_list *ret)
{
	struct str module = n->binaries->v[binary].path;

	n->asked++;
	ret->n = 0;
	if ((vaddr & 0xf000) == 0xd000) {
		fill(ret, S(""), module);
	} else if ((vaddr & 0xf000) == 0xe000) {
		fill(ret, S("inner"), module)->kind = FRAME_INLINE;
		fill(ret, S("outer"), module);
	} else {
		fill(ret,
		     arena_printf(n->arena, STR_FMT "+%llx", STR_ARG(module),
				  (unsigned long long)vaddr),
		     module);
	}
}

void names_kernel(struct names *n, uint64_t address, struct name_list *ret)
{
	ret->n = 0;
	fill(ret,
	     n->kernel_hidden
		     ? S("")
		     : arena_printf(n->arena, "k%llx", (unsigned long long)(address & 0xff)),
	     S("[kernel]"));
}

void names_jit(struct names *n, uint32_t pid, uint64_t address, uint64_t time_ns,
	       struct name_list *ret)
{
	(void)time_ns;
	n->jit++;
	ret->n = 0;
	fill(ret, arena_printf(n->arena, "js%u:%llx", pid, (unsigned long long)address),
	     S("[jit]"));
}

size_t names_gaps(const struct names *n, const struct names_gap **ret)
{
	static const struct names_gap gap = {
		{ "/bin/server", 11 }, { "is stripped", 11 }, { "", 0 }, 3
	};

	(void)n;
	*ret = &gap;
	return 1;
}

struct world {
	struct arena *arena;
	struct binaries binaries;
	struct names names;
	struct record *record;
	struct sink *sink;
	unsigned stream;
	struct run *run;
};

static struct world *world_open(struct record_options o)
{
	static const struct value_kind kinds[] = { { { "samples", 7 }, UNIT_COUNT },
						   { { "cpu", 3 }, UNIT_NS } };
	struct arena *a = arena_open("test", SIZE_MAX / 2);
	struct world *w = arena_make(a, struct world);

	w->arena = a;
	w->names = (struct names){ .arena = a, .binaries = &w->binaries };
	if (!o.limit_bytes)
		o.limit_bytes = 256 << 20;
	w->record = record_open(&o, &w->binaries);
	w->sink = record_sink(w->record);
	w->stream = w->sink->ops->stream(w->sink, S("cpu"), kinds, 2);
	w->run = run_new(a);
	return w;
}

static struct profile *world_finish(struct world *w)
{
	struct err err = { 0 };

	assert_int_equal(record_finish(w->record, &w->names, NULL, w->run, &err), 0);
	assert_int_equal(run_check(w->run, &err), 0);
	assert_int_equal(w->run->profiles.n, 1);
	return w->run->profiles.v[0];
}

static void world_close(struct world *w)
{
	assert_null(record_close(w->record));
	(void)arena_close(w->arena);
}

static void map(struct world *w, uint32_t pid, uint64_t start, uint64_t end, const char *path)
{
	struct raw_mapping m = { .pid = pid,
				 .start = start,
				 .end = end,
				 .path = str_from_c(path),
				 .inode = path[0] != 0 };
	w->sink->ops->mapping(w->sink, &m);
}

static void task(struct world *w, enum task_event event, uint64_t time_ns, uint32_t pid,
		 uint32_t tid, uint32_t parent, const char *name)
{
	struct raw_task t = { .time_ns = time_ns,
			      .pid = pid,
			      .tid = tid,
			      .parent = parent,
			      .event = event,
			      .name = str_from_c(name) };
	w->sink->ops->task(w->sink, &t);
}

static void sample_of(struct world *w, uint64_t time_ns, uint32_t pid, uint32_t tid,
		      enum stack_end end, const uint64_t *ip, size_t n_user, size_t n_kernel)
{
	struct raw_sample x = { .time_ns = time_ns,
				.pid = pid,
				.tid = tid,
				.end = (uint8_t)end,
				.user_ip = ip,
				.n_user = (uint16_t)n_user,
				.kernel_ip = ip ? ip + n_user : NULL,
				.n_kernel = (uint16_t)n_kernel,
				.value = { 1, 10 } };
	w->sink->ops->sample(w->sink, w->stream, &x);
}

/* "root;...;leaf" of a row, inlined frames with a + in front. */
static struct str spell(struct world *w, const struct profile *p, size_t row)
{
	struct str line = S("");

	for (stack_id s = p->sample.stack[row]; s.i; s = p->stacks[s.i].parent) {
		const struct frame *f = &p->frames[p->stacks[s.i].frame.i];
		struct str name = profile_text(p, f->function);
		if (!f->function.i)
			name = arena_printf(w->arena, "?" STR_FMT "+%llx",
					    STR_ARG(profile_text(p, f->module)),
					    (unsigned long long)f->address);
		line = arena_printf(w->arena, "%s" STR_FMT "%s" STR_FMT,
				    f->kind == FRAME_INLINE ? "+" : "", STR_ARG(name),
				    line.n ? ";" : "", STR_ARG(line));
	}
	return line;
}

static struct str label_text(struct world *w, const struct profile *p, size_t row)
{
	struct str line = S("");

	for (label_id l = p->sample.label[row]; l.i; l = p->labels[l.i].next) {
		struct str v =
			p->labels[l.i].text.i
				? profile_text(p, p->labels[l.i].text)
				: arena_printf(w->arena, "%lld", (long long)p->labels[l.i].number);
		line = arena_printf(w->arena, STR_FMT "%s" STR_FMT "=" STR_FMT, STR_ARG(line),
				    line.n ? " " : "", STR_ARG(profile_text(p, p->labels[l.i].key)),
				    STR_ARG(v));
	}
	return line;
}

static void truth_is_told(void **state)
{
	struct world *w = world_open((struct record_options){
		.per_thread = true, .kernel = true, .timed = true, .period_ns = 10 });

	(void)state;
	task(w, TASK_SEEN, 0, 100, 100, 1, "server");
	task(w, TASK_SEEN, 0, 100, 101, 1, "worker");
	map(w, 100, 0x400000, 0x500000, "/bin/server");
	map(w, 100, 0x900000, 0x910000, "");
	assert_int_equal(record_first_ns(w->record), 0);
	/* leaf first, kernel behind the user part in this array */
	sample_of(w, 10, 100, 101, STACK_ROOT,
		  (uint64_t[]){ 0x401010, 0x40e020, 0x400030, 0x0a, 0x0b }, 3, 2);
	sample_of(w, 20, 100, 100, STACK_ROOT, (uint64_t[]){ 0x40d010, 0x400030 }, 2, 0);
	sample_of(w, 30, 100, 100, STACK_ROOT, (uint64_t[]){ 0x900010, 0x400030 }, 2, 0);
	sample_of(w, 40, 100, 100, STACK_TRUNCATED, (uint64_t[]){ 0x401010 }, 1, 0);
	sample_of(w, 50, 100, 100, STACK_NO_RULE, (uint64_t[]){ 0x401010 }, 1, 0);
	task(w, TASK_NAMED, 55, 100, 101, 0, "renamed");
	sample_of(w, 60, 100, 101, STACK_NONE, (uint64_t[]){ 0x0a }, 0, 1);
	sample_of(w, 70, 100, 101, STACK_NONE, NULL, 0, 0);
	sample_of(w, 80, 100, 100, STACK_ROOT, (uint64_t[]){ 0x700000 }, 1, 0); /* in no mapping */
	w->sink->ops->lost(w->sink, w->stream, (struct loss){ .dropped = 5 });
	assert_int_equal(record_samples(w->record), 8);
	assert_int_equal(record_first_ns(w->record), 10);
	struct profile *p = world_finish(w);
	assert_int_equal(p->sample.n_rows, 8);
	check_str(spell(w, p, 0), S("/bin/server+30;outer;+inner;/bin/server+1010;kb;ka"));
	check_str(spell(w, p, 1), S("/bin/server+30;?/bin/server+d010"));
	check_str(spell(w, p, 2), S("/bin/server+30;js100:900010"));
	check_str(spell(w, p, 3), S("[truncated];/bin/server+1010"));
	check_str(spell(w, p, 4), S("[incomplete];/bin/server+1010"));
	check_str(spell(w, p, 5), S("ka"));
	check_str(spell(w, p, 6), S("[thread renamed]"));
	check_str(spell(w, p, 7), S("js100:700000"));
	check_str(label_text(w, p, 0), S("process=server pid=100 thread=worker tid=101"));
	check_str(label_text(w, p, 1), S("process=server pid=100 thread=server tid=100"));
	check_str(label_text(w, p, 6), S("process=server pid=100 thread=renamed tid=101"));
	assert_int_equal(p->sample.at_ns[0], 0);
	assert_int_equal(p->sample.at_ns[7], 70);
	assert_int_equal(p->loss.dropped, 5);
	assert_int_equal(p->loss.truncated, 1);
	assert_int_equal(p->loss.unresolved, 1);
	assert_int_equal(p->main_kind, 1);
	assert_int_equal(p->period_ns, 10);
	check_str(p->kind[p->main_kind].name, S("cpu"));
	assert_int_equal(w->run->limits.n, 1); /* nameless user frames, and why */
	check_str(w->run->limits.v[0].what,
		  S("9.1 % of the user frames are nameless functions of /bin/server"));
	check_str(w->run->limits.v[0].why, S("is stripped"));
	world_close(w);
}

static void kernel_without_symbols_is_one_frame(void **state)
{
	struct world *w = world_open((struct record_options){ .kernel = true, .timed = true });

	(void)state;
	w->names.kernel_hidden = 1;
	task(w, TASK_SEEN, 0, 7, 7, 1, "dd");
	map(w, 7, 0x1000, 0x9000, "/bin/dd");
	sample_of(w, 1, 7, 7, STACK_ROOT, (uint64_t[]){ 0x1010, 1, 2, 3 }, 1, 3);
	struct profile *p = world_finish(w);
	check_str(spell(w, p, 0), S("/bin/dd+10;[kernel]"));
	check_str(label_text(w, p, 0), S("process=dd pid=7")); /* not per thread */
	assert_int_equal(p->loss.unresolved, 1);
	world_close(w);

	w = world_open((struct record_options){ .kernel = false, .timed = true });
	sample_of(w, 1, 7, 7, STACK_ROOT, (uint64_t[]){ 0x1010, 1, 2, 3 }, 1, 3);
	p = world_finish(w);
	check_str(spell(w, p, 0), S("js7:1010"));
	world_close(w);
}

static void exec_and_fork_while_recording(void **state)
{
	struct world *w = world_open((struct record_options){ .timed = true });
	const uint64_t at[] = { 0x401010 };

	(void)state;
	task(w, TASK_SEEN, 0, 10, 10, 1, "sh");
	map(w, 10, 0x400000, 0x500000, "/bin/sh");
	task(w, TASK_FORK, 100, 11, 11, 10, "");
	sample_of(w, 110, 11, 11, STACK_ROOT, at, 1, 0);
	task(w, TASK_EXEC, 200, 11, 11, 0, "cc");
	map(w, 11, 0x400000, 0x500000, "/bin/cc");
	sample_of(w, 190, 11, 11, STACK_ROOT, at, 1, 0); /* late: before the exec */
	sample_of(w, 210, 11, 11, STACK_ROOT, at, 1, 0);
	sample_of(w, 220, 10, 10, STACK_ROOT, at, 1, 0);
	task(w, TASK_GONE, 300, 11, 11, 0, "");
	sample_of(w, 299, 11, 11, STACK_ROOT, at, 1, 0);        /* late: before the end */
	task(w, TASK_SEEN, 1000000000, 12, 12, 1, "x");         /* a second later */
	sample_of(w, 1000000001, 11, 11, STACK_ROOT, at, 1, 0); /* nobody */
	task(w, TASK_FORK, 2000000000, 11, 11, 10, "");         /* the number is used again */
	sample_of(w, 2000000001, 11, 11, STACK_ROOT, at, 1, 0);
	struct profile *p = world_finish(w);
	static const char *const want[] = { "/bin/sh+1010", "/bin/sh+1010", "/bin/cc+1010",
					    "/bin/sh+1010", "/bin/cc+1010", "js11:401010",
					    "/bin/sh+1010" };
	static const char *const label[] = { "process=sh pid=11", "process=cc pid=11",
					     "process=cc pid=11", "process=sh pid=10",
					     "process=cc pid=11", "process=cc pid=11",
					     "process=sh pid=11" };
	assert_int_equal(p->sample.n_rows, 7);
	for (size_t i = 0; i < 7; i++) {
		check_str(spell(w, p, i), str_from_c(want[i]));
		check_str(label_text(w, p, i), str_from_c(label[i]));
	}
	world_close(w);
}

/* The first thread may leave a process that goes on. */
static void first_thread_ends_first(void **state)
{
	struct world *w = world_open((struct record_options){ .timed = true });

	(void)state;
	task(w, TASK_SEEN, 0, 10, 10, 1, "jvm");
	task(w, TASK_SEEN, 0, 10, 11, 1, "worker");
	map(w, 10, 0x400000, 0x500000, "/bin/jvm");
	task(w, TASK_GONE, 100, 10, 10, 0, "");
	sample_of(w, 5000000000, 10, 11, STACK_ROOT, (uint64_t[]){ 0x400010 }, 1, 0);
	task(w, TASK_GONE, 6000000000, 10, 11, 0, "");
	sample_of(w, 9000000000, 10, 11, STACK_ROOT, (uint64_t[]){ 0x400010 }, 1, 0);
	struct profile *p = world_finish(w);
	check_str(spell(w, p, 0), S("/bin/jvm+10"));
	check_str(spell(w, p, 1), S("js10:400010"));
	world_close(w);
}

/* make -j: 20,000 children with mappings of their own, in the memory of a few. */
static void storm_of_children(void **state)
{
	struct world *w =
		world_open((struct record_options){ .timed = false, .limit_bytes = 16 << 20 });

	(void)state;
	task(w, TASK_SEEN, 0, 1, 1, 0, "make");
	map(w, 1, 0x400000, 0x500000, "/bin/make");
	for (uint32_t i = 2; i < 20002; i++) {
		uint64_t now = (uint64_t)i * 10000000; /* 100 a second */
		task(w, TASK_FORK, now, i, i, 1, "");
		task(w, TASK_EXEC, now + 1, i, i, 0, "cc1");
		for (uint64_t k = 0; k < 20; k++)
			map(w, i, 0x400000 + k * 0x200000, 0x500000 + k * 0x200000, "/bin/cc1");
		sample_of(w, now + 2, i, i, STACK_ROOT, (uint64_t[]){ 0x400010, 0x600020 }, 2, 0);
		task(w, TASK_GONE, now + 3, i, i, 0, "");
	}
	struct profile *p = world_finish(w);
	assert_int_equal(p->loss.dropped, 0);
	assert_int_equal(p->sample.n_rows, 20000); /* one a process */
	check_str(spell(w, p, 19999), S("/bin/cc1+20;/bin/cc1+10"));
	world_close(w);
}

static void memory_is_bounded(void **state)
{
	struct world *w =
		world_open((struct record_options){ .timed = true, .limit_bytes = 8 << 20 });
	uint64_t ip[32];

	(void)state;
	task(w, TASK_SEEN, 0, 1, 1, 0, "wild");
	for (uint64_t i = 0; i < 100000; i++) {
		for (size_t k = 0; k < 32; k++)
			ip[k] = i * 64 + k;
		sample_of(w, i, 1, 1, STACK_ROOT, ip, 32, 0);
	}
	uint64_t kept = record_samples(w->record);
	assert_in_range(kept, 1000, 99999);
	struct profile *p = world_finish(w);
	assert_int_equal(p->sample.n_rows, kept);
	assert_int_equal(p->loss.dropped, 100000 - kept);
	assert_true(w->run->limits.n >= 1);
	world_close(w);
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Random stacks come back as they were said, with and without the source's own hashes. */
static void stacks_come_back(void **state)
{
	struct world *w = world_open((struct record_options){ .timed = true, .kernel = true });
	enum { N = 3000 };
	uint64_t seed = 42;
	struct str *want = arena_array(w->arena, struct str, N);

	(void)state;
	for (uint32_t pid = 1; pid <= 3; pid++) {
		task(w, TASK_SEEN, 0, pid, pid, 0, "p");
		map(w, pid, 0x400000, 0x500000, "/bin/p");
	}
	for (size_t i = 0; i < N; i++) {
		uint64_t ip[12];
		size_t n = 1 + next(&seed) % 8, k = next(&seed) % 4;
		uint32_t pid = 1 + (uint32_t)(next(&seed) % 3);
		want[i] = S("");
		for (size_t j = 0; j < n + k; j++)
			ip[j] = j < n ? 0x400000 + next(&seed) % 4 * 16 : next(&seed) % 3;
		for (size_t j = n; j-- > 0;)
			want[i] = arena_printf(w->arena, STR_FMT "%s/bin/p+%llx", STR_ARG(want[i]),
					       want[i].n ? ";" : "",
					       (unsigned long long)ip[j] - 0x400000);
		for (size_t j = n + k; j-- > n;)
			want[i] = arena_printf(w->arena, STR_FMT ";k%llx", STR_ARG(want[i]),
					       (unsigned long long)ip[j]);
		struct raw_sample x = {
			.time_ns = i,
			.pid = pid,
			.tid = pid,
			.user_ip = ip,
			.n_user = (uint16_t)n,
			.kernel_ip = ip + n,
			.n_kernel = (uint16_t)k,
			.user_hash = i % 2 ? str_hash((struct str){ (char *)ip, n * 8 }) : 0,
			.value = { 1, 10 }
		};
		w->sink->ops->sample(w->sink, w->stream, &x);
	}
	struct profile *p = world_finish(w);
	for (size_t i = 0; i < N; i++)
		check_str(spell(w, p, i), want[i]);
	/* the trie holds each prefix once */
	assert_true(p->n_stacks < N * 8);
	world_close(w);
}

static void sums_without_times(void **state)
{
	struct profile *p[2];
	struct world *w[2];

	(void)state;
	for (int timed = 0; timed < 2; timed++) {
		uint64_t seed = 7;
		w[timed] = world_open((struct record_options){ .timed = timed });
		map(w[timed], 1, 0x400000, 0x500000, "/bin/p");
		for (uint64_t i = 0; i < 5000; i++)
			sample_of(w[timed], i, 1, 1, STACK_ROOT,
				  (uint64_t[]){ 0x400000 + next(&seed) % 16, 0x400000 }, 2, 0);
		p[timed] = world_finish(w[timed]);
	}
	assert_int_equal(p[0]->sample.n_rows, 16);
	assert_int_equal(p[1]->sample.n_rows, 5000);
	assert_true(profile_equal(p[0], p[1]));
	world_close(w[0]);
	world_close(w[1]);
}

static double cpu_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The budget of the design is 150 ms on a release build; a loaded, instrumented one gets more. */
static void large_recordings_are_named_quickly(void **state)
{
	struct world *w = world_open((struct record_options){ .timed = true, .per_thread = true });
	enum { SAMPLES = 100000, STACKS = 60000, DEPTH = 40 };

	(void)state;
	task(w, TASK_SEEN, 0, 1, 1, 0, "cc1plus");
	map(w, 1, 0x400000, 0x4000000, "/bin/cc1plus");
	double begin = cpu_ms();
	for (uint64_t i = 0; i < SAMPLES; i++) {
		uint64_t ip[DEPTH], seed = (i % STACKS + 1) * 0x9e3779b97f4a7c15u;
		for (size_t k = 0; k < DEPTH; k++) /* the deeper half is shared by many */
			ip[DEPTH - 1 - k] = 0x400000 + k * 0x1000 * 16 +
					    next(&seed) %
						    (k < 10   ? 1
						     : k < 30 ? 2
							      : 64) *
						    32;
		sample_of(w, i, 1, 1, STACK_ROOT, ip, DEPTH, 0);
	}
	double taken = cpu_ms();
	struct profile *p = world_finish(w);
	double named = cpu_ms();
	assert_int_equal(p->sample.n_rows, SAMPLES);
	printf("# %d samples: %.0f ms to take, %.0f ms to name %zu stacks, %zu frames\n", SAMPLES,
	       taken - begin, named - taken, p->n_stacks, p->n_frames);
	assert_true(named - taken < 3000);
	world_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truth_is_told),
		cmocka_unit_test(kernel_without_symbols_is_one_frame),
		cmocka_unit_test(exec_and_fork_while_recording),
		cmocka_unit_test(first_thread_ends_first),
		cmocka_unit_test(storm_of_children),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(stacks_come_back),
		cmocka_unit_test(sums_without_times),
		cmocka_unit_test(large_recordings_are_named_quickly),
	};

	return RUN_TESTS(tests);
}
