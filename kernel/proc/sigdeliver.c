/*
 * On the way back to the program: takes signals, does what they do by default, arranges for handlers to run, and
 * restarts system calls that a signal broke off, signal(7).
 */
#include "abi/layout.h"
#include "abi/linux/errno.h"
#include "abi/linux/unistd.h"
#include "core/strace.h"
#include "mm/mm.h"
#include "proc/container.h"
#include "proc/internal.h"
#include "proc/ptimer.h"

#define SYSCALL_INSN_LEN 2

/* A thread that SIGCONT woke tells the parent for its process. */
static void notify_pending(struct process *p)
{
	struct sighand *sh = process_lock_sighand(p);
	int why = p->cld_notify;

	p->cld_notify = 0;
	mutex_unlock(&sh->lock);
	if (!why)
		return;
	mutex_lock(&tasklist_lock);
	stop_notify_parent(p, why);
	mutex_unlock(&tasklist_lock);
}

static __noreturn void die(struct task *t)
{
	struct process *p = t->process;

	/* Without group_exiting another thread's exec wants this one gone. */
	if (atomic_load(&p->group_exiting))
		do_group_exit(p->exit_status);
	do_exit(0);
}

/* Takes signals until one has a handler (true, *k filled) or none is left. Stops and deaths happen here. */
static bool next_signal(struct ksignal *k)
{
	struct task *t = current;
	struct process *p = t->process;

	for (;;) {
		struct sighand *sh;
		struct sigaction *a;
		u32 work = atomic_load(&t->work);

		if (work & WORK_EXIT)
			die(t);
		if (work & WORK_STOP) {
			stop_sleep();
			continue;
		}
		if (p->cld_notify)
			notify_pending(p);

		sh = process_lock_sighand(p);
		k->sig = signal_dequeue_locked(~(t->blocked | signal_held(t)), &k->info);
		if (!k->sig) {
			mutex_unlock(&sh->lock);
			return false;
		}
		a = &sh->action[k->sig - 1];
		k->action = *a;
		if (a->handler != SIG_IGN && a->handler != SIG_DFL && (a->flags & SA_RESETHAND))
			a->handler = SIG_DFL;
		mutex_unlock(&sh->lock);
		if (k->info.code == SI_TIMER)
			ptimer_signal_taken(&k->info);
		strace_signal(&k->info);

		if (k->action.handler == SIG_IGN)
			continue;
		if (k->action.handler != SIG_DFL)
			return true;
		if (sig_in(k->sig, SIG_KERNEL_IGNORE) || (p->unkillable && !sig_in(k->sig, SIG_KERNEL_ONLY)))
			continue;
		if (sig_in(k->sig, SIG_KERNEL_STOP)) {
			(void)stop_begin(k->sig);
			continue;
		}
		/* No dump is ever written, so the core flag (0x80) is not set. */
		do_group_exit(k->sig);
	}
}

static void restart_at_syscall(struct task *t, u64 rax)
{
	t->regs.rax = rax;
	t->regs.rip -= SYSCALL_INSN_LEN;
}

/* The interrupted system call's fate when a handler runs first. */
static void restart_with_handler(struct task *t, u64 flags)
{
	switch (-(s64)t->regs.rax) {
	case ERESTART_RESTARTBLOCK:
	case ERESTARTNOHAND:
		t->regs.rax = (u64)-EINTR;
		break;
	case ERESTARTSYS:
		if (flags & SA_RESTART)
			restart_at_syscall(t, t->orig_rax);
		else
			t->regs.rax = (u64)-EINTR;
		break;
	case ERESTARTNOINTR:
		restart_at_syscall(t, t->orig_rax);
		break;
	}
}

static void restart_without_handler(struct task *t)
{
	switch (-(s64)t->regs.rax) {
	case ERESTARTNOHAND:
	case ERESTARTSYS:
	case ERESTARTNOINTR:
		restart_at_syscall(t, t->orig_rax);
		break;
	case ERESTART_RESTARTBLOCK:
		restart_at_syscall(t, NR_restart_syscall);
		break;
	}
}

static void run_handler(struct task *t, const struct ksignal *k)
{
	u64 mask = t->restore_blocked ? t->saved_blocked : t->blocked;
	u64 blocked = t->blocked | k->action.mask;

	if (sigframe_setup(k, mask)) {
		if (k->sig == SIGSEGV)
			signal_force_fatal(SIGSEGV);
		else
			signal_force(SIGSEGV, NULL);
		return;
	}
	t->restore_blocked = false;
	if (!(k->action.flags & SA_NODEFER))
		blocked |= SIGMASK(k->sig);
	signal_set_blocked(blocked);
}

void signal_deliver(bool in_syscall)
{
	struct task *t = current;
	bool restart = in_syscall && t->orig_rax != ~0ull;

	for (;;) {
		struct ksignal k __uninitialized; /* next_signal() */
		u32 work = atomic_load(&t->work);

		if (unlikely(work & WORK_FREEZE))
			container_frozen_wait();
		if (work & WORK_TASK) {
			atomic_and(&t->work, ~WORK_TASK);
			mm_task_work();
		}
		if ((work & (WORK_EXIT | WORK_STOP | WORK_SIGNAL)) && next_signal(&k)) {
			if (restart)
				restart_with_handler(t, k.action.flags);
			restart = false;
			run_handler(t, &k);
			continue;
		}
		if (restart)
			restart_without_handler(t);
		restart = false;
		if (t->restore_blocked) {
			t->restore_blocked = false;
			signal_set_blocked(t->saved_blocked);
			continue;
		}
		/* The CPU would fault on the way out, or in kernel text: the same signal, raised here. */
		if (unlikely(t->regs.rip >= TASK_SIZE)) {
			t->fault_trapno = 13;
			t->fault_err = 0;
			signal_force_fault(SIGSEGV, SI_KERNEL, 0);
			continue;
		}
		if (!(atomic_load(&t->work) & (WORK_EXIT | WORK_STOP | WORK_SIGNAL | WORK_FREEZE)))
			return;
	}
}
