/* The conventions of terminals: https://no-color.org, https://bixense.com/clicolors. */
#include "cmd/terminal.h"

#include <errno.h>

#include "cmd/manner.h"
#include "sys/env.h"
#include "sys/file.h"

#define COLUMNS_DEFAULT 80
#define COLUMNS_MIN     40
#define COLUMNS_MAX     200 /* a wider table is harder to read, not easier */

static bool coloured(unsigned color, bool is_terminal)
{
	struct str force = env_get("CLICOLOR_FORCE");

	if (color != COLOR_AUTO)
		return color == COLOR_ALWAYS;
	if (env_get("NO_COLOR").n)
		return false;
	if (force.n && !str_eq(force, S("0")))
		return true;
	return is_terminal && !str_eq(env_get("TERM"), S("dumb"));
}

struct terminal terminal_look(unsigned color)
{
	struct terminal t = { .out = env_is_terminal(1), .err = env_is_terminal(2) };
	uint64_t columns = env_columns(1);

	if (!columns && !str_to_u64(env_get("COLUMNS"), &columns))
		columns = COLUMNS_DEFAULT;
	if (columns < COLUMNS_MIN)
		columns = COLUMNS_MIN;
	t.columns = (unsigned)(columns > COLUMNS_MAX ? COLUMNS_MAX : columns);
	t.colour = coloured(color, t.out);
	/* A dumb terminal cannot go back to the start of a line. */
	if (str_eq(env_get("TERM"), S("dumb")))
		t.err = false;
	return t;
}

int terminal_put(struct str s, struct err *err)
{
	int r = file_put(1, s, err);

	if (r < 0 && r != -EPIPE)
		return err_add(err, "writing the result to stdout");
	return 0;
}
