/* Signal handlers and the one flag they write. */
#include "sys/stop.h"

#include <signal.h>
#include <stddef.h>

#include "sys/file.h"

/* lint-allow: global asked_to_stop: a signal handler has no other way to tell the program */
static atomic_bool asked_to_stop;

/* The second signal finds the default action: it ends us when the handler returns. */
static void on_signal(int number)
{
	if (atomic_exchange(&asked_to_stop, true)) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
	}
}

void stop_catch(void)
{
	struct sigaction stop = { .sa_handler = on_signal }; /* no SA_RESTART: waits must end */
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* sigaction fails only for numbers that are not signals. */
	(void)sigemptyset(&stop.sa_mask);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	file_map_guard();
}

const atomic_bool *stop_flag(void)
{
	return &asked_to_stop;
}
