/* made: profiles of known truth, from lines as in collapsed stacks: root first, by ';'. */
#ifndef PERF_OPS_TEST_MADE_H
#define PERF_OPS_TEST_MADE_H

#include "model/profile.h"

struct made_row {
	const char *stack; /* "main;work@libx.so": @ and the module; [k] in front: kernel; ? or
			      ?2000 (where, in hex) no name */
	int64_t samples;
	const char *thread; /* NULL: no label */
};

static inline frame_id made_frame(struct profile *p, struct str text)
{
	struct str module = { "app", 3 }, name = str_cut(text, '@', &module);
	struct frame f = { .kind = FRAME_NATIVE };

	if (!module.n)
		module = S("app");
	if (str_starts(name, S("[k]"))) {
		f.kind = FRAME_KERNEL;
		module = S("[kernel]");
		name = str_skip(name, 3);
	}
	f.function = profile_string(p, str_starts(name, S("?")) ? S("") : name);
	if (!f.function.i && !str_to_hex(str_skip(name, 1), &f.address))
		f.address = 0x1000;
	f.module = profile_string(p, module);
	return profile_frame(p, &f);
}

static inline void made_add(struct profile *p, const struct made_row *row)
{
	stack_id s = { 0 };
	label_id l = { 0 };
	const int64_t value[] = { row->samples, row->samples * 10000000 };

	for (struct str rest = str_from_c(row->stack), one; rest.n;) {
		one = str_cut(rest, ';', &rest);
		s = profile_stack(p, s, made_frame(p, one));
	}
	if (row->thread)
		l = profile_label(p, l, S("thread"), str_from_c(row->thread), 0);
	profile_add(p, s, l, value, 0);
}

/* Two kinds: samples, and cpu with 10 ms each, which is the main one. */
static inline struct profile *made(struct arena *a, const struct made_row *rows, size_t n)
{
	const struct value_kind kinds[] = { { S("samples"), UNIT_COUNT }, { S("cpu"), UNIT_NS } };
	struct profile *p = profile_new(a, S("made"), kinds, 2, false);

	p->main_kind = 1;
	for (size_t i = 0; i < n; i++)
		made_add(p, &rows[i]);
	return p;
}
#define MADE(a, ...)                                        \
	made((a), (const struct made_row[]){ __VA_ARGS__ }, \
	     sizeof((const struct made_row[]){ __VA_ARGS__ }) / sizeof(struct made_row))

#endif
