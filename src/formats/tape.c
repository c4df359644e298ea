/* Playing a tape. Frame by frame, so a tape may be of any length; what is kept is its stacks. */
#include "formats/tape.h"

#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "formats/format.h"
#include "formats/notes.h"
#include "formats/reading.h"

#define FRAME_MAX ((uint64_t)2 << 20)

struct node {
	uint64_t ip;
	uint32_t below; /* caller; 0 none */
	uint16_t depth;
};

struct reader {
	struct arena *scratch;
	struct input *in;
	struct sink *into;
	struct err *err;
	struct buf frame;
	uint64_t time_ns;
	VEC(unsigned) stream; /* number on the tape to number in the sink */
	VEC(unsigned) kinds;
	struct arena *stacks; /* forgotten when the tape says so */
	VEC(struct node) nodes;
	uint64_t forgotten;
	uint64_t *ip; /* two stacks: kernel, user */
	bool ended;
	struct profile *nobody; /* hears the notes that are of a profile: sinks make those */
};

static int broken(const struct reader *r, const char *what)
{
	return err_set(r->err, -EBADMSG, "tape: %s before byte %llu", what,
		       (unsigned long long)input_at(r->in));
}

/* One byte: 1; the end: 0. */
static int next_byte(struct input *in, unsigned char *ret, struct err *err)
{
	while (in->at == in->end) {
		int more = in->more ? in->more(in, err) : 0;
		if (more <= 0)
			return more;
	}
	*ret = (unsigned char)*in->at++;
	return 1;
}

/* A varint from the input: 1; cut off: 0. */
static int next_v(struct reader *r, uint64_t *ret)
{
	unsigned char c;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		int more = next_byte(r->in, &c, r->err);
		if (more <= 0)
			return more;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*ret = v;
			return 1;
		}
	}
	return broken(r, "a number of more than 64 bits");
}

/* N bytes into the frame: 1; cut off: 0. */
static int next_bytes(struct reader *r, uint64_t n)
{
	r->frame.n = 0;
	if (n > FRAME_MAX)
		return broken(r, "a frame of more than 2 MB");
	while (r->frame.n < n) {
		size_t ready = (size_t)(r->in->end - r->in->at), want = (size_t)n - r->frame.n;
		size_t some = ready < want ? ready : want;
		buf_put(&r->frame, (struct str){ r->in->at, some });
		r->in->at += some;
		if (some == want)
			break;
		int more = r->in->more ? r->in->more(r->in, r->err) : 0;
		if (more <= 0)
			return more;
	}
	return 1;
}

/* Fields of a frame; OK goes false at its end and stays so. */
struct fields {
	struct str rest;
	bool ok;
};

static uint64_t v(struct fields *f)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 10 && i < f->rest.n; i++) {
		unsigned char c = (unsigned char)f->rest.p[i];
		value |= (uint64_t)(c & 0x7f) << (7 * i);
		if (c < 0x80) {
			f->rest = str_skip(f->rest, i + 1);
			return value;
		}
	}
	f->ok = false;
	return 0;
}

static int64_t z(struct fields *f)
{
	uint64_t value = v(f);

	return (int64_t)(value >> 1 ^ -(value & 1));
}

static struct str s(struct fields *f)
{
	uint64_t n = v(f);

	if (n > f->rest.n) {
		f->ok = false;
		return S("");
	}
	struct str text = str_head(f->rest, (size_t)n);
	f->rest = str_skip(f->rest, (size_t)n);
	return text;
}

static uint32_t v32(struct fields *f)
{
	uint64_t value = v(f);

	f->ok &= value <= UINT32_MAX;
	return (uint32_t)value;
}

/* The stream in the sink; K: how many kinds it has. */
static unsigned stream(const struct reader *r, struct fields *f, unsigned *k)
{
	uint64_t i = v(f);

	if (i >= r->stream.n) {
		f->ok = false;
		return 0;
	}
	*k = r->kinds.v[i];
	return r->stream.v[i];
}

static int play_stream(struct reader *r, struct fields *f)
{
	struct value_kind kinds[PROFILE_KINDS_MAX] = { 0 };
	struct str name = s(f);
	uint64_t n = v(f);

	if (!f->ok || n == 0 || n > PROFILE_KINDS_MAX || r->stream.n >= 64)
		return broken(r, "a stream of no or too many kinds, or too many streams");
	for (uint64_t i = 0; i < n; i++) {
		kinds[i].name = s(f);
		uint64_t unit = v(f);
		if (!f->ok || kinds[i].name.n == 0 || unit > UNIT_PER_S)
			return broken(r, "a kind without name or unit");
		kinds[i].unit = (enum unit)unit;
	}
	*vec_add(r->scratch, &r->stream) = r->into->ops->stream(r->into, name, kinds, (unsigned)n);
	*vec_add(r->scratch, &r->kinds) = (unsigned)n;
	return 0;
}

static void forget(struct reader *r)
{
	r->stacks = arena_close(r->stacks);
	r->stacks = arena_open("the stacks of a tape", READING_SCRATCH_MAX);
	memset(&r->nodes, 0, sizeof(r->nodes));
	(void)vec_add(r->stacks, &r->nodes); /* 0 is none */
	r->forgotten++;
}

static int keep_stack(struct reader *r, struct fields *f)
{
	uint64_t below = v(f), n = v(f);

	if (!f->ok || below >= r->nodes.n || n == 0 || n > UINT16_MAX ||
	    n + r->nodes.v[below].depth > UINT16_MAX)
		return broken(r, "a stack of impossible depth");
	if (reading_scratch(r->stacks, r->nodes.cap + (size_t)n * 2, 2 * sizeof(struct node),
			    r->err) < 0)
		return err_add(r->err, "tape");
	for (uint64_t i = 0; i < n; i++) {
		const struct node *was = &r->nodes.v[below];
		struct node next = { was->ip + (uint64_t)z(f), (uint32_t)below,
				     (uint16_t)(was->depth + 1) };
		*vec_add(r->stacks, &r->nodes) = next;
		below = r->nodes.n - 1;
	}
	return f->ok ? 0 : broken(r, "a stack that is cut off");
}

/* From the leaf on, into INTO; how many. */
static uint16_t stack_at(const struct reader *r, struct fields *f, uint64_t *into, uint64_t *leaf)
{
	uint16_t n = 0;

	*leaf = v(f);
	if (*leaf >= r->nodes.n) {
		f->ok = false;
		return 0;
	}
	for (uint64_t i = *leaf; i; i = r->nodes.v[i].below)
		into[n++] = r->nodes.v[i].ip;
	return n;
}

static int play_sample(struct reader *r, struct fields *f)
{
	struct raw_sample x = { .time_ns = r->time_ns };
	unsigned kinds = 0, to = stream(r, f, &kinds);
	uint64_t kernel, user;

	x.pid = v32(f);
	x.tid = v32(f);
	x.cpu = v32(f);
	uint64_t end = v(f);
	x.kernel_ip = r->ip;
	x.user_ip = r->ip + UINT16_MAX;
	x.n_kernel = stack_at(r, f, r->ip, &kernel);
	x.n_user = stack_at(r, f, r->ip + UINT16_MAX, &user);
	for (unsigned k = 0; k < kinds; k++)
		x.value[k] = z(f);
	if (!f->ok || end >= STACK__COUNT)
		return broken(r, "a sample that is cut off or refers to nothing");
	x.end = (uint8_t)end;
	/* Equal number, equal stack, until they are forgotten. */
	x.user_hash = user ? map_hash2(user, r->forgotten) | 1 : 0;
	r->into->ops->sample(r->into, to, &x);
	return 0;
}

static int play_point(struct reader *r, struct fields *f)
{
	unsigned kinds, to = stream(r, f, &kinds);
	double value;

	if (!f->ok || f->rest.n < sizeof(value))
		return broken(r, "a point that is cut off");
	memcpy(&value, f->rest.p, sizeof(value));
	r->into->ops->point(r->into, to, r->time_ns, value);
	return 0;
}

static int play_mapping(struct reader *r, struct fields *f)
{
	struct raw_mapping m = { .time_ns = r->time_ns, .pid = v32(f) };

	m.start = v(f);
	bool wraps = __builtin_add_overflow(m.start, v(f), &m.end);
	m.file_offset = v(f);
	m.device = v(f);
	m.inode = v(f);
	m.path = s(f);
	m.build_id = s(f);
	if (!f->ok || wraps)
		return broken(r, "a mapping that is cut off or wraps around");
	r->into->ops->mapping(r->into, &m);
	return 0;
}

static int play_task(struct reader *r, struct fields *f)
{
	struct raw_task t = { .time_ns = r->time_ns };

	t.pid = v32(f);
	t.tid = v32(f);
	t.parent = v32(f);
	uint64_t event = v(f);
	t.name = s(f);
	if (!f->ok || event > TASK_GONE)
		return broken(r, "a task that is cut off or of unknown kind");
	t.event = (enum task_event)event;
	r->into->ops->task(r->into, &t);
	return 0;
}

static int play_lost(struct reader *r, struct fields *f)
{
	unsigned kinds, to = stream(r, f, &kinds);
	struct loss l;

	l.dropped = v(f);
	l.truncated = v(f);
	l.unresolved = v(f);
	if (!f->ok)
		return broken(r, "a loss that is cut off");
	r->into->ops->lost(r->into, to, l);
	return 0;
}

static int play_note(const struct reader *r, struct fields *f)
{
	struct str key = s(f), value = s(f);

	if (!f->ok)
		return broken(r, "a note that is cut off");
	if (r->into->into)
		(void)notes_hear(r->into->into, r->nobody, key,
				 value); /* others are of newer programs */
	return 0;
}

static int play_frame(struct reader *r)
{
	struct fields f = { buf_str(&r->frame), true };
	uint64_t type = v(&f);

	r->time_ns += (uint64_t)z(&f);
	if (!f.ok)
		return broken(r, "a frame without type or time");
	switch (type) {
	case TAPE_STREAM:
		return play_stream(r, &f);
	case TAPE_STACK:
		return keep_stack(r, &f);
	case TAPE_SAMPLE:
		return play_sample(r, &f);
	case TAPE_POINT:
		return play_point(r, &f);
	case TAPE_MAPPING:
		return play_mapping(r, &f);
	case TAPE_TASK:
		return play_task(r, &f);
	case TAPE_LOST:
		return play_lost(r, &f);
	case TAPE_NOTE:
		return play_note(r, &f);
	case TAPE_FORGET:
		forget(r);
		return 0;
	case TAPE_END:
		r->ended = true;
		return 0;
	default:
		return 0; /* of a newer program */
	}
}

static int next_s(struct reader *r)
{
	uint64_t n;
	int more = next_v(r, &n);

	return more <= 0 ? more : next_bytes(r, n);
}

static int read_head(struct reader *r)
{
	uint64_t version, monotonic_ns, epoch_ns, period_ns;
	int more = next_bytes(r, sizeof(TAPE_MAGIC) - 1);

	if (more > 0 && !str_eq(buf_str(&r->frame), S(TAPE_MAGIC)))
		return broken(r, "not a tape");
	more = more <= 0 ? more : next_v(r, &version);
	if (more > 0 && version != TAPE_VERSION)
		return err_set(r->err, -EBADMSG,
			       "tape: version %llu; this program reads version %u",
			       (unsigned long long)version, TAPE_VERSION);
	more = more <= 0 ? more : next_v(r, &monotonic_ns);
	more = more <= 0 ? more : next_v(r, &epoch_ns);
	more = more <= 0 ? more : next_v(r, &period_ns);
	more = more <= 0 ? more : next_s(r);
	if (more > 0) {
		r->into->began_ns = monotonic_ns;
		r->into->period_ns = period_ns <= INT64_MAX ? (int64_t)period_ns : 0;
	}
	struct run *run = r->into->into;
	if (more > 0 && run && arena_fits(run->arena, r->frame.n + 1, 1)) {
		run->host = arena_str(run->arena, buf_str(&r->frame));
		run->start_ns = epoch_ns <= INT64_MAX ? (int64_t)epoch_ns : 0;
	}
	more = more <= 0 ? more : next_s(r); /* the program that wrote it */
	more = more <= 0 ? more : next_s(r);
	if (more > 0 && run && arena_fits(run->arena, r->frame.n + 16, 1))
		run->kernel =
			arena_printf(run->arena, "boot " STR_FMT, STR_ARG(buf_str(&r->frame)));
	return more == 0 ? broken(r, "the header is cut off") : more;
}

/* 1: to the end of a frame; 0: the last one is cut off. */
static int play_all(struct reader *r)
{
	uint64_t n;

	while (!r->ended) {
		uint64_t at = input_at(r->in);
		int more = next_v(r, &n);
		if (more == 0 && input_at(r->in) == at)
			return 1;
		more = more <= 0 ? more : next_bytes(r, n);
		if (more <= 0)
			return more;
		if (play_frame(r) < 0)
			return r->err->code;
	}
	return 1;
}

static int tape_replay(struct input *in, struct sink *into, struct err *err)
{
	auto_arena scratch = arena_open("reading a tape", READING_SCRATCH_MAX);
	struct reader r = { .scratch = scratch, .in = in, .into = into, .err = err };

	r.frame = BUF(FRAME_MAX + 64);
	r.ip = arena_array(scratch, uint64_t, 2 * (size_t)UINT16_MAX);
	r.nobody = arena_make(scratch, struct profile);
	r.nobody->arena = scratch;
	forget(&r);
	int ret = read_head(&r);
	ret = ret < 0 ? ret : play_all(&r);
	if (ret >= 0 && !r.ended && into->into)
		run_add_limit(into->into, S("the end of the tape is missing"),
			      S("perf-ops was killed while it recorded, or the disk was full; what "
				"came before is here"),
			      S(""));
	buf_done(&r.frame);
	r.stacks = arena_close(r.stacks);
	return ret < 0 ? ret : 0;
}

static int tape_sniff(struct str head)
{
	return str_starts(head, S(TAPE_MAGIC)) ? 100 : 0;
}

const struct format format_tape = {
	.name = "tape",
	.suffix = ".tape",
	.about = "a recording of perf-ops as it came",
	.sniff = tape_sniff,
	.replay = tape_replay,
};
