/* A linear search: the tables have some dozens of rows, and most of a file is numbers in one array.
 */
#include "formats/json_path.h"

unsigned json_path_find(const struct json_path *p, struct str key)
{
	unsigned from = p->depth ? p->at[p->depth - 1] : 0;

	for (size_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].from == from &&
		    (!p->steps[i].key || str_eq(key, str_from_c(p->steps[i].key))))
			return p->steps[i].to;
	return 0;
}

unsigned json_path_open(struct json_path *p, struct str key)
{
	unsigned to = p->depth < JSON_PATH_DEPTH ? json_path_find(p, key) : 0;

	if (to)
		p->at[p->depth++] = (unsigned char)to;
	return to;
}

unsigned json_path_close(struct json_path *p)
{
	return p->depth ? p->at[--p->depth] : 0;
}
