/* What a terminal gets: widths, lines, and names that would rather be obeyed. */
#include "present/text/text.h"

#include "present/text/escape.h"
#include "test.h"

static void hostile_names(void **state)
{
	static const struct {
		struct str in;
		const char *out;
		size_t columns;
	} rows[] = {
		{ S("a\x1b[31mb"), "a\\x1b[31mb", 10 },
		{ S("a\nb\tc"), "a\\x0ab\\x09c", 11 },
		{ S("\xff\xfe"), "\\xff\\xfe", 8 },
		{ S("\xed\xa0\x80"), "\\xed\\xa0\\x80", 12 },
		{ S("\xe2\x80\xae"
		    "x"),
		  "\\u{202e}x", 9 },
		{ S("\xc2\x9b"), "\\x9b", 4 },
		{ S("ä"), "ä", 1 },
		{ S("日本"), "日本", 4 },
		{ S("e\xcc\x81"), "e\xcc\x81", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_buf b = BUF(256);
		escape_put(&b, rows[i].in);
		check_str(buf_str(&b), str_from_c(rows[i].out));
		assert_int_equal(escape_columns(rows[i].in), rows[i].columns);
	}
}

static void middles_go(void **state)
{
	static const struct str name = { "std::vector<int>::push_back(int const&)", 39 };

	(void)state;
	for (size_t columns = 0; columns < 50; columns++) {
		auto_buf b = BUF(256);
		escape_fit(&b, name, columns);
		if (escape_columns(buf_str(&b)) > columns)
			fail_msg("%zu columns: '" STR_FMT "'", columns, STR_ARG(buf_str(&b)));
		if (columns >= 39)
			check_str(buf_str(&b), name);
		else if (columns > 4)
			assert_true(str_starts(buf_str(&b), S("st")) &&
				    str_ends(buf_str(&b), S(")")));
	}
	auto_buf b = BUF(256);
	escape_fit(&b, S("日本語日本語日本語"), 7);
	assert_true(escape_columns(buf_str(&b)) <= 7);
}

enum { ROWS = 60, COLUMNS = 3 };

static void fits_the_screen(void **state)
{
	static struct column columns[COLUMNS] = {
		{ .key = { "share", 5 }, .heading = { "self", 4 }, .unit = UNIT_RATIO },
		{ .key = { "f", 1 }, .heading = { "function", 8 }, .wide = true },
		{ .key = { "m", 1 }, .heading = { "module", 6 } },
	};
	auto_arena a = arena_open("test", 1 << 24);
	struct table t = { columns, COLUMNS, arena_array(a, struct cell, ROWS * COLUMNS), ROWS, 7 };
	struct report r = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		t.cell[i * COLUMNS].v = 1.0 / (double)(i + 1);
		t.cell[i * COLUMNS + 1].text =
			arena_printf(a,
				     "a_function_with_a_long_name_and_a_number_%zu<and, a, "
				     "template, of, many, arguments>()",
				     i);
		t.cell[i * COLUMNS + 2].text = S("libsomething-long.so.1.2.3");
	}
	for (int i = 0; i < 3; i++)
		*report_section(&r, a) = (struct section){
			.id = S("t"), .block = BLOCK_TABLE, .heading = S("heading"), .table = &t
		};
	*report_section(&r, a) = (struct section){
		.id = S("run"), .block = BLOCK_TABLE, .table = &t, .between = S(", "), .limit = 2
	};
	for (unsigned columns_max = 40; columns_max < 200; columns_max += 20) {
		auto_buf out = BUF(1 << 20);
		struct text_manner m = { .columns = columns_max, .lines = 40 };
		size_t lines = 0;
		text_report(&r, &m, &out);
		for (struct str rest = buf_str(&out), line; rest.n; lines++) {
			line = str_cut(rest, '\n', &rest);
			if (escape_columns(line) > columns_max)
				fail_msg("%u columns: '" STR_FMT "'", columns_max, STR_ARG(line));
		}
		if (lines > 40)
			fail_msg("%zu lines at %u columns", lines, columns_max);
		assert_true(str_find(buf_str(&out), S("more")) < out.n);
		assert_true(str_find(buf_str(&out), S("\x1b")) == out.n);
	}
	auto_buf out = BUF(1 << 20);
	text_report(&r, &(struct text_manner){ .columns = 80, .colour = true }, &out);
	assert_true(str_find(buf_str(&out), S("\x1b[1;31m")) < out.n);
}

/* A number and its sign are one word. */
static void lines_end_between_words(void **state)
{
	auto_arena a = arena_open("test", 1 << 24);
	struct report r = { 0 };

	(void)state;
	*report_section(&r, a) = (struct section){ .id = S("s"),
						   .block = BLOCK_SENTENCE,
						   .sentence = S("called by `alpha` (49 %), ok") };
	for (unsigned columns = 24; columns < 30; columns++) {
		auto_buf out = BUF(4096);
		text_report(&r, &(struct text_manner){ .columns = columns }, &out);
		assert_true(str_find(buf_str(&out), S("(49 %)")) < out.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_names),
		cmocka_unit_test(middles_go),
		cmocka_unit_test(fits_the_screen),
		cmocka_unit_test(lines_end_between_words),
	};

	return RUN_TESTS(tests);
}
