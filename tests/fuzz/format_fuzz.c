/*
 * One fuzz target for each row of formats.def (TARGET names it): reads or plays what it is given.
 * What is accepted must hold every invariant, and must come through all writers.
 */
#include <stdlib.h>

#include "formats/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

extern const struct format TARGET;

static unsigned on_stream(struct sink *s, struct str name, const struct value_kind *k, unsigned n)
{
	(void)s;
	(void)name;
	if (n < 1 || n > PROFILE_KINDS_MAX || k[n - 1].name.n == 0)
		abort();
	return n; /* told again to the calls below */
}

static void on_sample(struct sink *s, unsigned stream, const struct raw_sample *r)
{
	uint64_t sum = 0;

	(void)s;
	for (unsigned i = 0; i < r->n_kernel; i++)
		sum += r->kernel_ip[i];
	for (unsigned i = 0; i < r->n_user; i++)
		sum += r->user_ip[i];
	if (stream < 1 || stream > PROFILE_KINDS_MAX || r->end >= STACK__COUNT)
		abort();
	__asm__ volatile("" : : "r"(sum));
}

static void on_point(struct sink *s, unsigned stream, uint64_t time_ns, double v)
{
	(void)s;
	(void)time_ns;
	(void)v;
	if (stream < 1 || stream > PROFILE_KINDS_MAX)
		abort();
}

static void on_mapping(struct sink *s, const struct raw_mapping *m)
{
	(void)s;
	if (m->end < m->start || m->build_id.n > 64 * 1024 * 1024)
		abort();
	__asm__ volatile("" : : "r"(str_hash(m->path) + str_hash(m->build_id)));
}

static void on_task(struct sink *s, const struct raw_task *t)
{
	(void)s;
	if ((unsigned)t->event > TASK_GONE)
		abort();
	__asm__ volatile("" : : "r"(str_hash(t->name)));
}

static void on_lost(struct sink *s, unsigned stream, struct loss l)
{
	(void)s;
	(void)l;
	if (stream < 1 || stream > PROFILE_KINDS_MAX)
		abort();
}

static void read_and_write(struct input *in, struct run *r)
{
	struct err err = { 0 };

	if (TARGET.read(in, r, &err) < 0) {
		if (err.code >= 0 || !err.text[0])
			abort();
		return;
	}
	if (run_check(r, &err) < 0 || r->profiles.n == 0)
		abort();
	for (const struct format *const *f = formats; *f; f++) {
		auto_buf out = BUF((size_t)64 << 20);
		if ((*f)->write && (*f)->write(r, &out, &err) < 0 && !out.full)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct sink_ops ops = { on_stream,  on_sample, on_point,
					     on_mapping, on_task,   on_lost };
	auto_arena a = arena_open("fuzz", (size_t)64 << 20);
	struct input in = input_memory((struct str){ (const char *)bytes, n });
	struct run *r = run_new(a);
	struct sink sink = { .ops = &ops, .into = r };
	struct err err = { 0 };

	(void)TARGET.sniff((struct str){ (const char *)bytes, n });
	if (TARGET.read)
		read_and_write(&in, r);
	else if (TARGET.replay(&in, &sink, &err) < 0 && (err.code >= 0 || !err.text[0]))
		abort();
	return 0;
}
