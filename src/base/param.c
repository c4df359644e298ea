/* Words to typed fields. The same rules serve argv, MCP arguments and web forms. */
#include "base/param.h"

#include <errno.h>

struct suffix {
	struct str name;
	uint64_t factor;
};

static const struct suffix times[] = {
	{ { "", 0 }, UINT64_C(1000000000) }, /* -d 10, as everywhere */
	{ { "ns", 2 }, 1 },
	{ { "us", 2 }, 1000 },
	{ { "ms", 2 }, 1000000 },
	{ { "s", 1 }, UINT64_C(1000000000) },
	{ { "m", 1 }, UINT64_C(60000000000) },
	{ { "h", 1 }, UINT64_C(3600000000000) },
};
static const struct suffix sizes[] = {
	{ { "", 0 }, 1 },
	{ { "k", 1 }, 1024 },
	{ { "M", 1 }, UINT64_C(1) << 20 },
	{ { "G", 1 }, UINT64_C(1) << 30 },
};

static bool scaled(struct str s, const struct suffix *t, size_t n, uint64_t max, uint64_t *ret)
{
	size_t digits = 0;
	double v;

	while (digits < s.n && ((s.p[digits] >= '0' && s.p[digits] <= '9') || s.p[digits] == '.'))
		digits++;
	struct str unit = str_skip(s, digits), number = str_head(s, digits);
	for (size_t i = 0; i < n; i++) {
		if (!str_eq(unit, t[i].name))
			continue;
		if (str_to_u64(number, ret))
			return !__builtin_mul_overflow(*ret, t[i].factor, ret) && *ret <= max;
		if (!str_to_double(number, &v) || v * (double)t[i].factor >= (double)max)
			return false;
		*ret = (uint64_t)(v * (double)t[i].factor + 0.5);
		return true;
	}
	return false;
}

static bool choice(const char *choices, struct str s, unsigned *ret)
{
	struct str rest = str_from_c(choices);

	for (*ret = 0; rest.n; (*ret)++)
		if (str_eq(str_cut(rest, '|', &rest), s))
			return true;
	return false;
}

static bool append(struct texts *list, struct str s)
{
	if (list->n == TEXTS_MAX)
		return false;
	list->v[list->n++] = s;
	return true;
}

static bool store(const struct param *p, struct str s, void *into)
{
	char *at = (char *)into + p->at;
	uint64_t v = 0;
	unsigned which;
	bool ok = false;

	switch (p->type) {
	case PARAM_FLAG:
		ok = str_eq(s, S("on")) || s.n == 0;
		memcpy(at, &ok, sizeof(ok));
		return ok || str_eq(s, S("off"));
	case PARAM_COUNT:
		ok = str_to_u64(s, &v);
		break;
	case PARAM_NS:
		ok = scaled(s, times, sizeof(times) / sizeof(times[0]), INT64_MAX, &v);
		break;
	case PARAM_BYTES:
		ok = scaled(s, sizes, sizeof(sizes) / sizeof(sizes[0]), UINT64_MAX, &v);
		break;
	case PARAM_TEXT:
		memcpy(at, &s, sizeof(s));
		return true;
	case PARAM_LIST:
		return append((struct texts *)(void *)at, s);
	case PARAM_CHOICE:
		if (!choice(p->choices, s, &which))
			return false;
		memcpy(at, &which, sizeof(which));
		return true;
	case PARAM_WORDS:
	case PARAM_REST:
		return false;
	}
	if (ok)
		memcpy(at, &v, sizeof(v));
	return ok;
}

/* An option as it is written: --fail-at for the field fail_at. */
static bool named(const struct param *p, struct str word)
{
	size_t n = strlen(p->name);

	if (p->type == PARAM_REST || p->type == PARAM_WORDS || n != word.n)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((p->name[i] == '_' ? '-' : p->name[i]) != word.p[i])
			return false;
	return true;
}

static int refuse(const struct param *p, struct str value, struct err *err)
{
	char name[64];
	size_t n = strlen(p->name);

	for (size_t i = 0; i <= n && i < sizeof(name); i++) {
		name[i] = p->name[i];
		if (name[i] == '_')
			name[i] = '-';
	}
	name[sizeof(name) - 1] = '\0';
	if (p->type == PARAM_LIST)
		return err_set(err, -EINVAL, "--%s can be given %d times at most", name, TEXTS_MAX);
	(void)err_set(err, -EINVAL, "--%s cannot be '" STR_FMT "'", name, STR_ARG(value));
	switch (p->type) {
	case PARAM_CHOICE:
		return err_hint(err, "one of %s", p->choices);
	case PARAM_NS:
		return err_hint(err, "a time such as 250us, 10ms, 5s, 2m or 1h");
	case PARAM_BYTES:
		return err_hint(err, "a size such as 512, 64k, 10M or 1G");
	case PARAM_COUNT:
		return err_hint(err, "a whole number, 0 or more");
	case PARAM_FLAG:
	case PARAM_TEXT:
	case PARAM_LIST:
	case PARAM_WORDS:
	case PARAM_REST:
		break;
	}
	return err->code;
}

struct option {
	struct str name, value;
	bool is_long, has_value;
};

static struct option split(struct str word)
{
	struct option o = { .is_long = str_starts(word, S("--")) };

	if (o.is_long) {
		o.has_value = memchr(word.p, '=', word.n) != NULL;
		o.name = str_cut(str_skip(word, 2), '=', &o.value);
	} else {
		o.name = str_head(str_skip(word, 1), 1);
		o.value = str_skip(word, 2);
		o.has_value = o.value.n > 0;
	}
	return o;
}

/* One option, with its value in the same word or in the next. */
static int take(const struct param *table, struct args argv, size_t *i, void *into, struct err *err)
{
	struct str word = str_from_c(argv.v[*i]);
	struct option o = split(word);

	for (const struct param *p = table; p->name; p++) {
		if (o.is_long && p->type == PARAM_FLAG && !o.has_value &&
		    str_starts(o.name, S("no-")) && named(p, str_skip(o.name, 3)))
			return store(p, S("off"), into) ? 0 : refuse(p, o.value, err);
		if (o.is_long ? !named(p, o.name) : o.name.n != 1 || o.name.p[0] != p->letter)
			continue;
		if (p->type != PARAM_FLAG && !o.has_value) {
			if (++*i == argv.n)
				return err_set(err, -EINVAL, STR_FMT " needs a value",
					       STR_ARG(word));
			o.value = str_from_c(argv.v[*i]);
		}
		return store(p, o.value, into) ? 0 : refuse(p, o.value, err);
	}
	return err_set(err, -EINVAL, "no such option: " STR_FMT, STR_ARG(word));
}

static const struct param *of_type(const struct param *table, enum param_type type)
{
	for (const struct param *p = table; p->name; p++)
		if (p->type == type)
			return p;
	return NULL;
}

static int word(const struct param *p, const char *text, void *into, struct err *err)
{
	if (!p)
		return err_set(err, -EINVAL, "what is '%s'?", text);
	struct words *w = (struct words *)(void *)((char *)into + p->at);
	if (w->n == WORDS_MAX)
		return err_set(err, -EINVAL, "more than %d words", WORDS_MAX);
	w->v[w->n++] = str_from_c(text);
	return 0;
}

int param_parse(const struct param *table, struct args argv, void *into, struct err *err)
{
	const struct param *words = of_type(table, PARAM_WORDS), *rest = of_type(table, PARAM_REST);
	int r;

	for (const struct param *p = table; p->name; p++)
		if (p->initial && !store(p, str_from_c(p->initial), into))
			return refuse(p, str_from_c(p->initial), err);
	for (size_t i = 0; i < argv.n; i++) {
		const char *text = argv.v[i];
		if (str_eq(str_from_c(text), S("--"))) {
			if (!rest)
				return err_set(err, -EINVAL, "nothing may follow '--' here");
			struct args tail = { argv.v + i + 1, argv.n - i - 1 };
			memcpy((char *)into + rest->at, &tail, sizeof(tail));
			return 0;
		}
		if (text[0] == '-' && text[1] != '\0')
			r = take(table, argv, &i, into, err);
		else
			r = word(words, text, into, err);
		if (r < 0)
			return r;
	}
	return 0;
}
