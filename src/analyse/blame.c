/* What counts as foreign: by module, and for Go, which links its runtime in, by name. */
#include "analyse/blame.h"

/* Beginnings of the last part of the path of a module. */
static const struct str foreign_modules[] = {
	{ "libc.so", 7 },      { "libc-", 5 },        { "ld-linux", 8 },     { "ld-musl", 7 },
	{ "libm.so", 7 },      { "libm-", 5 },        { "libpthread", 10 },  { "libgcc_s", 8 },
	{ "libstdc++", 9 },    { "libc++", 6 },       { "[vdso]", 6 },       { "linux-vdso", 10 },
	{ "libjemalloc", 11 }, { "libtcmalloc", 11 }, { "libmimalloc", 11 }, { "[kernel]", 8 },
};
/* Beginnings of names: runtimes that lie in the program, and what a static libc brings along. */
static const struct str foreign_names[] = {
	{ "runtime.", 8 },  { "runtime/internal/", 17 },
	{ "internal/", 9 }, { "std::", 5 },
	{ "core::", 6 },    { "alloc::", 7 },
	{ "__memcpy", 8 },  { "__memset", 8 },
	{ "__memmove", 9 }, { "__libc_", 7 },
	{ "_start", 6 },    { "__clone", 7 },
};

/* Collapsed stacks and scripts have no modules: what the C library calls its own. */
static const struct str libc_names[] = {
	{ "__str", 5 },     { "__mem", 5 },  { "__GI_", 5 },       { "_int_malloc", 11 },
	{ "_int_free", 9 }, { "__libc", 6 }, { "__vfprintf", 10 }, { "malloc_consolidate", 18 },
};
static const struct str libc_exact[] = {
	{ "malloc", 6 }, { "free", 4 },   { "cfree", 5 },   { "calloc", 6 }, { "realloc", 7 },
	{ "memcpy", 6 }, { "memset", 6 }, { "memmove", 7 }, { "memcmp", 6 }, { "strcmp", 6 },
	{ "strlen", 6 }, { "strcpy", 6 }, { "strchr", 6 },
};

static bool begins(struct str s, const struct str *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, v[i]))
			return true;
	return false;
}
#define BEGINS(s, v) begins(s, v, sizeof(v) / sizeof((v)[0]))

static bool is(struct str s, const struct str *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, v[i]))
			return true;
	return false;
}
#define IS(s, v) is(s, v, sizeof(v) / sizeof((v)[0]))

static bool is_foreign(const struct weights *w, uint32_t f)
{
	struct str head, module = weights_module(w, f), name = weights_name(w, f);

	if (w->function[f].kind == FRAME_KERNEL || w->function[f].kind == FRAME_MARKER)
		return true;
	if (str_ends(name, S("@plt"))) /* the way into a library */
		return true;
	if (!module.n && (BEGINS(name, libc_names) || IS(name, libc_exact)))
		return true;
	/* Without a name it is nobody's news, and in a library it works for somebody. */
	if (!w->function[f].name.i && str_find(module, S(".so")) < module.n)
		return true;
	return BEGINS(str_cut_last(module, '/', &head), foreign_modules) ||
	       BEGINS(name, foreign_names);
}

struct blame blame_new(struct arena *a, const struct weights *w)
{
	const struct profile *p = w->profile;
	struct blame b = {
		.weights = w,
		.foreign = arena_array(a, bool, w->n_functions),
		.behind = arena_array(a, uint32_t, p->n_stacks),
		.whole = arena_array(a, struct weight, w->n_functions),
	};

	for (uint32_t f = 1; f < w->n_functions; f++)
		b.foreign[f] = is_foreign(w, f);
	for (size_t s = 1; s < p->n_stacks; s++) {
		uint32_t f = w->function_of[s];
		b.behind[s] = b.foreign[f] ? b.behind[p->stacks[s].parent.i] : f;
		weight_add(&b.whole[b.behind[s]], w->self[s]);
	}
	return b;
}

static uint32_t heaviest(const struct weight *by, size_t n, struct weight *ret)
{
	uint32_t best = 0;

	for (uint32_t f = 1; f < n; f++)
		if (by[f].value > (best ? by[best].value : 0))
			best = f;
	if (best)
		*ret = by[best];
	return best;
}

uint32_t blame_behind(struct arena *a, const struct blame *b, uint32_t function, struct weight *ret)
{
	const struct weights *w = b->weights;
	struct weight *by = arena_array(a, struct weight, w->n_functions);

	for (size_t s = 1; s < w->profile->n_stacks; s++)
		if (w->function_of[s] == function)
			weight_add(&by[b->behind[s]], w->self[s]);
	return heaviest(by, w->n_functions, ret);
}

uint32_t blame_behind_kernel(struct arena *a, const struct blame *b, struct weight *ret)
{
	const struct weights *w = b->weights;
	struct weight *by = arena_array(a, struct weight, w->n_functions);

	for (size_t s = 1; s < w->profile->n_stacks; s++)
		if (w->function[w->function_of[s]].kind == FRAME_KERNEL)
			weight_add(&by[b->behind[s]], w->self[s]);
	return heaviest(by, w->n_functions, ret);
}
