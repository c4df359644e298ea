/*
 * debug_file: where the names of a stripped program lie: a separate file found by build-id or debug
 * link below /usr/lib/debug, a server (debuginfod), or an xz-compressed table in the program itself
 * (.gnu_debugdata). A file that belongs to another build is refused.
 */
#ifndef PERF_OPS_RESOLVE_DEBUG_FILE_H
#define PERF_OPS_RESOLVE_DEBUG_FILE_H

#include "resolve/binary.h"
#include "resolve/elf_view.h"

/* A descriptor, or -ENOENT. V: the program, sections read. */
int debug_file_find(const struct host *h, struct arena *a, const struct binary *bin,
		    const struct elf_view *v);
/* Asks the servers of DEBUGINFOD_URLS, at most until DEADLINE_NS (monotonic); a descriptor or a
 * negative errno with the reason. */
int debug_file_download(const struct binary *bin, int64_t deadline_ns, struct err *err);
/* The ELF file inside .gnu_debugdata; -ENODATA: there is none. */
int debug_file_embedded(const struct elf_view *v, struct arena *a, struct str *ret,
			struct err *err);

#endif
