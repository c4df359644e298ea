/* Names below the root, and what only the kernel's tree says about the machine. */
#include "sys/host.h"

#include <errno.h>
#include <sys/sysinfo.h>

#include "sys/file.h"

/* "0-3,8,10-11" of /sys/devices/system/cpu/online; 0 when it is something else. */
static unsigned count_cpus(struct str list)
{
	unsigned n = 0;

	for (struct str rest = str_trim(list); rest.n;) {
		struct str last, range = str_cut(rest, ',', &rest);
		uint64_t from, to;
		struct str first = str_cut(range, '-', &last);
		if (!str_to_u64(first, &from))
			return 0;
		to = from;
		if (last.n && !str_to_u64(last, &to))
			return 0;
		if (to < from || to >= 65536)
			return 0;
		n += (unsigned)(to - from) + 1;
	}
	return n;
}

int host_open(struct str root, struct host *ret, struct err *err)
{
	auto_arena a = arena_open("reading the machine", 1 << 20);
	struct host h = { .root = root, .fixture = root.n != 0 };
	struct str list;
	struct err ignored = { 0 };

	while (h.root.n && h.root.p[h.root.n - 1] == '/')
		h.root.n--;
	h.fixture = h.root.n != 0;
	if (h.fixture && !file_exists(h.root))
		return err_set(err, -ENOENT, "there is no directory " STR_FMT, STR_ARG(root));
	if (host_read(&h, a, S("/sys/devices/system/cpu/online"), &list, &ignored) == 0)
		h.n_cpus = count_cpus(list);
	if (h.n_cpus == 0)
		h.n_cpus = h.fixture ? 1 : (unsigned)get_nprocs();
	*ret = h;
	return 0;
}

struct str host_path(const struct host *h, struct arena *a, struct str name)
{
	return arena_printf(a, STR_FMT STR_FMT, STR_ARG(h->root), STR_ARG(name));
}

int host_read(const struct host *h, struct arena *a, struct str name, struct str *ret,
	      struct err *err)
{
	return file_read(a, host_path(h, a, name), ret, err);
}

bool host_number(const struct host *h, const char *name, int64_t *ret)
{
	auto_arena a = arena_open("reading a number", 1 << 16);
	struct str text;
	struct err ignored = { 0 };
	uint64_t v;

	if (host_read(h, a, str_from_c(name), &text, &ignored) < 0)
		return false;
	text = str_trim(text);
	bool minus = str_starts(text, S("-"));
	if (!str_to_u64(str_skip(text, minus), &v) || v > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

static struct str one_line(const struct host *h, struct arena *a, struct str name)
{
	struct str text;
	struct err ignored = { 0 };

	return host_read(h, a, name, &text, &ignored) < 0 ? S("") : str_trim(text);
}

struct str host_name(const struct host *h, struct arena *a)
{
	return one_line(h, a, S("/proc/sys/kernel/hostname"));
}
