/* pidfd_open(2) and its relatives: a file that names a struct pid, readable once the process (or thread) has ended. */
#include "abi/linux/pidfd.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/signal.h"
#include "fs/event/event.h"
#include "fs/proc/proc.h"
#include "lib/string.h"
#include "proc/task.h"

#define CAP_SYS_PTRACE 19

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *pid = f->priv;
	bool thread = atomic_load_relaxed(&f->flags) & PIDFD_THREAD;
	struct task *t;
	u32 events = 0;

	poll_wait(pt, &pid->exit_wait);
	mutex_lock(&tasklist_lock);
	t = pid->task;
	if (!t)
		events = POLLIN | POLLRDNORM | POLLHUP; /* reaped */
	else if (thread ? t->exited : t->process->zombie)
		events = POLLIN | POLLRDNORM;
	mutex_unlock(&tasklist_lock);
	return events;
}

static void pidfd_release(struct file *f)
{
	pid_put(f->priv);
}

static int pidfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct pid *pid = f->priv;
	int nr;

	mutex_lock(&tasklist_lock);
	nr = pid->task ? (int)pid_nr_seen(pid) : -1;
	mutex_unlock(&tasklist_lock);
	return ksnprintf(buf, size, "Pid:\t%d\nNSpid:\t%d\n", nr, nr);
}

static const struct file_ops pidfd_ops = {
	.name = "pidfd",
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_fdinfo = pidfd_fdinfo,
};

struct file *pidfd_create(struct pid *pid, u32 flags)
{
	struct file *f;

	pid_get(pid);
	f = file_alloc_anon("[pidfd]", &pidfd_ops, pid, O_RDWR | (flags & (PIDFD_NONBLOCK | PIDFD_THREAD)), 0);
	if (is_err(f))
		pid_put(pid);
	else
		f->flags |= flags & PIDFD_THREAD; /* O_EXCL, which opening drops */
	return f;
}

struct pid *pidfd_pid(struct file *file)
{
	return file->ops == &pidfd_ops ? file->priv : NULL;
}

int pidfd_open_fd(int nr, u32 flags)
{
	struct pid *pid;
	struct file *f;
	int ret = 0;

	if (flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD))
		return -EINVAL;
	if (nr <= 0)
		return -EINVAL;
	mutex_lock(&tasklist_lock);
	pid = pid_find((u32)nr);
	if (!pid || !pid->task)
		ret = -ESRCH;
	else if (!(flags & PIDFD_THREAD) && pid->task->process->pid != pid)
		ret = -ENOENT; /* a thread, not a process */
	else
		pid_get(pid);
	mutex_unlock(&tasklist_lock);
	if (ret)
		return ret;
	f = pidfd_create(pid, flags);
	pid_put(pid);
	return fd_install_new(f, true);
}

/* The task behind a pidfd, referenced; err_ptr(-EBADF, -ESRCH). */
static struct task *pidfd_task(int pidfd)
{
	struct file *f = fd_get(pidfd);
	struct task *t;
	struct pid *pid;

	if (!f)
		return err_ptr(-EBADF);
	pid = pidfd_pid(f);
	if (!pid) {
		file_put(f);
		return err_ptr(-EBADF);
	}
	mutex_lock(&tasklist_lock);
	t = pid->ns == current_pid_ns() ? pid->task : err_ptr(-EINVAL);
	if (t && !is_err(t))
		task_get(t);
	mutex_unlock(&tasklist_lock);
	file_put(f);
	return t ? t : err_ptr(-ESRCH);
}

/* ptrace(2), "access mode checking", with real ids. */
bool pidfd_may_attach(struct task *t)
{
	const struct cred *mine = current->cred, *c;
	bool ok;

	if (t->process == current->process)
		return true;
	c = task_get_cred(t);
	if (!c)
		return false;
	ok = mine->uid == c->euid && mine->uid == c->suid && mine->uid == c->uid && mine->gid == c->egid &&
	     mine->gid == c->sgid && mine->gid == c->gid && t->process->dumpable &&
	     !(c->cap_permitted & ~mine->cap_permitted);
	cred_put(c);
	return ok || capable(CAP_SYS_PTRACE);
}

int pidfd_getfd_fd(int pidfd, int target, u32 flags)
{
	struct files *files;
	struct file *f;
	struct task *t;

	if (flags)
		return -EINVAL;
	t = pidfd_task(pidfd);
	if (is_err(t))
		return (int)ptr_err(t);
	if (!pidfd_may_attach(t)) {
		task_put(t);
		return -EPERM;
	}
	files = task_get_files(t);
	task_put(t);
	if (!files)
		return -ESRCH;
	f = target < 0 ? NULL : files_lookup(files, (u32)target);
	files_put(files);
	if (!f)
		return -EBADF;
	return fd_install_new(f, true);
}

/* Caller holds tasklist_lock. */
static int pidfd_signal_locked(struct pid *pid, int sig, const struct siginfo *info, u32 scope)
{
	struct task *t = pid->task;
	struct process *p;
	int ret;

	if (scope == PIDFD_SIGNAL_PROCESS_GROUP) {
		/* Like kill(-pgrp): fine when one member may be signalled. */
		ret = list_empty(&pid->pgrp_members) ? -ESRCH : -EPERM;
		list_for_each_entry(p, &pid->pgrp_members, pgrp_node)
			if (p->leader && !signal_may_send(p->leader, sig, info)) {
				ret = 0;
				if (sig)
					(void)signal_send_process(p, sig, info);
			}
		return ret;
	}
	if (!t)
		return -ESRCH;
	ret = signal_may_send(t, sig, info);
	if (ret || !sig)
		return ret;
	if (scope == PIDFD_SIGNAL_THREAD)
		return signal_send_task(t, sig, info);
	return signal_send_process(t->process, sig, info);
}

/* The siginfo to send: the caller's, with the checks of rt_sigqueueinfo(2), or one that says who sends. */
static int pidfd_siginfo(struct siginfo *info, struct uptr uinfo, int sig, u32 scope, const struct pid *pid)
{
	u32 signo;
	int ret;

	if (uptr_null(uinfo)) {
		siginfo_kill(info, sig);
		if (scope == PIDFD_SIGNAL_THREAD)
			info->code = SI_TKILL;
		return 0;
	}
	if (copy_in(&signo, uinfo, sizeof(signo)))
		return -EFAULT;
	if (signo != (u32)sig)
		return -EINVAL;
	ret = siginfo_copy_in(info, uinfo, sig);
	if (ret)
		return ret;
	if ((info->code >= 0 || info->code == SI_TKILL) && current->process->pid != pid)
		return -EPERM;
	return 0;
}

int pidfd_signal(int pidfd, int sig, struct uptr uinfo, u32 flags)
{
	struct siginfo info;
	struct file *f;
	struct pid *pid;
	u32 scope = flags;
	int ret;

	if (flags > PIDFD_SIGNAL_PROCESS_GROUP || (flags & (flags - 1)))
		return -EINVAL;
	f = fd_get(pidfd);
	if (!f)
		return -EBADF;
	pid = pidfd_pid(f);
	if (!pid)
		pid = proc_tgid_pid(f); /* an open /proc/PID does, for this call alone */
	if (!pid) {
		ret = -EBADF;
		goto out;
	}
	/* It may have come from a container that sees other processes. */
	if (sig < 0 || sig > NSIG || pid->ns != current_pid_ns()) {
		ret = -EINVAL;
		goto out;
	}
	if (!scope)
		scope = f->flags & PIDFD_THREAD ? PIDFD_SIGNAL_THREAD : PIDFD_SIGNAL_THREAD_GROUP;
	ret = pidfd_siginfo(&info, uinfo, sig, scope, pid);
	if (ret)
		goto out;
	mutex_lock(&tasklist_lock);
	ret = pidfd_signal_locked(pid, sig, &info, scope);
	mutex_unlock(&tasklist_lock);
out:
	file_put(f);
	return ret;
}
