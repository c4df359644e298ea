/* The text of /proc/PID/maps. Its paths come from whoever mapped the file: any byte but NUL may be
 * in them. Format: show_map_vma() in fs/proc/task_mmu.c. */
#include <errno.h>
#include <sys/sysmacros.h>

#include "base/vec.h"
#include "sys/proc_priv.h"

/* A newline in a path is written \012 and nothing else is escaped (seq_file_path with "\n"), so a
 * real backslash with these three digits behind it cannot be told from it. */
static struct str unescaped(struct arena *a, struct str s)
{
	if (str_find(s, S("\\012")) == s.n)
		return arena_str(a, s);
	char *p = arena_array(a, char, s.n + 1);
	size_t n = 0;
	while (s.n) {
		bool newline = str_starts(s, S("\\012"));
		p[n++] = s.p[0];
		if (newline)
			p[n - 1] = '\n';
		s = str_skip(s, newline ? 4 : 1);
	}
	return (struct str){ p, n };
}

static bool parse_perms(struct str s, char perms[5])
{
	if (s.n != 4)
		return false;
	for (size_t i = 0; i < 4; i++) {
		if (!s.p[i] || !strchr("rwxsp-", s.p[i]))
			return false;
		perms[i] = s.p[i];
	}
	perms[4] = 0;
	return true;
}

static bool parse_device(struct str s, uint64_t *ret)
{
	uint64_t major_no, minor_no;
	struct str low, high = str_cut(s, ':', &low);

	if (!str_to_hex(high, &major_no) || !str_to_hex(low, &minor_no) || major_no > UINT32_MAX ||
	    minor_no > UINT32_MAX)
		return false;
	*ret = makedev((unsigned)major_no, (unsigned)minor_no);
	return true;
}

/* Everything but the path, which is left in *ret_path as it stands there. */
static bool parse_line(struct str line, struct proc_map *m, struct str *ret_path)
{
	struct str rest = line, end;
	struct str start = str_cut(str_cut(rest, ' ', &rest), '-', &end);

	if (!str_to_hex(start, &m->start) || !str_to_hex(end, &m->end) || m->end < m->start)
		return false;
	if (!parse_perms(str_cut(rest, ' ', &rest), m->perms))
		return false;
	if (!str_to_hex(str_cut(rest, ' ', &rest), &m->offset))
		return false;
	if (!parse_device(str_cut(rest, ' ', &rest), &m->device))
		return false;
	if (!str_to_u64(str_cut(rest, ' ', &rest), &m->inode))
		return false;
	while (rest.n && rest.p[0] == ' ') /* padding: no path begins with a blank */
		rest = str_skip(rest, 1);
	*ret_path = rest;
	return true;
}

static struct str path_of(struct arena *a, struct str text, struct proc_map *m)
{
	if (str_ends(text, S(" (deleted)"))) {
		m->deleted = true;
		text.n -= 10;
	}
	return str_starts(text, S("[anon")) ? S("") : unescaped(a, text);
}

/* lint-allow: unshared proc_maps_parse: what is hostile here is the text, so it is fuzzed alone */
int proc_maps_parse(struct arena *a, struct str text, bool exec, struct proc_maps *ret,
		    struct err *err)
{
	VEC(struct proc_map) maps = { 0 };
	struct str was = S(""); /* the text behind the last path: neighbours share it */

	for (size_t number = 1; text.n; number++) {
		struct str path, line = str_cut(text, '\n', &text);
		struct proc_map m = { 0 };
		if (!parse_line(line, &m, &path))
			return err_set(err, -EBADMSG, "line %zu of the maps is not one", number);
		if (exec && m.perms[2] != 'x')
			continue;
		/* The vector may double, and the copy of the path may be as long as the line. */
		if (!arena_fits(a, (maps.n + 8) * 2, sizeof(m)) || !arena_fits(a, line.n + 64, 2))
			return err_set(err, -E2BIG, "too many maps");
		bool same = maps.n && str_eq(path, was);
		if (same) {
			m.path = maps.v[maps.n - 1].path;
			m.deleted = maps.v[maps.n - 1].deleted;
		} else {
			m.path = path_of(a, path, &m);
		}
		was = path;
		*vec_add(a, &maps) = m;
	}
	*ret = (struct proc_maps){ maps.v, maps.n };
	return 0;
}

int proc_maps(const struct host *h, struct arena *a, uint32_t pid, struct proc_maps *ret,
	      struct err *err)
{
	auto_arena tmp = arena_open("reading maps", PROC_FILE_MAX);
	struct str text;
	int r = proc_read(h, tmp, pid, "maps", &text, err);

	if (r == 0)
		r = proc_maps_parse(a, text, false, ret, err);
	return r < 0 ? err_add(err, "process %u", pid) : 0;
}
