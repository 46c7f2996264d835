/* Carrying out one instruction of the program; mm/ only. */
#ifndef LIMPET_MM_EMULATE_H
#define LIMPET_MM_EMULATE_H

#include "lib/types.h"

struct gate_regs;

enum emulated { EMULATE_DONE, EMULATE_FAILED, EMULATE_NOT_NEEDED };

/* The instruction at rip, which faulted writing to page; registers are advanced when done. No lock held. */
enum emulated mm_emulate_store(struct gate_regs *regs, u64 page);
/* The same for one that read code with traps in it. */
enum emulated mm_emulate_read(struct gate_regs *regs);

#endif
