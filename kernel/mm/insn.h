/*
 * One instruction of a program, decoded and carried out here: what emulate.c and code_trap.c share. mm/ only. All
 * memory is the program's, by user copies; no lock is held.
 */
#ifndef LIMPET_MM_INSN_H
#define LIMPET_MM_INSN_H

#include "lib/types.h"

struct gate_regs;

#define INSN_MAX 15u
#define ARITH_FLAGS 0x8d5ull /* CF PF AF ZF SF OF */
#define FLAG_CF 1ull
#define FLAG_DF 0x400ull
#define INSN_UNKNOWN 1 /* beside 0 and -errno */

struct insn {
	struct gate_regs *regs;
	u8 bytes[INSN_MAX];
	u32 have, pos; /* bytes fetched, decoded */
	bool bad; /* ran out of bytes, or a form that is not known */
	bool lock, rep, repne, small, fs; /* small: 66h */
	u8 rex;
	u32 vex_len; /* 16 or 32; 0 = no VEX prefix */
	u32 map; /* 0 one byte, 1 0Fh */
	u8 op, mod, reg, rm; /* mod 3: rm is a register */
	bool rip_rel;
	u64 ea;
	u32 size; /* of the operand */
};

/* The bytes are copied; prefixes and opcode are decoded. */
void insn_begin(struct insn *in, struct gate_regs *regs, const u8 *bytes, u32 n);
bool insn_is_prefix(u8 b);
/* ModRM and what follows it. */
void insn_modrm(struct insn *in);
/* The memory operand's address, when all of the instruction has been decoded. */
u64 insn_address(const struct insn *in);
u8 insn_next(struct insn *in);
u64 insn_imm(struct insn *in, u32 n); /* n bytes, sign-extended */

u64 *insn_reg(struct gate_regs *r, u32 n);
u64 insn_mask(u32 size);
u64 insn_reg_get(const struct insn *in, u32 n);
void insn_reg_set(const struct insn *in, u32 n, u64 v);
int insn_load(u64 at, u32 size, u64 *v) __must_check;
int insn_store(u64 at, u32 size, u64 v) __must_check;
int insn_push(struct insn *in, u64 v) __must_check;
bool insn_condition(u64 flags, u32 cc);

enum arith { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, INC, DEC, NOT, NEG, XCHG, XADD, MOV };
u64 insn_compute(enum arith op, u64 a, u64 b, u32 size, u64 *flags);
/* The program's vector registers, which are in the CPU. */
void insn_vector_get(u32 n, bool wide, u8 out[32]);
/* Size of the memory operand of a move from a vector register; 0 = another instruction. */
u32 insn_vector_size(const struct insn *in);

/* Any of the instructions that are known, at regs->rip with bytes of its own: emulate_insn.c. */
int insn_run(struct insn *in) __must_check;

#endif
