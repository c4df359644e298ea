#include "base/json_read.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "test.h"

/* Gives its text in pieces of a given size, each in memory of its own that dies with the next. */
struct pieces {
	struct input in;
	struct str left;
	size_t size;
	char now[256];
};

static int pieces_more(struct input *in, struct err *err)
{
	struct pieces *p = (struct pieces *)in;
	struct str head = str_head(p->left, p->size);

	(void)err;
	memset(p->now, '#', sizeof(p->now));
	memcpy(p->now, head.p, head.n);
	p->left = str_skip(p->left, head.n);
	in->at = p->now;
	in->end = p->now + head.n;
	in->offset += head.n;
	return head.n > 0;
}

struct told {
	struct buf out;
	struct str skip, stop; /* keys */
};

static enum json_go told_open(void *self, struct str key, enum json_type type)
{
	struct told *t = self;

	buf_printf(&t->out, STR_FMT "%c ", STR_ARG(key), type == JSON_OBJECT ? '{' : '[');
	if (t->skip.n && str_eq(key, t->skip))
		return JSON_SKIP;
	return t->stop.n && str_eq(key, t->stop) ? JSON_STOP : JSON_GO;
}

static enum json_go told_value(void *self, struct str key, enum json_type type, struct str text)
{
	struct told *t = self;

	buf_put(&t->out, key);
	buf_printf(&t->out, "=%c", "nb#s"[type]);
	buf_put(&t->out, text);
	buf_put(&t->out, S(" "));
	return t->stop.n && str_eq(key, t->stop) ? JSON_STOP : JSON_GO;
}

static enum json_go told_close(void *self)
{
	buf_put(&((struct told *)self)->out, S("} "));
	return JSON_GO;
}

static const struct json_sax sax = { told_open, told_value, told_close, 64, 4096 };

static int read_in(struct str json, size_t piece, struct told *t, struct err *err)
{
	struct pieces p = { .left = json, .size = piece };

	p.in = (struct input){ .at = p.now, .end = p.now, .more = pieces_more };
	t->out.n = 0;
	return json_read(&p.in, &sax, t, err);
}

/* The same answer whatever the pieces, and when it lies in memory whole. */
static void check(struct str json, struct str skip, int code, const char *want)
{
	struct told t = { .out = BUF(1 << 20), .skip = skip };
	struct input in = input_memory(json);
	struct err whole = { 0 };

	int r = json_read(&in, &sax, &t, &whole);
	if (r != code)
		fail_msg(STR_FMT ": %d (%s), not %d", STR_ARG(json), r, whole.text, code);
	if (code == 0)
		check_str(buf_str(&t.out), str_from_c(want));
	else if (want)
		assert_string_equal(whole.text, want);
	for (size_t piece = 1; piece < 100; piece += piece < 20 ? 1 : 13) {
		struct err e = { 0 };
		r = read_in(json, piece, &t, &e);
		if (r != code || (code && strcmp(e.text, whole.text) != 0))
			fail_msg(STR_FMT " by %zu: %d '%s', not %d '%s'", STR_ARG(json), piece, r,
				 e.text, code, whole.text);
		if (code == 0)
			check_str(buf_str(&t.out), str_from_c(want));
	}
	buf_done(&t.out);
}

static void says(const char *json, const char *want)
{
	check(str_from_c(json), S(""), 0, want);
}

static void refuses(const char *json, const char *want)
{
	check(str_from_c(json), S(""), -EBADMSG, want);
}

static void values(void **state)
{
	(void)state;
	says("null", "=nnull ");
	says(" true\n", "=btrue ");
	says("\t[false]\r\n", "[ =bfalse } ");
	says("\xef\xbb\xbf[]", "[ } ");
	says("{}", "{ } ");
	says("[[],{},[{}]]", "[ [ } { } [ { } } } ");
	says("{\"a\":1,\"b\":[2,{\"c\":\"x\"}],\"\":null}", "{ a=#1 b[ =#2 { c=sx } } =nnull } ");
	says("{ \"a\" : [ 1 , 2 ] }", "{ a[ =#1 =#2 } } ");
	/* long enough for blocks of 16, twice */
	says("{\"a key that is longer than one block of sixteen\":\"and a text that is, too, by "
	     "far\"}",
	     "{ a key that is longer than one block of sixteen=sand a text that is, too, by far "
	     "} ");
}

static void numbers(void **state)
{
	static const char *const good[] = { "0",
					    "-0",
					    "1",
					    "-1",
					    "10",
					    "123456789",
					    "0.5",
					    "1.25",
					    "-0.0",
					    "1e3",
					    "1E+3",
					    "1e-30",
					    "0e0",
					    "1.5e300",
					    "9e999",
					    "123456789012345678901234567890",
					    "0.00000000001" };
	static const char *const bad[] = { "01",    "-",   "+1",       ".5",  "1.",   "1.e1",
					   "1e",    "1e+", "0x1",      "--1", "1-2",  "1.2.3",
					   "1e1.5", "-01", "Infinity", "NaN", "1e5e", "-.1" };
	char json[128], want[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		(void)snprintf(json, sizeof(json), "%s", good[i]);
		(void)snprintf(want, sizeof(want), "=#%s ", good[i]);
		says(json, want);
		(void)snprintf(json, sizeof(json), "[%s,%s]", good[i], good[i]);
		(void)snprintf(want, sizeof(want), "[ =#%s =#%s } ", good[i], good[i]);
		says(json, want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct told t = { .out = BUF(4096) };
		(void)snprintf(json, sizeof(json), "[%s]", bad[i]);
		for (size_t piece = 1; piece < 9; piece++) {
			struct err e = { 0 };
			if (read_in(str_from_c(json), piece, &t, &e) != -EBADMSG)
				fail_msg("%s was taken", json);
		}
		buf_done(&t.out);
	}
}

static void escapes(void **state)
{
	(void)state;
	says("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "=s\"\\/\b\f\n\r\t ");
	says("\"\\u0041\\u00e9\\u20AC\\uFFFF\"", "=sA\xc3\xa9\xe2\x82\xac\xef\xbf\xbf ");
	says("\"\\ud83d\\ude00!\"", "=s\xf0\x9f\x98\x80! ");
	says("\"\\udbff\\udfff\"", "=s\xf4\x8f\xbf\xbf ");
	/* halves that stay alone */
	says("\"\\ud83d\"", "=s\xef\xbf\xbd ");
	says("\"\\ud83dx\"", "=s\xef\xbf\xbdx ");
	says("\"\\ud83d\\n\"", "=s\xef\xbf\xbd\n ");
	says("\"\\ude00\\ud83d\"", "=s\xef\xbf\xbd\xef\xbf\xbd ");
	says("\"\\ud83d\\ud83d\\ude00\"", "=s\xef\xbf\xbd\xf0\x9f\x98\x80 ");
	says("\"\\ud83d\\u0041\"", "=s\xef\xbf\xbd"
				   "A ");
	says("{\"k\\u0065y\\n\":\"\"}", "{ key\n=s } ");
	says("\"\x7f\xff\xc0\"", "=s\x7f\xff\xc0 "); /* broken UTF-8 passes */
	struct told t = { .out = BUF(64) };
	struct err e = { 0 };
	assert_int_equal(read_in(S("\"a\\u0000b\""), 3, &t, &e), 0);
	check_str(buf_str(&t.out), S("=sa\0b "));
	buf_done(&t.out);
}

static void complaints(void **state)
{
	(void)state;
	refuses("", "broken JSON at byte 0: it ends early, a value expected");
	refuses("  ", "broken JSON at byte 2: it ends early, a value expected");
	refuses("[1,]", "broken JSON at byte 3: a value expected, not ']'");
	refuses("[1 2]", "broken JSON at byte 3: ',' or ']' expected, not '2'");
	refuses("[1", "broken JSON at byte 2: it ends early, ',' or ']' expected");
	refuses("[,]", "broken JSON at byte 1: a value expected, not ','");
	refuses("{\"a\" 1}", "broken JSON at byte 5: ':' expected, not '1'");
	refuses("{\"a\":}", "broken JSON at byte 5: a value expected, not '}'");
	refuses("{\"a\":1,}", "broken JSON at byte 7: a key in quotes expected, not '}'");
	refuses("{a:1}", "broken JSON at byte 1: a key in quotes expected, not 'a'");
	refuses("{\"a\":1]", "broken JSON at byte 6: ',' or '}' expected, not ']'");
	refuses("[}", "broken JSON at byte 1: a value expected, not '}'");
	refuses("]", "broken JSON at byte 0: a value expected, not ']'");
	refuses("nul", "broken JSON at byte 3: it ends early, null, true or false expected");
	refuses("nulL", "broken JSON at byte 3: null, true or false expected, not 'L'");
	refuses("truex", "broken JSON at byte 4: nothing more expected, not 'x'");
	refuses("{} {}", "broken JSON at byte 3: nothing more expected, not '{'");
	refuses("\"a", "broken JSON at byte 2: it ends early, the rest of a text expected");
	refuses("\"a\nb\"", "broken JSON at byte 2: the rest of a text expected, not byte 0x0a");
	refuses("\"\\x\"",
		"broken JSON at byte 2: one of \"\\/bfnrtu behind the backslash expected, not 'x'");
	refuses("\"\\u12g4\"", "broken JSON at byte 5: a hex digit expected, not 'g'");
	refuses("\"\\", "broken JSON at byte 2: it ends early, one of \"\\/bfnrtu behind the "
			"backslash expected");
	refuses("[01]", "broken JSON at byte 1: that is no number");
	refuses("['a']", "broken JSON at byte 1: a value expected, not '''");
	refuses("[1]//", "broken JSON at byte 3: nothing more expected, not '/'");
	refuses("\x01", "broken JSON at byte 0: a value expected, not byte 0x01");
	refuses("\xef\xbb", "broken JSON at byte 2: it ends early, a value expected");
	check(S("[\0]"), S(""), -EBADMSG, "broken JSON at byte 1: a value expected, not byte 0x00");
}

static void skipping(void **state)
{
	struct str x = S("x");
	auto_buf big = BUF(1 << 20);

	(void)state;
	check(S("{\"x\":[1,[2],{\"a\":3}],\"b\":4}"), x, 0, "{ x[ b=#4 } ");
	check(S("{\"x\":{},\"b\":4}"), x, 0, "{ x{ b=#4 } ");
	check(S("[{\"x\":[\"]\",\"\\\"]\",\"\\\\\"]},7]"), x, 0, "[ { x[ } =#7 } ");
	check(S("{\"x\":[\"\\\\\\\\\\\\\\\"]]]]\"]}"), x, 0, "{ x[ } ");
	check(S("{\"x\":[\"a]"), x, -EBADMSG,
	      "broken JSON at byte 9: it ends early, the end of an object or array expected");
	check(S("{\"x\":[{]}"), x, -EBADMSG, "broken JSON at byte 7: '}' expected, not ']'");
	check(S("{\"x\":[{\"a\":1}}"), x, -EBADMSG,
	      "broken JSON at byte 13: ']' expected, not '}'");
	/* escapes and brackets at all places of a block of 64 */
	for (unsigned shift = 0; shift < 70; shift++) {
		big.n = 0;
		buf_printf(&big, "{\"x\":[%*s\"\\\"]\\\\\",[\"\\\\\\\"[\"]%*s],\"y\":1}", shift, "",
			   shift / 3, "");
		check(buf_str(&big), x, 0, "{ x[ y=#1 } ");
	}
}

static void limits(void **state)
{
	auto_buf deep = BUF(1 << 20);
	struct str x = S("x");

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		buf_put(&deep, S("["));
	check(buf_str(&deep), S(""), -EBADMSG, NULL);
	buf_put(&deep, S("["));
	check(buf_str(&deep), S(""), -E2BIG, "JSON at byte 64 is nested more than 64 deep");
	deep.n = 0;
	buf_put(&deep, S("{\"x\":"));
	for (unsigned i = 0; i < 64; i++)
		buf_put(&deep, S("["));
	check(buf_str(&deep), x, -E2BIG, "JSON at byte 68 is nested more than 64 deep");
	for (unsigned kind = 0; kind < 4; kind++) { /* plain, escaped, a key, a number */
		deep.n = 0;
		buf_put(&deep, kind == 2 ? S("[{\"") : kind == 3 ? S("[") : S("[\""));
		buf_put(&deep, kind == 1 ? S("\\n") : S(""));
		for (unsigned i = 0; i < 4097; i++)
			buf_put(&deep, S("1"));
		check(buf_str(&deep), S(""), -E2BIG, NULL);
	}
}

static enum json_go stop_value(void *self, struct str key, enum json_type type, struct str text)
{
	(void)key;
	(void)type;
	(void)text;
	return ++*(unsigned *)self == 2 ? JSON_STOP : JSON_GO;
}

static void stopping(void **state)
{
	struct json_sax some = { .value = stop_value, .depth_max = 8, .string_max = 8 };
	unsigned seen = 0;
	struct input in = input_memory(S("[1,[2,broken"));
	struct err err = { 0 };

	(void)state;
	assert_int_equal(json_read(&in, &some, &seen, &err), 0);
	assert_int_equal(seen, 2);
	assert_int_equal(input_at(&in), 5);
}

static int failing_more(struct input *in, struct err *err)
{
	in->at = in->end;
	return err_set(err, -EIO, "the disk is gone");
}

static void input_errors_pass(void **state)
{
	static const char *const starts[] = { "",       "[",      "[1", "[1,",       "\"a", "\"\\",
					      "\"\\u1", "{\"a\"", "nu", "{\"x\":[1", "[1]" };

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		struct told t = { .out = BUF(4096), .skip = S("x") };
		struct input in = input_memory(str_from_c(starts[i]));
		struct err err = { 0 };
		in.more = failing_more;
		assert_int_equal(json_read(&in, &sax, &t, &err), -EIO);
		assert_string_equal(err.text, "the disk is gone");
		buf_done(&t.out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),   cmocka_unit_test(numbers),
		cmocka_unit_test(escapes),  cmocka_unit_test(complaints),
		cmocka_unit_test(skipping), cmocka_unit_test(limits),
		cmocka_unit_test(stopping), cmocka_unit_test(input_errors_pass),
	};

	return RUN_TESTS(tests);
}
