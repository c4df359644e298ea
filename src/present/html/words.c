/* words: one a unit, one a block. */
#include "present/html/words.h"

struct str word_of_unit(enum unit unit)
{
	switch (unit) {
	case UNIT_NONE:
		return S("none");
	case UNIT_COUNT:
		return S("count");
	case UNIT_NS:
		return S("ns");
	case UNIT_BYTES:
		return S("bytes");
	case UNIT_CYCLES:
		return S("cycles");
	case UNIT_RATIO:
		return S("ratio");
	case UNIT_PER_S:
		return S("per_s");
	}
	return S("none");
}

struct str word_of_block(enum block block)
{
	switch (block) {
	case BLOCK_SENTENCE:
		return S("sentence");
	case BLOCK_TABLE:
		return S("table");
	case BLOCK_FINDINGS:
		return S("findings");
	case BLOCK_FLAME:
		return S("flame");
	case BLOCK_HISTOGRAM:
		return S("histogram");
	case BLOCK_TIMELINE:
		return S("timeline");
	case BLOCK_TREEMAP:
		return S("treemap");
	case BLOCK_PLAN:
		return S("plan");
	}
	return S("sentence");
}
