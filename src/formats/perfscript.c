/*
 * The text of `perf script`: a line "comm pid/tid [cpu] time: period event:", below it the frames,
 * leaf first, then an empty line. Which fields are there depends on the event and on -F, so the
 * shape of each line decides.
 */
#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "formats/format.h"
#include "formats/reading.h"
#include "formats/row_labels.h"

struct head { /* of one sample */
	struct str comm, event;
	struct str rest; /* behind the event: the only frame, when there is no call chain */
	int64_t pid, tid, time_ns, period; /* -1: not there */
};

struct place { /* one frame */
	frame_id frame;
	bool inlined;
};

struct reader {
	struct run *run;
	struct profile *p; /* made by the first sample, whose fields decide its kinds */
	struct arena *scratch;
	struct err *err;
	struct str event;        /* the only one that is taken */
	uint64_t others;         /* samples of other events */
	VEC(struct place) stack; /* of the sample being read, leaf first */
	struct head head;
	bool open;     /* a sample is being read */
	bool skipping; /* it is one of another event */
	size_t line;
	int64_t first_ns;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct str word(struct str *s)
{
	size_t n = 0;

	*s = str_trim(*s);
	while (n < s->n && s->p[n] != ' ' && s->p[n] != '\t')
		n++;
	struct str w = str_head(*s, n);
	*s = str_skip(*s, n);
	return w;
}

/* "1234", "1234/1236": the last is the thread. */
static bool ids(struct str w, int64_t *pid, int64_t *tid)
{
	struct str second, first = str_cut(w, '/', &second);
	uint64_t a, b;

	if (!str_to_u64(first, &a) || a > UINT32_MAX)
		return false;
	*pid = -1;
	*tid = (int64_t)a;
	if (second.n == 0)
		return first.n == w.n;
	if (!str_to_u64(second, &b) || b > UINT32_MAX)
		return false;
	*pid = (int64_t)a;
	*tid = (int64_t)b;
	return true;
}

/* "2057.460357:" or, with --ns, nine digits; to ns. */
static bool time_word(struct str w, int64_t *ret)
{
	struct str fraction, seconds;
	uint64_t s, f;

	if (w.n < 3 || w.p[w.n - 1] != ':')
		return false;
	seconds = str_cut(str_head(w, w.n - 1), '.', &fraction);
	if (!str_to_u64(seconds, &s) || s > 4000000000 || fraction.n > 9 ||
	    !str_to_u64(fraction, &f))
		return false;
	for (size_t i = fraction.n; i < 9; i++)
		f *= 10;
	*ret = (int64_t)(s * 1000000000 + f);
	return true;
}

/* "[003]", or the trace flags "d.h1." */
static bool cpu_or_flags(struct str w)
{
	if (w.p[0] == '[')
		return w.p[w.n - 1] == ']';
	return w.n <= 6 && !is_digit(w.p[0]) && !memchr(w.p, '/', w.n);
}

/* What follows comm and ids: [cpu] and flags, time, period, event. False: not a sample. */
static bool read_tail(struct str rest, struct head *h)
{
	uint64_t period;

	for (unsigned i = 0; i < 8 && rest.n; i++) {
		struct str w = word(&rest);
		if (w.n == 0)
			return false;
		if (h->time_ns < 0 && h->period < 0 && time_word(w, &h->time_ns))
			continue;
		if (w.n > 1 && w.p[w.n - 1] == ':') {
			h->event = str_head(w, w.n - 1);
			h->rest = str_trim(rest);
			return !is_digit(w.p[0]);
		}
		/* A period stands right before the event. */
		if (h->period >= 0)
			return false;
		if (str_to_u64(w, &period) && period <= INT64_MAX)
			h->period = (int64_t)period;
		else if (h->time_ns >= 0 || !cpu_or_flags(w))
			return false;
	}
	return false;
}

/* The name may have blanks and digits, so the first split that leaves a sensible rest wins. */
static bool read_head(struct str line, struct head *ret)
{
	struct str rest = line;

	if (line.n == 0 || line.p[0] == '#')
		return false;
	(void)word(&rest); /* a name is there always */
	while (rest.n) {
		struct head h = { .pid = -1, .tid = -1, .time_ns = -1, .period = -1 };
		h.comm = str_trim(str_head(line, line.n - rest.n));
		struct str w = word(&rest);
		if (ids(w, &h.pid, &h.tid) && read_tail(rest, &h)) {
			*ret = h;
			return true;
		}
	}
	return false;
}

/* "X (DSO)" to both; DSO may hold brackets itself: "(/tmp/x (deleted))". */
static bool split_dso(struct str s, struct str *symbol, struct str *dso)
{
	int depth = 0;

	if (s.n == 0 || s.p[s.n - 1] != ')')
		return false;
	for (size_t i = s.n; i-- > 0;) {
		depth += s.p[i] == ')';
		depth -= s.p[i] == '(';
		if (depth == 0) {
			*symbol = str_trim(str_head(s, i));
			*dso = (struct str){ s.p + i + 1, s.n - i - 2 };
			return true;
		}
	}
	return false;
}

static struct str without_offset(struct str symbol)
{
	struct str name, tail = str_cut_last(symbol, '+', &name);
	uint64_t offset;

	return name.n && str_starts(tail, S("0x")) && str_to_hex(tail, &offset) ? name : symbol;
}

static int push_frame(struct reader *r, const struct frame *f, bool inlined)
{
	if (r->stack.n >= READING_DEPTH_MAX)
		return err_set(r->err, -E2BIG, "a stack of more than %u frames", READING_DEPTH_MAX);
	*vec_add(r->scratch, &r->stack) =
		(struct place){ .frame = profile_frame(r->p, f), .inlined = inlined };
	return 0;
}

/* A line with a frame, 1; anything else, 0. */
static int read_frame(struct reader *r, struct str line)
{
	struct str rest = line, symbol, dso;
	uint64_t address;

	if (!str_to_hex(word(&rest), &address))
		return 0;
	rest = str_trim(rest);
	if (!split_dso(rest, &symbol, &dso)) {
		symbol = rest; /* -F without dso */
		dso = S("");
	}
	if (reading_room(r->p, symbol.n + dso.n, r->err) < 0)
		return r->err->code;
	bool inlined = str_eq(dso, S("inlined"));
	if (str_ends(dso, S(" (deleted)")))
		dso.n -= S(" (deleted)").n;
	if (inlined || str_eq(dso, S("[unknown]")))
		dso = S("");
	dso = reading_module(dso);
	symbol = without_offset(symbol);
	if (str_eq(symbol, S("[unknown]")))
		symbol = S("");
	struct frame f = { .function = profile_string(r->p, symbol),
			   .module = profile_string(r->p, dso),
			   .kind = reading_is_kernel(dso) ? FRAME_KERNEL : FRAME_NATIVE,
			   .address = symbol.n ? 0 : address };
	return push_frame(r, &f, inlined) < 0 ? r->err->code : 1;
}

/* "  file.c:12" below a frame, with -F +srcline. */
static int read_srcline(struct reader *r, struct str line)
{
	struct str file, number = str_cut_last(str_trim(line), ':', &file);
	uint64_t n;

	if (r->stack.n == 0 || file.n == 0 || !str_to_u64(number, &n) || n == 0 || n > UINT32_MAX)
		return 0;
	if (reading_room(r->p, file.n, r->err) < 0)
		return r->err->code;
	struct place *top = &r->stack.v[r->stack.n - 1];
	struct frame f = r->p->frames[top->frame.i];
	f.file = profile_string(r->p, file);
	f.line = (uint32_t)n;
	top->frame = profile_frame(r->p, &f);
	return 0;
}

/* What its samples count follows from the event. */
static int open_profile(struct reader *r, const struct head *h)
{
	struct value_kind kinds[2] = { reading_cpu_kinds[0], reading_cpu_kinds[1] };
	struct str base = str_head(h->event, str_find(h->event, S(":")));

	if (!arena_fits(r->run->arena, h->event.n + 65536, 1))
		return (void)err_set(r->err, -E2BIG, "needs more memory than allowed"), -E2BIG;
	r->event = arena_str(r->run->arena, h->event);
	if (str_find(base, S("cycles")) < base.n)
		kinds[1] = (struct value_kind){ S("cycles"), UNIT_CYCLES };
	else if (!str_eq(base, S("cpu-clock")) && !str_eq(base, S("task-clock")))
		kinds[1] = (struct value_kind){ h->event, UNIT_COUNT };
	r->p = profile_new(r->run->arena, S(""), kinds, h->period >= 0 ? 2 : 1, h->time_ns >= 0);
	r->p->main_kind = h->period >= 0;
	r->first_ns = INT64_MAX;
	r->run->source = arena_printf(r->run->arena, "perf, " STR_FMT, STR_ARG(r->event));
	return 0;
}

/* Root first, so that an inlined frame stands on the one it is in and is given its module. */
static int close_sample(struct reader *r)
{
	stack_id s = { 0 };
	str_id module = { 0 };

	if (!r->open || r->skipping) {
		r->open = false;
		return 0;
	}
	for (size_t i = r->stack.n; i-- > 0;) {
		if (reading_room(r->p, 0, r->err) < 0)
			return r->err->code;
		struct frame f = r->p->frames[r->stack.v[i].frame.i];
		if (r->stack.v[i].inlined && s.i) {
			f.kind = FRAME_INLINE;
			f.module = module;
		}
		module = f.module;
		s = profile_stack(r->p, s, profile_frame(r->p, &f));
	}
	struct row_labels l = { .process = r->head.comm,
				.thread = r->head.comm,
				.pid = r->head.pid,
				.tid = r->head.tid };
	if (reading_room(r->p, l.process.n + l.thread.n, r->err) < 0)
		return r->err->code;
	int64_t value[2] = { 1, r->head.period };
	profile_add(r->p, s, row_labels_put(r->p, &l), value, r->head.time_ns);
	r->open = false;
	return 0;
}

static int open_sample(struct reader *r, const struct head *h)
{
	if (close_sample(r) < 0 || (!r->p && open_profile(r, h) < 0))
		return r->err->code;
	r->open = true;
	r->stack.n = 0;
	r->skipping = !str_eq(h->event, r->event);
	r->others += r->skipping;
	if (r->skipping)
		return 0;
	r->head = *h;
	if ((r->p->n_kinds > 1 && h->period < 0) || (r->p->sample.at_ns && h->time_ns < 0))
		return err_set(r->err, -EBADMSG,
			       "a sample without period or time after others that had them");
	r->head.comm = profile_text(r->p, (str_id){ 0 });
	if (reading_room(r->p, h->comm.n, r->err) < 0)
		return r->err->code;
	r->head.comm = profile_text(r->p, profile_string(r->p, h->comm));
	if (h->time_ns >= 0 && h->time_ns < r->first_ns)
		r->first_ns = h->time_ns;
	return read_frame(r, h->rest) < 0 ? r->err->code : 0;
}

/* The comments of --header. */
static void read_comment(struct reader *r, struct str line)
{
	struct str value, key = str_trim(str_cut(str_skip(line, 1), ':', &value));

	value = str_trim(value);
	if (value.n == 0 || !arena_fits(r->run->arena, value.n, 4))
		return;
	if (str_eq(key, S("hostname")))
		r->run->host = arena_str(r->run->arena, value);
	else if (str_eq(key, S("cmdline")))
		r->run->command = arena_str(r->run->arena, value);
}

static int read_line(struct reader *r, struct str line)
{
	struct str lost = str_skip(line, str_find(line, S("PERF_RECORD_LOST")));
	struct head h;
	uint64_t n;

	if (str_trim(line).n == 0)
		return close_sample(r);
	if (line.p[0] == '#') {
		read_comment(r, line);
		return 0;
	}
	if (lost.n) {
		struct str number = str_cut_last(str_trim(lost), ' ', &lost);
		if (r->p && str_to_u64(number, &n))
			r->p->loss.dropped += n;
		return 0;
	}
	bool indented = line.p[0] == '\t' || line.p[0] == ' ';
	if (indented && r->open) {
		int was = r->skipping ? 1 : read_frame(r, line);
		if (was != 0)
			return was < 0 ? was : 0;
	}
	if (read_head(str_trim(line), &h))
		return open_sample(r, &h);
	if (indented && r->open)
		return read_srcline(r, line);
	return err_set(r->err, -EBADMSG, "neither a sample nor a frame: '" STR_FMT "'",
		       STR_ARG(str_head(line, 60)));
}

static int perfscript_read(struct input *in, struct run *into, struct err *err)
{
	auto_arena scratch = arena_open("reading perf script", READING_SCRATCH_MAX);
	auto_buf hold = BUF(READING_LINE_MAX);
	struct reader r = { .run = into, .scratch = scratch, .err = err };
	struct str line;
	int more;

	while ((more = input_line(in, &hold, &line, err)) > 0) {
		r.line++;
		if (read_line(&r, line) < 0)
			return err_add(err, "perf script: line %zu", r.line);
	}
	if (more < 0 || close_sample(&r) < 0)
		return err_add(err, "perf script");
	if (!r.p)
		return err_set(err, -ENODATA, "this perf script file holds no samples");
	for (size_t i = 0; r.p->sample.at_ns && i < r.p->sample.n_rows; i++)
		r.p->sample.at_ns[i] -= r.first_ns;
	if (r.others)
		run_add_limit(into, S("only one event of the file is shown"),
			      arena_printf(into->arena,
					   "%llu samples of other events than " STR_FMT
					   " were left out",
					   (unsigned long long)r.others, STR_ARG(r.event)),
			      S("perf evlist; perf record -e EVENT records one"));
	return reading_done(into, r.p, "perf script", err);
}

static int perfscript_sniff(struct str head)
{
	struct head h;
	bool sample = false;

	while (head.n) {
		struct str line = str_cut(head, '\n', &head);
		struct str rest = line;
		uint64_t address;
		if (memchr(line.p, 0, line.n))
			return 0;
		if (str_trim(line).n == 0 || line.p[0] == '#')
			continue;
		if (sample && (line.p[0] == '\t' || line.p[0] == ' '))
			return str_to_hex(word(&rest), &address) ? 85 : 0;
		if (!read_head(str_trim(line), &h))
			return 0;
		if (h.rest.n && str_to_hex(word(&h.rest), &address))
			return 70;
		sample = true;
	}
	return sample ? 40 : 0;
}

const struct format format_perfscript = {
	.name = "perf-script",
	.suffix = ".perf-script",
	.about = "the text that `perf script` prints",
	.sniff = perfscript_sniff,
	.read = perfscript_read,
};
