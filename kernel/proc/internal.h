/* Shared between the files of kernel/proc that make up tasks, signals, job control, exit and wait; nobody else's. */
#ifndef LIMPET_PROC_INTERNAL_H
#define LIMPET_PROC_INTERNAL_H

#include "proc/sigcalls.h"
#include "proc/signal.h"
#include "proc/task.h"

/* Sets of signals by what they do when nobody handles them. */
#define SIG_KERNEL_ONLY (SIGMASK(SIGKILL) | SIGMASK(SIGSTOP))
#define SIG_KERNEL_STOP (SIGMASK(SIGSTOP) | SIGMASK(SIGTSTP) | SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU))
#define SIG_KERNEL_IGNORE (SIGMASK(SIGCONT) | SIGMASK(SIGCHLD) | SIGMASK(SIGWINCH) | SIGMASK(SIGURG))
#define SIG_SYNCHRONOUS                                                                                      \
	(SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | SIGMASK(SIGFPE) | SIGMASK(SIGSYS))

static inline bool sig_in(int sig, u64 set) { return SIGMASK(sig) & set; }
static inline bool sig_valid(int sig) { return sig >= 1 && sig <= NSIG; }
static inline bool siginfo_from_user(const struct siginfo *info) { return info && info->code <= 0; }

/* task.c: what exit drops, with no lock held. */
void task_drop_parts(struct task *t);
void process_drop_parts(struct process *p);

/* cputime.c: the current task's stay on its lender's host thread (vfork) is about to end. */
void task_rusage_give_back(struct task *t);

/* sigqueue.c; sighand.lock held. */
int sigqueue_add_locked(struct task *target, struct sigpending *pending, int sig, const struct siginfo *info);
int sigqueue_take_locked(struct sigpending *pending, u64 mask, struct siginfo *info);
void sigqueue_flush_locked(struct sigpending *pending, u64 mask);
int signal_dequeue_locked(u64 mask, struct siginfo *info);

/* sigsend.c; sighand.lock of the process held. */
int signal_send_locked(struct task *t, bool group, int sig, const struct siginfo *info);
void signal_group_exit_locked(struct process *p, int status);
void signal_recalc_locked(struct task *t);
/* Pending signals of the process that t will not take: other threads are told. */
void signal_retarget_locked(struct task *t, u64 which);
/* Forces sig with its default action, which ends the process. */
void signal_force_fatal(int sig);

/* sigmask.c: sighand.lock held; retargets what t no longer takes. */
void signal_set_blocked_locked(struct task *t, u64 mask);

/* sigframe.c */
struct ksignal {
	int sig;
	struct siginfo info;
	struct sigaction action;
};
int sigframe_setup(const struct ksignal *k, u64 mask) __must_check;

/* stop.c */
void stop_join_locked(struct task *t); /* a thread born into a group stop; sighand.lock held */
/* A stop signal with its default action: false = it is void (SIGCONT came, orphaned group, dying). */
u64 signal_held(const struct task *t); /* signals that wait for the end of its vfork; sighand.lock held for more than a hint */
bool stop_begin(int sig);
/* Sleeps while the process is stopped; with no lock held. */
void stop_sleep(void);
/* SIGCONT; sighand.lock held. */
void stop_continue_locked(struct process *p);
/* An exiting thread no longer counts: true when that completed the stop. sighand.lock held. */
bool stop_leave_locked(struct task *t);
/* Tells p's parent of a stop or continuation (CLD_*). tasklist_lock held, no sighand.lock. */
void stop_notify_parent(struct process *p, int why);

/*
 * exit.c: takes a zombie out of every table, under tasklist_lock. Returns its leader; reaped_put drops the table's
 * references to both, with no lock held.
 */
struct task *process_reap_locked(struct process *p) __must_check;
void reaped_put(struct task *leader);
void process_wake_parent(struct process *p);

#endif
