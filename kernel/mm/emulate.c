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
#include "mm/code.h"
#include "mm/insn.h"
#include "mm/mm.h"
#include "proc/task.h"

#define REP_BYTES_MAX (16 * PAGE_SIZE) /* of one string instruction at a time; it starts again where it stopped */

/* Only memory operands: nothing else can have faulted. */
static void decode_memory(struct insn *in)
{
	insn_modrm(in);
	if (in->mod == 3)
		in->bad = true;
}

/* Stores v if old is still there; *seen = what was there. Operands that straddle their word are not atomic. */
static int exchange(u64 at, u32 size, u64 old, u64 v, u64 *seen)
{
	u64 word = at & ~3ull, mask = insn_mask(size);
	u32 shift = (u32)(at - word) * 8, w, prev;
	int err;

	if (size == 8 && !(at & 7))
		return cmpxchg_user_u64(uptr(at), old, v, seen);
	if (size == 8 || shift + size * 8 > 32) {
		err = insn_load(at, size, seen);
		return err || *seen != old ? err : insn_store(at, size, v);
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

/* Reads, computes, writes. The register that gets the old value is reg (XCHG, XADD). */
static int modify(struct insn *in, enum arith op, u64 operand)
{
	bool atomic = in->lock || op == XCHG;
	u64 at = insn_address(in), old, seen, new, flags;
	int err;

	if (op == MOV)
		return insn_store(at, in->size, operand);
	err = insn_load(at, in->size, &old);
	while (!err) {
		flags = in->regs->rflags & ARITH_FLAGS;
		new = insn_compute(op, old, operand & insn_mask(in->size), in->size, &flags);
		if (!atomic) {
			err = insn_store(at, in->size, new);
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
		insn_reg_set(in, in->reg, old);
	in->regs->rflags = (in->regs->rflags & ~ARITH_FLAGS) | (flags & ARITH_FLAGS);
	return 0;
}

static int compare_exchange(struct insn *in)
{
	u64 at = insn_address(in), acc = insn_reg_get(in, 0), seen, flags = 0;
	int err = exchange(at, in->size, acc, insn_reg_get(in, in->reg), &seen);

	if (err)
		return err;
	(void)insn_compute(SUB, acc, seen, in->size, &flags);
	if (seen != acc)
		insn_reg_set(in, 0, seen);
	in->regs->rflags = (in->regs->rflags & ~ARITH_FLAGS) | (flags & ARITH_FLAGS);
	return 0;
}

/* call: rip is set to what makes the caller's addition of the length come out right. */
static int call(struct insn *in, u64 target)
{
	int err = insn_push(in, in->regs->rip + in->pos);

	if (!err)
		in->regs->rip = target - in->pos;
	return err;
}

/* stos, movs. What does not fit into one go is continued by the program. */
static int string(struct insn *in, bool move)
{
	struct gate_regs *r = in->regs;
	u64 step = r->rflags & FLAG_DF ? -(u64)in->size : in->size, done = 0, v = insn_reg_get(in, 0);
	bool rep = in->rep || in->repne;
	int err = 0;

	while (!rep || r->rcx) {
		if (move)
			err = insn_load(r->rsi + (in->fs ? gate_get_fsbase() : 0), in->size, &v);
		if (!err)
			err = insn_store(r->rdi, in->size, v);
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

static int vector_store(struct insn *in, u32 size)
{
	u8 v[32];

	insn_vector_get(in->reg, size == 32, v);
	return copy_out(uptr(insn_address(in)), in->op == 0x17 ? v + 8 : v, size);
}

static int run_two_byte(struct insn *in)
{
	u32 size;

	decode_memory(in);
	if (in->bad)
		return INSN_UNKNOWN;
	size = insn_vector_size(in);
	if (size)
		return vector_store(in, size);
	if (in->vex_len)
		return INSN_UNKNOWN;
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
		return modify(in, XADD, insn_reg_get(in, in->reg));
	case 0xc3: /* movnti */
		return in->small || in->rep || in->repne ? INSN_UNKNOWN : modify(in, MOV, insn_reg_get(in, in->reg));
	}
	if ((in->op & 0xf0) == 0x90) {
		in->size = 1;
		return modify(in, MOV, insn_condition(in->regs->rflags, in->op & 15));
	}
	return INSN_UNKNOWN;
}

/* F6, F7, FE, FF. */
static int run_group(struct insn *in)
{
	u32 which = in->reg & 7;
	u64 target;
	int err;

	if (in->op < 0xf8)
		return which == 2 ? modify(in, NOT, 0) : which == 3 ? modify(in, NEG, 0) : INSN_UNKNOWN;
	if (which < 2)
		return modify(in, which ? DEC : INC, 0);
	if (in->op != 0xff || in->small || (which != 2 && which != 6))
		return INSN_UNKNOWN;
	err = insn_load(insn_address(in), 8, &target);
	if (err)
		return err;
	return which == 2 ? call(in, target) : insn_push(in, target);
}

static int run_immediate(struct insn *in)
{
	bool mov = in->op >= 0xc6;
	u64 imm;

	decode_memory(in);
	imm = insn_imm(in, in->op == 0x83 ? 1 : min(in->size, 4u));
	if (in->bad || (mov && (in->reg & 7)) || (!mov && (in->reg & 7) == CMP))
		return INSN_UNKNOWN;
	return modify(in, mov ? MOV : (enum arith)(in->reg & 7), imm);
}

/* Without ModRM, so also where nothing faults but the stack. */
static int run_stack(struct insn *in)
{
	u64 imm;

	if (in->small)
		return INSN_UNKNOWN;
	if (in->op >= 0x50 && in->op < 0x58) {
		in->size = 8;
		return insn_push(in, insn_reg_get(in, (in->op & 7) | (in->rex & 1) << 3));
	}
	if (in->op != 0x68 && in->op != 0x6a && in->op != 0xe8)
		return INSN_UNKNOWN;
	imm = insn_imm(in, in->op == 0x6a ? 1 : 4);
	if (in->bad)
		return INSN_UNKNOWN;
	return in->op == 0xe8 ? call(in, in->regs->rip + in->pos + imm) : insn_push(in, imm);
}

static int run_one_byte(struct insn *in)
{
	u8 op = in->op;

	if (op == 0xff && in->pos < in->have && (in->bytes[in->pos] & 0xf8) == 0xd0 && !in->small)
		return call(in, *insn_reg(in->regs, (insn_next(in) & 7) | (in->rex & 1) << 3));
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
		in->ea = insn_imm(in, 8);
		return in->bad ? INSN_UNKNOWN : modify(in, MOV, insn_reg_get(in, 0));
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
			return INSN_UNKNOWN;
	}
	decode_memory(in);
	if (in->bad)
		return INSN_UNKNOWN;
	if (op >= 0xf6)
		return run_group(in);
	return modify(in, op >= 0x88 ? MOV : op >= 0x86 ? XCHG : (enum arith)(op >> 3), insn_reg_get(in, in->reg));
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

static void fetch(struct insn *in, struct gate_regs *regs, u8 bytes[INSN_MAX])
{
	u32 n = (u32)copy_in_partial(bytes, uptr(regs->rip), INSN_MAX);

	code_unshow(current->mm, regs->rip, bytes, n);
	insn_begin(in, regs, bytes, n);
}

enum emulated mm_emulate_store(struct gate_regs *regs, u64 page)
{
	u8 bytes[INSN_MAX];
	struct insn in;
	int ret;

	fetch(&in, regs, bytes);
	ret = in.bad ? INSN_UNKNOWN : in.map ? run_two_byte(&in) : run_one_byte(&in);
	if (ret == INSN_UNKNOWN) {
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

enum emulated mm_emulate_read(struct gate_regs *regs)
{
	u8 bytes[INSN_MAX];
	struct insn in;

	fetch(&in, regs, bytes);
	if (in.bad || insn_run(&in))
		return EMULATE_FAILED;
	regs->rip += in.pos;
	return EMULATE_DONE;
}
