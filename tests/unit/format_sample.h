/* Random profiles for the tests of formats: all kinds of frames, odd names, several threads. */
#ifndef PERF_OPS_TEST_FORMAT_SAMPLE_H
#define PERF_OPS_TEST_FORMAT_SAMPLE_H

#include <stdio.h>

#include "formats/row_labels.h"
#include "model/run.h"

struct sample_wish { /* what the format under test can hold */
	bool timed, inlines, kinds, modules, labels, lines;
	bool one; /* every row is one sample */
};

static inline uint64_t sample_chance(uint64_t *seed)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *seed >> 33;
}

/* An inlined frame is of the module that PARENT, the stack it is put on, ends in. */
static inline frame_id sample_frame(struct profile *p, uint64_t n, stack_id parent,
				    const struct sample_wish *w)
{
	static const char *const odd[] = { "operator new(unsigned long)", "a \"quoted\" <name>",
					   "caf\xc3\xa9::run()", "std::map<int, char>::find" };
	struct frame f = { .kind = FRAME_NATIVE };
	char text[64];
	int len = n % 5 == 0 ? snprintf(text, sizeof(text), "%s", odd[n / 5 % 4])
			     : snprintf(text, sizeof(text), "function_%u", (unsigned)n);

	f.function = profile_string(p, (struct str){ text, (size_t)len });
	if (w->lines && n % 2) {
		f.file = profile_string(p, n % 3 ? S("src/a.c") : S("b.c"));
		f.line = (uint32_t)n;
	}
	if (w->modules)
		f.module = profile_string(p, n % 3 ? S("libx.so.1") : S("program"));
	if (n % 11 == 3) { /* without a name */
		f = (struct frame){ .module = f.module, .address = 0x1000 + n };
		return profile_frame(p, &f);
	}
	if (w->kinds && n % 7 == 2) {
		f.kind = FRAME_KERNEL;
		f.module = w->modules ? profile_string(p, S("[kernel]")) : (str_id){ 0 };
	} else if (w->kinds && n % 7 == 4) {
		f.kind = FRAME_SCRIPT;
	} else if (w->inlines && parent.i && n % 7 == 5) {
		f.kind = FRAME_INLINE;
		f.module = p->frames[p->stacks[parent.i].frame.i].module;
	}
	return profile_frame(p, &f);
}

static inline struct run *sample_run(struct arena *a, uint64_t seed, const struct sample_wish *w)
{
	static const struct value_kind kinds[] = { { { "samples", 7 }, UNIT_COUNT },
						   { { "cpu", 3 }, UNIT_NS } };
	struct run *r = run_new(a);
	struct profile *p = profile_new(a, S("sample"), kinds, 2, w->timed);
	size_t rows = 1 + sample_chance(&seed) % 200;

	p->main_kind = 1;
	for (size_t i = 0; i < rows; i++) {
		stack_id s = { 0 };
		for (uint64_t d = 1 + sample_chance(&seed) % 12; d; d--)
			s = profile_stack(p, s, sample_frame(p, sample_chance(&seed) % 60, s, w));
		struct row_labels l = ROW_LABELS_NONE;
		if (w->labels) {
			l.process = S("postgres");
			l.pid = 4711;
			l.tid = 4711 + (int64_t)(sample_chance(&seed) % 3);
			l.thread = l.tid == l.pid ? S("postgres") : S("worker [x] / y");
		}
		int64_t v[2] = { w->one ? 1 : 1 + (int64_t)(sample_chance(&seed) % 3),
				 (int64_t)(sample_chance(&seed) % 100000000) };
		profile_add(p, s, row_labels_put(p, &l), v,
			    (int64_t)(sample_chance(&seed) % 10000000000));
	}
	profile_sort(p);
	p->period_ns = 10101010;
	p->duration_ns = INT64_C(10000000000);
	p->loss = (struct loss){ 3, 2, 1 + seed % 100 };
	r->start_ns = INT64_C(1700000000000000000);
	r->wall_ns = p->duration_ns;
	r->source = S("eBPF, cpu-clock at 99 Hz");
	r->target = S("postgres (pid 4711)");
	r->cost.cpu_ns = 5000000;
	r->cost.rss_bytes = 12345678;
	r->stack_end[0] = 77;
	run_add_limit(r, S("kernel stacks are not visible"), S("kptr_restrict is 2"),
		      S("sudo sysctl kernel.kptr_restrict=0"));
	run_add_profile(r, p);
	return r;
}

#endif
