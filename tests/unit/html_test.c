/* What surrounds the page's numbers: columns read back, foreign text, a buffer that is too small.
 * The numbers themselves are read by the page, in tests/e2e. */
#include "present/html/html.h"

#include "present/html/columns.h"
#include "present/svg/svg.h"
#include "test.h"

static const struct value_kind kinds[] = { { S("samples"), UNIT_COUNT } };

static uint64_t next_number(const uint8_t **at)
{
	uint64_t v = 0;

	for (unsigned shift = 0;; shift += 7) {
		v |= (uint64_t)(**at & 127) << shift;
		if (*(*at)++ < 128)
			return v;
	}
}

static void test_columns_keep_64_bits(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX };
	auto_arena a = arena_open("test", SIZE_MAX);
	struct columns c;
	const uint8_t *at;

	(void)state;
	columns_init(&c, a);
	columns_begin(&c, "many");
	for (int i = 0; i < 100000; i++)
		columns_add(&c, numbers[i % 8]);
	columns_begin(&c, "signed");
	columns_add_signed(&c, INT64_MIN);
	columns_add_signed(&c, -1);
	columns_add_signed(&c, 1);
	at = c.byte;
	for (int i = 0; i < 100000; i++)
		assert_true(next_number(&at) == numbers[i % 8]);
	assert_int_equal(at - c.byte, c.made.v[0].n_bytes);
	assert_true(next_number(&at) == UINT64_MAX);
	assert_int_equal(next_number(&at), 1);
	assert_int_equal(next_number(&at), 2);
	assert_int_equal(at - c.byte, c.n_bytes);
	assert_int_equal(c.made.v[1].count, 3);
}

static void test_texts_are_interned(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct columns c;

	(void)state;
	columns_init(&c, a);
	assert_int_equal(columns_text(&c, S("")), 0);
	assert_int_equal(columns_text(&c, S("x")), 1);
	assert_int_equal(columns_text(&c, S("y")), 2);
	assert_int_equal(columns_text(&c, S("x")), 1);
}

static struct report *hostile(struct arena *a)
{
	struct report *r = arena_make(a, struct report);
	struct run *run = run_new(a);
	struct profile *p = profile_new(a, S("</script><svg>\x01\xff"), kinds, 1, false);
	struct frame f = { .function = profile_string(p, S("</script>&\"'<x>\x02\xc3")) };
	const int64_t one = 1;

	profile_add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &f)), (label_id){ 0 },
		    &one, 0);
	run_add_profile(run, p);
	run->target = S("</title><script>");
	r->run = run;
	*report_section(r, a) = (struct section){ .id = S("verdict"),
						  .block = BLOCK_SENTENCE,
						  .sentence = S("<b>&\x1b[0m") };
	*report_section(r, a) = (struct section){ .id = S("flame"),
						  .block = BLOCK_FLAME,
						  .about = { ART_PROFILE, 0, 0 } };
	return r;
}

static void test_html_holds_only_base64(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	auto_buf out = BUF(1 << 24);
	struct str rest, tag = S("id=\"report\">");

	(void)state;
	html_report(hostile(a), &out);
	assert_false(out.full);
	rest = buf_str(&out);
	assert_true(str_starts(rest, S("<!doctype html>")));
	rest = str_skip(rest, str_find(rest, tag) + tag.n);
	rest = str_cut(rest, '<', &(struct str){ 0 });
	assert_true(rest.n > 100 && rest.n % 4 == 0);
	for (size_t i = 0; i < rest.n; i++)
		assert_non_null(
			memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=",
			       rest.p[i], 65));
}

static void test_svg_holds_only_text(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	auto_buf out = BUF(1 << 20);
	struct str s;

	(void)state;
	svg_report(hostile(a), &out);
	assert_false(out.full);
	s = buf_str(&out);
	assert_int_equal(str_find(s, S("<script")), s.n);
	assert_int_equal(str_find(s, S("<b>")), s.n);
	assert_true(str_find(s, S("&lt;/script&gt;&amp;&quot;")) < s.n);
	for (size_t i = 0; i < s.n; i++)
		assert_true((unsigned char)s.p[i] >= 32 || s.p[i] == '\n');
}

static void test_svg_without_profile(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	auto_buf out = BUF(4096);
	struct report r = { .run = run_new(a) };

	(void)state;
	svg_report(&r, &out);
	assert_true(str_find(buf_str(&out), S("no profile")) < out.n);
}

static void test_full_is_told(void **state)
{
	auto_arena a = arena_open("test", SIZE_MAX);
	struct report *r = hostile(a);

	(void)state;
	for (size_t max = 16; max < 1200; max += 97) {
		auto_buf html = BUF(max), svg = BUF(max);

		html_report(r, &html);
		svg_report(r, &svg);
		assert_true(html.full && svg.full);
	}
}

static void test_any_number(void **state)
{
	static const int64_t numbers[] = { INT64_MAX, INT64_MAX, INT64_MIN, -5, 0, INT64_MIN };
	auto_arena a = arena_open("test", SIZE_MAX);
	struct report *r = hostile(a);
	struct profile *p = profile_new(a, S("numbers"), kinds, 1, true);
	struct frame f = { .function = profile_string(p, S("f")), .line = UINT32_MAX };
	auto_buf html = BUF(1 << 24), svg = BUF(1 << 20);

	(void)state;
	for (size_t i = 0; i < 6; i++)
		profile_add(p, profile_stack(p, (stack_id){ 0 }, profile_frame(p, &f)),
			    (label_id){ 0 }, &numbers[i], INT64_MAX - 5 + (int64_t)i);
	r->run->profiles.v[0] = p;
	html_report(r, &html);
	svg_report(r, &svg);
	assert_false(html.full || svg.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_keep_64_bits),
		cmocka_unit_test(test_texts_are_interned),
		cmocka_unit_test(test_html_holds_only_base64),
		cmocka_unit_test(test_svg_holds_only_text),
		cmocka_unit_test(test_svg_without_profile),
		cmocka_unit_test(test_full_is_told),
		cmocka_unit_test(test_any_number),
	};

	return RUN_TESTS(tests);
}
