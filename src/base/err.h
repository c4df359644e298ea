/*
 * What went wrong, for a person: a code, a sentence, and what to do about it. No allocation.
 * The surface turns the code into an exit code: -EINVAL is a wrong command line (2), -ESRCH
 * -ENOENT -EBADMSG -EILSEQ -E2BIG -ENODATA -EISDIR a target or file that is not there or not
 * what it should be (4), -ECANCELED a stop by the user (130), all else "cannot here" (3).
 */
#ifndef PERF_OPS_BASE_ERR_H
#define PERF_OPS_BASE_ERR_H

struct err {
	int code; /* negative errno, 0 = no error */
	char text[320];
	char hint[1024]; /* a remedy that works when pasted, or empty */
};

/* All return the code, so that `return err_set(...)` and `return err_add(...)` read as one line. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int err_add(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
