/* Prints the unwind table of an ELF file, a row a line, for oracle.py: pc, then the numbers of the
 * rule as native_abi.h defines them. With --time: what it took instead. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "capture/unwind/native/native.h"

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void print_rows(const struct native_table *t)
{
	for (size_t page = 0; page < t->n_pages; page++)
		for (size_t i = 0; i < t->pages[page].n; i++) {
			uint32_t row = t->rows[t->pages[page].first + i];
			const struct native_rule *r = &t->rules[row & UINT16_MAX];
			printf("%zx %d %d %d %d\n", page << 16 | row >> 16, r->cfa, r->cfa_off,
			       r->rbp, r->rbp_off);
		}
}

int main(int argc, char **argv)
{
	struct native_table t = { 0 };
	struct err err = { 0 };
	struct stat st;
	int fd = argc > 1 ? open(argv[argc - 1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || fstat(fd, &st))
		return 2;
	unsigned char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return 2;
	auto_arena a = arena_open("rows", (size_t)1 << 32);
	double start = now_ms();
	int r = native_compile(a, p, (size_t)st.st_size, &t, &err);
	if (r) {
		fprintf(stderr, "%s: %s\n", argv[argc - 1], err.text);
		return r == -ENODATA ? 3 : 1;
	}
	if (argc == 2)
		print_rows(&t);
	else
		printf("%.2f ms, %llu FDEs, %llu functions, %zu rows, %zu pages, %zu rules, "
		       "%llu unsupported, %llu damaged\n",
		       now_ms() - start, (unsigned long long)t.fdes,
		       (unsigned long long)t.functions, t.n_rows, t.n_pages, t.n_rules,
		       (unsigned long long)t.unsupported, (unsigned long long)t.damaged);
	return 0;
}
