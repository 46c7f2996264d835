/*
 * Seccomp, seccomp(2): what a task has asked the kernel to refuse it. Filters are immutable and refcounted; each points
 * to the one before it, so that tasks share what they have inherited. Answered for the program's calls only, in
 * syscall_dispatch(); nothing here concerns the host's filter around the sandbox.
 *
 * task.seccomp_mode and task.seccomp are changed under tasklist_lock, by the task itself or by another thread of its
 * process (TSYNC), which puts filters in front of what is there: what a task runs is never freed beneath it.
 */
#ifndef LIMPET_SYS_SECCOMP_H
#define LIMPET_SYS_SECCOMP_H

#include "abi/linux/seccomp.h"
#include "mm/uaccess.h"

struct seccomp_filter;
struct sysargs;
struct task;

/*
 * Of seccomp(2), without its checks of flags. 0 or -errno; TSYNC: the number of a thread that would not; NEW_LISTENER: a
 * descriptor.
 */
long seccomp_set_strict(void);
long seccomp_set_filter(u32 flags, struct uptr fprog);

/* Before a call of the current task whose mode is not 0. False: not to be made, *ret is its result. May not return. */
bool seccomp_check(u64 nr, const struct sysargs *args, long *ret) __must_check;

/*
 * A program's first task gets a filter before it runs; checked here. flags: SECCOMP_FILTER_FLAG_LOG, WAIT_KILLABLE_RECV;
 * listener_fd: -1, or what seccomp_listener_remote takes over; closed on failure. 0 or -errno.
 */
int seccomp_boot(struct task *t, const struct sock_filter *code, u32 len, u32 flags, int listener_fd) __must_check;
/* Under tasklist_lock: t, to be published, gets those of the current task. */
void seccomp_inherit_locked(struct task *t);
/* Under tasklist_lock, or of a task that nobody else sees: makes no call any more. */
void seccomp_drop(struct task *t);
/* Under tasklist_lock: how many filters t has. */
u32 seccomp_count_locked(const struct task *t);

#endif
