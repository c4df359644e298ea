/* Who prints, and who decides how the program ends. */
#include "surface/cli.h"

#include <stdio.h>

int cli_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	(void)puts("perf-ops " PERF_OPS_VERSION);
	return 0;
}
