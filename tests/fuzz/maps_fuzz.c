/* A maps file of any content: an error, or mappings that hold what proc.h promises. */
#include <stdlib.h>

#include "sys/proc.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = { (const char *)bytes, n };
	size_t all = 0;

	for (unsigned exec = 0; exec < 2; exec++) {
		auto_arena a = arena_open("fuzz", 64 << 20);
		struct proc_maps maps = { 0 };
		struct err err = { 0 };
		if (proc_maps_parse(a, text, exec, &maps, &err) < 0) {
			if (!err.code || !err.text[0] || maps.n)
				abort();
			continue;
		}
		for (size_t i = 0; i < maps.n; i++) {
			const struct proc_map *m = &maps.v[i];
			if (m->end < m->start || m->perms[4] || (exec && m->perms[2] != 'x'))
				abort();
		}
		if (exec && maps.n > all)
			abort();
		all = maps.n;
	}
	return 0;
}
