/*
 * Call-site patching: a system call instruction that traps often is replaced by a jump to a trampoline that goes to
 * the gate without a signal.
 *
 *   mov $nr,%eax; syscall        the mov becomes a jump; the syscall stays, for who jumps there
 *   syscall; INSTRUCTIONS        a jump over all of them; up to three instructions run in the trampoline. Who jumps to
 *                                one of them (a return from a signal handler, a fork's child) meets a byte that is no
 *                                program's instruction, chosen by the trampoline's place, and is sent on.
 *
 * A trampoline is never seen by programs in a register: signals and restarts find the address that the original code
 * would have had. Patched is any private executable memory. Before the program writes there, moves it or makes it
 * something else, its own bytes come back; a mapping that vanishes needs nothing. What reads its own code sees the jump,
 * but /proc/PID/mem shows the program's bytes.
 */
#ifndef LIMPET_MM_PATCH_H
#define LIMPET_MM_PATCH_H

#include "mm/mm.h"

struct task;

/* The current program trapped at rip - 2 with this number. No lock held. */
void patch_trap(struct mm *mm, u64 rip, u64 nr);
/* In a program's registers an address in a trampoline becomes the original one. */
void patch_hide(struct task *t);
/* SIGILL or #GP: true = the program jumped to an instruction that moved, regs.rip is corrected. No lock held. */
bool patch_resume(struct task *t);
/*
 * The same signals: true = an instruction moved from here once, and another thread's write brought the program's code
 * back after the fault: try again. No lock held.
 */
bool patch_restored(struct task *t);
/* A program that steps through its own code (TF) stands at a patched call: true = it now stands behind it, call made. */
bool patch_step(struct task *t);

/* Code in [start, end) gets its own bytes back and is left unexecutable: what follows sets its protection. mm->lock. */
void patch_drop_locked(struct mm *mm, u64 start, u64 end);
/* In a copy of memory that began at addr: the program's own bytes. No lock needed. */
void patch_unshow(const struct mm *mm, u64 addr, void *buf, size_t len);

/* For mm.c: fork, and the end of an mm. */
void patch_copy(struct mm *to, const struct mm *from);
void patch_free(struct mm *mm);

#endif
