/* The environment and the terminal. The only callers of getenv and isatty. */
#ifndef PERF_OPS_SYS_ENV_H
#define PERF_OPS_SYS_ENV_H

#include "base/str.h"

struct str env_get(const char *name); /* "" when not set */
bool env_is_terminal(int fd);
unsigned env_columns(int fd); /* of a terminal; 0 when it is none */

#endif
