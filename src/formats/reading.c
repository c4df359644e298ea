/* Small decisions that all readers must take alike. */
#include "formats/reading.h"

#include <errno.h>

const struct value_kind reading_cpu_kinds[2] = { { { "samples", 7 }, UNIT_COUNT },
						 { { "cpu", 3 }, UNIT_NS } };

int reading_room(const struct profile *p, size_t string_bytes, struct err *err)
{
	if (profile_fits(p, string_bytes))
		return 0;
	return err_set(err, -E2BIG, "needs more memory than allowed, after %zu samples",
		       p->sample.n_rows);
}

int reading_scratch(const struct arena *a, size_t count, size_t size, struct err *err)
{
	if (arena_fits(a, count, size))
		return 0;
	return err_set(err, -E2BIG, "%zu items of %zu bytes are more than is allowed", count, size);
}

struct str reading_module(struct str path)
{
	struct str dir, last = str_cut_last(path, '/', &dir);

	return last.n ? last : path;
}

bool reading_is_kernel(struct str module)
{
	return str_starts(module, S("[kernel")) || str_starts(module, S("[guest.kernel")) ||
	       str_ends(module, S(".ko")) || str_ends(module, S(".ko.xz")) ||
	       str_ends(module, S(".ko.zst")) || str_eq(module, S("vmlinux")) ||
	       str_eq(module, S("[bpf]"));
}

/* Samples whose leaf has no name; files of our own say it themselves. */
static uint64_t unresolved(const struct profile *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->sample.n_rows; i++) {
		stack_id s = p->sample.stack[i];
		n += s.i && p->frames[p->stacks[s.i].frame.i].function.i == 0;
	}
	return n;
}

int reading_done(struct run *r, struct profile *p, const char *format, struct err *err)
{
	if (p->sample.n_rows == 0)
		return err_set(err, -ENODATA, "this %s file holds no samples", format);
	if (p->loss.unresolved == 0)
		p->loss.unresolved = unresolved(p);
	profile_sort(p);
	if (p->sample.at_ns && p->duration_ns == 0)
		p->duration_ns = p->sample.at_ns[p->sample.n_rows - 1];
	if (r->wall_ns == 0)
		r->wall_ns = p->duration_ns;
	if (profile_check(p, err) < 0)
		return err_add(err, "%s", format);
	run_add_profile(r, p);
	return 0;
}
