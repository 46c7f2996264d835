/* See seccomp_notify.h. */
#include "sys/seccomp_notify.h"

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/fdtable.h"
#include "fs/file.h"
#include "lib/list.h"
#include "lib/string.h"
#include "proc/task.h"

enum request_state { REQUEST_NEW, REQUEST_TOLD, REQUEST_ANSWERED };

/* On the kernel stack of the task that waits; linked as long as it does. */
struct request {
	struct list_head node;
	u64 id; /* immutable */
	const struct seccomp_data *data; /* immutable */
	struct pid *pid; /* immutable */
	enum request_state state;
	s64 val;
	s32 error;
	u32 flags;
	struct list_head gifts; /* struct gift, oldest first */
	u32 poked; /* atomic: something has happened to it */
	struct wait_queue wait;
};

/* A descriptor for the task that waits, which installs it itself. On the stack of the giver, who waits for that. */
struct gift {
	struct list_head node; /* empty once it was taken */
	struct file *file; /* reference held, until it was taken */
	u32 flags; /* SECCOMP_ADDFD_* */
	u32 newfd;
	bool cloexec;
	int ret;
	u32 done; /* atomic */
	struct wait_queue wait;
};

struct seccomp_listener {
	struct ref ref;
	bool wait_killable; /* immutable: once told, only a fatal signal ends the wait */
	struct mutex lock; /* LOCK_NOTIFY; guards all below and the requests */
	struct list_head requests; /* oldest first */
	u64 next_id;
	bool orphaned, closed;
	struct wait_queue wait; /* of those who read and poll */
};

struct seccomp_listener *seccomp_listener_alloc(bool wait_killable)
{
	struct seccomp_listener *l = kzalloc(sizeof(*l));

	if (!l)
		return NULL;
	ref_init(&l->ref);
	l->wait_killable = wait_killable;
	mutex_init(&l->lock, LOCK_NOTIFY);
	list_init(&l->requests);
	l->next_id = 1;
	wait_queue_init(&l->wait);
	return l;
}

static void listener_put(struct seccomp_listener *l)
{
	if (ref_put(&l->ref))
		kfree(l);
}

void seccomp_listener_orphan(struct seccomp_listener *l)
{
	mutex_lock(&l->lock);
	l->orphaned = true;
	wake_up_all(&l->wait);
	mutex_unlock(&l->lock);
	listener_put(l);
}

/* The waiting task looks again. It takes the lock before it goes away, so its queue outlives this. */
static void poke_locked(struct seccomp_listener *l, struct request *r)
{
	mutex_assert_held(&l->lock);
	atomic_store(&r->poked, 1);
	wake_up_all(&r->wait);
}

static void answer_locked(struct seccomp_listener *l, struct request *r, s64 val, s32 error, u32 flags)
{
	r->state = REQUEST_ANSWERED;
	r->val = val;
	r->error = error;
	r->flags = flags;
	poke_locked(l, r);
}

static struct request *find_locked(struct seccomp_listener *l, u64 id)
{
	struct request *r;

	mutex_assert_held(&l->lock);
	list_for_each_entry(r, &l->requests, node)
		if (r->id == id)
			return r;
	return NULL;
}

static struct request *find_new_locked(struct seccomp_listener *l)
{
	struct request *r;

	mutex_assert_held(&l->lock);
	list_for_each_entry(r, &l->requests, node)
		if (r->state == REQUEST_NEW)
			return r;
	return NULL;
}

/* --- the side of the task that waits --- */

static void gift_done_locked(struct seccomp_listener *l, struct gift *g, int ret)
{
	mutex_assert_held(&l->lock);
	g->ret = ret;
	atomic_store(&g->done, 1);
	wake_up_all(&g->wait);
}

/* The oldest gift becomes a descriptor of ours. The lock is dropped meanwhile; the giver waits. */
static void take_gift_locked(struct seccomp_listener *l, struct request *r)
{
	struct gift *g = list_first_entry(&r->gifts, struct gift, node);
	struct file *f = g->file;
	int fd;

	list_del(&g->node);
	g->file = NULL;
	mutex_unlock(&l->lock);
	fd = g->flags & SECCOMP_ADDFD_FLAG_SETFD ? fd_replace(f, g->newfd, g->cloexec) : fd_install_new(f, g->cloexec);
	mutex_lock(&l->lock);
	if (g->flags & SECCOMP_ADDFD_FLAG_SEND) { /* the state was set when it was given */
		if (fd < 0 && !l->closed)
			r->state = REQUEST_TOLD;
		else if (fd >= 0)
			r->val = fd, r->error = 0, r->flags = 0;
	}
	gift_done_locked(l, g, fd);
}

/* 0, or -ERESTARTSYS when a signal came before the answer. Returns with the lock held, as it was called. */
static int wait_answer_locked(struct seccomp_listener *l, struct request *r)
{
	int err = 0;

	while (r->state != REQUEST_ANSWERED || !list_empty(&r->gifts)) {
		bool killable = l->wait_killable && r->state == REQUEST_TOLD;

		if (!list_empty(&r->gifts)) {
			take_gift_locked(l, r);
			continue;
		}
		atomic_store(&r->poked, 0);
		mutex_unlock(&l->lock);
		err = wait_event_full(&r->wait, atomic_load(&r->poked), killable ? WAIT_KILLABLE : WAIT_INTERRUPTIBLE,
				      KTIME_MAX, 0);
		mutex_lock(&l->lock);
		/* It may have been told while a signal ended the sleep that any signal ends. */
		if (err && r->state != REQUEST_ANSWERED && list_empty(&r->gifts) &&
		    (killable || !(l->wait_killable && r->state == REQUEST_TOLD)))
			return err;
	}
	return 0;
}

bool seccomp_listener_ask(struct seccomp_listener *l, const struct seccomp_data *data, long *ret)
{
	struct request r = { .data = data, .pid = current->pid, .state = REQUEST_NEW };
	int err;

	list_init(&r.gifts);
	wait_queue_init(&r.wait);
	mutex_lock(&l->lock);
	if (l->closed) {
		mutex_unlock(&l->lock);
		*ret = -ENOSYS;
		return false;
	}
	r.id = l->next_id++;
	list_add_tail(&r.node, &l->requests);
	wake_up_poll(&l->wait, POLLIN | POLLRDNORM);
	err = wait_answer_locked(l, &r);
	list_del(&r.node);
	while (!list_empty(&r.gifts)) {
		struct gift *g = list_first_entry(&r.gifts, struct gift, node);

		list_del(&g->node);
		gift_done_locked(l, g, -ESRCH);
	}
	mutex_unlock(&l->lock);
	if (!err && (r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE))
		return true;
	*ret = err ? err : r.error ? r.error : (long)r.val;
	return false;
}

/* --- the side of the listener --- */

/* 1 = all zeros, 0 = not. */
static int user_zeros(struct uptr from, size_t len)
{
	u8 bytes[sizeof(struct seccomp_notif)], any = 0;

	if (copy_in(bytes, from, len))
		return -EFAULT;
	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return !any;
}

static bool readable(struct seccomp_listener *l)
{
	bool yes;

	mutex_lock(&l->lock);
	yes = l->orphaned || find_new_locked(l);
	mutex_unlock(&l->lock);
	return yes;
}

static long notif_recv(struct seccomp_listener *l, struct uptr to)
{
	struct seccomp_notif n = { 0 };
	struct request *r;
	int err = user_zeros(to, sizeof(n));

	if (err <= 0)
		return err ? err : -EINVAL;
	err = wait_event(&l->wait, readable(l));
	if (err)
		return err;
	mutex_lock(&l->lock);
	r = find_new_locked(l);
	if (r) {
		r->state = REQUEST_TOLD;
		n.id = r->id;
		n.pid = pid_nr_seen(r->pid);
		n.data = *r->data;
		if (l->wait_killable)
			poke_locked(l, r);
		wake_up_poll(&l->wait, POLLOUT | POLLWRNORM);
	}
	mutex_unlock(&l->lock);
	if (!r)
		return -ENOENT; /* somebody else was told, or it was killed */
	if (!copy_out(to, &n, sizeof(n)))
		return 0;
	mutex_lock(&l->lock);
	r = find_locked(l, n.id);
	if (r && r->state == REQUEST_TOLD) {
		r->state = REQUEST_NEW;
		wake_up_poll(&l->wait, POLLIN | POLLRDNORM);
	}
	mutex_unlock(&l->lock);
	return -EFAULT;
}

static long notif_send(struct seccomp_listener *l, struct uptr from)
{
	struct seccomp_notif_resp resp;
	struct request *r;
	long ret = 0;

	if (copy_in(&resp, from, sizeof(resp)))
		return -EFAULT;
	if (resp.flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE || (resp.flags && (resp.error || resp.val)))
		return -EINVAL;
	mutex_lock(&l->lock);
	r = find_locked(l, resp.id);
	if (!r)
		ret = -ENOENT;
	else if (r->state != REQUEST_TOLD)
		ret = -EINPROGRESS;
	else
		answer_locked(l, r, resp.val, resp.error, resp.flags);
	mutex_unlock(&l->lock);
	return ret;
}

static long notif_id_valid(struct seccomp_listener *l, struct uptr from)
{
	const struct request *r;
	long ret;
	u64 id;

	if (copy_in(&id, from, sizeof(id)))
		return -EFAULT;
	mutex_lock(&l->lock);
	r = find_locked(l, id);
	ret = r && r->state == REQUEST_TOLD ? 0 : -ENOENT;
	mutex_unlock(&l->lock);
	return ret;
}

static int give_locked(struct seccomp_listener *l, u64 id, struct gift *g)
{
	struct request *r = find_locked(l, id);

	if (!r)
		return -ENOENT;
	if (r->state != REQUEST_TOLD)
		return -EINPROGRESS;
	if (g->flags & SECCOMP_ADDFD_FLAG_SEND) {
		if (!list_empty(&r->gifts))
			return -EBUSY;
		r->state = REQUEST_ANSWERED;
	}
	list_add_tail(&g->node, &r->gifts);
	poke_locked(l, r);
	return 0;
}

/* Gives it and waits until it was taken. */
static long give(struct seccomp_listener *l, u64 id, struct gift *g)
{
	int err;

	list_init(&g->node);
	wait_queue_init(&g->wait);
	mutex_lock(&l->lock);
	err = give_locked(l, id, g);
	mutex_unlock(&l->lock);
	if (err)
		return err;
	err = wait_event(&g->wait, atomic_load(&g->done));
	mutex_lock(&l->lock);
	if (err && !list_empty(&g->node)) {
		struct request *r = find_locked(l, id);

		list_del(&g->node);
		if (r && (g->flags & SECCOMP_ADDFD_FLAG_SEND) && !l->closed)
			r->state = REQUEST_TOLD;
		mutex_unlock(&l->lock);
		return err;
	}
	mutex_unlock(&l->lock);
	/* What was taken is there in a moment. */
	(void)wait_event_full(&g->wait, atomic_load(&g->done), WAIT_UNINTERRUPTIBLE, KTIME_MAX, 0);
	mutex_lock(&l->lock); /* who told us so has done with g */
	mutex_unlock(&l->lock);
	return g->ret;
}

static long notif_addfd(struct seccomp_listener *l, struct uptr from, u32 size)
{
	struct seccomp_notif_addfd a;
	struct gift g = { 0 };
	long ret;

	if (size < sizeof(a) || size > PAGE_SIZE)
		return -EINVAL;
	if (copy_in(&a, from, sizeof(a)))
		return -EFAULT;
	for (u32 at = sizeof(a), n; at < size; at += n) {
		int zeros;

		n = min(size - at, (u32)sizeof(struct seccomp_notif));
		zeros = user_zeros(uptr_add(from, at), n);
		if (zeros <= 0)
			return zeros ? zeros : -E2BIG;
	}
	if (a.newfd_flags & ~O_CLOEXEC || a.flags & ~(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND) ||
	    (a.newfd && !(a.flags & SECCOMP_ADDFD_FLAG_SETFD)))
		return -EINVAL;
	g.file = fd_get((int)a.srcfd);
	if (!g.file)
		return -EBADF;
	g.flags = a.flags;
	g.newfd = a.newfd;
	g.cloexec = a.newfd_flags & O_CLOEXEC;
	ret = give(l, a.id, &g);
	if (g.file)
		file_put(g.file);
	return ret;
}

static long listener_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct seccomp_listener *l = f->priv;

	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV:
		return notif_recv(l, uptr(arg));
	case SECCOMP_IOCTL_NOTIF_SEND:
		return notif_send(l, uptr(arg));
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
	case SECCOMP_IOCTL_NOTIF_ID_VALID_OLD:
		return notif_id_valid(l, uptr(arg));
	case SECCOMP_IOCTL_NOTIF_SET_FLAGS: /* where the woken run is the host's matter */
		return arg & ~(u64)SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP ? -EINVAL : 0;
	}
	if ((cmd & ~SECCOMP_IOCTL_SIZE_MASK) == SECCOMP_IOCTL_NOTIF_ADDFD)
		return notif_addfd(l, uptr(arg), SECCOMP_IOCTL_SIZE(cmd));
	return -EINVAL;
}

static u32 listener_poll(struct file *f, struct poll_table *pt)
{
	struct seccomp_listener *l = f->priv;
	const struct request *r;
	u32 events = 0;

	poll_wait(pt, &l->wait);
	mutex_lock(&l->lock);
	list_for_each_entry(r, &l->requests, node) {
		if (r->state == REQUEST_NEW)
			events |= POLLIN | POLLRDNORM;
		else if (r->state == REQUEST_TOLD)
			events |= POLLOUT | POLLWRNORM;
	}
	if (l->orphaned)
		events |= POLLHUP;
	mutex_unlock(&l->lock);
	return events;
}

static void listener_release(struct file *f)
{
	struct seccomp_listener *l = f->priv;
	struct request *r;

	mutex_lock(&l->lock);
	l->closed = true;
	list_for_each_entry(r, &l->requests, node)
		if (r->state != REQUEST_ANSWERED)
			answer_locked(l, r, 0, -ENOSYS, 0);
	mutex_unlock(&l->lock);
	listener_put(l);
}

static const struct file_ops listener_ops = {
	.name = "seccomp notify",
	.poll = listener_poll,
	.ioctl = listener_ioctl,
	.release = listener_release,
};

struct file *seccomp_listener_file(struct seccomp_listener *l)
{
	struct file *f = file_alloc_anon("seccomp notify", &listener_ops, l, O_RDWR, 0);

	if (!is_err(f))
		ref_get(&l->ref);
	return f;
}
