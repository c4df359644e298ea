/*
 * The sink that builds a run, while it records: addresses become places, stacks become nodes of
 * one trie, samples become rows. Nothing is named here; see record_names.c.
 */
#include "capture/record.h"

#include <assert.h>

#include "capture/record_priv.h"
#include "sys/clock.h"

/* Events of different processors may be this late; what ended is kept so long. */
#define LATE_NS UINT64_C(200000000)
/* A process before its exec goes on under a number no process has (PID_MAX_LIMIT is 2^22), for
 * samples that arrive late. */
#define BEFORE_EXEC UINT32_C(0x80000000)

static struct record *record_of(struct sink *s)
{
	return (struct record *)s;
}

/* What growing an array of N to N + MORE may charge to the arena: large ones are moved, of small
 * ones the old place stays. */
static size_t growth(size_t n, size_t cap, size_t more, size_t size)
{
	size_t want = cap ? cap : 8;

	if (n + more <= cap)
		return 0;
	while (want < n + more)
		want *= 2;
	return (want - (cap * size > 65536 / 4 ? cap : 0)) * size;
}

static size_t map_growth(const struct map *m, size_t more)
{
	size_t want = m->cap ? m->cap : 64;

	if ((m->n + more) * 2 < m->cap)
		return 0;
	while (want <= (m->n + more) * 2)
		want *= 2;
	return want * sizeof(*m->slot);
}

/* Whether the limit allows a sample of that many frames; all arrays are asked before one grows. */
static bool room(const struct record *r, const struct stream *s, size_t frames)
{
	size_t need = growth(r->places.n, r->places.cap, frames, sizeof(*r->places.v));

	need += growth(r->nodes.n, r->nodes.cap, frames, sizeof(*r->nodes.v));
	need += map_growth(&r->by_place, frames) + map_growth(&r->by_node, frames);
	need += growth(r->labels.n, r->labels.cap, 1, sizeof(*r->labels.v));
	need += growth(r->tasks.n, r->tasks.cap, 2, sizeof(*r->tasks.v));
	need += growth(r->names.n, r->names.cap, 1, sizeof(*r->names.v));
	need += map_growth(&r->by_label, 1) + map_growth(&r->by_task, 2) +
		map_growth(&r->by_name, 1);
	if (s) {
		need += growth(s->rows.n, s->rows.cap, 1, sizeof(*s->rows.v));
		need += growth(s->values.n, s->values.cap, s->n_kinds, sizeof(*s->values.v));
		need += growth(s->points.n, s->points.cap, 1, sizeof(*s->points.v));
		need += map_growth(&s->sums, 1);
	}
	size_t used = arena_used(r->arena);
	return used <= r->limit && need <= r->limit - used;
}

/* Names. A task may rename itself as often as it likes: beyond the limit it has none. */
static uint32_t name_of(struct record *r, struct str name)
{
	uint64_t h = str_hash(name);

	if (name.n == 0)
		return 0;
	for (struct map_at at = map_first(&r->by_name, h); at.hit; at = map_next(&r->by_name, at))
		if (str_eq(r->names.v[at.index], name))
			return at.index;
	if (!room(r, NULL, name.n))
		return 0;
	map_insert(&r->by_name, h, (uint32_t)r->names.n);
	*vec_add(r->arena, &r->names) = arena_str(r->arena, name);
	return (uint32_t)r->names.n - 1;
}

static struct task *task_known(const struct record *r, uint32_t pid, uint32_t tid)
{
	uint64_t h = map_hash2(pid, tid);

	for (struct map_at at = map_first(&r->by_task, h); at.hit; at = map_next(&r->by_task, at))
		if (r->tasks.v[at.index].pid == pid && r->tasks.v[at.index].tid == tid)
			return &r->tasks.v[at.index];
	return NULL;
}

/* NULL at the limit of memory. Dies at the next one that is made. */
static struct task *task_of(struct record *r, uint32_t pid, uint32_t tid)
{
	struct task *t = task_known(r, pid, tid);

	if (t || !room(r, NULL, 1))
		return t;
	map_insert(&r->by_task, map_hash2(pid, tid), (uint32_t)r->tasks.n);
	t = vec_add(r->arena, &r->tasks);
	*t = (struct task){ .pid = pid, .tid = tid };
	return t;
}

static uint32_t name_of_process(const struct record *r, uint32_t pid)
{
	const struct task *t = task_known(r, pid, pid);

	return t ? t->name : 0;
}

/* Addresses of processes that ended stay until late samples cannot come any more. */
static void drop_departed(struct record *r, uint64_t now_ns)
{
	for (; r->departing < r->departed.n; r->departing++) {
		const struct departed *d = &r->departed.v[r->departing];
		if (d->time_ns + LATE_NS > now_ns)
			break;
		const struct task *t = task_known(r, d->pid, d->pid);
		if (!t || t->left_ns != d->time_ns)
			continue; /* the number was given to another process meanwhile */
		spaces_gone(r->spaces, d->pid);
		spaces_gone(r->spaces, d->pid | BEFORE_EXEC);
	}
	if (r->departing * 2 > r->departed.n && r->departing > 64) {
		r->departed.n -= r->departing;
		memmove(r->departed.v, r->departed.v + r->departing,
			r->departed.n * sizeof(*r->departed.v));
		r->departing = 0;
	}
}

static void process_left(struct record *r, struct task *p, uint64_t time_ns)
{
	size_t need = growth(r->departed.n, r->departed.cap, 1, sizeof(*r->departed.v));

	p->left_ns = time_ns;
	if (!need || room(r, NULL, 1)) {
		*vec_add(r->arena, &r->departed) = (struct departed){ time_ns, p->pid };
		return;
	}
	spaces_gone(r->spaces, p->pid);
	spaces_gone(r->spaces, p->pid | BEFORE_EXEC);
}

static void task_gone(struct record *r, const struct raw_task *e)
{
	struct task *t = task_known(r, e->pid, e->tid);
	struct task *p = task_known(r, e->pid, e->pid);

	if (!t || t->gone_ns)
		return;
	t->gone_ns = e->time_ns ? e->time_ns : 1;
	if (p && t->counted)
		p->threads--;
	t->counted = false;
	/* The first thread may end before the others: the process is gone with the last one. */
	if (p && p->gone_ns && p->threads <= 0 && !p->left_ns)
		process_left(r, p, t->gone_ns);
}

static void task_begins(struct record *r, const struct raw_task *e)
{
	bool process = e->pid == e->tid, first = !task_known(r, e->pid, e->tid);
	struct task *t = task_of(r, e->pid, e->tid);

	if (process && e->event == TASK_FORK)
		spaces_fork(r->spaces, e->parent, e->pid);
	if (!t)
		return;
	bool again = t->gone_ns || e->event == TASK_FORK;
	uint32_t name = name_of(r, e->name);
	if (!name && (again || first))
		name = name_of_process(r, process ? e->parent : e->pid);
	if (again)
		*t = (struct task){ .pid = e->pid,
				    .tid = e->tid,
				    .counted = t->counted && !process };
	if (name)
		t->name = name;
	if (t->counted)
		return;
	t->counted = true;
	struct task *p = task_of(r, e->pid, e->pid); /* T is not used behind this */
	if (p)
		p->threads++;
}

static void task_execs(struct record *r, const struct raw_task *e)
{
	struct task *t = task_of(r, e->pid, e->pid);

	spaces_fork(r->spaces, e->pid, e->pid | BEFORE_EXEC);
	spaces_exec(r->spaces, e->pid);
	if (!t)
		return;
	/* The others died in it; the number of the first thread goes to the one that called. */
	uint32_t name = name_of(r, e->name);
	*t = (struct task){ .pid = e->pid,
			    .tid = e->pid,
			    .name = name ? name : t->name,
			    .counted = true,
			    .threads = 1,
			    .exec_ns = e->time_ns };
}

static void take_task(struct sink *s, const struct raw_task *e)
{
	struct record *r = record_of(s);
	struct task *t;

	drop_departed(r, e->time_ns);
	switch (e->event) {
	case TASK_SEEN:
	case TASK_FORK:
		task_begins(r, e);
		break;
	case TASK_EXEC:
		task_execs(r, e);
		break;
	case TASK_NAMED:
		t = task_of(r, e->pid, e->tid);
		if (t)
			t->name = name_of(r, e->name);
		break;
	case TASK_GONE:
		task_gone(r, e);
		break;
	}
}

/* Memory that looks like a file but holds code made at run time, or none: "[heap]", "//anon",
 * "/dev/zero", "/memfd:..." without an ELF header. */
static bool anonymous(const struct raw_mapping *m)
{
	if (str_eq(m->path, S("[vdso]")))
		return false;
	return m->path.n == 0 || m->path.p[0] == '[' || str_starts(m->path, S("//")) ||
	       str_starts(m->path, S("/dev/zero")) || str_starts(m->path, S("anon_inode:"));
}

static void take_mapping(struct sink *s, const struct raw_mapping *m)
{
	struct record *r = record_of(s);
	struct range range = { .start = m->start, .end = m->end, .object = SPACE_ANONYMOUS };

	if (!anonymous(m)) {
		const struct binary *b = binaries_get(r->binaries, &(struct binary_place){
									   .pid = m->pid,
									   .start = m->start,
									   .end = m->end,
									   .device = m->device,
									   .inode = m->inode,
									   .path = m->path,
									   .build_id = m->build_id,
								   });
		if (b->is_elf || b->fd < 0) {
			range.object = b->id;
			range.bias = binary_bias(b, m->start, m->file_offset);
		}
	}
	r->maps_lost += !spaces_map(r->spaces, m->pid, &range);
}

static uint32_t place_of(struct record *r, const struct place *p)
{
	uint64_t h = map_hash2(p->vaddr, (uint64_t)p->object << 2 | p->kind);

	for (struct map_at at = map_first(&r->by_place, h); at.hit;
	     at = map_next(&r->by_place, at)) {
		const struct place *q = &r->places.v[at.index];
		if (q->vaddr == p->vaddr && q->object == p->object && q->kind == p->kind)
			return at.index;
	}
	map_insert(&r->by_place, h, (uint32_t)r->places.n);
	*vec_add(r->arena, &r->places) = *p;
	return (uint32_t)r->places.n - 1;
}

static uint32_t node_of(struct record *r, uint32_t parent, const struct place *p)
{
	uint32_t place = place_of(r, p);
	uint64_t h = map_hash2(parent, place);

	for (struct map_at at = map_first(&r->by_node, h); at.hit; at = map_next(&r->by_node, at))
		if (r->nodes.v[at.index].parent == parent && r->nodes.v[at.index].place == place)
			return at.index;
	map_insert(&r->by_node, h, (uint32_t)r->nodes.n);
	*vec_add(r->arena, &r->nodes) = (struct node){ parent, place };
	return (uint32_t)r->nodes.n - 1;
}

/* Below what stands at the bottom when the real bottom is not known; 0 when it is. */
static uint32_t bottom(struct record *r, const struct raw_sample *x)
{
	if (x->end == STACK_ROOT || x->end == STACK_NONE)
		return 0;
	struct place p = { .kind = PLACE_MARKER,
			   .vaddr = x->end == STACK_TRUNCATED ? MARKER_TRUNCATED
							      : MARKER_INCOMPLETE };
	return node_of(r, 0, &p);
}

static uint32_t user_node(struct record *r, const struct raw_sample *x)
{
	const struct task *t = task_known(r, x->pid, x->pid);
	uint32_t pid = t && x->time_ns < t->exec_ns ? x->pid | BEFORE_EXEC : x->pid;
	const struct space *sp = spaces_of(r->spaces, pid);

	if (x->n_user == 0)
		return bottom(r, x);
	uint64_t hash = x->user_hash;
	if (!hash)
		hash = str_hash(
			(struct str){ (const char *)x->user_ip, x->n_user * sizeof(*x->user_ip) });
	struct memo want = {
		.hash = hash, .pid = pid, .generation = sp ? sp->generation : 0, .end = x->end
	};
	struct memo *m =
		&r->memo[map_hash2(hash, (uint64_t)pid << 32 | want.generation) % MEMO_SLOTS];
	if (m->node && m->hash == want.hash && m->pid == pid && m->generation == want.generation &&
	    m->end == want.end)
		return m->node;
	want.node = bottom(r, x);
	for (size_t i = x->n_user; i-- > 0;) {
		uint64_t ip = x->user_ip[i];
		const struct range *in = sp ? space_find(sp, ip) : NULL;
		struct place p = { .vaddr = ip, .kind = PLACE_JIT };
		if (in && in->object != SPACE_ANONYMOUS) {
			p.vaddr = ip - in->bias;
			p.object = in->object;
			p.kind = PLACE_FILE;
		} else {
			p.object = x->pid;
			p.seen_ns = x->time_ns;
		}
		want.node = node_of(r, want.node, &p);
	}
	*m = want;
	return want.node;
}

/* A sample without any frame belongs to its thread: that much is known. */
static uint32_t thread_node(struct record *r, const struct raw_sample *x)
{
	const struct task *t = task_known(r, x->pid, x->tid);
	struct place p = { .kind = PLACE_MARKER,
			   .vaddr = MARKER_THREAD,
			   .object = t ? t->name : name_of_process(r, x->pid) };

	return node_of(r, 0, &p);
}

static uint32_t label_of(struct record *r, const struct raw_sample *x)
{
	uint32_t tid = r->options.per_thread ? x->tid : x->pid;
	struct task *t = task_of(r, x->pid, tid);
	struct thread_label l = { .pid = x->pid,
				  .tid = r->options.per_thread ? tid : 0,
				  .process = name_of_process(r, x->pid) };

	if (r->options.per_thread)
		l.thread = t && t->name ? t->name : l.process;
	if (t && t->label && memcmp(&r->labels.v[t->label], &l, sizeof(l)) == 0)
		return t->label;
	uint64_t h = map_hash2((uint64_t)l.pid << 32 | l.tid, (uint64_t)l.process << 32 | l.thread);
	struct map_at at = map_first(&r->by_label, h);
	while (at.hit && memcmp(&r->labels.v[at.index], &l, sizeof(l)) != 0)
		at = map_next(&r->by_label, at);
	if (!at.hit) {
		at.index = (uint32_t)r->labels.n;
		map_insert(&r->by_label, h, at.index);
		*vec_add(r->arena, &r->labels) = l;
	}
	if (t)
		t->label = at.index;
	return at.index;
}

static void add_row(struct record *r, struct stream *s, const struct row *row, const int64_t *value)
{
	uint64_t h = map_hash2(row->node, row->label);

	if (!r->options.timed) {
		for (struct map_at at = map_first(&s->sums, h); at.hit;
		     at = map_next(&s->sums, at)) {
			const struct row *was = &s->rows.v[at.index];
			if (was->node != row->node || was->label != row->label)
				continue;
			int64_t *sum = &s->values.v[(size_t)at.index * s->n_kinds];
			for (unsigned k = 0; k < s->n_kinds; k++)
				sum[k] += value[k];
			return;
		}
		map_insert(&s->sums, h, (uint32_t)s->rows.n);
	}
	*vec_add(r->arena, &s->rows) = *row;
	for (unsigned k = 0; k < s->n_kinds; k++)
		*vec_add(r->arena, &s->values) = value[k];
}

static void take_sample(struct sink *sink, unsigned stream, const struct raw_sample *x)
{
	struct record *r = record_of(sink);
	struct stream *s = &r->streams.v[stream];
	size_t n_kernel = r->options.kernel ? x->n_kernel : 0;

	assert(stream < r->streams.n);
	drop_departed(r, x->time_ns);
	if (!room(r, s, (size_t)x->n_user + n_kernel + 2)) {
		s->loss.dropped++;
		r->dropped_full++;
		return;
	}
	uint32_t node = user_node(r, x);
	for (size_t i = n_kernel; i-- > 0;) {
		struct place p = { .vaddr = x->kernel_ip[i], .kind = PLACE_KERNEL };
		node = node_of(r, node, &p);
	}
	if (!node)
		node = thread_node(r, x);
	struct row row = { .time_ns = x->time_ns, .node = node, .label = label_of(r, x) };
	add_row(r, s, &row, x->value);
	s->loss.truncated += x->end == STACK_TRUNCATED;
	if (!r->samples++)
		r->first_ns = r->least_ns = x->time_ns;
	if (x->time_ns < r->least_ns)
		r->least_ns = x->time_ns;
	if (x->time_ns > r->last_ns)
		r->last_ns = x->time_ns;
}

static unsigned take_stream(struct sink *sink, struct str name, const struct value_kind *k,
			    unsigned n)
{
	struct record *r = record_of(sink);
	struct stream *s = vec_add(r->arena, &r->streams);

	assert(n <= PROFILE_KINDS_MAX);
	s->name = arena_str(r->arena, name);
	s->n_kinds = n;
	s->sums.arena = r->arena;
	for (unsigned i = 0; i < n; i++)
		s->kind[i] = (struct value_kind){ arena_str(r->arena, k[i].name), k[i].unit };
	return (unsigned)r->streams.n - 1;
}

static void take_point(struct sink *sink, unsigned stream, uint64_t time_ns, double v)
{
	struct record *r = record_of(sink);
	struct stream *s = &r->streams.v[stream];

	assert(stream < r->streams.n);
	if (room(r, s, 0)) {
		*vec_add(r->arena, &s->points) = (struct point){ time_ns, v };
		return;
	}
	s->loss.dropped++;
	r->dropped_full++;
}

static void take_lost(struct sink *sink, unsigned stream, struct loss l)
{
	struct record *r = record_of(sink);
	struct loss *sum = &r->streams.v[stream].loss;

	assert(stream < r->streams.n);
	sum->dropped += l.dropped;
	sum->truncated += l.truncated;
	sum->unresolved += l.unresolved;
}

static const struct sink_ops ops = {
	.stream = take_stream,
	.sample = take_sample,
	.point = take_point,
	.mapping = take_mapping,
	.task = take_task,
	.lost = take_lost,
};

struct record *record_open(const struct record_options *o, struct binaries *b)
{
	struct arena *a = arena_open("the recording", SIZE_MAX / 2);
	struct record *r = arena_make(a, struct record);

	r->sink.ops = &ops;
	r->arena = a;
	r->options = *o;
	r->binaries = b;
	/* A quarter for the address spaces: 5,000 processes that live at once take 20 MB. */
	r->spaces = spaces_open(o->limit_bytes / 4);
	r->limit = o->limit_bytes - o->limit_bytes / 4;
	r->sink.began_ns = (uint64_t)clock_monotonic_ns();
	r->sink.period_ns = o->period_ns;
	r->by_place.arena = r->by_node.arena = r->by_name.arena = a;
	r->by_task.arena = r->by_label.arena = a;
	r->memo = arena_array(a, struct memo, MEMO_SLOTS);
	(void)vec_add(a, &r->nodes); /* row 0 of these is none */
	(void)vec_add(a, &r->labels);
	*vec_add(a, &r->names) = S("");
	return r;
}

struct record *record_close(struct record *r)
{
	if (!r)
		return NULL;
	(void)spaces_close(r->spaces); /* always NULL */
	return (struct record *)arena_close(r->arena);
}

struct sink *record_sink(struct record *r)
{
	return &r->sink;
}

uint64_t record_samples(const struct record *r)
{
	return r->samples;
}

/* lint-allow: unshared record_first_ns: benches ask how long attaching took */
uint64_t record_first_ns(const struct record *r)
{
	return r->first_ns;
}
