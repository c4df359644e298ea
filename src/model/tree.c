/* The invariants of a tree, and of preorder as such. */
#include "model/tree.h"

#include <errno.h>

#include "model/preorder_priv.h"

static uint32_t field(const uint32_t *first, size_t size, size_t i)
{
	uint32_t v;

	memcpy(&v, (const char *)first + i * size, sizeof(v));
	return v;
}

int preorder_check(const uint32_t *parent, const uint32_t *span, size_t size, size_t n,
		   struct err *err)
{
	if (n == 0)
		return 0;
	if (*parent != 0 || *span != n)
		return err_set(err, -EBADMSG, "node 0 is not the root of all");
	for (size_t i = 1; i < n; i++) {
		size_t up = i - 1, of = field(parent, size, i), wide = field(span, size, i);
		/* The parent is the innermost slice still open; each slice is left once. */
		while (up && i >= up + field(span, size, up))
			up = field(parent, size, up);
		if (of != up)
			return err_set(err, -EBADMSG, "node %zu has parent %zu, not %zu", i, of,
				       up);
		if (wide == 0 || i + wide > up + field(span, size, up))
			return err_set(err, -EBADMSG, "node %zu reaches beyond its parent", i);
	}
	return 0;
}

int tree_check(const struct tree *t, struct err *err)
{
	if (t->n_sizes < 1 || t->n_sizes > TREE_SIZES_MAX)
		return err_set(err, -EBADMSG, "tree '" STR_FMT "' has %u sizes", STR_ARG(t->name),
			       t->n_sizes);
	for (unsigned k = 0; k < t->n_sizes; k++)
		if (t->size_name[k].n == 0)
			return err_set(err, -EBADMSG, "tree '" STR_FMT "': size %u has no name",
				       STR_ARG(t->name), k);
	if (t->n &&
	    preorder_check(&t->node->parent, &t->node->span, sizeof(*t->node), t->n, err) < 0)
		return err_add(err, "tree '" STR_FMT "'", STR_ARG(t->name));
	for (size_t i = 0; i < t->n; i++)
		for (unsigned k = 0; k < t->n_sizes; k++)
			if (t->node[i].self[k] < 0)
				return err_set(err, -EBADMSG,
					       "tree '" STR_FMT "': node %zu has a negative size",
					       STR_ARG(t->name), i);
	return 0;
}
