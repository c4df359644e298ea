/* The store: tables of many files behind each other, with the rules of all in one list. */
#include <errno.h>

#include "capture/unwind/native/native.h"

/* The store's index of a rule, added when it is new; -1: no room. */
static int64_t store_rule(struct native_store *s, const struct native_rule *rule)
{
	uint64_t word;

	memcpy(&word, rule, sizeof(word));
	uint64_t h = map_hash2(word, 2);
	for (struct map_at at = map_first(&s->map, h); at.hit; at = map_next(&s->map, at))
		if (memcmp(&s->rules[at.index], rule, sizeof(*rule)) == 0)
			return at.index;
	if (s->n_rules >= s->max_rules || s->n_rules > UINT16_MAX)
		return -1;
	s->rules[s->n_rules] = *rule;
	map_insert(&s->map, h, (uint32_t)s->n_rules);
	return (int64_t)s->n_rules++;
}

int native_store_add(struct native_store *s, const struct native_table *t, uint32_t *ret_exe,
		     struct err *err)
{
	auto_arena scratch = arena_open("rules of a file", SIZE_MAX / 2);
	uint16_t *index = arena_array(scratch, uint16_t, t->n_rules);

	if (t->n_rows > s->max_rows - s->n_rows || t->n_pages > s->max_pages - s->n_pages ||
	    s->n_exes >= s->max_exes) {
		s->full++;
		return err_set(err, -ENOSPC, "the unwind tables are full");
	}
	for (size_t i = 0; i < t->n_rules; i++) {
		int64_t at = store_rule(s, &t->rules[i]);
		if (at < 0) {
			s->full++;
			return err_set(err, -ENOSPC, "there are too many different unwind rules");
		}
		index[i] = (uint16_t)at;
	}
	for (size_t i = 0; i < t->n_rows; i++)
		s->rows[s->n_rows + i] =
			(t->rows[i] & ~(uint32_t)UINT16_MAX) | index[t->rows[i] & UINT16_MAX];
	for (size_t i = 0; i < t->n_pages; i++)
		s->pages[s->n_pages + i] = (struct native_page){
			.first = t->pages[i].first + (uint32_t)s->n_rows,
			.n = t->pages[i].n,
		};
	s->exes[s->n_exes] = (struct native_exe){ .first_page = (uint32_t)s->n_pages,
						  .n_pages = (uint32_t)t->n_pages };
	s->n_rows += t->n_rows;
	s->n_pages += t->n_pages;
	*ret_exe = (uint32_t)s->n_exes++;
	return 0;
}

int native_find(const struct native_store *s, uint32_t exe, uint64_t vaddr)
{
	if (exe >= s->n_exes || vaddr >> 16 >= s->exes[exe].n_pages)
		return -1;
	const struct native_page *page = &s->pages[s->exes[exe].first_page + (vaddr >> 16)];
	uint32_t lo = page->first, hi = page->first + page->n, low = (uint32_t)(vaddr & UINT16_MAX);
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (s->rows[mid] >> 16 <= low)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* The first row of a page has low half 0, so there is one at or below. */
	return (int)(s->rows[lo - 1] & UINT16_MAX);
}
