/* Signal masks and alternate stacks of the current task; sleeping until a signal, rt_sigtimedwait(2). */
#include "abi/linux/errno.h"
#include "proc/internal.h"
#include "proc/ptimer.h"
#include "proc/sigcalls.h"

/*
 * On the host thread of its vfork parent a child does not stop: the parent would sleep with it, deaf to every signal.
 * What would stop it waits for the exec, or for nothing when it ends.
 */
u64 signal_held(const struct task *t)
{
	u64 held = 0;

	if (likely(!t->lender))
		return 0;
	for (int sig = SIGCONT + 1; sig <= SIGTTOU; sig++)
		if (t->process->sighand->action[sig - 1].handler == SIG_DFL)
			held |= SIGMASK(sig);
	return held | SIGMASK(SIGSTOP);
}

void signal_recalc_locked(struct task *t)
{
	u64 pending = (t->pending.set | t->process->shared_pending.set) & ~(t->blocked | signal_held(t));

	if (pending)
		task_set_work(t, WORK_SIGNAL);
	else if (t == current)
		atomic_and(&t->work, ~WORK_SIGNAL);
}

void signal_recalc(void)
{
	struct sighand *sh = process_lock_sighand(current->process);

	signal_recalc_locked(current);
	mutex_unlock(&sh->lock);
}

void signal_set_blocked_locked(struct task *t, u64 mask)
{
	u64 newly;

	mask &= ~SIG_KERNEL_ONLY;
	newly = mask & ~t->blocked;
	t->blocked = mask;
	if (t->process->nr_threads > 1 && newly)
		signal_retarget_locked(t, newly);
	signal_recalc_locked(t);
}

void signal_set_blocked(u64 mask)
{
	struct task *t = current;
	struct sighand *sh;

	if ((mask & ~SIG_KERNEL_ONLY) == t->blocked)
		return;
	sh = process_lock_sighand(t->process);
	signal_set_blocked_locked(t, mask);
	mutex_unlock(&sh->lock);
}

int signal_mask_temp_from_user(struct uptr mask, u64 size)
{
	struct task *t = current;
	u64 set;

	if (uptr_null(mask))
		return 0;
	if (size != sizeof(set))
		return -EINVAL;
	if (copy_in(&set, mask, sizeof(set)))
		return -EFAULT;
	t->saved_blocked = t->blocked;
	t->restore_blocked = true;
	signal_set_blocked(set);
	return 0;
}

void signal_mask_temp_done(bool interrupted)
{
	struct task *t = current;

	/* Interrupted: signal_deliver puts the mask back, after the handler's frame has noted it. */
	if (interrupted || !t->restore_blocked)
		return;
	t->restore_blocked = false;
	signal_set_blocked(t->saved_blocked);
}

bool signal_pending_current(void)
{
	struct task *t = current;
	u32 work = atomic_load(&t->work);

	if (work & (WORK_EXIT | WORK_STOP))
		return true;
	/* Another thread may have taken what the bit was set for. */
	return (work & WORK_SIGNAL) && (signal_pending_set() & ~(t->blocked | signal_held(t)));
}

bool fatal_pending_current(void) { return atomic_load(&current->work) & WORK_EXIT; }

static void sleep_until_signal(void)
{
	for (;;) {
		task_prepare_sleep();
		if (signal_pending_current())
			return;
		(void)task_sleep(KTIME_MAX);
	}
}

long signal_pause(void)
{
	sleep_until_signal();
	return -ERESTARTNOHAND;
}

long signal_suspend(u64 mask)
{
	struct task *t = current;

	t->saved_blocked = t->blocked;
	signal_set_blocked(mask);
	sleep_until_signal();
	t->restore_blocked = true;
	return -ERESTARTNOHAND;
}

long signal_timedwait(u64 which, struct siginfo *info, s64 deadline)
{
	struct task *t = current;
	struct sighand *sh;
	bool timed_out = false;
	int sig;

	which &= ~SIG_KERNEL_ONLY;
	sh = process_lock_sighand(t->process);
	sig = signal_dequeue_locked(which, info);
	if (!sig && deadline > 0) {
		/* Unblocked while waiting, so that senders choose this thread; real_blocked keeps them from killing. */
		t->real_blocked = t->blocked;
		t->blocked &= ~which;
		signal_recalc_locked(t);
		mutex_unlock(&sh->lock);
		for (;;) {
			task_prepare_sleep();
			if (signal_pending_current() || timed_out)
				break;
			timed_out = task_sleep(deadline) == -ETIMEDOUT;
		}
		sh = process_lock_sighand(t->process);
		signal_set_blocked_locked(t, t->real_blocked);
		t->real_blocked = 0;
		sig = signal_dequeue_locked(which, info);
	} else {
		timed_out = true;
	}
	mutex_unlock(&sh->lock);
	if (sig) {
		if (info->code == SI_TIMER)
			ptimer_signal_taken(info);
		return sig;
	}
	return timed_out ? -EAGAIN : -EINTR;
}

bool altstack_contains(const struct altstack *as, u64 sp)
{
	/* With SS_AUTODISARM the stack is off while a handler runs on it. */
	if (as->flags & SS_AUTODISARM)
		return false;
	return sp > as->sp && sp - as->sp <= as->size;
}

u32 altstack_state(const struct altstack *as, u64 sp)
{
	if (!as->size)
		return SS_DISABLE;
	return altstack_contains(as, sp) ? SS_ONSTACK : 0;
}

int altstack_set(const struct altstack *new, u64 sp)
{
	struct altstack *as = &current->altstack;
	u32 mode = new->flags & ~SS_AUTODISARM;

	if (altstack_contains(as, sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE)
		*as = (struct altstack){ .flags = new->flags };
	else if (new->size < MINSIGSTKSZ)
		return -ENOMEM;
	else
		*as = *new;
	return 0;
}
