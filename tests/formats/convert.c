/*
 * convert IN FORMAT OUT: reads any file that a format knows, writes it as FORMAT.
 * convert IN top: prints "self<TAB>total<TAB>function" of the main kind, for oracles.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/gzip.h"
#include "base/vec.h"
#include "formats/format.h"

static int complain(const char *what, const char *why)
{
	(void)fprintf(stderr, "convert: %s: %s\n", what, why);
	return 1;
}

static struct str slurp(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	VEC(char) all = { 0 };

	if (!f)
		exit(complain(path, "cannot be opened"));
	for (int c; (c = getc(f)) != EOF;)
		*vec_add(a, &all) = (char)c;
	(void)fclose(f);
	return (struct str){ all.v ? all.v : "", all.n };
}

/* Each function once a sample, however often it recurs in it. */
static void top(const struct profile *p, struct arena *a)
{
	int64_t *self = arena_array(a, int64_t, p->n_strings);
	int64_t *total = arena_array(a, int64_t, p->n_strings);
	size_t *seen = arena_array(a, size_t, p->n_strings);

	for (size_t i = 0; i < p->sample.n_rows; i++) {
		int64_t v = p->sample.value[i * p->n_kinds + p->main_kind];
		stack_id s = p->sample.stack[i];
		if (s.i)
			self[p->frames[p->stacks[s.i].frame.i].function.i] += v;
		for (; s.i; s = p->stacks[s.i].parent) {
			uint32_t f = p->frames[p->stacks[s.i].frame.i].function.i;
			if (seen[f] != i + 1)
				total[f] += v;
			seen[f] = i + 1;
		}
	}
	for (size_t i = 0; i < p->n_strings; i++)
		if (total[i])
			(void)printf("%lld\t%lld\t" STR_FMT "\n", (long long)self[i],
				     (long long)total[i], STR_ARG(p->strings[i]));
}

static int read_any(struct str text, struct run *r, struct arena *a)
{
	struct input in = input_memory(text);
	struct err err = { 0 };

	if (gzip_is(text)) {
		struct gunzip *g = gunzip_open(a, &in, UINT64_C(1) << 32);
		if (input_all(gunzip_input(g), a, &text, &err) < 0)
			return complain("gzip", err.text);
		(void)gunzip_close(g);
		in = input_memory(text);
	}
	const struct format *f = format_sniff(str_head(text, 65536));
	if (!f || !f->read)
		return complain("sniff", f ? "a recording, not a profile" : "unknown");
	if (f->read(&in, r, &err) < 0)
		return complain(f->name, err.text);
	return run_check(r, &err) < 0 ? complain(f->name, err.text) : 0;
}

int main(int argc, char **argv)
{
	auto_arena a = arena_open("convert", SIZE_MAX);
	auto_buf out = BUF(SIZE_MAX / 4);
	struct run *r = run_new(a);
	struct err err = { 0 };

	if (argc < 3)
		return complain("usage", "convert IN FORMAT OUT | convert IN top");
	if (read_any(slurp(a, argv[1]), r, a))
		return 1;
	if (str_eq(str_from_c(argv[2]), S("top"))) {
		top(r->profiles.v[0], a);
		return 0;
	}
	for (const struct format *const *f = formats; *f; f++) {
		if (!str_eq(str_from_c((*f)->name), str_from_c(argv[2])) || !(*f)->write)
			continue;
		if ((*f)->write(r, &out, &err) < 0)
			return complain(argv[2], err.text);
		FILE *to = argc > 3 ? fopen(argv[3], "wb") : stdout;
		if (!to || fwrite(out.p, 1, out.n, to) != out.n || fclose(to))
			return complain("writing", "failed");
		return 0;
	}
	return complain(argv[2], "no such format that writes");
}
