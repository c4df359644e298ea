/* Errno and paths as the calls of this folder need them: words for a code, text with a NUL. */
#ifndef PERF_OPS_SYS_REASON_PRIV_H
#define PERF_OPS_SYS_REASON_PRIV_H

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"

/* In the words of the C library, which are the ones people search for. */
static inline const char *reason(int code)
{
	const char *words = strerrordesc_np(code < 0 ? -code : code);

	return words ? words : "unknown error";
}

struct err;
/* PATH cannot be written: the sentence, and a place that usually can. In file_write.c. */
int file_refused(struct err *err, int code, struct str path);

struct path {
	char c[PATH_MAX];
};

/* 0, or the negative errno the kernel would give. */
static inline int path_set(struct path *p, struct str s)
{
	if (s.n == 0)
		return -ENOENT;
	if (s.n >= sizeof(p->c))
		return -ENAMETOOLONG;
	if (memchr(s.p, 0, s.n))
		return -EINVAL;
	memcpy(p->c, s.p, s.n);
	p->c[s.n] = 0;
	return 0;
}

#endif
