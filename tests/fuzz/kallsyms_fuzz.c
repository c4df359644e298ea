/* Any bytes as /proc/kallsyms. */
#include <stdint.h>

#include "resolve/kallsyms.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str name, module;
	auto_arena a = arena_open("fuzz", (size_t)256 << 20);
	struct kallsyms *k = kallsyms_parse(a, (struct str){ (const char *)bytes, n });

	for (uint64_t at = 0; at < 64; at++)
		(void)kallsyms_find(k, 0xffffffff81000000 + at * 0x99, &name, &module);
	(void)kallsyms_find(k, 0, &name, &module);
	(void)kallsyms_find(k, UINT64_MAX, &name, &module);
	return 0;
}
