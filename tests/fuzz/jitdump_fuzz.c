/* Any bytes as jit-PID.dump. */
#include <stdint.h>

#include "resolve/jitdump.h"
#include "sys/file.h"
#include "sys/mapped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct err err = { 0 };
	struct str name, file;
	struct jitdump *j;
	uint32_t line;
	auto_arena a = arena_open("fuzz", (size_t)256 << 20);
	auto_fd fd = mapped_copy("fuzz", (struct str){ (const char *)bytes, n }, &err);

	if (fd < 0 || jitdump_open(a, fd, &j, &err))
		return 0;
	for (uint64_t at = 0; at < 64; at++)
		(void)jitdump_find(j, at * 0x404, at % 3 * 100, &name, &file, &line);
	(void)jitdump_find(j, UINT64_MAX, 0, &name, &file, &line);
	return 0;
}
