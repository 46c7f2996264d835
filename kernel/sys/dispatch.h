/* From a system call number to its handler. */
#ifndef LIMPET_SYS_DISPATCH_H
#define LIMPET_SYS_DISPATCH_H

#include "lib/types.h"

struct task;
struct sysargs;

enum syscall_status { SYSCALL_NONE, SYSCALL_DONE, SYSCALL_PARTIAL, SYSCALL_ERROR };

struct syscall_desc {
	u16 nr;
	u8 status; /* enum syscall_status */
	s32 err; /* SYSCALL_ERROR: the answer */
	const char *name;
	long (*handler)(const struct sysargs *args); /* NULL unless done or partial */
	const char *args; /* kinds for the strace */
	const char *note;
};

/*
 * Debug builds without DEFENCE_CALLS: this plus a number is the host's call of that number, with all six arguments;
 * plus DEBUG_ASK, made by kserver.
 */
#define DEBUG_HOST_CALL 0x6c690000ull
#define DEBUG_ASK 0x8000ull

/* Serves the call in t->regs and puts the result into rax. */
void syscall_dispatch(struct task *t);
const struct syscall_desc *syscall_desc(u32 nr); /* NULL = unknown number */

#endif
