/* The program's general registers, in the order the gate's assembly saves them (offsets are generated from here). */
#ifndef LIMPET_GATE_REGS_H
#define LIMPET_GATE_REGS_H

#include "lib/types.h"

struct gate_regs {
	u64 r8, r9, r10, r11, r12, r13, r14, r15;
	u64 rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp;
	u64 rip, rflags;
	/*
	 * A system call came from call_rip and may go on at call_ret instead: the same for the program, but where a
	 * patched call site has its continuation. Only while rip, rcx and r11 still are what the call made of them.
	 */
	u64 call_rip, call_ret;
};

#endif
