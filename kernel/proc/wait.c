/* Waiting for children to end, stop or continue, wait4(2), waitid(2). */
#include "proc/wait.h"

#include "abi/linux/errno.h"
#include "proc/internal.h"

static bool eligible(const struct wait_request *w, const struct process *c)
{
	bool clone_child;

	if (w->type == P_PID && c->pid != w->pid)
		return false;
	if (w->type == P_PGID && c->pgrp != w->pid)
		return false;
	if ((w->options & __WNOTHREAD) && c->parent_tid != current->pid->nr)
		return false;
	if (w->options & __WALL)
		return true;
	clone_child = c->exit_signal != SIGCHLD;
	return clone_child == !!(w->options & __WCLONE);
}

static void report(struct wait_request *w, struct process *c, int status, int code, int si_status)
{
	w->result = (int)c->pid->nr;
	w->status = status;
	w->si_code = code;
	w->si_status = si_status;
	w->uid = c->leader->cred->uid;
	process_rusage(c, &w->usage);
	rusage_add(&w->usage, &c->children_ru);
}

/* Each of these: true = reported in w. */

static bool wait_zombie(struct wait_request *w, struct process *c, struct task **reaped)
{
	int status = c->exit_status;
	struct process *self = current->process;

	if (!(w->options & WEXITED))
		return false;
	if (!(status & 0x7f))
		report(w, c, status, CLD_EXITED, status >> 8 & 0xff);
	else
		report(w, c, status, status & 0x80 ? CLD_DUMPED : CLD_KILLED, status & 0x7f);
	if (w->options & WNOWAIT)
		return true;
	rusage_add(&self->children_ru, &w->usage);
	*reaped = process_reap_locked(c);
	return true;
}

static bool wait_stopped(struct wait_request *w, struct process *c)
{
	struct sighand *sh;
	bool yes;
	int sig;

	if (!(w->options & WUNTRACED))
		return false;
	sh = process_lock_sighand(c);
	yes = c->stopped && c->stop_unwaited;
	sig = c->stop_sig;
	if (yes && !(w->options & WNOWAIT))
		c->stop_unwaited = false;
	mutex_unlock(&sh->lock);
	if (yes)
		report(w, c, W_STOPCODE(sig), CLD_STOPPED, sig);
	return yes;
}

static bool wait_continued(struct wait_request *w, struct process *c)
{
	struct sighand *sh;
	bool yes;

	if (!(w->options & WCONTINUED))
		return false;
	sh = process_lock_sighand(c);
	yes = c->cont_unwaited;
	if (yes && !(w->options & WNOWAIT))
		c->cont_unwaited = false;
	mutex_unlock(&sh->lock);
	if (yes)
		report(w, c, W_CONTINUED, CLD_CONTINUED, SIGCONT);
	return yes;
}

/* One look at all children: true = the wait is over, w->result says how. */
static bool scan(struct wait_request *w)
{
	struct process *c;
	struct task *reaped = NULL;
	bool done = false, any = false;

	mutex_lock(&tasklist_lock);
	list_for_each_entry(c, &current->process->children, sibling) {
		if (!eligible(w, c))
			continue;
		if (c->zombie) {
			/* c is gone when this says yes. */
			done = wait_zombie(w, c, &reaped);
		} else {
			any = true;
			done = wait_stopped(w, c) || wait_continued(w, c);
		}
		if (done)
			break;
	}
	mutex_unlock(&tasklist_lock);
	if (reaped)
		reaped_put(reaped);
	if (done)
		return true;
	w->result = any ? 0 : -ECHILD;
	return !any || (w->options & WNOHANG);
}

int do_wait(struct wait_request *w)
{
	int err;

	w->result = -ECHILD;
	if (w->type != P_ALL && !w->pid)
		return -ECHILD;
	err = wait_event(&current->process->child_wait, scan(w));
	return err ? err : w->result;
}
