/* Reading and building the chain of well-known labels. */
#include "formats/row_labels.h"

static void take(struct row_labels *r, struct str key, struct str text, int64_t number)
{
	if (str_eq(key, S("process")))
		r->process = text;
	else if (str_eq(key, S("thread")))
		r->thread = text;
	else if (str_eq(key, S("pid")) && text.n == 0)
		r->pid = number;
	else if (str_eq(key, S("tid")) && text.n == 0)
		r->tid = number;
}

struct row_labels row_labels_get(const struct profile *p, label_id l)
{
	struct row_labels r = ROW_LABELS_NONE;

	for (; l.i; l = p->labels[l.i].next)
		take(&r, profile_text(p, p->labels[l.i].key), profile_text(p, p->labels[l.i].text),
		     p->labels[l.i].number);
	return r;
}

label_id row_labels_put(struct profile *p, const struct row_labels *l)
{
	label_id id = { 0 };

	if (l->tid >= 0)
		id = profile_label(p, id, S("tid"), S(""), l->tid);
	if (l->thread.n)
		id = profile_label(p, id, S("thread"), l->thread, 0);
	if (l->pid >= 0)
		id = profile_label(p, id, S("pid"), S(""), l->pid);
	if (l->process.n)
		id = profile_label(p, id, S("process"), l->process, 0);
	return id;
}
