/* The program's general registers, in the order the gate's assembly saves them (offsets are generated from here). */
#ifndef LIMPET_GATE_REGS_H
#define LIMPET_GATE_REGS_H

#include "lib/types.h"

struct gate_regs {
	u64 r8, r9, r10, r11, r12, r13, r14, r15;
	u64 rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp;
	u64 rip, rflags;
};

#endif
