/*
 * signalfd(2). The file holds nothing but a mask: read and poll are about the signals of whoever calls, as in Linux.
 * So the queue that poll names belongs to the caller's sighand; epoll, which outlives the call, holds that.
 */
#include "abi/linux/signalfd.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/signal.h"
#include "core/alloc.h"
#include "fs/event/event.h"
#include "lib/string.h"
#include "proc/task.h"

struct signalfd {
	u64 mask; /* accepted; atomic */
};

/* Which members of siginfo a signal and its code fill. */
static void signalfd_fill(struct signalfd_siginfo *o, const struct siginfo *i)
{
	bool kernel = i->code > 0 && i->code < SI_KERNEL;

	memset(o, 0, sizeof(*o));
	o->ssi_signo = (u32)i->signo;
	o->ssi_errno = i->errno_;
	o->ssi_code = i->code;
	if (i->code == SI_TIMER) {
		o->ssi_tid = (u32)i->timer.id;
		o->ssi_overrun = (u32)i->timer.overrun;
		o->ssi_ptr = i->timer.value;
		o->ssi_int = (s32)i->timer.value;
	} else if (i->code == SI_SIGIO || (kernel && i->signo == SIGIO)) {
		o->ssi_band = (u32)i->poll.band;
		o->ssi_fd = i->poll.fd;
	} else if (kernel && i->signo == SIGCHLD) {
		o->ssi_pid = (u32)i->chld.pid;
		o->ssi_uid = i->chld.uid;
		o->ssi_status = i->chld.status;
		o->ssi_utime = (u64)i->chld.utime;
		o->ssi_stime = (u64)i->chld.stime;
	} else if (kernel && i->signo == SIGSYS) {
		o->ssi_call_addr = i->sys.call_addr;
		o->ssi_syscall = i->sys.syscall;
		o->ssi_arch = i->sys.arch;
	} else if (kernel && (i->signo == SIGILL || i->signo == SIGFPE || i->signo == SIGSEGV ||
			      i->signo == SIGBUS || i->signo == SIGTRAP)) {
		o->ssi_addr = i->fault.addr;
		if (i->signo == SIGBUS)
			o->ssi_addr_lsb = i->fault.addr_lsb;
	} else {
		o->ssi_pid = (u32)i->rt.pid;
		o->ssi_uid = i->rt.uid;
		if (i->code < 0 && i->code != SI_TKILL) {
			o->ssi_ptr = i->rt.value;
			o->ssi_int = (s32)i->rt.value;
		}
	}
}

static ssize_t signalfd_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct signalfd *s = f->priv;
	struct signalfd_siginfo out;
	struct siginfo info;
	ssize_t done = 0;
	int sig, ret;

	if (to->resid < sizeof(out))
		return -EINVAL;
	while (to->resid >= sizeof(out)) {
		sig = signal_dequeue(atomic_load(&s->mask), &info);
		if (!sig) {
			if (done)
				break;
			if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
				return -EAGAIN;
			ret = wait_event(&current->sighand->signalfd_wait,
					 (sig = signal_dequeue(atomic_load(&s->mask), &info)) != 0);
			if (ret)
				return ret;
		}
		signalfd_fill(&out, &info);
		if (uio_copy_to(to, &out, sizeof(out)) != sizeof(out))
			return done ? done : -EFAULT;
		done += sizeof(out);
	}
	return done;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;

	poll_wait(pt, &current->sighand->signalfd_wait);
	return signal_pending_set() & atomic_load(&s->mask) ? POLLIN | POLLRDNORM : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->priv);
}

static int signalfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct signalfd *s = f->priv;

	return ksnprintf(buf, size, "sigmask:\t%016llx\n", (unsigned long long)atomic_load(&s->mask));
}

const struct file_ops signalfd_ops = {
	.name = "signalfd",
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_fdinfo,
};

int signalfd_create(int fd, u64 mask, u32 flags)
{
	struct signalfd *s;
	struct file *f;

	if (flags & ~(SFD_NONBLOCK | SFD_CLOEXEC))
		return -EINVAL;
	mask &= ~(SIGMASK(SIGKILL) | SIGMASK(SIGSTOP));
	if (fd != -1) {
		f = fd_get(fd);
		if (!f)
			return -EBADF;
		if (f->ops != &signalfd_ops) {
			file_put(f);
			return -EINVAL;
		}
		s = f->priv;
		atomic_store(&s->mask, mask);
		wake_up(&current->sighand->signalfd_wait);
		file_put(f);
		return fd;
	}
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->mask = mask;
	f = file_alloc_anon("[signalfd]", &signalfd_ops, s, O_RDWR | (flags & SFD_NONBLOCK), 0);
	if (is_err(f))
		kfree(s);
	return fd_install_new(f, flags & SFD_CLOEXEC);
}
