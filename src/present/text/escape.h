/*
 * escape: foreign text for a terminal. Names come from the programs that are observed: control
 * characters, broken UTF-8 and characters that turn the direction of writing are shown, not obeyed.
 */
#ifndef PERF_OPS_PRESENT_TEXT_ESCAPE_H
#define PERF_OPS_PRESENT_TEXT_ESCAPE_H

#include "base/buf.h"

/* Columns a terminal takes for S once it is escaped; wide and combining characters are counted. */
size_t escape_columns(struct str s);
void escape_put(struct buf *out, struct str s);
/* At most COLUMNS wide; of what is longer the middle goes, because both ends of a name tell. */
void escape_fit(struct buf *out, struct str s, size_t columns);

#endif
