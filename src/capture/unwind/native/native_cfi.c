/*
 * Call frame information of DWARF (DWARF 5 §6.4, LSB "Exception Frames") as rows. The machine keeps
 * only what a step needs: the CFA, where rbp is saved, and whether there is a return address.
 */
#include "capture/unwind/native/native_priv.h"

#define DWARF_RBX   3
#define DWARF_RBP   6
#define DWARF_RSP   7
#define DWARF_RA    16
#define STATES_MAX  16 /* of remember_state; compilers nest 1 deep */
#define ENC_OMIT    0xff
#define OP_BREG0    0x70
#define OP_DEREF    0x06
#define OP_PLUS     0x23
#define SIGNAL_CFA  160 /* rsp in a ucontext at sp: its CFA is read from there */
#define NO_REGISTER UINT64_MAX

enum ra_rule { RA_AT_CFA, RA_UNDEFINED, RA_REGISTER, RA_LOST };

struct state {
	uint64_t cfa_reg, ra_reg;
	int64_t cfa_off, rbp_off, rbx_off; /* rbx_off 0: it still holds; 1: lost */
	struct native_rule expr;           /* instead of cfa_reg when expr.cfa is not 0 */
	uint8_t rbp;
	enum ra_rule ra;
};

struct cie {
	uint64_t at, code_align;
	int64_t data_align;
	uint8_t enc;
	bool ok, signal, has_aug;
	struct state init;
};

struct native_cfi {
	struct arena *a;
	struct native_bytes sec;
	bool is_debug;
	VEC(struct cie) cies;
	struct map by_offset;
};

struct machine {
	const struct native_cfi *cfi;
	const struct cie *cie;
	struct native_cursor c;
	struct state s, remembered[STATES_MAX];
	unsigned depth;
	uint64_t pc;
	bool bad, follow_rbx;
};

/* The index of a register by its number in DWARF (psABI x86-64, figure 3.36); -1: no such. */
static int gpr_of(uint64_t dwarf)
{
	static const int8_t index[16] = {
		NATIVE_RAX, NATIVE_RDX, NATIVE_RCX, NATIVE_RBX, NATIVE_RSI, NATIVE_RDI,
		NATIVE_RBP, NATIVE_RSP, NATIVE_R8,  NATIVE_R9,  NATIVE_R10, NATIVE_R11,
		NATIVE_R12, NATIVE_R13, NATIVE_R14, NATIVE_R15,
	};

	return dwarf < 16 ? index[dwarf] : -1;
}

/* An encoded pointer of exception frames; *bad is set for what needs more than the section. */
static uint64_t encoded(const struct native_cfi *cfi, struct native_cursor *c, uint8_t enc)
{
	uint64_t here = cfi->sec.va + (c->bad ? 0 : (uint64_t)(c->p - cfi->sec.p)), v;

	if (enc == ENC_OMIT)
		return 0;
	switch (enc & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		v = native_number(c, 8);
		break;
	case 0x01:
		v = native_uleb(c);
		break;
	case 0x02:
		v = native_number(c, 2);
		break;
	case 0x03:
		v = native_number(c, 4);
		break;
	case 0x09:
		v = (uint64_t)native_sleb(c);
		break;
	case 0x0a:
		v = (uint64_t)(int64_t)(int16_t)native_number(c, 2);
		break;
	case 0x0b:
		v = (uint64_t)(int64_t)(int32_t)native_number(c, 4);
		break;
	default:
		c->bad = true;
		return 0;
	}
	switch (enc & 0xf0) {
	case 0x00:
		return v;
	case 0x10:
		return v + here;
	default: /* relative to what a section does not know, aligned, or indirect */
		c->bad = true;
		return 0;
	}
}

/* A pointer whose value is not asked for: only its format matters, not what it is relative to. */
static void skip_encoded(const struct native_cfi *cfi, struct native_cursor *c)
{
	uint8_t enc = (uint8_t)native_number(c, 1);

	(void)encoded(cfi, c, enc == ENC_OMIT ? enc : enc & 0x0f);
}

static bool fits_in(int64_t v, unsigned bits)
{
	int64_t top = INT64_C(1) << (bits - 1);

	return v >= -top && v < top;
}

static const struct native_rule unsupported = { .cfa = NATIVE_CFA_UNSUP };

/* In the upper 28 bits, as rules have it, with a register below. */
static int32_t beside(int64_t off, int gpr)
{
	return (int32_t)((uint32_t)off << 4 | (uint32_t)gpr);
}

/* A register and an offset as a rule for the CFA. */
static struct native_rule cfa_rule(uint64_t reg, int64_t off)
{
	int gpr = gpr_of(reg);

	if (reg == DWARF_RSP || reg == DWARF_RBP)
		return !fits_in(off, 32)
			       ? unsupported
			       : (struct native_rule){
					 .cfa = reg == DWARF_RSP ? NATIVE_CFA_RSP : NATIVE_CFA_RBP,
					 .cfa_off = (int32_t)off,
				 };
	if (gpr < 0 || !fits_in(off, 28))
		return unsupported;
	return (struct native_rule){ .cfa = NATIVE_CFA_REG, .cfa_off = beside(off, gpr) };
}

/* "breg N off [deref] [plus_uconst off]": all that occurs but for the PLT. cfa 0: another shape. */
static struct native_rule simple_expression(struct native_bytes b)
{
	static const struct native_rule none;
	struct native_cursor c = native_cursor(b, 0, b.n);
	uint64_t op = native_number(&c, 1), reg = op - OP_BREG0, plus = 0;
	int64_t off = native_sleb(&c);
	bool deref = false;

	if (c.p < c.end && *c.p == OP_DEREF) {
		deref = true;
		c.p++;
	}
	if (c.p < c.end && *c.p == OP_PLUS) {
		c.p++;
		plus = native_uleb(&c);
	}
	if (c.bad || c.p != c.end || gpr_of(reg) < 0 || plus > INT16_MAX)
		return none;
	if (deref && (reg == DWARF_RSP || reg == DWARF_RBP) && fits_in(off, 16))
		return (struct native_rule){
			.cfa = reg == DWARF_RSP ? NATIVE_CFA_DEREF_RSP : NATIVE_CFA_DEREF_RBP,
			.cfa_off = (int32_t)((uint32_t)plus << 16 | (uint16_t)off),
		};
	if (deref)
		return none;
	struct native_rule r = cfa_rule(reg, off + (int64_t)plus);
	return r.cfa == NATIVE_CFA_UNSUP ? none : r;
}

static struct native_rule cfa_expression(struct native_bytes b)
{
	/* What linkers say of a PLT entry: rsp + 8 + ((rip & 15) >= k) << 3. */
	static const unsigned char plt[] = { 0x77, 8,    0x80, 0,    0x3f, 0x1a,
					     0x3b, 0x2a, 0x33, 0x24, 0x22 };
	struct native_rule r;

	if (b.n == sizeof(plt) && memcmp(b.p, plt, 6) == 0 && memcmp(b.p + 7, plt + 7, 4) == 0 &&
	    b.p[6] >= 0x30 && b.p[6] < 0x40)
		return (struct native_rule){ .cfa = NATIVE_CFA_PLT, .cfa_off = b.p[6] - 0x30 };
	r = simple_expression(b);
	if (!r.cfa)
		r.cfa = NATIVE_CFA_UNSUP;
	return r;
}

static void saved_at_cfa(struct state *s, uint64_t reg, int64_t off)
{
	if (reg == DWARF_RBP) {
		s->rbp = NATIVE_RBP_AT_CFA;
		s->rbp_off = off;
	} else if (reg == DWARF_RA) {
		s->ra = off == -8 ? RA_AT_CFA : RA_LOST;
	} else if (reg == DWARF_RBX) {
		s->rbx_off = off ? off : 1;
	}
}

static void saved_by_expression(struct state *s, uint64_t reg, struct native_bytes b)
{
	struct native_rule r = simple_expression(b);

	if (reg == DWARF_RA)
		s->ra = RA_LOST;
	if (reg == DWARF_RBX)
		s->rbx_off = 1;
	if (reg != DWARF_RBP)
		return;
	s->rbp = r.cfa == NATIVE_CFA_RBP   ? NATIVE_RBP_AT_RBP
		 : r.cfa == NATIVE_CFA_RSP ? NATIVE_RBP_AT_RSP
					   : NATIVE_RBP_UNSUP;
	s->rbp_off = r.cfa_off;
}

static void lost(struct state *s, uint64_t reg)
{
	if (reg == DWARF_RBP)
		s->rbp = NATIVE_RBP_UNSUP;
	else if (reg == DWARF_RA)
		s->ra = RA_LOST;
	else if (reg == DWARF_RBX)
		s->rbx_off = 1;
}

static void restored(struct machine *m, uint64_t reg)
{
	const struct state *init = &m->cie->init;

	if (reg == DWARF_RBP) {
		m->s.rbp = init->rbp;
		m->s.rbp_off = init->rbp_off;
	} else if (reg == DWARF_RA) {
		m->s.ra = init->ra;
		m->s.ra_reg = init->ra_reg;
	} else if (reg == DWARF_RBX) {
		m->s.rbx_off = init->rbx_off;
	}
}

static void cfa_is(struct state *s, uint64_t reg, int64_t off)
{
	s->cfa_reg = reg;
	s->cfa_off = off;
	s->expr.cfa = 0;
}

static int64_t scaled(const struct machine *m, uint64_t factor)
{
	return (int64_t)(factor * (uint64_t)m->cie->data_align);
}

static void rule_rbp(const struct machine *m, struct native_rule *r)
{
	const struct state *s = &m->s;
	int64_t off = s->rbx_off;
	unsigned rbx = 0;

	r->rbp = fits_in(s->rbp_off, 16) ? s->rbp : NATIVE_RBP_UNSUP;
	if (r->rbp != NATIVE_RBP_SAME && r->rbp != NATIVE_RBP_UNSUP)
		r->rbp_off = (int16_t)s->rbp_off;
	if (off == 0)
		rbx = NATIVE_RBX_SAME;
	else if (off < 0 && off % 8 == 0 && -off / 8 < NATIVE_RBX_SAME)
		rbx = (unsigned)(-off / 8);
	if (m->follow_rbx)
		r->rbp |= (uint8_t)(rbx << NATIVE_RBX_SHIFT);
}

static struct native_rule row(const struct machine *m)
{
	const struct state *s = &m->s;
	struct native_rule r = s->expr.cfa ? s->expr : cfa_rule(s->cfa_reg, s->cfa_off);
	int gpr = gpr_of(s->ra_reg);

	if (m->bad || r.cfa == NATIVE_CFA_UNSUP)
		return unsupported;
	if (m->cie->signal)
		return r.cfa == NATIVE_CFA_DEREF_RSP && r.cfa_off == SIGNAL_CFA
			       ? (struct native_rule){ .cfa = NATIVE_CFA_SIGNAL }
			       : unsupported;
	switch (s->ra) {
	case RA_UNDEFINED:
		return (struct native_rule){ .cfa = NATIVE_CFA_ROOT };
	case RA_LOST:
		return unsupported;
	case RA_REGISTER:
		if (gpr < 0 || r.cfa != NATIVE_CFA_RSP || !fits_in(r.cfa_off, 28))
			return unsupported;
		r = (struct native_rule){ .cfa = NATIVE_CFA_RA_REG,
					  .cfa_off = beside(r.cfa_off, gpr) };
		break;
	case RA_AT_CFA:
		break;
	}
	rule_rbp(m, &r);
	return r;
}

/* The operations that say what is saved where. False: not one of them. */
static bool op_register(struct machine *m, uint8_t op)
{
	uint64_t reg = NO_REGISTER, n;
	struct native_cursor *c = &m->c;

	if (op < 0x05 ||
	    (op > 0x09 && op != 0x10 && op != 0x11 && op != 0x2f && (op < 0x14 || op > 0x16)))
		return false;
	reg = native_uleb(c);
	switch (op) {
	case 0x05: /* offset_extended */
		saved_at_cfa(&m->s, reg, scaled(m, native_uleb(c)));
		break;
	case 0x06: /* restore_extended */
		restored(m, reg);
		break;
	case 0x07: /* undefined */
		lost(&m->s, reg);
		if (reg == DWARF_RA)
			m->s.ra = RA_UNDEFINED;
		break;
	case 0x08: /* same_value */
		lost(&m->s, reg);
		if (reg == DWARF_RBP)
			m->s.rbp = NATIVE_RBP_SAME;
		else if (reg == DWARF_RBX)
			m->s.rbx_off = 0;
		break;
	case 0x09: /* register */
		n = native_uleb(c);
		lost(&m->s, reg);
		if (reg == DWARF_RA) {
			m->s.ra = RA_REGISTER;
			m->s.ra_reg = n;
		}
		break;
	case 0x10: /* expression */
		n = native_uleb(c);
		saved_by_expression(&m->s, reg, native_take(c, n));
		break;
	case 0x11: /* offset_extended_sf */
		saved_at_cfa(&m->s, reg, scaled(m, (uint64_t)native_sleb(c)));
		break;
	case 0x14:                    /* val_offset */
		(void)native_uleb(c); /* the offset of a value nobody asks for */
		lost(&m->s, reg);
		break;
	case 0x15:                    /* val_offset_sf */
		(void)native_sleb(c); /* likewise */
		lost(&m->s, reg);
		break;
	case 0x16: /* val_expression */
		n = native_uleb(c);
		(void)native_take(c, n); /* likewise */
		lost(&m->s, reg);
		break;
	default: /* 0x2f, GNU_negative_offset_extended */
		saved_at_cfa(&m->s, reg, -scaled(m, native_uleb(c)));
	}
	return true;
}

/* The operations that say what the CFA is, and the ones that keep and bring back everything. */
static bool op_frame(struct machine *m, uint8_t op)
{
	struct native_cursor *c = &m->c;
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		break;
	case 0x0a: /* remember_state */
		if (m->depth == STATES_MAX)
			m->bad = true;
		else
			m->remembered[m->depth++] = m->s;
		break;
	case 0x0b: /* restore_state; the CFA too, as compilers mean it */
		if (m->depth == 0)
			m->bad = true;
		else
			m->s = m->remembered[--m->depth];
		break;
	case 0x0c: /* def_cfa */
		reg = native_uleb(c);
		cfa_is(&m->s, reg, (int64_t)native_uleb(c));
		break;
	case 0x0d: /* def_cfa_register */
		cfa_is(&m->s, native_uleb(c), m->s.cfa_off);
		break;
	case 0x0e: /* def_cfa_offset */
		m->s.cfa_off = (int64_t)native_uleb(c);
		break;
	case 0x0f: /* def_cfa_expression */
		reg = native_uleb(c);
		m->s.expr = cfa_expression(native_take(c, reg));
		break;
	case 0x12: /* def_cfa_sf */
		reg = native_uleb(c);
		cfa_is(&m->s, reg, scaled(m, (uint64_t)native_sleb(c)));
		break;
	case 0x13: /* def_cfa_offset_sf */
		m->s.cfa_off = scaled(m, (uint64_t)native_sleb(c));
		break;
	case 0x2e:                    /* GNU_args_size */
		(void)native_uleb(c); /* matters for exceptions only */
		break;
	default:
		return false;
	}
	return true;
}

/* Where the next row begins, when OP says so. */
static bool op_advance(struct machine *m, uint8_t op, uint64_t *ret_pc)
{
	uint64_t step;

	if (op == 0x01) { /* set_loc */
		*ret_pc = encoded(m->cfi, &m->c, m->cie->enc);
		return true;
	}
	if (op >> 6 == 1) /* advance_loc, and behind it those with 1, 2 and 4 bytes */
		step = op & 63;
	else if (op >= 0x02 && op <= 0x04)
		step = native_number(&m->c, (size_t)1 << (op - 2));
	else
		return false;
	if (__builtin_mul_overflow(step, m->cie->code_align, &step) ||
	    __builtin_add_overflow(m->pc, step, ret_pc))
		m->bad = true;
	return true;
}

static void machine_run(struct machine *m, struct native_rows *rows)
{
	while (m->c.p < m->c.end && !m->c.bad && !m->bad) {
		uint8_t op = (uint8_t)native_number(&m->c, 1);
		uint64_t next = m->pc;
		if (op >> 6 == 2) {
			saved_at_cfa(&m->s, op & 63, scaled(m, native_uleb(&m->c)));
		} else if (op >> 6 == 3) {
			restored(m, op & 63);
		} else if (op_advance(m, op, &next)) {
			if (m->bad || m->c.bad || next < m->pc)
				break;
			if (rows && next != m->pc)
				native_rows_put(rows, m->pc, row(m));
			m->pc = next;
		} else if (!op_register(m, op) && !op_frame(m, op)) {
			m->bad = true; /* an operation nobody knows: what follows means nothing */
		}
	}
	m->bad = m->bad || m->c.bad || m->c.p < m->c.end;
	if (rows)
		native_rows_put(rows, m->pc, row(m));
}

/* The augmentation string says what is in the augmentation bytes, letter by letter. */
static bool read_augmentation(const struct native_cfi *cfi, struct native_cursor *c,
			      struct str letters, struct cie *ret)
{
	if (!letters.n)
		return true;
	if (letters.p[0] != 'z')
		return false; /* of gcc 2, and never seen on x86-64: the fields are not known */
	ret->has_aug = true;
	uint64_t n = native_uleb(c);
	struct native_bytes b = native_take(c, n);
	struct native_cursor d = native_cursor(b, 0, b.n);
	for (size_t i = 1; i < letters.n; i++) {
		if (letters.p[i] == 'R')
			ret->enc = (uint8_t)native_number(&d, 1);
		else if (letters.p[i] == 'L')
			(void)native_number(&d, 1); /* encoding of a field that is skipped */
		else if (letters.p[i] == 'P')
			skip_encoded(cfi, &d); /* personality */
		else if (letters.p[i] == 'S')
			ret->signal = true;
		else if (letters.p[i] != 'B')
			return true; /* of the future; the length said where it ends */
		if (d.bad)
			return false;
	}
	return true;
}

static bool read_cie(const struct native_cfi *cfi, struct native_cursor c, struct cie *ret)
{
	uint64_t version = native_number(&c, 1);
	const char *aug = (const char *)c.p;
	size_t n = c.bad ? 0 : strnlen(aug, (size_t)(c.end - c.p));

	(void)native_take(&c, n + 1); /* the letters and their NUL */
	if (c.bad || (version != 1 && version != 3 && version != 4))
		return false;
	/* Version 4 tells the sizes of addresses and of segment selectors. */
	if (version == 4 && native_number(&c, 2) != 8)
		return false;
	ret->code_align = native_uleb(&c);
	ret->data_align = native_sleb(&c);
	uint64_t ra = version == 1 ? native_number(&c, 1) : native_uleb(&c);
	if (ra != DWARF_RA || !read_augmentation(cfi, &c, (struct str){ aug, n }, ret) || c.bad)
		return false;
	struct machine m = { .cfi = cfi, .cie = ret, .c = c, .s.cfa_reg = NO_REGISTER };
	machine_run(&m, NULL);
	ret->init = m.s;
	return !m.bad;
}

/* One entry: where its content is, and whether it is a CIE or which one it belongs to. */
struct entry {
	struct native_cursor c;
	uint64_t next, cie;
	bool is_cie;
};

enum entry_kind { ENTRY_GOOD, ENTRY_ZERO, ENTRY_BROKEN };

static enum entry_kind read_entry(const struct native_cfi *cfi, uint64_t at, struct entry *ret)
{
	struct native_cursor c = native_cursor(cfi->sec, (size_t)at, cfi->sec.n);
	uint64_t n = native_number(&c, 4), size = 4;

	if (n == 0 && !c.bad)
		return ENTRY_ZERO;
	if (n == UINT32_MAX) {
		n = native_number(&c, 8);
		/* DWARF says 8 bytes for the id then, but LSB keeps 4 in exception frames. */
		size = cfi->is_debug ? 8 : 4;
	}
	if (c.bad || n < size || n > (size_t)(c.end - c.p))
		return ENTRY_BROKEN;
	c.end = c.p + n;
	uint64_t here = (uint64_t)(c.p - cfi->sec.p);
	uint64_t id = native_number(&c, (size_t)size);
	*ret = (struct entry){ .c = c, .next = (uint64_t)(c.end - cfi->sec.p) };
	if (cfi->is_debug) {
		ret->is_cie = id == (size == 8 ? UINT64_MAX : UINT32_MAX);
		ret->cie = id;
	} else {
		ret->is_cie = id == 0;
		ret->cie = id <= here ? here - id : UINT64_MAX;
	}
	return ENTRY_GOOD;
}

/* The index of the CIE at an offset, parsed once; UINT32_MAX: no room. */
static uint32_t cie_at(struct native_cfi *cfi, uint64_t at)
{
	uint64_t h = map_hash2(at, 0);

	for (struct map_at i = map_first(&cfi->by_offset, h); i.hit;
	     i = map_next(&cfi->by_offset, i))
		if (cfi->cies.v[i.index].at == at)
			return i.index;
	if (!native_room(cfi->a, cfi->cies.n, cfi->cies.cap, sizeof(struct cie)) ||
	    !native_room(cfi->a, cfi->by_offset.cap, cfi->by_offset.cap, 8) ||
	    cfi->cies.n >= UINT32_MAX - 1)
		return UINT32_MAX;
	struct cie cie = { .at = at };
	struct entry e;
	cie.ok = at < cfi->sec.n && read_entry(cfi, at, &e) == ENTRY_GOOD && e.is_cie &&
		 read_cie(cfi, e.c, &cie);
	map_insert(&cfi->by_offset, h, (uint32_t)cfi->cies.n);
	*vec_add(cfi->a, &cfi->cies) = cie;
	return (uint32_t)cfi->cies.n - 1;
}

static bool read_fde(struct native_cfi *cfi, const struct entry *e, struct native_span *ret)
{
	struct native_cursor c = e->c;
	uint32_t owner = cie_at(cfi, e->cie);

	if (owner == UINT32_MAX || !cfi->cies.v[owner].ok)
		return false;
	const struct cie *cie = &cfi->cies.v[owner];
	uint64_t lo = encoded(cfi, &c, cie->enc);
	uint64_t size = encoded(cfi, &c, cie->enc & 0x0f);
	if (cie->has_aug) {
		uint64_t n = native_uleb(&c);
		(void)native_take(&c, n); /* the address of exception tables */
	}
	if (c.bad || lo + size < lo)
		return false;
	*ret = (struct native_span){
		.lo = lo,
		.hi = lo + size,
		.at = (uint32_t)(c.p - cfi->sec.p),
		.end = (uint32_t)(c.end - cfi->sec.p),
		.owner = owner,
		.by = cfi->is_debug ? NATIVE_BY_DEBUG_FRAME : NATIVE_BY_EH_FRAME,
	};
	return true;
}

struct native_cfi *native_cfi_open(struct arena *a, struct native_bytes section, bool is_debug)
{
	struct native_cfi *c = arena_make(a, struct native_cfi);

	c->a = a;
	c->sec = section;
	c->sec.n = section.n < UINT32_MAX ? section.n : UINT32_MAX;
	c->is_debug = is_debug;
	c->by_offset.arena = a;
	return c;
}

uint64_t native_cfi_spans(struct native_cfi *c, struct native_spans *s, size_t most,
			  uint64_t *ret_damaged)
{
	uint64_t good = 0, damaged = 0;
	struct native_span span;
	struct entry e;

	for (uint64_t at = 0; at < c->sec.n && !s->full;) {
		enum entry_kind kind = read_entry(c, at, &e);
		/* Linkers that merge sections leave a terminator in the middle. */
		if (kind == ENTRY_ZERO && good + damaged < most) {
			at += 4;
			continue;
		}
		if (kind != ENTRY_GOOD) {
			damaged += kind == ENTRY_BROKEN;
			break;
		}
		at = e.next;
		if (e.is_cie)
			continue;
		if (read_fde(c, &e, &span)) {
			good++;
			native_spans_add(s, span);
		} else {
			damaged++;
		}
	}
	*ret_damaged += damaged;
	return good;
}

void native_cfi_run(const struct native_cfi *c, const struct native_span *s, struct native_rows *r)
{
	const struct cie *cie = &c->cies.v[s->owner];
	struct machine m = {
		.cfi = c, .cie = cie, .s = cie->init, .pc = s->lo, .follow_rbx = r->follow_rbx
	};

	m.c = native_cursor(c->sec, s->at, s->end);
	machine_run(&m, r);
}
