/*
 * go_table: functions, lines and inlined calls of Go programs (1.18 and later) from the table that
 * the Go runtime itself needs (.gopclntab), so stripped programs have names too.
 */
#ifndef PERF_OPS_RESOLVE_GO_TABLE_H
#define PERF_OPS_RESOLVE_GO_TABLE_H

#include "resolve/elf_view.h"
#include "resolve/names.h"

struct go_table;

/* V must outlive it. -ENODATA: no Go program; -EBADMSG, -ENOTSUP: one that cannot be read. */
int go_table_open(struct arena *a, const struct elf_view *v, struct go_table **ret,
		  struct err *err);
/* Innermost first, the real function last. N is 0: no Go function. */
void go_table_find(struct go_table *g, uint64_t vaddr, struct name_list *ret);

#endif
