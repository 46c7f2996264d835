/*
 * Sending signals: what a signal does the moment it is sent (job control, death), which thread is told, and who may
 * send to whom, kill(2).
 *
 * A signal that would be ignored is dropped here. One that kills does so here: the process is marked and every
 * thread gets WORK_EXIT, so that it cannot be outrun by anything the program does.
 */
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "proc/container.h"
#include "proc/internal.h"
#include "proc/sigcalls.h"

static bool signal_ignored_force(struct task *t, int sig, bool force)
{
	struct process *p = t->process;
	u64 handler = p->sighand->action[sig - 1].handler;

	/* Blocked ones are kept: the action may change until they are unblocked, and signalfd reads them. */
	if (sig_in(sig, t->blocked | t->real_blocked))
		return false;
	if (p->unkillable && handler == SIG_DFL && !(force && sig_in(sig, SIG_KERNEL_ONLY)))
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && sig_in(sig, SIG_KERNEL_IGNORE));
}

/* Side effects that happen whatever becomes of the signal. False: it is dropped. */
static bool prepare(struct task *t, int sig, bool force)
{
	struct process *p = t->process;
	struct task *o;
	u64 flush = 0;

	if (p->group_exiting || p->zombie)
		return false;
	if (sig_in(sig, SIG_KERNEL_STOP))
		flush = SIGMASK(SIGCONT);
	else if (sig == SIGCONT)
		flush = SIG_KERNEL_STOP;
	if (flush) {
		sigqueue_flush_locked(&p->shared_pending, flush);
		for_each_thread(p, o)
			sigqueue_flush_locked(&o->pending, flush);
	}
	if (sig == SIGCONT)
		stop_continue_locked(p);
	return !signal_ignored_force(t, sig, force);
}

/* From the kernel, or from the sandbox's outside: even guest PID 1 dies of SIGKILL then. */
static bool send_forced(const struct siginfo *info)
{
	if (!info || info->code == SI_KERNEL)
		return true;
	if (current->process)
		return false;
	return info->code == SI_USER || info->code == SI_QUEUE || info->code == SI_TKILL;
}

static bool wants(const struct task *t, int sig)
{
	if (sig_in(sig, t->blocked) || t->exiting)
		return false;
	return sig == SIGKILL || !t->in_stop;
}

/* Who takes it: the addressee, else a thread that has nothing else to handle, else any; NULL = nobody for now. */
static struct task *choose(struct task *t, bool group, int sig)
{
	struct task *o, *busy = NULL;

	if (wants(t, sig))
		return t;
	if (!group)
		return NULL;
	for_each_thread(t->process, o) {
		if (!wants(o, sig))
			continue;
		if (!(atomic_load(&o->work) & WORK_SIGNAL))
			return o;
		busy = o;
	}
	return busy;
}

static bool fatal(const struct process *p, const struct task *t, int sig)
{
	if (p->sighand->action[sig - 1].handler != SIG_DFL || sig_in(sig, SIG_KERNEL_IGNORE | SIG_KERNEL_STOP))
		return false;
	if (p->unkillable && !sig_in(sig, SIG_KERNEL_ONLY))
		return false;
	return !sig_in(sig, t->real_blocked);
}

void signal_group_exit_locked(struct process *p, int status)
{
	struct task *o;

	p->exit_status = status;
	atomic_store(&p->group_exiting, true);
	p->stopped = false;
	p->stop_count = 0;
	for_each_thread(p, o) {
		atomic_and(&o->work, ~WORK_STOP);
		atomic_store(&o->in_stop, false);
		if (!o->exiting)
			task_set_work(o, WORK_EXIT);
	}
	wake_up_all(&p->stop_wait);
}

int signal_send_locked(struct task *t, bool group, int sig, const struct siginfo *info)
{
	struct process *p = t->process;
	struct task *taker;
	int err;

	if (!prepare(t, sig, send_forced(info)))
		return 0;
	err = sigqueue_add_locked(t, group ? &p->shared_pending : &t->pending, sig, info);
	if (err)
		return err;
	wake_up_all(&p->sighand->signalfd_wait);
	taker = choose(t, group, sig);
	if (!taker)
		return 0;
	if (fatal(p, taker, sig))
		signal_group_exit_locked(p, sig);
	else
		task_set_work(taker, WORK_SIGNAL);
	return 0;
}

static int send(struct task *t, bool group, int sig, const struct siginfo *info)
{
	struct process *p = t->process;
	struct sighand *sh;
	int err;

	if (!p)
		return -ESRCH;
	if (!sig)
		return 0;
	if (!sig_valid(sig))
		return -EINVAL;
	sh = process_lock_sighand(p);
	err = p->reaped ? -ESRCH : signal_send_locked(t, group, sig, info);
	mutex_unlock(&sh->lock);
	return err;
}

int signal_send_task(struct task *t, int sig, const struct siginfo *info) { return send(t, false, sig, info); }

int signal_send_process(struct process *p, int sig, const struct siginfo *info)
{
	struct sighand *sh;
	int err;

	if (!sig)
		return 0;
	if (!sig_valid(sig))
		return -EINVAL;
	sh = process_lock_sighand(p);
	err = p->reaped ? -ESRCH : signal_send_locked(p->leader, true, sig, info);
	mutex_unlock(&sh->lock);
	return err;
}

int signal_send_pgrp(struct pid *pgrp, int sig, const struct siginfo *info)
{
	struct process *p;
	int ret = -ESRCH;

	mutex_assert_held(&tasklist_lock);
	list_for_each_entry(p, &pgrp->pgrp_members, pgrp_node) {
		int err = signal_send_process(p, sig, info);

		if (ret)
			ret = err;
	}
	return ret;
}

void signal_retarget_locked(struct task *t, u64 which)
{
	struct task *o;

	which &= t->process->shared_pending.set;
	for_each_thread(t->process, o) {
		if (!which)
			return;
		if (o == t || o->exiting || !(which & ~o->blocked))
			continue;
		which &= o->blocked;
		task_set_work(o, WORK_SIGNAL);
	}
}

static void force(int sig, const struct siginfo *info, bool kill)
{
	struct task *t = current;
	struct sighand *sh = process_lock_sighand(t->process);
	struct sigaction *a = &sh->action[sig - 1];
	bool blocked = sig_in(sig, t->blocked);

	if (kill || blocked || a->handler == SIG_IGN) {
		a->handler = SIG_DFL;
		t->blocked &= ~SIGMASK(sig);
	}
	/* Init is not spared its own faults. */
	if (a->handler == SIG_DFL)
		t->process->unkillable = false;
	(void)signal_send_locked(t, false, sig, info);
	signal_recalc_locked(t);
	mutex_unlock(&sh->lock);
}

void signal_force(int sig, const struct siginfo *info) { force(sig, info, false); }
void signal_force_fatal(int sig) { force(sig, NULL, true); }

void signal_force_fault(int sig, int code, u64 addr)
{
	struct siginfo info;

	siginfo_init(&info, sig, code);
	if (code != SI_KERNEL)
		info.fault.addr = addr;
	force(sig, &info, false);
}

void signal_from_fault(int host_sig, int code, u64 addr, u64 trapno, u64 err)
{
	struct task *t = current;

	t->fault_trapno = trapno;
	t->fault_err = err;
	if (trapno == 14) /* a page fault: CR2 holds an address */
		t->fault_addr = addr;
	signal_force_fault(host_sig, code, addr);
}

/* Permission, kill(2). */

static bool may_by_ids(const struct task *t)
{
	const struct cred *mine = current->cred, *theirs = t->cred;

	if (!mine || !theirs)
		return !mine;
	return mine->euid == theirs->suid || mine->euid == theirs->uid || mine->uid == theirs->suid ||
	       mine->uid == theirs->uid || cred_has_cap(mine, CAP_KILL);
}

int signal_may_send(struct task *t, int sig, const struct siginfo *info)
{
	struct process *mine = current->process;

	mutex_assert_held(&tasklist_lock);
	if (!siginfo_from_user(info) || !mine || t->process == mine || may_by_ids(t))
		return 0;
	return sig == SIGCONT && t->process && t->process->session == mine->session ? 0 : -EPERM;
}

static int send_checked(struct task *t, bool group, int sig, const struct siginfo *info)
{
	int err = signal_may_send(t, sig, info);

	return err ? err : send(t, group, sig, info);
}

static int kill_pgrp_locked(struct pid *pgrp, int sig, const struct siginfo *info)
{
	struct process *p;
	int ret = -ESRCH;
	bool sent = false;

	if (!pgrp)
		return -ESRCH;
	list_for_each_entry(p, &pgrp->pgrp_members, pgrp_node) {
		int err = send_checked(p->leader, true, sig, info);

		sent |= !err;
		ret = err;
	}
	return sent ? 0 : ret;
}

/* Everybody but init and the caller. */
static int kill_all_locked(int sig, const struct siginfo *info)
{
	struct task *t;
	int ret = 0;
	u32 count = 0;

	for (u32 nr = 2; (t = task_next(nr)); nr = t->pid->nr + 1) {
		int err;

		if (t != t->process->leader || t->process == current->process || t->process == t->pid->ns->init)
			continue;
		err = send_checked(t, true, sig, info);
		count++;
		if (err != -EPERM)
			ret = err;
	}
	return count ? ret : -ESRCH;
}

int signal_kill(int pid, int sig, const struct siginfo *info)
{
	struct task *t;
	int ret;

	if (pid == INT32_MIN)
		return -ESRCH;
	if (sig && !sig_valid(sig))
		return -EINVAL;
	mutex_lock(&tasklist_lock);
	if (pid > 0) {
		t = task_find((u32)pid);
		ret = t ? send_checked(t, true, sig, info) : -ESRCH;
	} else if (pid == -1) {
		ret = kill_all_locked(sig, info);
	} else {
		ret = kill_pgrp_locked(pid ? pid_find((u32)-pid) : current->process->pgrp, sig, info);
	}
	mutex_unlock(&tasklist_lock);
	return ret;
}

int signal_kill_thread(int tgid, int tid, int sig, const struct siginfo *info)
{
	struct task *t;
	int ret = -ESRCH;

	if (sig && !sig_valid(sig))
		return -EINVAL;
	mutex_lock(&tasklist_lock);
	t = task_find((u32)tid);
	if (t && (tgid <= 0 || t->process->pid->nr == (u32)tgid)) {
		ret = send_checked(t, false, sig, info);
		/* It may be dying: as good as signalled. */
		if (ret == -ESRCH)
			ret = 0;
	}
	mutex_unlock(&tasklist_lock);
	return ret;
}
