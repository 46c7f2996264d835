/*
 * Tasks and processes.
 *
 * task    = a guest thread. Runs on a host thread (struct hthread, kernel/gate) lent to it; usually the same for
 *           life, but a vfork child runs on its parent's host thread until it execs (then a zygote adopts it) or
 *           exits. `current` is the task that the calling host thread serves.
 * process = a guest thread group: what POSIX calls a process.
 * pid     = a number in use by a task, a process group or a session, with the lists of its members.
 *
 * Life of a task: task_alloc -> published in the pid table by task_publish -> runs -> do_exit: releases what it
 * holds, becomes a zombie if it led its group, wakes the parent -> reaped by wait (process_reap) -> freed with
 * its last reference. Nobody holds a pointer to a task without a reference or tasklist_lock.
 *
 * Locks: tasklist_lock guards the pid table and every list that ties tasks, processes, groups and sessions
 * together, and exit states. sighand.lock guards signal state. Fields say otherwise: "own" = only the task itself
 * reads and writes it, "immutable" = set before publication.
 */
#ifndef LIMPET_PROC_TASK_H
#define LIMPET_PROC_TASK_H

#include "abi/linux/resource.h"
#include "core/lock.h"
#include "core/time.h"
#include "core/wait.h"
#include "gate/regs.h"
#include "lib/list.h"
#include "mm/uaccess.h"
#include "proc/cred.h"
#include "proc/ptimer.h"
#include "proc/signal.h"

struct mm;
struct container;
struct pid_ns;
struct files;
struct fs_context;
struct mount_ns;
struct tty;
struct hthread;
struct file;
struct seccomp_filter;

#define TASK_COMM_LEN 16
#define PID_MAX 4194304
#define COREDUMP_FILTER_MASK 0x1ffu
#define COREDUMP_FILTER_DEFAULT 0x33u

/* What keeps a task from going straight back to its program; task.work bits, atomic. */
#define WORK_SIGNAL 1u /* look at pending signals */
#define WORK_EXIT 2u /* the process is dying: exit */
#define WORK_STOP 4u /* job control or freezer: stop here */
#define WORK_FREEZE 16u /* its container is paused: wait here */
#define WORK_TASK 8u /* run task.work_func (rseq, exec of a sibling, ...) */

struct pid {
	struct ref ref;
	u32 nr; /* immutable */
	struct pid_ns *ns; /* reference held; immutable */
	struct hlist_node hash; /* under tasklist_lock */
	struct task *task; /* the task with this tid, or NULL; under tasklist_lock */
	struct list_head pgrp_members; /* process.pgrp_node; under tasklist_lock */
	struct list_head session_members; /* process.session_node; under tasklist_lock */
	struct wait_queue exit_wait; /* pidfd poll: woken when the process ends */
};

/* What task_state reports in /proc/PID/stat; plain stores, read without a lock. */
enum task_state { TASK_RUNNING, TASK_SLEEPING, TASK_UNINTERRUPTIBLE, TASK_STOPPED, TASK_TRACED, TASK_ZOMBIE, TASK_DEAD };

struct rusage_sum {
	s64 utime, stime; /* ns */
	u64 minflt, majflt, nvcsw, nivcsw, inblock, oublock;
	u64 maxrss; /* KiB */
};

struct process {
	struct ref ref;
	struct pid *pid; /* thread group id; immutable */
	struct container *container; /* reference held; immutable */
	struct task *leader; /* under tasklist_lock; changes when another thread execs */
	struct list_head threads; /* task.thread_node; changed under tasklist_lock and sighand.lock, read under either */
	u32 nr_threads; /* live ones, under tasklist_lock */
	u32 live; /* threads that have not begun to exit; atomic */
	struct sighand *sighand; /* of all threads; reference held; process_lock_sighand() */

	/* Family, under tasklist_lock. */
	struct process *parent; /* never NULL but for init */
	struct list_head children, sibling;
	struct pid *pgrp, *session;
	struct list_head pgrp_node, session_node;
	u32 exit_signal; /* to the parent; 0 = none */
	bool child_subreaper, has_child_subreaper;
	bool did_exec; /* setpgid(2): EACCES */
	u32 ppid; /* parent's number, 0 for init; atomic, written under tasklist_lock */
	u32 parent_tid; /* the thread of the parent that is the POSIX parent: __WNOTHREAD, PR_SET_PDEATHSIG */
	u32 exec_id, parent_exec_id; /* counts execs; the parent's at fork: exit_signal holds only while they agree */
	struct wait_queue child_wait; /* wait4(2): woken on a child's change of state */

	/* Exit and job control, under sighand.lock unless said. */
	bool group_exiting; /* atomic */
	bool zombie; /* under tasklist_lock: all threads gone, not reaped */
	bool reaped; /* under tasklist_lock: gone from every table */
	bool left; /* under tasklist_lock: a zombie that its container does not count, as its parent is of another one */
	u32 program_id; /* core/program.h: started by the supervisor, not the first; immutable */
	bool unkillable; /* guest PID 1: signals without a handler do nothing */
	struct task *exec_task; /* the thread whose exec waits for the others to end (exec_dethread) */
	int exit_status; /* as wait(2) has it */
	bool stopped; /* a group stop is complete: every thread sleeps */
	bool stop_unwaited, cont_unwaited; /* wait4 has not yet been told WUNTRACED / WCONTINUED */
	u8 cld_notify; /* CLD_STOPPED or CLD_CONTINUED: a thread on its way out tells the parent */
	int stop_sig;
	u32 stop_count; /* threads that have not stopped yet in a stop that has begun */
	struct wait_queue stop_wait; /* stopped threads sleep here */
	struct sigpending shared_pending;

	struct mutex exec_lock; /* LOCK_EXEC */
	struct tty *tty; /* controlling terminal, reference held; under tasklist_lock */
	struct rlimit rlim[RLIM_NLIMITS]; /* under rlim_lock; a field may be read alone without it */
	struct mutex rlim_lock; /* LOCK_LEAF */
	struct rusage_sum self_dead, children_ru; /* exited threads; waited-for children. under tasklist_lock */
	s64 start_time; /* CLOCK_BOOTTIME ns; immutable */
	struct timer real_timer; /* ITIMER_REAL */
	s64 real_interval;
	struct list_head posix_timers; /* proc/ptimer.c */
	u32 next_timer_id;
	int oom_score_adj;
	u32 coredump_filter; /* /proc/PID/coredump_filter; atomic; inherited */
	u32 loginuid, audit_session; /* /proc/PID/loginuid; ~0 = not set; inherited */
	bool dumpable;
	bool vforked; /* the parent waits in vfork; under tasklist_lock */
	struct task *vfork_parent; /* waits for exec or exit of this process; under tasklist_lock */
	struct file *exe; /* reference to the executable; under tasklist_lock */
	struct process_timers timers; /* proc/ptimer.h */
};

struct task {
	/* First, because kernel/gate addresses it by offsets made from this struct. */
	struct gate_regs regs; /* the program's registers while in the kernel; own */
	u32 mode; /* GATE_MODE_*; written by kernel/gate only, read by kickers */
	u32 work; /* WORK_* bits, atomic */
	u32 wake; /* futex word of task_sleep, atomic */
	u32 kicked; /* a host signal is on its way; atomic */
	u64 sleep_sp; /* kernel/gate: where its stack waits while it sleeps on the host or copies; 0 = it does not */
	struct hthread *ht; /* the host thread that runs it; NULL while lent away or dead; under no lock, see gate.h */

	struct ref ref;
	struct pid *pid; /* tid */
	struct process *process; /* immutable, reference held */
	struct list_head thread_node; /* in process.threads; under tasklist_lock */
	u32 state; /* enum task_state */
	bool exited; /* under tasklist_lock */
	char comm[TASK_COMM_LEN]; /* plain; readers may see a mix */

	struct mm *mm; /* own to change; NULL for service threads and after exit. Others: task_get_mm() */
	struct files *files; /* own to change; others under tasklist_lock through task_get_files() */
	struct fs_context *fs; /* the same */
	struct mount_ns *mnt_ns;
	struct uts_ns *uts_ns;
	const struct cred *cred; /* own to change; others: task_get_cred() */
	bool no_new_privs;
	u32 seccomp_mode; /* SECCOMP_MODE_*, see sys/seccomp.h for this and the next */
	struct seccomp_filter *seccomp; /* newest first; reference held; own to read, changed under tasklist_lock */

	/* Signals, see signal.h. */
	struct sighand *sighand; /* shared with CLONE_SIGHAND; immutable but for exec */
	struct sigpending pending; /* under sighand.lock */
	u64 blocked; /* own to write under sighand.lock */
	u64 saved_blocked; /* own: sigsuspend and friends */
	bool restore_blocked; /* own */
	struct altstack altstack; /* own */
	struct restart_block restart; /* own */
	u64 orig_rax; /* own: system call number while in one, -1ull otherwise */

	/* Thread extras, own. */
	struct uptr set_child_tid, clear_child_tid;
	struct uptr robust_list;
	u64 robust_list_len;
	u32 pdeath_signal;
	u64 timer_slack_ns;
	int nice;
	u32 personality; /* personality(2); inherited */
	u16 ioprio; /* ioprio_set(2); plain; inherited */
	u8 mce_kill; /* PR_MCE_KILL; inherited */
	bool sched_reset_on_fork; /* plain; policy, priority and a negative nice go back to 0 in children */
	u64 cpus_allowed; /* what sched_getaffinity shows: low 64 CPUs */
	int sched_policy, sched_priority;
	s64 start_time; /* CLOCK_BOOTTIME ns */
	void *fp_parked; /* of a lender: its floating point state; kernel/gate */
	struct hthread *dead_ht; /* kernel/gate: the slot whose stack it still uses after its host thread was killed */
	u32 go; /* clone.c: published */
	u64 tls; /* FS base a new task starts with; of a lender, what it comes back to */
	bool vfork_child; /* runs on its parent's host thread */
	struct task *lender; /* that parent; own */
	void (*parked_start)(void *arg); /* gate/park.c */
	void *fs_private; /* scratch for fs/namei (symlink depth etc.), own */
	void *bounce; /* own: BOUNCE_SIZE bytes for copies that may not fault under a lock; NULL until task_bounce() */
	u64 syscalls; /* own counter */
	struct spawner *spawner; /* a service task that is one's process; immutable */
	bool met_host_socket; /* own: poll of a file looked at one; see fs/event/epoll.c */
	u32 exec_seen; /* own: mm.exec_seq at the last fetch fault */
	u32 wake_depth, wake_count; /* own: queues being woken, futex words to tell the host of behind the outermost */
	u32 *wake_words[TASK_WAKE_BATCH];

	/* Exit and job control, under sighand.lock unless said. */
	bool published; /* under tasklist_lock */
	bool exiting; /* takes no more signals */
	bool in_stop; /* sleeps in a group stop */
	bool stop_dequeued; /* took a stop signal that SIGCONT has not undone since */
	int exit_code; /* under tasklist_lock */
	u64 real_blocked; /* rt_sigtimedwait: what is blocked but for its set; 0 otherwise */
	u64 fault_trapno, fault_err, fault_addr; /* own: the last fault, for signal frames */
	struct rusage_sum ru_base; /* own: what its host thread had used before it served this task; once exited: its own use */
	u32 ru_base_tid; /* own: that host thread */
};

/*
 * Making a task, for boot, clone and nothing else:
 *
 *   p = process_alloc();               a new process (fork), or the current one (thread)
 *   process_inherit(p, current->process);
 *   t = task_alloc(p);                 takes a reference to p
 *   task_inherit(t, current);
 *   t->mm, files, fs, mnt_ns, uts_ns, sighand = references, set by the caller (mm->users counted too); all dropped
 *                                      by the exit or the last put
 *   task_alloc_pid(t, 0);              reserves the number: t->pid->nr is valid from here
 *   task_publish(t, parent);           visible and killable; cannot fail
 *
 * task_alloc's reference belongs to the running task: do_exit hands it to hthread_exit, which drops it by task_put
 * when the host thread no longer needs `current`. Before publication task_put undoes everything.
 */
struct process *process_alloc(void); /* NULL = no memory; default limits */
void process_inherit(struct process *p, struct process *from); /* container, limits, dumpable, oom_score_adj, exe */
struct task *task_alloc(struct process *p); /* p NULL: a service thread. NULL = no memory */
/* comm, credentials, signal mask, nice, scheduling, affinity, no_new_privs, timer slack. */
void task_inherit(struct task *t, const struct task *from);
int task_alloc_pid(struct task *t, u32 want) __must_check; /* want 0 = any. -EAGAIN, -ENOMEM, -EEXIST, -EINVAL */
/* parent: of a new process; NULL only for a PID 1. The first published process of a container is its init. */
void task_publish(struct task *t, struct process *parent);
void task_set_comm(struct task *t, const char *name);
/* Notes what the host thread that t is about to be served by has used so far (vfork: lent thread). By that thread. */
void task_rusage_start(struct task *t);
/* What the calling task has used on its host thread so far. */
void task_rusage_current(struct rusage_sum *out);
void rusage_add(struct rusage_sum *to, const struct rusage_sum *from);
/* User and system time and, where known, the rest, of a process without its children. Caller holds tasklist_lock. */
void process_rusage(struct process *p, struct rusage_sum *out);

/* Swap a part of the current task against readers in others (take tasklist_lock inside); return the old one, to be put. */
struct mm *task_swap_mm(struct mm *mm);
struct files *task_swap_files(struct files *files);
struct fs_context *task_swap_fs(struct fs_context *fs);

#define BOUNCE_SIZE (64 * 1024ul)
/* The current task's bounce buffer; NULL = no memory. Not to be used across a call that may use it too. */
void *task_bounce(void);

/* Defined by kernel/gate: the task this host thread serves; service threads of kserver have one too (no process). */
struct task *gate_current(void);
#define current gate_current()

extern struct mutex tasklist_lock;
extern struct process *init_process; /* the first container's; with it the sandbox ends */

/* pid table; all under tasklist_lock. Numbers are those of the caller's PID namespace, unless one is named. */
struct pid *pid_find(u32 nr); /* no reference taken */
struct pid *pid_find_in(const struct pid_ns *ns, u32 nr);
u32 pid_nr_seen(const struct pid *p); /* as the caller sees it: 0 = it does not. No lock needed */
struct task *task_find(u32 tid); /* live or zombie, no reference taken */
struct task *task_find_in(const struct pid_ns *ns, u32 tid);
struct process *process_find(u32 tgid); /* live or zombie, no reference taken */
/* The next task with tid >= from, in order: how /proc lists processes. */
struct task *task_next(u32 from);
struct task *task_next_in(const struct pid_ns *ns, u32 from);
/* Of all namespaces: from 0, then from task_place() of the last one + 1. */
struct task *task_next_any(u64 from);
u64 task_place(const struct task *t);
static inline void pid_get(struct pid *p) { ref_get(&p->ref); }
void pid_put(struct pid *p);

static inline void task_get(struct task *t) { ref_get(&t->ref); }
void task_put(struct task *t);
static inline void process_get(struct process *p) { ref_get(&p->ref); }
void process_put(struct process *p);
u32 pid_last_used(void); /* the number given out last; grows by one with each new task until it wraps */
/* As task_find and process_find, taking the lock and a reference; NULL = no such. */
struct task *task_lookup(u32 tid);
struct process *process_lookup(u32 tgid);

/* References to another task's parts, NULL when it is exiting. They take tasklist_lock. */
struct mm *task_get_mm(struct task *t);
struct files *task_get_files(struct task *t);
struct fs_context *task_get_fs(struct task *t);
const struct cred *task_get_cred(struct task *t);

static inline bool process_single_threaded(const struct process *p) { return p->nr_threads == 1; }
#define for_each_thread(p, t) list_for_each_entry(t, &(p)->threads, thread_node)

/* Effective limit of the current process; RLIM_INFINITY is ~0ull. */
u64 rlimit(unsigned which);

/* CPU time used so far, ns (host clocks of the serving threads plus what is summed up). */
void task_cputime(struct task *t, s64 *utime, s64 *stime);
void process_cputime(struct process *p, s64 *utime, s64 *stime); /* caller holds tasklist_lock */

/* Raises bits of t->work and makes t notice: wakes it if it sleeps, kicks it if it runs its program. Any lock may be held. */
void task_set_work(struct task *t, u32 bits);

/*
 * fork family (clone.c). args as clone3(2), checked. Returns the child's tid or -errno.
 */
struct clone_args {
	u64 flags;
	u32 exit_signal;
	struct uptr stack; /* top; null = share the parent's value */
	u64 tls;
	struct uptr parent_tid, child_tid, pidfd;
	u32 set_tid;
};
long do_clone(const struct clone_args *args);

/* exec.c. Only returns on failure that left the caller unharmed (and with AT_EXECVE_CHECK). */
long do_execve(int dirfd, struct uptr path, struct uptr argv, struct uptr envp, int flags);

/* exit.c */
__noreturn void do_exit(int status); /* the current thread; status as wait(2) */
__noreturn void do_group_exit(int status); /* the whole process */
/*
 * kserver's reaper: the host process of t was killed in program mode. Releases t as if it had died of the signal in
 * status, without touching its memory, and drops the reference that the running task owned.
 */
void task_died_outside(struct task *t, int status);
/* The child that p's vfork made lets its parent go on: at exec and exit. Takes tasklist_lock. */
void vfork_release(struct process *p);
/* exec of a published task: kills the other threads, waits; the caller leads the process then. -EAGAIN: it is dying. */
int exec_dethread(void) __must_check;
/* core/boot.c: the process of guest PID 1 has ended with status (as wait(2)); ends the sandbox. */
__noreturn void sandbox_exit(int status);

/* pid.c: a member came or went; under tasklist_lock. */
struct pid *pid_alloc(struct pid_ns *ns, u32 want); /* err_ptr; a reserved number with one reference */
void pid_release_unused(struct pid *p); /* frees the number when nothing uses it any more; under tasklist_lock */

/* session.c, all under tasklist_lock. */
void process_set_pgrp(struct process *p, struct pid *pgrp);
void process_set_session(struct process *p, struct pid *session);
static inline bool process_session_leader(const struct process *p) { return p->session == p->pid; }

#endif
