/* What the surroundings say about how to talk. */
#include "sys/env.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct str env_get(const char *name)
{
	return str_from_c(getenv(name));
}

bool env_is_terminal(int fd)
{
	return isatty(fd) == 1;
}

unsigned env_columns(int fd)
{
	struct winsize size = { 0 };

	return isatty(fd) == 1 && ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
