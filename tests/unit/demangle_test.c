/* Names with known readings, and names that are made to hurt. */
#include "test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "resolve/demangle.h"

static void known_names(void **state)
{
	static const struct {
		const char *mangled, *readable;
	} rows[] = {
		{ "_Z3fooi", "foo(int)" },
		{ "_ZN5outer5innerILi3EE3runEPKc", "outer::inner<3>::run(char const*)" },
		{ "_ZSt4sortIPiEvT_S1_", "void std::sort<int*>(int*, int*)" },
		{ "_ZNSt6vectorIiSaIiEE9push_backERKi",
		  "std::vector<int, std::allocator<int> >::push_back(int const&)" },
		{ "_Z3foov.cold", "foo() [clone .cold]" },
		{ "_ZTV5shape", "vtable for shape" },
		/* Rust, legacy: the hash is off */
		{ "_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write" },
		{ "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3"
		  "bar17h930b740aa94f1d3aE",
		  "<Test + 'static as foo::Bar<Test>>::bar" },
		/* Rust, v0 (RFC 2603) */
		{ "_RNvC6_123foo3bar", "123foo::bar" },
		{ "_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar" },
		{ "_RINvNtC3std3mem8align_ofdE", "std::mem::align_of::<f64>" },
		/* not mangled at all */
		{ "main", "main" },
		{ "_start", "_start" },
		{ "__libc_start_main", "__libc_start_main" },
		{ "_Z", "_Z" },
		{ "_ZN", "_ZN" },
		{ "_R", "_R" },
		{ "_D3std5stdio7writelnFZv", "_D3std5stdio7writelnFZv" },
		{ "runtime.mallocgc", "runtime.mallocgc" },
		{ "", "" },
	};
	auto_arena a = arena_open("test", 8 << 20);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_str(demangle(a, str_from_c(rows[i].mangled)), str_from_c(rows[i].readable));
}

static void borrowed_text_needs_no_nul(void **state)
{
	auto_arena a = arena_open("test", 1 << 20);

	(void)state;
	check_str(demangle(a, (struct str){ "_Z3fooiGARBAGE", 7 }), S("foo(int)"));
	check_str(demangle(a, (struct str){ "_Z3foo\0i", 8 }), ((struct str){ "_Z3foo\0i", 8 }));
}

static struct str repeated(struct arena *a, const char *head, const char *body, size_t n,
			   const char *tail)
{
	struct buf b = BUF(1 << 20);

	buf_put(&b, str_from_c(head));
	for (size_t i = 0; i < n; i++)
		buf_put(&b, str_from_c(body));
	buf_put(&b, str_from_c(tail));
	struct str ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	return ret;
}

static void template_names_longer_than_libiberty_likes(void **state)
{
	auto_arena a = arena_open("test", 8 << 20);
	struct str s = repeated(a, "_Z1fI", "3abc", 500, "Evv");

	(void)state;
	assert_true(s.n > 2000);
	assert_true(str_starts(demangle(a, s), S("void f<abc, abc, ")));
}

static void hostile_names_end(void **state)
{
	auto_arena a = arena_open("test", 64 << 20);
	struct str deep = repeated(a, "_Z1f", "P", 8000, "i");
	struct str huge = repeated(a, "_Z1f", "P", 200000, "i");

	(void)state;
	assert_true(demangle(a, deep).n > 0);
	check_str(demangle(a, huge), huge);
	/* every pair doubles what the one before said */
	struct buf b = BUF(1 << 16);
	buf_put(&b, S("_Z1fSt4pairIiiE"));
	for (unsigned i = 0; i < 60; i++) {
		/* S0_, S1_, ... in base 36: the pair made last, twice */
		const char *digit = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
		buf_printf(&b, "St4pairIS%s%c_S%s%c_E", i >= 36 ? "1" : "", digit[i % 36],
			   i >= 36 ? "1" : "", digit[i % 36]);
	}
	struct str bomb = arena_str(a, buf_str(&b));
	buf_done(&b);
	assert_true(demangle(a, bomb).n <= (64 << 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_names),
		cmocka_unit_test(borrowed_text_needs_no_nul),
		cmocka_unit_test(template_names_longer_than_libiberty_likes),
		cmocka_unit_test(hostile_names_end),
	};

	return RUN_TESTS(tests);
}
