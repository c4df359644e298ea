/*
 * Tables of files, kept between runs. A cache file is named by the build-id: a header, then rules,
 * pages and rows as they are in memory, little-endian. Whatever is wrong with one, it is compiled
 * and written again; what it says is checked before it is believed.
 */
#include <errno.h>
#include <zlib.h>

#include "capture/unwind/native/native.h"
#include "sys/cache_dir.h"

#define CACHE_MAGIC   UINT64_C(0x6574646e69776e75) /* "unwindte" */
#define CACHE_VERSION 2 /* of the format, and of what the compiler does */
#define CACHE_BYTES   ((uint64_t)256 << 20)
#define CHUNK         ((size_t)64 << 20)

struct cache_header {
	uint64_t magic;
	uint32_t version, crc; /* crc32 of everything behind this word */
	uint64_t n_rows, n_pages, n_rules, fdes, functions, unsupported, damaged;
	uint64_t text; /* where its code lies: files that differ there are not the same */
	uint64_t build_id_n;
	uint8_t build_id[BUILD_ID_MAX];
};
_Static_assert(sizeof(struct cache_header) == 16 + 9 * 8 + BUILD_ID_MAX, "no padding in the file");

#define CRC_FROM offsetof(struct cache_header, n_rows)

static uint64_t text_of(const struct binary *b)
{
	uint64_t h = b->n_text;

	for (size_t i = 0; i < b->n_text; i++)
		h = map_hash2(h ^ b->text[i].vaddr, b->text[i].size ^ b->text[i].offset << 32);
	return h;
}

static uint32_t crc_add(uint32_t crc, const void *p, size_t n)
{
	const unsigned char *at = p;

	for (size_t step; n; n -= step, at += step) {
		step = n < CHUNK ? n : CHUNK;
		crc = (uint32_t)crc32(crc, at, (uInt)step);
	}
	return crc;
}

static uint32_t crc_of(const struct cache_header *h, const struct native_table *t)
{
	uint32_t crc = crc_add(0, (const char *)h + CRC_FROM, sizeof(*h) - CRC_FROM);

	crc = crc_add(crc, t->rules, t->n_rules * sizeof(*t->rules));
	crc = crc_add(crc, t->pages, t->n_pages * sizeof(*t->pages));
	return crc_add(crc, t->rows, t->n_rows * sizeof(*t->rows));
}

static bool header_holds(const struct cache_header *h, const struct binary *b, uint64_t bytes)
{
	uint64_t rules, pages, rows, sum = sizeof(*h);

	if (h->magic != CACHE_MAGIC || h->version != CACHE_VERSION || h->text != text_of(b) ||
	    h->build_id_n != b->build_id_n || memcmp(h->build_id, b->build_id, b->build_id_n) != 0)
		return false;
	return h->n_rules && h->n_rules <= UINT16_MAX + 1u && h->n_rows <= UINT32_MAX &&
	       !__builtin_mul_overflow(h->n_rules, sizeof(struct native_rule), &rules) &&
	       !__builtin_mul_overflow(h->n_pages, sizeof(struct native_page), &pages) &&
	       !__builtin_mul_overflow(h->n_rows, sizeof(uint32_t), &rows) &&
	       !__builtin_add_overflow(sum, rules, &sum) &&
	       !__builtin_add_overflow(sum, pages, &sum) &&
	       !__builtin_add_overflow(sum, rows, &sum) && sum == bytes;
}

/* No search may leave the rows of its page, and no row may name a rule that is not there. */
static bool table_holds(const struct native_table *t)
{
	uint64_t next = 0;

	for (size_t i = 0; i < t->n_pages; i++) {
		if (t->pages[i].first != next || t->pages[i].n == 0 ||
		    t->pages[i].n > t->n_rows - next || t->rows[next] >> 16 != 0)
			return false;
		next += t->pages[i].n;
	}
	uint32_t most = 0;
	for (size_t i = 0; i < t->n_rows; i++)
		most = (t->rows[i] & UINT16_MAX) > most ? t->rows[i] & UINT16_MAX : most;
	return next == t->n_rows && most < t->n_rules;
}

static int cache_get(struct arena *a, int dir, struct str name, const struct binary *b,
		     struct native_table *ret)
{
	struct err err = { 0 };
	struct cache_header h = { 0 };
	struct file_id id;
	auto_fd fd = cache_dir_read(dir, name, &err);

	if (fd < 0)
		return fd;
	int r = file_id(fd, &id, &err);
	if (r == 0)
		r = file_pread(fd, &h, sizeof(h), 0, &err);
	if (r < 0)
		return r;
	if (!header_holds(&h, b, id.size) || !arena_fits(a, (size_t)id.size, 1))
		return -EBADMSG;
	struct native_table t = {
		.rules = arena_array(a, struct native_rule, h.n_rules),
		.pages = arena_array(a, struct native_page, h.n_pages),
		.rows = arena_array(a, uint32_t, h.n_rows),
		.n_rules = h.n_rules,
		.n_pages = h.n_pages,
		.n_rows = h.n_rows,
		.fdes = h.fdes,
		.functions = h.functions,
		.unsupported = h.unsupported,
		.damaged = h.damaged,
	};
	uint64_t at = sizeof(h);
	r = file_pread(fd, t.rules, t.n_rules * sizeof(*t.rules), at, &err);
	at += t.n_rules * sizeof(*t.rules);
	if (r == 0)
		r = file_pread(fd, t.pages, t.n_pages * sizeof(*t.pages), at, &err);
	at += t.n_pages * sizeof(*t.pages);
	if (r == 0)
		r = file_pread(fd, t.rows, t.n_rows * sizeof(*t.rows), at, &err);
	if (r < 0)
		return r;
	if (crc_of(&h, &t) != h.crc || !table_holds(&t))
		return -EBADMSG;
	*ret = t;
	return 0;
}

/* What cannot be kept is made again next time. */
static void cache_put(int dir, struct str name, const struct binary *b,
		      const struct native_table *t)
{
	struct err err = { 0 };
	auto_buf out = BUF(CACHE_BYTES / 4);
	struct cache_header h = {
		.magic = CACHE_MAGIC,
		.version = CACHE_VERSION,
		.n_rows = t->n_rows,
		.n_pages = t->n_pages,
		.n_rules = t->n_rules,
		.fdes = t->fdes,
		.functions = t->functions,
		.unsupported = t->unsupported,
		.damaged = t->damaged,
		.text = text_of(b),
		.build_id_n = b->build_id_n,
	};

	memcpy(h.build_id, b->build_id, b->build_id_n);
	h.crc = crc_of(&h, t);
	buf_put(&out, (struct str){ (const char *)&h, sizeof(h) });
	buf_put(&out, (struct str){ (const char *)t->rules, t->n_rules * sizeof(*t->rules) });
	buf_put(&out, (struct str){ (const char *)t->pages, t->n_pages * sizeof(*t->pages) });
	buf_put(&out, (struct str){ (const char *)t->rows, t->n_rows * sizeof(*t->rows) });
	if (!out.full && cache_dir_write(dir, name, buf_str(&out), &err) == 0)
		cache_dir_trim(dir, CACHE_BYTES);
}

static int compile(struct arena *a, const struct binary *b, struct native_table *ret,
		   struct err *err)
{
	struct file_map map = { 0 };
	int r = file_map(b->fd, &map, err);

	if (r < 0)
		return r;
	r = native_compile(a, map.p, map.n, ret, err);
	file_unmap(&map);
	return r;
}

static struct str hex(struct arena *a, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *s = arena_array(a, char, 2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		s[2 * i] = digits[p[i] >> 4];
		s[2 * i + 1] = digits[p[i] & 15];
	}
	return (struct str){ s, 2 * n };
}

int native_load(struct arena *a, const struct binary *b, struct str cache, struct native_table *ret,
		struct err *err)
{
	struct err ignored = { 0 };

	if (b->fd < 0)
		return err_set(err, b->why.code ? b->why.code : -ENOENT, "%s",
			       b->why.code ? b->why.text : "the file could not be opened");
	if (!b->is_elf)
		return err_set(err, -ENODATA, "this is not an ELF file");
	auto_fd dir = cache.n && b->build_id_n ? cache_dir_open(cache, &ignored) : -1;
	if (dir < 0)
		return compile(a, b, ret, err);
	struct str name = hex(a, b->build_id, b->build_id_n);
	if (cache_get(a, dir, name, b, ret) == 0)
		return 0;
	int r = compile(a, b, ret, err);
	if (r == 0)
		cache_put(dir, name, b, ret);
	return r;
}
