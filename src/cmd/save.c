/* Which suffix means what, and where a file goes whose place cannot be written. */
#include "cmd/save.h"

#include <errno.h>

#include "formats/format.h"
#include "sys/clock.h"
#include "sys/env.h"
#include "sys/file.h"

static const struct {
	struct str suffix;
	enum save_kind kind;
} drawn[] = {
	{ { ".html", 5 }, SAVE_HTML }, { { ".htm", 4 }, SAVE_HTML }, { { ".svg", 4 }, SAVE_SVG },
	{ { ".json", 5 }, SAVE_JSON }, { { ".txt", 4 }, SAVE_TEXT },
};

/* A format that says ".speedscope.json" knows better than ".json". */
enum save_kind save_kind(struct str path)
{
	const struct format *f = format_by_suffix(path);
	size_t longest = 0;

	for (struct str rest = str_from_c(f && f->write ? f->suffix : ""), one; rest.n;) {
		one = str_cut(rest, '|', &rest);
		if (str_ends(path, one) && one.n > longest)
			longest = one.n;
	}
	for (size_t i = 0; i < sizeof(drawn) / sizeof(drawn[0]); i++)
		if (str_ends(path, drawn[i].suffix) && drawn[i].suffix.n > longest)
			return drawn[i].kind;
	return longest ? SAVE_FORMAT : SAVE_UNKNOWN;
}

static int unknown(struct str path, struct err *err)
{
	auto_buf all = BUF(sizeof(err->hint));

	buf_put(&all, S(".html .svg .json .txt"));
	for (const struct format *const *f = formats; *f; f++)
		for (struct str rest = str_from_c((*f)->write ? (*f)->suffix : ""), one; rest.n;) {
			one = str_cut(rest, '|', &rest);
			buf_printf(&all, " " STR_FMT, STR_ARG(one));
		}
	(void)err_set(err, -EINVAL, "-o " STR_FMT ": the end of the name does not say which form",
		      STR_ARG(path));
	return err_hint(err, "one of " STR_FMT, STR_ARG(buf_str(&all)));
}

int save_plan(struct arena *a, const struct texts *files, struct report *out, struct err *err)
{
	out->output = arena_array(a, struct output, files->n + 1);
	for (size_t i = 0; i < files->n; i++) {
		if (save_kind(files->v[i]) == SAVE_UNKNOWN)
			return unknown(files->v[i], err);
		out->output[out->n_outputs++].path = files->v[i];
	}
	return 0;
}

int save_format(const struct run *r, struct str path, struct buf *out, struct err *err)
{
	return format_by_suffix(path)->write(r, out, err);
}

/* In single quotes, as a shell reads them, so that the command can be pasted. */
static void quoted(struct buf *out, struct str s)
{
	bool plain = s.n > 0;

	for (size_t i = 0; i < s.n; i++)
		plain &= (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
			 memchr("0123456789/._-+:,@%", s.p[i], 19) != NULL;
	if (plain) {
		buf_put(out, s);
		return;
	}
	buf_put(out, S("'"));
	for (size_t i = 0; i < s.n; i++)
		buf_put(out, s.p[i] == '\'' ? S("'\\''") : (struct str){ s.p + i, 1 });
	buf_put(out, S("'"));
}

static bool keep_in(struct arena *a, struct str folder, struct str path, struct str bytes,
		    struct str *kept)
{
	struct err ignored = { 0 }, *e = &ignored; /* the first failure is the one to tell */
	struct str head, name = str_cut_last(path, '/', &head);

	if (!folder.n)
		return false;
	/* The time makes it a new file: nothing of the user's is overwritten in passing. */
	struct str to = arena_printf(a, STR_FMT "/perf-ops-%llu-" STR_FMT, STR_ARG(folder),
				     (unsigned long long)clock_epoch_ns() / 1000000, STR_ARG(name));
	if (file_exists(to) || file_write(to, bytes, e) < 0)
		return false;
	*kept = to;
	return true;
}

int save_bytes(struct arena *a, struct str path, struct str bytes, struct str *kept,
	       struct err *err)
{
	*kept = (struct str){ "", 0 };
	if (file_write(path, bytes, err) == 0)
		return 0;
	const struct str folders[] = { env_get("TMPDIR"), S("/tmp"), S("/var/tmp"), S("/dev/shm") };
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (keep_in(a, folders[i], path, bytes, kept))
			break;
	if (kept->n) {
		auto_buf line = BUF(sizeof(err->hint));
		struct str folder;
		(void)str_cut_last(path, '/', &folder);
		if (err->code == -ENOENT && folder.n && !file_exists(folder)) {
			buf_put(&line, S("mkdir -p "));
			quoted(&line, folder);
			buf_put(&line, S(" && "));
		}
		buf_put(&line, S("mv "));
		quoted(&line, *kept);
		buf_put(&line, S(" "));
		quoted(&line, path);
		(void)err_hint(err, STR_FMT, STR_ARG(buf_str(&line)));
	}
	return err->code;
}
