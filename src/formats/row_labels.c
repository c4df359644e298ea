/* Reading and building the chain of well-known labels. */
#include "formats/row_labels.h"

#include "base/buf.h"

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

static void say(struct buf *out, struct str name, int64_t id)
{
	buf_put(out, name);
	if (id >= 0)
		buf_printf(out, " [%lld]", (long long)id);
}

void row_labels_say(const struct row_labels *l, struct buf *out)
{
	say(out, l->process, l->pid);
	buf_put(out, S(" / "));
	say(out, l->thread, l->tid);
}

/* Takes " [123]" off the end of S. */
static void hear_id(struct str *s, int64_t *id)
{
	struct str before, last = str_cut_last(*s, ' ', &before);
	uint64_t v;

	if (last.n < 3 || last.n >= s->n || last.p[0] != '[' || last.p[last.n - 1] != ']' ||
	    !str_to_u64((struct str){ last.p + 1, last.n - 2 }, &v) || v > INT64_MAX)
		return;
	*id = (int64_t)v;
	*s = before;
}

bool row_labels_hear(struct str text, struct row_labels *ret)
{
	size_t cut = str_find(text, S(" / "));

	if (cut == text.n)
		return false;
	*ret = ROW_LABELS_NONE;
	ret->process = str_head(text, cut);
	ret->thread = str_skip(text, cut + 3);
	hear_id(&ret->process, &ret->pid);
	hear_id(&ret->thread, &ret->tid);
	return true;
}
