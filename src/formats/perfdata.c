/*
 * perf.data, as the kernel's tools/perf/Documentation/perf.data-file-format.txt and the records in
 * include/uapi/linux/perf_event.h describe it, both as a file and as a pipe. Played in order of
 * time; addresses stay addresses. Call chains are taken as the kernel walked them; copied stacks
 * (--call-graph dwarf) are not unwound, and each such sample counts as truncated. Times are those
 * of perf's clock.
 */
#include <assert.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/vec.h"
#include "formats/format.h"
#include "formats/reading.h"

#define FILE_MAX_BYTES  ((size_t)4 << 30)
#define KERNEL_DEPTH    127 /* kernel.perf_event_max_stack; deeper chains were cut */
#define HEADER_BUILD_ID 2   /* feature bit */
#define PROT_EXECUTE    4u

enum user_record { /* above those of the kernel; tools/lib/perf/include/perf/event.h */
		   RECORD_ATTR = 64,
		   RECORD_TRACING_DATA = 66,
		   RECORD_BUILD_ID = 67,
		   RECORD_AUXTRACE = 71,
		   RECORD_COMPRESSED = 81,
		   RECORD_COMPRESSED2 = 83,
};

struct event { /* one perf_event_attr */
	struct perf_event_attr attr;
	bool streaming, seen; /* seen: it has samples */
	unsigned stream;
	uint64_t truncated;
};

struct record {
	uint64_t time;
	size_t at; /* of its header in the file */
};

struct build_id {
	struct str file, id;
};

struct id_event {
	uint64_t id;
	uint32_t event;
};

struct reader {
	struct arena *scratch;
	struct err *err;
	struct str file;
	VEC(struct event) events;
	VEC(struct record) records;
	VEC(struct id_event) ids;
	VEC(struct build_id) build_ids;
	struct map ids_by, build_ids_by;
	uint64_t *ip; /* one call chain */
	struct sink *into;
};

static int broken(const struct reader *r, size_t at, const char *what)
{
	return err_set(r->err, -EBADMSG, "perf.data: %s at byte %zu", what, at);
}

static int room(struct reader *r)
{
	size_t most = r->records.cap + r->ids.cap + r->build_ids.cap + 256;

	if (reading_scratch(r->scratch, most, 4 * sizeof(struct build_id), r->err) == 0 &&
	    reading_scratch(r->scratch, r->events.cap + 16, 2 * sizeof(struct event), r->err) == 0)
		return 0;
	return err_add(r->err, "perf.data");
}

/* N bytes at AT; false: beyond the file. */
static bool take(const struct reader *r, uint64_t at, void *into, size_t n)
{
	if (at > r->file.n || n > r->file.n - at)
		return false;
	memcpy(into, r->file.p + at, n);
	return true;
}

static uint64_t u64_at(struct str s, size_t at)
{
	uint64_t v = 0;

	if (at <= s.n && s.n - at >= sizeof(v))
		memcpy(&v, s.p + at, sizeof(v));
	return v;
}

static uint32_t u32_at(struct str s, size_t at)
{
	uint32_t v = 0;

	if (at <= s.n && s.n - at >= sizeof(v))
		memcpy(&v, s.p + at, sizeof(v));
	return v;
}

/* Up to the NUL, or all of it. */
static struct str c_string(struct str s, size_t at)
{
	struct str rest, tail = str_skip(s, at);

	return str_cut(tail, 0, &rest);
}

static int add_event(struct reader *r, struct str attr, size_t at)
{
	struct event e = { 0 };
	size_t said = u32_at(attr, 4), n = said ? said : PERF_ATTR_SIZE_VER0;

	if (n < PERF_ATTR_SIZE_VER0 || n > attr.n)
		return broken(r, at, "an event description of impossible size");
	memcpy(&e.attr, attr.p, n < sizeof(e.attr) ? n : sizeof(e.attr));
	if (room(r) < 0)
		return r->err->code;
	*vec_add(r->scratch, &r->events) = e;
	return 0;
}

static int add_ids(struct reader *r, struct str ids)
{
	for (size_t i = 0; i + 8 <= ids.n; i += 8) {
		if (room(r) < 0)
			return r->err->code;
		map_insert(&r->ids_by, map_hash2(u64_at(ids, i), 0), (uint32_t)r->ids.n);
		*vec_add(r->scratch, &r->ids) =
			(struct id_event){ u64_at(ids, i), (uint32_t)r->events.n - 1 };
	}
	return 0;
}

static int add_build_id(struct reader *r, struct str record)
{
	uint64_t head = u64_at(record, 0);
	bool sized = (head >> 32 & (1u << 15)) != 0;
	size_t n = sized ? (unsigned char)str_skip(record, 32).p[0] : 20;
	struct str file = c_string(record, 36);

	if (n == 0 || n > 20 || file.n == 0)
		return 0;
	if (room(r) < 0)
		return r->err->code;
	map_insert(&r->build_ids_by, str_hash(file), (uint32_t)r->build_ids.n);
	*vec_add(r->scratch, &r->build_ids) =
		(struct build_id){ file, str_head(str_skip(record, 12), n) };
	return 0;
}

static struct str build_id_of(const struct reader *r, struct str file)
{
	for (struct map_at at = map_first(&r->build_ids_by, str_hash(file)); at.hit;
	     at = map_next(&r->build_ids_by, at))
		if (str_eq(r->build_ids.v[at.index].file, file))
			return r->build_ids.v[at.index].id;
	return S("");
}

/* The event of a record; with several, its id says which. */
static struct event *event_of(struct reader *r, uint64_t id)
{
	if (r->events.n == 0)
		return NULL;
	for (struct map_at at = map_first(&r->ids_by, map_hash2(id, 0)); at.hit;
	     at = map_next(&r->ids_by, at))
		if (r->ids.v[at.index].id == id)
			return &r->events.v[r->ids.v[at.index].event];
	return &r->events.v[0];
}

/* Time of a record that is no sample: in the trailer that sample_id_all adds to it. */
static uint64_t trailer_time(const struct reader *r, struct str record)
{
	const struct perf_event_attr *a = &r->events.v[0].attr;
	const uint64_t behind[] = { PERF_SAMPLE_ID, PERF_SAMPLE_STREAM_ID, PERF_SAMPLE_CPU,
				    PERF_SAMPLE_IDENTIFIER };
	size_t back = 8;

	if (!a->sample_id_all || !(a->sample_type & PERF_SAMPLE_TIME))
		return 0;
	for (size_t i = 0; i < 4; i++)
		back += a->sample_type & behind[i] ? 8 : 0;
	return record.n >= back + 8 ? u64_at(record, record.n - back) : 0;
}

struct sample {
	struct event *event;
	uint64_t ip, time, period;
	uint32_t pid, tid, cpu;
	struct str chain; /* of 8-byte addresses and context marks */
};

/* Bytes of the values that PERF_SAMPLE_READ puts in, at AT. */
static size_t read_size(uint64_t format, struct str record, size_t at)
{
	size_t times = ((format & PERF_FORMAT_TOTAL_TIME_ENABLED) ? 8u : 0u) +
		       ((format & PERF_FORMAT_TOTAL_TIME_RUNNING) ? 8u : 0u);
	size_t each =
		8 + ((format & PERF_FORMAT_ID) ? 8u : 0u) + ((format & PERF_FORMAT_LOST) ? 8u : 0u);
	uint64_t n = u64_at(record, at);

	if (!(format & PERF_FORMAT_GROUP))
		return times + each;
	return n <= record.n / each ? 8 + times + (size_t)n * each : record.n;
}

static bool read_sample(struct reader *r, struct str record, struct sample *s)
{
	assert(r->events.v);
	uint64_t type = r->events.v[0].attr.sample_type, id = 0;
	size_t at = 8;

	if (type & PERF_SAMPLE_IDENTIFIER)
		id = u64_at(record, at);
	*s = (struct sample){ .event = event_of(r, id) };
	assert(s->event);
	type = s->event->attr.sample_type;
#define FIELD(bit, into)                 \
	if (type & (bit)) {              \
		into u64_at(record, at); \
		at += 8;                 \
	}
	FIELD(PERF_SAMPLE_IDENTIFIER, id =)
	FIELD(PERF_SAMPLE_IP, s->ip =)
	if (type & PERF_SAMPLE_TID) {
		s->pid = u32_at(record, at);
		s->tid = u32_at(record, at + 4);
		at += 8;
	}
	FIELD(PERF_SAMPLE_TIME, s->time =)
	FIELD(PERF_SAMPLE_ADDR, (void))
	FIELD(PERF_SAMPLE_ID, id =)
	/* Without identifier in front, all events have their id in the same place. */
	if (!(type & PERF_SAMPLE_IDENTIFIER) && type & PERF_SAMPLE_ID) {
		s->event = event_of(r, id);
		type = s->event->attr.sample_type;
	}
	FIELD(PERF_SAMPLE_STREAM_ID, (void))
	FIELD(PERF_SAMPLE_CPU, s->cpu = (uint32_t))
	s->period = s->event->attr.freq ? 1 : s->event->attr.sample_period;
	FIELD(PERF_SAMPLE_PERIOD, s->period =)
#undef FIELD
	if (type & PERF_SAMPLE_READ)
		at += read_size(s->event->attr.read_format, record, at);
	if (!(type & PERF_SAMPLE_CALLCHAIN))
		return at <= record.n;
	uint64_t n = u64_at(record, at);
	if (at + 8 > record.n || n > (record.n - at - 8) / 8)
		return false;
	s->chain = str_head(str_skip(record, at + 8), (size_t)n * 8);
	return true;
}

/* Names of include/uapi/linux/perf_event.h, as perf list writes them, in the order of their
 * numbers.
 */
static const char *const software[] = {
	"cpu-clock",        "task-clock",   "page-faults",  "context-switches",
	"cpu-migrations",   "minor-faults", "major-faults", "alignment-faults",
	"emulation-faults", "dummy",        "bpf-output",   "cgroup-switches",
};
static const char *const hardware[] = {
	"cycles",
	"instructions",
	"cache-references",
	"cache-misses",
	"branches",
	"branch-misses",
	"bus-cycles",
	"stalled-cycles-frontend",
	"stalled-cycles-backend",
	"ref-cycles",
};

static struct str name_of(struct arena *a, const struct perf_event_attr *e)
{
	if (e->type == PERF_TYPE_SOFTWARE && e->config < sizeof(software) / sizeof(*software))
		return str_from_c(software[e->config]);
	if (e->type == PERF_TYPE_HARDWARE && e->config < sizeof(hardware) / sizeof(*hardware))
		return str_from_c(hardware[e->config]);
	return arena_printf(a, "event %u:%llu", e->type, (unsigned long long)e->config);
}

static void open_stream(struct reader *r, struct event *e)
{
	struct value_kind kinds[2] = { reading_cpu_kinds[0], reading_cpu_kinds[1] };
	struct str name = S("cpu");

	if (e->attr.type == PERF_TYPE_HARDWARE && e->attr.config == PERF_COUNT_HW_CPU_CYCLES) {
		kinds[1] = (struct value_kind){ S("cycles"), UNIT_CYCLES };
		name = S("cycles");
	} else if (e->attr.type != PERF_TYPE_SOFTWARE ||
		   e->attr.config > PERF_COUNT_SW_TASK_CLOCK) {
		name = name_of(r->scratch, &e->attr);
		kinds[1] = (struct value_kind){ S("events"), UNIT_COUNT };
	}
	e->stream = r->into->ops->stream(r->into, name, kinds, 2);
	e->streaming = true;
}

/* Splits the chain at its context marks: the kernel's part to the front of ip, the user's behind
 * it. */
static void split_chain(struct reader *r, const struct sample *s, bool kernel,
			struct raw_sample *out)
{
	size_t n = s->chain.n / 8, n_kernel = 0, n_user = 0;
	uint64_t *user = r->ip + UINT16_MAX;

	for (size_t i = 0; i < n; i++) {
		uint64_t ip = u64_at(s->chain, i * 8);
		if (ip >= PERF_CONTEXT_MAX)
			kernel = ip == PERF_CONTEXT_KERNEL;
		else if (kernel)
			r->ip[n_kernel++] = ip;
		else
			user[n_user] = ip - (n_user != 0); /* return addresses */
		n_user += ip < PERF_CONTEXT_MAX && !kernel;
	}
	out->kernel_ip = r->ip;
	out->user_ip = user;
	out->n_kernel = (uint16_t)n_kernel;
	out->n_user = (uint16_t)n_user;
}

static void play_sample(struct reader *r, struct str record)
{
	struct perf_event_header head;
	struct sample s;

	memcpy(&head, record.p, sizeof(head));
	if (!read_sample(r, record, &s)) {
		r->events.v[0].truncated++;
		return;
	}
	bool kernel = (head.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
	bool copied = (s.event->attr.sample_type & PERF_SAMPLE_STACK_USER) != 0;
	struct raw_sample out = { .time_ns = s.time,
				  .pid = s.pid,
				  .tid = s.tid,
				  .cpu = s.cpu,
				  .value = { 1, s.period <= INT64_MAX ? (int64_t)s.period : 0 } };
	split_chain(r, &s, kernel, &out);
	if (out.n_kernel + out.n_user == 0 && s.ip) {
		r->ip[0] = s.ip;
		*(kernel ? &out.n_kernel : &out.n_user) = 1;
		*(kernel ? &out.kernel_ip : &out.user_ip) = r->ip;
	} else if (!kernel && out.n_user == 0 && s.ip) {
		r->ip[UINT16_MAX] = s.ip;
		out.n_user = 1;
	}
	/* perf does not say how a walk ended; what is not cut for sure is taken as whole. */
	out.end = (uint8_t)(copied || out.n_user >= KERNEL_DEPTH ? STACK_TRUNCATED
			    : out.n_user == 0                    ? STACK_NONE
								 : STACK_ROOT);
	r->into->ops->sample(r->into, s.event->stream, &out);
}

static uint64_t device(uint32_t major, uint32_t minor) /* as makedev(3) */
{
	return (uint64_t)(major & 0xfffff000u) << 32 | (major & 0xfffu) << 8 |
	       (uint64_t)(minor & 0xffffff00u) << 12 | (minor & 0xffu);
}

#define KERNEL_FILE S("[kernel.kallsyms]")

/* perf says where one symbol of the kernel lay: "[kernel.kallsyms]_text", its address as offset. */
static void note_kernel(const struct reader *r, struct str path, uint64_t address)
{
	struct run *run = r->into->into;
	struct str symbol = str_skip(path, KERNEL_FILE.n);
	struct str id = build_id_of(r, KERNEL_FILE);
	auto_buf text = BUF(512);

	if (!run || !str_starts(path, KERNEL_FILE) || !symbol.n || !address || run->kernel.n ||
	    !arena_fits(run->arena, sizeof(text) + 512, 1))
		return;
	buf_printf(&text, STR_FMT " %llx%s", STR_ARG(symbol), (unsigned long long)address,
		   id.n ? " " : "");
	for (size_t i = 0; i < id.n; i++)
		buf_printf(&text, "%02x", (unsigned char)id.p[i]);
	if (!text.full)
		run->kernel = arena_str(run->arena, buf_str(&text));
}

static void play_mapping(struct reader *r, struct str record, uint64_t time)
{
	struct perf_event_header head;
	bool two;

	memcpy(&head, record.p, sizeof(head));
	two = head.type == PERF_RECORD_MMAP2;
	struct raw_mapping m = { .time_ns = time,
				 .pid = u32_at(record, 8),
				 .start = u64_at(record, 16),
				 .file_offset = u64_at(record, 32),
				 .path = c_string(record, two ? 72 : 40) };
	if (m.pid == UINT32_MAX) {
		note_kernel(r, m.path, m.file_offset);
		return;
	}
	if (two ? !(u32_at(record, 64) & PROT_EXECUTE) : head.misc & PERF_RECORD_MISC_MMAP_DATA)
		return;
	if (__builtin_add_overflow(m.start, u64_at(record, 24), &m.end))
		return;
	if (two && head.misc & PERF_RECORD_MISC_MMAP_BUILD_ID && record.n > 64) {
		size_t n = (unsigned char)record.p[40];
		m.build_id = str_head(str_skip(record, 44), n < 20 ? n : 20);
	} else if (two) {
		m.device = device(u32_at(record, 40), u32_at(record, 44));
		m.inode = u64_at(record, 48);
	}
	if (m.build_id.n == 0)
		m.build_id = build_id_of(r, m.path);
	if (str_starts(m.path, S("//anon")))
		m.path = S("");
	r->into->ops->mapping(r->into, &m);
}

static void play_task(struct reader *r, struct str record, uint64_t time)
{
	struct perf_event_header head;
	struct raw_task t = { .time_ns = time, .pid = u32_at(record, 8) };

	memcpy(&head, record.p, sizeof(head));
	if (head.type == PERF_RECORD_COMM) {
		t.tid = u32_at(record, 12);
		t.name = c_string(record, 16);
		t.event = time == 0                                ? TASK_SEEN
			  : head.misc & PERF_RECORD_MISC_COMM_EXEC ? TASK_EXEC
								   : TASK_NAMED;
	} else {
		t.parent = u32_at(record, 12);
		t.tid = u32_at(record, 16);
		t.event = head.type == PERF_RECORD_EXIT ? TASK_GONE : TASK_FORK;
	}
	r->into->ops->task(r->into, &t);
}

static void play_lost(struct reader *r, struct str record, uint32_t type)
{
	struct event *e = &r->events.v[0];

	if (!e->streaming)
		open_stream(r, e);
	struct loss l = { .dropped = u64_at(record, type == PERF_RECORD_LOST ? 16 : 8) };
	r->into->ops->lost(r->into, e->stream, l);
}

static void play(struct reader *r, const struct record *rec)
{
	struct perf_event_header head;

	memcpy(&head, r->file.p + rec->at, sizeof(head));
	struct str record = { r->file.p + rec->at, head.size };
	switch (head.type) {
	case PERF_RECORD_SAMPLE:
		play_sample(r, record);
		break;
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		play_mapping(r, record, rec->time);
		break;
	case PERF_RECORD_COMM:
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		play_task(r, record, rec->time);
		break;
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
		play_lost(r, record, head.type);
		break;
	default:
		break;
	}
}

static uint64_t time_of(struct reader *r, const struct perf_event_header *head, struct str record)
{
	struct sample s;

	if (head->type == PERF_RECORD_SAMPLE) {
		bool good = read_sample(r, record, &s);
		s.event->seen = true;
		return good ? s.time : 0;
	}
	if (head->type == PERF_RECORD_FORK || head->type == PERF_RECORD_EXIT)
		return u64_at(record, 24);
	return trailer_time(r, record);
}

static int index_record(struct reader *r, size_t at, const struct perf_event_header *head)
{
	struct str record = { r->file.p + at, head->size };

	if (head->type == RECORD_COMPRESSED || head->type == RECORD_COMPRESSED2) {
		(void)err_set(r->err, -EBADMSG,
			      "perf.data: its records are compressed (perf record -z)");
		return err_hint(r->err, "perf script -i perf.data | perf-ops view -");
	}
	if (head->type == RECORD_ATTR) {
		size_t n = u32_at(record, 12);
		if (add_event(r, str_skip(record, 8), at) < 0)
			return r->err->code;
		return add_ids(r, str_skip(record, 8 + (n ? n : PERF_ATTR_SIZE_VER0)));
	}
	if (head->type == RECORD_BUILD_ID)
		return record.n > 36 ? add_build_id(r, record) : 0;
	if (head->type >= RECORD_ATTR)
		return 0;
	if (r->events.n == 0)
		return broken(r, at, "a record before any event is described");
	if (room(r) < 0)
		return r->err->code;
	*vec_add(r->scratch, &r->records) = (struct record){ time_of(r, head, record), at };
	return 0;
}

/* What follows a record without being one. */
static uint64_t behind(const struct perf_event_header *head, struct str record)
{
	if (head->type == RECORD_TRACING_DATA)
		return ((uint64_t)u32_at(record, 8) + 7) & ~UINT64_C(7);
	return head->type == RECORD_AUXTRACE ? u64_at(record, 8) : 0;
}

static int index_records(struct reader *r, uint64_t at, uint64_t end)
{
	struct perf_event_header head = { 0 };

	while (at < end) {
		if (!take(r, at, &head, sizeof(head)) || head.size < sizeof(head) ||
		    head.size > r->file.n - at)
			return 1; /* cut off: what came until here is good */
		struct str record = { r->file.p + at, head.size };
		if (index_record(r, (size_t)at, &head) < 0)
			return r->err->code;
		uint64_t skip = behind(&head, record);
		if (skip > r->file.n - at - head.size)
			return 1;
		at += head.size + skip;
	}
	return 0;
}

struct section {
	uint64_t offset, size;
};

struct file_header { /* of a file, not of a pipe */
	uint64_t magic, size, attr_size;
	struct section attrs, data, event_types;
	uint64_t features[4];
};

static int read_attrs(struct reader *r, const struct file_header *h)
{
	struct section ids = { 0 };

	if (h->attr_size < PERF_ATTR_SIZE_VER0 + sizeof(ids) || h->attr_size > 4096 ||
	    h->attrs.size / h->attr_size > 100000)
		return broken(r, 16, "an impossible size of event descriptions");
	for (uint64_t i = 0; i < h->attrs.size / h->attr_size; i++) {
		uint64_t at = h->attrs.offset + i * h->attr_size;
		if (at > r->file.n || h->attr_size > r->file.n - at)
			return broken(r, r->file.n, "the event descriptions are cut off");
		struct str attr = { r->file.p + at, (size_t)(h->attr_size - sizeof(ids)) };
		(void)take(r, at + attr.n, &ids, sizeof(ids)); /* checked just now */
		if (add_event(r, attr, (size_t)at) < 0)
			return r->err->code;
		if (ids.offset > r->file.n || ids.size > r->file.n - ids.offset)
			return broken(r, (size_t)at, "ids of an event beyond the end");
		if (add_ids(r, (struct str){ r->file.p + ids.offset, (size_t)ids.size }) < 0)
			return r->err->code;
	}
	return 0;
}

/* Sections of the features stand behind the data, one for each bit set. */
static int read_build_ids(struct reader *r, const struct file_header *h)
{
	struct perf_event_header head = { 0 };
	struct section s = { 0 };
	uint64_t before = h->features[0] & ((1u << HEADER_BUILD_ID) - 1);
	uint64_t at =
		h->data.offset + h->data.size + (uint64_t)__builtin_popcountll(before) * sizeof(s);

	if (!(h->features[0] & (1u << HEADER_BUILD_ID)) || !take(r, at, &s, sizeof(s)) ||
	    s.offset > r->file.n || s.size > r->file.n - s.offset)
		return 0; /* names are looked for without them */
	for (at = s.offset; at + sizeof(head) <= s.offset + s.size; at += head.size) {
		if (!take(r, at, &head, sizeof(head)) || head.size < 36 ||
		    head.size > s.offset + s.size - at)
			return 0;
		if (add_build_id(r, (struct str){ r->file.p + at, head.size }) < 0)
			return r->err->code;
	}
	return 0;
}

/* 1: cut off. */
static int read_file(struct reader *r)
{
	struct file_header h = { 0 };

	if (r->file.n < 16)
		return broken(r, 0, "the header is cut off");
	if (u64_at(r->file, 8) == 16) /* a pipe: nothing but records */
		return index_records(r, 16, r->file.n);
	if (!take(r, 0, &h, sizeof(h)))
		return broken(r, 0, "the header is cut off");
	if (h.data.size == 0) {
		(void)err_set(r->err, -EBADMSG, "perf.data: perf did not finish this file");
		return err_hint(r->err, "end perf record with Ctrl-C, not with SIGKILL");
	}
	if (read_attrs(r, &h) < 0 || read_build_ids(r, &h) < 0)
		return r->err->code;
	uint64_t end = h.data.offset + h.data.size;
	return index_records(r, h.data.offset, end < h.data.offset ? UINT64_MAX : end);
}

static int by_time(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* The times that reports count from: the first sample, and the distance to the next. */
static void begin(struct reader *r)
{
	const struct perf_event_attr *a = r->events.n ? &r->events.v[0].attr : NULL;
	struct perf_event_header head;

	for (size_t i = 0; i < r->records.n; i++) {
		memcpy(&head, r->file.p + r->records.v[i].at, sizeof(head));
		if (head.type != PERF_RECORD_SAMPLE)
			continue;
		r->into->began_ns = r->records.v[i].time;
		break;
	}
	/* In the order that perf was given them: the first is the one that reports are about. */
	for (size_t i = 0; i < r->events.n; i++)
		if (r->events.v[i].seen)
			open_stream(r, &r->events.v[i]);
	if (a && a->freq && a->sample_freq)
		r->into->period_ns = (int64_t)(1000000000 / a->sample_freq);
	else if (a && a->type == PERF_TYPE_SOFTWARE && a->config <= PERF_COUNT_SW_TASK_CLOCK &&
		 a->sample_period <= INT64_MAX)
		r->into->period_ns = (int64_t)a->sample_period;
}

static int perfdata_replay(struct input *in, struct sink *into, struct err *err)
{
	auto_arena scratch = arena_open("reading perf.data", FILE_MAX_BYTES);
	struct reader r = { .scratch = scratch, .err = err, .into = into };

	r.ids_by.arena = r.build_ids_by.arena = scratch;
	if (input_all(in, scratch, &r.file, err) < 0)
		return err->code;
	if (!str_starts(r.file, S("PERFILE2"))) {
		(void)err_set(err, -EBADMSG,
			      "perf.data: written on a machine of the other byte order");
		return err_hint(err, "perf script -i perf.data | perf-ops view -");
	}
	int cut = read_file(&r);
	if (cut < 0)
		return cut;
	if (reading_scratch(scratch, (size_t)2 * UINT16_MAX, 8, err) < 0)
		return err_add(err, "perf.data");
	r.ip = arena_array(scratch, uint64_t, 2 * (size_t)UINT16_MAX);
	if (r.records.n)
		qsort(r.records.v, r.records.n, sizeof(*r.records.v), by_time);
	begin(&r);
	for (size_t i = 0; i < r.records.n; i++)
		play(&r, &r.records.v[i]);
	for (size_t i = 0; i < r.events.n; i++) {
		struct event *e = &r.events.v[i];
		struct loss l = { .truncated = e->truncated + (cut && i == 0) };
		if (l.truncated && !e->streaming)
			open_stream(&r, e);
		if (l.truncated)
			into->ops->lost(into, e->stream, l);
	}
	return 0;
}

static int perfdata_sniff(struct str head)
{
	return str_starts(head, S("PERFILE2")) || str_starts(head, S("2ELIFREP")) ? 100 : 0;
}

const struct format format_perfdata = {
	.name = "perf.data",
	.suffix = "perf.data|.perf",
	.about = "what perf record writes",
	.sniff = perfdata_sniff,
	.replay = perfdata_replay,
};
