/*
 * Signals, signal(7). Masks are u64 with bit (sig - 1).
 *
 * sending: queues siginfo in the task's or the process's pending set under sighand.lock, picks a thread that does
 *          not block it, and calls task_set_work(WORK_SIGNAL).
 * taking:  on the way back to the program (signal_deliver, called by the gate's exit loop), or by sigwait and signalfd.
 */
#ifndef LIMPET_PROC_SIGNAL_H
#define LIMPET_PROC_SIGNAL_H

#include "abi/linux/signal.h"
#include "core/lock.h"
#include "core/wait.h"
#include "gate/regs.h"
#include "lib/list.h"
#include "mm/uaccess.h"

struct task;
struct process;
struct pid;

struct sigpending {
	struct list_head queue; /* struct sigqueue, oldest first */
	u64 set;
};

struct sigaction {
	u64 handler; /* SIG_DFL, SIG_IGN or an address */
	u64 flags;
	u64 restorer;
	u64 mask;
};

struct sighand {
	struct ref ref;
	struct mutex lock; /* LOCK_SIGHAND */
	struct sigaction action[NSIG];
	struct wait_queue signalfd_wait; /* woken for every queued signal */
	u32 processes; /* that use it (CLONE_SIGHAND without CLONE_THREAD: more than one); atomic */
	struct sighand *older; /* what exec replaced: kept while somebody may be about to lock it; reference */
};

struct altstack {
	u64 sp;
	u64 size;
	u32 flags;
};

/* What restart_syscall(2) continues. */
struct restart_block {
	long (*func)(struct restart_block *r); /* NULL: EINTR */
	u64 arg[6];
};

#define SIGMASK(sig) (1ull << ((sig)-1))

/* An internal siginfo; copied out as struct siginfo of abi/linux/signal.h. */
void siginfo_init(struct siginfo *info, int sig, int code); /* zeroed but for these */
void siginfo_kill(struct siginfo *info, int sig); /* SI_USER from the current task */

/* Send; permission checks are the caller's. info may be NULL (SI_KERNEL). 0 or -EAGAIN (queue limit), -ESRCH. No lock above LOCK_SIGHAND held. */
int signal_send_task(struct task *t, int sig, const struct siginfo *info);
int signal_send_process(struct process *p, int sig, const struct siginfo *info);
int signal_send_pgrp(struct pid *pgrp, int sig, const struct siginfo *info); /* caller holds tasklist_lock; -ESRCH if empty */
/* A fault of the current task: delivered even if blocked or ignored (then it kills). */
void signal_force(int sig, const struct siginfo *info);
void signal_force_fault(int sig, int code, u64 addr);

/* On the gate's exit path, with no lock held: handles WORK_* until none is left. in_syscall: restart rules apply. */
void signal_deliver(bool in_syscall);
/* Recomputes WORK_SIGNAL of the current task after its mask changed. */
void signal_recalc(void);
/* Changes current->blocked. */
void signal_set_blocked(u64 mask);
/* Takes one pending signal in mask (ascending numbers, synchronous ones first); 0 = none. */
int signal_dequeue(u64 mask, struct siginfo *info);
/* The set pending for the current task, own and shared. */
u64 signal_pending_set(void);
/* For fork, exec, exit. */
struct sighand *sighand_alloc(void); /* default actions; NULL = no memory */
struct sighand *sighand_copy(struct sighand *s);
static inline void sighand_get(struct sighand *s) { ref_get(&s->ref); }
void sighand_put(struct sighand *s);
void sighand_exec(struct task *t); /* handlers back to default, ignored stay ignored */
void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p);
/* Ignored by action or by default: a sender may drop it. Caller holds sighand.lock. */
bool signal_ignored_locked(struct task *t, int sig);
/* Job control for tty: a background process group that may not be stopped (orphaned). Caller holds tasklist_lock. */
bool pgrp_is_orphaned(struct pid *pgrp);

/*
 * The helper of all calls with a temporary mask (ppoll, pselect, epoll_pwait, rt_sigsuspend): installs mask and
 * remembers the old one; it comes back after the handler ran (interrupted == true) or at once.
 */
int signal_mask_temp_from_user(struct uptr mask, u64 size) __must_check; /* null mask: nothing. -EFAULT, -EINVAL */
void signal_mask_temp_done(bool interrupted);

/*
 * The gate: a fault of the program that mm_fault declined. Forces host_sig with code and addr (for SI_KERNEL there
 * is no addr) and remembers the CPU's words for the frame.
 */
void signal_from_fault(int host_sig, int code, u64 addr, u64 trapno, u64 err);
/* The sighand of a process, locked. p->sighand may change in exec, hence the function. */
struct sighand *process_lock_sighand(struct process *p);
/* May the current task send sig to t, kill(2)? 0 or -EPERM. Caller holds tasklist_lock. info NULL = from the kernel: yes. */
int signal_may_send(struct task *t, int sig, const struct siginfo *info);
/* Copies a siginfo in for rt_sigqueueinfo(2) and pidfd_send_signal(2); info->signo = sig. -EFAULT, -E2BIG. */
int siginfo_copy_in(struct siginfo *info, struct uptr from, int sig) __must_check;
/* Bytes a signal frame takes at most: AT_MINSIGSTKSZ. */
u32 signal_frame_max(void);

/* Copies to the user in Linux's layout (128 bytes). */
int siginfo_copy_out(struct uptr to, const struct siginfo *info) __must_check;

#endif
