/* Hands every address to the one that can name it, and counts who could not. */
#include "resolve/names.h"

#include <errno.h>

#include "base/map.h"
#include "base/vec.h"
#include "resolve/jit.h"
#include "resolve/kallsyms.h"
#include "resolve/object.h"
#include "sys/clock.h"

/* For all downloads together: a profile must not wait for a server that does not answer. */
#define DOWNLOADS_NS INT64_C(10000000000)
#define KALLSYMS_MAX (128u << 20)

#define JIT_REMEDY                                                                  \
	"start it with what makes its runtime write /tmp/perf-PID.map: "            \
	"node --perf-basic-prof, python3 -X perf (3.12), DOTNET_PerfMapEnabled=1, " \
	"java -XX:+DumpPerfMapAtExit"

struct process {
	uint32_t pid;
	struct jit *jit;
	uint64_t unnamed;
};

struct gaps {
	struct arena *arena;
	VEC(struct names_gap) list;
};

struct names {
	struct arena *arena;
	const struct host *host;
	struct binaries *binaries;
	struct names_options options;
	VEC(struct object *) objects; /* by id of binary; NULL: not asked for yet */
	VEC(uint64_t) unnamed;        /* likewise */
	VEC(struct process) processes;
	struct map by_pid;
	struct kallsyms *kernel;
	struct err kernel_why;
	uint64_t kernel_unnamed;
	int64_t deadline_ns; /* 0: no download yet */
	struct gaps *gaps;   /* made when they are asked for */
};

struct names *names_open(struct arena *a, const struct host *h, struct binaries *b,
			 struct names_options o)
{
	struct names *n = arena_make(a, struct names);

	*n = (struct names){ .arena = a,
			     .host = h,
			     .binaries = b,
			     .options = o,
			     .by_pid = { .arena = a },
			     .gaps = arena_make(a, struct gaps) };
	n->gaps->arena = a;
	return n;
}

struct names *names_close(struct names *n)
{
	for (size_t i = 0; n && i < n->objects.n; i++)
		n->objects.v[i] = object_close(n->objects.v[i]);
	for (size_t i = 0; n && i < n->processes.n; i++)
		n->processes.v[i].jit = jit_close(n->processes.v[i].jit);
	return NULL;
}

static struct str last_part(struct str path)
{
	struct str head, name = str_cut_last(path, '/', &head);

	return name.n ? name : path;
}

static struct object *object_of(struct names *n, const struct binary *bin)
{
	while (n->objects.n <= bin->id) {
		*vec_add(n->arena, &n->objects) = NULL;
		*vec_add(n->arena, &n->unnamed) = 0;
	}
	if (n->objects.v[bin->id])
		return n->objects.v[bin->id];
	if (!n->deadline_ns)
		n->deadline_ns = clock_monotonic_ns() + DOWNLOADS_NS;
	n->objects.v[bin->id] = object_open(n->arena, n->host, bin, n->options, n->deadline_ns);
	return n->objects.v[bin->id];
}

void names_prepare(struct names *n, uint32_t binary, const uint64_t *vaddr, size_t n_vaddr)
{
	const struct binary *bin = binaries_at(n->binaries, binary);
	struct name_list list;

	if (!bin)
		return;
	struct object *o = object_of(n, bin);
	for (size_t i = 0; i < n_vaddr; i++)
		object_find(o, vaddr[i], &list);
}

static void unnamed(struct name_list *ret, struct str module, enum frame_kind kind)
{
	ret->v[0] = (struct name){ .module = module, .kind = kind };
	ret->n = 1;
}

void names_file(struct names *n, uint32_t binary, uint64_t vaddr, struct name_list *ret)
{
	const struct binary *bin = binaries_at(n->binaries, binary);

	if (!bin) {
		unnamed(ret, S(""), FRAME_NATIVE);
		return;
	}
	struct str module = last_part(bin->path);
	struct object *o = object_of(n, bin);
	object_find(o, vaddr, ret);
	bool named = ret->n && ret->v[ret->n - 1].function.n;
	if (!ret->n)
		unnamed(ret, module, FRAME_NATIVE);
	if (!named) {
		n->unnamed.v[bin->id]++;
		(void)object_start(o, vaddr, &ret->v[ret->n - 1].start); /* else it stays 0 */
	}
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i].module = module;
}

static void open_kernel(struct names *n)
{
	auto_arena scratch = arena_open("kallsyms", KALLSYMS_MAX);
	struct str text = S("");

	if (n->options.other_kernel)
		(void)err_set(&n->kernel_why, -ESTALE,
			      "they are of another kernel, or of a time before the last restart");
	else
		(void)host_read(n->host, scratch, S("/proc/kallsyms"), &text, &n->kernel_why);
	n->kernel = kallsyms_parse(n->arena, text);
}

void names_kernel(struct names *n, uint64_t address, struct name_list *ret)
{
	struct str name, module;

	if (!n->kernel)
		open_kernel(n);
	unnamed(ret, S("[kernel]"), FRAME_KERNEL);
	if (!kallsyms_find(n->kernel, address, &name, &module)) {
		n->kernel_unnamed++;
		return;
	}
	ret->v[0].function = name;
	ret->v[0].module = module;
}

static struct process *process_of(struct names *n, uint32_t pid)
{
	uint64_t hash = map_hash2(pid, 0);

	for (struct map_at at = map_first(&n->by_pid, hash); at.hit; at = map_next(&n->by_pid, at))
		if (n->processes.v[at.index].pid == pid)
			return &n->processes.v[at.index];
	map_insert(&n->by_pid, hash, (uint32_t)n->processes.n);
	struct process *p = vec_add(n->arena, &n->processes);
	p->pid = pid;
	p->jit = jit_open(n->arena, n->host, n->binaries, pid);
	return p;
}

void names_jit(struct names *n, uint32_t pid, uint64_t address, uint64_t time_ns,
	       struct name_list *ret)
{
	struct process *p = process_of(n, pid);

	unnamed(ret, S("[jit]"), FRAME_NATIVE);
	if (!jit_find(p->jit, address, time_ns, &ret->v[0]))
		p->unnamed++;
}

static void gap(struct gaps *g, struct names_gap one)
{
	for (size_t i = 0; i < g->list.n; i++) {
		struct names_gap *known = &g->list.v[i];
		if (str_eq(known->module, one.module) && str_eq(known->why, one.why)) {
			known->addresses += one.addresses;
			return;
		}
	}
	*vec_add(g->arena, &g->list) = one;
}

static void kernel_gap(const struct names *n)
{
	struct names_gap g = { .module = S("[kernel]"),
			       .why = S("no symbol of /proc/kallsyms covers them"),
			       .addresses = n->kernel_unnamed };

	if (!n->kernel_unnamed)
		return;
	if (n->kernel && !n->kernel_why.code && kallsyms_hidden(n->kernel)) {
		g.why = S("the kernel hides its addresses (kernel.kptr_restrict)");
		/* kallsyms_show_value() in the kernel asks for both. */
		g.remedy = S("sudo sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=1");
	} else if (n->kernel_why.code) {
		g.why = str_from_c(n->kernel_why.text);
		g.remedy = str_from_c(n->kernel_why.hint);
	}
	gap(n->gaps, g);
}

static void object_gaps(const struct names *n, uint32_t id)
{
	struct names_gap g = { .module = last_part(binaries_at(n->binaries, id)->path),
			       .addresses = n->unnamed.v[id] };

	if (!n->objects.v[id])
		return;
	object_gap(n->objects.v[id], &g.why, &g.remedy);
	if (g.addresses && !g.why.n)
		g.why = S("no symbol covers them");
	if (g.addresses || object_is_partial(n->objects.v[id]))
		gap(n->gaps, g);
}

static struct str jit_advice(const struct names *n, const struct jit *j)
{
	return arena_printf(n->gaps->arena, STR_FMT "; " JIT_REMEDY, STR_ARG(jit_why(j)));
}

size_t names_gaps(const struct names *n, const struct names_gap **ret)
{
	n->gaps->list.n = 0;
	for (size_t i = 0; i < n->objects.n; i++)
		object_gaps(n, (uint32_t)i);
	for (size_t i = 0; i < n->processes.n; i++)
		if (n->processes.v[i].unnamed)
			gap(n->gaps,
			    (struct names_gap){ .module = S("[jit]"),
						.why = jit_advice(n, n->processes.v[i].jit),
						.addresses = n->processes.v[i].unnamed });
	kernel_gap(n);
	*ret = n->gaps->list.v;
	return n->gaps->list.n;
}
