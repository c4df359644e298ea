/* columns: numbers as streams of varints, seven bits a byte, low first; each stream has a name. */
#ifndef PERF_OPS_PRESENT_HTML_COLUMNS_H
#define PERF_OPS_PRESENT_HTML_COLUMNS_H

#include "base/json_write.h"
#include "base/map.h"
#include "base/vec.h"

struct column_made {
	const char *name;
	size_t count, first_byte, n_bytes;
};

struct columns {
	struct arena *arena;
	uint8_t *byte;
	size_t n_bytes, cap_bytes;
	VEC(struct column_made) made; /* the last one is open */
	VEC(struct str) texts;        /* row 0 is the empty one */
	struct map text_map;
};

void columns_init(struct columns *c, struct arena *a);
void columns_begin(struct columns *c, const char *name);
void columns_add(struct columns *c, uint64_t v); /* to the last one begun */
/* Signed values: 0, -1, 1, -2 ... become 0, 1, 2, 3. */
void columns_add_signed(struct columns *c, int64_t v);
uint32_t columns_text(struct columns *c, struct str s); /* interned; what text columns hold */
/* "columns": [[name, count, bytes]...] of those made since FROM, and where the next ones start. */
void columns_list(const struct columns *c, struct json *j, size_t from);

#endif
