/* Any bytes as a mangled name. */
#include <stdint.h>
#include <stdlib.h>

#include "resolve/demangle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	auto_arena a = arena_open("fuzz", (size_t)16 << 20);
	struct str readable = demangle(a, (struct str){ (const char *)bytes, n });

	if (n && readable.n == 0)
		abort();
	return 0;
}
