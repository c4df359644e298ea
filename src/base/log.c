/* One line at a time, cut at its bound. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_debug(const struct log *l, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (!l || !l->verbose || !l->say)
		return;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		l->say(l->self, (struct str){ line, (size_t)n < sizeof(line) ? (size_t)n
									     : sizeof(line) - 1 });
}
