#include "base/param.h"
#include "test.h"

struct wanted {
	struct str out;
	uint64_t connections, max_bytes;
	int64_t duration_ns;
	unsigned fail_at;
	bool keepalive;
	struct words words;
	struct texts files;
	struct args command;
};

static const struct param table[] = {
	P_TEXT(wanted, out, 'o', NULL, "where to"),
	P_LIST(wanted, files, 'f', "several"),
	P_WORDS(wanted, words, "targets"),
	P_COUNT(wanted, connections, 'c', "10", "open connections"),
	P_BYTES(wanted, max, 0, "64k", "largest answer"),
	P_NS(wanted, duration, 'd', "10s", "how long"),
	P_CHOICE(wanted, fail_at, 0, "never", "never|minor|major", "gate"),
	P_FLAG(wanted, keepalive, 'k', NULL, "reuse connections"),
	P_REST(wanted, command, "what to run"),
	P_END,
};

#define PARSE(w, err, ...)                                                                      \
	param_parse(                                                                            \
		table,                                                                          \
		(struct args){ (const char *const[]){ __VA_ARGS__ },                            \
			       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) }, \
		(w), (err))

static void defaults(void **state)
{
	struct wanted w = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(param_parse(table, (struct args){ NULL, 0 }, &w, &err), 0);
	assert_int_equal(w.connections, 10);
	assert_int_equal(w.max_bytes, 65536);
	assert_int_equal(w.duration_ns, 10000000000);
	assert_int_equal(w.fail_at, 0);
	assert_false(w.keepalive);
	assert_int_equal(w.command.n, 0);
}

static void all_forms(void **state)
{
	struct wanted w = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(PARSE(&w, &err, "--out=a=b", "-c", "3", "--duration", "250us", "-k",
			       "--fail-at=major", "--max=2M", "--", "ls", "-l"),
			 0);
	check_str(w.out, S("a=b"));
	assert_int_equal(w.connections, 3);
	assert_int_equal(w.duration_ns, 250000);
	assert_int_equal(w.fail_at, 2);
	assert_int_equal(w.max_bytes, 2 << 20);
	assert_true(w.keepalive);
	assert_int_equal(w.command.n, 2);
	assert_string_equal(w.command.v[1], "-l");
}

static void refusals(void **state)
{
	static const char *const bad[] = {
		"--fail-at=often",       "--connections=-1", "--duration=5x",
		"--duration=9999999h",   "--nope=1",         "-c",
		"--max=99999999999999G", "--keepalive=no",   "-x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wanted w = { 0 };
		struct err err = { 0 };
		if (PARSE(&w, &err, bad[i]) >= 0)
			fail_msg("%s was accepted", bad[i]);
		assert_true(err.text[0]);
	}
}

static void words_and_options_mix(void **state)
{
	struct wanted w = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(PARSE(&w, &err, "one", "-d", "10", "two", "-c7", "-fa", "-f", "b",
			       "--keepalive", "--no-keepalive", "--", "-x", "three"),
			 0);
	assert_int_equal(w.words.n, 2);
	check_str(w.words.v[1], S("two"));
	assert_int_equal(w.duration_ns, 10000000000);
	assert_int_equal(w.connections, 7);
	assert_int_equal(w.files.n, 2);
	check_str(w.files.v[0], S("a"));
	assert_false(w.keepalive);
	assert_int_equal(w.command.n, 2);
	assert_int_equal(PARSE(&w, &err, "--duration=1.5s"), 0);
	assert_int_equal(w.duration_ns, 1500000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(all_forms),
		cmocka_unit_test(words_and_options_mix),
		cmocka_unit_test(refusals),
	};

	return RUN_TESTS(tests);
}
