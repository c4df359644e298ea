/* Any bytes as a program: headers, symbols, stubs, embedded and DWARF names, Go tables, and where
 * functions begin by the index of the unwind tables. */
#include <stdint.h>
#include <stdlib.h>

#include "resolve/elf_view.h"
#include "resolve/names.h"
#include "sys/mapped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct err err = { 0 };
	struct host host = { 0 };
	auto_arena a = arena_open("fuzz", (size_t)1 << 30);
	auto_fd fd = mapped_copy("fuzz", (struct str){ (const char *)bytes, n }, &err);

	if (fd < 0)
		return 0;
	struct binaries *b = binaries_open(a, &host);
	struct names *names = names_open(a, &host, b, (struct names_options){ .inlines = true });
	struct binary_place p = { .path = arena_printf(a, "/proc/self/fd/%d", fd) };
	const struct binary *bin = binaries_get(b, &p);
	struct name_list *l = arena_make(a, struct name_list);
	/* Addresses that mean something: where code is. */
	for (size_t i = 0; i < bin->n_text && i < 4; i++)
		for (uint64_t k = 0; k < 24; k++) {
			uint64_t step = bin->text[i].size / 24;
			names_file(names, bin->id, bin->text[i].vaddr + k * step, l);
			if (l->n < 1 || l->n > NAMES_DEPTH_MAX ||
			    l->v[l->n - 1].start > bin->text[i].vaddr + k * step)
				abort();
		}
	names_file(names, bin->id, 0x1000, l);
	names_file(names, bin->id, UINT64_MAX, l);
	const struct names_gap *gap;
	(void)names_gaps(names, &gap);
	(void)names_close(names);
	(void)binaries_close(b);
	return 0;
}
