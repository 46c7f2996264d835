/*
 * Code that writes into its own page. Such a page is writable and executable on paper, but the host has it one way at a
 * time (protect.c), so this one instruction would fault for ever. It is carried out here instead: decoded, computed,
 * and stored by a user copy, whose fault makes the page writable; the program's next fetch makes it executable (and has
 * it looked at) again. The stores that compilers and assembler programmers use are known; what is not ends in SIGSEGV.
 *
 * Everything comes from the program and another thread may change the bytes meanwhile: they are fetched once, and all
 * that can happen are stores that the program could have made itself.
 */
#include "mm/emulate.h"

#include "abi/linux/errno.h"
#include "core/log.h"
#include "gate/gate.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/task.h"

#define INSN_MAX 15u
#define ARITH_FLAGS 0x8d5ull /* CF PF AF ZF SF OF */
#define FLAG_CF 1ull
#define FLAG_DF 0x400ull
#define REP_BYTES_MAX (16 * PAGE_SIZE) /* of one string instruction at a time; it starts again where it stopped */

struct insn {
	struct gate_regs *regs;
	u8 bytes[INSN_MAX];
	u32 have, pos; /* bytes fetched, decoded */
	bool bad; /* ran out of bytes, or a form that is not known */
	bool lock, rep, repne, small, fs; /* small: 66h */
	u8 rex;
	u32 vex_len; /* 16 or 32; 0 = no VEX prefix */
	u32 map; /* 0 one byte, 1 0Fh */
	u8 op, mod, reg, rm;
	bool rip_rel;
	u64 ea;
	u32 size; /* of the operand */
};

static u8 next_u8(struct insn *in)
{
	if (in->pos >= in->have) {
		in->bad = true;
		return 0;
	}
	return in->bytes[in->pos++];
}

/* n bytes, sign-extended. */
static u64 next_imm(struct insn *in, u32 n)
{
	u64 v = 0;

	for (u32 i = 0; i < n; i++)
		v |= (u64)next_u8(in) << (8 * i);
	if (n == 1)
		return (u64)(s64)(signed char)v;
	if (n == 2)
		return (u64)(s64)(short)v;
	return n == 4 ? (u64)(s64)(s32)v : v;
}

static u64 *reg_ptr(struct gate_regs *r, u32 n)
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

static u64 size_mask(u32 size) { return size == 8 ? ~0ull : (1ull << (8 * size)) - 1; }

static bool high_byte(const struct insn *in, u32 n) { return in->size == 1 && !in->rex && n >= 4 && n < 8; }

static u64 reg_get(const struct insn *in, u32 n)
{
	if (high_byte(in, n))
		return *reg_ptr(in->regs, n - 4) >> 8 & 0xff;
	return *reg_ptr(in->regs, n) & size_mask(in->size);
}

static void reg_set(const struct insn *in, u32 n, u64 v)
{
	u64 mask = size_mask(in->size), *r = reg_ptr(in->regs, high_byte(in, n) ? n - 4 : n);

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
		switch (next_u8(in)) {
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
	u8 b = next_u8(in), pp;

	in->rex = 0x40 | (b & 0x80 ? 0 : 4);
	in->map = 1;
	if (first == 0xc4) {
		in->rex |= (b & 0x40 ? 0 : 2) | (b & 0x20 ? 0 : 1);
		if ((b & 31) != 1)
			in->bad = true;
		b = next_u8(in);
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
	in->op = next_u8(in);
}

static void decode_opcode(struct insn *in)
{
	u8 b = next_u8(in);

	if ((b & 0xf0) == 0x40) {
		in->rex = b;
		b = next_u8(in);
	}
	if (!in->rex && (b == 0xc5 || b == 0xc4)) {
		decode_vex(in, b);
		return;
	}
	if (b == 0x0f) {
		in->map = 1;
		b = next_u8(in);
	}
	in->op = b;
	in->size = in->rex & 8 ? 8 : in->small ? 2 : 4;
}

/* ModRM and what follows it. Only memory operands: nothing else can have faulted. */
static void decode_modrm(struct insn *in)
{
	u8 m = next_u8(in);
	u64 ea = 0;

	in->mod = m >> 6;
	in->reg = (m >> 3 & 7) | (in->rex & 4) << 1;
	in->rm = m & 7;
	if (in->mod == 3) {
		in->bad = true;
		return;
	}
	if (in->rm == 4) {
		u8 sib = next_u8(in), index = (sib >> 3 & 7) | (in->rex & 2) << 2;

		if (index != 4)
			ea = *reg_ptr(in->regs, index) << (sib >> 6);
		if ((sib & 7) == 5 && in->mod == 0)
			ea += next_imm(in, 4);
		else
			ea += *reg_ptr(in->regs, (sib & 7) | (in->rex & 1) << 3);
	} else if (in->rm == 5 && in->mod == 0) {
		in->rip_rel = true;
		ea = next_imm(in, 4);
	} else {
		ea = *reg_ptr(in->regs, in->rm | (in->rex & 1) << 3);
	}
	if (in->mod)
		ea += next_imm(in, in->mod == 1 ? 1 : 4);
	in->ea = ea;
}

/* The operand's address, when all of the instruction has been decoded. */
static u64 address(const struct insn *in)
{
	return in->ea + (in->rip_rel ? in->regs->rip + in->pos : 0) + (in->fs ? gate_get_fsbase() : 0);
}

static int load(u64 at, u32 size, u64 *v)
{
	*v = 0;
	if (size == 8 && !(at & 7))
		return get_user_u64(uptr(at), v);
	return copy_in(v, uptr(at), size);
}

static int store(u64 at, u32 size, u64 v)
{
	if (size == 8 && !(at & 7))
		return put_user_u64(uptr(at), v);
	if (size == 4 && !(at & 3))
		return put_user_u32(uptr(at), (u32)v);
	return copy_out(uptr(at), &v, size);
}

/* Stores v if old is still there; *seen = what was there. Operands that straddle their word are not atomic. */
static int exchange(u64 at, u32 size, u64 old, u64 v, u64 *seen)
{
	u64 word = at & ~3ull, mask = size_mask(size);
	u32 shift = (u32)(at - word) * 8, w, prev;
	int err;

	if (size == 8 && !(at & 7))
		return cmpxchg_user_u64(uptr(at), old, v, seen);
	if (size == 8 || shift + size * 8 > 32) {
		err = load(at, size, seen);
		return err || *seen != old ? err : store(at, size, v);
	}
	do {
		err = get_user_u32(uptr(word), &w);
		if (err)
			return err;
		*seen = w >> shift & mask;
		/* When it differs it is written back all the same, as the CPU does. */
		if (*seen == old)
			err = cmpxchg_user_u32(uptr(word), w, (w & ~(u32)(mask << shift)) | (u32)(v & mask) << shift, &prev);
		else
			err = cmpxchg_user_u32(uptr(word), w, w, &prev);
	} while (!err && prev != w);
	return err;
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
		return a & size_mask(size);                                          \
	}
ARITH(add)
ARITH(or)
ARITH(adc)
ARITH(sbb)
ARITH(and)
ARITH(sub)
ARITH(xor)

enum arith { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, INC, DEC, NOT, NEG, XCHG, XADD, MOV };

static u64 compute(enum arith op, u64 a, u64 b, u32 size, u64 *flags)
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
	case NOT: return ~a & size_mask(size);
	case NEG: return do_sub(0, a, size, flags);
	default: return b;
	}
}

/* Reads, computes, writes. The register that gets the old value is reg (XCHG, XADD). */
static int modify(struct insn *in, enum arith op, u64 operand)
{
	bool atomic = in->lock || op == XCHG;
	u64 at = address(in), old, seen, new, flags;
	int err;

	if (op == MOV)
		return store(at, in->size, operand);
	err = load(at, in->size, &old);
	while (!err) {
		flags = in->regs->rflags & ARITH_FLAGS;
		new = compute(op, old, operand & size_mask(in->size), in->size, &flags);
		if (!atomic) {
			err = store(at, in->size, new);
			break;
		}
		err = exchange(at, in->size, old, new, &seen);
		if (seen == old)
			break;
		old = seen;
	}
	if (err)
		return err;
	if (op == XCHG || op == XADD)
		reg_set(in, in->reg, old);
	in->regs->rflags = (in->regs->rflags & ~ARITH_FLAGS) | (flags & ARITH_FLAGS);
	return 0;
}

static int compare_exchange(struct insn *in)
{
	u64 at = address(in), acc = reg_get(in, 0), seen, flags = 0;
	int err = exchange(at, in->size, acc, reg_get(in, in->reg), &seen);

	if (err)
		return err;
	(void)do_sub(acc, seen, in->size, &flags);
	if (seen != acc)
		reg_set(in, 0, seen);
	in->regs->rflags = (in->regs->rflags & ~ARITH_FLAGS) | (flags & ARITH_FLAGS);
	return 0;
}

static int push(struct insn *in, u64 v)
{
	int err = store(in->regs->rsp - 8, 8, v);

	if (!err)
		in->regs->rsp -= 8;
	return err;
}

/* call: rip is set to what makes the caller's addition of the length come out right. */
static int call(struct insn *in, u64 target)
{
	int err = push(in, in->regs->rip + in->pos);

	if (!err)
		in->regs->rip = target - in->pos;
	return err;
}

/* stos, movs. What does not fit into one go is continued by the program. */
static int string(struct insn *in, bool move)
{
	struct gate_regs *r = in->regs;
	u64 step = r->rflags & FLAG_DF ? -(u64)in->size : in->size, done = 0, v = reg_get(in, 0);
	bool rep = in->rep || in->repne;
	int err = 0;

	while (!rep || r->rcx) {
		if (move)
			err = load(r->rsi + (in->fs ? gate_get_fsbase() : 0), in->size, &v);
		if (!err)
			err = store(r->rdi, in->size, v);
		if (err)
			break;
		r->rdi += step;
		if (move)
			r->rsi += step;
		if (!rep)
			return 0;
		r->rcx--;
		done += in->size;
		if (done >= REP_BYTES_MAX && r->rcx) {
			r->rip -= in->pos;
			return 0;
		}
	}
	return err;
}

#define FOR_EACH_VECTOR(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

/* The program's vector registers are in the CPU all the while. */
static void vector_get(u32 n, bool wide, u8 out[32])
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
static u32 vector_size(const struct insn *in)
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

static int vector_store(struct insn *in, u32 size)
{
	u8 v[32];

	vector_get(in->reg, size == 32, v);
	return copy_out(uptr(address(in)), in->op == 0x17 ? v + 8 : v, size);
}

static bool condition(u64 flags, u32 cc)
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

#define UNKNOWN 1 /* beside 0 and -errno */

static int run_two_byte(struct insn *in)
{
	u32 size;

	decode_modrm(in);
	if (in->bad)
		return UNKNOWN;
	size = vector_size(in);
	if (size)
		return vector_store(in, size);
	if (in->vex_len)
		return UNKNOWN;
	switch (in->op) {
	case 0xb0:
	case 0xc0:
		in->size = 1;
		break;
	}
	switch (in->op) {
	case 0xb0:
	case 0xb1:
		return compare_exchange(in);
	case 0xc0:
	case 0xc1:
		return modify(in, XADD, reg_get(in, in->reg));
	case 0xc3: /* movnti */
		return in->small || in->rep || in->repne ? UNKNOWN : modify(in, MOV, reg_get(in, in->reg));
	}
	if ((in->op & 0xf0) == 0x90) {
		in->size = 1;
		return modify(in, MOV, condition(in->regs->rflags, in->op & 15));
	}
	return UNKNOWN;
}

/* F6, F7, FE, FF. */
static int run_group(struct insn *in)
{
	u32 which = in->reg & 7;
	u64 target;
	int err;

	if (in->op < 0xf8)
		return which == 2 ? modify(in, NOT, 0) : which == 3 ? modify(in, NEG, 0) : UNKNOWN;
	if (which < 2)
		return modify(in, which ? DEC : INC, 0);
	if (in->op != 0xff || in->small || (which != 2 && which != 6))
		return UNKNOWN;
	err = load(address(in), 8, &target);
	if (err)
		return err;
	return which == 2 ? call(in, target) : push(in, target);
}

static int run_immediate(struct insn *in)
{
	bool mov = in->op >= 0xc6;
	u64 imm;

	decode_modrm(in);
	imm = next_imm(in, in->op == 0x83 ? 1 : min(in->size, 4u));
	if (in->bad || (mov && (in->reg & 7)) || (!mov && (in->reg & 7) == CMP))
		return UNKNOWN;
	return modify(in, mov ? MOV : (enum arith)(in->reg & 7), imm);
}

/* Without ModRM, so also where nothing faults but the stack. */
static int run_stack(struct insn *in)
{
	u64 imm;

	if (in->small)
		return UNKNOWN;
	if (in->op >= 0x50 && in->op < 0x58) {
		in->size = 8;
		return push(in, reg_get(in, (in->op & 7) | (in->rex & 1) << 3));
	}
	if (in->op != 0x68 && in->op != 0x6a && in->op != 0xe8)
		return UNKNOWN;
	imm = next_imm(in, in->op == 0x6a ? 1 : 4);
	if (in->bad)
		return UNKNOWN;
	return in->op == 0xe8 ? call(in, in->regs->rip + in->pos + imm) : push(in, imm);
}

static int run_one_byte(struct insn *in)
{
	u8 op = in->op;

	if (op == 0xff && in->pos < in->have && (in->bytes[in->pos] & 0xf8) == 0xd0 && !in->small)
		return call(in, *reg_ptr(in->regs, (next_u8(in) & 7) | (in->rex & 1) << 3));
	/* The lowest bit says byte or more in all but the stack's. */
	if ((op & 0xf8) == 0x50 || op == 0x68 || op == 0x6a || op == 0xe8)
		return run_stack(in);
	if (!(op & 1))
		in->size = 1;
	switch (op) {
	case 0xa4:
	case 0xa5:
	case 0xaa:
	case 0xab:
		return string(in, op < 0xa8);
	case 0x80:
	case 0x81:
	case 0x83:
	case 0xc6:
	case 0xc7:
		return run_immediate(in);
	case 0xa2:
	case 0xa3:
		in->ea = next_imm(in, 8);
		return in->bad ? UNKNOWN : modify(in, MOV, reg_get(in, 0));
	case 0x86:
	case 0x87:
	case 0x88:
	case 0x89:
	case 0xf6:
	case 0xf7:
	case 0xfe:
	case 0xff:
		break;
	default:
		if (op >= 0x38 || (op & 7) > 1)
			return UNKNOWN;
	}
	decode_modrm(in);
	if (in->bad)
		return UNKNOWN;
	if (op >= 0xf6)
		return run_group(in);
	return modify(in, op >= 0x88 ? MOV : op >= 0x86 ? XCHG : (enum arith)(op >> 3), reg_get(in, in->reg));
}

static void complain(const struct insn *in)
{
	char text[INSN_MAX * 3 + 1];

	for (u32 i = 0; i < in->have; i++)
		ksnprintf(text + i * 3, 4, "%02x ", in->bytes[i]);
	text[in->have * 3] = 0;
	log_info("writes into its own page with an instruction that is not known: %s(at %#llx)", text,
		 (unsigned long long)in->regs->rip);
}

enum emulated mm_emulate_store(struct gate_regs *regs, u64 page)
{
	struct insn in = { .regs = regs };
	int ret;

	in.have = (u32)copy_in_partial(in.bytes, uptr(regs->rip), INSN_MAX);
	decode_prefixes(&in);
	if (!in.bad)
		decode_opcode(&in);
	ret = in.bad ? UNKNOWN : in.map ? run_two_byte(&in) : run_one_byte(&in);
	if (ret == UNKNOWN) {
		/* Perhaps only the bytes behind it are in that page: then nothing is special about it. */
		if (PAGE_ALIGN_DOWN(regs->rip) != page)
			return EMULATE_NOT_NEEDED;
		complain(&in);
		return EMULATE_FAILED;
	}
	if (ret)
		return EMULATE_FAILED;
	regs->rip += in.pos;
	return EMULATE_DONE;
}
