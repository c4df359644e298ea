/*
 * The sink that writes a tape. Nodes of stacks are remembered in a bounded memory; when it is full
 * all are forgotten, and what comes again is written again.
 */
#include "formats/tape.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "formats/notes.h"

#define FLUSH_BYTES  65536u
#define MEMORY_BYTES ((size_t)32 << 20)
#define MEMO_SLOTS   4096 /* power of two */

struct node {
	uint64_t ip;
	uint32_t below; /* caller; 0 none */
};

struct memo { /* the leaf of a stack that was walked before */
	uint64_t hash;
	uint32_t node, pid;
};

struct tape_sink {
	struct sink sink; /* first: the sink is the tape */
	struct arena *arena, *memory;
	bool (*put)(void *to, struct str bytes);
	void *to;
	bool failed;
	struct buf out, frame;
	uint64_t last_ns;
	VEC(unsigned) kinds; /* of each stream */
	struct map by;       /* a node by what it is; its row is its number */
	VEC(struct node) nodes;
	struct memo *memo;
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

static void remember_nothing(struct tape_sink *t)
{
	t->memory = arena_open("the stacks of a tape", MEMORY_BYTES);
	t->by = (struct map){ .arena = t->memory };
	memset(&t->nodes, 0, sizeof(t->nodes));
	(void)vec_add(t->memory, &t->nodes); /* 0 is none */
	t->memo = arena_array(t->memory, struct memo, MEMO_SLOTS);
}

/* Before a stack of N frames: what the arrays may grow to must fit. */
static void make_room(struct tape_sink *t, size_t n, uint64_t time_ns)
{
	size_t want = t->nodes.n + n, nodes = t->nodes.cap * 2 + n, slots = t->by.cap;

	if (want < t->nodes.cap && want * 2 < t->by.cap)
		return;
	while (slots < want * 4)
		slots = slots ? slots * 2 : 64;
	if (arena_fits(t->memory, nodes * sizeof(struct node) + slots * sizeof(uint64_t), 1))
		return;
	t->memory = arena_close(t->memory);
	remember_nothing(t);
	(void)begin(t, TAPE_FORGET, time_ns);
	end(t);
}

static uint32_t find(const struct tape_sink *t, uint64_t hash, uint32_t below, uint64_t ip)
{
	for (struct map_at at = map_first(&t->by, hash); at.hit; at = map_next(&t->by, at))
		if (t->nodes.v[at.index].below == below && t->nodes.v[at.index].ip == ip)
			return at.index;
	return 0;
}

/* The leaf; what is new of the stack is written first. 0: no stack. */
static uint32_t walk(struct tape_sink *t, const uint64_t *ip, size_t n, uint64_t time_ns)
{
	uint32_t node = 0;

	for (uint32_t next; n > 0; n--, node = next)
		if (!(next = find(t, map_hash2(ip[n - 1], node), node, ip[n - 1])))
			break;
	if (n == 0)
		return node;
	struct buf *b = begin(t, TAPE_STACK, time_ns);
	uint64_t was = t->nodes.v[node].ip;
	put_v(b, node);
	put_v(b, n);
	for (; n > 0; n--) {
		put_z(b, (int64_t)(ip[n - 1] - was));
		was = ip[n - 1];
		map_insert(&t->by, map_hash2(was, node), (uint32_t)t->nodes.n);
		*vec_add(t->memory, &t->nodes) = (struct node){ was, node };
		node = (uint32_t)t->nodes.n - 1;
	}
	end(t);
	return node;
}

static uint32_t kernel_leaf(struct tape_sink *t, const struct raw_sample *r)
{
	make_room(t, (size_t)r->n_kernel + r->n_user, r->time_ns);
	return walk(t, r->kernel_ip, r->n_kernel, r->time_ns);
}

static uint32_t user_leaf(struct tape_sink *t, const struct raw_sample *r)
{
	struct memo *m = &t->memo[map_hash2(r->user_hash, r->pid) % MEMO_SLOTS];

	if (r->n_user == 0 || r->user_hash == 0)
		return walk(t, r->user_ip, r->n_user, r->time_ns);
	if (!m->node || m->hash != r->user_hash || m->pid != r->pid)
		*m = (struct memo){ r->user_hash, walk(t, r->user_ip, r->n_user, r->time_ns),
				    r->pid };
	return m->node;
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
	uint64_t kernel = kernel_leaf(t, r); /* makes room for both */
	uint64_t user = user_leaf(t, r);
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
	remember_nothing(t);
	t->put = put;
	t->to = to;
	t->out = BUF((size_t)4 << 20);
	t->frame = BUF((size_t)2 << 20);
	buf_put(&t->out, S(TAPE_MAGIC));
	put_v(&t->out, TAPE_VERSION);
	put_v(&t->out, h->monotonic_ns);
	put_v(&t->out, h->epoch_ns);
	put_v(&t->out, h->period_ns > 0 ? (uint64_t)h->period_ns : 0);
	put_s(&t->out, h->host);
	put_s(&t->out, h->program);
	put_s(&t->out, h->boot);
	return t;
}

struct sink *tape_sink(struct tape_sink *t)
{
	return &t->sink;
}

static void say(void *self, struct str key, struct str value)
{
	struct tape_sink *t = self;
	struct buf *b = begin(t, TAPE_NOTE, t->last_ns);

	put_s(b, key);
	put_s(b, value);
	end(t);
}

void tape_sink_say(struct tape_sink *t, const struct run *r)
{
	/* Loss has frames of its own, and the other facts of a profile are not known yet. */
	const struct profile none = { 0 };

	notes_say(r, &none, say, t);
}

bool tape_sink_flush(struct tape_sink *t)
{
	flush(t);
	return !t->failed;
}

bool tape_sink_close(struct tape_sink *t)
{
	if (!t)
		return true;
	(void)begin(t, TAPE_END, t->last_ns);
	end(t);
	flush(t);
	bool all = !t->failed;
	buf_done(&t->out);
	buf_done(&t->frame);
	t->memory = arena_close(t->memory);
	(void)arena_close(t->arena); /* t was in it */
	return all;
}
