/* The JSON reader must give the same answer whatever the pieces its input comes in, and what it
 * skips must not be more than what it would have refused. */
#include "base/json_read.h"

#include <stdlib.h>

#include "base/buf.h"

struct pieces {
	struct input in;
	struct str left;
	size_t size;
	char now[64];
};

static int pieces_more(struct input *in, struct err *err)
{
	struct pieces *p = (struct pieces *)in;
	struct str head = str_head(p->left, p->size);

	(void)err;
	if (head.n)
		memcpy(p->now, head.p, head.n);
	p->left = str_skip(p->left, head.n);
	in->at = p->now;
	in->end = p->now + head.n;
	in->offset += head.n;
	return head.n > 0;
}

struct told {
	uint64_t hash, events;
	bool skip; /* every second object and array */
	long depth;
};

static void tell(struct told *t, struct str s, unsigned kind)
{
	t->hash = (t->hash ^ str_hash(s)) * UINT64_C(0x9e3779b97f4a7c15) + kind;
	t->events++;
}

static enum json_go on_open(void *self, struct str key, enum json_type type)
{
	struct told *t = self;

	tell(t, key, (unsigned)type);
	if (t->skip && t->events % 2)
		return JSON_SKIP;
	t->depth++;
	return JSON_GO;
}

static enum json_go on_value(void *self, struct str key, enum json_type type, struct str text)
{
	tell(self, key, (unsigned)type);
	tell(self, text, 16);
	return JSON_GO;
}

static enum json_go on_close(void *self)
{
	struct told *t = self;

	tell(t, S(""), 17);
	if (--t->depth < 0)
		abort();
	return JSON_GO;
}

static int read_by(struct str s, size_t piece, bool skip, struct told *t, struct err *e)
{
	static const struct json_sax sax = { on_open, on_value, on_close, 40, 300 };
	struct pieces p = { .left = s, .size = piece };

	p.in = (struct input){ .at = p.now, .end = p.now, .more = pieces_more };
	*t = (struct told){ .skip = skip };
	*e = (struct err){ 0 };
	return json_read(&p.in, &sax, t, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const size_t sizes[] = { 1, 2, 7, 63 };
	struct str s = { (const char *)bytes, n };
	struct told first, now;
	struct err e, first_e;

	for (unsigned skip = 0; skip < 2; skip++) {
		int r = read_by(s, 64, skip, &first, &first_e);
		if (r == 0 && first.depth != 0)
			abort();
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			if (read_by(s, sizes[i], skip, &now, &e) != r ||
			    strcmp(e.text, first_e.text) || now.hash != first.hash ||
			    now.events != first.events)
				abort();
		}
	}
	/* What is read whole must be fine when parts are skipped. */
	if (read_by(s, 64, false, &first, &e) == 0 && read_by(s, 64, true, &now, &e) != 0)
		abort();
	return 0;
}
