/* Escapes of terminals for one line, and where names of others are made harmless. */
#include "surface/screen.h"

#include <stdio.h>

#include "present/text/escape.h"

#define LINE_COLUMNS 78 /* a progress line must not wrap, or it cannot be written over */

/* What stderr does not take is lost: there is nobody left to tell. */
static void put(struct str s)
{
	(void)fwrite(s.p, 1, s.n, stderr);
}

void screen_clear(struct screen *s)
{
	if (s->drawn)
		put(S("\r\x1b[K"));
	s->drawn = false;
}

static void line(struct screen *s, struct str head, struct str text)
{
	auto_buf all = BUF(8192);

	screen_clear(s);
	buf_put(&all, head);
	escape_put(&all, text);
	buf_put(&all, S("\n"));
	put(buf_str(&all));
}

static void show(void *self, struct str phase, double share, struct str detail)
{
	struct screen *s = self;
	auto_buf text = BUF(1024), all = BUF(1024);

	if (s->quiet)
		return;
	if (!s->terminal) {
		if (str_eq(phase, str_from_c(s->phase)))
			return;
		phase = str_head(phase, sizeof(s->phase) - 1);
		memcpy(s->phase, phase.p, phase.n);
		s->phase[phase.n] = '\0';
		line(s, S("perf-ops: "), phase);
		return;
	}
	buf_put(&text, phase);
	if (share >= 0)
		buf_printf(&text, " %3.0f %%", share > 1 ? 100.0 : share * 100);
	if (detail.n)
		buf_printf(&text, "  " STR_FMT, STR_ARG(detail));
	escape_fit(&all, buf_str(&text), LINE_COLUMNS);
	buf_put(&all, S("\x1b[K"));
	put(S("\r"));
	put(buf_str(&all));
	s->drawn = true;
}

static void note(void *self, struct str text)
{
	screen_say(self, text);
}

static void say(void *self, struct str text)
{
	line(self, S("perf-ops[v]: "), text);
}

void screen_open(struct screen *s, bool terminal, bool quiet, bool verbose)
{
	*s = (struct screen){ .terminal = terminal, .quiet = quiet };
	s->progress = (struct progress){ .show = show, .note = note, .self = s };
	s->log = (struct log){ .say = say, .self = s, .verbose = verbose };
}

void screen_say(struct screen *s, struct str text)
{
	if (!s->quiet)
		line(s, S("perf-ops: "), text);
}

void screen_complain(struct screen *s, const struct err *err)
{
	line(s, S("perf-ops: "), str_from_c(err->text));
	/* A remedy may have several lines: each can be pasted. */
	for (struct str rest = str_from_c(err->hint); rest.n;)
		line(s, S("          "), str_cut(rest, '\n', &rest));
}
