/* The invariants of a series. */
#include "model/series.h"

#include <errno.h>

int series_check(const struct series *s, struct err *err)
{
	if (s->name.n == 0 || (unsigned)s->unit > UNIT_PER_S)
		return err_set(err, -EBADMSG, "a series has no name or no unit");
	for (size_t i = 0; i < s->n; i++) {
		if (s->t_ns[i] < 0 || (i && s->t_ns[i] <= s->t_ns[i - 1]))
			return err_set(err, -EBADMSG,
				       "series '" STR_FMT "': time does not rise at point %zu",
				       STR_ARG(s->name), i);
		if (__builtin_isinf(s->v[i]))
			return err_set(err, -EBADMSG, "series '" STR_FMT "': point %zu is infinite",
				       STR_ARG(s->name), i);
	}
	return 0;
}
