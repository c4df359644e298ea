/* Names for the addresses that stand in stdin, as addr2line -aifC prints them: what bench/symbols
 * races. symbols_race FILE < ADDRESSES */
#include <stdio.h>
#include <stdlib.h>

#include "resolve/names.h"

#define POINTS_MAX 1000000u

static void show(const struct name_list *l, uint64_t at)
{
	(void)printf("0x%016llx\n", (unsigned long long)at);
	for (size_t i = 0; i < l->n; i++) {
		const struct name *n = &l->v[i];
		struct str f = n->function.n ? n->function : S("??");
		struct str p = n->file.n ? n->file : S("??");
		(void)printf(STR_FMT "\n" STR_FMT ":%u\n", STR_ARG(f), STR_ARG(p), n->line);
	}
}

int main(int argc, char **argv)
{
	auto_arena a = arena_open("symbols", (size_t)1 << 30);
	struct host host;
	struct err err = { 0 };
	char line[64];
	size_t n = 0;

	if (argc != 2 || host_open(S(""), &host, &err))
		return 2;
	uint64_t *at = arena_array(a, uint64_t, POINTS_MAX);
	while (n < POINTS_MAX && fgets(line, sizeof(line), stdin))
		if (str_to_hex(str_trim(str_from_c(line)), &at[n]))
			n++;
	struct binaries *b = binaries_open(a, &host);
	struct names *names = names_open(a, &host, b, (struct names_options){ .inlines = true });
	struct binary_place place = { .path = str_from_c(argv[1]) };
	const struct binary *bin = binaries_get(b, &place);
	struct name_list *l = arena_make(a, struct name_list);
	names_prepare(names, bin->id, at, n);
	for (size_t i = 0; i < n; i++) {
		names_file(names, bin->id, at[i], l);
		show(l, at[i]);
	}
	bool missing = bin->fd < 0;
	(void)names_close(names);
	(void)binaries_close(b);
	return missing;
}
