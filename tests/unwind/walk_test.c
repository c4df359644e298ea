/*
 * The walker on this very process, against the C library's own unwinder (backtrace(), of libgcc):
 * on stacks of known shape, and at random moments of busy code, interrupted by a timer.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "capture/unwind/native/walk.h"
#include "chain.h"
#include "unit/test.h"

#define MAX 8192

/* All of our own tables and mappings. */
struct self {
	struct arena *a;
	struct native_store store;
	struct range ranges[256];
	struct space space;
	uint64_t stack_end;
};

static long peek(void *self, void *into, __u32 n, __u64 address)
{
	struct iovec to = { into, n }, from = { (void *)address, n }; /* NOLINT */

	(void)self;
	/* By the kernel, since the sanitizer objects to reading other frames. */
	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)n ? 0 : -1;
}

/* Run-time minus link-time address, from the program header that maps this offset. */
static uint64_t bias_of(const unsigned char *elf, uint64_t start, uint64_t offset)
{
	const uint64_t phoff = 64;
	uint16_t n;

	memcpy(&n, elf + 56, sizeof(n));
	for (uint64_t i = 0; i < n; i++) {
		uint32_t type;
		uint64_t off, va, size;
		memcpy(&type, elf + phoff + i * 56, 4);
		memcpy(&off, elf + phoff + i * 56 + 8, 8);
		memcpy(&va, elf + phoff + i * 56 + 16, 8);
		memcpy(&size, elf + phoff + i * 56 + 32, 8);
		if (type == 1 && offset >= (off & ~UINT64_C(4095)) && offset < off + size)
			return start - (offset - off + va);
	}
	return start - offset;
}

static void add_file(struct self *s, const char *path, struct range *r, uint64_t offset)
{
	struct native_table t;
	struct err err = { 0 };
	struct stat st;
	unsigned char *p;
	size_t n;

	if (strcmp(path, "[vdso]") == 0) {
		n = (size_t)(r->end - r->start);
		p = arena_zalloc(s->a, n, 1, 16);
		assert_int_equal(peek(NULL, p, (uint32_t)n, r->start), 0);
	} else {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		assert_int_equal(fstat(fd, &st), 0);
		n = (size_t)st.st_size;
		p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
		(void)close(fd);
		assert_true(p != MAP_FAILED);
	}
	r->bias = bias_of(p, r->start, offset);
	if (native_compile(s->a, p, n, &t, &err) == 0)
		assert_int_equal(native_store_add(&s->store, &t, &r->object, &err), 0);
}

static struct self *self_open(void)
{
	struct arena *a = arena_open("test", (size_t)1 << 30);
	struct self *s = arena_make(a, struct self);
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], perms[8], path[400];
	unsigned long start, end, offset;

	s->a = a;
	s->store = (struct native_store){
		.rows = arena_array(a, uint32_t, 1 << 21),
		.pages = arena_array(a, struct native_page, 1 << 15),
		.rules = arena_array(a, struct native_rule, 65536),
		.exes = arena_array(a, struct native_exe, 64),
		.max_rows = 1 << 21,
		.max_pages = 1 << 15,
		.max_rules = 65536,
		.max_exes = 64,
		.map.arena = a,
	};
	assert_non_null(maps);
	s->space.v = s->ranges;
	while (fgets(line, sizeof(line), maps)) {
		path[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %399s", &start, &end, perms, &offset,
			   path) < 4)
			continue;
		if (strcmp(path, "[stack]") == 0)
			s->stack_end = end;
		if (perms[2] != 'x' || s->space.n == 256)
			continue;
		struct range *r = &s->ranges[s->space.n++];
		*r = (struct range){ .start = start, .end = end, .object = SPACE_ANONYMOUS };
		if (path[0])
			add_file(s, path, r, offset);
	}
	(void)fclose(maps);
	return s;
}

static void self_close(struct self *s)
{
	(void)arena_close(s->a); /* always NULL */
}

static struct native_regs regs_of(const ucontext_t *u)
{
	const greg_t *g = u->uc_mcontext.gregs;
	struct native_regs r = { .pc = (uint64_t)g[REG_RIP],
				 .sp = (uint64_t)g[REG_RSP],
				 .bp = (uint64_t)g[REG_RBP],
				 .flags = NATIVE_EXACT | NATIVE_LEAF };

	/* gregs are in the order that the kernel and native_gpr have. */
	for (unsigned i = 0; i < NATIVE_GPRS; i++)
		r.gpr[i] = (uint64_t)g[i];
	return r;
}

struct stacks {
	struct self *self;
	uint64_t ours[MAX];
	void *theirs[MAX];
	size_t n;
	int n_theirs;
	enum stack_end end;
	size_t max; /* 0: MAX */
};

__attribute__((noinline)) static void look(void *self)
{
	struct stacks *k = self;
	struct native_stack from = { .peek = peek };
	ucontext_t here;

	assert_int_equal(getcontext(&here), 0);
	from.regs = regs_of(&here);
	k->n = native_walk(&k->self->store, &k->self->space, &from, k->ours, k->max ? k->max : MAX,
			   &k->end);
	k->n_theirs = backtrace(k->theirs, MAX);
	__asm__ volatile("" ::: "memory");
}

/* Where the caller of look() is among theirs: a sanitizer's backtrace() has a frame of its own. */
static size_t callers(const struct stacks *k)
{
	size_t i = 0;

	while (i < (size_t)k->n_theirs && (uint64_t)k->theirs[i] - 1 != k->ours[1])
		i++;
	return i;
}

/* Frame by frame. Addresses that are exact follow a signal frame. */
static void check(const struct stacks *k, unsigned signals)
{
	size_t first = callers(k);
	unsigned exact = 0;

	assert_true(first >= 1 && first <= 2);
	for (size_t i = 1; i < k->n && i - 1 + first < (size_t)k->n_theirs; i++) {
		uint64_t theirs = (uint64_t)k->theirs[i - 1 + first];
		exact += k->ours[i] == theirs;
		if (k->ours[i] != theirs && k->ours[i] != theirs - 1)
			fail_msg("frame %zu is %#lx, not %#lx", i, (unsigned long)k->ours[i],
				 (unsigned long)theirs);
	}
	assert_int_equal(k->n - 1, (size_t)k->n_theirs - first);
	assert_int_equal(exact, signals);
	assert_int_equal(k->end, STACK_ROOT);
}

static void shapes(void **state)
{
	struct stacks *k = test_calloc(1, sizeof(*k));

	(void)state;
	k->self = self_open();
	(void)chain_deep(look, k, 1);
	check(k, 0);
	(void)chain_deep(look, k, 300);
	check(k, 0);
	assert_true(k->n > 300);
	(void)chain_alloca(look, k, 7);
	check(k, 0);
	(void)chain_aligned(look, k, 5);
	check(k, 0);
	(void)chain_sort(look, k);
	check(k, 0);
	self_close(k->self);
	test_free(k);
}

static void through_signals(void **state)
{
	struct stacks *k = test_calloc(1, sizeof(*k));

	(void)state;
	k->self = self_open();
	(void)chain_signal(look, k, 0);
	check(k, 1);
	(void)chain_signal(look, k, 1);
	check(k, 1);
	self_close(k->self);
	test_free(k);
}

static void deeper_than_asked(void **state)
{
	struct stacks *k = test_calloc(1, sizeof(*k));

	(void)state;
	k->self = self_open();
	k->max = NATIVE_FRAMES_MAX;
	(void)chain_deep(look, k, 6000);
	assert_int_equal(k->n, NATIVE_FRAMES_MAX);
	assert_int_equal(k->end, STACK_TRUNCATED);
	k->max = 0;
	(void)chain_deep(look, k, 6000);
	assert_int_equal(k->end, STACK_ROOT);
	assert_true(k->n > 6000);
	self_close(k->self);
	test_free(k);
}

struct copied {
	struct stacks k;
	char bytes[1 << 16];
	size_t most;
};

/* As perf does it: registers, and so many bytes of the stack. */
__attribute__((noinline)) static void look_at_copy(void *self)
{
	struct copied *c = self;
	ucontext_t here;
	struct native_stack from = { .cut = true };

	assert_int_equal(getcontext(&here), 0);
	from.regs = regs_of(&here);
	from.start = from.regs.sp;
	size_t left = (size_t)(c->k.self->stack_end - from.start);
	from.copy = (struct str){ c->bytes, left < c->most ? left : c->most };
	from.cut = left > c->most;
	assert_int_equal(peek(NULL, c->bytes, (uint32_t)from.copy.n, from.start), 0);
	c->k.n =
		native_walk(&c->k.self->store, &c->k.self->space, &from, c->k.ours, MAX, &c->k.end);
	c->k.n_theirs = backtrace(c->k.theirs, MAX);
	__asm__ volatile("" ::: "memory");
}

static void copies(void **state)
{
	struct copied *c = test_calloc(1, sizeof(*c));

	(void)state;
	c->k.self = self_open();
	c->most = sizeof(c->bytes);
	(void)chain_sort(look_at_copy, c);
	check(&c->k, 0);
	c->most = 1 << 14; /* less than 3000 frames can be */
	(void)chain_deep(look_at_copy, c, 3000);
	assert_int_equal(c->k.end, STACK_TRUNCATED);
	assert_true(c->k.n > 100);
	for (size_t i = 1, first = callers(&c->k); i < c->k.n; i++)
		assert_int_equal(c->k.ours[i], (uint64_t)c->k.theirs[i - 1 + first] - 1);
	self_close(c->k.self);
	test_free(c);
}

/* Whatever it is given: it ends, and says why. */
static void nonsense(void **state)
{
	struct self *s = self_open();
	uint64_t ip[64], seed = 1;
	enum stack_end end;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct native_stack from = { .peek = i % 2 ? peek : NULL };
		__u64 *words[] = { &from.regs.pc, &from.regs.sp, &from.regs.bp };
		const struct range *r = &s->space.v[seed % s->space.n];
		for (unsigned k = 0; k < 3; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			*words[k] = seed >> 16;
		}
		if (i % 3)
			from.regs.pc = r->start + seed % (r->end - r->start);
		if (i % 4)
			from.regs.sp = (uint64_t)&from - seed % 4096;
		from.regs.flags = (uint32_t)(seed >> 60) & 15;
		size_t n = native_walk(&s->store, &s->space, &from, ip, 64, &end);
		assert_true(n >= 1 && n <= 64 && end < STACK__COUNT && end != STACK_NONE);
	}
	self_close(s);
}

/* At random moments. Written by the handler, read by the test. */
static struct stacks *sampled;
static volatile sig_atomic_t samples, differ, unrooted;
static uint64_t first_bad;

static void on_timer(int number, siginfo_t *info, void *context)
{
	struct stacks *k = sampled;
	struct native_stack from = { .regs = regs_of(context), .peek = peek };
	uint64_t pc = from.regs.pc;

	(void)number;
	(void)info;
	k->n = native_walk(&k->self->store, &k->self->space, &from, k->ours, MAX, &k->end);
	k->n_theirs = backtrace(k->theirs, MAX);
	/* Theirs begins with this handler and the trampoline. */
	int skip = 0;
	while (skip < k->n_theirs && (uint64_t)k->theirs[skip] != pc)
		skip++;
	samples = samples + 1;
	unrooted = unrooted + (k->end != STACK_ROOT);
	bool same = k->n == (size_t)(k->n_theirs - skip);
	for (size_t i = 1; same && i < k->n; i++)
		same = k->ours[i] == (uint64_t)k->theirs[skip + (int)i] - 1;
	if (!same && !differ)
		first_bad = pc;
	differ = differ + !same;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Prologues, linkage tables, the vdso, hand-written string functions, callbacks. */
static void busy(void *self)
{
	char words[64][24], text[512];
	struct timespec t;

	(void)self;
	for (unsigned i = 0; i < 64; i++)
		(void)snprintf(words[i], sizeof(words[i]), "%u.%g", i * 7919 % 64, i / 3.0);
	qsort(words, 64, sizeof(words[0]), by_text);
	for (unsigned i = 0; i < 64; i++) {
		(void)clock_gettime(CLOCK_MONOTONIC, &t);
		memset(text, words[i][0], sizeof(text) - 1);
		text[sizeof(text) - 1] = 0;
		void *p = malloc(strlen(text) + i);
		memcpy(p, text, 64);
		free(p);
	}
}

static void at_any_moment(void **state)
{
	struct sigaction act = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction old;
	time_t until = time(NULL) + 20;

	(void)state;
	sampled = test_calloc(1, sizeof(*sampled));
	sampled->self = self_open();
	(void)backtrace(sampled->theirs, 1); /* loads libgcc_s while nothing interrupts */
	assert_int_equal(sigaction(SIGPROF, &act, &old), 0);
	assert_int_equal(setitimer(ITIMER_PROF, &every, NULL), 0);
	while (samples < 400 && time(NULL) < until)
		(void)chain_deep(busy, NULL, 12);
	assert_int_equal(setitimer(ITIMER_PROF, &never, NULL), 0);
	assert_int_equal(sigaction(SIGPROF, &old, NULL), 0);
	if (differ || unrooted)
		print_message("%d of %d differ, %d without a root; the first at %#lx\n",
			      (int)differ, (int)samples, (int)unrooted, (unsigned long)first_bad);
	assert_true(samples >= 100);
	assert_int_equal(differ, 0);
	assert_int_equal(unrooted, 0);
	self_close(sampled->self);
	test_free(sampled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),
		cmocka_unit_test(through_signals),
		cmocka_unit_test(deeper_than_asked),
		cmocka_unit_test(copies),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(at_any_moment),
	};

	return RUN_TESTS(tests);
}
