#include "base/input.h"

#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/gzip.h"
#include "test.h"

struct pieces {
	struct input in;
	struct str left;
	size_t size;
	int fail; /* at the end */
	char now[64];
};

static int pieces_more(struct input *in, struct err *err)
{
	struct pieces *p = (struct pieces *)in;
	struct str head = str_head(p->left, p->size);

	if (head.n == 0 && p->fail)
		return err_set(err, p->fail, "told to fail");
	memset(p->now, '#', sizeof(p->now));
	memcpy(p->now, head.p, head.n);
	p->left = str_skip(p->left, head.n);
	in->at = p->now;
	in->end = p->now + head.n;
	in->offset += head.n;
	return head.n > 0;
}

static struct pieces by(struct str s, size_t size)
{
	return (struct pieces){ .in = { .at = "", .end = "", .more = pieces_more },
				.left = s,
				.size = size };
}

static struct pieces *start(struct pieces *p)
{
	p->in.at = p->in.end = p->now;
	return p;
}

static void check_lines(struct input *in, size_t max, const char *want, int end)
{
	auto_buf line = BUF(max), all = BUF(1 << 16);
	struct err err = { 0 };
	struct str s;
	int r;

	while ((r = input_line(in, &line, &s, &err)) > 0) {
		buf_put(&all, s);
		buf_put(&all, S("|"));
	}
	assert_int_equal(r, end);
	check_str(buf_str(&all), str_from_c(want));
}

static void lines(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "", "" },
		{ "\n", "|" },
		{ "one", "one|" },
		{ "one\n", "one|" },
		{ "one\ntwo", "one|two|" },
		{ "\n\none\n\n", "||one||" },
		{ "a longer line\nand another one that is longer\nx\n",
		  "a longer line|and another one that is longer|x|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str text = str_from_c(cases[i].text);
		struct input in = input_memory(text);
		check_lines(&in, 100, cases[i].lines, 0);
		for (size_t size = 1; size < 40; size++) {
			struct pieces p = by(text, size);
			check_lines(&start(&p)->in, 100, cases[i].lines, 0);
		}
	}
}

static void line_limit(void **state)
{
	(void)state;
	for (size_t size = 1; size < 40; size++) {
		struct pieces p = by(S("12345\n123456\n"), size);
		check_lines(&start(&p)->in, 5, "12345|", -E2BIG);
	}
	struct input in = input_memory(S("12345\n123456\n"));
	auto_buf line = BUF(5);
	struct str s;
	struct err err = { 0 };
	assert_int_equal(input_line(&in, &line, &s, &err), 1);
	assert_int_equal(input_line(&in, &line, &s, &err), -E2BIG);
	assert_string_equal(err.text, "the line that begins at byte 6 has more than 5 bytes");
	struct pieces p = by(S("one\ntw"), 3);
	p.fail = -EIO;
	check_lines(&start(&p)->in, 5, "one|", -EIO);
}

static void whole(void **state)
{
	auto_arena a = arena_open("test", 1 << 20);
	auto_arena small = arena_open("test", 16);
	struct str s;
	struct err err = { 0 };
	struct input in = input_memory(S("all of it"));

	(void)state;
	in.at += 4;
	assert_int_equal(input_at(&in), 4);
	assert_int_equal(input_all(&in, a, &s, &err), 0);
	check_str(s, S("of it"));
	assert_int_equal(input_at(&in), 9);
	struct pieces p = by(S("all of it, twice"), 5);
	assert_int_equal(input_all(&start(&p)->in, a, &s, &err), 0);
	check_str(s, S("all of it, twice"));
	p = by(S("more than sixteen bytes"), 5);
	assert_int_equal(input_all(&start(&p)->in, small, &s, &err), -E2BIG);
	p = by(S("x"), 5);
	p.fail = -EIO;
	assert_int_equal(input_all(&start(&p)->in, a, &s, &err), -EIO);
}

/* Packs, cuts into pieces, unpacks. */
static int there_and_back(struct str packed, size_t size, uint64_t most, struct arena *a,
			  struct str *ret, struct err *err)
{
	struct pieces p = by(packed, size);
	struct gunzip *g = gunzip_open(a, &start(&p)->in, most);
	int r = input_all(gunzip_input(g), a, ret, err);

	assert_null(gunzip_close(g));
	return r;
}

static void packing(void **state)
{
	auto_buf packed = BUF(1 << 20), text = BUF(1 << 20), little = BUF(20);

	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		buf_printf(&text, "%u ", i * 2654435761u);
	assert_true(gzip_put(&packed, buf_str(&text), 6));
	assert_true(gzip_is(buf_str(&packed)));
	assert_true(packed.n < text.n);
	for (size_t size = 1; size < 64; size += 9) {
		auto_arena a = arena_open("test", 8 << 20);
		struct str back;
		struct err err = { 0 };
		assert_int_equal(there_and_back(buf_str(&packed), size, 1 << 20, a, &back, &err),
				 0);
		assert_true(str_eq(back, buf_str(&text)));
	}
	assert_false(gzip_put(&little, buf_str(&text), 6));
	assert_false(gzip_is(S("\x1f")));
	assert_false(gzip_is(S("PK")));
	/* Nothing at all is a member, too. */
	auto_arena a = arena_open("test", 1 << 20);
	struct str back;
	struct err err = { 0 };
	packed.n = 0;
	assert_true(gzip_put(&packed, S(""), 9));
	assert_int_equal(there_and_back(buf_str(&packed), 7, 100, a, &back, &err), 0);
	assert_int_equal(back.n, 0);
}

static void members(void **state)
{
	auto_buf packed = BUF(1 << 16);
	auto_arena a = arena_open("test", 8 << 20);
	struct str back;
	struct err err = { 0 };

	(void)state;
	assert_true(gzip_put(&packed, S("one "), 1) && gzip_put(&packed, S(""), 1) &&
		    gzip_put(&packed, S("two"), 9));
	for (size_t size = 1; size < 64; size++) {
		assert_int_equal(there_and_back(buf_str(&packed), size, 7, a, &back, &err), 0);
		check_str(back, S("one two"));
	}
	buf_put(&packed, S("\0\0\0"));
	assert_int_equal(there_and_back(buf_str(&packed), 1, 7, a, &back, &err), 0);
	buf_put(&packed, S("behind"));
	assert_int_equal(there_and_back(buf_str(&packed), 1, 7, a, &back, &err), -EBADMSG);
	assert_true(str_starts(str_from_c(err.text), S("broken gzip data near byte ")));
}

static void bombs(void **state)
{
	auto_arena a = arena_open("test", 64 << 20);
	auto_buf packed = BUF(1 << 20);
	char *zeroes = arena_array(a, char, 16 << 20);
	struct str back;
	struct err err = { 0 };
	struct input from;

	(void)state;
	assert_true(gzip_put(&packed, (struct str){ zeroes, 16 << 20 }, 9));
	assert_true(packed.n < 32 << 10);
	assert_int_equal(there_and_back(buf_str(&packed), 64, 1 << 20, a, &back, &err), -E2BIG);
	assert_string_equal(err.text, "unpacked it has more than 1048576 bytes");
	/* What was handed out until then is within the bound. */
	from = input_memory(buf_str(&packed));
	struct gunzip *g = gunzip_open(a, &from, 100000);
	struct input *in = gunzip_input(g);
	uint64_t total = 0;
	int r;
	while ((r = in->more(in, &err)) > 0)
		total += (uint64_t)(in->end - in->at);
	assert_int_equal(r, -E2BIG);
	assert_true(total <= 100000);
	assert_null(gunzip_close(g));
}

static void damage(void **state)
{
	auto_arena a = arena_open("test", 8 << 20);
	auto_buf packed = BUF(1 << 16);
	struct str back;
	struct err err = { 0 };

	(void)state;
	assert_true(gzip_put(&packed, S("some text that is packed, and long enough, enough"), 6));
	for (size_t n = 1; n < packed.n; n++) { /* 0 bytes are an empty file */
		assert_int_equal(
			there_and_back(str_head(buf_str(&packed), n), 5, 1000, a, &back, &err),
			-EBADMSG);
		assert_true(str_ends(str_from_c(err.text), S(": it ends early")));
	}
	for (size_t i = packed.n - 8; i < packed.n; i++) { /* checksum and length */
		packed.p[i] ^= 1;
		assert_int_equal(there_and_back(buf_str(&packed), 64, 1000, a, &back, &err),
				 -EBADMSG);
		packed.p[i] ^= 1;
	}
	assert_int_equal(there_and_back(S("plain text"), 64, 1000, a, &back, &err), -EBADMSG);
	struct pieces p = by(str_head(buf_str(&packed), 20), 5);
	p.fail = -EIO;
	struct gunzip *g = gunzip_open(a, &start(&p)->in, 1000);
	assert_int_equal(input_all(gunzip_input(g), a, &back, &err), -EIO);
	assert_null(gunzip_close(g));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),   cmocka_unit_test(line_limit), cmocka_unit_test(whole),
		cmocka_unit_test(packing), cmocka_unit_test(members),    cmocka_unit_test(bombs),
		cmocka_unit_test(damage),
	};

	return RUN_TESTS(tests);
}
