/* From the rings to the sink: decoding, order, and what each event changes for the ones behind it.
 */
#include "capture/cpu/cpu_priv.h"

#include <bpf/libbpf.h>
#include <stdlib.h>

#include "capture/unwind/native/walk.h"
#include "cpu.skel.h"
#include "sys/clock.h"

#define ALERT_NS       UINT64_C(100000000) /* how long a program that starts maps libraries */
#define ALERT_PAUSE_NS 2000000
#define FRUITLESS_NS   UINT64_C(1000000000) /* an address that is in no mapping: asked again then */

/* Into the queue. */

struct item *cpu_item(struct cpu_self *s, uint64_t time_ns, enum item_kind kind)
{
	struct item *i = vec_add(s->arena, &s->items);

	*i = (struct item){ .time_ns = time_ns, .order = (uint32_t)s->items.n, .kind = kind };
	return i;
}

int cpu_take_sample(void *self, void *record, size_t n)
{
	struct cpu_self *s = self;
	const struct cpu_stack *k = record;

	if (k->type == CPU_SAMPLE && n >= sizeof(struct cpu_sample)) {
		const struct cpu_sample *x = record;

		cpu_item(s, x->time_ns, ITEM_SAMPLE)->sample = *x;
	} else if (k->type == CPU_LATE && n >= sizeof(struct cpu_late)) {
		const struct cpu_late *x = record;
		struct cpu_late *copy = arena_zalloc(s->batch, 1, n, _Alignof(struct cpu_late));

		memcpy(copy, x, n);
		copy->n = x->n < n - sizeof(*x) ? x->n : n - sizeof(*x);
		cpu_item(s, x->sample.time_ns, ITEM_LATE)->late = copy;
	} else if ((k->type == CPU_USER_STACK || k->type == CPU_KERNEL_STACK) &&
		   n >= sizeof(*k) + k->n * sizeof(k->ip[0])) {
		stacks_put(s->stacks, k->hash, (const uint64_t *)k->ip, k->n);
	}
	return 0;
}

int cpu_take_news(void *self, void *record, size_t n)
{
	struct cpu_self *s = self;
	const struct cpu_news *x = record;

	if (n >= sizeof(*x))
		cpu_item(s, x->time_ns, ITEM_NEWS)->news = *x;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Out of the queue. */

/* The stack is given by USER, N_USER; the kernel's is looked up. */
static void pour_walked(struct cpu_self *s, const struct cpu_sample *x, const uint64_t *user,
			size_t n_user)
{
	size_t n_kernel = 0;
	const uint64_t *kernel = NULL;

	if (cpu_is_us(s, x->tgid))
		return;
	if (x->n_kernel)
		kernel = stacks_get(s->stacks, x->kernel_hash, &n_kernel);
	if (x->n_kernel && !kernel) {
		s->unknown++;
		return;
	}
	if (!s->costs.n)
		log_debug(s->c.log, "eBPF: first sample at %.4f s", (double)x->time_ns / 1e9);
	s->ends[x->end < STACK__COUNT ? x->end : STACK_NO_RULE]++;
	costs_add(&s->costs, x->cost_ns);
	s->sink->ops->sample(s->sink, s->stream,
			     &(struct raw_sample){ .time_ns = x->time_ns,
						   .pid = x->tgid,
						   .tid = x->tid,
						   .cpu = x->cpu,
						   .n_kernel = (uint16_t)n_kernel,
						   .n_user = (uint16_t)n_user,
						   .end = x->end,
						   .user_hash = x->user_hash,
						   .kernel_ip = kernel,
						   .user_ip = user,
						   .value = { 1, s->period_ns } });
}

/* Whether the process of a sample is known, or can be. */
static bool known(struct cpu_self *s, const struct cpu_sample *x)
{
	if (tables_follows(s->tables, x->tgid))
		return true;
	if (s->c.target->all) {
		cpu_adopt(s, x->tgid, false);
		return true;
	}
	s->unknown++;
	return false;
}

static void pour_sample(struct cpu_self *s, const struct cpu_sample *x)
{
	size_t n_user = 0;
	const uint64_t *user = NULL;

	if (!known(s, x))
		return;
	if (x->n_user)
		user = stacks_get(s->stacks, x->user_hash, &n_user);
	if (x->n_user && !user)
		s->unknown++;
	else
		pour_walked(s, x, user, n_user);
}

/* The mappings it lacked came before it in the order of time, if they came at all. */
static void pour_late(struct cpu_self *s, const struct cpu_late *late)
{
	struct cpu_sample x = late->sample;
	enum stack_end end = STACK_NO_MAP;
	const struct native_stack from = {
		.regs = late->regs,
		.copy = { (const char *)(late + 1), late->n },
		.start = late->start,
	};

	if (!known(s, &x))
		return;
	size_t n = tables_walk(s->tables, x.tgid, &from, s->late_ip, NATIVE_FRAMES_MAX, &end);
	x.end = (uint8_t)end;
	pour_walked(s, &x, s->late_ip, n);
}

static void pour_task(struct cpu_self *s, const struct raw_task *t)
{
	if (!tables_follows(s->tables, t->pid)) {
		if (!s->c.target->all)
			return;
		tables_follow(s->tables, t->pid);
	}
	if (t->event == TASK_EXEC) {
		tables_exec(s->tables, t->pid);
		s->execed |= t->pid == s->c.target->child.pid;
	}
	s->sink->ops->task(s->sink, t);
}

static void pour_mapping(struct cpu_self *s, const struct raw_mapping *m)
{
	if (!tables_follows(s->tables, m->pid)) {
		if (!s->c.target->all)
			return;
		cpu_adopt(s, m->pid, true);
	}
	if (tables_map(s->tables, m))
		s->sink->ops->mapping(s->sink, m);
}

static void pour_news(struct cpu_self *s, const struct cpu_news *n)
{
	struct raw_task t = { .time_ns = n->time_ns,
			      .pid = n->tgid,
			      .tid = n->tid,
			      .parent = n->parent,
			      .name = { n->comm, strnlen(n->comm, sizeof(n->comm)) } };

	switch ((enum cpu_record)n->type) {
	case CPU_FORK:
		t.event = TASK_FORK;
		if (n->tgid == n->tid)
			tables_fork(s->tables, n->parent, n->tgid);
		s->sink->ops->task(s->sink, &t);
		break;
	case CPU_EXEC:
		/* The linker maps its libraries now, and nothing else will wake us. */
		s->execed |= n->tgid == s->c.target->child.pid;
		s->alert_ns = n->time_ns + ALERT_NS;
		s->pause_ns = ALERT_PAUSE_NS;
		break;
	case CPU_GONE:
	case CPU_ENDED:
		if (!tables_follows(s->tables, n->tgid))
			break;
		t.event = TASK_GONE;
		t.name.n = 0;
		s->sink->ops->task(s->sink, &t);
		if (n->type == CPU_ENDED) {
			tables_gone(s->tables, n->tgid);
			s->child_ended |= n->tgid == s->c.target->child.pid;
		}
		break;
	case CPU_NO_MAP:
		if (!tables_follows(s->tables, n->tgid))
			break;
		if (!cpu_rescan(s, n->tgid))
			tables_quiet(s->tables, n->tgid, n->time_ns + FRUITLESS_NS);
		break;
	case CPU_SAMPLE:
	case CPU_LATE:
	case CPU_USER_STACK:
	case CPU_KERNEL_STACK:
		break; /* of the other ring */
	}
}

static void pour(struct cpu_self *s)
{
	if (s->items.n)
		qsort(s->items.v, s->items.n, sizeof(*s->items.v), by_time);
	for (size_t i = 0; i < s->items.n; i++) {
		const struct item *x = &s->items.v[i];

		switch (x->kind) {
		case ITEM_SAMPLE:
			pour_sample(s, &x->sample);
			break;
		case ITEM_LATE:
			pour_late(s, x->late);
			break;
		case ITEM_NEWS:
			pour_news(s, &x->news);
			break;
		case ITEM_MAPPING:
			pour_mapping(s, &x->mapping);
			break;
		case ITEM_TASK:
			pour_task(s, &x->task);
			break;
		}
	}
	s->items.n = 0;
	s->batch = arena_close(s->batch);
	s->batch = arena_open("one turn", SIZE_MAX / 2);
}

static void say_lost(struct cpu_self *s)
{
	uint64_t lost = s->unknown + __atomic_load_n(&s->bpf->bss->samples_lost, __ATOMIC_RELAXED);

	if (lost == s->told_lost)
		return;
	s->sink->ops->lost(s->sink, s->stream, (struct loss){ .dropped = lost - s->told_lost });
	s->told_lost = lost;
}

void cpu_turn(struct cpu_self *s)
{
	/* The order matters: see cpu_priv.h. What cannot be read now is read in the next turn. */
	(void)ring_buffer__consume(s->samples);
	(void)ring_buffer__consume(s->news);
	cpu_watchers_drain(s);
	pour(s);
	uint64_t now = (uint64_t)clock_monotonic_ns();
	cpu_follow_upkeep(s, now);
	tables_publish(s->tables, now);
	__atomic_store_n(&s->bpf->data->epoch, stacks_epoch(s->stacks), __ATOMIC_RELAXED);
	say_lost(s);
}
