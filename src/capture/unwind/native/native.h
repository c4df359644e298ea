/*
 * native: unwind tables of ELF files, compiled from .eh_frame (or .debug_frame), in the layout that
 * the BPF program reads and the user-space walker reads too: one table, one behaviour.
 *
 * A row is 4 bytes: bits 31..16 low half of the link-time pc, bits 15..0 index of its rule. Text is
 * cut into pages of 64 KB; each page has its slice of rows, and its first row has low half 0 (the
 * rule in force there), so a search never leaves its page. Rules are shared by all files.
 */
#ifndef PERF_OPS_CAPTURE_NATIVE_H
#define PERF_OPS_CAPTURE_NATIVE_H

#include "base/err.h"
#include "base/map.h"
#include "capture/unwind/native/native_abi.h"
#include "resolve/binary.h"

/* Memory of the caller: BPF maps that are mapped into us, or plain arrays. */
struct native_store {
	uint32_t *rows;
	struct native_page *pages;
	struct native_rule *rules;
	struct native_exe *exes;
	size_t n_rows, n_pages, n_rules, n_exes;         /* used; start with zeroes */
	size_t max_rows, max_pages, max_rules, max_exes; /* room; max_rules <= 65536 */
	struct map map; /* how equal rules are found; start with an arena in it that outlives us */
	uint64_t full;  /* files that did not fit */
};

/* A compiled file before it goes into a store: as there, but with rules and pages of its own (first
 * counts from 0). On its own, so it can be cached and built by workers. */
struct native_table {
	uint32_t *rows;
	struct native_page *pages;
	struct native_rule *rules;
	size_t n_rows, n_pages, n_rules;
	uint64_t fdes, functions;      /* FDEs and Go functions in it */
	uint64_t unsupported, damaged; /* rows of UNSUP; FDEs that could not be understood */
};

/* -ENODATA: the file has no unwind information (frame pointers then). Every read is bounded. */
int native_compile(struct arena *a, const unsigned char *elf, size_t n, struct native_table *ret,
		   struct err *err);
/* Adds a compiled table; its id in *ret_exe. -ENOSPC: the store is full (counted in it), nothing
 * was added. */
int native_store_add(struct native_store *s, const struct native_table *t, uint32_t *ret_exe,
		     struct err *err);
/* The rule index at a link-time pc; -1: behind the table, step along frame pointers. The same
 * search as in BPF. */
int native_find(const struct native_store *s, uint32_t exe, uint64_t vaddr);

/*
 * The table of a binary, from the cache ($XDG_CACHE_HOME/perf-ops/unwind/<build-id>) or compiled
 * and then cached. CACHE empty: no cache. -ENODATA as above.
 */
int native_load(struct arena *a, const struct binary *b, struct str cache, struct native_table *ret,
		struct err *err);

#endif
