/*
 * Call-site patching: a system call instruction that traps often is replaced by a jump to a trampoline that goes to
 * the gate without a signal. Only for gates with a call entry.
 *
 *   mov $nr,%eax; syscall        the mov becomes a jump; the syscall stays, for who jumps there
 *   syscall; INSTRUCTION         a jump over both; the instruction runs in the trampoline. Who jumps to it (a return
 *                                from a signal handler, a fork's child) meets an invalid opcode and is sent on.
 *
 * A trampoline is never seen by programs in a register: signals and restarts find the address that the original code
 * would have had. Patched are executable private mappings of files only, and what reads its own code sees the jump.
 */
#ifndef LIMPET_MM_PATCH_H
#define LIMPET_MM_PATCH_H

#include "mm/mm.h"

struct task;

/* The current program trapped at rip - 2 with this number. No lock held. */
void patch_trap(struct mm *mm, u64 rip, u64 nr);
/* In a program's registers an address in a trampoline becomes the original one. */
void patch_hide(struct task *t);
/* SIGILL: true = the program jumped to an instruction that moved, regs.rip is corrected. No lock held. */
bool patch_resume(struct task *t);

/* For mm.c: fork, and the end of an mm. */
void patch_copy(struct mm *to, const struct mm *from);
void patch_free(struct mm *mm);

#endif
