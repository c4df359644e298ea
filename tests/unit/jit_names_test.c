/* Code made at run time (perf maps, jitdump), kernel symbols, and Go programs without symbols. */
#include "names_subject.h"

#include <errno.h>

#include "resolve/jitdump.h"
#include "resolve/kallsyms.h"
#include "resolve/perf_map.h"
#include "resolve/spans.h"

static void newest_claim_wins(void **state)
{
	auto_arena a = arena_open("test", 64 << 20);
	struct spans s = { 0 };
	uint64_t x = 1;
	enum { N = 3000 };
	static struct span all[N];

	(void)state;
	for (size_t i = 0; i < N; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		uint64_t start = (x >> 33) % 100000, size = i % 50 == 0 ? 30000 : (x >> 20) % 300;
		all[i] = (struct span){ start, start + size, 1 + (x >> 45) % 500, i };
		assert_true(spans_add(&s, a, all[i]));
	}
	spans_sort(&s, a);
	for (uint64_t address = 0; address < 131000; address += 37) {
		uint64_t time = address % 3 ? address % 600 : 0;
		const struct span *want = NULL;
		for (size_t i = 0; i < N; i++) {
			const struct span *c = &all[i];
			if (address >= c->start && address < c->end && (!time || c->time <= time) &&
			    (!want || c->time > want->time ||
			     (c->time == want->time && c->what > want->what)))
				want = c;
		}
		const struct span *got = spans_find(&s, address, time);
		assert_int_equal(!got, !want);
		if (got)
			assert_int_equal(got->what, want->what);
	}
}

static struct perf_map *map_of(struct arena *a, const char *text)
{
	struct err err = { 0 };
	int fd = mapped_copy("map", str_from_c(text), &err);

	assert_true(fd >= 0);
	return perf_map_open(a, fd);
}

static void lines_of_a_perf_map(void **state)
{
	auto_arena a = arena_open("test", 64 << 20);
	struct perf_map *m = map_of(a, "1000 100 first\n"
				       "0x2000 0x10 with a blank /x.js:1:2\n"
				       "1080 10 second, later\n"
				       "not a line\n"
				       "3000 0 empty\n"
				       "ffffffffffffff00 200 beyond the end\n"
				       "4000 10\n"
				       "5000 10 unfinished");
	struct str name;

	(void)state;
	assert_true(perf_map_find(m, 0x1000, &name));
	check_str(name, S("first"));
	assert_true(perf_map_find(m, 0x1085, &name));
	check_str(name, S("second, later"));
	assert_true(perf_map_find(m, 0x10ff, &name));
	check_str(name, S("first"));
	assert_true(perf_map_find(m, 0x200f, &name));
	check_str(name, S("with a blank /x.js:1:2"));
	assert_false(perf_map_find(m, 0x1100, &name));
	assert_false(perf_map_find(m, 0x3000, &name));
	assert_false(perf_map_find(m, 0x5000, &name));
	(void)perf_map_close(m);
}

/* A map of the test itself: found by pid, believed because it is ours. */
static void a_process_with_a_perf_map(void **state)
{
	struct subject *s = *state;
	struct name_list *l = arena_make(s->arena, struct name_list);
	struct str path = arena_printf(s->arena, "/tmp/perf-%d.map", getpid());
	struct err err = { 0 };
	const struct names_gap *gap;

	assert_int_equal(
		file_write(path, S("5000 40 JS:*hot /app/x.js:12:3\n6000 10 Stub\n"), &err), 0);
	names_jit(s->names, (uint32_t)getpid(), 0x5010, 0, l);
	(void)unlink(path.p);
	assert_int_equal(l->n, 1);
	check_str(l->v[0].function, S("JS:*hot"));
	check_str(l->v[0].file, S("/app/x.js"));
	check_str(l->v[0].module, S("[jit]"));
	assert_int_equal(l->v[0].line, 12);
	names_jit(s->names, (uint32_t)getpid(), 0x6000, 0, l);
	check_str(l->v[0].function, S("Stub"));
	assert_int_equal(names_gaps(s->names, &gap), 0);
	names_jit(s->names, (uint32_t)getpid(), 0x7000, 0, l);
	check_str(l->v[0].function, S(""));
	check_str(l->v[0].module, S("[jit]"));
	assert_int_equal(names_gaps(s->names, &gap), 1);
	assert_int_equal(gap[0].addresses, 1);
}

static void put(struct buf *b, const void *p, size_t n)
{
	buf_put(b, (struct str){ p, n });
}

static void put32(struct buf *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put64(struct buf *b, uint64_t v)
{
	put(b, &v, sizeof(v));
}

static void put_load(struct buf *b, uint64_t time, uint64_t address, uint64_t size, uint64_t index,
		     const char *name)
{
	put32(b, 0);
	put32(b, (uint32_t)(16 + 40 + strlen(name) + 1 + size));
	put64(b, time);
	put32(b, 1);
	put32(b, 1);
	put64(b, address);
	put64(b, address);
	put64(b, size);
	put64(b, index);
	put(b, name, strlen(name) + 1);
	for (uint64_t i = 0; i < size; i++)
		put(b, "\xcc", 1);
}

/* f at 1000 is loaded, replaced by g in time, and moved to 9000 before that. */
static void put_dump(struct buf *b)
{
	put32(b, 0x4A695444);
	put32(b, 1);
	put32(b, 40);
	put32(b, 62);
	put64(b, 1); /* pad, pid */
	put64(b, 0);
	put64(b, 0);
	/* lines of f */
	put32(b, 2);
	put32(b, 16 + 16 + 16 + 5 + 16 + 2);
	put64(b, 99);
	put64(b, 0x1000);
	put64(b, 2);
	put64(b, 0x1000);
	put32(b, 10);
	put32(b, 0);
	put(b, "a.rb", 5);
	put64(b, 0x1008);
	put32(b, 11);
	put32(b, 0);
	put(b, "\xff", 2);
	put_load(b, 100, 0x1000, 32, 7, "f");
	/* f moves */
	put32(b, 1);
	put32(b, 16 + 48);
	put64(b, 150);
	put64(b, 1);
	put64(b, 0x9000);
	put64(b, 0x1000);
	put64(b, 0x9000);
	put64(b, 32);
	put64(b, 7);
	put_load(b, 200, 0x1000, 16, 8, "g");
	put32(b, 0); /* a record that was not finished */
	put32(b, 1000);
}

static void addresses_of_a_jitdump_are_used_again(void **state)
{
	auto_arena a = arena_open("test", 64 << 20);
	auto_buf b = BUF(1 << 20);
	struct err err = { 0 };
	struct jitdump *j;
	struct str name, file;
	uint32_t line;

	(void)state;
	put_dump(&b);
	auto_fd fd = mapped_copy("dump", buf_str(&b), &err);
	assert_int_equal(jitdump_open(a, fd, &j, &err), 0);
	assert_true(jitdump_find(j, 0x1004, 120, &name, &file, &line));
	check_str(name, S("f"));
	check_str(file, S("a.rb"));
	assert_int_equal(line, 10);
	assert_true(jitdump_find(j, 0x1004, 220, &name, &file, &line));
	check_str(name, S("g"));
	assert_int_equal(line, 0);
	assert_true(jitdump_find(j, 0x1004, 0, &name, &file, &line));
	check_str(name, S("g"));
	assert_true(jitdump_find(j, 0x9009, 0, &name, &file, &line));
	check_str(name, S("f"));
	check_str(file, S("a.rb"));
	assert_int_equal(line, 11);
	assert_false(jitdump_find(j, 0x1004, 50, &name, &file, &line));
	assert_false(jitdump_find(j, 0x1020, 120, &name, &file, &line));
}

static void not_a_jitdump(void **state)
{
	auto_arena a = arena_open("test", 1 << 20);
	struct err err = { 0 };
	struct jitdump *j;
	auto_fd fd = mapped_copy("dump", S("DTiJ and then something that is no dump at all......."),
				 &err);

	(void)state;
	assert_int_equal(jitdump_open(a, fd, &j, &err), -EBADMSG);
	assert_true(err.text[0]);
}

static void kernel_symbols(void **state)
{
	auto_arena a = arena_open("test", 16 << 20);
	struct kallsyms *k =
		kallsyms_parse(a, S("ffffffff81000000 T _text\nffffffff81000000 T startup_64\n"
				    "ffffffff81000100 t do_it\nffffffff81000200 D some_bytes\n"
				    "bad line\nffffffff81000300 W weak_one\n"
				    "ffffffffc0000000 t ext4_fill\t[ext4]\n"));
	struct str name, module;

	(void)state;
	assert_false(kallsyms_hidden(k));
	assert_true(kallsyms_find(k, 0xffffffff810001ff, &name, &module));
	check_str(name, S("do_it"));
	check_str(module, S("[kernel]"));
	assert_true(kallsyms_find(k, 0xffffffff81000010, &name, &module));
	check_str(name, S("_text"));
	assert_false(kallsyms_find(k, 0xffffffff81000200, &name, &module)); /* not code */
	assert_true(kallsyms_find(k, 0xffffffffc0000010, &name, &module));
	check_str(name, S("ext4_fill"));
	check_str(module, S("[ext4]"));
	assert_false(kallsyms_find(k, 0xffffffffd0000010, &name, &module)); /* too far */
	assert_false(kallsyms_find(k, 0xffffffff80000000, &name, &module)); /* before all */
	k = kallsyms_parse(a, S("0000000000000000 T _text\n0000000000000000 t do_it\n"));
	assert_true(kallsyms_hidden(k));
	assert_false(kallsyms_find(k, 0xffffffff81000010, &name, &module));
	assert_false(kallsyms_hidden(kallsyms_parse(a, S(""))));
}

/* /proc/kallsyms as seen without rights: told, with the remedy. */
static void hidden_kernel_addresses_are_told(void **state)
{
	struct subject *s = *state;
	struct name_list *l = arena_make(s->arena, struct name_list);
	const struct names_gap *gap;

	assert_true(run(s, "mkdir -p root/proc"));
	subject_write(s, "root/proc/kallsyms", "0000000000000000 T _text\n");
	s->host.root = arena_printf(s->arena, "%s/root", s->dir);
	s->host.fixture = true;
	names_kernel(s->names, 0xffffffff81000010, l);
	check_str(l->v[0].function, S(""));
	check_str(l->v[0].module, S("[kernel]"));
	assert_int_equal(l->v[0].kind, FRAME_KERNEL);
	assert_int_equal(names_gaps(s->names, &gap), 1);
	assert_true(str_find(gap[0].why, S("kptr_restrict")) < gap[0].why.n);
	assert_true(str_starts(gap[0].remedy, S("sudo sysctl kernel.kptr_restrict=0")));
}

static const char go_text[] =
	"package main\nimport (\"fmt\"; \"os\"; \"sort\"; \"strings\")\n"
	"type point struct{ x, y int }\n"
	"func (p *point) add(o point) { p.x += o.x; p.y += o.y }\n"
	"func square(x int) int { return x * x }\n"
	"func twice(x int) int { return square(x) + square(x+1) }\n"
	"//go:noinline\nfunc work(n int) int { s := 0; p := &point{}\n"
	"for i := 0; i < n; i++ { p.add(point{i, twice(i)}); s += p.x ^ p.y }\nreturn s }\n"
	"func main() { a := []int{work(len(os.Args)), 2}; sort.Ints(a)\n"
	"fmt.Println(strings.Repeat(\"x\", len(a)), a) }\n";

static struct str next_line(struct str *rest)
{
	return str_cut(*rest, '\n', rest);
}

/*
 * `go tool addr2line` reads the table of the program that still has symbols: it tells the outermost
 * function and the line of the innermost one. STRIPPED must say the same.
 */
static void compare_go(struct subject *s, const char *full, const char *stripped)
{
	struct name_list *l = arena_make(s->arena, struct name_list);
	const struct binary *bin = subject_binary(s, stripped);
	unsigned checked = 0, inlined = 0, own = 0;
	uint64_t at;

	assert_true(run(s,
			"go tool nm -size %s | awk '$3 == \"T\" || $3 == \"t\" { print $1, $2 }' |"
			" while read a n; do for k in 1 3 5; do "
			"printf '0x%%x\\n' $((0x$a + n * k / 6)); done; done > points",
			full));
	assert_true(run(s, "go tool addr2line %s < points > oracle", full));
	struct str points = subject_read(s, "points"), text = subject_read(s, "oracle");
	while (points.n) {
		assert_true(str_to_hex(next_line(&points), &at));
		struct str function = next_line(&text), place = next_line(&text);
		if (str_ends(place, S(":-1")) || str_ends(place, S(":0")) || !function.n ||
		    str_eq(function, S("?")))
			continue;
		names_file(s->names, bin->id, at, l);
		check_str(l->v[l->n - 1].function, function);
		check_str(
			arena_printf(s->arena, STR_FMT ":%u", STR_ARG(l->v[0].file), l->v[0].line),
			place);
		checked++;
		inlined += l->n > 1;
		own += str_eq(function, S("main.work"));
	}
	print_message("# %s: %u addresses equal, %u of them in inlined functions\n", stripped,
		      checked, inlined);
	assert_true(checked > 2000 && inlined > 100 && own == 3);
	/* The chain, where it is known: work inlines twice, which inlines square. */
	assert_true(run(s,
			"go tool nm -size %s | awk '$4 == \"main.work\" { print $1; print $2 }' "
			"> work",
			full));
	text = subject_read(s, "work");
	uint64_t start = 0, size = 0, squares = 0;
	assert_true(str_to_hex(next_line(&text), &start) && str_to_u64(next_line(&text), &size));
	for (uint64_t i = 0; i < size; i++) {
		names_file(s->names, bin->id, start + i, l);
		if (!str_eq(l->v[0].function, S("main.square")))
			continue;
		squares++;
		assert_int_equal(l->n, 3);
		check_str(l->v[1].function, S("main.twice"));
		check_str(l->v[2].function, S("main.work"));
		assert_int_equal(l->v[0].line, 5);
		assert_int_equal(l->v[1].line, 6);
		assert_int_equal(l->v[2].line, 9);
		assert_int_equal(l->v[0].kind, FRAME_INLINE);
	}
	assert_true(squares > 0);
}

static void go_programs_without_symbols(void **state)
{
	struct subject *s = *state;

	subject_write(s, "main.go", go_text);
	subject_write(s, "go.mod", "module x\n");
	assert_true(run(s, "go build -o full . && go build -ldflags='-s -w' -o small ."));
	compare_go(s, "full", "small");
	/* Not even section headers: e_shoff, e_shnum and e_shstrndx are 0. */
	assert_true(run(s, "cp small none && "
			   "dd if=/dev/zero of=none bs=1 seek=40 count=8 conv=notrunc && "
			   "dd if=/dev/zero of=none bs=1 seek=60 count=4 conv=notrunc"));
	compare_go(s, "full", "none");
	assert_true(run(s, "go build -buildmode=pie -o pie . && "
			   "go build -buildmode=pie -ldflags='-s -w' -o smallpie ."));
	compare_go(s, "pie", "smallpie");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SUBJECT_TEST(f) cmocka_unit_test_setup_teardown(f, subject_open, subject_close)
		cmocka_unit_test(newest_claim_wins),
		cmocka_unit_test(lines_of_a_perf_map),
		SUBJECT_TEST(a_process_with_a_perf_map),
		cmocka_unit_test(addresses_of_a_jitdump_are_used_again),
		cmocka_unit_test(not_a_jitdump),
		cmocka_unit_test(kernel_symbols),
		SUBJECT_TEST(hidden_kernel_addresses_are_told),
		SUBJECT_TEST(go_programs_without_symbols),
	};

	return RUN_TESTS(tests);
}
