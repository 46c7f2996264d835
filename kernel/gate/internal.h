/* Inside kernel/gate and core/boot only. */
#ifndef LIMPET_GATE_INTERNAL_H
#define LIMPET_GATE_INTERNAL_H

#include "gate/asm.h"
#include "gate/gate.h"

#define GATE_KICK_SIGNAL 33
#define KSTACK_CANARY 0x6c696d7065742121ull

extern struct mutex hproc_lock;

u64 hthread_kstack_top(const struct hthread *ht);
u64 hthread_sigstack(const struct hthread *ht);
int hthread_adopt_boot(struct task *t);
void hproc_put(struct hproc *hp);
/* died: for each task that was still served there; false: its slot's stack is still needed (see task.dead_ht). */
void hproc_reaped(u32 host_pid, bool (*died)(struct task *t));
/* Lets a host thread of the caller's process continue t, which slept when its own was killed. -errno. */
int hthread_replace(struct task *t) __must_check;
/* The calling host thread serves t from now on. */
void hthread_serve(struct hthread *ht, struct task *t);
/* A task for those who serve none: the locks' bookkeeping needs one. */
extern struct task hthread_nobody;
__noreturn void hthread_end(struct hthread *ht);

/* park.c */
#define PARK_NONE 0u
#define PARK_ENTERING 1u /* listed, still has something to do */
#define PARK_WAITING 2u /* may be killed without loss */
#define PARK_CALLED 3u /* has a task, not yet begun */
#define PARK_DISMISSED 4u
/* Instead of ending, when its process lives on: waits for the next thread of the process. Else returns. */
void hthread_park(struct hthread *ht);
/* The last thread of a process is about to end it: waits until no parked one is in the middle of something. */
void hthread_settle_parked(struct hproc *hp);
/* Reaper: the process of a thread that served nobody is gone. */
void zygote_died(struct hthread *ht);

void gate_measure_frame(const u8 *uc);
void gate_fpstate_init(void);
void gate_fpstate_park(struct task *t);
void gate_fpstate_unpark(struct task *t);
void gate_handlers_init(void);

/* start.S */
__noreturn void gate_on_stack(u64 stack, void (*fn)(void *), void *arg);
long gate_clone(u64 flags, u64 stack, u32 *parent_tid);
__noreturn void gate_thread_end(u32 *state, u32 value, bool whole_process);
__noreturn void gate_sleep_resume(u64 *saved_sp);
void gate_child_start(struct hthread *ht);

#endif
