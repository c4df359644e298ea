/* Files of processes: opened when deleted or replaced, refused when they are another build. */
#include "names_subject.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "sys/proc.h"

static const char sleeper_text[] =
	"#include <unistd.h>\n"
	"__attribute__((noinline)) int rest(void) { return (int)pause(); }\n"
	"int main(void) { write(1, \"x\", 1); return rest(); }\n";

/* Starts FILE of the subject and waits until it runs. */
static uint32_t start(const struct subject *s, const char *file)
{
	int ready[2];
	char path[128], c;

	(void)snprintf(path, sizeof(path), "%s/%s", s->dir, file);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)dup2(ready[1], 1);
		(void)execl(path, path, (char *)NULL);
		_exit(127);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	return (uint32_t)pid;
}

static void end(uint32_t pid)
{
	(void)kill((pid_t)pid, SIGKILL);
	(void)waitpid((pid_t)pid, NULL, 0);
}

static struct binary_place text_of(const struct subject *s, uint32_t pid, const char *file)
{
	struct proc_maps maps;
	struct err err = { 0 };

	assert_int_equal(proc_maps(&s->host, s->arena, pid, &maps, &err), 0);
	for (size_t i = 0; i < maps.n; i++)
		if (maps.v[i].perms[2] == 'x' && str_ends(maps.v[i].path, str_from_c(file)))
			return (struct binary_place){ .pid = pid,
						      .start = maps.v[i].start,
						      .end = maps.v[i].end,
						      .device = maps.v[i].device,
						      .inode = maps.v[i].inode,
						      .path = maps.v[i].path };
	fail_msg("%s is not mapped", file);
	return (struct binary_place){ 0 };
}

static void a_deleted_program_keeps_its_names(void **state)
{
	struct subject *s = *state;

	subject_write(s, "s.c", sleeper_text);
	assert_true(run(s, "gcc -O1 -o sleeper s.c"));
	uint64_t at = subject_address(s, "sleeper", "rest");
	uint32_t pid = start(s, "sleeper");
	struct binary_place place = text_of(s, pid, "sleeper");
	assert_true(run(s, "rm sleeper && cp /bin/true sleeper"));
	struct binary *bin = binaries_get(s->binaries, &place);
	end(pid);
	assert_true(bin->fd >= 0 && bin->is_elf && bin->is_pie && bin->deleted);
	assert_true(bin->n_text == 1 && bin->build_id_n == 20);
	check_str(subject_function(s, bin, at), S("rest"));
	/* Known now, although the process is gone. */
	assert_ptr_equal(binaries_get(s->binaries, &place), bin);
	assert_int_equal(binaries_count(s->binaries), 1);
	assert_ptr_equal(binaries_at(s->binaries, bin->id), bin);
	assert_null(binaries_at(s->binaries, bin->id + 1));
}

static void another_build_is_refused(void **state)
{
	struct subject *s = *state;
	const struct names_gap *gap;

	subject_write(s, "s.c", sleeper_text);
	assert_true(run(s, "gcc -O1 -o sleeper s.c && gcc -O2 -o other s.c"));
	struct binary *one = subject_binary(s, "sleeper");
	struct binary_place place = { .path = arena_printf(s->arena, "%s/other", s->dir),
				      .build_id = { (const char *)one->build_id,
						    one->build_id_n } };
	struct binary *bin = binaries_get(s->binaries, &place);
	assert_int_equal(bin->fd, -1);
	assert_int_equal(bin->why.code, -ESTALE);
	assert_true(bin->why.hint[0]);
	check_str(subject_function(s, bin, 0x1139), S(""));
	assert_int_equal(names_gaps(s->names, &gap), 1);
	check_str(gap[0].module, S("other"));
	assert_true(str_find(gap[0].why, S("replaced")) < gap[0].why.n && gap[0].remedy.n);

	/* By inode, when there is no build-id: the file under that name is a new one. */
	struct file_id id;
	struct err err = { 0 };
	assert_int_equal(file_id(one->fd, &id, &err), 0);
	place = (struct binary_place){ .path = arena_printf(s->arena, "%s/other", s->dir),
				       .device = id.device,
				       .inode = id.inode + (1u << 30) };
	assert_int_equal(binaries_get(s->binaries, &place)->why.code, -ESTALE);
	/* The right one, by build-id, is the one that is known already. */
	place = (struct binary_place){ .path = arena_printf(s->arena, "%s/sleeper", s->dir),
				       .build_id = { (const char *)one->build_id,
						     one->build_id_n } };
	assert_ptr_equal(binaries_get(s->binaries, &place), one);
}

static void what_is_no_file_is_not_opened(void **state)
{
	static const char *const paths[] = { "/dev/zero",      "[heap]",       "//anon",
					     "anon_inode:[x]", "/memfd:jit",   "",
					     "relative/path",  "/tmp",         "/dev/tty",
					     "/nowhere/to/be", "/dev/shm/none" };
	struct subject *s = *state;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct binary_place p = { .path = str_from_c(paths[i]) };
		struct binary *bin = binaries_get(s->binaries, &p);
		assert_int_equal(bin->fd, -1);
		assert_true(bin->why.code < 0 && bin->why.text[0]);
	}
	assert_true(run(s, "mkfifo pipe && ln -s /dev/zero link"));
	assert_int_equal(subject_binary(s, "pipe")->why.code, -EINVAL);
	assert_int_equal(subject_binary(s, "link")->why.code, -EINVAL);
}

static void damaged_programs_are_told(void **state)
{
	struct subject *s = *state;

	subject_write(s, "s.c", sleeper_text);
	assert_true(run(s, "gcc -O1 -g -o whole s.c && head -c 40 whole > head && "
			   "head -c 100 whole > cut && echo text > text && : > empty"));
	uint64_t at = subject_address(s, "whole", "rest");
	static const char *const files[] = { "head", "cut", "text", "empty" };
	for (size_t i = 0; i < 4; i++) {
		struct binary *bin = subject_binary(s, files[i]);
		assert_true(bin->fd >= 0 && !bin->is_elf && bin->why.text[0]);
		check_str(subject_function(s, bin, at), S(""));
	}
	/* Sections are gone, segments are there: no names, no crash, at any length. */
	assert_true(run(s, "wc -c < whole > size"));
	uint64_t size;
	assert_true(str_to_u64(str_trim(subject_read(s, "size")), &size));
	for (uint64_t n = 1000; n < size; n += 1111) {
		char name[32];
		(void)snprintf(name, sizeof(name), "cut%u", (unsigned)n);
		assert_true(run(s, "head -c %u whole > %s", (unsigned)n, name));
		struct str f = subject_function(s, subject_binary(s, name), at);
		assert_true(f.n == 0 || str_eq(f, S("rest")));
	}
	const struct names_gap *gap;
	assert_true(names_gaps(s->names, &gap) > 0);
	assert_true(gap[0].why.n > 0);
}

static void bias_of_mappings(void **state)
{
	struct segment text[] = { { .vaddr = 0x1000, .offset = 0x1000, .size = 0x500 },
				  { .vaddr = 0x403780, .offset = 0x2780, .size = 0x3000 } };
	struct binary bin = { .text = text, .n_text = 2 };

	(void)state;
	/* The first: addresses are offsets. */
	assert_int_equal(binary_bias(&bin, 0x555500001000, 0x1000), 0x555500000000);
	/* The second: linked 0x401000 above its offset, mapped from the page it begins in. */
	assert_int_equal(binary_bias(&bin, 0x555500403000, 0x2000), 0x555500000000);
	assert_int_equal(binary_bias(&bin, 0x555500405000, 0x4000), 0x555500000000);
	/* None: the distance to the offset. */
	assert_int_equal(binary_bias(&bin, 0x7000, 0x9000), (uint64_t)-0x2000);
	assert_int_equal(binary_bias(&(struct binary){ 0 }, 0x7000, 0x3000), 0x4000);
}

static void bias_is_that_of_the_loader(void **state)
{
	struct subject *s = *state;
	uint32_t pid = (uint32_t)getpid();
	struct proc_maps maps;
	struct err err = { 0 };
	unsigned hits = 0;

	/* This very function, and one of libc, in this very process. */
	const uint64_t here = (uintptr_t)&bias_is_that_of_the_loader;
	assert_int_equal(proc_maps(&s->host, s->arena, pid, &maps, &err), 0);
	for (size_t i = 0; i < maps.n; i++) {
		const struct proc_map *m = &maps.v[i];
		if (m->perms[2] != 'x' || here < m->start || here >= m->end)
			continue;
		struct binary_place p = { .pid = pid,
					  .start = m->start,
					  .end = m->end,
					  .device = m->device,
					  .inode = m->inode,
					  .path = m->path };
		const struct binary *bin = binaries_get(s->binaries, &p);
		struct name_list *l = arena_make(s->arena, struct name_list);
		names_file(s->names, bin->id, here - binary_bias(bin, m->start, m->offset), l);
		check_str(l->v[l->n - 1].function, S("bias_is_that_of_the_loader"));
		hits++;
	}
	assert_int_equal(hits, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SUBJECT_TEST(f) cmocka_unit_test_setup_teardown(f, subject_open, subject_close)
		SUBJECT_TEST(a_deleted_program_keeps_its_names),
		SUBJECT_TEST(another_build_is_refused),
		SUBJECT_TEST(what_is_no_file_is_not_opened),
		SUBJECT_TEST(damaged_programs_are_told),
		cmocka_unit_test(bias_of_mappings),
		SUBJECT_TEST(bias_is_that_of_the_loader),
	};

	return RUN_TESTS(tests);
}
