/* Any bytes as the .gopclntab of a program that is otherwise sound: 4 KB of text, no symbols. */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "resolve/go_table.h"

#define TABLE  0x1000u
#define MODULE 41u /* words of moduledata; see go_table.c */

/* One readable segment at its own offset, with moduledata in front of the table, so that text and
 * inlined calls are found too. */
static void put_program(struct buf *b, const uint8_t *bytes, size_t n)
{
	static const char zero[TABLE];
	uint64_t module[MODULE] = { TABLE };
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
			 .e_type = ET_EXEC,
			 .e_machine = EM_X86_64,
			 .e_phoff = sizeof(h),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 1 };
	Elf64_Phdr p = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_filesz = TABLE + n };

	if (n >= 16)
		memcpy(&module[17], bytes + 8, 8);
	module[17]++;
	module[22] = 0x10000;
	module[23] = 0x20000;
	module[38] = module[40] = TABLE + n / 2;
	buf_put(b, (struct str){ (const char *)&h, sizeof(h) });
	buf_put(b, (struct str){ (const char *)&p, sizeof(p) });
	buf_put(b, (struct str){ (const char *)module, sizeof(module) });
	buf_put(b, (struct str){ zero, TABLE - b->n });
	buf_put(b, (struct str){ (const char *)bytes, n });
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	auto_arena a = arena_open("fuzz", (size_t)256 << 20);
	auto_buf program = BUF(16 << 20);
	struct err err = { 0 };
	struct go_table *g;

	put_program(&program, bytes, n);
	struct elf_view v = ELF_MEMORY(buf_str(&program));
	if (program.full || elf_view_open(&v, a, &err) || go_table_open(a, &v, &g, &err))
		return 0;
	struct name_list *l = arena_make(a, struct name_list);
	for (uint64_t at = 0; at < 64; at++) {
		go_table_find(g, 0x10000 + at * 0x11, l);
		if (l->n > NAMES_DEPTH_MAX)
			abort();
	}
	return 0;
}
