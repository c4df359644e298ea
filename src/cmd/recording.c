/* Which source watches, for how long, and in which order everything is taken down again. */
#include "cmd/recording.h"

#include <errno.h>
#include <signal.h>

#include "capture/cpu/cpu.h"
#include "capture/record.h"
#include "capture/source.h"
#include "cmd/taping.h"
#include "model/quantity.h"
#include "sys/caps.h"
#include "sys/clock.h"

#define SECOND         INT64_C(1000000000)
#define ATTACHED_NS    (10 * SECOND)
#define PUMP_NS        (SECOND / 10)       /* Ctrl-C is heard within that */
#define PATIENCE_NS    (SECOND / 2)        /* for a command to end before and after SIGTERM */
#define RECORD_MAX     ((size_t)512 << 20) /* of memory; beyond it samples are lost and counted */
#define TICK_NS        (SECOND / 100)      /* USER_HZ, an ABI constant on x86-64 and arm64 */
#define SOURCES_MAX    8
#define EVERYTHING_MAX 2048

struct trial { /* a source and what it said */
	const struct source *source;
	struct availability can;
};

struct setup {
	const struct context *c;
	const struct recording_order *o;
	struct target target;
	struct source_context sc;
	struct trial trial[SOURCES_MAX];
	size_t n_trials, chosen;
	void *self; /* of the chosen source */
	struct record *record;
	struct taping *taping; /* NULL: no tape */
	struct written *tape;
};

static bool wanted(const struct source *s, unsigned tier)
{
	static const char *const names[] = { "", "ebpf", "perf", "proc" };

	if (!(s->produces & (1U << ART_PROFILE)))
		return false;
	return tier == TIER_AUTO || str_eq(str_from_c(s->name), str_from_c(names[tier]));
}

/* All that may be asked for, best first. Those that cannot run here keep the order of the table. */
static void probe(struct setup *s)
{
	for (const struct source *const *each = sources; *each; each++) {
		if (!wanted(*each, s->o->tier) || s->n_trials == SOURCES_MAX)
			continue;
		struct trial t = { *each, (*each)->probe(&s->sc) };
		size_t at = s->n_trials++;
		for (; at > 0 && t.can.ready && s->trial[at - 1].can.rank < t.can.rank; at--)
			s->trial[at] = s->trial[at - 1];
		s->trial[at] = t;
		log_debug(s->c->log, "%s: %s rank %d %s", t.source->name,
			  t.can.ready ? "ready" : "not ready", t.can.rank, t.can.why.text);
	}
}

static int open_one(struct setup *s, const struct source *source, struct err *err)
{
	const struct cpu_params params = {
		.frequency = s->o->frequency,
		.kernel = s->o->kernel,
		.user = true,
		.hardware = true,
	};
	const struct record_options options = {
		.per_thread = true, /* the report folds by name what is not asked for by number */
		.kernel = s->o->kernel,
		.timed = true,
		.period_ns = (int64_t)((uint64_t)SECOND / s->o->frequency),
		.limit_bytes = RECORD_MAX,
	};

	if (source->open(&s->sc, &params, &s->self, err) < 0)
		return err->code;
	s->record = record_open(&options, s->sc.binaries);
	struct sink *to = record_sink(s->record);
	if (s->o->tape.n) {
		s->taping = taping_open(s->c, s->o->tape, s->sc.binaries, to, s->tape);
		to = taping_sink(s->taping);
	}
	if (source->start(s->self, to, err) < 0) {
		s->taping = taping_drop(s->taping);
		s->record = record_close(s->record);
		source->close(s->self);
		s->self = NULL;
		return err->code;
	}
	return 0;
}

/* Of all that failed, the first with a remedy: the table has the best source first. */
static int none_works(const struct setup *s, struct err *err)
{
	const struct err *best = NULL;

	/* No source can do that, and which gate was the first to refuse is not the news. */
	for (size_t i = 0; i < s->target.pids.n; i++)
		if (!s->target.child.pid && rights_are_short(s->c->host, s->target.pids.v[i]))
			return rights_refused(RIGHTS_SAMPLE, -EACCES, s->target.pids.v[i], err);
	for (size_t i = 0; i < s->n_trials; i++)
		if (!best || (!best->hint[0] && s->trial[i].can.why.hint[0]))
			best = &s->trial[i].can.why;
	if (!best)
		return err_set(err, -ENOTSUP, "this build has no way to sample the CPU");
	*err = *best;
	if (!err->code)
		err->code = -ENOTSUP;
	return err->code;
}

static int start_best(struct setup *s, struct err *err)
{
	probe(s);
	for (size_t i = 0; i < s->n_trials; i++) {
		struct trial *t = &s->trial[i];
		if (!t->can.ready)
			continue;
		s->chosen = i;
		if (open_one(s, t->source, &t->can.why) == 0)
			return 0;
		t->can.ready = false;
		log_debug(s->c->log, "%s: %s", t->source->name, t->can.why.text);
	}
	return none_works(s, err);
}

static int64_t target_cpu_ns(const struct setup *s)
{
	uint64_t ticks = 0;

	if (s->target.all || s->target.child.pid || !s->target.pids.n)
		return -1;
	auto_arena scratch = arena_open("the target's CPU time", 64 << 20);
	for (size_t i = 0; i < s->target.pids.n; i++) {
		struct proc_stat st;
		struct err gone = { 0 };
		if (proc_stat(s->c->host, scratch, s->target.pids.v[i], &st, &gone) < 0)
			return -1;
		ticks += st.user_ticks + st.system_ticks;
	}
	return (int64_t)ticks * TICK_NS;
}

static void announce(const struct setup *s, int64_t duration_ns)
{
	auto_buf line = BUF(EVERYTHING_MAX);

	buf_printf(&line, "profiling " STR_FMT, STR_ARG(s->target.about));
	if (duration_ns != INT64_MAX) {
		buf_put(&line, S(" for "));
		quantity_put(&line, (struct quantity){ (double)duration_ns, UNIT_NS });
	} else {
		buf_put(&line, S(" to its end"));
	}
	buf_printf(&line, " at %llu Hz; Ctrl-C to stop early", (unsigned long long)s->o->frequency);
	progress_note(s->c->progress, STR_FMT, STR_ARG(buf_str(&line)));
}

static void show(const struct setup *s, int64_t done_ns, int64_t duration_ns)
{
	progress_show(s->c->progress, S("recording"),
		      duration_ns == INT64_MAX ? -1 : (double)done_ns / (double)duration_ns,
		      "%llu samples", (unsigned long long)record_samples(s->record));
}

/* Until the time is over, the target or its command ends, the user stops it or the source fails. */
static int watch(struct setup *s, int64_t duration_ns, struct recording *r, struct err *err)
{
	const struct source *source = s->trial[s->chosen].source;
	int64_t start = clock_monotonic_ns(), now = start;
	int more = 1;

	while (more > 0 && now - start < duration_ns) {
		if (atomic_load(s->c->stop)) {
			r->stopped = true;
			break;
		}
		show(s, now - start, duration_ns);
		int64_t left = duration_ns - (now - start);
		more = source->pump(s->self, (uint64_t)(now + (left < PUMP_NS ? left : PUMP_NS)),
				    err);
		if (s->target.child.pid && r->end.how == CHILD_RUNNING &&
		    child_poll(&s->target.child, &r->end, err) == 0 && r->end.how != CHILD_RUNNING)
			more = more < 0 ? more : 0;
		now = clock_monotonic_ns();
		taping_pulse(s->taping, now);
	}
	r->ended = more == 0;
	r->run->wall_ns = now - start;
	return more < 0 ? more : 0;
}

static void wait_for_command(struct setup *s, struct recording *r)
{
	struct err ignored = { 0 }; /* the report is worth more than how the command ended */
	int64_t until = clock_monotonic_ns() + PATIENCE_NS;

	while (r->end.how == CHILD_RUNNING && clock_monotonic_ns() < until) {
		if (child_poll(&s->target.child, &r->end, &ignored) < 0)
			return;
		if (r->end.how == CHILD_RUNNING)
			clock_sleep_ns(SECOND / 100);
	}
}

/* A command that we started does not outlive us: Ctrl-C of the terminal has reached it as well. */
static void end_command(struct setup *s, struct recording *r)
{
	struct child_end natural;

	if (!s->target.child.pid || r->end.how != CHILD_RUNNING)
		return;
	/* Its last event may be here before the kernel lets us collect it. */
	if (r->stopped || r->ended)
		wait_for_command(s, r);
	if (r->end.how != CHILD_RUNNING)
		return;
	natural = r->end;
	child_signal(&s->target.child, SIGTERM);
	wait_for_command(s, r);
	r->end = natural; /* that it was killed by us is no news about the command */
}

static bool say_passed_over(const struct setup *s, struct run *run, const struct source *source)
{
	for (size_t i = 0; i < s->n_trials; i++) {
		const struct err *why = &s->trial[i].can.why;
		if (s->trial[i].source != source || s->trial[i].can.ready)
			continue;
		run_add_limit(run, arena_printf(run->arena, "not used: %s", source->summary),
			      str_from_c(why->text), str_from_c(why->hint));
		return true;
	}
	return false;
}

static void describe(const struct setup *s, struct run *run)
{
	run->command = S("profile");
	run->version = S(PERF_OPS_VERSION);
	run->id = arena_printf(run->arena, "%llx", (unsigned long long)run->start_ns);
	run->host = host_name(s->c->host, run->arena);
	run->target = arena_str(run->arena, s->target.about);
}

static void describe_source(const struct setup *s, struct run *run)
{
	const struct source *used = s->trial[s->chosen].source;

	if (!run->source.n)
		run->source = str_from_c(used->summary);
	/* The table has the best first. Its remedy leads to the best there is, so others would only
	 * repeat it; worse ones that do not work either are nobody's loss. */
	for (const struct source *const *best = sources; *best && *best != used; best++)
		if (say_passed_over(s, run, *best))
			break;
}

static int finish(struct setup *s, struct recording *r, struct err *err)
{
	struct run *run = r->run;
	struct names_options options = { .inlines = true,
					 .debuginfod = true,
					 .threads = s->c->host->n_cpus };
	struct names *names = names_open(s->c->arena, s->c->host, s->sc.binaries, options);

	progress_show(s->c->progress, S("names"), -1, "%llu samples",
		      (unsigned long long)record_samples(s->record));
	int code = record_finish(s->record, names, s->c->progress, run, err);
	(void)names_close(names);
	if (code < 0)
		return code;
	if (!run->profiles.n)
		return err_set(err, -ENODATA, "the recording holds no profile");
	for (size_t i = 0; i < run->profiles.n; i++)
		if (!run->profiles.v[i]->duration_ns)
			run->profiles.v[i]->duration_ns = run->wall_ns;
	return 0;
}

static int record_all(struct setup *s, struct recording *r, struct err *err)
{
	const struct source *source = s->trial[s->chosen].source;
	int64_t duration_ns = s->o->duration_ns > 0 ? s->o->duration_ns
			      : s->target.child.pid ? INT64_MAX
						    : ATTACHED_NS;
	int64_t used = target_cpu_ns(s), own = clock_own_cpu_ns();
	struct err failed = { 0 };

	announce(s, duration_ns);
	/* A source that must see the exec lets it run by itself. */
	if (s->target.child.pid && s->target.child.gate && child_release(&s->target.child, err) < 0)
		return err->code;
	if (watch(s, duration_ns, r, &failed) < 0)
		r->broken = true;
	if (source->finish(s->self, r->run, err) < 0)
		return err->code;
	own = clock_own_cpu_ns() - own;
	if (r->run->cost.cpu_ns < 0)
		r->run->cost.cpu_ns = own;
	r->samples = record_samples(s->record);
	if (r->broken && !r->samples) {
		*err = failed;
		return err->code;
	}
	if (r->broken)
		run_add_limit(r->run, S("the recording broke off"), str_from_c(failed.text),
			      str_from_c(failed.hint));
	if (used >= 0) {
		int64_t now = target_cpu_ns(s);
		r->target_cpu_ns = now < 0 ? -1 : now - used;
	}
	return 0;
}

static int make(struct setup *s, struct recording *r, struct err *err)
{
	if (start_best(s, err) < 0)
		return err->code;
	r->run = run_new(s->c->arena);
	r->run->start_ns = clock_epoch_ns();
	describe(s, r->run);
	taping_say(s->taping, r->run);
	r->target_cpu_ns = -1;
	r->period_ns = (int64_t)((uint64_t)SECOND / s->o->frequency);
	r->launched = s->target.child.pid != 0;
	int code = record_all(s, r, err);
	if (code >= 0) {
		describe_source(s, r->run);
		taping_say(s->taping, r->run);
	}
	s->taping = taping_close(s->taping);
	end_command(s, r);
	if (code >= 0)
		code = finish(s, r, err);
	r->run->own_cpu_ns = clock_own_cpu_ns();
	if (!r->run->cost.rss_bytes)
		r->run->cost.rss_bytes = clock_own_peak_rss_bytes();
	(void)record_close(s->record);
	s->trial[s->chosen].source->close(s->self);
	return code < 0 ? code : 0;
}

int recording_make(const struct context *c, const struct recording_order *o, struct recording *ret,
		   struct err *err)
{
	struct setup s = { .c = c, .o = o, .tape = &ret->tape };

	if (target_find(c->host, c->arena, o->target, &s.target, err) < 0)
		return err->code;
	s.sc = (struct source_context){
		.host = c->host,
		.arena = c->arena,
		.binaries = binaries_open(c->arena, c->host),
		.target = &s.target,
		.log = c->log,
	};
	int code = make(&s, ret, err);
	(void)binaries_close(s.sc.binaries);
	target_done(&s.target);
	return code;
}
