/* Lengths of instructions: see insn_len.h. */
#include "mm/insn_len.h"

#include "lib/string.h"

/* What follows an opcode. */
enum { NO, M = 1, I8 = 2, IZ = 4, IV = 8, J8 = 16, JZ = 32, BAD = 64, G3 = 128 };
#define M8 (M | I8)
#define MZ (M | IZ)

/* One-byte opcodes. G3: an immediate only for ModRM.reg 0 and 1 (test). Prefixes, 0Fh and VEX are dealt with before. */
static const u8 one_byte[256] = {
	/* 00 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
	/* 10 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
	/* 20 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
	/* 30 */ M, M, M, M, I8, IZ, BAD, BAD, M, M, M, M, I8, IZ, BAD, BAD,
	/* 40 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
	/* 50 */ NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
	/* 60 */ BAD, BAD, BAD, M, BAD, BAD, BAD, BAD, IZ, MZ, I8, M8, BAD, BAD, BAD, BAD,
	/* 70 */ J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8, J8,
	/* 80 */ M8, MZ, BAD, M8, M, M, M, M, M, M, M, M, BAD, M, BAD, BAD,
	/* 90 */ NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, BAD, BAD, BAD, BAD, BAD, BAD,
	/* a0 */ BAD, BAD, BAD, BAD, NO, NO, NO, NO, I8, IZ, NO, NO, NO, NO, NO, NO,
	/* b0 */ I8, I8, I8, I8, I8, I8, I8, I8, IV, IV, IV, IV, IV, IV, IV, IV,
	/* c0 */ M8, M8, BAD, NO, BAD, BAD, M8, MZ, BAD, NO, BAD, BAD, BAD, BAD, BAD, BAD,
	/* d0 */ M, M, M, M, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
	/* e0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, JZ, JZ, BAD, J8, BAD, BAD, BAD, BAD,
	/* f0 */ BAD, BAD, BAD, BAD, BAD, BAD, G3, G3, BAD, BAD, BAD, BAD, BAD, BAD, M, M,
};

/* What follows 0Fh and an opcode, also behind a VEX prefix. */
static u8 two_byte(u8 op)
{
	if ((op >= 0x10 && op <= 0x17) || (op >= 0x18 && op <= 0x1f) || (op >= 0x28 && op <= 0x2f) ||
	    (op >= 0x40 && op <= 0x6f) || (op >= 0x74 && op <= 0x76) || (op >= 0x90 && op <= 0x9f))
		return M;
	if (op >= 0x80 && op <= 0x8f)
		return JZ;
	if (op >= 0xc8 && op <= 0xcf)
		return NO;
	if (op >= 0xd1 && op <= 0xfe)
		return M;
	switch (op) {
	case 0x0b: case 0x77: case 0xa2: case 0x31:
		return NO;
	case 0x7e: case 0x7f: case 0xa3: case 0xa5: case 0xab: case 0xad: case 0xaf: case 0xb0: case 0xb1: case 0xb3:
	case 0xb6: case 0xb7: case 0xbb: case 0xbc: case 0xbd: case 0xbe: case 0xbf: case 0xc0: case 0xc1: case 0xc3:
		return M;
	case 0x70: case 0x71: case 0x72: case 0x73: case 0xa4: case 0xac: case 0xba: case 0xc2: case 0xc4: case 0xc5:
	case 0xc6:
		return M8;
	default:
		return BAD;
	}
}

struct cursor {
	const u8 *p;
	u32 at, have;
	bool bad;
};

static u8 take(struct cursor *c)
{
	if (c->at >= c->have) {
		c->bad = true;
		return 0;
	}
	return c->p[c->at++];
}

static s64 take_signed(struct cursor *c, u32 n)
{
	u32 v = 0;

	for (u32 i = 0; i < n; i++)
		v |= (u32)take(c) << (8 * i);
	return n == 1 ? (s64)(signed char)v : (s64)(s32)v;
}

static void skip(struct cursor *c, u32 n)
{
	while (n--)
		take(c);
}

/* ModRM, SIB and displacement; ModRM itself is returned. */
static u8 take_modrm(struct cursor *c, struct insn_info *out)
{
	u8 modrm = take(c), mod = modrm >> 6, sib;

	if (mod == 3)
		return modrm;
	if ((modrm & 7) == 4) {
		sib = take(c);
		if (mod == 0 && (sib & 7) == 5)
			skip(c, 4);
	} else if (mod == 0 && (modrm & 7) == 5) {
		out->rip_disp = (u8)c->at;
		skip(c, 4);
	}
	skip(c, mod == 1 ? 1 : mod == 2 ? 4 : 0);
	return modrm;
}

struct prefixes {
	bool small, rep, other; /* 66h, F2h or F3h, FS or LOCK */
	u8 rex;
};

/* The instruction's opcode behind its prefixes. */
static u8 take_prefixes(struct cursor *c, struct prefixes *p)
{
	u8 b = take(c);

	for (;; b = take(c)) {
		if (b == 0x66)
			p->small = true;
		else if (b == 0xf2 || b == 0xf3)
			p->rep = true;
		else if (b == 0x64 || b == 0xf0)
			p->other = true;
		else if (b != 0x2e && b != 0x3e)
			break;
		if (c->bad)
			return 0;
	}
	if ((b & 0xf0) == 0x40) {
		p->rex = b;
		b = take(c);
	}
	return b;
}

static void decode_0f(struct cursor *c, const struct prefixes *p, struct insn_info *out)
{
	u8 op = take(c), what;

	if (op == 0x38 || op == 0x3a) {
		u8 third = take(c);

		/* Vector instructions, CRC32, MOVBE and ADX: no other has another form. */
		c->bad |= op == 0x38 && third >= 0xf8;
		take_modrm(c, out);
		skip(c, op == 0x3a);
		return;
	}
	what = two_byte(op);
	if (what == BAD) {
		c->bad = true;
	} else if (what == JZ) {
		c->bad |= p->small || p->rep || p->other || p->rex; /* AMD and Intel differ in some */
		out->kind = INSN_JCC;
		out->cond = op & 15;
		out->target = take_signed(c, 4);
	} else {
		if (op == 0x0b)
			out->kind = INSN_END;
		if (what & M)
			take_modrm(c, out);
		skip(c, what & I8 ? 1 : 0);
	}
}

static void decode_vex(struct cursor *c, u8 first, struct insn_info *out)
{
	u8 b = take(c), map = 1, op, what;

	if (first == 0xc4) {
		map = b & 31;
		take(c);
	}
	op = take(c);
	what = map == 1 ? two_byte(op) : map == 2 ? M : map == 3 ? M8 : BAD;
	if (what == BAD || what == JZ) {
		c->bad = true;
		return;
	}
	if (what & M)
		take_modrm(c, out);
	skip(c, what & I8 ? 1 : 0);
}

static void decode_one(struct cursor *c, u8 op, const struct prefixes *p, struct insn_info *out)
{
	u8 what = one_byte[op], modrm = 0;

	if (what == BAD) {
		c->bad = true;
		return;
	}
	if (what & (M | G3))
		modrm = take_modrm(c, out);
	switch (op) {
	case 0xc3:
		out->kind = INSN_END;
		break;
	case 0xf6: case 0xf7:
		if ((modrm >> 3 & 7) < 2)
			skip(c, op == 0xf6 ? 1 : p->small ? 2 : 4);
		return;
	case 0xff:
		/* Indirect calls push their own address, far ones are nobody's. */
		if ((modrm >> 3 & 7) == 4)
			out->kind = INSN_END;
		else if ((modrm >> 3 & 7) == 2 || (modrm >> 3 & 7) == 3 || (modrm >> 3 & 7) == 5 || (modrm >> 3 & 7) == 7)
			c->bad = true;
		return;
	case 0xfe:
		c->bad |= (modrm >> 3 & 7) > 1;
		return;
	case 0xc6: case 0xc7: case 0x8f:
		c->bad |= (modrm >> 3 & 7) != 0; /* XABORT, XBEGIN */
		break;
	}
	if (what & I8)
		skip(c, 1);
	if (what & IZ)
		skip(c, p->small && !(p->rex & 8) ? 2 : 4);
	if (what & IV)
		skip(c, p->rex & 8 ? 8 : p->small ? 2 : 4);
	if (what & (J8 | JZ)) {
		c->bad |= p->small || p->rep || p->other || p->rex;
		out->kind = op == 0xe8 ? INSN_CALL : op >= 0xe9 ? INSN_JMP : INSN_JCC;
		out->cond = op & 15;
		out->target = take_signed(c, what & J8 ? 1 : 4);
	}
}

bool insn_info(const u8 *p, u32 have, struct insn_info *out)
{
	struct cursor c = { p, 0, min(have, INSN_MAX), false };
	struct prefixes pre = { 0 };
	u8 op;

	memset(out, 0, sizeof(*out));
	out->kind = INSN_PLAIN;
	op = take_prefixes(&c, &pre);
	if (op == 0x0f) {
		decode_0f(&c, &pre, out);
	} else if (op == 0xc4 || op == 0xc5) {
		c.bad |= pre.rex || pre.small || pre.rep;
		decode_vex(&c, op, out);
	} else {
		decode_one(&c, op, &pre, out);
	}
	if (c.bad) {
		out->kind = INSN_UNKNOWN;
		return false;
	}
	out->len = (u8)c.at;
	if (out->kind == INSN_JCC || out->kind == INSN_JMP || out->kind == INSN_CALL)
		out->target += out->len;
	return true;
}
