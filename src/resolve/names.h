/*
 * names: from an address in a file, in the kernel or in code made at run time to functions, files
 * and lines. Works after the recording, lazily: touches only the files and compilation units that
 * were hit. What it does not know it says; it never guesses. A function without a name still has
 * a place: where it begins, by the unwind tables of its file.
 *
 * Sources, in order: .symtab and .dynsym, .gnu_debugdata (MiniDebugInfo), the separate debug file
 * by build-id or debug link below /usr/lib/debug (DWARF lines and inlines too), debuginfod when
 * DEBUGINFOD_URLS is set, .gopclntab (Go: names, lines, inlines), perf map files
 * (/tmp/perf-PID.map), jitdump, kallsyms.
 */
#ifndef PERF_OPS_RESOLVE_NAMES_H
#define PERF_OPS_RESOLVE_NAMES_H

#include "base/progress.h"
#include "model/profile.h"
#include "resolve/binary.h"

struct names_options {
	bool inlines;      /* expand inlined functions and lines by DWARF */
	bool debuginfod;   /* ask servers, only if DEBUGINFOD_URLS is set */
	bool raw;          /* do not demangle */
	bool other_kernel; /* kernel addresses are of another boot: none of them has a name */
	unsigned threads;  /* for reading files; 0 = 1 */
};

struct name {                /* one frame; text lives as long as the arena of names */
	struct str function; /* empty: unresolved */
	struct str file;     /* empty: not known */
	struct str module;   /* last part of the path, "[kernel]", "[jit]" */
	uint32_t line;       /* 0: not known */
	enum frame_kind kind;
	uint64_t start; /* without a name: where the function begins; 0: not known */
};

#define NAMES_DEPTH_MAX 64 /* inlined frames at one address; more are cut, the outer ones stay */

struct name_list { /* innermost (inlined) first, the real function last; n >= 1 */
	struct name v[NAMES_DEPTH_MAX];
	size_t n;
};

struct names;
struct names *names_open(struct arena *a, const struct host *h, struct binaries *b,
			 struct names_options o);
struct names *names_close(struct names *n); /* accepts NULL */

/* Reads what the given addresses need, file by file, with progress; then names_file is a lookup.
 * VADDR: link-time addresses (run-time minus bias). Optional: names_file reads on demand too. */
void names_prepare(struct names *n, uint32_t binary, const uint64_t *vaddr, size_t n_vaddr);
void names_file(struct names *n, uint32_t binary, uint64_t vaddr, struct name_list *ret);
void names_kernel(struct names *n, uint64_t address, struct name_list *ret);
/* Code without a file: by the perf map and jitdump files of the process; TIME_NS chooses among
 * reuses of an address (jitdump), 0: the newest. */
void names_jit(struct names *n, uint32_t pid, uint64_t address, uint64_t time_ns,
	       struct name_list *ret);

/* What could not be seen and why, for the report: stripped modules, kptr_restrict. WHY ends with
 * what helps; REMEDY is what can be pasted, or empty. */
struct names_gap {
	struct str module, why, remedy;
	uint64_t addresses; /* asked for and not named */
};
size_t names_gaps(const struct names *n, const struct names_gap **ret);

#endif
