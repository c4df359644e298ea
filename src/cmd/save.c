/* Which suffix means what, and where a file goes whose place cannot be written. */
#include "cmd/save.h"

#include <errno.h>

#include "formats/format.h"
#include "sys/clock.h"
#include "sys/env.h"
#include "sys/file.h"

#define PLACES 4 /* to keep a file whose own place cannot be written */

static const struct {
	struct str suffix;
	enum save_kind kind;
} drawn[] = {
	{ { ".html", 5 }, SAVE_HTML }, { { ".htm", 4 }, SAVE_HTML }, { { ".svg", 4 }, SAVE_SVG },
	{ { ".json", 5 }, SAVE_JSON }, { { ".txt", 4 }, SAVE_TEXT }, { { ".tape", 5 }, SAVE_TAPE },
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

static int unknown(struct str path, bool tape, struct err *err)
{
	auto_buf all = BUF(sizeof(err->hint));

	buf_put(&all, S(".html .svg .json .txt"));
	for (const struct format *const *f = formats; *f; f++)
		for (struct str rest = str_from_c((*f)->write ? (*f)->suffix : ""), one; rest.n;) {
			one = str_cut(rest, '|', &rest);
			buf_printf(&all, " " STR_FMT, STR_ARG(one));
		}
	if (tape)
		buf_put(&all, S(" .tape"));
	(void)err_set(err, -EINVAL, "-o " STR_FMT ": the end of the name does not say which form",
		      STR_ARG(path));
	return err_hint(err, "one of " STR_FMT, STR_ARG(buf_str(&all)));
}

struct output *save_tape(const struct report *r)
{
	for (size_t i = 0; i < r->n_outputs; i++)
		if (save_kind(r->output[i].path) == SAVE_TAPE)
			return &r->output[i];
	return NULL;
}

static int no_tape(struct str path, const struct report *out, bool tape, struct err *err)
{
	if (!tape) {
		(void)err_set(err, -EINVAL,
			      "-o " STR_FMT ": a tape is written while something is recorded",
			      STR_ARG(path));
		return err_hint(err, "perf-ops profile -o " STR_FMT " TARGET", STR_ARG(path));
	}
	struct str first = save_tape(out)->path;
	(void)err_set(err, -EINVAL, "-o " STR_FMT ": one recording makes one tape", STR_ARG(path));
	return err_hint(err, "cp " STR_FMT " " STR_FMT, STR_ARG(first), STR_ARG(path));
}

int save_plan(struct arena *a, const struct texts *files, bool tape, struct report *out,
	      struct err *err)
{
	out->output = arena_array(a, struct output, files->n + 1);
	for (size_t i = 0; i < files->n; i++) {
		enum save_kind kind = save_kind(files->v[i]);
		if (kind == SAVE_UNKNOWN)
			return unknown(files->v[i], tape, err);
		if (kind == SAVE_TAPE && (!tape || save_tape(out)))
			return no_tape(files->v[i], out, tape, err);
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
			 (s.p[i] && strchr("0123456789/._-+:,@%", s.p[i]));
	if (plain) {
		buf_put(out, s);
		return;
	}
	buf_put(out, S("'"));
	for (size_t i = 0; i < s.n; i++)
		buf_put(out, s.p[i] == '\'' ? S("'\\''") : (struct str){ s.p + i, 1 });
	buf_put(out, S("'"));
}

/* Where else PATH could go: the I-th place, or empty. The time makes it a new file: nothing of the
 * user's is overwritten in passing. */
static struct str elsewhere(struct arena *a, size_t i, struct str path)
{
	const struct str folders[PLACES] = { env_get("TMPDIR"), S("/tmp"), S("/var/tmp"),
					     S("/dev/shm") };
	struct str head, name = str_cut_last(path, '/', &head);

	if (!folders[i].n)
		return S("");
	struct str to = arena_printf(a, STR_FMT "/perf-ops-%llu-" STR_FMT, STR_ARG(folders[i]),
				     (unsigned long long)clock_epoch_ns() / 1000000, STR_ARG(name));
	return file_exists(to) ? S("") : to;
}

static void hint_move(struct err *err, struct str kept, struct str path)
{
	auto_buf line = BUF(sizeof(err->hint));
	struct str folder;

	(void)str_cut_last(path, '/', &folder);
	if (err->code == -ENOENT && folder.n && !file_exists(folder)) {
		buf_put(&line, S("mkdir -p "));
		quoted(&line, folder);
		buf_put(&line, S(" && "));
	}
	buf_put(&line, S("mv "));
	quoted(&line, kept);
	buf_put(&line, S(" "));
	quoted(&line, path);
	(void)err_hint(err, STR_FMT, STR_ARG(buf_str(&line)));
}

int save_bytes(struct arena *a, struct str path, struct str bytes, struct str *kept,
	       struct err *err)
{
	struct err ignored = { 0 }; /* the first failure is the one to tell */

	*kept = (struct str){ "", 0 };
	if (file_write(path, bytes, err) == 0)
		return 0;
	for (size_t i = 0; i < PLACES && !kept->n; i++) {
		struct str to = elsewhere(a, i, path);
		if (to.n && file_write(to, bytes, &ignored) == 0)
			*kept = to;
	}
	if (kept->n)
		hint_move(err, *kept, path);
	return err->code;
}

int save_begin(struct arena *a, struct str path, struct str *kept, struct err *err)
{
	struct err ignored = { 0 };
	int fd = file_begin(path, err);

	*kept = (struct str){ "", 0 };
	for (size_t i = 0; i < PLACES && fd < 0; i++) {
		struct str to = elsewhere(a, i, path);
		if (to.n && (fd = file_begin(to, &ignored)) >= 0)
			*kept = to;
	}
	if (kept->n)
		hint_move(err, *kept, path);
	return fd;
}
