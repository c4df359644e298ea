/* The distance of Damerau and Levenshtein with adjacent transpositions (optimal string alignment).
 */
#include "surface/nearest.h"

#include "cmd/command.h"
#include "surface/help.h"

#define WORD_MAX 24 /* longer words are no near misses of ours */

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(struct str a, struct str b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	if (a.n > WORD_MAX || b.n > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= a.n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= b.n; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a.n; i++)
		for (size_t j = 1; j <= b.n; j++) {
			unsigned same = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
			d[i][j] =
				least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + same);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[a.n][b.n];
}

/* A third of the word may be wrong, and a beginning of two letters is enough. */
static bool near(struct str typed, struct str known, unsigned *best)
{
	unsigned d = typed.n >= 2 && str_starts(known, typed) ? 0 : distance(typed, known);

	if (d >= *best || d > (known.n + 2) / 3)
		return false;
	*best = d;
	return true;
}

struct str nearest_command(struct str typed)
{
	struct str found = { "", 0 };
	unsigned best = WORD_MAX;

	for (const struct command *const *c = commands; *c; c++)
		if (near(typed, str_from_c((*c)->name), &best))
			found = str_from_c((*c)->name);
	return found;
}

struct str nearest_option(const struct command *c, struct str typed, char *into, size_t max)
{
	struct str found = { "", 0 };
	unsigned best = WORD_MAX;

	for (const struct param *p = c->params; p->name; p++) {
		auto_buf name = BUF(128);
		if (!help_is_option(p))
			continue;
		help_name(&name, p);
		if (name.n > max || !near(typed, buf_str(&name), &best))
			continue;
		memcpy(into, name.p, name.n);
		found = (struct str){ into, name.n };
	}
	return found;
}
