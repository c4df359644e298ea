/*
 * elf_view: the outside of an ELF file: headers, segments, sections, notes; 64 bits, little-endian.
 * Read by pread, never mapped: a file that is cut short under us is an error, not SIGBUS. Every
 * count and offset in it is foreign.
 */
#ifndef PERF_OPS_RESOLVE_ELF_VIEW_H
#define PERF_OPS_RESOLVE_ELF_VIEW_H

#include <elf.h>

#include "sys/file.h"

struct elf_section {
	struct str name;
	uint32_t type, link, info;
	uint64_t flags, vaddr, offset, size, entry_size;
};

struct elf_view {
	int fd;         /* -1: in memory */
	struct str mem; /* when fd is -1 */
	uint64_t size;
	uint16_t type, machine;
	Elf64_Phdr *segment;
	size_t n_segments;
	struct elf_section *section; /* empty: stripped of them, or damaged */
	size_t n_sections;
};

#define ELF_FD(f)     ((struct elf_view){ .fd = (f) })
#define ELF_MEMORY(m) ((struct elf_view){ .fd = -1, .mem = (m) })

/* Header and segments. -ENOEXEC: not an ELF file of this kind. */
int elf_view_open(struct elf_view *v, struct arena *a, struct err *err);
/* Section headers and their names; damaged ones are an error and leave none. */
int elf_view_sections(struct elf_view *v, struct arena *a, struct err *err);
const struct elf_section *elf_view_section(const struct elf_view *v, struct str name);
/* Exactly N bytes at OFFSET of the file; false when it has not as many. */
bool elf_view_read(const struct elf_view *v, void *into, size_t n, uint64_t offset);
/* Up to N bytes at OFFSET; how many. */
size_t elf_view_read_some(const struct elf_view *v, void *into, size_t n, uint64_t offset);
/* The content as it is in the file, not decompressed; at most MAX bytes, else -E2BIG. */
int elf_view_load(const struct elf_view *v, const struct elf_section *s, struct arena *a,
		  size_t max, struct str *ret, struct err *err);
/* By segments: where in the file the byte at VADDR is; false when nowhere. *ret_left: how many
 * bytes follow it in its segment. */
bool elf_view_offset(const struct elf_view *v, uint64_t vaddr, uint64_t *ret, uint64_t *ret_left);
/* The build-id from PT_NOTE, else from note sections if they were read; how long, 0: none. */
size_t elf_view_build_id(const struct elf_view *v, uint8_t *into, size_t max);

#endif
