/* POSIX message queues: decoding of mq_open(2) and its relatives. */
#include "abi/linux/capability.h"
#include "core/alloc.h"
#include "core/time.h"
#include "fs/internal.h"
#include "ipc/mqueue.h"
#include "sys/syscall.h"

SYSCALL4(mq_open, struct uptr, user_name, u32, flags, u32, mode, struct uptr, user_attr)
{
	struct mq_attr attr;
	struct uname name;
	struct file *f;
	int err;

	if (!uptr_null(user_attr) && copy_in(&attr, user_attr, sizeof(attr)))
		return -EFAULT;
	err = uname_get(&name, user_name, false);
	if (err)
		return err;
	f = mqueue_open(name.name, flags, mode, uptr_null(user_attr) ? NULL : &attr);
	uname_put(&name);
	return fd_install_new(f, true);
}

SYSCALL1(mq_unlink, struct uptr, user_name)
{
	struct uname name;
	int err = uname_get(&name, user_name, false);

	if (err)
		return err;
	err = mqueue_unlink(name.name);
	uname_put(&name);
	return err;
}

/* On CLOCK_MONOTONIC, from an absolute time of CLOCK_REALTIME; null = none. */
static int get_deadline(struct uptr p, s64 *deadline)
{
	struct timespec64 ts;

	*deadline = KTIME_MAX;
	if (uptr_null(p))
		return 0;
	if (copy_in(&ts, p, sizeof(ts)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	*deadline = timespec64_to_ns(&ts);
	if (*deadline != KTIME_MAX)
		*deadline = ktime_add_sat(ktime_get(), *deadline - ktime_get_real());
	return 0;
}

/* The queue behind a descriptor that was opened for mode; *ref is put by the caller when there is one. */
static struct mqueue *get_queue(int fd, u32 mode, struct fdref *ref)
{
	struct mqueue *q;

	*ref = fdref_get(fd);
	if (!ref->f)
		return NULL;
	q = mqueue_of(ref->f);
	if (q && (ref->f->mode_flags & mode) == mode)
		return q;
	fdref_put(*ref);
	return NULL;
}

SYSCALL5(mq_timedsend, int, fd, struct uptr, text, u64, len, u32, prio, struct uptr, timeout)
{
	struct mqueue *q;
	struct mq_msg *m;
	struct fdref ref;
	s64 deadline;
	int err = get_deadline(timeout, &deadline);

	if (err)
		return err;
	if (prio >= MQ_PRIO_MAX)
		return -EINVAL;
	q = get_queue(fd, FMODE_WRITE, &ref);
	if (!q)
		return -EBADF;
	if (len > q->msg_size) {
		err = -EMSGSIZE;
		goto out;
	}
	m = mq_msg_alloc(len, prio);
	if (!m)
		err = -ENOMEM;
	else if (copy_in(m->text, text, len))
		err = -EFAULT;
	else
		err = mqueue_send(ref.f, m, deadline);
	if (err && m)
		mq_msg_free(m);
out:
	fdref_put(ref);
	return err;
}

SYSCALL5(mq_timedreceive, int, fd, struct uptr, text, u64, len, struct uptr, user_prio, struct uptr, timeout)
{
	struct mqueue *q;
	struct mq_msg *m;
	struct fdref ref;
	s64 deadline;
	long ret = get_deadline(timeout, &deadline);

	if (ret)
		return ret;
	q = get_queue(fd, FMODE_READ, &ref);
	if (!q)
		return -EBADF;
	if (len < q->msg_size) {
		fdref_put(ref);
		return -EMSGSIZE;
	}
	m = mqueue_receive(ref.f, deadline);
	fdref_put(ref);
	if (is_err(m))
		return ptr_err(m);
	ret = (long)m->len;
	if ((!uptr_null(user_prio) && put_user_u32(user_prio, m->prio)) || copy_out(text, m->text, m->len))
		ret = -EFAULT;
	mq_msg_free(m);
	return ret;
}

SYSCALL2(mq_notify, int, fd, struct uptr, user_event)
{
	struct sigevent ev;
	struct mqueue *q;
	struct fdref ref;
	int err;

	if (!uptr_null(user_event)) {
		if (copy_in(&ev, user_event, sizeof(ev)))
			return -EFAULT;
		if (ev.notify != SIGEV_NONE && ev.notify != SIGEV_SIGNAL && ev.notify != SIGEV_THREAD)
			return -EINVAL;
		if (ev.notify == SIGEV_SIGNAL && (ev.signo < 0 || ev.signo > NSIG))
			return -EINVAL;
		if (ev.notify == SIGEV_THREAD)
			return -EOPNOTSUPP; /* signo would be a netlink socket */
	}
	q = get_queue(fd, 0, &ref);
	if (!q)
		return -EBADF;
	err = mqueue_notify(q, uptr_null(user_event) ? NULL : &ev);
	fdref_put(ref);
	return err;
}

SYSCALL3(mq_getsetattr, int, fd, struct uptr, user_new, struct uptr, user_old)
{
	struct mq_attr new, old;
	struct fdref ref;
	u32 flags;

	if (!uptr_null(user_new)) {
		if (copy_in(&new, user_new, sizeof(new)))
			return -EFAULT;
		if (new.flags & ~(s64)O_NONBLOCK)
			return -EINVAL;
	}
	if (!get_queue(fd, 0, &ref))
		return -EBADF;
	mqueue_attr(ref.f, &old);
	if (!uptr_null(user_new)) {
		flags = atomic_load(&ref.f->flags);
		while (!__atomic_compare_exchange_n(&ref.f->flags, &flags,
						    (flags & ~O_NONBLOCK) | ((u32)new.flags & O_NONBLOCK), false,
						    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			;
		inode_touch(ref.f->inode, ATTR_ATIME | ATTR_CTIME);
	}
	fdref_put(ref);
	return !uptr_null(user_old) && copy_out(user_old, &old, sizeof(old)) ? -EFAULT : 0;
}
