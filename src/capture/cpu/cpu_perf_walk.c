/*
 * Walks over stacks that the kernel copied: keeps the unwind tables of all files that are mapped
 * into the observed processes, and where they lie.
 */
#include "capture/cpu/cpu_perf_priv.h"
#include "capture/space.h"
#include "capture/unwind/native/walk.h"
#include "sys/env.h"
#include "sys/memory.h"
#include "sys/proc.h"

#define ROWS_MAX     ((size_t)32 << 20) /* 128 MB of addresses; memory only where it is used */
#define PAGES_MAX    ((size_t)1 << 20)
#define RULES_MAX    65536u
#define EXES_MAX     ((size_t)1 << 16)
#define SPACES_BYTES ((size_t)64 << 20)
#define TABLE_BYTES  ((size_t)1 << 30)
/* Above a copied stack, so far is the stack itself: it went on running since it was copied. */
#define STACK_REACH UINT64_C(0x800000)

struct perf_walker {
	struct arena *arena;
	struct binaries *binaries;
	const struct log *log;
	struct str cache;
	struct spaces *spaces;
	struct native_store store;
	struct memory rows, pages, rules, exes;
	VEC(uint32_t) exe_of; /* by binary: table + 1; 0: not looked at yet */
	uint64_t ip[NATIVE_FRAMES_MAX];
};

/* Tables of compiled files stay from one recording to the next. */
static struct str cache_directory(struct arena *a)
{
	struct str xdg = env_get("XDG_CACHE_HOME"), home = env_get("HOME");

	if (xdg.n && xdg.p[0] == '/')
		return arena_printf(a, STR_FMT "/perf-ops/unwind", STR_ARG(xdg));
	if (home.n && home.p[0] == '/')
		return arena_printf(a, STR_FMT "/.cache/perf-ops/unwind", STR_ARG(home));
	return S("");
}

struct perf_walker *perf_walker_open(struct binaries *b, const struct log *log)
{
	struct arena *a = arena_open("unwind tables", SIZE_MAX / 2);
	struct perf_walker *w = arena_make(a, struct perf_walker);
	struct err err = { 0 };

	*w = (struct perf_walker){ .arena = a, .binaries = b, .log = log };
	w->cache = cache_directory(a);
	w->spaces = spaces_open(SPACES_BYTES);
	w->store.map.arena = a;
	if (memory_reserve(ROWS_MAX * sizeof(*w->store.rows), &w->rows, &err) < 0 ||
	    memory_reserve(PAGES_MAX * sizeof(*w->store.pages), &w->pages, &err) < 0 ||
	    memory_reserve(RULES_MAX * sizeof(*w->store.rules), &w->rules, &err) < 0 ||
	    memory_reserve(EXES_MAX * sizeof(*w->store.exes), &w->exes, &err) < 0) {
		log_debug(log, "no room for unwind tables: %s", err.text);
		return w; /* all rooms are 0: frame pointers only, and every file counts as full */
	}
	w->store.rows = (uint32_t *)(void *)w->rows.p;
	w->store.pages = (struct native_page *)(void *)w->pages.p;
	w->store.rules = (struct native_rule *)(void *)w->rules.p;
	w->store.exes = (struct native_exe *)(void *)w->exes.p;
	w->store.max_rows = ROWS_MAX;
	w->store.max_pages = PAGES_MAX;
	w->store.max_rules = RULES_MAX;
	w->store.max_exes = EXES_MAX;
	return w;
}

struct perf_walker *perf_walker_close(struct perf_walker *w)
{
	if (!w)
		return NULL;
	(void)spaces_close(w->spaces); /* always NULL */
	memory_unmap(&w->rows);
	memory_unmap(&w->pages);
	memory_unmap(&w->rules);
	memory_unmap(&w->exes);
	return (struct perf_walker *)arena_close(w->arena);
}

static uint32_t load(struct perf_walker *w, const struct binary *b)
{
	auto_arena scratch = arena_open("unwind table of a file", TABLE_BYTES);
	struct native_table table;
	struct err err = { 0 };
	uint32_t exe;

	if (!b->is_elf || native_load(scratch, b, w->cache, &table, &err) < 0 ||
	    native_store_add(&w->store, &table, &exe, &err) < 0) {
		log_debug(w->log, STR_FMT ": frame pointers only: %s", STR_ARG(b->path), err.text);
		return SPACE_ANONYMOUS;
	}
	return exe;
}

/* The table of a binary, read when it is first mapped. */
static uint32_t exe_of(struct perf_walker *w, const struct binary *b)
{
	while (w->exe_of.n <= b->id)
		(void)vec_add(w->arena, &w->exe_of);
	if (!w->exe_of.v[b->id]) {
		uint32_t exe = load(w, b);
		w->exe_of.v[b->id] = exe == SPACE_ANONYMOUS ? SPACE_ANONYMOUS : exe + 1;
	}
	uint32_t known = w->exe_of.v[b->id];
	return known == SPACE_ANONYMOUS ? known : known - 1;
}

void perf_walker_map(struct perf_walker *w, const struct raw_mapping *m)
{
	struct range r = { .start = m->start, .end = m->end, .object = SPACE_ANONYMOUS };

	if (m->path.n && (m->path.p[0] == '/' || str_eq(m->path, S("[vdso]")))) {
		const struct binary *b =
			binaries_get(w->binaries, &(struct binary_place){ .pid = m->pid,
									  .start = m->start,
									  .end = m->end,
									  .device = m->device,
									  .inode = m->inode,
									  .path = m->path });
		r.object = exe_of(w, b);
		r.bias = binary_bias(b, m->start, m->file_offset);
	}
	if (!spaces_map(w->spaces, m->pid, &r))
		w->store.full++;
}

void perf_walker_fork(struct perf_walker *w, uint32_t parent, uint32_t child)
{
	spaces_fork(w->spaces, parent, child);
}

void perf_walker_exec(struct perf_walker *w, uint32_t pid)
{
	spaces_exec(w->spaces, pid);
}

void perf_walker_gone(struct perf_walker *w, uint32_t pid)
{
	spaces_gone(w->spaces, pid);
}

uint64_t perf_walker_full(const struct perf_walker *w)
{
	return w->store.full;
}

struct elsewhere {
	uint32_t pid;
	uint64_t start;
};

/* What is not in the copy: an alternate signal stack, a goroutine. What lies above the copy is the
 * same stack, later: nobody knows what it was at the time of the sample. */
static long peek(void *self, void *into, __u32 n, __u64 address)
{
	const struct elsewhere *e = self;

	if (address >= e->start && address - e->start < STACK_REACH)
		return -1;
	return proc_memory(e->pid, address, into, n) == (ssize_t)n ? 0 : -1;
}

static void set_gpr(struct native_regs *r, const struct perf_user *u)
{
	static const uint8_t order[NATIVE_GPRS] = {
		[NATIVE_R8] = PERF_R8,      [NATIVE_R9] = PERF_R8 + 1,  [NATIVE_R10] = PERF_R8 + 2,
		[NATIVE_R11] = PERF_R8 + 3, [NATIVE_R12] = PERF_R8 + 4, [NATIVE_R13] = PERF_R8 + 5,
		[NATIVE_R14] = PERF_R8 + 6, [NATIVE_R15] = PERF_R8 + 7, [NATIVE_RDI] = PERF_DI,
		[NATIVE_RSI] = PERF_SI,     [NATIVE_RBP] = PERF_BP,     [NATIVE_RBX] = PERF_BX,
		[NATIVE_RDX] = PERF_DX,     [NATIVE_RAX] = PERF_AX,     [NATIVE_RCX] = PERF_CX,
		[NATIVE_RSP] = PERF_SP,
	};

	for (size_t i = 0; i < NATIVE_GPRS; i++)
		r->gpr[i] = u->reg[order[i]];
}

const uint64_t *perf_walker_walk(struct perf_walker *w, uint32_t pid, const struct perf_user *u,
				 size_t *ret_n, enum stack_end *ret_end)
{
	static const struct space nothing;
	const struct space *sp = spaces_of(w->spaces, pid);
	struct elsewhere elsewhere = { pid, u->reg[PERF_SP] };
	struct native_stack from = { .regs = { .pc = u->reg[PERF_IP],
					       .sp = u->reg[PERF_SP],
					       .bp = u->reg[PERF_BP],
					       .flags = NATIVE_EXACT | NATIVE_LEAF },
				     .copy = u->stack,
				     .start = u->reg[PERF_SP],
				     .cut = u->cut,
				     .peek = peek,
				     .self = &elsewhere };

	if (u->abi != PERF_SAMPLE_REGS_ABI_64) { /* a 32-bit program: no rules for it */
		w->ip[0] = u->reg[PERF_IP];
		*ret_n = u->abi == PERF_SAMPLE_REGS_ABI_32;
		*ret_end = *ret_n ? STACK_NO_RULE : STACK_NONE;
		return w->ip;
	}
	set_gpr(&from.regs, u);
	*ret_n = native_walk(&w->store, sp ? sp : &nothing, &from, w->ip, NATIVE_FRAMES_MAX,
			     ret_end);
	return w->ip;
}
