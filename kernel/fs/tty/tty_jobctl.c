/*
 * Job control: controlling terminals, foreground process groups, and what background ones may not do; termios(3),
 * credentials(7), ioctl_tty(2). tty->session, tty->pgrp and process.tty are under tasklist_lock.
 */
#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "core/alloc.h"
#include "fs/tty/tty.h"
#include "proc/task.h"

#define CAP_SYS_ADMIN_ 21u
#define CAP_SYS_TTY_CONFIG_ 26u

/* A session whose terminal hung up while its leader lives on: the leader's end still tells the foreground group. */
struct tty_orphan {
	struct list_head node;
	struct pid *session, *pgrp; /* references */
};
static struct list_head orphans = LIST_HEAD_INIT(orphans); /* under tasklist_lock */

static void set_pid(struct pid **slot, struct pid *pid)
{
	struct pid *old = *slot;

	if (pid)
		pid_get(pid);
	*slot = pid;
	if (old)
		pid_put(old);
}

static bool leads_session(const struct process *p) { return p->session == p->pid; }

struct tty *tty_current(void)
{
	struct tty *tty;

	mutex_lock(&tasklist_lock);
	tty = current->process->tty;
	if (tty)
		tty_get(tty);
	mutex_unlock(&tasklist_lock);
	return tty;
}

/* The current task would not notice the signal. */
static bool deaf_to(int sig)
{
	struct sighand *sh = current->sighand;
	bool deaf;

	mutex_lock(&sh->lock);
	deaf = (current->blocked & SIGMASK(sig)) || signal_ignored_locked(current, sig);
	mutex_unlock(&sh->lock);
	return deaf;
}

int tty_check_change(struct tty *tty, int sig)
{
	struct process *p = current->process;
	int ret = 0;

	if (!p || p->tty != tty)
		return 0;
	mutex_lock(&tasklist_lock);
	if (p->tty != tty || !tty->pgrp || tty->pgrp == p->pgrp) {
		ret = 0;
	} else if (deaf_to(sig)) {
		ret = sig == SIGTTIN ? -EIO : 0;
	} else if (pgrp_is_orphaned(p->pgrp)) {
		ret = -EIO;
	} else {
		(void)signal_send_pgrp(p->pgrp, sig, NULL);
		ret = -ERESTARTSYS;
	}
	mutex_unlock(&tasklist_lock);
	return ret;
}

void tty_signal_pgrp(struct tty *tty, int sig)
{
	mutex_lock(&tasklist_lock);
	if (tty->pgrp)
		(void)signal_send_pgrp(tty->pgrp, sig, NULL);
	mutex_unlock(&tasklist_lock);
}

/* Takes the terminal from every process of its session. */
static void clear_members_locked(struct tty *tty)
{
	struct process *p;

	list_for_each_entry(p, &tty->session->session_members, session_node) {
		if (p->tty != tty)
			continue;
		p->tty = NULL;
		tty_put(tty); /* the caller has a reference too */
	}
}

void tty_session_clear(struct tty *tty, bool hup)
{
	struct tty_orphan *o = hup ? kzalloc(sizeof(*o)) : NULL;
	struct process *leader = NULL;

	mutex_lock(&tasklist_lock);
	if (!tty->session)
		goto out;
	clear_members_locked(tty);
	if (hup) {
		leader = tty->session->task ? tty->session->task->process : NULL;
		if (leader && !leads_session(leader))
			leader = NULL;
		if (leader && !leader->zombie) {
			(void)signal_send_process(leader, SIGHUP, NULL);
			(void)signal_send_process(leader, SIGCONT, NULL);
			if (o && tty->pgrp) {
				set_pid(&o->session, tty->session);
				set_pid(&o->pgrp, tty->pgrp);
				list_add(&o->node, &orphans);
				o = NULL;
			}
		}
		set_pid(&tty->session, NULL);
		set_pid(&tty->pgrp, NULL);
	}
out:
	mutex_unlock(&tasklist_lock);
	kfree(o);
}

/* The leader of the session ends, or gives its terminal up: so do the others. */
static void disassociate(struct process *p, bool exiting)
{
	struct tty *tty;

	mutex_lock(&tasklist_lock);
	tty = p->tty;
	if (tty)
		tty_get(tty);
	mutex_unlock(&tasklist_lock);
	if (!tty)
		return;
	if (exiting && !tty->driver->pty) {
		tty_hangup(tty);
		tty_put(tty);
		return;
	}
	mutex_lock(&tasklist_lock);
	if (tty->pgrp) {
		(void)signal_send_pgrp(tty->pgrp, SIGHUP, NULL);
		if (!exiting)
			(void)signal_send_pgrp(tty->pgrp, SIGCONT, NULL);
	}
	if (tty->session == p->session) {
		clear_members_locked(tty);
		set_pid(&tty->session, NULL);
		set_pid(&tty->pgrp, NULL);
	}
	mutex_unlock(&tasklist_lock);
	tty_put(tty);
}

static void forget_orphan(struct process *p)
{
	struct tty_orphan *o, *next;

	mutex_lock(&tasklist_lock);
	list_for_each_entry_safe(o, next, &orphans, node) {
		if (o->session != p->session)
			continue;
		(void)signal_send_pgrp(o->pgrp, SIGHUP, NULL);
		(void)signal_send_pgrp(o->pgrp, SIGCONT, NULL);
		list_del(&o->node);
		set_pid(&o->session, NULL);
		set_pid(&o->pgrp, NULL);
		kfree(o);
	}
	mutex_unlock(&tasklist_lock);
}

void tty_session_leader_exit(struct process *p)
{
	if (!leads_session(p))
		return;
	disassociate(p, true);
	forget_orphan(p);
}

static void take_locked(struct tty *tty, struct process *p)
{
	set_pid(&tty->session, p->session);
	set_pid(&tty->pgrp, p->pgrp);
	tty_get(tty);
	p->tty = tty;
}

void tty_open_controlling(struct tty *tty, struct file *file)
{
	struct process *p = current->process;

	if (!p || !(file->mode_flags & FMODE_READ))
		return;
	mutex_lock(&tasklist_lock);
	if (leads_session(p) && !p->tty && !tty->session)
		take_locked(tty, p);
	mutex_unlock(&tasklist_lock);
}

int tty_make_controlling(struct file *f, struct process *p)
{
	struct tty *tty = tty_of_file(f);
	int err = 0;

	if (!tty)
		return -ENOTTY;
	mutex_lock(&tasklist_lock);
	if (!leads_session(p) || p->tty || tty->session)
		err = -EPERM;
	else
		take_locked(tty, p);
	mutex_unlock(&tasklist_lock);
	return err;
}

int tty_vhangup(void)
{
	struct tty *tty;

	if (!capable(CAP_SYS_TTY_CONFIG_))
		return -EPERM;
	tty = tty_current();
	if (tty) {
		tty_hangup(tty);
		tty_put(tty);
	}
	return 0;
}

/* TIOCSCTTY: steal = 1 takes it from another session, for root only. */
static long set_controlling(struct tty *tty, struct file *f, u64 steal)
{
	struct process *p = current->process;
	bool admin = capable(CAP_SYS_ADMIN_);
	long err = 0;

	mutex_lock(&tasklist_lock);
	if (leads_session(p) && tty->session == p->session)
		goto out;
	err = -EPERM;
	if (!leads_session(p) || p->tty)
		goto out;
	if (tty->session) {
		if (steal != 1 || !admin)
			goto out;
		clear_members_locked(tty);
	}
	if (!(f->mode_flags & FMODE_READ) && !admin)
		goto out;
	take_locked(tty, p);
	err = 0;
out:
	mutex_unlock(&tasklist_lock);
	return err;
}

static long give_up(struct tty *tty)
{
	struct process *p = current->process;
	bool drop = false;

	if (p->tty != tty)
		return -ENOTTY;
	if (leads_session(p))
		disassociate(p, false);
	mutex_lock(&tasklist_lock);
	if (p->tty == tty) {
		p->tty = NULL;
		drop = true;
	}
	mutex_unlock(&tasklist_lock);
	if (drop)
		tty_put(tty);
	return 0;
}

/* A process asks about its own terminal; a master may always ask. */
static long get_number(struct tty *tty, struct tty_file *tf, u64 arg, bool session)
{
	struct pid *pid;
	u32 nr = 0;
	bool own;

	mutex_lock(&tasklist_lock);
	own = tf->master || current->process->tty == tty;
	pid = session ? tty->session : tty->pgrp;
	if (pid)
		nr = pid_nr_seen(pid);
	mutex_unlock(&tasklist_lock);
	if (!own || (session && !nr))
		return -ENOTTY;
	return put_user_u32(uptr(arg), nr);
}

static long set_pgrp(struct tty *tty, struct tty_file *tf, u64 arg)
{
	struct process *self = current->process;
	struct pid *pid;
	u32 nr;
	long err;

	err = tty_check_change(tty, SIGTTOU);
	if (err == -EIO)
		return -ENOTTY;
	if (err)
		return err;
	if (get_user_u32(uptr(arg), &nr))
		return -EFAULT;
	mutex_lock(&tasklist_lock);
	if (self->tty != tty || tty->session != self->session) {
		err = -ENOTTY;
	} else if ((s32)nr < 0) {
		err = -EINVAL;
	} else if (!(pid = pid_find(nr))) {
		err = -ESRCH;
	} else if (list_empty(&pid->pgrp_members) ||
		   list_first_entry(&pid->pgrp_members, struct process, pgrp_node)->session != self->session) {
		err = -EPERM;
	} else {
		set_pid(&tty->pgrp, pid);
	}
	mutex_unlock(&tasklist_lock);
	return err;
}

long tty_jobctl_ioctl(struct tty *tty, struct tty_file *tf, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case TIOCSCTTY:
		/* A master is no one's controlling terminal. */
		return tf->master ? -ENOTTY : set_controlling(tty, f, arg);
	case TIOCNOTTY:
		return tf->master ? -ENOTTY : give_up(tty);
	case TIOCGPGRP:
		return get_number(tty, tf, arg, false);
	case TIOCGSID:
		return get_number(tty, tf, arg, true);
	case TIOCSPGRP:
		return set_pgrp(tty, tf, arg);
	default:
		return -ENOIOCTLCMD;
	}
}
