/* The real machine: what tests replace by a fixture. */
#include "cmd/here.h"

#include "sys/host.h"
#include "sys/stop.h"

void here_catch(void)
{
	stop_catch();
}

int here_open(struct context *c, struct err *err)
{
	struct host *host = arena_make(c->arena, struct host);

	c->stop = stop_flag();
	c->host = host;
	return host_open(S(""), host, err);
}
