/* Tables of real files of this machine, of damaged ones, and the cache of them. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/unwind/native/native.h"
#include "test.h"

#define LIMIT ((size_t)1 << 30)

struct mapped {
	unsigned char *p;
	size_t n;
};

/* A private copy that may be changed; empty: not on this machine. */
static struct mapped map_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct mapped m = { 0 };

	if (fd < 0)
		return m;
	assert_int_equal(fstat(fd, &st), 0);
	m.n = (size_t)st.st_size;
	m.p = mmap(NULL, m.n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_true(m.p != MAP_FAILED);
	(void)close(fd);
	return m;
}

static struct native_store store(struct arena *a)
{
	return (struct native_store){
		.rows = arena_array(a, uint32_t, 1 << 20),
		.pages = arena_array(a, struct native_page, 1 << 14),
		.rules = arena_array(a, struct native_rule, 65536),
		.exes = arena_array(a, struct native_exe, 16),
		.max_rows = 1 << 20,
		.max_pages = 1 << 14,
		.max_rules = 65536,
		.max_exes = 16,
		.map.arena = a,
	};
}

static const struct native_rule *rule_at(const struct native_store *s, uint32_t exe, uint64_t pc)
{
	int i = native_find(s, exe, pc);

	return i < 0 ? NULL : &s->rules[i];
}

/* The file everything else depends on, and the one whose text is known to the last byte. */
static void own_program(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct mapped m = map_file("/proc/self/exe");
	struct native_store s = store(a);
	struct native_table t;
	struct err err = { 0 };
	uint32_t exe;

	(void)state;
	assert_int_equal(native_compile(a, m.p, m.n, &t, &err), 0);
	assert_true(t.fdes > 50 && t.n_rows > t.fdes && t.n_rules < 1000);
	assert_int_equal(t.damaged, 0);
	assert_int_equal(native_store_add(&s, &t, &exe, &err), 0);
	Elf64_Ehdr h;
	memcpy(&h, m.p, sizeof(h));
	assert_int_equal(rule_at(&s, exe, h.e_entry)->cfa, NATIVE_CFA_ROOT); /* _start */
	assert_null(rule_at(&s, exe, UINT64_C(1) << 40));
	assert_int_equal(rule_at(&s, exe, 0)->cfa, NATIVE_CFA_END); /* the ELF header is no code */
	(void)munmap(m.p, m.n);
}

static void vdso(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct native_table t;
	struct err err = { 0 };
	const unsigned char *p = (const unsigned char *)getauxval(AT_SYSINFO_EHDR); /* NOLINT */

	(void)state;
	if (!p)
		skip();
	Elf64_Ehdr h;
	memcpy(&h, p, sizeof(h));
	size_t n = h.e_shoff + (size_t)h.e_shnum * h.e_shentsize;
	assert_int_equal(native_compile(a, p, n, &t, &err), 0);
	assert_true(t.fdes >= 3 && t.n_rows >= 6);
}

/* Without section headers the table is found through the program headers, and is the same. */
static void without_sections(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct mapped m = map_file("/proc/self/exe");
	struct native_table with, without;
	struct err err = { 0 };
	Elf64_Ehdr h;

	(void)state;
	assert_int_equal(native_compile(a, m.p, m.n, &with, &err), 0);
	memcpy(&h, m.p, sizeof(h));
	h.e_shoff = h.e_shnum = h.e_shstrndx = 0;
	memcpy(m.p, &h, sizeof(h));
	assert_int_equal(native_compile(a, m.p, m.n, &without, &err), 0);
	assert_int_equal(with.fdes, without.fdes);
	/* Linkage tables without FDEs are known by their sections only. */
	assert_true(without.n_rows <= with.n_rows && without.n_rows + 16 >= with.n_rows);
	(void)munmap(m.p, m.n);
}

static void other_files(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct native_table t;
	struct err err = { 0 };
	struct mapped m = map_file("/proc/self/exe");
	static const unsigned char text[128] = "#!/bin/sh\n";

	(void)state;
	assert_int_equal(native_compile(a, text, sizeof(text), &t, &err), -EBADMSG);
	assert_int_equal(native_compile(a, text, 0, &t, &err), -EBADMSG);
	assert_int_equal(native_compile(a, m.p, 63, &t, &err), -EBADMSG);
	m.p[EI_CLASS] = ELFCLASS32;
	assert_int_equal(native_compile(a, m.p, m.n, &t, &err), -ENODATA);
	m.p[EI_CLASS] = ELFCLASS64;
	m.p[18] = EM_AARCH64;
	m.p[19] = 0;
	assert_int_equal(native_compile(a, m.p, m.n, &t, &err), -ENODATA);
	m.p[18] = EM_X86_64;
	m.p[16] = ET_REL;
	assert_int_equal(native_compile(a, m.p, m.n, &t, &err), -ENODATA);
	(void)munmap(m.p, m.n);
}

/* Any byte may be anything. What is built must be whole all the same: searches stay inside. */
static void damaged_files(void **state)
{
	struct mapped m = map_file("/proc/self/exe");
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		auto_arena a = arena_open("test", LIMIT);
		struct native_table t;
		struct err err = { 0 };
		unsigned char kept[64];
		size_t at[64];
		for (unsigned i = 0; i < 64; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			at[i] = seed % (i < 8 ? 1024 : m.n);
			kept[i] = m.p[at[i]];
			m.p[at[i]] = (unsigned char)(seed >> 40);
		}
		if (native_compile(a, m.p, round % 3 ? m.n : seed % m.n, &t, &err) == 0) {
			uint64_t next = 0;
			for (size_t i = 0; i < t.n_pages; next += t.pages[i++].n) {
				assert_int_equal(t.pages[i].first, next);
				assert_int_equal(t.rows[next] >> 16, 0);
				for (uint32_t k = 1; k < t.pages[i].n; k++)
					assert_true(t.rows[next + k] >> 16 > t.rows[next + k - 1] >>
						    16);
			}
			assert_int_equal(next, t.n_rows);
		}
		for (unsigned i = 64; i-- > 0;)
			m.p[at[i]] = kept[i];
	}
	(void)munmap(m.p, m.n);
}

/* What is refused must leave nothing behind. */
static void full_stores(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct mapped m = map_file("/proc/self/exe");
	struct native_store s = store(a);
	struct native_table t;
	struct err err = { 0 };
	uint32_t exe = 77;

	(void)state;
	assert_int_equal(native_compile(a, m.p, m.n, &t, &err), 0);
	s.max_rows = t.n_rows - 1;
	assert_int_equal(native_store_add(&s, &t, &exe, &err), -ENOSPC);
	s.max_rows = t.n_rows;
	s.max_rules = 3;
	assert_int_equal(native_store_add(&s, &t, &exe, &err), -ENOSPC);
	assert_int_equal(s.full, 2);
	assert_true(s.n_rows == 0 && s.n_pages == 0 && s.n_exes == 0 && exe == 77);
	s.max_rules = 65536;
	assert_int_equal(native_store_add(&s, &t, &exe, &err), 0);
	assert_int_equal(exe, 0);
	assert_int_equal(native_store_add(&s, &t, &exe, &err), -ENOSPC);
	s.max_rows = 2 * t.n_rows;
	size_t rules = s.n_rules;
	assert_int_equal(native_store_add(&s, &t, &exe, &err), 0);
	assert_int_equal(exe, 1);
	assert_int_equal(s.n_rules, rules); /* equal rules are shared */
	for (uint64_t pc = 0; pc < (uint64_t)t.n_pages << 16; pc += 13)
		assert_int_equal(native_find(&s, 0, pc), native_find(&s, 1, pc));
	(void)munmap(m.p, m.n);
}

static void memory_is_bounded(void **state)
{
	auto_arena a = arena_open("test", 4096);
	struct mapped m = map_file("/proc/self/exe");
	struct native_table t;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(native_compile(a, m.p, m.n, &t, &err), -E2BIG);
	(void)munmap(m.p, m.n);
}

struct cached {
	char dir[64], file[160];
	struct binary binary;
	struct segment text;
};

static void cached_open(struct cached *c)
{
	memset(c, 0, sizeof(*c));
	(void)snprintf(c->dir, sizeof(c->dir), "/tmp/native_test.XXXXXX");
	assert_non_null(mkdtemp(c->dir));
	(void)snprintf(c->file, sizeof(c->file), "%s/unwind/abcdef", c->dir);
	c->text = (struct segment){ .vaddr = 0x1000, .size = 0x2000 };
	c->binary = (struct binary){ .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
				     .is_elf = true,
				     .build_id = { 0xab, 0xcd, 0xef },
				     .build_id_n = 3,
				     .text = &c->text,
				     .n_text = 1 };
	assert_true(c->binary.fd >= 0);
}

static void cached_close(struct cached *c)
{
	char dir[96];

	(void)close(c->binary.fd);
	(void)unlink(c->file);
	(void)snprintf(dir, sizeof(dir), "%s/unwind", c->dir);
	(void)rmdir(dir);
	assert_int_equal(rmdir(c->dir), 0);
}

static struct native_table load(struct arena *a, const struct cached *c)
{
	char dir[96];
	struct native_table t = { 0 };
	struct err err = { 0 };

	(void)snprintf(dir, sizeof(dir), "%s/unwind", c->dir);
	assert_int_equal(native_load(a, &c->binary, str_from_c(dir), &t, &err), 0);
	return t;
}

static void check_same(const struct native_table *a, const struct native_table *b)
{
	assert_true(a->n_rows == b->n_rows && a->n_pages == b->n_pages &&
		    a->n_rules == b->n_rules && a->fdes == b->fdes);
	assert_memory_equal(a->rows, b->rows, a->n_rows * sizeof(*a->rows));
	assert_memory_equal(a->pages, b->pages, a->n_pages * sizeof(*a->pages));
	assert_memory_equal(a->rules, b->rules, a->n_rules * sizeof(*a->rules));
}

static void cache_keeps(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct cached c;
	struct stat st;

	(void)state;
	cached_open(&c);
	struct native_table first = load(a, &c);
	assert_int_equal(stat(c.file, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	/* Now it is not even looked into: an empty file would have no table. */
	int fd = c.binary.fd;
	c.binary.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct native_table again = load(a, &c);
	check_same(&first, &again);
	(void)close(c.binary.fd);
	c.binary.fd = fd;
	/* The same build-id with other code is another file. */
	c.text.size++;
	struct timespec was = st.st_mtim;
	ino_t inode = st.st_ino;
	again = load(a, &c);
	check_same(&first, &again);
	assert_int_equal(stat(c.file, &st), 0);
	assert_true(st.st_ino != inode || st.st_mtim.tv_nsec != was.tv_nsec);
	cached_close(&c);
}

static void cache_survives_damage(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct cached c;
	struct stat st;

	(void)state;
	cached_open(&c);
	struct native_table good = load(a, &c);
	assert_int_equal(stat(c.file, &st), 0);
	for (off_t at = 0; at < st.st_size; at += 1 + st.st_size / 97) {
		unsigned char byte;
		int fd = open(c.file, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		(void)close(fd);
		struct native_table t = load(a, &c);
		check_same(&good, &t);
	}
	for (off_t n = 0; n < st.st_size; n += 1 + st.st_size / 13) {
		assert_int_equal(truncate(c.file, n), 0);
		struct native_table t = load(a, &c);
		check_same(&good, &t);
		assert_int_equal(access(c.file, F_OK), 0);
	}
	cached_close(&c);
}

/* A link in the cache, or a cache that others may write to, is not used: neither read nor written.
 */
static void cache_is_ours_alone(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct cached c;
	struct stat st;
	char dir[96], victim[96];

	(void)state;
	cached_open(&c);
	struct native_table good = load(a, &c);
	(void)snprintf(victim, sizeof(victim), "%s/victim", c.dir);
	int fd = open(victim, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "precious", 8), 8);
	(void)close(fd);
	assert_int_equal(unlink(c.file), 0);
	assert_int_equal(symlink(victim, c.file), 0);
	struct native_table t = load(a, &c);
	check_same(&good, &t);
	assert_int_equal(stat(victim, &st), 0);
	assert_int_equal(st.st_size, 8);
	assert_int_equal(lstat(c.file, &st), 0); /* the link is replaced, not followed */
	assert_true(S_ISREG(st.st_mode));

	(void)snprintf(dir, sizeof(dir), "%s/unwind", c.dir);
	assert_int_equal(unlink(c.file), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	t = load(a, &c);
	check_same(&good, &t);
	assert_int_equal(access(c.file, F_OK), -1);
	assert_int_equal(unlink(victim), 0);
	cached_close(&c);
}

static void files_without_a_table(void **state)
{
	auto_arena a = arena_open("test", LIMIT);
	struct native_table t;
	struct err err = { 0 };
	struct binary b = { .fd = -1, .why = { .code = -EACCES, .text = "no" } };

	(void)state;
	assert_int_equal(native_load(a, &b, S(""), &t, &err), -EACCES);
	b = (struct binary){ .fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), .is_elf = false };
	assert_int_equal(native_load(a, &b, S(""), &t, &err), -ENODATA);
	b.is_elf = true;
	assert_int_equal(native_load(a, &b, S(""), &t, &err), 0);
	(void)close(b.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_program),           cmocka_unit_test(vdso),
		cmocka_unit_test(without_sections),      cmocka_unit_test(other_files),
		cmocka_unit_test(damaged_files),         cmocka_unit_test(full_stores),
		cmocka_unit_test(memory_is_bounded),     cmocka_unit_test(cache_keeps),
		cmocka_unit_test(cache_survives_damage), cmocka_unit_test(cache_is_ours_alone),
		cmocka_unit_test(files_without_a_table),
	};

	return RUN_TESTS(tests);
}
