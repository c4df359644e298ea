/*
 * fault: every call of sys/ that can fail asks here first, so tests walk through every failure
 * there is.
 *
 *	PERF_OPS_FAULT=N	the N-th question (from 1) is answered with yes: no such call
 *	PERF_OPS_FAULT=N:CODE	and it fails with this errno, a number; EIO when not given
 *	PERF_OPS_FAULT_FD=FD	when it happens, the line "fault N FUNCTION" is written to FD
 *
 * The harness: run a command with N = 1, 2, 3 ... and a pipe in PERF_OPS_FAULT_FD until nothing is
 * written there; then all calls of that command have failed once. Each run must end by itself with
 * an exit code of the table, a sentence, and no signal. Calls are counted over all threads; a
 * launched child is another program and is not counted. A program that gained rights by its file
 * (setcap) does not listen.
 */
#ifndef PERF_OPS_SYS_FAULT_H
#define PERF_OPS_SYS_FAULT_H

#include <stdbool.h>

/* True (and errno set) when this call is to fail. hot: one relaxed load when nothing is asked. */
#define fault_now() fault_at(__func__)
bool fault_at(const char *where);

#endif
