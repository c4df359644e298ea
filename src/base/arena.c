/* Chained blocks; the newest small one serves. Knows the allocation policy; with buf.c the only
 * caller of the heap. */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_FIRST 4096u
#define BLOCK_MAX   65536u

struct block {
	struct block *next, *prev;
	size_t used, cap;
	_Alignas(16) unsigned char mem[];
};

struct arena {
	const char *purpose;
	size_t used, limit, next_cap;
	struct block *top;   /* where small things go */
	struct block *large; /* one thing each, known by its address */
};

static _Noreturn void give_up(const char *purpose, const char *why)
{
	(void)fprintf(stderr, "perf-ops: %s: %s\n", purpose, why);
	exit(71);
}

static void push(struct block **list, struct block *b)
{
	b->prev = NULL;
	b->next = *list;
	if (*list)
		(*list)->prev = b;
	*list = b;
}

static struct block *block_new(const char *purpose, size_t cap)
{
	struct block *b = calloc(1, sizeof(*b) + cap);

	if (!b)
		give_up(purpose, "out of memory");
	b->cap = cap;
	return b;
}

struct arena *arena_open(const char *purpose, size_t limit)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		give_up(purpose, "out of memory");
	*a = (struct arena){ .purpose = purpose, .limit = limit, .next_cap = BLOCK_FIRST };
	return a;
}

static void release(struct block *b)
{
	for (struct block *next; b; b = next) {
		next = b->next;
		free(b);
	}
}

struct arena *arena_close(struct arena *a)
{
	if (!a)
		return NULL;
	release(a->top);
	release(a->large);
	free(a);
	return NULL;
}

bool arena_fits(const struct arena *a, size_t count, size_t size)
{
	size_t need;

	return !__builtin_mul_overflow(count, size, &need) && need <= a->limit - a->used;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}

static void charge(struct arena *a, size_t count, size_t size)
{
	if (!arena_fits(a, count, size))
		give_up(a->purpose, "needs more memory than its limit");
	a->used += count * size;
}

void *arena_zalloc(struct arena *a, size_t count, size_t size, size_t align)
{
	assert(align && (align & (align - 1)) == 0 && align <= 16);
	charge(a, count, size);
	size_t need = count * size;
	if (need > BLOCK_MAX / 4) {
		struct block *b = block_new(a->purpose, need);
		push(&a->large, b);
		return b->mem;
	}
	size_t at = a->top ? (a->top->used + align - 1) & ~(align - 1) : 0;
	if (!a->top || at > a->top->cap || need > a->top->cap - at) {
		size_t cap = need > a->next_cap ? need : a->next_cap;
		push(&a->top, block_new(a->purpose, cap));
		a->next_cap = a->next_cap < BLOCK_MAX ? a->next_cap * 2 : BLOCK_MAX;
		at = 0;
	}
	a->top->used = at + need;
	return a->top->mem + at;
}

static void *grow_large(struct arena *a, void *p, size_t old_bytes, size_t new_bytes)
{
	struct block *b = (struct block *)((unsigned char *)p - offsetof(struct block, mem));

	charge(a, new_bytes - old_bytes, 1);
	bool first = a->large == b;
	b = realloc(b, sizeof(*b) + new_bytes);
	if (!b)
		give_up(a->purpose, "out of memory");
	memset(b->mem + old_bytes, 0, new_bytes - old_bytes);
	b->cap = new_bytes;
	if (first)
		a->large = b;
	else
		b->prev->next = b;
	if (b->next)
		b->next->prev = b;
	return b->mem;
}

void *arena_grow(struct arena *a, void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	size_t want, old_bytes = *cap * size;
	if (__builtin_mul_overflow(*cap ? *cap : (size_t)8, (size_t)2, &want) ||
	    !arena_fits(a, want - *cap, size))
		give_up(a->purpose, "needs more memory than its limit");
	if (old_bytes > BLOCK_MAX / 4) {
		p = grow_large(a, p, old_bytes, want * size);
	} else {
		void *q = arena_zalloc(a, want, size, 16);
		if (old_bytes)
			memcpy(q, p, old_bytes);
		p = q;
	}
	*cap = want;
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *p = arena_zalloc(a, s.n + 1, 1, 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){ p, s.n };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;

	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	size_t len = n > 0 ? (size_t)n : 0;
	char *p = arena_zalloc(a, len + 1, 1, 1);
	(void)vsnprintf(p, len + 1, fmt, again);
	va_end(again);
	return (struct str){ p, len };
}
