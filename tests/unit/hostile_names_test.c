/* Debug information that lies: it must end, within bounds, and take no true name away. */
#include "names_subject.h"

/* A function whose abstract origin is itself, with an inlined call whose origin is itself, and a
 * second one whose origin lies in front of the section. */
static const char circle_text[] =
	".text\n.globl _start\n.type _start,@function\n_start: nop\n nop\n nop\n ret\n"
	".size _start, . - _start\n.Lend:\n"
	".section .debug_abbrev,\"\",@progbits\n"
	".uleb128 1, 0x11\n.byte 1\n.uleb128 0x11,1, 0x12,7, 0,0\n" /* unit: low_pc, high_pc */
	".uleb128 2, 0x2e\n.byte 1\n.uleb128 0x31,0x13, 0x11,1, 0x12,7, 0,0\n" /* function */
	".uleb128 3, 0x1d\n.byte 0\n.uleb128 0x31,0x13, 0x11,1, 0x12,7, 0x59,0xf, 0,0\n"
	".byte 0\n"
	".section .debug_info,\"\",@progbits\n.Lunit: .long .Lstop - .Lversion\n"
	".Lversion: .value 4\n.long 0\n.byte 8\n"
	".uleb128 1\n.quad _start\n.quad .Lend - _start\n"
	".Lf: .uleb128 2\n.long .Lf - .Lunit\n.quad _start\n.quad .Lend - _start\n"
	".Li: .uleb128 3\n.long .Li - .Lunit\n.quad _start\n.quad 2\n.uleb128 5\n"
	".Lj: .uleb128 3\n.long 0xfffffff0\n.quad _start + 2\n.quad 1\n.uleb128 6\n"
	".byte 0\n.byte 0\n.Lstop:\n";

static void origins_that_run_in_circles(void **state)
{
	struct subject *s = *state;
	struct name_list *l = arena_make(s->arena, struct name_list);

	subject_write(s, "circle.s", circle_text);
	assert_true(run(s, "gcc -nostdlib -static -o circle circle.s"));
	uint64_t at = subject_address(s, "circle", "_start");
	const struct binary *bin = subject_binary(s, "circle");
	for (unsigned i = 0; i < 4; i++) {
		names_file(s->names, bin->id, at + i, l);
		assert_int_equal(l->n, i < 3 ? 2 : 1);
		check_str(l->v[l->n - 1].function, S("_start"));
		if (l->n == 2) {
			check_str(l->v[0].function, S(""));
			assert_int_equal(l->v[1].line, i < 2 ? 5 : 6);
		}
	}
}

/* Deeper than any list of names: the outer ones stay. */
static void a_hundred_functions_in_each_other(void **state)
{
	struct subject *s = *state;
	struct name_list *l = arena_make(s->arena, struct name_list);
	auto_buf b = BUF(1 << 20);
	size_t deepest = 0;

	buf_printf(&b, "volatile int v;\n#define I static inline "
		       "__attribute__((always_inline)) int\nI f0(int x) { return v + x; }\n");
	for (unsigned i = 1; i <= 100; i++)
		buf_printf(&b, "I f%u(int x) { return f%u(x + v) * 3; }\n", i, i - 1);
	buf_printf(&b, "int main(int n, char **a) { (void)a; return f100(n); }\n");
	subject_write(s, "deep.c", arena_str(s->arena, buf_str(&b)).p);
	assert_true(run(s, "gcc -O2 -g -o deep deep.c"));
	uint64_t at = subject_address(s, "deep", "main");
	const struct binary *bin = subject_binary(s, "deep");
	for (unsigned i = 0; i < 2000; i++) {
		names_file(s->names, bin->id, at + i, l);
		if (!str_eq(l->v[l->n - 1].function, S("main")))
			break;
		deepest = l->n > deepest ? l->n : deepest;
		if (l->n >= 2)
			check_str(l->v[l->n - 2].function, S("f100"));
	}
	assert_int_equal(deepest, NAMES_DEPTH_MAX);
}

/* Every byte of the debug sections in turn is something else. */
static void damaged_bytes(void **state)
{
	struct subject *s = *state;
	static const char *const kinds[] = { "-gdwarf-4", "-gdwarf-5" };
	static const unsigned char values[] = { 0x00, 0xff, 0x80, 0x7f };
	struct name_list *l = arena_make(s->arena, struct name_list);
	struct err err = { 0 };

	subject_write(s, "h.c",
		      "static inline int in(int x) { return x * 3; }\n"
		      "int out(int x) { return in(x) + in(x + 1); }\n"
		      "void _start(void) { out(1); for (;;) ; }\n");
	for (size_t k = 0; k < 2; k++) {
		assert_true(run(s, "gcc -O1 %s -nostdlib -static -Wl,-z,noseparate-code -o h h.c",
				kinds[k]));
		uint64_t at = subject_address(s, "h", "out");
		struct str image = subject_read(s, "h");
		char *bytes = arena_array(s->arena, char, image.n);
		for (size_t i = 64; i < image.n; i += 3) {
			memcpy(bytes, image.p, image.n);
			bytes[i] = (char)values[i / 3 % 4];
			auto_arena a = arena_open("one", (size_t)256 << 20);
			auto_fd fd = mapped_copy("h", (struct str){ bytes, image.n }, &err);
			struct binaries *b = binaries_open(a, &s->host);
			struct names *n = names_open(a, &s->host, b,
						     (struct names_options){ .inlines = true });
			struct binary_place p = { .path = arena_printf(a, "/proc/self/fd/%d", fd) };
			const struct binary *bin = binaries_get(b, &p);
			for (uint64_t j = 0; j < 16; j++) {
				names_file(n, bin->id, at + j, l);
				assert_true(l->n >= 1 && l->n <= NAMES_DEPTH_MAX);
			}
			(void)names_close(n);
			(void)binaries_close(b);
		}
	}
}

/* Likewise every byte of a program that has nothing but its unwind tables. */
static void damaged_unwind_tables(void **state)
{
	struct subject *s = *state;
	static const unsigned char values[] = { 0x00, 0xff, 0x80, 0x7f, 0x01, 0x50 };
	struct name_list *l = arena_make(s->arena, struct name_list);
	struct err err = { 0 };
	unsigned found = 0;

	subject_write(s, "u.c",
		      "int in(int x) { return x * 3; }\n"
		      "int out(int x) { return in(x) + in(x + 1); }\n"
		      "void _start(void) { out(1); for (;;) ; }\n");
	assert_true(run(s,
			"gcc -O1 -fno-inline -fno-ipa-icf -nostdlib -static "
			"-Wl,--eh-frame-hdr,-z,noseparate-code -o whole u.c && strip -o u whole"));
	uint64_t at = subject_address(s, "whole", "out");
	struct str image = subject_read(s, "u");
	char *bytes = arena_array(s->arena, char, image.n);
	for (size_t i = 0; i < image.n * sizeof(values); i++) {
		memcpy(bytes, image.p, image.n);
		bytes[i / sizeof(values)] = (char)values[i % sizeof(values)];
		auto_arena a = arena_open("one", (size_t)256 << 20);
		auto_fd fd = mapped_copy("u", (struct str){ bytes, image.n }, &err);
		struct binaries *b = binaries_open(a, &s->host);
		struct names *n = names_open(a, &s->host, b, (struct names_options){ 0 });
		struct binary_place p = { .path = arena_printf(a, "/proc/self/fd/%d", fd) };
		const struct binary *bin = binaries_get(b, &p);
		names_file(n, bin->id, at + 1, l);
		assert_true(l->n == 1 && l->v[0].start <= at + 1);
		found += l->v[0].start == at;
		names_file(n, bin->id, UINT64_MAX, l);
		(void)names_close(n);
		(void)binaries_close(b);
	}
	/* Most bytes are not about this function. */
	assert_true(found > image.n * sizeof(values) / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SUBJECT_TEST(f) cmocka_unit_test_setup_teardown(f, subject_open, subject_close)
		SUBJECT_TEST(origins_that_run_in_circles),
		SUBJECT_TEST(a_hundred_functions_in_each_other),
		SUBJECT_TEST(damaged_bytes),
		SUBJECT_TEST(damaged_unwind_tables),
	};

	return RUN_TESTS(tests);
}
