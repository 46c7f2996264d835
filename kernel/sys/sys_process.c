/* System calls on processes' lives and families: exit, wait, numbers, groups, sessions. */
#include "abi/linux/wait.h"
#include "abi/linux/capability.h"
#include "abi/linux/reboot.h"
#include "core/boot.h"
#include "fs/event/event.h"
#include "fs/file.h"
#include "proc/container.h"
#include "proc/session.h"
#include "proc/task.h"
#include "proc/wait.h"
#include "sys/syscall.h"

SYSCALL1(exit, int, code) { do_exit((code & 0xff) << 8); }
SYSCALL1(exit_group, int, code) { do_group_exit((code & 0xff) << 8); }

static void rusage_fill(struct rusage *ru, const struct rusage_sum *s)
{
	*ru = (struct rusage){
		.utime_sec = s->utime / NSEC_PER_SEC,
		.utime_usec = s->utime % NSEC_PER_SEC / NSEC_PER_USEC,
		.stime_sec = s->stime / NSEC_PER_SEC,
		.stime_usec = s->stime % NSEC_PER_SEC / NSEC_PER_USEC,
		.maxrss = (s64)s->maxrss,
		.minflt = (s64)s->minflt,
		.majflt = (s64)s->majflt,
		.inblock = (s64)s->inblock,
		.oublock = (s64)s->oublock,
		.nvcsw = (s64)s->nvcsw,
		.nivcsw = (s64)s->nivcsw,
	};
}

static struct pid *pid_lookup(u32 nr)
{
	struct pid *pid;

	mutex_lock(&tasklist_lock);
	pid = pid_find(nr);
	if (pid)
		pid_get(pid);
	mutex_unlock(&tasklist_lock);
	return pid;
}

static struct pid *own_pgrp(void)
{
	struct pid *pid;

	mutex_lock(&tasklist_lock);
	pid = current->process->pgrp;
	pid_get(pid);
	mutex_unlock(&tasklist_lock);
	return pid;
}

/* As in any PID namespace but the first: its init dies of a signal that says what was wanted. */
static void reboot(int sig)
{
	struct container *c = current_container();

	c = c->owner ? c->owner : c;
	if (c == &first_container)
		sandbox_exit(sig);
	mutex_lock(&tasklist_lock);
	c->exit_instead = sig;
	if (c->init)
		(void)signal_send_process(c->init, SIGKILL, NULL);
	mutex_unlock(&tasklist_lock);
}

SYSCALL4(reboot, u32, magic, u32, magic2, u32, cmd, struct uptr, arg)
{
	(void)arg;
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic != LINUX_REBOOT_MAGIC1 || (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
					     magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (cmd) {
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		reboot(SIGHUP);
		return 0;
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		reboot(SIGINT);
		return 0;
	}
	return -EINVAL;
}

SYSCALL4(wait4, int, nr, struct uptr, ustatus, u32, options, struct uptr, urusage)
{
	struct wait_request w = { .type = P_ALL, .options = options | WEXITED };
	int ret;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (nr == INT32_MIN)
		return -ESRCH;
	if (nr < -1 || nr == 0) {
		w.type = P_PGID;
		w.pid = nr ? pid_lookup((u32)-nr) : own_pgrp();
	} else if (nr > 0) {
		w.type = P_PID;
		w.pid = pid_lookup((u32)nr);
	}
	ret = do_wait(&w);
	pid_put(w.pid);
	if (ret <= 0)
		return ret;
	if (!uptr_null(ustatus) && put_user_u32(ustatus, (u32)w.status))
		return -EFAULT;
	if (!uptr_null(urusage)) {
		struct rusage ru;

		rusage_fill(&ru, &w.usage);
		if (copy_out(urusage, &ru, sizeof(ru)))
			return -EFAULT;
	}
	return ret;
}

/* Fills in whom to wait for. 0 or -errno; *nonblock: a pidfd opened with PIDFD_NONBLOCK. */
static int waitid_target(struct wait_request *w, int type, int id, bool *nonblock)
{
	struct file *f;

	w->type = type;
	switch (type) {
	case P_ALL:
		return 0;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		w->pid = pid_lookup((u32)id);
		return 0;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		w->pid = id ? pid_lookup((u32)id) : own_pgrp();
		return 0;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		f = fd_get(id);
		if (!f)
			return -EBADF;
		w->type = P_PID;
		w->pid = pidfd_pid(f);
		if (w->pid)
			pid_get(w->pid);
		*nonblock = f->flags & O_NONBLOCK;
		file_put(f);
		return w->pid ? 0 : -EBADF;
	}
	return -EINVAL;
}

/* Linux writes these fields and leaves the rest of the program's siginfo alone. */
static int waitid_info_out(struct uptr uinfo, const struct wait_request *w, bool found)
{
	s32 head[3] = { 0 }, tail[3] = { 0 };

	if (found) {
		head[0] = SIGCHLD;
		head[2] = w->si_code;
		tail[0] = w->result;
		tail[1] = (s32)w->uid;
		tail[2] = w->si_status;
	}
	if (copy_out(uinfo, head, sizeof(head)) ||
	    copy_out(uptr_add(uinfo, offsetof(struct siginfo, chld)), tail, sizeof(tail)))
		return -EFAULT;
	return 0;
}

SYSCALL5(waitid, int, type, int, id, struct uptr, uinfo, u32, options, struct uptr, urusage)
{
	struct wait_request w = { .options = options };
	bool nonblock = false;
	int ret;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	ret = waitid_target(&w, type, id, &nonblock);
	if (ret)
		return ret;
	if (nonblock)
		w.options |= WNOHANG;
	ret = do_wait(&w);
	pid_put(w.pid);
	if (ret == 0 && nonblock && !(options & WNOHANG))
		ret = -EAGAIN;
	if (ret > 0 && !uptr_null(urusage)) {
		struct rusage ru;

		rusage_fill(&ru, &w.usage);
		if (copy_out(urusage, &ru, sizeof(ru)))
			return -EFAULT;
	}
	if (!uptr_null(uinfo) && waitid_info_out(uinfo, &w, ret > 0))
		return -EFAULT;
	return ret > 0 ? 0 : ret;
}

SYSCALL0(getpid) { return current->process->pid->nr; }
SYSCALL0(gettid) { return current->pid->nr; }
SYSCALL0(getppid) { return atomic_load(&current->process->ppid); }
SYSCALL0(getpgrp) { return session_getpgid(0); }
SYSCALL0(setsid) { return session_setsid(); }
SYSCALL1(getpgid, int, pid) { return session_getpgid(pid); }
SYSCALL1(getsid, int, pid) { return session_getsid(pid); }
SYSCALL2(setpgid, int, pid, int, pgid) { return session_setpgid(pid, pgid); }

SYSCALL1(set_tid_address, struct uptr, tid)
{
	current->clear_child_tid = tid;
	return current->pid->nr;
}
