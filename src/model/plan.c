/* The invariants of a plan. */
#include "model/plan.h"

#include <errno.h>

#include "model/preorder_priv.h"

static int check_node(const struct plan *p, size_t i, struct err *err)
{
	const struct plan_node *n = &p->node[i];

	if (n->op.n == 0)
		return err_set(err, -EBADMSG, "plan: node %zu has no operation", i);
	if (n->prop > p->n_props || n->n_props > p->n_props - n->prop)
		return err_set(err, -EBADMSG, "plan: node %zu has properties that are not there",
			       i);
	if (n->rows < 0 || n->rows_expected < 0 || n->self_ns < 0 || n->read_bytes < 0)
		return err_set(err, -EBADMSG, "plan: node %zu has a negative figure", i);
	if (n->loops > 0 && __builtin_isnan(n->rows))
		return err_set(err, -EBADMSG, "plan: node %zu ran, but its rows are not known", i);
	return 0;
}

int plan_check(const struct plan *p, struct err *err)
{
	if (p->engine.n == 0)
		return err_set(err, -EBADMSG, "a plan does not say whose it is");
	if (p->n &&
	    preorder_check(&p->node->parent, &p->node->span, sizeof(*p->node), p->n, err) < 0)
		return err_add(err, "plan");
	for (size_t i = 0; i < p->n; i++)
		if (check_node(p, i, err) < 0)
			return err->code;
	for (size_t i = 0; i < p->n_props; i++)
		if (p->prop[i].key.n == 0)
			return err_set(err, -EBADMSG, "plan: property %zu has no key", i);
	return 0;
}
