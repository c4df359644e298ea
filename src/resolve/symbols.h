/*
 * symbols: the functions of one program by link-time address, from any number of ELF symbol tables
 * (.symtab, .dynsym, those of a debug file). Names stay in the file and are read when asked for: a
 * table of 150,000 costs 16 bytes a row.
 *
 * Of several names for one address: with a size before without, global before weak before local,
 * the larger, the one that stands first; underscores play no role. A symbol of size 0 (assembly)
 * reaches to the next symbol of its section, if the tables are complete (not of .dynsym alone), and
 * is dropped inside another one. An address behind the end of a symbol has no name.
 */
#ifndef PERF_OPS_RESOLVE_SYMBOLS_H
#define PERF_OPS_RESOLVE_SYMBOLS_H

#include "resolve/elf_view.h"

struct symbols;
/* Rows live on A; so do the names that are asked for. */
struct symbols *symbols_new(struct arena *a);
/* Takes all functions of the .symtab and .dynsym of V, which must outlive it with its sections
 * read. True: it had a .symtab. False and err.code: damaged. */
bool symbols_take(struct symbols *s, const struct elf_view *v, struct err *err);
void symbols_sort(struct symbols *s); /* once, after the last take */
/* As written in the file, still mangled, without @VERSION; false: no symbol covers VADDR. */
bool symbols_find(struct symbols *s, uint64_t vaddr, struct str *ret);

#endif
