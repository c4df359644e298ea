/* Which medium a file gets, and what is said when its place cannot be written. */
#include "surface/outputs.h"

#include <errno.h>

#include "cmd/save.h"
#include "model/quantity.h"
#include "present/html/html.h"
#include "present/json/json.h"
#include "present/svg/svg.h"
#include "present/text/text.h"

#define OUTPUT_MAX   ((size_t)2 << 30)
#define TEXT_COLUMNS 100

static int fill(const struct report *r, struct str path, struct buf *out, struct err *err)
{
	const struct text_manner plain = { .columns = TEXT_COLUMNS };

	switch (save_kind(path)) {
	case SAVE_HTML:
		html_report(r, out);
		break;
	case SAVE_SVG:
		svg_report(r, out);
		break;
	case SAVE_JSON:
		json_report(r, out);
		break;
	case SAVE_TEXT:
		text_report(r, &plain, out);
		break;
	case SAVE_FORMAT:
		if (save_format(r->run, path, out, err) < 0)
			return err_add(err, "writing " STR_FMT, STR_ARG(path));
		break;
	case SAVE_TAPE: /* written already */
	case SAVE_UNKNOWN:
		return err_set(err, -EINVAL, "nobody knows how to write " STR_FMT, STR_ARG(path));
	}
	if (out->full)
		return err_set(err, -EFBIG, STR_FMT " would be larger than %zu MiB", STR_ARG(path),
			       out->max >> 20);
	return 0;
}

static void say_wrote(struct screen *s, struct str path, uint64_t bytes)
{
	auto_buf line = BUF(4096);

	buf_printf(&line, "wrote " STR_FMT " (", STR_ARG(path));
	quantity_put(&line, (struct quantity){ (double)bytes, UNIT_BYTES });
	buf_put(&line, S(")"));
	screen_say(s, buf_str(&line));
}

/* What was written while it was measured. */
static bool tell_one(struct str path, const struct written *w, struct screen *s)
{
	struct err err = w->err;
	auto_buf size = BUF(64);

	if (!err.code) {
		say_wrote(s, path, w->bytes);
		return true;
	}
	quantity_put(&size, (struct quantity){ (double)w->bytes, UNIT_BYTES });
	if (w->kept.n)
		(void)err_add(&err, "kept as " STR_FMT ", because", STR_ARG(w->kept));
	else if (w->bytes)
		(void)err_add(&err, STR_FMT " ends after " STR_FMT ", because", STR_ARG(path),
			      STR_ARG(buf_str(&size)));
	else
		(void)err_add(&err, "the tape could be kept nowhere");
	screen_complain(s, &err);
	return false;
}

static bool write_one(const struct report *r, struct str path, struct arena *a, struct screen *s)
{
	auto_buf bytes = BUF(OUTPUT_MAX);
	struct err err = { 0 };
	struct str kept;

	if (fill(r, path, &bytes, &err) < 0) {
		screen_complain(s, &err);
		return false;
	}
	if (save_bytes(a, path, buf_str(&bytes), &kept, &err) < 0) {
		if (kept.n)
			(void)err_add(&err, "kept as " STR_FMT ", because", STR_ARG(kept));
		else
			(void)err_add(&err, "the result could be kept nowhere");
		screen_complain(s, &err);
		return false;
	}
	say_wrote(s, path, bytes.n);
	return true;
}

enum exits outputs_write(const struct report *r, struct arena *a, struct screen *s)
{
	enum exits exit = r->exit;

	for (size_t i = 0; i < r->n_outputs; i++)
		if (r->output[i].written ? !tell_one(r->output[i].path, r->output[i].written, s)
					 : !write_one(r, r->output[i].path, a, s))
			exit = EXIT_CANNOT;
	return exit;
}
