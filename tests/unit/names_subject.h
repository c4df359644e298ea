/* Programs that are compiled when the test runs, and what the original tools say about them. */
#ifndef PERF_OPS_TEST_NAMES_SUBJECT_H
#define PERF_OPS_TEST_NAMES_SUBJECT_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolve/names.h"
#include "sys/mapped.h"

#define TOOL_OUTPUT_MAX (64u << 20)

struct subject {
	struct arena *arena;
	struct host host;
	struct binaries *binaries;
	struct names *names;
	char dir[64];
};

static inline int subject_open(void **state)
{
	struct arena *a = arena_open("test", (size_t)1 << 30);
	struct subject *s = arena_make(a, struct subject);
	struct err err = { 0 };

	s->arena = a;
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/perf-ops-names-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(host_open(S(""), &s->host, &err), 0);
	s->binaries = binaries_open(a, &s->host);
	s->names = names_open(a, &s->host, s->binaries, (struct names_options){ .inlines = true });
	*state = s;
	return 0;
}

static inline bool run(const struct subject *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A shell command in the directory of the subject; true: it ended with 0. */
static inline bool run(const struct subject *s, const char *format, ...)
{
	char command[4096];
	va_list ap;
	int n = snprintf(command, sizeof(command), "cd %s && exec 2>log && ", s->dir);

	va_start(ap, format);
	(void)vsnprintf(command + n, sizeof(command) - (size_t)n, format, ap);
	va_end(ap);
	return system(command) == 0;
}

static inline int subject_close(void **state)
{
	struct subject *s = *state;

	s->names = names_close(s->names);
	s->binaries = binaries_close(s->binaries);
	(void)run(s, "rm -rf %s", s->dir);
	(void)arena_close(s->arena);
	return 0;
}

static inline void subject_write(const struct subject *s, const char *name, const char *text)
{
	struct err err = { 0 };

	assert_int_equal(
		file_write(arena_printf(s->arena, "%s/%s", s->dir, name), str_from_c(text), &err),
		0);
}

static inline struct str subject_read(const struct subject *s, const char *name)
{
	struct str ret = S("");
	struct err err = { 0 };

	assert_int_equal(
		file_read(s->arena, arena_printf(s->arena, "%s/%s", s->dir, name), &ret, &err), 0);
	return ret;
}

static inline struct binary *subject_binary(const struct subject *s, const char *name)
{
	struct binary_place p = { .path = arena_printf(s->arena, "%s/%s", s->dir, name) };

	return binaries_get(s->binaries, &p);
}

/* Starts afresh, e.g. after a file was changed. */
static inline void subject_again(struct subject *s, struct names_options o)
{
	s->names = names_close(s->names);
	s->binaries = binaries_close(s->binaries);
	s->binaries = binaries_open(s->arena, &s->host);
	s->names = names_open(s->arena, &s->host, s->binaries, o);
}

/* The innermost function of BIN at VADDR. */
static inline struct str subject_function(const struct subject *s, const struct binary *bin,
					  uint64_t vaddr)
{
	struct name_list *l = arena_make(s->arena, struct name_list);

	names_file(s->names, bin->id, vaddr, l);
	assert_true(l->n >= 1 && l->n <= NAMES_DEPTH_MAX);
	return l->v[0].function;
}

/* The value of symbol NAME by nm; 0: none. */
static inline uint64_t subject_address(const struct subject *s, const char *file, const char *name)
{
	uint64_t v = 0;

	assert_true(run(s, "nm %s | awk -v n='%s' '$3 == n { print $1 }' | head -1 > address", file,
			name));
	struct str text = str_trim(subject_read(s, "address"));
	return str_to_hex(text, &v) ? v : 0;
}

#endif
