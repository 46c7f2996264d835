/*
 * Carrying out an ordinary instruction that has a trap in its place, because the bytes of a constant in it, or its last
 * bytes and the next instruction's, look like a forbidden one (code_fix.c). So: instructions with constants, as compilers
 * write them. Jumps and calls, moves, arithmetic with a memory operand or an immediate, vector moves.
 */
#include "abi/linux/errno.h"
#include "gate/gate.h"
#include "gate/regs.h"
#include "lib/string.h"
#include "mm/insn.h"
#include "mm/uaccess.h"

#define MEMORY (in->mod != 3)

/* The operand that ModRM names. */
static int get_rm(struct insn *in, u64 *v)
{
	if (MEMORY)
		return insn_load(insn_address(in), in->size, v);
	*v = insn_reg_get(in, in->rm);
	return 0;
}

static int set_rm(struct insn *in, u64 v)
{
	if (MEMORY)
		return insn_store(insn_address(in), in->size, v);
	insn_reg_set(in, in->rm, v);
	return 0;
}

static void set_flags(struct insn *in, u64 flags)
{
	in->regs->rflags = (in->regs->rflags & ~ARITH_FLAGS) | (flags & ARITH_FLAGS);
}

/* op with the ModRM operand first; to_reg: the register is first, and gets the result. */
static int arith(struct insn *in, enum arith op, u64 operand, bool to_reg)
{
	u64 flags = in->regs->rflags & ARITH_FLAGS, v, a, b, r;
	int err = get_rm(in, &v);

	if (err)
		return err;
	a = to_reg ? operand : v;
	b = to_reg ? v : operand & insn_mask(in->size);
	r = insn_compute(op == CMP ? SUB : op, a, b, in->size, &flags);
	if (op != CMP) {
		if (to_reg)
			insn_reg_set(in, in->reg, r);
		else
			err = set_rm(in, r);
	}
	if (!err)
		set_flags(in, flags);
	return err;
}

static int test(struct insn *in, u64 operand)
{
	u64 flags = 0, v;
	int err = get_rm(in, &v);

	if (err)
		return err;
	(void)insn_compute(AND, v, operand & insn_mask(in->size), in->size, &flags);
	set_flags(in, flags);
	return 0;
}

/* rip is set to what makes the caller's addition of the length come out right. */
static int jump(struct insn *in, u64 target)
{
	in->regs->rip = target - in->pos;
	return 0;
}

static int call(struct insn *in, u64 target)
{
	int err = insn_push(in, in->regs->rip + in->pos);

	return err ? err : jump(in, target);
}

#define SHIFT_AS(name, how, a, n, flags)                                             \
	__asm__("push %1; popfq; " #name " %%cl, %" #how "0; pushfq; pop %1"         \
		: "+q"(a), "+r"(*(flags))                                            \
		: "c"(n)                                                             \
		: "cc")
#define SHIFT(name)                                                                  \
	static u64 do_##name(u64 a, u8 n, u32 size, u64 *flags)                      \
	{                                                                            \
		switch (size) {                                                      \
		case 1: SHIFT_AS(name, b, a, n, flags); break;                       \
		case 2: SHIFT_AS(name, w, a, n, flags); break;                       \
		case 4: SHIFT_AS(name, k, a, n, flags); break;                       \
		default: SHIFT_AS(name, q, a, n, flags); break;                      \
		}                                                                    \
		return a & insn_mask(size);                                          \
	}
SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)

static int shift(struct insn *in, u8 n)
{
	static u64 (*const how[])(u64, u8, u32, u64 *) = { do_rol, do_ror, do_rcl, do_rcr, do_shl, do_shr, do_shl, do_sar };
	u64 flags = in->regs->rflags & ARITH_FLAGS, v;
	int err = get_rm(in, &v);

	if (err)
		return err;
	v = how[in->reg & 7](v, n, in->size, &flags);
	err = set_rm(in, v);
	if (!err)
		set_flags(in, flags);
	return err;
}

/* reg = rm * imm */
static int multiply(struct insn *in, u64 imm)
{
	u64 flags = in->regs->rflags & ARITH_FLAGS, v;
	int err = get_rm(in, &v);

	if (err)
		return err;
	switch (in->size) {
	case 2:
		__asm__("push %1; popfq; imulw %w2, %w0; pushfq; pop %1" : "+r"(v), "+r"(flags) : "r"(imm) : "cc");
		break;
	case 4:
		__asm__("push %1; popfq; imull %k2, %k0; pushfq; pop %1" : "+r"(v), "+r"(flags) : "r"(imm) : "cc");
		break;
	default:
		__asm__("push %1; popfq; imulq %2, %0; pushfq; pop %1" : "+r"(v), "+r"(flags) : "r"(imm) : "cc");
	}
	insn_reg_set(in, in->reg, v);
	set_flags(in, flags);
	return 0;
}

/* A load that widens from `from` bytes. */
static int widen(struct insn *in, u32 from, bool sign)
{
	u32 to = in->size;
	u64 v;
	int err;

	in->size = from;
	err = get_rm(in, &v);
	in->size = to;
	if (err)
		return err;
	if (sign)
		v = from == 1 ? (u64)(s64)(signed char)v : from == 2 ? (u64)(s64)(short)v : (u64)(s64)(s32)v;
	insn_reg_set(in, in->reg, v);
	return 0;
}

#define FOR_EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* The low 16 bytes; those above stay, or become zero as after a VEX instruction. */
static void vector_set(u32 n, bool vex, bool wide, const u8 in[32])
{
#define SET(i)                                                                                   \
	case i:                                                                                  \
		if (wide)                                                                        \
			__asm__ volatile("vmovups (%0), %%ymm" #i : : "r"(in) : "memory");       \
		else if (vex)                                                                    \
			__asm__ volatile("vmovups (%0), %%xmm" #i : : "r"(in) : "memory");       \
		else                                                                             \
			__asm__ volatile("movups (%0), %%xmm" #i : : "r"(in) : "memory");        \
		break;
	switch (n & 15) { FOR_EACH_VECTOR(SET) }
#undef SET
}

/* What a load into a vector register takes from memory; 0 = another instruction. */
static u32 load_size(const struct insn *in)
{
	u32 full = in->vex_len ? in->vex_len : 16;

	switch (in->op) {
	case 0x10:
		return in->rep ? 4 : in->repne ? 8 : full;
	case 0x28:
		return in->rep || in->repne ? 0 : full;
	case 0x6f:
		return in->small || in->rep ? full : 0;
	case 0x7e:
		return in->rep ? 8 : 0;
	case 0x6e:
		return !in->small ? 0 : in->rex & 8 ? 8 : 4;
	case 0x12: /* the low half, the high half; the register's other half stays */
	case 0x16:
		return in->rep || in->repne || in->vex_len ? 0 : 8;
	default:
		return 0;
	}
}

static bool wants_alignment(const struct insn *in)
{
	return in->op == 0x28 || in->op == 0x29 || ((in->op == 0x6f || in->op == 0x7f) && in->small) || in->op == 0xe7;
}

static int vector_move(struct insn *in, u32 size, bool load)
{
	u64 at = insn_address(in);
	u8 v[32] = { 0 };
	int err;

	if (wants_alignment(in) && (at & (size - 1)))
		return -EFAULT;
	if (!load) {
		insn_vector_get(in->reg, size == 32, v);
		return copy_out(uptr(at), in->op == 0x17 ? v + 8 : v, size);
	}
	if (in->op == 0x12 || in->op == 0x16)
		insn_vector_get(in->reg, false, v);
	err = copy_in(in->op == 0x16 ? v + 8 : v, uptr(at), size);
	if (!err)
		vector_set(in->reg, in->vex_len != 0, size == 32, v);
	return err;
}

static int run_two_byte(struct insn *in)
{
	u32 cc = in->op & 15, size;
	u64 v;
	int err;

	if ((in->op & 0xf0) == 0x80 && !in->vex_len) {
		v = insn_imm(in, 4);
		if (in->bad || in->small)
			return INSN_UNKNOWN;
		return insn_condition(in->regs->rflags, cc) ? jump(in, in->regs->rip + in->pos + v) : 0;
	}
	insn_modrm(in);
	if (in->bad)
		return INSN_UNKNOWN;
	if (MEMORY) {
		size = load_size(in);
		if (size)
			return vector_move(in, size, true);
		size = insn_vector_size(in);
		if (size)
			return vector_move(in, size, false);
	}
	if (in->vex_len || in->rep || in->repne || in->lock)
		return INSN_UNKNOWN;
	switch (in->op) {
	case 0x1f: return 0;
	case 0xaf:
		err = get_rm(in, &v);
		if (err)
			return err;
		/* The same product, whichever is first. */
		in->mod = 3;
		in->rm = in->reg;
		return multiply(in, v);
	case 0xb6: return widen(in, 1, false);
	case 0xb7: return widen(in, 2, false);
	case 0xbe: return widen(in, 1, true);
	case 0xbf: return widen(in, 2, true);
	}
	if ((in->op & 0xf0) == 0x40) {
		err = get_rm(in, &v);
		if (err)
			return err;
		insn_reg_set(in, in->reg, insn_condition(in->regs->rflags, cc) ? v : insn_reg_get(in, in->reg));
		return 0;
	}
	if ((in->op & 0xf0) == 0x90) {
		in->size = 1;
		return set_rm(in, insn_condition(in->regs->rflags, cc));
	}
	return INSN_UNKNOWN;
}

/* Opcodes with ModRM and an immediate behind it. */
static int run_group(struct insn *in)
{
	u64 imm = 0, v;
	int err;

	insn_modrm(in);
	switch (in->op) {
	case 0x69:
	case 0x81:
	case 0xc7:
		imm = insn_imm(in, min(in->size, 4u));
		break;
	case 0xf7:
		if ((in->reg & 7) < 2)
			imm = insn_imm(in, min(in->size, 4u));
		break;
	case 0xf6:
		if ((in->reg & 7) < 2)
			imm = insn_imm(in, 1);
		break;
	case 0x6b: case 0x80: case 0x83: case 0xc0: case 0xc1: case 0xc6:
		imm = insn_imm(in, 1);
		break;
	}
	if (in->bad)
		return INSN_UNKNOWN;
	switch (in->op) {
	case 0x69:
	case 0x6b:
		return multiply(in, imm);
	case 0x80: case 0x81: case 0x83:
		return arith(in, (enum arith)(in->reg & 7), imm, false);
	case 0xc0: case 0xc1:
		return shift(in, (u8)imm & (in->size == 8 ? 63 : 31));
	case 0xd0: case 0xd1:
		return shift(in, 1);
	case 0xc6: case 0xc7:
		return in->reg & 7 ? INSN_UNKNOWN : set_rm(in, imm);
	case 0xf6: case 0xf7:
		if ((in->reg & 7) < 2)
			return test(in, imm);
		if ((in->reg & 7) > 3)
			return INSN_UNKNOWN;
		return arith(in, (in->reg & 7) == 2 ? NOT : NEG, 0, false);
	case 0xfe: case 0xff:
		if ((in->reg & 7) < 2)
			return arith(in, in->reg & 7 ? DEC : INC, 1, false);
		break;
	}
	if (in->op != 0xff || in->small)
		return INSN_UNKNOWN;
	in->size = 8;
	err = get_rm(in, &v);
	if (err)
		return err;
	switch (in->reg & 7) {
	case 2: return call(in, v);
	case 4: return jump(in, v);
	case 6: return insn_push(in, v);
	default: return INSN_UNKNOWN;
	}
}

/* Without ModRM. */
static int run_short(struct insn *in)
{
	u8 op = in->op;
	u64 imm;

	if ((op & 0xf8) == 0xb8) {
		imm = insn_imm(in, in->size);
		if (!in->bad)
			insn_reg_set(in, (op & 7) | (in->rex & 1) << 3, imm);
		return in->bad ? INSN_UNKNOWN : 0;
	}
	if ((op & 0xf8) == 0xb0) {
		in->size = 1;
		imm = insn_imm(in, 1);
		if (!in->bad)
			insn_reg_set(in, (op & 7) | (in->rex & 1) << 3, imm);
		return in->bad ? INSN_UNKNOWN : 0;
	}
	if (op == 0xa8 || op == 0xa9 || (op < 0x40 && (op & 7) >= 4)) {
		if (!(op & 1))
			in->size = 1;
		imm = insn_imm(in, min(in->size, 4u));
		in->mod = 3;
		in->rm = 0;
		if (in->bad)
			return INSN_UNKNOWN;
		return op >= 0x40 ? test(in, imm) : arith(in, (enum arith)(op >> 3), imm, false);
	}
	if (in->small)
		return INSN_UNKNOWN;
	imm = insn_imm(in, op == 0x68 || op == 0xe8 || op == 0xe9 ? 4 : 1);
	if (in->bad)
		return INSN_UNKNOWN;
	if (op == 0x68 || op == 0x6a)
		return insn_push(in, imm);
	if (op == 0xe8)
		return call(in, in->regs->rip + in->pos + imm);
	if (op == 0xe9 || op == 0xeb || insn_condition(in->regs->rflags, op & 15))
		return jump(in, in->regs->rip + in->pos + imm);
	return 0;
}

static int run_one_byte(struct insn *in)
{
	u8 op = in->op;
	u64 v;
	int err;

	if ((op < 0x40 && (op & 7) >= 4 && (op & 7) < 6) || op == 0x68 || op == 0x6a || (op & 0xf0) == 0x70 ||
	    op == 0xa8 || op == 0xa9 || (op & 0xf0) == 0xb0 || op == 0xe8 || op == 0xe9 || op == 0xeb)
		return run_short(in);
	switch (op) {
	case 0x69: case 0x6b: case 0x81: case 0x83: case 0xc1: case 0xc7: case 0xd1: case 0xf7: case 0xff:
		return run_group(in);
	case 0x80: case 0xc0: case 0xc6: case 0xd0: case 0xf6: case 0xfe:
		in->size = 1;
		return run_group(in);
	case 0x63: case 0x8d: case 0x85: case 0x89: case 0x8b:
		break;
	case 0x84: case 0x88: case 0x8a:
		in->size = 1;
		break;
	default:
		if (op >= 0x40 || (op & 7) > 3)
			return INSN_UNKNOWN;
		if (!(op & 1))
			in->size = 1;
	}
	insn_modrm(in);
	if (in->bad)
		return INSN_UNKNOWN;
	switch (op) {
	case 0x63:
		return widen(in, 4, true);
	case 0x84: case 0x85:
		return test(in, insn_reg_get(in, in->reg));
	case 0x88: case 0x89:
		return set_rm(in, insn_reg_get(in, in->reg));
	case 0x8a: case 0x8b:
		err = get_rm(in, &v);
		if (!err)
			insn_reg_set(in, in->reg, v);
		return err;
	case 0x8d:
		if (!MEMORY)
			return INSN_UNKNOWN;
		insn_reg_set(in, in->reg, in->ea + (in->rip_rel ? in->regs->rip + in->pos : 0));
		return 0;
	}
	return arith(in, (enum arith)(op >> 3), insn_reg_get(in, in->reg), op & 2);
}

int insn_run(struct insn *in)
{
	if (in->bad || in->lock || (!in->map && (in->rep || in->repne)))
		return INSN_UNKNOWN;
	return in->map ? run_two_byte(in) : run_one_byte(in);
}
