/* What the signal system calls (sys/sys_signal.c) ask of kernel/proc. */
#ifndef LIMPET_PROC_SIGCALLS_H
#define LIMPET_PROC_SIGCALLS_H

#include "proc/signal.h"

/* Sleep until a signal; return the restart code. */
long signal_pause(void);
long signal_suspend(u64 mask);
/* A signal of the set, taken; -EAGAIN at the deadline (<= 0: at once), -EINTR when another signal came. */
long signal_timedwait(u64 which, struct siginfo *info, s64 deadline);

/* sigaction(2); either may be NULL. */
int signal_action(int sig, const struct sigaction *new, struct sigaction *old) __must_check;
/* rt_sigreturn(2): the registers from the frame at the stack pointer. -EFAULT: half done, the program must get SIGSEGV. */
int sigframe_restore(void) __must_check;

/* sigaltstack(2) on the current task, whose stack pointer is sp. */
bool altstack_contains(const struct altstack *as, u64 sp); /* a handler runs on it */
u32 altstack_state(const struct altstack *as, u64 sp); /* SS_DISABLE, SS_ONSTACK or 0 */
int altstack_set(const struct altstack *new, u64 sp) __must_check;

/* kill(2) with its meanings of pid; to one thread, tgid 0 = of whatever process. sig 0 only checks. */
int signal_kill(int pid, int sig, const struct siginfo *info) __must_check;
int signal_kill_thread(int tgid, int tid, int sig, const struct siginfo *info) __must_check;

#endif
