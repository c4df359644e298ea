/*
 * Stacks of known shape, compiled with -O2 and without frame pointers, that end in a call of LEAF:
 * what a walker has to get right. Every function is its own, nothing is a tail call.
 */
#include "chain.h"

#include <alloca.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define APART __attribute__((noinline))

/* Keeps the call from being the last thing a function does. */
static inline int after(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

APART int chain_deep(chain_leaf *leaf, void *self, int depth)
{
	if (depth == 0) {
		leaf(self);
		return after(0);
	}
	return after(chain_deep(leaf, self, depth - 1));
}

APART int chain_alloca(chain_leaf *leaf, void *self, int n)
{
	volatile char *p = alloca((size_t)n * 48 + 1);

	p[n] = (char)n;
	return after(chain_deep(leaf, self, 1) + p[n]);
}

/* The compiler aligns the stack itself and finds its own frame through memory. */
APART int chain_aligned(chain_leaf *leaf, void *self, int n)
{
	_Alignas(64) volatile char block[256];

	memset((char *)block, n, sizeof(block));
	return after(chain_alloca(leaf, self, n) + block[n]);
}

struct sorting {
	chain_leaf *leaf;
	void *self;
	int done;
};

static int compare(const void *a, const void *b, void *self)
{
	struct sorting *s = self;

	if (!s->done++)
		(void)chain_aligned(s->leaf, s->self, 3);
	return *(const int *)a - *(const int *)b;
}

/* Through the C library and back. */
APART int chain_sort(chain_leaf *leaf, void *self)
{
	int v[4] = { 4, 3, 2, 1 };
	struct sorting s = { leaf, self, 0 };

	qsort_r(v, 4, sizeof(v[0]), compare, &s);
	return after(v[0]);
}

static chain_leaf *signal_leaf;
static void *signal_self;

static void on_signal(int number)
{
	(void)after(number + chain_alloca(signal_leaf, signal_self, number));
}

/* ALT: the handler runs on a stack of its own. */
APART int chain_signal(chain_leaf *leaf, void *self, int alt)
{
	static char stack[1 << 16];
	stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) }, was;
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = alt ? SA_ONSTACK : 0 }, old;

	signal_leaf = leaf;
	signal_self = self;
	(void)sigaltstack(&own, &was);
	(void)sigaction(SIGUSR2, &act, &old);
	(void)raise(SIGUSR2);
	(void)sigaction(SIGUSR2, &old, NULL);
	(void)sigaltstack(&was, NULL);
	return after(alt);
}
