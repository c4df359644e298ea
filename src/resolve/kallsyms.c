/* Lines of "ADDRESS TYPE NAME" and, for modules, a tab and "[MODULE]" (kernel/kallsyms.c). */
#include "resolve/kallsyms.h"

#include <stdlib.h>

#include "base/vec.h"

#define ROWS_MAX     (4u << 20)
#define FUNCTION_MAX (256u << 10) /* bytes; the largest of a distribution's kernel has 40 KB */

struct row {
	uint64_t start;
	uint32_t name; /* in text: length of the name, of the module (a byte each), both; 0: data */
};

struct kallsyms {
	VEC(struct row) rows;
	VEC(char) text;
	bool hidden;
};

static uint32_t put_name(struct arena *a, struct kallsyms *k, struct str name, struct str module)
{
	name = str_head(name, 255);
	module = str_head(module, 255);
	uint32_t at = (uint32_t)k->text.n;
	*vec_add(a, &k->text) = (char)name.n;
	*vec_add(a, &k->text) = (char)module.n;
	for (size_t i = 0; i < name.n; i++)
		*vec_add(a, &k->text) = name.p[i];
	for (size_t i = 0; i < module.n; i++)
		*vec_add(a, &k->text) = module.p[i];
	return at;
}

/* The letters of nm(1) for text and for weak. */
static bool is_code(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

static void take_line(struct arena *a, struct kallsyms *k, struct str line, bool *any)
{
	struct str rest = line, name, module = S("");
	uint64_t start;

	struct str address = str_cut(rest, ' ', &rest);
	struct str type = str_cut(rest, ' ', &rest);
	name = str_cut(rest, '\t', &module);
	module = str_trim(module);
	if (!str_to_hex(address, &start) || type.n != 1 || name.n == 0)
		return;
	*any = true;
	if (start == 0)
		return;
	bool code = is_code(type.p[0]);
	*vec_add(a, &k->rows) = (struct row){ start, code ? put_name(a, k, name, module) : 0 };
}

static int by_start(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* Names before bounds, and of several names the one that stood first. */
	if (!x->name != !y->name)
		return x->name ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct kallsyms *kallsyms_parse(struct arena *a, struct str text)
{
	struct kallsyms *k = arena_make(a, struct kallsyms);
	bool any = false, rising = true;

	*vec_add(a, &k->text) = 0; /* so that 0 is no name */
	/* What doubling arrays may take at most for one more line. */
	while (text.n && k->rows.n < ROWS_MAX &&
	       arena_fits(a, k->text.cap + k->rows.cap + 1024, 32))
		take_line(a, k, str_cut(text, '\n', &text), &any);
	for (size_t i = 1; i < k->rows.n && rising; i++)
		rising = by_start(&k->rows.v[i - 1], &k->rows.v[i]) <= 0;
	if (!rising)
		qsort(k->rows.v, k->rows.n, sizeof(*k->rows.v), by_start);
	k->hidden = any && k->rows.n == 0;
	return k;
}

bool kallsyms_hidden(const struct kallsyms *k)
{
	return k->hidden;
}

bool kallsyms_find(const struct kallsyms *k, uint64_t address, struct str *ret_name,
		   struct str *ret_module)
{
	size_t lo = 0, hi = k->rows.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (k->rows.v[mid].start <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return false;
	uint64_t start = k->rows.v[lo - 1].start;
	while (lo > 1 && k->rows.v[lo - 2].start == start)
		lo--;
	const struct row *r = &k->rows.v[lo - 1];
	if (!r->name || address - start >= FUNCTION_MAX)
		return false;
	const char *p = &k->text.v[r->name];
	size_t n = (unsigned char)p[0], m = (unsigned char)p[1];
	*ret_name = (struct str){ p + 2, n };
	*ret_module = m ? (struct str){ p + 2 + n, m } : S("[kernel]");
	return true;
}
