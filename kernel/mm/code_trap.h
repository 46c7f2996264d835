/* A program ran into one of code_fix.c's traps. */
#ifndef LIMPET_MM_CODE_TRAP_H
#define LIMPET_MM_CODE_TRAP_H

#include "lib/types.h"

struct task;

/*
 * SIGILL: true = it was a trap and its instruction has been carried out. Else the signal to send: of the instruction
 * that stood there, or what it was. No lock held.
 */
bool code_trapped(struct task *t, int *sig, int *code, u64 *addr);

#endif
