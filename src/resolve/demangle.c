/*
 * Knows libiberty: which of its demanglers a name belongs to, and what keeps it in bounds. Only the
 * callback variants are used: they take no heap, so a jump out of the callback leaks nothing and
 * is the one way to end a name whose substitutions grow without end.
 */
#include "resolve/demangle.h"

#include <setjmp.h>
#include <stdint.h>
/* libiberty's header uses these without including them. */
#include <stdlib.h>

#include <libiberty/demangle.h>

#include "base/buf.h"

/*
 * Longer names stay mangled. libiberty's own limit (its DEMANGLE_RECURSION_LIMIT, which counts two
 * components a character) would stop at 1 KB, and templates are longer than that; without it every
 * character can be a level of recursion: 4,096 of them ("PPPP...") need 1 MB of stack.
 */
#define MANGLED_MAX   8192u
#define READABLE_MAX  (64u << 10)
#define LIMITED_BELOW 1000u /* shorter names keep libiberty's limit of depth */

struct readable {
	struct buf text;
	jmp_buf enough;
};

static void take(const char *p, size_t n, void *self)
{
	struct readable *r = self;

	buf_put(&r->text, (struct str){ p, n });
	if (r->text.full)
		longjmp(r->enough, 1);
}

/* 1 = done. MANGLED ends with a NUL. */
static int convert(struct str mangled, struct readable *r)
{
	const int options =
		DMGL_PARAMS | DMGL_ANSI | (mangled.n < LIMITED_BELOW ? 0 : DMGL_NO_RECURSE_LIMIT);

	if (setjmp(r->enough))
		return 0;
	/* First: a legacy Rust name is a C++ name with a hash. */
	if (rust_demangle_callback(mangled.p, options, take, r))
		return 1;
	r->text.n = 0;
	if (!str_starts(mangled, S("_Z")) && !str_starts(mangled, S("_GLOBAL_")))
		return 0;
	return cplus_demangle_v3_callback(mangled.p, options, take, r);
}

struct str demangle(struct arena *a, struct str mangled)
{
	struct readable r = { .text = BUF(READABLE_MAX) };
	struct str ret = mangled;

	if (mangled.n < 3 || mangled.n > MANGLED_MAX || mangled.p[0] != '_' ||
	    memchr(mangled.p, 0, mangled.n) || !arena_fits(a, 1, mangled.n + READABLE_MAX + 2))
		return ret;
	auto_buf name = BUF(MANGLED_MAX + 1);
	buf_put(&name, mangled);
	buf_put(&name, (struct str){ "", 1 });
	if (!name.full && convert((struct str){ name.p, mangled.n }, &r) && !r.text.full &&
	    r.text.n)
		ret = arena_str(a, buf_str(&r.text));
	buf_done(&r.text);
	return ret;
}
