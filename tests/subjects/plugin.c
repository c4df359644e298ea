/* plugin: opened by shapes while it is being profiled. */
#include "truth.h"

void plugin_burns(void);

static volatile uint64_t spill;

__attribute__((noinline)) void plugin_burns(void)
{
	spill = grind(spill);
}
