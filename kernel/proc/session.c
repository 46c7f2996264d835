/*
 * Process groups and sessions, credentials(7), setpgid(2), setsid(2). A group or session exists as long as it has
 * members; its struct pid lists them. All under tasklist_lock.
 */
#include "proc/session.h"

#include "abi/linux/errno.h"
#include "core/program.h"
#include "fs/tty/tty.h"
#include "proc/internal.h"

/* Moves p (by node) from one list owner to another; the process's reference moves along. */
static void change(struct pid **where, struct list_head *node, struct pid *to, struct list_head *members)
{
	struct pid *old = *where;

	if (old == to)
		return;
	list_del(node);
	pid_get(to);
	*where = to;
	list_add_tail(node, members);
	if (old) {
		pid_release_unused(old);
		pid_put(old);
	}
}

void process_set_pgrp(struct process *p, struct pid *pgrp)
{
	mutex_assert_held(&tasklist_lock);
	change(&p->pgrp, &p->pgrp_node, pgrp, &pgrp->pgrp_members);
}

void process_set_session(struct process *p, struct pid *session)
{
	mutex_assert_held(&tasklist_lock);
	change(&p->session, &p->session_node, session, &session->session_members);
}

/* As pgrp_is_orphaned, as if ignored were gone already. */
bool pgrp_will_be_orphaned(struct pid *pgrp, const struct process *ignored)
{
	struct process *p;

	list_for_each_entry(p, &pgrp->pgrp_members, pgrp_node) {
		if (p == ignored || p->zombie || !p->parent)
			continue;
		if (p->parent->pgrp != pgrp && p->parent->session == p->session)
			return false;
	}
	return true;
}

bool pgrp_is_orphaned(struct pid *pgrp)
{
	mutex_assert_held(&tasklist_lock);
	/* Above the first program of a terminal there is a shell, outside. */
	if (program_is_job(init_process) && init_process->pgrp == pgrp)
		return false;
	return pgrp_will_be_orphaned(pgrp, NULL);
}

static int setpgid_locked(struct process *self, u32 pid, u32 pgid)
{
	struct task *t = task_find(pid);
	struct process *p;
	struct pid *pgrp;

	if (!t)
		return -ESRCH;
	p = t->process;
	if (t != p->leader)
		return -EINVAL;
	if (p->parent == self) {
		if (p->session != self->session)
			return -EPERM;
		if (p->did_exec)
			return -EACCES;
	} else if (p != self) {
		return -ESRCH;
	}
	if (process_session_leader(p))
		return -EPERM;
	pgrp = p->pid;
	if (pgid != pid) {
		struct process *member;

		pgrp = pid_find(pgid);
		if (!pgrp)
			return -EPERM;
		member = list_first_entry_or_null(&pgrp->pgrp_members, struct process, pgrp_node);
		if (!member || member->session != self->session)
			return -EPERM;
	}
	process_set_pgrp(p, pgrp);
	return 0;
}

int session_setpgid(int pid, int pgid)
{
	struct process *self = current->process;
	int ret;

	if (!pid)
		pid = (int)self->pid->nr;
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	if (pid < 0)
		return -ESRCH;
	mutex_lock(&tasklist_lock);
	ret = setpgid_locked(self, (u32)pid, (u32)pgid);
	mutex_unlock(&tasklist_lock);
	return ret;
}

static int group_or_session(int pid, bool session)
{
	struct process *p = current->process;
	int ret = -ESRCH;

	mutex_lock(&tasklist_lock);
	if (pid) {
		struct task *t = pid > 0 ? task_find((u32)pid) : NULL;

		p = t ? t->process : NULL;
	}
	if (p)
		ret = (int)(session ? p->session : p->pgrp)->nr;
	mutex_unlock(&tasklist_lock);
	return ret;
}

int session_getpgid(int pid) { return group_or_session(pid, false); }
int session_getsid(int pid) { return group_or_session(pid, true); }

int session_setsid(void)
{
	struct process *p = current->process;
	struct tty *tty = NULL;
	int ret = -EPERM;

	mutex_lock(&tasklist_lock);
	if (!process_session_leader(p) && list_empty(&p->pid->pgrp_members)) {
		process_set_session(p, p->pid);
		process_set_pgrp(p, p->pid);
		tty = p->tty;
		p->tty = NULL;
		ret = (int)p->pid->nr;
	}
	mutex_unlock(&tasklist_lock);
	if (tty)
		tty_put(tty);
	return ret;
}
