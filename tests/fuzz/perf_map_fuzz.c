/* Any bytes as /tmp/perf-PID.map. */
#include <stdint.h>

#include "resolve/perf_map.h"
#include "sys/file.h"
#include "sys/mapped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct err err = { 0 };
	struct str name;
	auto_arena a = arena_open("fuzz", (size_t)256 << 20);
	int fd = mapped_copy("fuzz", (struct str){ (const char *)bytes, n }, &err);

	if (fd < 0)
		return 0;
	struct perf_map *m = perf_map_open(a, fd);
	for (uint64_t at = 0; at < 64; at++)
		(void)perf_map_find(m, at * 0x777, &name);
	(void)perf_map_find(m, UINT64_MAX, &name);
	(void)perf_map_close(m);
	return 0;
}
