/*
 * Stopping and continuing processes, and telling their parents.
 *
 * A stop begins when a thread takes a stop signal: every thread gets WORK_STOP and is counted in stop_count. Each
 * comes here on its way out, sleeps with in_stop set, and the last one completes the stop: process.stopped, SIGCHLD
 * for the parent. SIGCONT undoes all of it as it is sent; a thread that wakes up tells the parent (cld_notify).
 */
#include "abi/linux/errno.h"
#include "core/program.h"
#include "gate/gate.h"
#include "proc/internal.h"

static void complete_locked(struct process *p)
{
	p->stopped = true;
	p->stop_unwaited = true;
	p->cont_unwaited = false;
}

void stop_join_locked(struct task *t)
{
	struct process *p = t->process;

	if (!p->stopped)
		p->stop_count++;
	task_set_work(t, WORK_STOP);
}

bool stop_begin(int sig)
{
	struct task *t = current, *o;
	struct process *p = t->process;
	struct sighand *sh;

	if (sig != SIGSTOP) {
		bool orphaned;

		mutex_lock(&tasklist_lock);
		orphaned = pgrp_is_orphaned(p->pgrp);
		mutex_unlock(&tasklist_lock);
		if (orphaned)
			return false;
	}
	sh = process_lock_sighand(p);
	if (!t->stop_dequeued || p->group_exiting || p->exec_task) {
		mutex_unlock(&sh->lock);
		return false;
	}
	if (!(atomic_load(&t->work) & WORK_STOP)) {
		if (!p->stopped)
			p->stop_sig = sig;
		p->stop_count = 0;
		for_each_thread(p, o) {
			if (o->exiting || o->in_stop)
				continue;
			/* Lent its host thread away: stops when it has one again, and nobody waits for that. */
			if (o == t || atomic_load(&o->ht))
				p->stop_count++;
			task_set_work(o, WORK_STOP);
		}
	}
	mutex_unlock(&sh->lock);
	return true;
}

static void notify_parent(struct process *p, int why)
{
	mutex_lock(&tasklist_lock);
	stop_notify_parent(p, why);
	mutex_unlock(&tasklist_lock);
}

void stop_sleep(void)
{
	struct task *t = current;
	struct process *p = t->process;
	struct sighand *sh = process_lock_sighand(p);
	bool completed = false;
	struct waiter w;

	if (!(atomic_load(&t->work) & WORK_STOP)) {
		mutex_unlock(&sh->lock);
		return;
	}
	atomic_and(&t->work, ~WORK_STOP);
	atomic_store(&t->in_stop, true);
	t->state = TASK_STOPPED; /* before the parent is told and looks */
	if (p->stop_count && --p->stop_count == 0) {
		completed = !p->stopped;
		complete_locked(p);
	}
	mutex_unlock(&sh->lock);
	if (completed)
		notify_parent(p, CLD_STOPPED);
	if (completed && program_is_job(p))
		program_stopped();

	waiter_init(&w);
	for (;;) {
		wait_prepare(&p->stop_wait, &w);
		if (!atomic_load(&t->in_stop) || (atomic_load(&t->work) & WORK_EXIT))
			break;
		t->state = TASK_STOPPED;
		(void)task_sleep(KTIME_MAX);
	}
	wait_remove(&w);
	t->state = TASK_RUNNING;

	sh = process_lock_sighand(p);
	t->in_stop = false;
	signal_recalc_locked(t);
	mutex_unlock(&sh->lock);
}

void stop_continue_locked(struct process *p)
{
	struct task *o;

	for_each_thread(p, o) {
		atomic_and(&o->work, ~WORK_STOP);
		o->stop_dequeued = false;
		atomic_store(&o->in_stop, false);
	}
	if (p->stopped)
		p->cld_notify = CLD_CONTINUED;
	else if (p->stop_count)
		p->cld_notify = CLD_STOPPED;
	else
		return;
	p->stopped = false;
	p->stop_count = 0;
	p->stop_unwaited = false;
	p->cont_unwaited = true;
	wake_up_all(&p->stop_wait);
}

bool stop_leave_locked(struct task *t)
{
	struct process *p = t->process;

	if (!(atomic_and(&t->work, ~WORK_STOP) & WORK_STOP) || !p->stop_count || --p->stop_count)
		return false;
	if (p->stopped || p->group_exiting)
		return false;
	complete_locked(p);
	return true;
}

void stop_notify_parent(struct process *p, int why)
{
	struct process *parent = p->parent;
	struct siginfo info;
	struct sighand *sh;
	struct sigaction *a;
	s64 utime, stime;

	mutex_assert_held(&tasklist_lock);
	if (!parent || p->zombie || p->program_id)
		return;
	process_cputime(p, &utime, &stime);
	siginfo_init(&info, SIGCHLD, why);
	info.chld.pid = (s32)p->pid->nr;
	info.chld.uid = p->leader->cred->uid;
	info.chld.status = why == CLD_CONTINUED ? SIGCONT : p->stop_sig;
	info.chld.utime = utime / (NSEC_PER_SEC / USER_HZ);
	info.chld.stime = stime / (NSEC_PER_SEC / USER_HZ);
	sh = process_lock_sighand(parent);
	a = &sh->action[SIGCHLD - 1];
	if (a->handler != SIG_IGN && !(a->flags & SA_NOCLDSTOP))
		(void)signal_send_locked(parent->leader, true, SIGCHLD, &info);
	mutex_unlock(&sh->lock);
	process_wake_parent(p);
}
