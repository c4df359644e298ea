/* Unpacking anything at all ends, stays within its bound, and tells an end or an error. */
#include "base/gzip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	auto_arena a = arena_open("fuzz", 16 << 20);
	struct input from = input_memory((struct str){ (const char *)bytes, n });
	const uint64_t most = 1 << 20;
	struct gunzip *g = gunzip_open(a, &from, most);
	struct input *in = gunzip_input(g);
	struct err err = { 0 };
	uint64_t total = 0;
	int r;

	while ((r = in->more(in, &err)) > 0) {
		if (in->at == in->end)
			abort();
		total += (uint64_t)(in->end - in->at);
	}
	if (total > most || (r < 0 && err.code != r))
		abort();
	(void)gunzip_close(g);

	/* And what we pack ourselves comes back. */
	auto_buf packed = BUF(n + 4096);
	struct str back;
	if (!gzip_put(&packed, (struct str){ (const char *)bytes, n }, 1))
		abort();
	from = input_memory(buf_str(&packed));
	g = gunzip_open(a, &from, n);
	if (n < 1 << 20 && (input_all(gunzip_input(g), a, &back, &err) < 0 ||
			    !str_eq(back, (struct str){ (const char *)bytes, n })))
		abort();
	(void)gunzip_close(g);
	return 0;
}
