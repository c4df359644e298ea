/*
 * The sink that writes a tape. Distinct stacks are remembered in a bounded memory; when it is full
 * all are forgotten, and those that come again are written again under a new number.
 */
/* lint-allow: unshared tape_sink: the recorder of tapes belongs to the commands */
/* lint-allow: unshared tape_sink_open: likewise */
/* lint-allow: unshared tape_sink_close: likewise */
#include "formats/tape.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"

#define FLUSH_BYTES  65536u
#define MEMORY_BYTES ((size_t)64 << 20)

struct known {        /* a stack that was written */
	size_t at, n; /* slice of ip */
	uint64_t number;
};

struct tape_sink {
	struct sink sink; /* first: the sink is the tape */
	struct arena *arena, *memory;
	bool (*put)(void *to, struct str bytes);
	void *to;
	bool failed;
	struct buf out, frame;
	uint64_t last_ns, n_stacks;
	VEC(unsigned) kinds; /* of each stream */
	struct map by;
	VEC(struct known) known;
	VEC(uint64_t) ip;
};

static void put_v(struct buf *b, uint64_t v)
{
	char bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	buf_put(b, (struct str){ bytes, n });
}

static void put_z(struct buf *b, int64_t v)
{
	put_v(b, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

static void put_s(struct buf *b, struct str s)
{
	put_v(b, s.n);
	buf_put(b, s);
}

static void flush(struct tape_sink *t)
{
	if (t->out.n && !t->failed)
		t->failed = t->out.full || !t->put(t->to, buf_str(&t->out));
	t->out.n = 0;
}

static struct buf *begin(struct tape_sink *t, enum tape_type type, uint64_t time_ns)
{
	t->frame.n = 0;
	put_v(&t->frame, (uint64_t)type);
	put_z(&t->frame, (int64_t)(time_ns - t->last_ns));
	t->last_ns = time_ns;
	return &t->frame;
}

static void end(struct tape_sink *t)
{
	t->failed |= t->frame.full;
	put_s(&t->out, buf_str(&t->frame));
	if (t->out.n >= FLUSH_BYTES)
		flush(t);
}

static void remember(struct tape_sink *t, uint64_t hash, const uint64_t *ip, size_t n)
{
	size_t most = t->ip.cap * 2 + n * 4 + t->known.cap * 6 + t->by.cap * 2 + 256;

	if (!arena_fits(t->memory, most, sizeof(uint64_t))) {
		t->memory = arena_close(t->memory);
		t->memory = arena_open("the stacks of a tape", MEMORY_BYTES);
		t->by = (struct map){ .arena = t->memory };
		memset(&t->known, 0, sizeof(t->known));
		memset(&t->ip, 0, sizeof(t->ip));
	}
	map_insert(&t->by, hash, (uint32_t)t->known.n);
	*vec_add(t->memory, &t->known) = (struct known){ t->ip.n, n, t->n_stacks };
	for (size_t i = 0; i < n; i++)
		*vec_add(t->memory, &t->ip) = ip[i];
}

/* Its number; written first when it is new. 0: no stack. */
static uint64_t stack(struct tape_sink *t, const uint64_t *ip, size_t n, uint64_t time_ns)
{
	if (n == 0)
		return 0;
	uint64_t h = str_hash((struct str){ (const char *)ip, n * sizeof(*ip) }), was = 0;
	for (struct map_at at = map_first(&t->by, h); at.hit; at = map_next(&t->by, at)) {
		const struct known *k = &t->known.v[at.index];
		if (k->n == n && memcmp(&t->ip.v[k->at], ip, n * sizeof(*ip)) == 0)
			return k->number;
	}
	struct buf *b = begin(t, TAPE_STACK, time_ns);
	put_v(b, n);
	for (size_t i = 0; i < n; i++) {
		put_z(b, (int64_t)(ip[i] - was));
		was = ip[i];
	}
	end(t);
	t->n_stacks++;
	remember(t, h, ip, n);
	return t->n_stacks;
}

static struct tape_sink *of(struct sink *s)
{
	return (struct tape_sink *)s;
}

static unsigned on_stream(struct sink *s, struct str name, const struct value_kind *k, unsigned n)
{
	struct tape_sink *t = of(s);
	struct buf *b = begin(t, TAPE_STREAM, t->last_ns);

	put_s(b, name);
	put_v(b, n);
	for (unsigned i = 0; i < n; i++) {
		put_s(b, k[i].name);
		put_v(b, (uint64_t)k[i].unit);
	}
	end(t);
	*vec_add(t->arena, &t->kinds) = n;
	return (unsigned)t->kinds.n - 1;
}

static void on_sample(struct sink *s, unsigned stream, const struct raw_sample *r)
{
	struct tape_sink *t = of(s);
	uint64_t kernel = stack(t, r->kernel_ip, r->n_kernel, r->time_ns);
	uint64_t user = stack(t, r->user_ip, r->n_user, r->time_ns);
	struct buf *b = begin(t, TAPE_SAMPLE, r->time_ns);

	put_v(b, stream);
	put_v(b, r->pid);
	put_v(b, r->tid);
	put_v(b, r->cpu);
	put_v(b, r->end);
	put_v(b, kernel);
	put_v(b, user);
	for (unsigned k = 0; k < t->kinds.v[stream]; k++)
		put_z(b, r->value[k]);
	end(t);
}

static void on_point(struct sink *s, unsigned stream, uint64_t time_ns, double v)
{
	struct buf *b = begin(of(s), TAPE_POINT, time_ns);

	put_v(b, stream);
	buf_put(b, (struct str){ (const char *)&v, sizeof(v) });
	end(of(s));
}

static void on_mapping(struct sink *s, const struct raw_mapping *m)
{
	struct buf *b = begin(of(s), TAPE_MAPPING, m->time_ns);

	put_v(b, m->pid);
	put_v(b, m->start);
	put_v(b, m->end - m->start);
	put_v(b, m->file_offset);
	put_v(b, m->device);
	put_v(b, m->inode);
	put_s(b, m->path);
	put_s(b, m->build_id);
	end(of(s));
}

static void on_task(struct sink *s, const struct raw_task *r)
{
	struct buf *b = begin(of(s), TAPE_TASK, r->time_ns);

	put_v(b, r->pid);
	put_v(b, r->tid);
	put_v(b, r->parent);
	put_v(b, (uint64_t)r->event);
	put_s(b, r->name);
	end(of(s));
}

static void on_lost(struct sink *s, unsigned stream, struct loss l)
{
	struct buf *b = begin(of(s), TAPE_LOST, of(s)->last_ns);

	put_v(b, stream);
	put_v(b, l.dropped);
	put_v(b, l.truncated);
	put_v(b, l.unresolved);
	end(of(s));
}

struct tape_sink *tape_sink_open(const struct tape_head *h, bool (*put)(void *to, struct str bytes),
				 void *to)
{
	static const struct sink_ops ops = { on_stream,  on_sample, on_point,
					     on_mapping, on_task,   on_lost };
	struct arena *a = arena_open("a tape", (size_t)1 << 20);
	struct tape_sink *t = arena_make(a, struct tape_sink);

	t->sink.ops = &ops;
	t->arena = a;
	t->memory = arena_open("the stacks of a tape", MEMORY_BYTES);
	t->by.arena = t->memory;
	t->put = put;
	t->to = to;
	t->out = BUF((size_t)4 << 20);
	t->frame = BUF((size_t)2 << 20);
	buf_put(&t->out, S(TAPE_MAGIC));
	put_v(&t->out, TAPE_VERSION);
	put_v(&t->out, h->monotonic_ns);
	put_v(&t->out, h->epoch_ns);
	put_s(&t->out, h->host);
	put_s(&t->out, h->program);
	return t;
}

struct sink *tape_sink(struct tape_sink *t)
{
	return &t->sink;
}

bool tape_sink_close(struct tape_sink *t)
{
	if (!t)
		return true;
	flush(t);
	bool all = !t->failed;
	buf_done(&t->out);
	buf_done(&t->frame);
	t->memory = arena_close(t->memory);
	(void)arena_close(t->arena); /* t was in it */
	return all;
}
