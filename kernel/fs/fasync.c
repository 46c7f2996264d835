/*
 * Signals for files, F_SETOWN and O_ASYNC of fcntl(2). The owner is a process, a group or a thread; a type calls
 * file_send_sigio when the file becomes ready, which is a flag test for everybody else.
 */
#include "fs/fasync.h"

#include "abi/linux/errno.h"
#include "fs/poll.h"
#include "proc/task.h"

static struct mutex fasync_lock = MUTEX_INIT(LOCK_LEAF);

static int band_code(int band)
{
	if (band & POLLIN)
		return POLL_IN;
	if (band & POLLOUT)
		return POLL_OUT;
	if (band & POLLMSG)
		return POLL_MSG;
	if (band & POLLERR)
		return POLL_ERR;
	if (band & POLLPRI)
		return POLL_PRI;
	return POLL_HUP;
}

/* The owner may have changed its credentials since: as for kill(2), by who set the owner. */
static bool sigio_permitted(struct task *t, u32 uid, u32 euid)
{
	const struct cred *c;
	bool ok;

	if (euid == 0)
		return true;
	c = task_get_cred(t);
	if (!c)
		return false;
	ok = euid == c->suid || euid == c->uid || uid == c->suid || uid == c->uid;
	cred_put(c);
	return ok;
}

static void sigio_to(struct task *t, int type, int sig, const struct siginfo *info)
{
	int ret;

	if (type == F_OWNER_TID)
		ret = signal_send_task(t, sig, sig ? info : NULL);
	else
		ret = signal_send_process(t->process, sig, info);
	if (ret == -EAGAIN && sig != SIGIO) {
		/* The queue is full: SIGIO says that events were lost. */
		if (type == F_OWNER_TID)
			(void)signal_send_task(t, SIGIO, NULL);
		else
			(void)signal_send_process(t->process, SIGIO, NULL);
	}
}

/* To the owner, if there is one: the signal it chose or, when urgent, SIGURG. */
static void send_to_owner(struct file *f, int band, bool urgent)
{
	struct siginfo info;
	struct pid *pid;
	struct process *p;
	struct task *t;
	int type, sig;
	u32 uid, euid;

	mutex_lock(&fasync_lock);
	pid = f->owner;
	if (pid)
		pid_get(pid);
	type = f->owner_type;
	sig = f->owner_sig;
	uid = f->owner_uid;
	euid = f->owner_euid;
	mutex_unlock(&fasync_lock);
	if (!pid)
		return;
	if (urgent) {
		siginfo_init(&info, SIGURG, SI_KERNEL);
	} else {
		siginfo_init(&info, sig ? sig : SIGIO, sig ? band_code(band) : SI_KERNEL);
		if (sig) {
			info.poll.band = band;
			info.poll.fd = atomic_load_relaxed(&f->async_fd);
		}
	}
	if (type == F_OWNER_PGRP) {
		mutex_lock(&tasklist_lock);
		list_for_each_entry(p, &pid->pgrp_members, pgrp_node)
			if (p->leader && sigio_permitted(p->leader, uid, euid))
				sigio_to(p->leader, type, info.signo, &info);
		mutex_unlock(&tasklist_lock);
	} else {
		mutex_lock(&tasklist_lock);
		t = pid->task;
		if (t)
			task_get(t);
		mutex_unlock(&tasklist_lock);
		if (t && sigio_permitted(t, uid, euid))
			sigio_to(t, type, info.signo, &info);
		if (t)
			task_put(t);
	}
	pid_put(pid);
}

void file_send_sigio(struct file *f, int band)
{
	if (unlikely(atomic_load_relaxed(&f->flags) & O_ASYNC))
		send_to_owner(f, band, false);
}

void file_send_sigurg(struct file *f)
{
	send_to_owner(f, 0, true);
}

void fasync_release(struct file *f)
{
	struct pid *pid;

	fasync_watch_release(f);
	if (likely(!f->owner))
		return;
	mutex_lock(&fasync_lock);
	pid = f->owner;
	f->owner = NULL;
	mutex_unlock(&fasync_lock);
	if (pid)
		pid_put(pid);
}

int fasync_set_owner(struct file *f, int type, u32 nr)
{
	struct pid *pid = NULL, *old;

	if (nr) {
		mutex_lock(&tasklist_lock);
		pid = pid_find(nr);
		if (pid)
			pid_get(pid);
		mutex_unlock(&tasklist_lock);
		if (!pid)
			return -ESRCH;
	}
	mutex_lock(&fasync_lock);
	old = f->owner;
	f->owner = pid;
	f->owner_type = type;
	f->owner_uid = current->cred->uid;
	f->owner_euid = current->cred->euid;
	mutex_unlock(&fasync_lock);
	if (old)
		pid_put(old);
	return 0;
}

void fasync_get_owner(struct file *f, int *type, u32 *nr, u32 *uid, u32 *euid)
{
	mutex_lock(&fasync_lock);
	*type = f->owner_type;
	*nr = f->owner ? f->owner->nr : 0;
	*uid = f->owner ? f->owner_uid : 0;
	*euid = f->owner ? f->owner_euid : 0;
	mutex_unlock(&fasync_lock);
}

void fasync_set_signal(struct file *f, int sig)
{
	mutex_lock(&fasync_lock);
	f->owner_sig = sig;
	mutex_unlock(&fasync_lock);
}
