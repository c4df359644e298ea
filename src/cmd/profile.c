/* profile: what can be asked, and the words around a recording. */
#include <errno.h>

#include "cmd/command.h"
#include "cmd/manner.h"
#include "cmd/profile_report.h"
#include "cmd/recording.h"
#include "cmd/save.h"
#include "model/quantity.h"
#include "sys/file.h"

#define NOTES_MAX     4
#define FREQUENCY_MAX 10000 /* 100 µs: faster, a sample costs what it measures */

struct profile_params {
	struct manner manner;
	struct target_params target;
	struct texts output;
	uint64_t frequency;
	int64_t duration_ns;
	bool kernel, per_thread;
	unsigned tier; /* enum recording_tier */
};

static const struct param table[] = {
	{ PARAM_WORDS, 0, "target", NULL, NULL, "what to profile",
	  AT(profile_params, target.words, struct words) },
	P_NS(profile_params, duration, 'd', NULL,
	     "how long; without it 10s, or to the end of a command"),
	P_COUNT(profile_params, frequency, 'F', "99", "samples per second and processor"),
	{ PARAM_LIST, 'o', "output", NULL, "FILE",
	  "also write a file; the end of the name says what: .html .svg .json .pb.gz .tape …",
	  AT(profile_params, output, struct texts) },
	P_FLAG(profile_params, kernel, 0, "on", "record what happens in the kernel"),
	P_FLAG(profile_params, per_thread, 't', NULL, "tell threads of the same name apart"),
	{ PARAM_FLAG, 0, "children", "on", NULL, "follow the processes that the target starts",
	  AT(profile_params, target.children, bool) },
	{ PARAM_FLAG, 'a', "all", NULL, NULL, "profile the whole machine",
	  AT(profile_params, target.all, bool) },
	{ PARAM_TEXT, 0, "cgroup", NULL, "PATH", "profile all processes of a control group",
	  AT(profile_params, target.cgroup, struct str) },
	P_CHOICE(profile_params, tier, 0, "auto", "auto|ebpf|perf|proc",
		 "how to sample; auto: the best that works here"),
	P_FORMAT(profile_params),
	P_MANNER(profile_params),
	{ PARAM_REST, 0, "command", NULL, NULL, "a command to run and profile",
	  AT(profile_params, target.command, struct args) },
	P_END,
};

static struct str said(struct arena *a, const char *before, int64_t ns, const char *after)
{
	auto_buf out = BUF(512);

	buf_put(&out, str_from_c(before));
	quantity_put(&out, (struct quantity){ (double)ns, UNIT_NS });
	buf_put(&out, str_from_c(after));
	return arena_str(a, buf_str(&out));
}

static struct str command_end(struct arena *a, struct child_end end)
{
	if (end.how == CHILD_KILLED)
		return arena_printf(a, "The command was killed by signal %d.", end.status);
	if (end.status)
		return arena_printf(a, "The command failed with exit status %d.", end.status);
	return S("The command ended with exit status 0.");
}

/* Without samples the question is whether there was anything to see. */
static struct str why_empty(struct arena *a, const struct recording *r)
{
	int64_t used = r->target_cpu_ns;

	if (used < 0)
		return S("Whether the target ran at all is not known. Record longer: -d 60");
	if (used * 2 < r->period_ns)
		return S("The target used no CPU time while it was watched: it waits, for input, "
			 "a lock or a disk. Put load on it, or record longer: -d 60");
	return said(a, "The target used ", used,
		    " of CPU time, too little for this rate. Sample faster or longer: -F 999 -d "
		    "60");
}

static size_t notes(struct arena *a, const struct recording *r, struct str *note)
{
	size_t n = 0;

	if (!r->samples)
		note[n++] = why_empty(a, r);
	if (r->stopped)
		note[n++] = said(a, "Stopped after ", r->run->wall_ns,
				 "; this is what was measured until then.");
	else if (r->ended && !r->launched)
		note[n++] = said(a, "The target ended after ", r->run->wall_ns, ".");
	if (r->launched && r->end.how != CHILD_RUNNING)
		note[n++] = command_end(a, r->end);
	else if (r->launched && !r->stopped)
		note[n++] = S("The command was ended, because its time (-d) was over.");
	return n;
}

static enum exits exit_of(const struct recording *r)
{
	bool failed = r->end.how == CHILD_KILLED || (r->end.how == CHILD_EXITED && r->end.status);

	if (r->stopped)
		return EXIT_STOPPED;
	if (r->broken)
		return EXIT_CANNOT;
	return r->launched && failed ? EXIT_TARGET : EXIT_FINE;
}

static int profile_run(const struct context *c, const void *params, struct report *out,
		       struct err *err)
{
	const struct profile_params *p = params;
	struct recording_order order = {
		.target = &p->target,
		.frequency = p->frequency,
		.duration_ns = p->duration_ns,
		.kernel = p->kernel,
		.tier = p->tier,
	};
	struct recording *r = arena_make(c->arena, struct recording);
	struct str note[NOTES_MAX];

	if (p->frequency < 1 || p->frequency > FREQUENCY_MAX) {
		(void)err_set(err, -EINVAL, "--frequency cannot be %llu",
			      (unsigned long long)p->frequency);
		return err_hint(err, "from 1 to %d; 99 is enough for 10 s, 999 shows more detail",
				FREQUENCY_MAX);
	}
	if (save_plan(c->arena, &p->output, true, out, err) < 0)
		return err->code;
	struct output *tape = save_tape(out);
	if (tape)
		order.tape = tape->path;
	if (recording_make(c, &order, r, err) < 0) {
		struct str first = p->target.words.n ? p->target.words.v[0] : S("");
		if (err->code == -ESRCH && memchr(first.p, '/', first.n) && file_exists(first))
			return err_hint(err, "to run it: perf-ops profile -- " STR_FMT,
					STR_ARG(first));
		return err->code;
	}
	out->exit = exit_of(r);
	if (tape)
		tape->written = &r->tape;
	profile_report(c->arena, r->run,
		       &(struct profile_report){ .per_thread = p->per_thread,
						 .note = note,
						 .n_notes = notes(c->arena, r, note) },
		       out);
	return 0;
}

static const struct example examples[] = {
	{ "perf-ops profile postgres", "10 s of all processes of that name and their children" },
	{ "perf-ops profile -d 30 -o cpu.html :8080",
	  "who listens on port 8080, as a flame graph" },
	{ "perf-ops profile -o cpu.pb.gz -- ./prog --fast", "a command, to its end, for pprof" },
	{ "perf-ops profile -a --no-kernel", "the whole machine, user code only" },
	{ "perf-ops profile container:4f5e6d7c8b9a", "what runs in a container" },
	{ NULL, NULL },
};

extern const struct command command_profile;
const struct command command_profile = {
	.name = "profile",
	.group = "diagnose",
	.summary = "say where the CPU time of a program goes",
	.words = "[TARGET...] [-- COMMAND ARG...]",
	.about = "Samples the stacks of running programs and says which functions use the CPU. The "
		 "programs need no change, no restart and no frame pointers, and are never "
		 "stopped.\n\n"
		 "TARGET is a process id, a process name, :PORT for who listens there, or "
		 "container:ID. Several may be given. After -- stands a command to run.\n\n"
		 "Ctrl-C ends a recording early and still gives the whole report. Only time on a "
		 "processor is seen: a program that waits shows nothing here.",
	.examples = examples,
	.params = table,
	.params_size = sizeof(struct profile_params),
	.reads_only = false,
	.run = profile_run,
};
