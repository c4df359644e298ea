/* Files by their descriptors: opening, reading, mapping, listing. Writing is in file_write.c. */
#include "sys/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/vec.h"
#include "sys/fault.h"
#include "sys/reason_priv.h"

#define CHUNK 16384u

void fd_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it, or file_write() closed it */
	*fd = -1;
}

static int refused(struct err *err, int code, const char *doing, struct str path)
{
	err_set(err, code, "cannot %s " STR_FMT ": %s", doing, STR_ARG(path), reason(code));
	if (code == -EMFILE || code == -ENFILE)
		err_hint(err, "ulimit -n 65536");
	return code;
}

/* lint-allow: unshared file_open: the plain way in, for tests as well */
int file_open(struct str path, int flags, struct err *err)
{
	struct path p;
	int r = path_set(&p, path);

	if (r == 0)
		r = fault_now() ? -1 : open(p.c, flags | O_CLOEXEC, 0666);
	else
		errno = -r;
	return r >= 0 ? r : refused(err, -errno, "open", path);
}

/* A number of bytes, or negative errno; interrupted calls are made again. */
static ssize_t read_some(int fd, void *into, size_t n)
{
	ssize_t r = -1;

	if (fault_now())
		return -errno;
	do
		r = read(fd, into, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int read_all(int fd, struct str path, const struct arena *a, struct buf *out,
		    struct err *err)
{
	char chunk[CHUNK];

	for (;;) {
		ssize_t n = read_some(fd, chunk, sizeof(chunk));
		if (n < 0)
			return refused(err, (int)n, "read", path);
		if (n == 0)
			return 0;
		buf_put(out, (struct str){ chunk, (size_t)n });
		if (out->full || !arena_fits(a, out->n + 1, 1))
			return err_set(err, -E2BIG, STR_FMT " is larger than expected",
				       STR_ARG(path));
	}
}

int file_read(struct arena *a, struct str path, struct str *ret, struct err *err)
{
	auto_fd fd = file_open(path, O_RDONLY, err);
	auto_buf all = BUF(SIZE_MAX / 4);

	if (fd < 0)
		return fd;
	int r = read_all(fd, path, a, &all, err);
	if (r < 0)
		return r;
	*ret = arena_str(a, buf_str(&all));
	return 0;
}

ssize_t file_pread_some(int fd, void *into, size_t n, uint64_t offset)
{
	ssize_t r = -1;

	if (offset > INT64_MAX)
		return -EINVAL;
	if (fault_now())
		return -errno;
	do
		r = pread(fd, into, n, (off_t)offset);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int file_pread(int fd, void *into, size_t n, uint64_t offset, struct err *err)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = file_pread_some(fd, (char *)into + done, n - done, offset + done);
		if (r < 0)
			return err_set(err, (int)r, "cannot read: %s", reason((int)r));
		if (r == 0) {
			unsigned long long end = offset + done;
			return err_set(err, -EBADMSG, "the file ends at byte %llu, %zu too early",
				       end, n - done);
		}
		done += (size_t)r;
	}
	return 0;
}

bool file_exists(struct str path)
{
	struct path p;

	return path_set(&p, path) == 0 && access(p.c, F_OK) == 0;
}

int file_id(int fd, struct file_id *ret, struct err *err)
{
	struct stat st;

	if (fault_now() || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot look at a file: %s", reason(errno));
	*ret = (struct file_id){
		.device = st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size > 0 ? (uint64_t)st.st_size : 0,
		.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
	};
	return 0;
}

int file_map(int fd, struct file_map *ret, struct err *err)
{
	struct file_id id = { 0 };
	int r = file_id(fd, &id, err);

	if (r < 0)
		return r;
	if (id.size == 0) {
		*ret = (struct file_map){ 0 };
		return 0;
	}
	void *p = fault_now() ? MAP_FAILED : mmap(NULL, id.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_set(err, -errno, "cannot map a file of %llu bytes: %s",
			       (unsigned long long)id.size, reason(errno));
	*ret = (struct file_map){ p, id.size };
	return 0;
}

void file_unmap(struct file_map *m)
{
	if (m->p)
		(void)munmap((void *)m->p, m->n); /* ours, so it cannot fail */
	*m = (struct file_map){ 0 };
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	int was = errno;

	(void)context;
	if (info->si_code == BUS_ADRERR) {
		char *page = (char *)info->si_addr - ((uintptr_t)info->si_addr & 4095);
		if (mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
		    MAP_FAILED) {
			errno = was;
			return;
		}
	}
	(void)signal(number, SIG_DFL); /* not ours: the access is made again and ends us */
}

void file_map_guard(void)
{
	struct sigaction act = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	(void)sigemptyset(&act.sa_mask);
	(void)sigaction(SIGBUS, &act, NULL); /* fails only for numbers that are no signals */
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int file_list(struct arena *a, struct str path, struct str **ret, size_t *ret_n, struct err *err)
{
	auto_fd fd = file_open(path, O_RDONLY | O_DIRECTORY, err);

	if (fd < 0)
		return fd;
	__attribute__((cleanup(closedirp))) DIR *d = fdopendir(fd);
	if (!d)
		return refused(err, -errno, "list", path);
	(void)fd_take(&fd); /* d closes it */
	VEC(struct str) names = { 0 };
	for (;;) {
		errno = fault_now() ? errno : 0;
		const struct dirent *e = errno ? NULL : readdir(d);
		if (!e && errno)
			return refused(err, -errno, "list", path);
		if (!e)
			break;
		struct str name = str_from_c(e->d_name);
		if (str_eq(name, S(".")) || str_eq(name, S("..")))
			continue;
		if (!arena_fits(a, name.n + 1 + (names.n + 8) * 3 * sizeof(name), 1))
			return err_set(err, -E2BIG, "too many files in " STR_FMT, STR_ARG(path));
		*vec_add(a, &names) = arena_str(a, name);
	}
	*ret = names.v;
	*ret_n = names.n;
	return 0;
}

int file_link(struct arena *a, struct str path, struct str *ret, struct err *err)
{
	struct path p;
	char text[PATH_MAX];
	int r = path_set(&p, path);

	if (r < 0)
		return refused(err, r, "read the link", path);
	ssize_t n = fault_now() ? -1 : readlink(p.c, text, sizeof(text));
	if (n < 0)
		return refused(err, -errno, "read the link", path);
	*ret = arena_str(a, (struct str){ text, (size_t)n });
	return 0;
}

int file_mkdirs(struct str path, struct err *err)
{
	struct path p;
	int r = path_set(&p, path);

	if (r < 0)
		return refused(err, r, "make the directory", path);
	for (size_t i = 1; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		p.c[i] = 0;
		r = fault_now() ? -1 : mkdir(p.c, 0700);
		if (r < 0 && errno != EEXIST)
			return refused(err, -errno, "make the directory", str_head(path, i));
		p.c[i] = i < path.n ? '/' : 0;
	}
	struct stat st;
	if (stat(p.c, &st) < 0 || !S_ISDIR(st.st_mode))
		return refused(err, -ENOTDIR, "make the directory", path);
	return 0;
}

struct input_file {
	struct input in; /* first: more() gets it back */
	int fd;
	struct str path;
	char *ready;
};
#define READ_AHEAD ((size_t)256 << 10)

static int file_more(struct input *in, struct err *err)
{
	struct input_file *f = (struct input_file *)in;
	ssize_t n = read_some(f->fd, f->ready, READ_AHEAD);

	in->at = in->end = f->ready;
	if (n < 0)
		return refused(err, (int)n, "read", f->path);
	in->end += n;
	in->offset += (uint64_t)n;
	return n > 0;
}

int input_file_open(struct arena *a, struct str path, struct input_file **ret, struct err *err)
{
	bool standard = str_eq(path, S("-"));
	int fd = standard ? STDIN_FILENO : file_open(path, O_RDONLY, err);

	if (fd < 0)
		return fd;
	struct stat st;
	if (!standard && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		fd_closep(&fd);
		return err_set(err, -EISDIR, STR_FMT " is a directory, not a file", STR_ARG(path));
	}
	struct input_file *f = arena_make(a, struct input_file);
	*f = (struct input_file){
		.in = { .at = "", .end = "", .more = file_more },
		.fd = fd,
		.path = standard ? S("the standard input") : arena_str(a, path),
		.ready = arena_array(a, char, READ_AHEAD),
	};
	f->in.end = f->in.at;
	*ret = f;
	return 0;
}

struct input *input_file_input(struct input_file *f)
{
	return &f->in;
}

struct input_file *input_file_close(struct input_file *f)
{
	if (f && f->fd != STDIN_FILENO)
		fd_closep(&f->fd);
	return NULL;
}
