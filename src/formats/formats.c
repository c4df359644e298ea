/* The list, and nothing about any member of it. */
#include "formats/format.h"

#define FORMAT(name) extern const struct format format_##name;
#include "formats/formats.def"
#undef FORMAT

const struct format *const formats[] = {
#define FORMAT(name) &format_##name,
#include "formats/formats.def"
#undef FORMAT
	NULL,
};

const struct format *format_sniff(struct str head)
{
	const struct format *best = NULL;
	int most = 0;

	for (const struct format *const *f = formats; *f; f++) {
		int score = (*f)->sniff ? (*f)->sniff(head) : 0;
		if (score > most) {
			most = score;
			best = *f;
		}
	}
	return best;
}

const struct format *format_by_suffix(struct str path)
{
	const struct format *best = NULL;
	size_t most = 0;

	for (const struct format *const *f = formats; *f; f++)
		for (struct str rest = str_from_c((*f)->suffix), one; rest.n;) {
			one = str_cut(rest, '|', &rest);
			if (str_ends(path, one) && one.n > most) {
				most = one.n;
				best = *f;
			}
		}
	return best;
}
