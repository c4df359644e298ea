/* The real machine: what tests replace by a fixture. */
#include "cmd/here.h"

#include "sys/host.h"
#include "sys/stop.h"

int here_open(struct context *c, struct err *err)
{
	struct host *host = arena_make(c->arena, struct host);

	stop_catch();
	c->stop = stop_flag();
	c->host = host;
	return host_open(S(""), host, err);
}
