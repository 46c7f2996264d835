/*
 * Lengths and kinds of 64-bit instructions, for code that is to run elsewhere. Only what compilers and hand-written
 * system call stubs contain is known, and for what is known the answer is certain; all else is INSN_UNKNOWN.
 * tests/unit/test_insn_len.c compares it with a disassembler over whole libraries.
 */
#ifndef LIMPET_MM_INSN_LEN_H
#define LIMPET_MM_INSN_LEN_H

#include "lib/types.h"

#define INSN_MAX 15u

enum insn_kind {
	INSN_UNKNOWN,
	INSN_PLAIN, /* means the same anywhere, but for rip_disp */
	INSN_JCC, /* conditional jump to target */
	INSN_JMP, /* jump to target; nothing runs on behind it */
	INSN_CALL, /* near call of target */
	INSN_END, /* nothing runs on behind it: ret, an indirect jump, ud2 */
};

struct insn_info {
	u8 len;
	u8 kind; /* enum insn_kind */
	u8 cond; /* INSN_JCC: the low four bits of its opcode */
	u8 rip_disp; /* where in it a displacement from the next instruction stands; 0 = none */
	s64 target; /* from the instruction's own start */
};

/* Of the instruction at p, of which have bytes are there. False: unknown. */
bool insn_info(const u8 *p, u32 have, struct insn_info *out);

#endif
