/* Compiles unwind tables from any bytes; what comes out must hold, and every search must stay
 * inside. */
#include <stdlib.h>

#include "capture/unwind/native/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void need(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	auto_arena a = arena_open("fuzz", (size_t)256 << 20);
	struct native_table t = { 0 };
	struct err err = { 0 };
	uint32_t exe;

	if (native_compile(a, bytes, n, &t, &err) < 0) {
		need(err.text[0] != 0);
		return 0;
	}
	need(t.n_rows && t.n_rules && t.n_pages);
	if (t.n_pages > 1 << 16)
		return 0;
	struct native_store s = {
		.rows = arena_array(a, uint32_t, t.n_rows),
		.pages = arena_array(a, struct native_page, t.n_pages),
		.rules = arena_array(a, struct native_rule, t.n_rules),
		.exes = arena_array(a, struct native_exe, 1),
		.max_rows = t.n_rows,
		.max_pages = t.n_pages,
		.max_rules = t.n_rules,
		.max_exes = 1,
		.map.arena = a,
	};
	need(native_store_add(&s, &t, &exe, &err) == 0);
	for (size_t page = 0; page < t.n_pages; page += 1 + t.n_pages / 128)
		for (uint64_t low = 0; low < 65536; low += 8191) {
			int rule = native_find(&s, exe, page << 16 | low);
			need(rule >= 0 && (size_t)rule < s.n_rules);
		}
	return 0;
}
