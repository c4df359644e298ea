/* A sink before two others. The tape knows files by their build-ids, which events do not tell. */
#include "cmd/taping.h"

#include "cmd/save.h"
#include "formats/tape.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/host.h"

#define PULSE_NS INT64_C(500000000)

struct taping {
	struct sink sink; /* first */
	struct sink *record;
	struct tape_sink *tape;
	struct binaries *binaries;
	struct str path; /* as it is told */
	int fd;
	bool off; /* the file took no more */
	int64_t put_ns;
	struct written *told;
};

static struct taping *of(struct sink *s)
{
	return (struct taping *)s;
}

static bool put(void *to, struct str bytes)
{
	struct taping *t = to;

	/* What is told first stands: the file may lie elsewhere already. */
	struct err err = { 0 };
	if (t->fd >= 0 && file_add(t->fd, t->path, bytes, &err) == 0) {
		t->told->bytes += bytes.n;
		return true;
	}
	if (t->fd >= 0) {
		t->told->err = err;
		t->told->kept = (struct str){ "", 0 };
	}
	t->off = true;
	return false;
}

static unsigned on_stream(struct sink *s, struct str name, const struct value_kind *k, unsigned n)
{
	struct taping *t = of(s);
	struct sink *tape = tape_sink(t->tape);

	/* Both number from 0, and nobody else gives them streams. */
	(void)tape->ops->stream(tape, name, k, n);
	return t->record->ops->stream(t->record, name, k, n);
}

static void on_sample(struct sink *s, unsigned stream, const struct raw_sample *r)
{
	struct taping *t = of(s);

	t->record->ops->sample(t->record, stream, r);
	if (!t->off)
		tape_sink(t->tape)->ops->sample(tape_sink(t->tape), stream, r);
}

static void on_point(struct sink *s, unsigned stream, uint64_t time_ns, double v)
{
	struct taping *t = of(s);

	t->record->ops->point(t->record, stream, time_ns, v);
	if (!t->off)
		tape_sink(t->tape)->ops->point(tape_sink(t->tape), stream, time_ns, v);
}

static void on_mapping(struct sink *s, const struct raw_mapping *m)
{
	struct taping *t = of(s);
	struct raw_mapping known = *m;

	t->record->ops->mapping(t->record, m);
	if (t->off)
		return;
	if (m->path.n && !m->build_id.n) { /* opened by the recording just now */
		const struct binary *b = binaries_get(t->binaries, &(struct binary_place){
									   .pid = m->pid,
									   .start = m->start,
									   .end = m->end,
									   .device = m->device,
									   .inode = m->inode,
									   .path = m->path,
								   });
		known.build_id = (struct str){ (const char *)b->build_id, b->build_id_n };
	}
	tape_sink(t->tape)->ops->mapping(tape_sink(t->tape), &known);
}

static void on_task(struct sink *s, const struct raw_task *r)
{
	struct taping *t = of(s);

	t->record->ops->task(t->record, r);
	if (!t->off)
		tape_sink(t->tape)->ops->task(tape_sink(t->tape), r);
}

static void on_lost(struct sink *s, unsigned stream, struct loss l)
{
	struct taping *t = of(s);

	t->record->ops->lost(t->record, stream, l);
	if (!t->off)
		tape_sink(t->tape)->ops->lost(tape_sink(t->tape), stream, l);
}

struct taping *taping_open(const struct context *c, struct str path, struct binaries *b,
			   struct sink *record, struct written *told)
{
	static const struct sink_ops ops = { on_stream,  on_sample, on_point,
					     on_mapping, on_task,   on_lost };
	struct taping *t = arena_make(c->arena, struct taping);
	struct str boot = S("not known");
	struct err ignored = { 0 };

	*told = (struct written){ 0 };
	*t = (struct taping){ .sink = *record, .record = record, .binaries = b, .told = told };
	t->sink.ops = &ops;
	t->fd = save_begin(c->arena, path, &told->kept, &told->err);
	t->off = t->fd < 0;
	t->path = told->kept.n ? told->kept : path;
	t->put_ns = clock_monotonic_ns();
	(void)host_read(c->host, c->arena, S("/proc/sys/kernel/random/boot_id"), &boot, &ignored);
	int64_t ago_ns = clock_monotonic_ns() - (int64_t)record->began_ns;
	t->tape = tape_sink_open(
		&(struct tape_head){
			.monotonic_ns = record->began_ns,
			.epoch_ns = (uint64_t)(clock_epoch_ns() - ago_ns),
			.period_ns = record->period_ns,
			.host = host_name(c->host, c->arena),
			.program = S("perf-ops " PERF_OPS_VERSION),
			.boot = str_trim(boot),
		},
		put, t);
	return t;
}

struct sink *taping_sink(struct taping *t)
{
	return &t->sink;
}

void taping_say(struct taping *t, const struct run *r)
{
	if (t && !t->off)
		tape_sink_say(t->tape, r);
}

void taping_pulse(struct taping *t, int64_t now_ns)
{
	if (!t || t->off || now_ns - t->put_ns < PULSE_NS)
		return;
	t->put_ns = now_ns;
	(void)tape_sink_flush(t->tape); /* put() remembers why not */
}

struct taping *taping_close(struct taping *t)
{
	struct err err = { 0 };

	if (!t)
		return NULL;
	(void)tape_sink_close(t->tape);
	if (t->fd >= 0 && file_end(t->fd, t->path, &err) < 0 && !t->off)
		t->told->err = err;
	return NULL;
}

struct taping *taping_drop(struct taping *t)
{
	if (!t)
		return NULL;
	t->off = true;
	(void)taping_close(t);
	if (t->fd >= 0)
		file_drop(t->path);
	return NULL;
}
