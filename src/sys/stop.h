/* stop: Ctrl-C as a flag. The first SIGINT or SIGTERM asks to stop, the second one ends us at once.
 */
#ifndef PERF_OPS_SYS_STOP_H
#define PERF_OPS_SYS_STOP_H

#include <stdatomic.h>

void stop_catch(void);              /* installs the handlers; SIGPIPE is ignored too */
const atomic_bool *stop_flag(void); /* what struct context carries */

#endif
