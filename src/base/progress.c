/* Formats a detail into a bounded line and passes it on. */
#include "base/progress.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 3, 0))) static struct str line_of(char *line, size_t max,
								const char *fmt, va_list ap)
{
	int n = vsnprintf(line, max, fmt, ap);

	return (struct str){ line, n < 0 ? 0 : (size_t)n < max ? (size_t)n : max - 1 };
}

void progress_show(const struct progress *p, struct str phase, double share, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (!p || !p->show)
		return;
	va_start(ap, fmt);
	struct str detail = line_of(line, sizeof(line), fmt, ap);
	va_end(ap);
	p->show(p->self, phase, share, detail);
}

void progress_note(const struct progress *p, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!p || !p->note)
		return;
	va_start(ap, fmt);
	struct str text = line_of(line, sizeof(line), fmt, ap);
	va_end(ap);
	p->note(p->self, text);
}
