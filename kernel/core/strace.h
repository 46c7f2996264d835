/*
 * The guest's strace (--strace): a line for each system call, signal and exit in strace(1)'s style, to strace_fd.
 * It lives behind one test of strace_fd per call when it is off. No lock is held; lines are written whole.
 */
#ifndef LIMPET_CORE_STRACE_H
#define LIMPET_CORE_STRACE_H

#include "lib/types.h"

struct syscall_desc;
struct sysargs;
struct siginfo;

extern int strace_fd; /* -1 = off; set once at boot */

/* Around a call of the current task. d NULL: a number without a row (nr on entry, orig_rax on exit). */
void strace_enter(const struct syscall_desc *d, const struct sysargs *a, u64 nr);
void strace_exit(const struct syscall_desc *d, const struct sysargs *a, long ret, s64 ns);
/* A signal is about to be delivered to the current task. Cheap when off. */
void strace_signal(const struct siginfo *info);
/* The current task ends with this wait status. */
void strace_exited(int status);

#endif
