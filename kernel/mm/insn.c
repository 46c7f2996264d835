/* Decoding one instruction of a program, and what carrying it out takes: see insn.h. */
#include "mm/insn.h"

#include "gate/gate.h"
#include "lib/string.h"
#include "mm/code.h"
#include "mm/uaccess.h"
#include "proc/task.h"

u8 insn_next(struct insn *in)
{
	if (in->pos >= in->have) {
		in->bad = true;
		return 0;
	}
	return in->bytes[in->pos++];
}

/* n bytes, sign-extended. */
u64 insn_imm(struct insn *in, u32 n)
{
	u64 v = 0;

	for (u32 i = 0; i < n; i++)
		v |= (u64)insn_next(in) << (8 * i);
	if (n == 1)
		return (u64)(s64)(signed char)v;
	if (n == 2)
		return (u64)(s64)(short)v;
	return n == 4 ? (u64)(s64)(s32)v : v;
}

u64 *insn_reg(struct gate_regs *r, u32 n)
{
	switch (n & 15) {
	case 0: return &r->rax;
	case 1: return &r->rcx;
	case 2: return &r->rdx;
	case 3: return &r->rbx;
	case 4: return &r->rsp;
	case 5: return &r->rbp;
	case 6: return &r->rsi;
	case 7: return &r->rdi;
	case 8: return &r->r8;
	case 9: return &r->r9;
	case 10: return &r->r10;
	case 11: return &r->r11;
	case 12: return &r->r12;
	case 13: return &r->r13;
	case 14: return &r->r14;
	default: return &r->r15;
	}
}

u64 insn_mask(u32 size) { return size == 8 ? ~0ull : (1ull << (8 * size)) - 1; }

static bool high_byte(const struct insn *in, u32 n) { return in->size == 1 && !in->rex && n >= 4 && n < 8; }

u64 insn_reg_get(const struct insn *in, u32 n)
{
	if (high_byte(in, n))
		return *insn_reg(in->regs, n - 4) >> 8 & 0xff;
	return *insn_reg(in->regs, n) & insn_mask(in->size);
}

void insn_reg_set(const struct insn *in, u32 n, u64 v)
{
	u64 mask = insn_mask(in->size), *r = insn_reg(in->regs, high_byte(in, n) ? n - 4 : n);

	if (high_byte(in, n))
		*r = (*r & ~0xff00ull) | (v & 0xff) << 8;
	else if (in->size == 4)
		*r = v & mask;
	else
		*r = (*r & ~mask) | (v & mask);
}

static void decode_prefixes(struct insn *in)
{
	for (;;) {
		switch (insn_next(in)) {
		case 0x66: in->small = true; break;
		case 0xf0: in->lock = true; break;
		case 0xf2: in->repne = true; break;
		case 0xf3: in->rep = true; break;
		case 0x64: in->fs = true; break;
		case 0x2e: case 0x36: case 0x3e: case 0x26: break; /* mean nothing */
		case 0x65: case 0x67: /* GS is not the program's; 32-bit addresses nobody uses */
			in->bad = true;
			return;
		default:
			in->pos--;
			return;
		}
		if (in->bad)
			return;
	}
}

static void decode_vex(struct insn *in, u8 first)
{
	u8 b = insn_next(in), pp;

	in->rex = 0x40 | (b & 0x80 ? 0 : 4);
	in->map = 1;
	if (first == 0xc4) {
		in->rex |= (b & 0x40 ? 0 : 2) | (b & 0x20 ? 0 : 1);
		if ((b & 31) != 1)
			in->bad = true;
		b = insn_next(in);
		in->rex |= b & 0x80 ? 8 : 0;
	}
	in->vex_len = b & 4 ? 32 : 16;
	/* A second source would be another kind of instruction. */
	if ((b & 0x78) != 0x78 || in->small || in->rep || in->repne || in->lock)
		in->bad = true;
	pp = b & 3;
	in->small = pp == 1;
	in->rep = pp == 2;
	in->repne = pp == 3;
	in->op = insn_next(in);
}

static void decode_opcode(struct insn *in)
{
	u8 b = insn_next(in);

	if ((b & 0xf0) == 0x40) {
		in->rex = b;
		b = insn_next(in);
	}
	if (!in->rex && (b == 0xc5 || b == 0xc4)) {
		decode_vex(in, b);
		return;
	}
	if (b == 0x0f) {
		in->map = 1;
		b = insn_next(in);
	}
	in->op = b;
	in->size = in->rex & 8 ? 8 : in->small ? 2 : 4;
}

void insn_modrm(struct insn *in)
{
	u8 m = insn_next(in);
	u64 ea = 0;

	in->mod = m >> 6;
	in->reg = (m >> 3 & 7) | (in->rex & 4) << 1;
	in->rm = m & 7;
	if (in->mod == 3) {
		in->rm |= (in->rex & 1) << 3;
		return;
	}
	if (in->rm == 4) {
		u8 sib = insn_next(in), index = (sib >> 3 & 7) | (in->rex & 2) << 2;

		if (index != 4)
			ea = *insn_reg(in->regs, index) << (sib >> 6);
		if ((sib & 7) == 5 && in->mod == 0)
			ea += insn_imm(in, 4);
		else
			ea += *insn_reg(in->regs, (sib & 7) | (in->rex & 1) << 3);
	} else if (in->rm == 5 && in->mod == 0) {
		in->rip_rel = true;
		ea = insn_imm(in, 4);
	} else {
		ea = *insn_reg(in->regs, in->rm | (in->rex & 1) << 3);
	}
	if (in->mod)
		ea += insn_imm(in, in->mod == 1 ? 1 : 4);
	in->ea = ea;
}

u64 insn_address(const struct insn *in)
{
	return in->ea + (in->rip_rel ? in->regs->rip + in->pos : 0) + (in->fs ? gate_get_fsbase() : 0);
}

int insn_load(u64 at, u32 size, u64 *v)
{
	int err;

	*v = 0;
	err = size == 8 && !(at & 7) ? get_user_u64(uptr(at), v) : copy_in(v, uptr(at), size);
	if (!err)
		code_unshow(current->mm, at, v, size);
	return err;
}

int insn_store(u64 at, u32 size, u64 v)
{
	if (size == 8 && !(at & 7))
		return put_user_u64(uptr(at), v);
	if (size == 4 && !(at & 3))
		return put_user_u32(uptr(at), (u32)v);
	return copy_out(uptr(at), &v, size);
}

/* One operation by the CPU, with the program's flags before and after. */
#define ARITH_AS(name, how, a, b, flags)                                             \
	__asm__("push %1; popfq; " #name " %" #how "2, %" #how "0; pushfq; pop %1"   \
		: "+q"(a), "+r"(*(flags))                                            \
		: "q"(b)                                                             \
		: "cc")
#define ARITH(name)                                                                  \
	static u64 do_##name(u64 a, u64 b, u32 size, u64 *flags)                     \
	{                                                                            \
		switch (size) {                                                      \
		case 1: ARITH_AS(name, b, a, b, flags); break;                       \
		case 2: ARITH_AS(name, w, a, b, flags); break;                       \
		case 4: ARITH_AS(name, k, a, b, flags); break;                       \
		default: ARITH_AS(name, q, a, b, flags); break;                      \
		}                                                                    \
		return a & insn_mask(size);                                          \
	}
ARITH(add)
ARITH(or)
ARITH(adc)
ARITH(sbb)
ARITH(and)
ARITH(sub)
ARITH(xor)

u64 insn_compute(enum arith op, u64 a, u64 b, u32 size, u64 *flags)
{
	u64 carry = *flags & FLAG_CF;

	switch (op) {
	case ADD:
	case XADD: return do_add(a, b, size, flags);
	case OR: return do_or(a, b, size, flags);
	case ADC: return do_adc(a, b, size, flags);
	case SBB: return do_sbb(a, b, size, flags);
	case AND: return do_and(a, b, size, flags);
	case SUB: return do_sub(a, b, size, flags);
	case XOR: return do_xor(a, b, size, flags);
	case INC:
	case DEC:
		a = op == INC ? do_add(a, 1, size, flags) : do_sub(a, 1, size, flags);
		*flags = (*flags & ~FLAG_CF) | carry;
		return a;
	case NOT: return ~a & insn_mask(size);
	case NEG: return do_sub(0, a, size, flags);
	default: return b;
	}
}

int insn_push(struct insn *in, u64 v)
{
	int err = insn_store(in->regs->rsp - 8, 8, v);

	if (!err)
		in->regs->rsp -= 8;
	return err;
}

#define FOR_EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* The program's vector registers are in the CPU all the while. */
void insn_vector_get(u32 n, bool wide, u8 out[32])
{
#define GET(i)                                                                                   \
	case i:                                                                                  \
		if (wide)                                                                        \
			__asm__ volatile("vmovups %%ymm" #i ", (%0)" : : "r"(out) : "memory");   \
		else                                                                             \
			__asm__ volatile("movups %%xmm" #i ", (%0)" : : "r"(out) : "memory");    \
		break;
	switch (n & 15) { FOR_EACH_VECTOR(GET) }
#undef GET
}

/* Size of a store from a vector register; 0 = another instruction. */
u32 insn_vector_size(const struct insn *in)
{
	u32 full = in->vex_len ? in->vex_len : 16;

	switch (in->op) {
	case 0x11:
		return in->rep ? 4 : in->repne ? 8 : full;
	case 0x29:
	case 0x2b:
		return in->rep || in->repne ? 0 : full;
	case 0x13: /* the low half, the high half */
	case 0x17:
		return in->rep || in->repne ? 0 : 8;
	case 0x7f:
		return in->small || in->rep ? full : 0; /* without: MMX */
	case 0xe7:
		return in->small ? full : 0;
	case 0xd6:
		return in->small ? 8 : 0;
	case 0x7e:
		return !in->small ? 0 : in->rex & 8 ? 8 : 4;
	default:
		return 0;
	}
}

bool insn_condition(u64 flags, u32 cc)
{
	bool cf = flags & 1, pf = flags & 4, zf = flags & 0x40, sf = flags & 0x80, of = flags & 0x800, r;

	switch (cc >> 1) {
	case 0: r = of; break;
	case 1: r = cf; break;
	case 2: r = zf; break;
	case 3: r = cf || zf; break;
	case 4: r = sf; break;
	case 5: r = pf; break;
	case 6: r = sf != of; break;
	default: r = zf || sf != of; break;
	}
	return r != (cc & 1);
}

bool insn_is_prefix(u8 b)
{
	switch (b) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67:
	case 0xf0: case 0xf2: case 0xf3:
		return true;
	default:
		return (b & 0xf0) == 0x40;
	}
}

void insn_begin(struct insn *in, struct gate_regs *regs, const u8 *bytes, u32 n)
{
	memset(in, 0, sizeof(*in));
	in->regs = regs;
	in->have = min(n, INSN_MAX);
	memcpy(in->bytes, bytes, in->have);
	decode_prefixes(in);
	if (!in->bad)
		decode_opcode(in);
}
