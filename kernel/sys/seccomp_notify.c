/* See seccomp_notify.h. */
#include "sys/seccomp_notify.h"

#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/fdtable.h"
#include "abi/linux/socket.h"
#include "abi/notify.h"
#include "core/kserver.h"
#include "fs/file.h"
#include "fs/hostfile/hostfile.h"
#include "gate/host.h"
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
	int host_fd; /* of a remote one, or -1; open as long as this is; immutable */
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
	l->host_fd = -1;
	l->wait_killable = wait_killable;
	mutex_init(&l->lock, LOCK_NOTIFY);
	list_init(&l->requests);
	l->next_id = 1;
	wait_queue_init(&l->wait);
	return l;
}

static void listener_put(struct seccomp_listener *l)
{
	if (!ref_put(&l->ref))
		return;
	if (l->host_fd >= 0)
		host_close(l->host_fd);
	kfree(l);
}

/* The server reads all the time: that it has no room passes, and does not happen to a message or two a moment. */
static int remote_send(const struct seccomp_listener *l, const struct notify_msg *m)
{
	struct iovec iov = { (u64)m, sizeof(*m) };
	struct {
		u64 name, namelen;
		struct iovec *iov;
		u64 iovlen, control, controllen, flags;
	} msg = { .iov = &iov, .iovlen = 1 };

	return (int)host_sendmsg(l->host_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void seccomp_listener_orphan(struct seccomp_listener *l)
{
	mutex_lock(&l->lock);
	l->orphaned = true;
	wake_up_all(&l->wait);
	mutex_unlock(&l->lock);
	if (l->host_fd >= 0)
		(void)remote_send(l, &(struct notify_msg){ .type = NOTIFY_GONE });
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

/* Tells the server of it, unless a signal comes first. The lock is dropped meanwhile. */
static int remote_call_locked(struct seccomp_listener *l, struct request *r)
{
	struct notify_msg m = { .type = NOTIFY_CALL, .id = r->id, .nr = r->data->nr, .ip = r->data->instruction_pointer };
	int err;

	memcpy(m.args, r->data->args, sizeof(m.args));
	mutex_unlock(&l->lock);
	while ((err = remote_send(l, &m)) == -EAGAIN || err == -ENOBUFS || err == -EINTR) {
		err = wait_event_full(&r->wait, atomic_load(&r->poked), WAIT_INTERRUPTIBLE, ktime_get() + NSEC_PER_MSEC, 0);
		if (!err || err == -ERESTARTSYS)
			break;
	}
	mutex_lock(&l->lock);
	if (err < 0 && err != -ERESTARTSYS && r->state != REQUEST_ANSWERED)
		answer_locked(l, r, 0, -ENOSYS, 0);
	return err == -ERESTARTSYS ? err : 0;
}

bool seccomp_listener_ask(struct seccomp_listener *l, const struct seccomp_data *data, long *ret)
{
	struct request r = { .data = data, .pid = current->pid, .state = REQUEST_NEW };
	int err = 0;

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
	if (l->host_fd >= 0)
		err = remote_call_locked(l, &r);
	if (!err)
		err = wait_answer_locked(l, &r);
	list_del(&r.node);
	while (!list_empty(&r.gifts)) {
		struct gift *g = list_first_entry(&r.gifts, struct gift, node);

		list_del(&g->node);
		gift_done_locked(l, g, -ESRCH);
	}
	mutex_unlock(&l->lock);
	if (err && l->host_fd >= 0)
		(void)remote_send(l, &(struct notify_msg){ .type = NOTIFY_CANCEL, .id = r.id });
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
static long give(struct seccomp_listener *l, u64 id, struct gift *g, enum wait_mode mode)
{
	int err;

	list_init(&g->node);
	wait_queue_init(&g->wait);
	mutex_lock(&l->lock);
	err = give_locked(l, id, g);
	mutex_unlock(&l->lock);
	if (err)
		return err;
	err = wait_event_full(&g->wait, atomic_load(&g->done), mode, KTIME_MAX, 0);
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
	ret = give(l, a.id, &g, WAIT_INTERRUPTIBLE);
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

/* Nobody decides any more. */
static void listener_close(struct seccomp_listener *l)
{
	struct request *r;

	mutex_lock(&l->lock);
	l->closed = true;
	list_for_each_entry(r, &l->requests, node)
		if (r->state != REQUEST_ANSWERED)
			answer_locked(l, r, 0, -ENOSYS, 0);
	mutex_unlock(&l->lock);
	listener_put(l);
}

static void listener_release(struct file *f) { listener_close(f->priv); }

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

/* --- a listener outside the sandbox: one thread of kserver reads what its server says --- */

static void remote_told(struct seccomp_listener *l, const struct notify_msg *m)
{
	struct request *r;

	mutex_lock(&l->lock);
	r = find_locked(l, m->id);
	if (r && m->type == NOTIFY_ANSWER && r->state != REQUEST_ANSWERED) {
		answer_locked(l, r, m->val, m->error, m->flags);
	} else if (r && m->type == NOTIFY_TOLD && r->state == REQUEST_NEW) {
		r->state = REQUEST_TOLD;
		poke_locked(l, r);
	}
	mutex_unlock(&l->lock);
}

static long remote_give(struct seccomp_listener *l, const struct notify_msg *m, int fd)
{
	static const u32 modes[] = { O_RDWR, O_RDONLY, O_WRONLY };
	struct gift g = { .flags = m->flags, .newfd = m->newfd, .cloexec = m->newfd_flags & O_CLOEXEC };
	long ret;

	g.file = err_ptr(-EBADF);
	for (u32 i = 0; i < ARRAY_SIZE(modes) && is_err(g.file); i++)
		g.file = hostfile_create(fd, modes[i]);
	if (is_err(g.file)) {
		host_close(fd);
		return ptr_err(g.file);
	}
	ret = give(l, m->id, &g, WAIT_UNINTERRUPTIBLE);
	if (g.file)
		file_put(g.file);
	return ret;
}

static void remote_handle(struct seccomp_listener *l, const struct notify_msg *m, int fd)
{
	struct notify_msg added = { .type = NOTIFY_ADDED, .id = m->token };

	if (m->type != NOTIFY_ADDFD) {
		if (fd >= 0)
			host_close(fd);
		remote_told(l, m);
		return;
	}
	added.val = fd < 0 ? -EBADF : remote_give(l, m, fd);
	(void)remote_send(l, &added);
}

static void remote_main(void *arg)
{
	struct seccomp_listener *l = arg;

	for (;;) {
		struct {
			u64 len;
			s32 level, type;
			s32 fd, pad;
		} rights = { 0 };
		struct notify_msg m;
		struct iovec iov = { (u64)&m, sizeof(m) };
		struct {
			u64 name, namelen;
			struct iovec *iov;
			u64 iovlen;
			void *control;
			u64 controllen, flags;
		} msg = { .iov = &iov, .iovlen = 1, .control = &rights, .controllen = sizeof(rights) };
		long n = host_recvmsg(l->host_fd, &msg, MSG_CMSG_CLOEXEC);
		bool has_fd = n > 0 && msg.controllen >= 16 + sizeof(s32) && rights.level == SOL_SOCKET && rights.type == SCM_RIGHTS;

		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		if (n == (long)sizeof(m))
			remote_handle(l, &m, has_fd ? rights.fd : -1);
		else if (has_fd)
			host_close(rights.fd);
	}
	listener_close(l);
	kserver_thread_end();
}

struct seccomp_listener *seccomp_listener_remote(int host_fd, bool wait_killable)
{
	struct seccomp_listener *l = seccomp_listener_alloc(wait_killable);
	int err = l ? 0 : -ENOMEM;

	if (!err) {
		l->host_fd = host_fd;
		ref_get(&l->ref); /* the thread's */
		err = kserver_thread("seccomp", remote_main, l);
	}
	if (!err)
		return l;
	kfree(l);
	return err_ptr(err);
}
