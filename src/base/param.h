/*
 * param: one option of one command or source. The row knows name, type, default, help, and the
 * field it fills, so nobody looks an option up by name. A row whose field has another type does
 * not compile, and the field of a time or a size must end in _ns or _bytes.
 *
 * Command line: --name VALUE, --name=VALUE, -n VALUE, -nVALUE; --flag, --no-flag. Options may stand
 * before and after words; `--` ends both, what follows belongs to PARAM_REST.
 */
#ifndef PERF_OPS_BASE_PARAM_H
#define PERF_OPS_BASE_PARAM_H

#include "base/err.h"
#include "base/str.h"

enum param_type {
	PARAM_FLAG,   /* bool; --no-name turns it off; initial "on" or NULL */
	PARAM_COUNT,  /* uint64_t */
	PARAM_NS,     /* int64_t; 250us 10ms 5s 2m 1h, fractions too; a plain number is seconds */
	PARAM_BYTES,  /* uint64_t; 512 64k 10M 1G, powers of 1024 */
	PARAM_TEXT,   /* struct str */
	PARAM_CHOICE, /* unsigned: index into choices, "never|minor|major" */
	PARAM_LIST,   /* struct texts: a text that may be given several times */
	PARAM_WORDS,  /* struct words: what is no option, before `--` */
	PARAM_REST,   /* struct args: everything after `--` */
};

struct args {
	const char *const *v;
	size_t n;
};

#define TEXTS_MAX 16
struct texts {
	struct str v[TEXTS_MAX];
	size_t n;
};

#define WORDS_MAX 64
struct words { /* what is no option, in order */
	struct str v[WORDS_MAX];
	size_t n;
};

struct param {
	enum param_type type;
	char letter;      /* short option, or 0 */
	const char *name; /* field name; on the command line _ is written - */
	const char *initial, *choices, *help;
	size_t at; /* where the parsed value goes in the command's own struct */
};

/* clang-format off */
/* offsetof that refuses to compile when the field is not of type T */
#define AT(P, field, T) \
	(offsetof(struct P, field) + 0 * sizeof(char[ \
		__builtin_types_compatible_p(__typeof__(((struct P *)0)->field), T) ? 1 : -1]))
#define P_FLAG(P, f, c, i, h)     { PARAM_FLAG,   c, #f, i,    NULL, h, AT(P, f, bool) }
#define P_COUNT(P, f, c, i, h)    { PARAM_COUNT,  c, #f, i,    NULL, h, AT(P, f, uint64_t) }
#define P_NS(P, f, c, i, h)       { PARAM_NS,     c, #f, i,    NULL, h, AT(P, f##_ns, int64_t) }
#define P_BYTES(P, f, c, i, h)    { PARAM_BYTES,  c, #f, i,    NULL, h, AT(P, f##_bytes, uint64_t) }
#define P_TEXT(P, f, c, i, h)     { PARAM_TEXT,   c, #f, i,    NULL, h, AT(P, f, struct str) }
#define P_CHOICE(P, f, c, i, l, h) { PARAM_CHOICE, c, #f, i,   l,    h, AT(P, f, unsigned) }
#define P_LIST(P, f, c, h)        { PARAM_LIST,   c, #f, NULL, NULL, h, AT(P, f, struct texts) }
#define P_WORDS(P, f, h)          { PARAM_WORDS,  0, #f, NULL, NULL, h, AT(P, f, struct words) }
#define P_REST(P, f, h)           { PARAM_REST,   0, #f, NULL, NULL, h, AT(P, f, struct args) }
#define P_END                     { .name = NULL }
/* clang-format on */

/* Defaults first, then argv. INTO is zeroed and of the command's params_size. */
int param_parse(const struct param *table, struct args argv, void *into, struct err *err);

#endif
