/* Names of real programs against what addr2line, llvm-symbolizer, nm and go tool addr2line say. */
#include "names_subject.h"

#include "resolve/demangle.h"

#define POINTS 2000u

static const char cpp_text[] =
	"#include <algorithm>\n#include <cstdio>\n#include <functional>\n#include <map>\n"
	"#include <memory>\n#include <regex>\n#include <sstream>\n#include <string>\n"
	"#include <vector>\n"
	"namespace geo { namespace {\n"
	"struct shape { virtual ~shape() {} virtual double area() const = 0; };\n"
	"struct box : shape { double w, h; box(double a, double b) : w(a), h(b) {}\n"
	"  double area() const override { return w * h; } };\n"
	"inline double twice(double x) { return x + x; }\n"
	"template <class T, int N> T power(T x) { T r = 1; for (int i = 0; i < N; i++) r *= x;\n"
	"  return r; } }\n"
	"double sum(const std::vector<std::unique_ptr<shape>> &v) { double s = 0;\n"
	"  for (auto &p : v) s += twice(p->area()) + power<double, 3>(p->area()); return s; } }\n"
	"int main(int argc, char **argv) {\n"
	"  std::vector<std::unique_ptr<geo::shape>> v;\n"
	"  for (int i = 0; i < argc * 10; i++) v.emplace_back(new geo::box(i, 2));\n"
	"  std::sort(v.begin(), v.end(), [](const auto &a, const auto &b) {\n"
	"    return a->area() < b->area(); });\n"
	"  std::map<std::string, int> m; for (int i = 1; i < argc; i++) m[argv[i]]++;\n"
	"  std::function<int(int)> f = [&](int x) { struct loc { static int g(int y) { int r = 0;\n"
	"    for (int i = 0; i < y; i++) r += i ^ y; return r; } };\n"
	"    return loc::g(x) + (int)m.size(); };\n"
	"  std::regex re(\"a.*b[0-9]+\"); std::ostringstream os;\n"
	"  for (auto &kv : m) if (std::regex_match(kv.first, re)) os << kv.first << kv.second;\n"
	"  printf(\"%f %d %s\\n\", geo::sum(v), f(argc), os.str().c_str()); }\n";

static const char rust_text[] =
	"use std::collections::HashMap;\n"
	"mod geo { pub trait Area { fn area(&self) -> f64; } pub struct Sq(pub f64);\n"
	"impl Area for Sq { fn area(&self) -> f64 { self.0 * self.0 } }\n"
	"#[inline(never)] pub fn total<T: Area>(v: &[T]) -> f64 {\n"
	"  v.iter().map(|x| x.area()).sum() } }\n"
	"#[inline(never)] fn work(n: usize) -> HashMap<String, f64> { let mut m = HashMap::new();\n"
	"  for i in 0..n { let v: Vec<geo::Sq> = (0..i).map(|x| geo::Sq(x as f64)).collect();\n"
	"    m.insert(format!(\"{}\", i), geo::total(&v)); } m }\n"
	"fn main() { println!(\"{}\", work(std::env::args().count() * 10).len()); }\n";

static struct str next_line(struct str *rest)
{
	return str_cut(*rest, '\n', rest);
}

/* POINTS addresses all over .text, the same ones every time, in a file for the oracles. */
static uint64_t *pick(const struct subject *s, const char *file)
{
	uint64_t *at = arena_array(s->arena, uint64_t, POINTS), start, size, x = 88172645463325252u;
	auto_buf b = BUF(1 << 20);
	struct err err = { 0 };

	assert_true(run(s,
			"readelf -SW %s | sed 's/^ *\\[ *[0-9]*\\]//' | awk '$1 == \".text\" "
			"{ print $3; print $5 }' > text",
			file));
	struct str text = subject_read(s, "text");
	assert_true(str_to_hex(next_line(&text), &start) && str_to_hex(next_line(&text), &size));
	for (size_t i = 0; i < POINTS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		at[i] = start + x % size;
		buf_printf(&b, "0x%llx\n", (unsigned long long)at[i]);
	}
	assert_int_equal(file_write(arena_printf(s->arena, "%s/points", s->dir), buf_str(&b), &err),
			 0);
	return at;
}

/* "dir/file.c:12 (discriminator 3)" to file.c and 12; no line: 0. */
static struct str split_place(struct str place, uint64_t *ret_line)
{
	struct str head;
	size_t cut = str_find(place, S(" (discriminator"));
	struct str line = str_cut_last(str_head(place, cut), ':', &head);

	if (!str_to_u64(line, ret_line))
		*ret_line = 0;
	return str_cut_last(head, '/', &head);
}

/* Names as people read them, without the suffixes of clones (.isra.0, .cold), that symbols have and
 * DWARF has not; C4 and D4, the unified constructors of DWARF, read like C1 and C2 of symbols. */
static struct str plain(struct arena *a, struct str mangled)
{
	struct str suffix;

	return demangle(a, str_cut(mangled, '.', &suffix));
}

static void check_frame(struct arena *a, const struct name *got, struct str function,
			struct str place)
{
	struct str head, file = S("");
	uint64_t line;

	check_str(plain(a, got->function), str_eq(function, S("??")) ? S("") : plain(a, function));
	struct str want = split_place(place, &line);
	if (!line)
		return;
	file = str_cut_last(got->file, '/', &head);
	check_str(file, want);
	assert_int_equal(got->line, line);
}

/*
 * Every chain must be that of `llvm-symbolizer --inlines`. Left out are addresses without a line
 * (there the symbolizer guesses file names from symbols, and names padding by what stands before).
 */
static void compare_chains(struct subject *s, const char *file, unsigned at_least)
{
	struct name_list *l = arena_make(s->arena, struct name_list);
	uint64_t *at = pick(s, file), address, line;
	unsigned checked = 0, inlined = 0;

	subject_again(s, (struct names_options){ .inlines = true, .raw = true });
	const struct binary *bin = subject_binary(s, file);
	names_prepare(s->names, bin->id, at, POINTS);
	assert_true(run(s,
			"llvm-symbolizer --output-style=GNU --no-demangle -aif -e %s < points "
			"> oracle",
			file));
	struct str text = subject_read(s, "oracle");
	struct str row = next_line(&text);
	for (size_t i = 0; i < POINTS; i++) {
		struct str frame[2 * NAMES_DEPTH_MAX];
		size_t n = 0;
		assert_true(str_to_hex(row, &address) && address == at[i]);
		for (row = next_line(&text); row.n && !str_starts(row, S("0x"));
		     row = next_line(&text))
			frame[n++ % (2 * NAMES_DEPTH_MAX)] = row;
		(void)split_place(frame[1], &line);
		if (!line || n > 2 * NAMES_DEPTH_MAX)
			continue;
		names_file(s->names, bin->id, at[i], l);
		assert_int_equal(l->n, n / 2);
		for (size_t k = 0; k < l->n; k++) {
			check_frame(s->arena, &l->v[k], frame[2 * k], frame[2 * k + 1]);
			assert_int_equal(l->v[k].kind, k + 1 < l->n ? FRAME_INLINE : FRAME_NATIVE);
		}
		checked++;
		inlined += l->n > 1;
	}
	print_message("# %s: %u chains equal, %u of them with inlined functions\n", file, checked,
		      inlined);
	assert_true(checked >= at_least && inlined >= at_least / 4);
}

static void chains_of_cpp_by_gcc(void **state)
{
	struct subject *s = *state;

	subject_write(s, "s.cpp", cpp_text);
	assert_true(run(s, "g++ -O2 -g -o gcc s.cpp"));
	compare_chains(s, "gcc", POINTS / 2);
	assert_true(run(s, "g++ -O2 -gdwarf-4 -gz=zlib -ffunction-sections -o gcc4 s.cpp"));
	compare_chains(s, "gcc4", POINTS / 2);
}

static void chains_of_cpp_by_clang(void **state)
{
	struct subject *s = *state;

	subject_write(s, "s.cpp", cpp_text);
	assert_true(run(s, "clang++ -O2 -g -o clang s.cpp"));
	compare_chains(s, "clang", POINTS / 2);
}

/* The standard library folds identical functions, so several names are right there: only chains of
 * our own crate are compared, by the names that rustc gave. */
static void names_of_rust(void **state)
{
	static const char *const schemes[] = { "legacy", "v0" };
	struct subject *s = *state;
	struct name_list *l = arena_make(s->arena, struct name_list);

	subject_write(s, "crab.rs", rust_text);
	for (size_t i = 0; i < 2; i++) {
		assert_true(run(s,
				"RUSTC_BOOTSTRAP=1 rustc -Zunstable-options -O -g "
				"-C symbol-mangling-version=%s -o %s crab.rs",
				schemes[i], schemes[i]));
		subject_again(s, (struct names_options){ .inlines = true });
		const struct binary *bin = subject_binary(s, schemes[i]);
		assert_true(run(s,
				"nm %s | grep -E '4crab4work|4crab3geo5total' | cut -c1-16 > found",
				schemes[i]));
		struct str text = subject_read(s, "found");
		unsigned works = 0, totals = 0;
		for (uint64_t at; text.n && str_to_hex(next_line(&text), &at);) {
			names_file(s->names, bin->id, at, l);
			struct str f = l->v[l->n - 1].function;
			works += str_eq(f, S("crab::work"));
			totals += str_starts(f, S("crab::geo::total"));
		}
		assert_int_equal(works, 1);
		assert_int_equal(totals, 1);
	}
}

static void every_symbol_of_a_c_program(void **state)
{
	struct subject *s = *state;
	uint64_t start, size;
	unsigned n = 0;

	subject_write(s, "c.c",
		      "#include <math.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
		      "__attribute__((noinline)) static int alone(int x) { return x * 3; }\n"
		      "int shown(int x) { return alone(x) + 1; }\n"
		      "int also(int x) __attribute__((alias(\"shown\")));\n"
		      "__asm__(\".text\\n.globl bare\\nbare:\\n nop\\n nop\\n nop\\n ret\\n\"\n"
		      "        \".globl after\\n.type after,@function\\nafter: ret\\n\"\n"
		      "        \".size after, 1\\n .zero 64, 0xcc\\n\");\n"
		      "int main(int n, char **v) { printf(\"%d\\n\", shown(n) + abs(atoi(v[0])));\n"
		      "  return (int)strtol(v[0], 0, 0); }\n");
	assert_true(run(s, "gcc -O1 -o c c.c -lm"));
	const struct binary *bin = subject_binary(s, "c");
	assert_true(run(s, "nm -S --defined-only c | awk 'NF == 4 && $3 ~ /[TtWw]/ "
			   "{ print $1, $2, $4 }' > symbols"));
	struct str text = subject_read(s, "symbols");
	for (; text.n; n++) {
		struct str rest = next_line(&text);
		assert_true(str_to_hex(str_cut(rest, ' ', &rest), &start));
		assert_true(str_to_hex(str_cut(rest, ' ', &rest), &size));
		if (str_eq(rest, S("also")) || str_eq(rest, S("shown")))
			continue;
		check_str(subject_function(s, bin, start), rest);
		check_str(subject_function(s, bin, start + size - 1), rest);
	}
	assert_true(n >= 5);
	struct str either = subject_function(s, bin, subject_address(s, "c", "shown"));
	assert_true(str_eq(either, S("shown")) || str_eq(either, S("also")));
	/* Without a size it reaches to the next one; with a size it ends where it says. */
	uint64_t bare = subject_address(s, "c", "bare"), after = subject_address(s, "c", "after");
	check_str(subject_function(s, bin, bare + 3), S("bare"));
	check_str(subject_function(s, bin, after), S("after"));
	check_str(subject_function(s, bin, after + 8), S(""));
	const struct names_gap *gap;
	assert_int_equal(names_gaps(s->names, &gap), 1);
	check_str(gap[0].module, S("c"));
	assert_int_equal(gap[0].addresses, 1);
}

static void stubs_are_named_by_whom_they_call(void **state)
{
	struct subject *s = *state;
	uint64_t at;
	unsigned n = 0;

	subject_write(s, "p.c",
		      "#include <stdio.h>\n#include <stdlib.h>\n"
		      "int main(int n, char **v) { puts(v[0]); return abs(rand()) + n +\n"
		      "  (int)strtol(v[0], 0, 0); }\n");
	for (unsigned kind = 0; kind < 3; kind++) {
		static const char *const flags[] = { "-fcf-protection=full -Wl,-z,ibtplt,-z,lazy",
						     "-fcf-protection=none -Wl,-z,lazy -no-pie",
						     "-Wl,-z,now" };
		assert_true(run(s, "gcc -O1 %s -o p%u p.c", flags[kind], kind));
		assert_true(run(s, "strip p%u", kind));
		char name[8];
		(void)snprintf(name, sizeof(name), "p%u", kind);
		const struct binary *bin = subject_binary(s, name);
		assert_true(run(s,
				"objdump -d %s | sed -n 's/^\\(0[0-9a-f]*\\) <\\(.*@plt\\)>:/"
				"\\1 \\2/p' > stubs",
				name));
		struct str text = subject_read(s, "stubs");
		for (; text.n; n++) {
			struct str rest = next_line(&text);
			assert_true(str_to_hex(str_cut(rest, ' ', &rest), &at));
			check_str(subject_function(s, bin, at + 4), rest);
		}
	}
	assert_true(n >= 9);
}

/* Where the names of a stripped program can be: in itself (xz), beside it, below .debug. */
static void separate_and_embedded_debug_files(void **state)
{
	struct subject *s = *state;

	subject_write(s, "d.c",
		      "__attribute__((noinline)) static int hidden(int x)\n"
		      "{ return x * 7; }\n"
		      "int main(int n, char **v) { (void)v; return hidden(n); }\n");
	assert_true(run(s, "gcc -O1 -g -o d d.c && objcopy --only-keep-debug d d.debug"));
	uint64_t at = subject_address(s, "d", "hidden");
	assert_true(at != 0);
	assert_true(run(s, "strip -o bare d && mkdir a b .debug && strip -o a/mini d"));
	check_str(subject_function(s, subject_binary(s, "bare"), at), S(""));
	const struct names_gap *gap;
	assert_int_equal(names_gaps(s->names, &gap), 1);
	assert_true(str_starts(gap[0].why, S("stripped: ")));
	check_str(gap[0].remedy, S("")); /* nothing that could be pasted */

	/* MiniDebugInfo: symbols only. */
	assert_true(run(s, "objcopy -S --keep-symbol=hidden --keep-symbol=main d mini.o && "
			   "objcopy --remove-section=.debug_info mini.o && xz -k mini.o && "
			   "objcopy --add-section .gnu_debugdata=mini.o.xz a/mini"));
	check_str(subject_function(s, subject_binary(s, "a/mini"), at), S("hidden"));

	/* A link, in both places; and with the lines of the file it leads to. */
	assert_true(run(s, "objcopy --add-gnu-debuglink=d.debug bare linked && "
			   "cp linked b/linked && mkdir b/.debug && cp d.debug b/.debug/"));
	struct name_list *l = arena_make(s->arena, struct name_list);
	names_file(s->names, subject_binary(s, "linked")->id, at, l);
	check_str(l->v[0].function, S("hidden"));
	assert_int_equal(l->v[0].line, 2);
	check_str(subject_function(s, subject_binary(s, "b/linked"), at), S("hidden"));

	/* Another build under the same name is refused: by build-id, and by checksum without one.
	 */
	assert_true(run(s, "mkdir c && cp linked c/ && sed 's/7/8/' d.c > e.c && "
			   "gcc -O1 -g -o c/e e.c && objcopy --only-keep-debug c/e c/d.debug"));
	check_str(subject_function(s, subject_binary(s, "c/linked"), at), S(""));
	assert_true(run(s, "mkdir e && gcc -O1 -g -Wl,--build-id=none -o e/d d.c && cd e && "
			   "objcopy --only-keep-debug d d.debug && "
			   "strip -o x d && objcopy --add-gnu-debuglink=d.debug x linked"));
	uint64_t there = subject_address(s, "e/d", "hidden");
	check_str(subject_function(s, subject_binary(s, "e/linked"), there), S("hidden"));
	assert_true(run(s, "cp e/linked e/other && echo >> e/d.debug"));
	check_str(subject_function(s, subject_binary(s, "e/other"), there), S(""));
}

/* Without names a function still begins where it began: all of it is one frame. */
static void functions_of_a_stripped_program(void **state)
{
	static const char *const compilers[] = { "g++", "clang++", "g++ -fno-pie -no-pie" };
	struct subject *s = *state;
	struct name_list *l = arena_make(s->arena, struct name_list);

	subject_write(s, "s.cc", cpp_text);
	for (size_t c = 0; c < sizeof(compilers) / sizeof(compilers[0]); c++) {
		struct str name = arena_printf(s->arena, "s%zu", c);
		uint64_t at, size;
		unsigned n = 0, missing = 0;
		assert_true(run(s, "%s -O2 -o s s.cc && strip -o %s s", compilers[c], name.p));
		assert_true(run(s, "nm -S --defined-only s | awk 'NF == 4 && $3 ~ /[TtWw]/ "
				   "{ print $1, $2 }' > symbols"));
		const struct binary *bin = subject_binary(s, name.p);
		struct str text = subject_read(s, "symbols");
		for (; text.n; n++) {
			struct str rest = next_line(&text);
			assert_true(str_to_hex(str_cut(rest, ' ', &rest), &at));
			assert_true(str_to_hex(rest, &size));
			for (uint64_t i = 0; i < size; i += size < 2 ? 1 : size - 1) {
				names_file(s->names, bin->id, at + i, l);
				assert_int_equal(l->n, 1);
				missing += !l->v[0].function.n && !l->v[0].start;
				if (l->v[0].start)
					assert_int_equal(l->v[0].start, at);
			}
		}
		assert_true(n > 100 && missing <= 2); /* __clang_call_terminate has no entry */
		names_file(s->names, bin->id, 8, l);  /* in the headers */
		assert_int_equal(l->v[0].start, 0);
	}
}

static void split_dwarf_says_what_is_missing(void **state)
{
	struct subject *s = *state;
	const struct names_gap *gap;

	subject_write(s, "w.c",
		      "static inline int in(int x) { return x * 7; }\n"
		      "__attribute__((noinline)) int out(int x) { return in(x) + 1; }\n"
		      "int main(int n, char **v) { (void)v; return out(n); }\n");
	assert_true(run(s, "gcc -O2 -g -gsplit-dwarf -o w w.c"));
	struct name_list *l = arena_make(s->arena, struct name_list);
	names_file(s->names, subject_binary(s, "w")->id, subject_address(s, "w", "out"), l);
	assert_int_equal(l->n, 1);
	check_str(l->v[0].function, S("out"));
	assert_true(l->v[0].line > 0);
	assert_int_equal(names_gaps(s->names, &gap), 1);
	assert_true(str_find(gap[0].why, S(".dwo")) < gap[0].why.n);
	assert_int_equal(gap[0].addresses, 0);
}

static void functions_of_the_vdso(void **state)
{
	struct subject *s = *state;
	struct str maps = S("");
	struct err err = { 0 };

	assert_int_equal(file_read(s->arena, S("/proc/self/maps"), &maps, &err), 0);
	struct binary *bin = NULL;
	while (maps.n) {
		struct str line = next_line(&maps), rest;
		struct binary_place p = { .pid = (uint32_t)getpid(), .path = S("[vdso]") };
		if (!str_ends(line, S("[vdso]")))
			continue;
		assert_true(str_to_hex(str_cut(line, '-', &rest), &p.start));
		assert_true(str_to_hex(str_cut(rest, ' ', &rest), &p.end));
		bin = binaries_get(s->binaries, &p);
		p.pid++;
		assert_ptr_equal(binaries_get(s->binaries, &p), bin);
	}
	assert_non_null(bin);
	assert_true(bin->fd >= 0 && bin->is_elf && bin->n_text == 1 && bin->build_id_n);
	/* Its own table says where a function is; ours must say the same. */
	subject_write(s, "copy.sh", "");
	assert_true(run(s,
			"cat /proc/%d/fd/%d > vdso && readelf -sW --dyn-syms vdso | "
			"awk '$8 ~ /^__vdso_clock_gettime/ { print $2 }' | head -1 > at",
			getpid(), bin->fd));
	uint64_t at;
	assert_true(str_to_hex(str_trim(subject_read(s, "at")), &at));
	check_str(subject_function(s, bin, at), S("__vdso_clock_gettime"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SUBJECT_TEST(f) cmocka_unit_test_setup_teardown(f, subject_open, subject_close)
		SUBJECT_TEST(chains_of_cpp_by_gcc),
		SUBJECT_TEST(chains_of_cpp_by_clang),
		SUBJECT_TEST(names_of_rust),
		SUBJECT_TEST(every_symbol_of_a_c_program),
		SUBJECT_TEST(stubs_are_named_by_whom_they_call),
		SUBJECT_TEST(separate_and_embedded_debug_files),
		SUBJECT_TEST(functions_of_a_stripped_program),
		SUBJECT_TEST(split_dwarf_says_what_is_missing),
		SUBJECT_TEST(functions_of_the_vdso),
	};

	return RUN_TESTS(tests);
}
