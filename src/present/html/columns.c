/* columns: the varints themselves, and the texts that they number. */
#include "present/html/columns.h"

void columns_init(struct columns *c, struct arena *a)
{
	*c = (struct columns){ .arena = a, .text_map = { .arena = a } };
	(void)columns_text(c, S("")); /* it is row 0, and known */
}

void columns_begin(struct columns *c, const char *name)
{
	*vec_add(c->arena, &c->made) =
		(struct column_made){ .name = name, .first_byte = c->n_bytes };
}

void columns_add(struct columns *c, uint64_t v)
{
	struct column_made *col = &c->made.v[c->made.n - 1];

	if (c->cap_bytes - c->n_bytes < 10) /* ten bytes hold any 64 bits */
		c->byte = arena_grow(c->arena, c->byte, c->n_bytes + 10, &c->cap_bytes, 1);
	for (; v > 127; v >>= 7)
		c->byte[c->n_bytes++] = (uint8_t)(v | 128);
	c->byte[c->n_bytes++] = (uint8_t)v;
	col->count++;
	col->n_bytes = c->n_bytes - col->first_byte;
}

void columns_add_signed(struct columns *c, int64_t v)
{
	columns_add(c, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

uint32_t columns_text(struct columns *c, struct str s)
{
	uint64_t hash = str_hash(s);

	for (struct map_at at = map_first(&c->text_map, hash); at.hit;
	     at = map_next(&c->text_map, at))
		if (str_eq(c->texts.v[at.index], s))
			return at.index;
	map_insert(&c->text_map, hash, (uint32_t)c->texts.n);
	*vec_add(c->arena, &c->texts) = s;
	return (uint32_t)c->texts.n - 1;
}

void columns_list(const struct columns *c, struct json *j, size_t from)
{
	json_open(j, "columns", '[');
	for (size_t i = from; i < c->made.n; i++) {
		json_open(j, "", '[');
		json_text(j, "", str_from_c(c->made.v[i].name));
		json_uint(j, "", c->made.v[i].count);
		json_uint(j, "", c->made.v[i].n_bytes);
		json_close(j, ']');
	}
	json_close(j, ']');
}
