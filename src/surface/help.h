/* Projections of the command table: nothing in here is written twice by hand. */
#ifndef PERF_OPS_SURFACE_HELP_H
#define PERF_OPS_SURFACE_HELP_H

#include "base/buf.h"
#include "cmd/command.h"

void help_brief(struct buf *out);    /* what `perf-ops` alone says */
void help_overview(struct buf *out); /* perf-ops help */
void help_command(const struct command *c, struct buf *out);
void help_man(const struct command *c, struct buf *out); /* NULL: perf-ops(1) */
void help_bash(struct buf *out);
void help_zsh(struct buf *out);
void help_fish(struct buf *out);
void help_json(const struct command *c, struct buf *out); /* NULL: all */
void help_mcp(struct buf *out);                           /* the answer to tools/list */

/* An option has a name on the command line; words and what follows `--` have none. */
bool help_is_option(const struct param *p);
/* "fail-at", for the field fail_at. */
void help_name(struct buf *out, const struct param *p);
/* What stands for the value: "TIME", "N", "auto|ebpf"; empty for a flag. */
struct str help_value(const struct param *p);
/* On already, so that --no-NAME is what one would write. */
bool help_is_on(const struct param *p);

#endif
