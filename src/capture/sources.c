/* The list, and nothing about any member of it. */
#include "capture/source.h"

#define SOURCE(name) extern const struct source source_##name;
#include "capture/sources.def"
#undef SOURCE

const struct source *const sources[] = {
#define SOURCE(name) &source_##name,
#include "capture/sources.def"
#undef SOURCE
	NULL,
};
