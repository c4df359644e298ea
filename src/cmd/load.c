/* gzip undone, the format recognised, and what holds addresses played through a recording. */
#include "cmd/load.h"

#include <errno.h>

#include "base/gzip.h"
#include "capture/record.h"
#include "formats/format.h"
#include "sys/file.h"
#include "sys/host.h"

#define UNPACKED_MAX (UINT64_C(16) << 30) /* a bomb is refused; readers bound what they keep */
#define REPLAY_MAX   ((size_t)2 << 30)
#define KALLSYMS_MAX ((size_t)256 << 20)
#define NOTES_MAX    ((size_t)65536)
#define HEAD_MAX     65536

static int head_of(struct input *in, struct str *ret, struct err *err)
{
	if (in->at == in->end) {
		int r = in->more(in, err);
		if (r < 0)
			return r;
	}
	*ret = str_head((struct str){ in->at, (size_t)(in->end - in->at) }, HEAD_MAX);
	return 0;
}

static int unknown(struct str head, struct err *err)
{
	auto_buf all = BUF(sizeof(err->hint));

	buf_put(&all, S("it reads"));
	for (const struct format *const *f = formats; *f; f++)
		if ((*f)->read || (*f)->replay)
			buf_printf(&all, "%s %s", f == formats ? "" : ",", (*f)->name);
	if (head.n)
		(void)err_set(err, -EBADMSG, "this is no profile that perf-ops knows");
	else
		(void)err_set(err, -EBADMSG, "the file is empty");
	return err_hint(err, STR_FMT, STR_ARG(buf_str(&all)));
}

static bool is_symbol(const struct context *c, struct str name, struct str hex)
{
	auto_arena scratch = arena_open("kallsyms", KALLSYMS_MAX);
	struct str rest, line;
	struct err ignored = { 0 };

	if (host_read(c->host, scratch, S("/proc/kallsyms"), &rest, &ignored) < 0)
		return false;
	while (rest.n) {
		line = str_cut(rest, '\n', &rest);
		struct str kind, symbol, at = str_cut(line, ' ', &kind);
		(void)str_cut(kind, ' ', &symbol);
		if (str_eq(symbol, name))
			return str_eq(at, hex);
	}
	return false;
}

static bool is_build_id(const struct context *c, struct str hex)
{
	auto_arena scratch = arena_open("notes of the kernel", NOTES_MAX);
	struct str notes;
	struct err ignored = { 0 };
	auto_buf all = BUF((size_t)2 * NOTES_MAX);

	if (host_read(c->host, scratch, S("/sys/kernel/notes"), &notes, &ignored) < 0)
		return false;
	for (size_t i = 0; i < notes.n; i++)
		buf_printf(&all, "%02x", (unsigned char)notes.p[i]);
	return str_find(buf_str(&all), hex) < all.n;
}

/* Whether addresses of the kernel mean here what they meant there; see run.kernel. */
static bool same_kernel(const struct context *c, struct str kernel)
{
	struct str id, rest, word = str_cut(kernel, ' ', &rest), boot;
	struct err ignored = { 0 };

	if (str_eq(word, S("boot")))
		return host_read(c->host, c->arena, S("/proc/sys/kernel/random/boot_id"), &boot,
				 &ignored) == 0 &&
		       str_eq(str_trim(boot), rest);
	struct str address = str_cut(rest, ' ', &id);
	return address.n && is_symbol(c, word, address) && (!id.n || is_build_id(c, id));
}

/* Addresses get their names from the files of this machine, where build-ids agree. */
static int replay(const struct context *c, const struct format *f, struct input *in,
		  struct run *into, struct err *err)
{
	struct binaries *b = binaries_open(c->arena, c->host);
	struct record *r = record_open(&(struct record_options){ .per_thread = true,
								 .kernel = true,
								 .timed = true,
								 .limit_bytes = REPLAY_MAX },
				       b);
	record_sink(r)->into = into;
	int code = f->replay(in, record_sink(r), err);

	if (code >= 0 && record_samples(r) == 0)
		code = err_set(err, -ENODATA, "this %s file holds no samples", f->name);
	if (code >= 0) {
		struct names_options o = { .inlines = true,
					   .debuginfod = true,
					   .other_kernel = !same_kernel(c, into->kernel),
					   .threads = c->host->n_cpus };
		struct names *n = names_open(c->arena, c->host, b, o);
		code = record_finish(r, n, c->progress, into, err);
		(void)names_close(n);
	}
	(void)record_close(r);
	(void)binaries_close(b);
	return code < 0 ? code : 0;
}

static int read_input(const struct context *c, struct input *in, struct run *into, struct err *err)
{
	struct str head;

	if (head_of(in, &head, err) < 0)
		return err->code;
	const struct format *f = format_sniff(head);
	if (!f || (!f->read && !f->replay))
		return unknown(head, err);
	log_debug(c->log, "recognised as %s", f->name);
	into->source = arena_printf(into->arena, "read from a %s file", f->name);
	if (f->read)
		return f->read(in, into, err);
	return replay(c, f, in, into, err);
}

static int read_packed(const struct context *c, struct input *in, struct run *into, struct err *err)
{
	struct str head;

	if (head_of(in, &head, err) < 0)
		return err->code;
	if (!gzip_is(head))
		return read_input(c, in, into, err);
	struct gunzip *g = gunzip_open(c->arena, in, UNPACKED_MAX);
	int r = read_input(c, gunzip_input(g), into, err);
	(void)gunzip_close(g);
	return r;
}

/* Reports are about the first. */
static void tell_others(struct run *r)
{
	auto_buf all = BUF(4096);

	for (size_t i = 1; i < r->profiles.n; i++)
		buf_printf(&all, "%s" STR_FMT, i > 1 ? ", " : "", STR_ARG(r->profiles.v[i]->name));
	if (all.n)
		run_add_limit(r,
			      arena_printf(r->arena, "the file also holds " STR_FMT,
					   STR_ARG(buf_str(&all))),
			      S("this is about its first profile"), S(""));
}

int load_run(const struct context *c, struct str path, struct run **ret, struct err *err)
{
	struct run *run = run_new(c->arena);
	struct input_file *f;

	progress_show(c->progress, S("reading"), -1, STR_FMT, STR_ARG(path));
	if (input_file_open(c->arena, path, &f, err) < 0)
		return err->code;
	int r = read_packed(c, input_file_input(f), run, err);
	(void)input_file_close(f);
	if (r == 0)
		r = run_check(run, err);
	if (r == 0 && !run->profiles.n)
		r = err_set(err, -ENODATA, "there is no profile in it");
	if (r < 0)
		return err_add(err, "reading " STR_FMT, STR_ARG(path));
	tell_others(run);
	run->version = run->version.n ? run->version : S(PERF_OPS_VERSION);
	run->target = run->target.n ? run->target : arena_str(c->arena, path);
	*ret = run;
	return 0;
}

int load_kind(struct run *r, struct str kind, struct err *err)
{
	auto_buf all = BUF(sizeof(err->hint));
	struct profile *p = r->profiles.v[0];

	for (unsigned k = 0; k < p->n_kinds && kind.n; k++) {
		buf_printf(&all, "%s" STR_FMT, k ? ", " : "", STR_ARG(p->kind[k].name));
		if (str_eq(p->kind[k].name, kind)) {
			p->main_kind = k;
			return 0;
		}
	}
	if (!kind.n)
		return 0;
	(void)err_set(err, -EINVAL, "the profile has no values of kind '" STR_FMT "'",
		      STR_ARG(kind));
	return err_hint(err, "it has " STR_FMT, STR_ARG(buf_str(&all)));
}
