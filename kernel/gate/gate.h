/*
 * The gate: how programs enter and leave the kernel, and the only code that makes host system calls (host.h).
 *
 * hthread = a host thread that serves guest tasks: a slot with a kernel stack and a signal stack in shared memory,
 *           and two pages private to its host process (scratch, shown). current is found through GS.
 * hproc   = a host process: an address space with the hthreads in it.
 *
 * Modes: a task is in GATE_MODE_KERNEL from the moment the entry stub has taken its registers until the exit stub
 * gives them back. Only the mode word says where a task is. A signal that meets kernel mode only notes itself
 * (kick), repairs a user copy (extable), or is a kernel bug (panic).
 */
#ifndef LIMPET_GATE_GATE_H
#define LIMPET_GATE_GATE_H

#include "abi/layout.h"
#include "core/lock.h"
#include "gate/regs.h"
#include "lib/list.h"

#define GATE_MODE_KERNEL 0u
#define GATE_MODE_PROGRAM 1u

struct task;
struct timespec64;
struct mm;
struct clone_args;

struct hproc {
	struct ref ref; /* its hthreads */
	u32 host_pid; /* in the sandbox's PID namespace; set before its first task runs */
	u32 nr_threads; /* those that serve a task; atomic */
	u32 nr_parked; /* under hproc_lock */
	bool left; /* its last thread has; written by that one */
	bool hashed; /* the reaper finds it; under hproc_lock */
	struct hlist_node hash; /* by host_pid, under hproc_lock */
	struct list_head threads; /* hthread.node, under hproc_lock */
	struct list_head parked; /* hthread.park_node, under hproc_lock */
};

enum hthread_state { HTHREAD_FREE, HTHREAD_STARTING, HTHREAD_RUNNING, HTHREAD_DYING };

struct hthread {
	u32 slot; /* immutable */
	u32 state; /* atomic */
	u32 host_tid; /* atomic; 0 = not running */
	u32 own_tid; /* the same, written by clone before the thread runs */
	struct hproc *hp; /* reference held */
	struct list_head node;
	struct task *task; /* whom it serves; atomic */
	u32 park; /* futex word: see gate/park.c */
	struct list_head park_node; /* hproc.parked or the zygotes, under hproc_lock */
	bool zygote; /* is one, until it has begun to serve */
	struct zygote_pool *pool; /* of a zygote */
	bool needs_filter; /* first thread of a process that kserver made: not yet under the programs' seccomp filter */
	void (*start)(void *arg); /* what a fresh one does first */
	void *start_arg;
};

/* The ops that differ between gates. */
struct gate_ops {
	const char *name; /* "pkey", "plain" */
	/* kserver, once, before the first guest process: keys, protection of the kernel's memory. */
	int (*init)(void);
	u32 app_pkru; /* the rights register in program mode; set by init */
	int code_key; /* of pages that programs may run but not read (mm/code.h); 0 = there is none */
	void (*signal_entry)(void); /* the handler's address */
	void (*call_entry)(void); /* where trampolines of patched call sites jump (mm/patch.h) */
	/* Labels in it: from here rcx and rsp are in scratch (call_parks_all: rax and rdx too); from here on it is kernel mode. */
	void (*call_entry_parked)(void);
	void (*call_entry_open)(void);
	bool call_parks_all;
	__noreturn void (*exit)(struct task *t); /* restores t->regs and runs the program */
};
extern struct gate_ops gate_pkey;
extern const struct gate_ops gate_plain;
extern const struct gate_ops *gate;

/* Boot: from the boot block's platform. */
int gate_init(void);

/*
 * Starts the guest's first process on a new host process, or a new thread of the calling one; both run fn(arg) on a
 * kernel stack of their own with current == t, and must end in gate_enter_program or hthread_exit.
 * Floating point state is the caller's. 0 or -errno.
 */
int hproc_spawn(struct task *t, void (*fn)(void *), void *arg); /* kserver and its spawner: a fresh, blank host process */
void hproc_fork_wait(void); /* before a fork, no lock held: until not too many ended ones are still to be reaped */
int hproc_fork(struct task *t, void (*fn)(void *), void *arg); /* copy of the calling host process */
int hthread_spawn(struct task *t, void (*fn)(void *), void *arg); /* a thread in the calling host process */
/*
 * The same with a host thread that waits parked in the calling process: false, or t has it, and hthread_call cannot
 * fail. In between t may be published.
 */
bool hthread_reserve(struct task *t) __must_check;
void hthread_call(struct task *t, void (*fn)(void *), void *arg);

/* Blank host processes that wait for a task: for core/spawner.c. All under hproc_lock; nr and nr_starting are read without. */
struct zygote_pool {
	struct list_head list; /* hthread.park_node */
	u32 nr, nr_starting;
	bool closed; /* who comes now ends */
};
void zygote_pool_init(struct zygote_pool *z);
void zygote_pool_close(struct zygote_pool *z);
int zygote_spawn(struct zygote_pool *z); /* kserver and its spawner; -errno */
/* As hproc_spawn, from anywhere; false: there is none. */
bool zygote_call(struct zygote_pool *z, struct task *t, void (*fn)(void *), void *arg);
bool zygote_dismiss(struct zygote_pool *z); /* one of them; false: there was none */
u32 zygote_count(const struct zygote_pool *z);

/* The calling host thread serves child from now on, its task waits: vfork. Then gate_enter_program as child. */
void hthread_lend(struct task *child);
/*
 * Runs fn(arg) for the current task on an address space that is its own: at once when it has one (single task on
 * the host process), else on a fresh host process, while the host thread goes back to its lender or ends. Stack is
 * reset: never returns to the caller. failed(arg) runs instead of fn when no host process is to be had; then the task ends.
 */
__noreturn void hthread_exec(void (*fn)(void *), void (*failed)(void *), void *arg);
/* The current task is dead and released: the host thread goes back to its lender or ends. */
__noreturn void hthread_exit(void);
/* A service task's host process ends; last(arg) runs when the task is not needed any more. */
__noreturn void hthread_leave(void (*last)(void *), void *arg);

/* Into the program with current->regs, after signal_deliver. in_syscall: restart rules apply. Kernel stack is dropped. */
__noreturn void gate_enter_program(bool in_syscall);

/*
 * Sleeps on the host until *word is not val any more or the deadline (CLOCK_MONOTONIC, NULL = never): 0 or -errno of
 * futex(2). Here, in user copies and in gate_host_call a thread may be killed from outside without loss: see gate/start.S.
 */
long gate_sleep(u64 *saved_sp, u32 *word, u32 val, const struct timespec64 *deadline);

/* Makes t notice t->work: wake or host signal. Any lock may be held. */
void gate_kick(struct task *t);

/* The program's floating point and extended state, live in the CPU: to and from user memory for signal frames. */
u32 gate_fpstate_size(void); /* bytes XSAVE writes for all features in use, 64-byte aligned */
u64 gate_fpstate_mask(void); /* XCR0 bits saved and restored, never PKRU */
int gate_fpstate_save(u64 user_addr) __must_check; /* 64-byte aligned user memory; 0 or -EFAULT */
int gate_fpstate_restore(u64 user_addr) __must_check; /* -EFAULT also for a malformed area; then the state is reset */
void gate_fpstate_reset(void);
int gate_fpstate_xrstor(u64 user_addr, u64 features) __must_check; /* the instruction, but for PKRU; -EFAULT for any fault */

/* FS and GS base of the current program. GS belongs to the gate: programs cannot have it. */
void gate_set_fsbase(u64 base);
u64 gate_get_fsbase(void);

#endif
