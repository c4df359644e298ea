/* Cgroups and containers: where hierarchies are mounted, and who is inside. Both versions are read
 * from /proc/PID/cgroup, "N:controllers:/path", so nothing needs to be walked. */
#include <errno.h>

#include "base/vec.h"
#include "sys/file.h"
#include "sys/proc_priv.h"

#define SEARCH_MAX ((size_t)256 << 20)

struct mount {
	struct str root, point; /* what of the hierarchy is mounted, and where */
	struct str options;     /* v1: among them its controllers */
	bool v2;
};
struct mounts {
	VEC(struct mount) list;
};

/* "36 35 98:0 /root /point opts shared:1 - cgroup2 source superopts", proc(5). */
static bool parse_mount(struct str line, struct mount *ret)
{
	struct str tail, rest, word[5], type;
	size_t dash = str_find(line, S(" - "));

	for (size_t i = 0; i < 5; i++)
		word[i] = str_cut(i ? rest : str_head(line, dash), ' ', &rest);
	tail = str_skip(line, dash + 3);
	type = str_cut(tail, ' ', &tail);
	(void)str_cut(tail, ' ', &tail); /* source */
	*ret = (struct mount){ word[3], word[4], tail, str_eq(type, S("cgroup2")) };
	return word[4].n && (ret->v2 || str_eq(type, S("cgroup")));
}

static void read_mounts(const struct host *h, struct arena *a, struct mounts *ret)
{
	struct err ignored = { 0 };
	struct str text = S("");

	(void)host_read(h, a, S("/proc/self/mountinfo"), &text,
			&ignored); /* then the usual place */
	while (text.n) {
		struct mount m;
		if (parse_mount(str_cut(text, '\n', &text), &m))
			*vec_add(a, &ret->list) = m;
	}
	if (ret->list.n == 0)
		*vec_add(a, &ret->list) =
			(struct mount){ S("/"), S("/sys/fs/cgroup"), S(""), .v2 = true };
}

/* PATH is DIR or below it; "/" is above all. *rest is what is below. */
static bool below(struct str path, struct str dir, struct str *rest)
{
	if (str_eq(dir, S("/")))
		dir = S("");
	if (!str_starts(path, dir) || (path.n > dir.n && path.p[dir.n] != '/'))
		return false;
	*rest = str_skip(path, dir.n);
	return true;
}

static struct str without_slashes(struct str path)
{
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

/* One line of a cgroup file: is it in a hierarchy that M shows? */
static bool of_mount(const struct mount *m, struct str controllers)
{
	struct str list = m->options;

	if (controllers.n == 0)
		return m->v2;
	if (m->v2)
		return false;
	/* The options of the mount hold the controllers in the same order, among others. */
	struct str first = str_cut(controllers, ',', &controllers);
	while (list.n)
		if (str_eq(str_cut(list, ',', &list), first))
			return true;
	return false;
}

/* The path of the wanted cgroup as /proc/PID/cgroup writes it, by mount. */
struct wanted {
	struct mounts mounts;
	struct str *path; /* by mount; empty: not below that mount */
};

static void want(const struct host *h, struct arena *a, struct str path, struct wanted *ret)
{
	read_mounts(h, a, &ret->mounts);
	size_t n = ret->mounts.list.n, longest = 0;
	ret->path = arena_array(a, struct str, n);
	path = without_slashes(path);
	for (size_t i = 0; i < n; i++) {
		const struct mount *m = &ret->mounts.list.v[i];
		struct str rest, root = str_eq(m->root, S("/")) ? S("") : m->root;
		if (below(path, m->point, &rest) && m->point.n > longest) {
			memset(ret->path, 0, i * sizeof(*ret->path)); /* a mount inside a mount */
			longest = m->point.n;
			ret->path[i] =
				arena_printf(a, STR_FMT STR_FMT, STR_ARG(root), STR_ARG(rest));
			if (ret->path[i].n == 0)
				ret->path[i] = S("/");
		}
	}
	for (size_t i = 0; i < n && longest == 0; i++) /* not absolute: in any hierarchy */
		ret->path[i] = arena_printf(a, "%s" STR_FMT, str_starts(path, S("/")) ? "" : "/",
					    STR_ARG(path));
}

static bool inside(const struct wanted *w, struct str text)
{
	while (text.n) {
		struct str rest, path, line = str_cut(text, '\n', &text);
		(void)str_cut(line, ':', &rest);
		struct str controllers = str_cut(rest, ':', &path);
		for (size_t i = 0; i < w->mounts.list.n; i++)
			if (w->path[i].n && of_mount(&w->mounts.list.v[i], controllers) &&
			    below(path, w->path[i], &rest))
				return true;
	}
	return false;
}

static struct str cgroup_text(const struct host *h, struct arena *a, uint32_t pid)
{
	struct err gone = { 0 };
	struct str text;

	return proc_read(h, a, pid, "cgroup", &text, &gone) < 0 ? S("") : text;
}

static bool directory_exists(const struct host *h, struct arena *a, const struct wanted *w,
			     struct str path)
{
	if (str_starts(path, S("/")) && file_exists(host_path(h, a, path)))
		return true;
	for (size_t i = 0; i < w->mounts.list.n; i++)
		if (w->path[i].n &&
		    file_exists(host_path(h, a,
					  arena_printf(a, STR_FMT "/" STR_FMT,
						       STR_ARG(w->mounts.list.v[i].point),
						       STR_ARG(path)))))
			return true;
	return false;
}

int proc_by_cgroup(const struct host *h, struct arena *a, struct str path, struct proc_ids *ret,
		   struct err *err)
{
	auto_arena tmp = arena_open("looking into a cgroup", SEARCH_MAX);
	struct proc_ids all;
	struct wanted w = { 0 };
	VEC(uint32_t) found = { 0 };
	int r = proc_all(h, tmp, &all, err);

	if (r < 0)
		return r;
	want(h, tmp, path, &w);
	for (size_t i = 0; i < all.n; i++) {
		auto_arena one = arena_open("reading a cgroup", PROC_FILE_MAX);
		if (inside(&w, cgroup_text(h, one, all.v[i])))
			*vec_add(a, &found) = all.v[i];
	}
	if (found.n == 0 && directory_exists(h, tmp, &w, path))
		return err_set(err, -ESRCH, "there is no process in the cgroup " STR_FMT,
			       STR_ARG(path));
	if (found.n == 0) {
		err_set(err, -ENOENT, "there is no cgroup " STR_FMT, STR_ARG(path));
		return err_hint(err, "systemd-cgls");
	}
	*ret = (struct proc_ids){ found.v, found.n };
	return 0;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/*
 * The id in a directory's name, or "". cgroupfs: "<id>", podman "libpod-<id>"; systemd:
 * "docker-<id>.scope", "cri-containerd-<id>.scope", "crio-<id>.scope", "libpod-<id>.scope". The
 * monitor of podman and cri-o lives beside it as "...conmon-<id>.scope".
 */
static struct str id_in(struct str name)
{
	struct str head;

	if (str_ends(name, S(".scope")))
		name.n -= 6;
	struct str id = str_cut_last(name, '-', &head);
	id = str_cut_last(id, ':', &(struct str){ 0 });
	if (str_ends(head, S("conmon")) || id.n != 64 || !is_hex(id))
		return S("");
	return id;
}

/* The part of PATH that ends with the directory of the container; "" when it is in none like ID. */
static struct str container_part(struct str path, struct str id, struct str *ret_whole_id)
{
	for (size_t from = 0; from < path.n;) {
		size_t to = from;
		while (to < path.n && path.p[to] != '/')
			to++;
		struct str found = id_in((struct str){ path.p + from, to - from });
		if (found.n && str_starts(found, id)) {
			*ret_whole_id = found;
			return str_head(path, to);
		}
		from = to + 1;
	}
	return S("");
}

/* The directory of a path in a hierarchy, by the mount that shows it. */
static struct str directory_of(struct arena *a, const struct mounts *mounts, struct str controllers,
			       struct str path)
{
	for (size_t i = 0; i < mounts->list.n; i++) {
		const struct mount *m = &mounts->list.v[i];
		struct str rest;
		if (of_mount(m, controllers) && below(path, m->root, &rest))
			return arena_printf(a, STR_FMT STR_FMT, STR_ARG(m->point), STR_ARG(rest));
	}
	return S("");
}

struct search {
	struct str id;
	struct str whole; /* of the first that fits */
	struct str directory;
	bool ambiguous;
};

static void look_for_container(struct arena *a, const struct mounts *mounts, struct str text,
			       struct search *s)
{
	while (text.n) {
		struct str rest, path, whole, line = str_cut(text, '\n', &text);
		(void)str_cut(line, ':', &rest);
		struct str controllers = str_cut(rest, ':', &path);
		struct str part = container_part(path, s->id, &whole);
		if (part.n == 0)
			continue;
		if (s->whole.n && !str_eq(s->whole, whole)) {
			s->ambiguous = true;
		} else if (s->directory.n == 0) {
			s->whole = arena_str(a, whole);
			s->directory = directory_of(a, mounts, controllers, part);
		}
	}
}

int proc_container_cgroup(const struct host *h, struct arena *a, struct str id, struct str *ret,
			  struct err *err)
{
	auto_arena tmp = arena_open("looking for a container", SEARCH_MAX);
	struct mounts mounts = { 0 };
	struct search s = { .id = id };
	struct proc_ids all;

	if (id.n < 8 || id.n > 64 || !is_hex(id))
		return err_set(err, -EINVAL,
			       "a container is named by 8 to 64 hex digits of its id, not " STR_FMT,
			       STR_ARG(id));
	int r = proc_all(h, tmp, &all, err);
	if (r < 0)
		return r;
	read_mounts(h, tmp, &mounts);
	for (size_t i = 0; i < all.n; i++) {
		auto_arena one = arena_open("reading a cgroup", PROC_FILE_MAX);
		look_for_container(tmp, &mounts, cgroup_text(h, one, all.v[i]), &s);
	}
	if (s.ambiguous)
		return err_set(err, -EINVAL,
			       "several containers have an id that begins with " STR_FMT,
			       STR_ARG(id));
	if (s.whole.n && s.directory.n == 0)
		return err_set(err, -ENOENT,
			       "the cgroup of container " STR_FMT " is mounted nowhere here",
			       STR_ARG(id));
	if (s.whole.n == 0) {
		err_set(err, -ESRCH, "no running container has an id that begins with " STR_FMT,
			STR_ARG(id));
		return err_hint(err, "docker ps --no-trunc  # or crictl ps, podman ps");
	}
	*ret = arena_str(a, s.directory);
	return 0;
}
