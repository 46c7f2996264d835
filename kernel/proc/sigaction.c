/* Signal actions: the table that threads (and with CLONE_SIGHAND processes) share, sigaction(2). */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/internal.h"

#define SA_KNOWN                                                                                             \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | SA_RESTART | \
	 SA_NODEFER | SA_RESETHAND)

struct sighand *sighand_alloc(void)
{
	struct sighand *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	ref_init(&s->ref);
	mutex_init(&s->lock, LOCK_SIGHAND);
	wait_queue_init(&s->signalfd_wait);
	return s;
}

struct sighand *sighand_copy(struct sighand *from)
{
	struct sighand *s = sighand_alloc();

	if (!s)
		return NULL;
	mutex_lock(&from->lock);
	memcpy(s->action, from->action, sizeof(s->action));
	mutex_unlock(&from->lock);
	return s;
}

void sighand_put(struct sighand *s)
{
	while (s && ref_put(&s->ref)) {
		struct sighand *older = s->older;

		kfree(s);
		s = older;
	}
}

struct sighand *process_lock_sighand(struct process *p)
{
	for (;;) {
		struct sighand *s = atomic_load(&p->sighand);

		mutex_lock(&s->lock);
		if (likely(atomic_load(&p->sighand) == s))
			return s;
		mutex_unlock(&s->lock);
	}
}

/* Of the current process, which has one thread now: a table of its own, if others share it. */
static struct sighand *sighand_unshare(struct task *t)
{
	struct process *p = t->process;
	struct sighand *old = p->sighand, *new;

	if (atomic_load(&old->processes) == 1)
		return old;
	new = sighand_copy(old);
	if (!new)
		return NULL;
	new->processes = 1;
	ref_get(&new->ref); /* the process's and the task's */
	new->older = old; /* the process's reference to the old one */
	mutex_lock(&tasklist_lock);
	mutex_lock(&old->lock);
	atomic_store(&p->sighand, new);
	t->sighand = new;
	mutex_unlock(&old->lock);
	mutex_unlock(&tasklist_lock);
	atomic_sub(&old->processes, 1);
	sighand_put(old); /* the task's */
	return new;
}

void sighand_exec(struct task *t)
{
	struct process *p = t->process;
	struct sighand *s = sighand_unshare(t);

	if (!s) {
		/* Handlers of another program must not run in this one, nor may another process lose its own. */
		signal_force_fatal(SIGKILL);
		return;
	}
	mutex_lock(&s->lock);
	for (int i = 0; i < NSIG; i++) {
		struct sigaction *a = &s->action[i];

		*a = (struct sigaction){ .handler = a->handler == SIG_IGN ? SIG_IGN : SIG_DFL };
	}
	mutex_unlock(&s->lock);
	t->altstack = (struct altstack){ 0 };
	t->restart.func = NULL;
	t->restore_blocked = false;
	t->fault_trapno = t->fault_err = t->fault_addr = 0;
	mutex_lock(&tasklist_lock);
	p->did_exec = true;
	p->exec_id++;
	mutex_unlock(&tasklist_lock);
}

/* Does sig with this action have no effect on p? force: from the kernel or from outside the sandbox. */
static bool action_ignored(const struct process *p, u64 handler, int sig, bool force)
{
	if (p->unkillable && handler == SIG_DFL && !(force && sig_in(sig, SIG_KERNEL_ONLY)))
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && sig_in(sig, SIG_KERNEL_IGNORE));
}

bool signal_ignored_locked(struct task *t, int sig)
{
	return action_ignored(t->process, t->process->sighand->action[sig - 1].handler, sig, false);
}

int signal_action(int sig, const struct sigaction *new, struct sigaction *old)
{
	struct process *p = current->process;
	struct sighand *sh;
	struct sigaction *a;

	if (!sig_valid(sig) || (new && sig_in(sig, SIG_KERNEL_ONLY)))
		return -EINVAL;
	sh = process_lock_sighand(p);
	a = &sh->action[sig - 1];
	if (old)
		*old = *a;
	if (new) {
		u64 handler = new->handler;

		*a = *new;
		a->flags &= SA_KNOWN;
		a->mask &= ~SIG_KERNEL_ONLY;
		/* What is pending and would be ignored is gone for good, POSIX 2.4.3. */
		if (handler == SIG_IGN || (handler == SIG_DFL && sig_in(sig, SIG_KERNEL_IGNORE))) {
			struct task *t;

			sigqueue_flush_locked(&p->shared_pending, SIGMASK(sig));
			for_each_thread(p, t)
				sigqueue_flush_locked(&t->pending, SIGMASK(sig));
		}
	}
	mutex_unlock(&sh->lock);
	return 0;
}
