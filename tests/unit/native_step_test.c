/* The step on made-up memory: every kind of rule, what counts as a root, and that nonsense ends. */
#include "capture/unwind/native/native_step.h"
#include "test.h"

#define BASE 0x7000u

struct memory {
	uint64_t word[64]; /* from BASE on */
};

static long peek(void *self, void *into, __u32 n, __u64 address)
{
	const struct memory *m = self;

	if (address < BASE || address - BASE > sizeof(m->word) - n)
		return -1;
	memcpy(into, (const char *)m->word + (address - BASE), n);
	return 0;
}

static struct native_regs leaf(uint64_t sp, uint64_t bp)
{
	return (struct native_regs){
		.pc = 0x401000, .sp = sp, .bp = bp, .flags = NATIVE_EXACT | NATIVE_LEAF
	};
}

static enum native_end step(struct native_regs *r, struct native_rule rule, struct memory *m)
{
	return native_step(r, &rule, peek, m);
}

static void look_up_addresses(void **state)
{
	struct native_regs r = leaf(BASE, 0);

	(void)state;
	assert_int_equal(native_look(&r), 0x401000);
	r.flags = 0;
	assert_int_equal(native_look(&r), 0x400fff);
}

static void by_stack_pointer(void **state)
{
	struct memory m = { .word = { [2] = 0x1111, [3] = 0x402000 } };
	struct native_regs r = leaf(BASE, 0x42);

	(void)state;
	assert_int_equal(step(&r, (struct native_rule){ .cfa = NATIVE_CFA_RSP, .cfa_off = 32 }, &m),
			 NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	assert_int_equal(r.sp, BASE + 32);
	assert_int_equal(r.bp, 0x42);
	assert_int_equal(r.flags, 0);
	r = leaf(BASE, 0x42);
	struct native_rule saved = {
		.cfa = NATIVE_CFA_RSP, .cfa_off = 32, .rbp = NATIVE_RBP_AT_CFA, .rbp_off = -16
	};
	assert_int_equal(step(&r, saved, &m), NATIVE_NEXT);
	assert_int_equal(r.bp, 0x1111);
}

static void by_frame_pointer(void **state)
{
	struct memory m = { .word = { [4] = BASE + 128, [5] = 0x402000 } };
	struct native_regs r = leaf(BASE, BASE + 32);
	struct native_rule rule = {
		.cfa = NATIVE_CFA_RBP, .cfa_off = 16, .rbp = NATIVE_RBP_AT_CFA, .rbp_off = -16
	};

	(void)state;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	assert_int_equal(r.sp, BASE + 48);
	assert_int_equal(r.bp, BASE + 128);
	r = leaf(BASE, BASE + 32);
	rule.rbp = NATIVE_RBP_AT_RBP;
	rule.rbp_off = 0;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.bp, BASE + 128);
	r = leaf(BASE, BASE + 32);
	r.flags |= NATIVE_NO_RBP;
	assert_int_equal(step(&r, rule, &m), NATIVE_END_NO_RULE);
	r = leaf(BASE, BASE + 32);
	rule.rbp = NATIVE_RBP_UNSUP;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.flags, NATIVE_NO_RBP);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_NO_RULE);
}

static void linkage_table(void **state)
{
	struct memory m = { .word = { 0x402000, 0x403000 } };
	struct native_rule rule = { .cfa = NATIVE_CFA_PLT, .cfa_off = 11 };
	struct native_regs r = leaf(BASE, 0);

	(void)state;
	r.pc = 0x40100a;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	r = leaf(BASE, 0);
	r.pc = 0x40100b;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x403000);
}

static void through_memory(void **state)
{
	struct memory m = { .word = { [1] = BASE + 72, [9] = 0x402000, [10] = 0 } };
	/* CFA = *(rsp + 8) + 8 */
	struct native_rule rule = { .cfa = NATIVE_CFA_DEREF_RSP, .cfa_off = 8 << 16 | 8 };
	struct native_regs r = leaf(BASE, 0);

	(void)state;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	assert_int_equal(r.sp, BASE + 80);
	/* CFA = *(rbp - 8): the negative offset is the low half */
	rule = (struct native_rule){ .cfa = NATIVE_CFA_DEREF_RBP, .cfa_off = (uint16_t)-8 };
	m.word[1] = BASE + 80;
	r = leaf(BASE, BASE + 16);
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	rule.cfa_off = 0x4000;
	r = leaf(BASE, BASE + 16);
	assert_int_equal(step(&r, rule, &m), NATIVE_END_UNREADABLE);
}

static void other_registers(void **state)
{
	struct memory m = { .word = { [3] = 0x402000 } };
	struct native_rule rule = { .cfa = NATIVE_CFA_REG, .cfa_off = 8 << 4 | NATIVE_RAX };
	struct native_regs r = leaf(BASE, 0);

	(void)state;
	r.gpr[NATIVE_RAX] = BASE + 24;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	/* In the caller nobody knows rax any more. */
	assert_int_equal(step(&r, rule, &m), NATIVE_END_NO_RULE);
	rule = (struct native_rule){ .cfa = NATIVE_CFA_RA_REG, .cfa_off = 0 << 4 | NATIVE_RDI };
	r = leaf(BASE, 0);
	r.gpr[NATIVE_RDI] = 0x404000;
	assert_int_equal(step(&r, rule, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x404000);
	assert_int_equal(r.sp, BASE);
	assert_int_equal(step(&r, rule, &m), NATIVE_END_NO_RULE);
}

static void rbx_is_followed(void **state)
{
	struct memory m = { .word = { [0] = BASE + 64, [1] = 0x402000, [9] = 0x403000 } };
	struct native_rule save = { .cfa = NATIVE_CFA_RSP,
				    .cfa_off = 16,
				    .rbp = 2 << NATIVE_RBX_SHIFT };
	struct native_rule need = { .cfa = NATIVE_CFA_REG, .cfa_off = 16 << 4 | NATIVE_RBX };
	struct native_regs r = leaf(BASE, 0);

	(void)state;
	assert_int_equal(step(&r, save, &m), NATIVE_NEXT);
	assert_int_equal(r.flags, NATIVE_RBX_HOLDS);
	assert_int_equal(step(&r, need, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x403000);
	assert_int_equal(r.sp, BASE + 80);
	/* A function that nobody looked into may have changed it. */
	r = leaf(BASE, 0);
	save.rbp = 0;
	assert_int_equal(step(&r, save, &m), NATIVE_NEXT);
	assert_int_equal(step(&r, need, &m), NATIVE_END_NO_RULE);
	r = leaf(BASE, 0);
	r.gpr[NATIVE_RBX] = BASE + 64;
	save.rbp = NATIVE_RBX_SAME << NATIVE_RBX_SHIFT;
	assert_int_equal(step(&r, save, &m), NATIVE_NEXT);
	assert_int_equal(step(&r, need, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x403000);
}

static void signal_frames(void **state)
{
	struct memory m = { 0 };
	struct native_regs r = leaf(BASE, 0);

	(void)state;
	for (unsigned i = 0; i < NATIVE_GPRS; i++)
		m.word[5 + i] = 100 + i;
	m.word[5 + NATIVE_GPRS] = 0x405000;
	assert_int_equal(step(&r, (struct native_rule){ .cfa = NATIVE_CFA_SIGNAL }, &m),
			 NATIVE_NEXT);
	assert_int_equal(r.pc, 0x405000);
	assert_int_equal(native_look(&r), 0x405000);
	assert_int_equal(r.sp, 100 + NATIVE_RSP);
	assert_int_equal(r.bp, 100 + NATIVE_RBP);
	assert_int_equal(r.gpr[NATIVE_R8], 100);
	assert_int_equal(r.flags, NATIVE_EXACT | NATIVE_LEAF);
}

static void roots(void **state)
{
	struct memory m = {
		.word = { [0] = 0, [1] = 0x402000, [2] = 0x5, [3] = 0, [4] = 0, [5] = 0 }
	};
	struct native_regs r = leaf(BASE, BASE);
	struct native_rule rsp = { .cfa = NATIVE_CFA_RSP, .cfa_off = 32 };

	(void)state;
	assert_int_equal(step(&r, (struct native_rule){ .cfa = NATIVE_CFA_ROOT }, &m),
			 NATIVE_END_ROOT);
	r = leaf(BASE, 0);
	assert_int_equal(step(&r, rsp, &m), NATIVE_END_ROOT); /* the return address is 0 */
	/* A chain of frame pointers ends with a saved 0, and only a chain does. */
	r = leaf(BASE, BASE);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_NEXT);
	assert_int_equal(r.bp, 0);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_ROOT);
	r = leaf(BASE, 0);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_NO_RULE);
	/* A frame of two zeroes is the bottom, a return address of 0 alone is nonsense. */
	r = leaf(BASE, BASE + 32);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_ROOT);
	r = leaf(BASE, BASE + 16);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_NO_RULE);
}

static void other_stacks(void **state)
{
	struct memory m = { .word = { BASE + 64, 0x402000 } };
	struct native_rule fp = { .cfa = NATIVE_CFA_FP };
	struct native_regs r = leaf(BASE + 256, BASE);

	(void)state;
	/* Go's systemstack: rbp is on the goroutine's stack, below the one that rsp is on. */
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_NO_RULE);
	assert_int_equal(step(&r, fp, &m), NATIVE_NEXT);
	assert_int_equal(r.pc, 0x402000);
	assert_int_equal(r.sp, BASE + 16);
	r = leaf(BASE, 0); /* mcall clears rbp */
	assert_int_equal(step(&r, fp, &m), NATIVE_END_ROOT);
}

static void nonsense_ends(void **state)
{
	struct memory m = { .word = { 0x402000, 0x402000, 0x402000, 0x402000 } };
	struct native_regs r = leaf(BASE + 16, BASE + 3);

	(void)state;
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_NO_RULE); /* odd */
	r = leaf(BASE + 16, BASE + 8);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_NO_RULE); /* below rsp */
	r = leaf(BASE + 16, BASE + 4096);
	assert_int_equal(native_step(&r, NULL, peek, &m), NATIVE_END_UNREADABLE);
	/* Whatever a damaged table says, a step climbs. */
	for (int32_t off = 0; off >= -16; off -= 8) {
		r = leaf(BASE + 16, 0);
		assert_int_equal(
			step(&r, (struct native_rule){ .cfa = NATIVE_CFA_RSP, .cfa_off = off }, &m),
			NATIVE_END_NO_RULE);
	}
	for (unsigned kind = 0; kind < 256; kind++) {
		struct native_rule rule = { .cfa = (uint8_t)kind, .rbp = (uint8_t)(kind * 37) };
		r = leaf(BASE + 16, BASE + 32);
		(void)step(&r, rule, &m); /* must only not crash */
		assert_true(kind == 0 || kind > NATIVE_CFA_FP ||
			    step(&(struct native_regs){ .sp = UINT64_MAX }, rule, &m) !=
				    NATIVE_NEXT);
	}
	r = leaf(BASE + 16, 0);
	assert_int_equal(step(&r, (struct native_rule){ .cfa = NATIVE_CFA_UNSUP }, &m),
			 NATIVE_END_NO_RULE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(look_up_addresses),
		cmocka_unit_test(by_stack_pointer),
		cmocka_unit_test(by_frame_pointer),
		cmocka_unit_test(linkage_table),
		cmocka_unit_test(through_memory),
		cmocka_unit_test(other_registers),
		cmocka_unit_test(rbx_is_followed),
		cmocka_unit_test(signal_frames),
		cmocka_unit_test(roots),
		cmocka_unit_test(other_stacks),
		cmocka_unit_test(nonsense_ends),
	};

	return RUN_TESTS(tests);
}
