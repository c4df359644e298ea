/* One row per fact; numbers are 64 bits wide and texts are struct str, so an offset is enough. */
#include "formats/notes.h"

#include <stdio.h>

struct note {
	const char *key;
	size_t at;
	int64_t absent; /* what stands for "not known", and is not said */
};

#define PREFIX S("perf-ops.")

static const struct note texts[] = {
	{ "source", offsetof(struct run, source), 0 },
	{ "target", offsetof(struct run, target), 0 },
	{ "command", offsetof(struct run, command), 0 },
	{ "host", offsetof(struct run, host), 0 },
	{ "version", offsetof(struct run, version), 0 },
	{ "id", offsetof(struct run, id), 0 },
};

static const struct note run_numbers[] = {
	{ "start_ns", offsetof(struct run, start_ns), 0 },
	{ "wall_ns", offsetof(struct run, wall_ns), 0 },
	{ "own_cpu_ns", offsetof(struct run, own_cpu_ns), 0 },
	{ "cost.cpu_ns", offsetof(struct run, cost.cpu_ns), -1 },
	{ "cost.probe_ns", offsetof(struct run, cost.probe_ns), -1 },
	{ "cost.probe_runs", offsetof(struct run, cost.probe_runs), 0 },
	{ "cost.probe_p50_ns", offsetof(struct run, cost.probe_p50_ns), -1 },
	{ "cost.probe_p99_ns", offsetof(struct run, cost.probe_p99_ns), -1 },
	{ "cost.rss_bytes", offsetof(struct run, cost.rss_bytes), 0 },
	{ "cost.kernel_bytes", offsetof(struct run, cost.kernel_bytes), 0 },
	{ "stacks.rooted", offsetof(struct run, stack_end[0]), 0 },
	{ "stacks.none", offsetof(struct run, stack_end[1]), 0 },
	{ "stacks.no_map", offsetof(struct run, stack_end[2]), 0 },
	{ "stacks.no_rule", offsetof(struct run, stack_end[3]), 0 },
	{ "stacks.unreadable", offsetof(struct run, stack_end[4]), 0 },
	{ "stacks.truncated", offsetof(struct run, stack_end[5]), 0 },
};

static const struct note profile_numbers[] = {
	{ "loss.dropped", offsetof(struct profile, loss.dropped), 0 },
	{ "loss.truncated", offsetof(struct profile, loss.truncated), 0 },
	{ "loss.unresolved", offsetof(struct profile, loss.unresolved), 0 },
	{ "period_ns", offsetof(struct profile, period_ns), 0 },
	{ "duration_ns", offsetof(struct profile, duration_ns), 0 },
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct saying {
	void (*fn)(void *self, struct str key, struct str value);
	void *self;
};

static void say(const struct saying *s, const char *key, struct str value)
{
	char full[64];
	int n = snprintf(full, sizeof(full), "perf-ops.%s", key);

	s->fn(s->self, (struct str){ full, (size_t)n }, value);
}

static void say_numbers(const struct saying *s, const struct note *t, size_t n, const void *of)
{
	char text[32];
	int64_t v;

	for (size_t i = 0; i < n; i++) {
		memcpy(&v, (const char *)of + t[i].at, sizeof(v));
		if (v == t[i].absent)
			continue;
		int len = snprintf(text, sizeof(text), "%lld", (long long)v);
		say(s, t[i].key, (struct str){ text, (size_t)len });
	}
}

/* WHAT, WHY and REMEDY of a limit, with tabs between them. */
static void say_limits(const struct saying *s, const struct run *r)
{
	for (size_t i = 0; i < r->limits.n; i++) {
		const struct limit *l = &r->limits.v[i];
		auto_buf line = BUF(65536);
		buf_put(&line, l->what);
		buf_put(&line, S("\t"));
		buf_put(&line, l->why);
		buf_put(&line, S("\t"));
		buf_put(&line, l->remedy);
		if (!line.full)
			say(s, "limit", buf_str(&line));
	}
}

void notes_say(const struct run *r, const struct profile *p,
	       void (*fn)(void *self, struct str key, struct str value), void *self)
{
	struct saying s = { fn, self };
	struct str text;

	if (p->name.n)
		say(&s, "name", p->name);
	for (size_t i = 0; i < COUNT(texts); i++) {
		memcpy(&text, (const char *)r + texts[i].at, sizeof(text));
		if (text.n)
			say(&s, texts[i].key, text);
	}
	say_numbers(&s, run_numbers, COUNT(run_numbers), r);
	say_numbers(&s, profile_numbers, COUNT(profile_numbers), p);
	say_limits(&s, r);
}

static bool to_i64(struct str s, int64_t *ret)
{
	bool minus = str_starts(s, S("-"));
	uint64_t v;

	if (!str_to_u64(str_skip(s, minus), &v) || (minus && v > INT64_MAX))
		return false;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool hear_number(const struct note *t, size_t n, void *into, struct str key,
			struct str value)
{
	int64_t v;

	for (size_t i = 0; i < n; i++)
		if (str_eq(key, str_from_c(t[i].key))) {
			/* Only costs say "not known" by a negative number. */
			if (to_i64(value, &v) && (v >= 0 || str_starts(key, S("cost."))))
				memcpy((char *)into + t[i].at, &v, sizeof(v));
			return true;
		}
	return false;
}

bool notes_hear(struct run *r, struct profile *p, struct str key, struct str value)
{
	if (!str_starts(key, PREFIX) || !arena_fits(r->arena, value.n + 4096, 4))
		return false;
	key = str_skip(key, PREFIX.n);
	value = value.n ? value : S(""); /* a note without a value has not even a pointer */
	if (str_eq(key, S("name"))) {
		p->name = arena_str(p->arena, value);
		return true;
	}
	if (str_eq(key, S("limit"))) {
		struct str what = str_cut(value, '\t', &value), why = str_cut(value, '\t', &value);
		if (what.n)
			run_add_limit(r, what, why, value);
		return true;
	}
	for (size_t i = 0; i < COUNT(texts); i++)
		if (str_eq(key, str_from_c(texts[i].key))) {
			struct str copy = arena_str(r->arena, value);
			memcpy((char *)r + texts[i].at, &copy, sizeof(copy));
			return true;
		}
	return hear_number(run_numbers, COUNT(run_numbers), r, key, value) ||
	       hear_number(profile_numbers, COUNT(profile_numbers), p, key, value);
}

bool notes_hear_line(struct run *r, struct profile *p, struct str line)
{
	size_t colon = str_find(line, S(": "));

	return colon < line.n && notes_hear(r, p, str_head(line, colon), str_skip(line, colon + 2));
}
