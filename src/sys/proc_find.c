/* Which processes are meant: by name, by parent, by port. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/map.h"
#include "base/vec.h"
#include "sys/caps.h"
#include "sys/file.h"
#include "sys/proc_priv.h"

#define SEARCH_MAX ((size_t)256 << 20)

int proc_descendants(const struct host *h, struct arena *a, uint32_t pid, struct proc_ids *ret,
		     struct err *err)
{
	auto_arena tmp = arena_open("looking for children", SEARCH_MAX);
	struct proc_ids all;
	VEC(uint32_t) found = { 0 };
	int r = proc_all(h, tmp, &all, err);

	if (r < 0)
		return r;
	uint32_t *parent = arena_array(tmp, uint32_t, all.n + 1);
	bool *taken = arena_array(tmp, bool, all.n + 1);
	for (size_t i = 0; i < all.n; i++) {
		struct proc_stat st;
		struct err gone = { 0 };
		if (proc_stat(h, tmp, all.v[i], &st, &gone) == 0)
			parent[i] = st.parent;
	}
	/* Generation by generation; NEXT runs behind the end of what is found. */
	for (size_t next = 0; next <= found.n; next++) {
		uint32_t of = next ? found.v[next - 1] : pid;
		for (size_t i = 0; i < all.n; i++) {
			if (parent[i] != of || taken[i] || all.v[i] == pid)
				continue;
			taken[i] = true;
			*vec_add(a, &found) = all.v[i];
		}
	}
	*ret = (struct proc_ids){ found.v, found.n };
	return 0;
}

static struct str last_part(struct str path)
{
	struct str head;

	return str_cut_last(path, '/', &head);
}

static bool is_called(const struct host *h, uint32_t pid, struct str name)
{
	auto_arena tmp = arena_open("comparing a name", PROC_FILE_MAX);
	struct str rest, words;
	struct err gone = { 0 };

	if (str_eq(proc_comm(h, tmp, pid, pid), name) ||
	    str_eq(last_part(proc_exe(h, tmp, pid)), name))
		return true;
	if (proc_read(h, tmp, pid, "cmdline", &words, &gone) < 0)
		return false;
	return str_eq(last_part(str_cut(words, 0, &rest)), name);
}

int proc_by_name(const struct host *h, struct arena *a, struct str name, struct proc_ids *ret,
		 struct err *err)
{
	auto_arena tmp = arena_open("looking for a name", SEARCH_MAX);
	struct proc_ids all;
	VEC(uint32_t) found = { 0 };
	uint32_t own = h->fixture ? 0 : (uint32_t)getpid();
	int r = proc_all(h, tmp, &all, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.n && name.n; i++)
		if (all.v[i] != own && is_called(h, all.v[i], name) && proc_alive(h, all.v[i]))
			*vec_add(a, &found) = all.v[i];
	if (found.n == 0)
		return err_set(err, -ESRCH, "no process is called " STR_FMT, STR_ARG(name));
	*ret = (struct proc_ids){ found.v, found.n };
	return 0;
}

/* Inodes of sockets that listen on the port: unique on the machine, whatever the namespace. */
struct sockets {
	VEC(uint64_t) inode;
	uint32_t owner; /* uid of the last one */
};

#define TCP_LISTEN 0x0a

/* One line of /proc/net/tcp: "sl local:PORT remote:PORT st tx:rx tr:when retrnsmt uid timeout
 * inode ...", blanks repeated. Source: get_tcp4_sock() in net/ipv4/tcp_ipv4.c. */
static void add_socket(struct arena *a, struct str line, uint16_t port, struct sockets *s)
{
	struct str field[10], ignored;
	size_t n = 0;
	uint64_t number, state, inode, uid;

	while (line.n && n < 10) {
		struct str word = str_cut(line, ' ', &line);
		if (word.n)
			field[n++] = word;
	}
	if (n < 10 || !str_to_hex(str_cut_last(field[1], ':', &ignored), &number) ||
	    !str_to_hex(field[3], &state) || !str_to_u64(field[9], &inode))
		return;
	if (number != port || state != TCP_LISTEN || inode == 0)
		return;
	if (str_to_u64(field[7], &uid) && uid < UINT32_MAX)
		s->owner = (uint32_t)uid;
	*vec_add(a, &s->inode) = inode;
}

static void read_sockets(const struct host *h, struct arena *a, const char *file, uint16_t port,
			 struct sockets *s)
{
	auto_arena tmp = arena_open("reading sockets", SEARCH_MAX);
	struct err ignored = { 0 };
	struct str text;

	if (host_read(h, tmp, str_from_c(file), &text, &ignored) < 0)
		return; /* no IPv6, or a process that is gone */
	while (text.n)
		add_socket(a, str_cut(text, '\n', &text), port, s);
}

static void read_namespace(const struct host *h, struct arena *a, const char *of, uint16_t port,
			   struct sockets *s)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "/proc/%s/tcp", of);
	read_sockets(h, a, name, port, s);
	(void)snprintf(name, sizeof(name), "/proc/%s/tcp6", of);
	read_sockets(h, a, name, port, s);
}

/* The inode in "socket:[123]"; 0 for other links. */
static uint64_t socket_inode(struct str link)
{
	uint64_t inode;

	if (!str_starts(link, S("socket:[")) || !str_ends(link, S("]")))
		return 0;
	return str_to_u64(str_skip(str_head(link, link.n - 1), 8), &inode) ? inode : 0;
}

static bool holds(const struct host *h, uint32_t pid, const struct sockets *s, bool *refused)
{
	auto_arena tmp = arena_open("reading open files", SEARCH_MAX);
	struct err e = { 0 };
	struct str *fds;
	size_t n;

	if (file_list(tmp, host_path(h, tmp, arena_printf(tmp, "/proc/%u/fd", pid)), &fds, &n, &e) <
	    0) {
		*refused |= e.code == -EACCES;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		auto_arena one = arena_open("reading an open file", 1 << 16);
		char name[300];
		(void)snprintf(name, sizeof(name), "fd/" STR_FMT, STR_ARG(fds[i]));
		uint64_t inode = socket_inode(proc_link(h, one, pid, name));
		for (size_t k = 0; inode && k < s->inode.n; k++)
			if (s->inode.v[k] == inode)
				return true;
	}
	return false;
}

/* Programs that hold a port only to pass it into a container: whoever listens there is meant. */
static bool is_forwarder(const struct host *h, uint32_t pid)
{
	auto_arena tmp = arena_open("reading a name", 2 << 20);
	struct str comm = proc_comm(h, tmp, pid, pid);

	return str_eq(comm, S("docker-proxy")) || str_eq(comm, S("rootlessport"));
}

static struct proc_ids holders(const struct host *h, struct arena *a, const struct proc_ids *all,
			       const struct sockets *s, bool *refused)
{
	VEC(uint32_t) found = { 0 };

	for (size_t i = 0; i < all->n && s->inode.n; i++)
		if (holds(h, all->v[i], s, refused))
			*vec_add(a, &found) = all->v[i];
	return (struct proc_ids){ found.v, found.n };
}

/* One process of every network namespace but ours is asked for its sockets. */
static void other_namespaces(const struct host *h, struct arena *a, const struct proc_ids *all,
			     uint16_t port, struct sockets *s)
{
	auto_arena tmp = arena_open("reading namespaces", SEARCH_MAX);
	VEC(struct str) seen = { 0 };
	uint32_t own = (uint32_t)getpid();
	char of[32];

	*vec_add(tmp, &seen) =
		h->fixture ? proc_link(h, tmp, 1, "ns/net") : proc_link(h, tmp, own, "ns/net");
	for (size_t i = 0; i < all->n; i++) {
		struct str ns = proc_link(h, tmp, all->v[i], "ns/net");
		bool known = ns.n == 0;
		for (size_t k = 0; k < seen.n && !known; k++)
			known = str_eq(seen.v[k], ns);
		if (known)
			continue;
		*vec_add(tmp, &seen) = ns;
		(void)snprintf(of, sizeof(of), "%u/net", all->v[i]);
		read_namespace(h, a, of, port, s);
	}
}

static bool only_forwarders(const struct host *h, const struct proc_ids *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		if (!is_forwarder(h, ids->v[i]))
			return false;
	return true;
}

static int nobody(uint16_t port, const struct sockets *s, bool refused, struct err *err)
{
	if (s->inode.n == 0)
		return err_set(err, -ESRCH, "nobody listens on port %u", port);
	if (!refused)
		return err_set(err, -ESRCH,
			       "port %u is listened on, but by no process of this machine", port);
	int r = rights_refused(RIGHTS_MEMORY, -EACCES, 0, err);
	char hint[sizeof(err->hint)];
	memcpy(hint, err->hint, sizeof(hint));
	err_set(err, r,
		"port %u is listened on by a process of user id %u, which we may not look at", port,
		s->owner);
	return err_hint(err, "%s", hint);
}

int proc_by_port(const struct host *h, struct arena *a, uint16_t port, struct proc_ids *ret,
		 struct err *err)
{
	auto_arena tmp = arena_open("looking for a port", SEARCH_MAX);
	struct proc_ids all;
	struct sockets s = { .owner = UINT32_MAX };
	bool refused = false;
	int r = proc_all(h, tmp, &all, err);

	if (r < 0)
		return r;
	read_namespace(h, tmp, "net", port, &s);
	struct proc_ids found = holders(h, a, &all, &s, &refused);
	if (only_forwarders(h, &found)) { /* or nobody at all */
		struct sockets inside = { .owner = UINT32_MAX };
		other_namespaces(h, tmp, &all, port, &inside);
		struct proc_ids behind = holders(h, a, &all, &inside, &refused);
		found = behind.n ? behind : found;
		s = s.inode.n ? s : inside;
	}
	if (found.n == 0)
		return nobody(port, &s, refused, err);
	*ret = found;
	return 0;
}
