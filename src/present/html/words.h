/* words: what the page calls units and blocks; part of the layout, so they never change. */
#ifndef PERF_OPS_PRESENT_HTML_WORDS_H
#define PERF_OPS_PRESENT_HTML_WORDS_H

#include "model/report.h"

struct str word_of_unit(enum unit unit);
struct str word_of_block(enum block block);

#endif
