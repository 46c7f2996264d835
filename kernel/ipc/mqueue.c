/*
 * POSIX message queues: sending, receiving, notification. Sleepers of both directions look again whenever something
 * has changed for them. Waking and signals happen behind mq_lock.
 */
#include "ipc/mqueue.h"

#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "proc/task.h"

#define MSG_OVERHEAD 48u /* what Linux counts for a message beside its text, and for a priority in use */

struct mutex mq_lock = MUTEX_INIT(LOCK_NOTIFY);

/* Bytes of all queues of a user, against RLIMIT_MSGQUEUE. */
struct mq_user {
	struct list_head node;
	u32 uid, queues;
	u64 bytes;
};

static struct list_head users = LIST_HEAD_INIT(users); /* under mq_lock */

static struct mq_user *find_user_locked(u32 uid)
{
	struct mq_user *u;

	list_for_each_entry(u, &users, node)
		if (u->uid == uid)
			return u;
	return NULL;
}

static int charge(struct mqueue *q, u32 uid, u64 bytes)
{
	struct mq_user *u, *fresh = kzalloc(sizeof(*fresh));
	u64 limit = current->process ? rlimit(RLIMIT_MSGQUEUE) : ~0ull;
	int err = 0;

	if (!fresh)
		return -ENOMEM;
	mutex_lock(&mq_lock);
	u = find_user_locked(uid);
	if ((u ? u->bytes : 0) + bytes < bytes || (u ? u->bytes : 0) + bytes > limit) {
		err = -EMFILE;
	} else {
		if (!u) {
			u = fresh;
			fresh = NULL;
			u->uid = uid;
			list_add(&u->node, &users);
		}
		u->queues++;
		u->bytes += bytes;
		q->user = u;
		q->charged = bytes;
	}
	mutex_unlock(&mq_lock);
	kfree(fresh);
	return err;
}

static void uncharge(struct mqueue *q)
{
	struct mq_user *u = q->user;

	mutex_lock(&mq_lock);
	u->bytes -= q->charged;
	if (--u->queues)
		u = NULL;
	else
		list_del(&u->node);
	mutex_unlock(&mq_lock);
	kfree(u);
}

struct mqueue *mqueue_alloc(const char *name, u32 name_len, const struct mq_attr *attr, u32 uid)
{
	struct mqueue *q = kzalloc(sizeof(*q));
	u64 max = (u64)attr->maxmsg, size = (u64)attr->msgsize;
	int err = -ENOMEM;

	if (!q)
		return err_ptr(-ENOMEM);
	list_init(&q->node);
	list_init(&q->msgs);
	wait_queue_init(&q->not_full);
	wait_queue_init(&q->not_empty);
	q->max_msgs = max;
	q->msg_size = size;
	q->name = kmalloc(name_len + 1);
	if (q->name) {
		memcpy(q->name, name, name_len);
		q->name[name_len] = 0;
		/* The limits keep this far from an overflow. */
		err = charge(q, uid, max * size + max * MSG_OVERHEAD + min(max, (u64)MQ_PRIO_MAX) * MSG_OVERHEAD);
	}
	if (err) {
		kfree(q->name);
		kfree(q);
		return err_ptr(err);
	}
	return q;
}

void mqueue_free(struct mqueue *q)
{
	struct mq_msg *m, *next;

	list_for_each_entry_safe(m, next, &q->msgs, node)
		kfree(m);
	if (q->owner)
		process_put(q->owner);
	uncharge(q);
	kfree(q->name);
	kfree(q);
}

struct mqueue *mqueue_of(struct file *f) { return f->ops == &mqueue_file_ops ? f->inode->priv : NULL; }

struct mq_msg *mq_msg_alloc(u64 len, u32 prio)
{
	struct mq_msg *m = kmalloc(sizeof(*m) + len);

	if (m) {
		list_init(&m->node);
		m->len = len;
		m->prio = prio;
	}
	return m;
}

void mq_msg_free(struct mq_msg *m) { kfree(m); }

static void put_locked(struct mqueue *q, struct mq_msg *m)
{
	struct list_head *at = q->msgs.prev;

	while (at != &q->msgs && list_entry(at, struct mq_msg, node)->prio < m->prio)
		at = at->prev;
	list_add(&m->node, at);
	q->count++;
	q->bytes += m->len;
}

/* Who is to be told that the first message has come: a reference, *info filled; the registration ends. */
static struct process *take_notification_locked(struct mqueue *q, struct siginfo *info)
{
	struct process *p = q->owner;

	if (!p || q->count != 1 || q->receivers)
		return NULL;
	q->owner = NULL;
	info->signo = 0;
	if (q->event.notify == SIGEV_SIGNAL) {
		siginfo_init(info, q->event.signo, SI_MESGQ);
		info->rt.pid = (s32)current->process->pid->nr;
		info->rt.uid = current->cred->uid;
		info->rt.value = q->event.value;
	}
	return p;
}

static bool try_send(struct mqueue *q, struct mq_msg *m, struct process **notify, struct siginfo *info)
{
	bool sent;

	mutex_lock(&mq_lock);
	sent = q->count < q->max_msgs;
	if (sent) {
		put_locked(q, m);
		*notify = take_notification_locked(q, info);
	}
	mutex_unlock(&mq_lock);
	return sent;
}

int mqueue_send(struct file *f, struct mq_msg *m, s64 deadline)
{
	struct mqueue *q = f->inode->priv;
	struct process *notify = NULL;
	struct siginfo info;
	int err = 0;

	if (!try_send(q, m, &notify, &info)) {
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_deadline(&q->not_full, try_send(q, m, &notify, &info), deadline);
	}
	if (err)
		return err;
	wake_up_poll(&q->not_empty, POLLIN | POLLRDNORM);
	if (notify) {
		if (info.signo)
			(void)signal_send_process(notify, info.signo, &info);
		process_put(notify);
	}
	inode_touch(f->inode, ATTR_MTIME | ATTR_CTIME | ATTR_ATIME);
	return 0;
}

static struct mq_msg *try_receive(struct mqueue *q)
{
	struct mq_msg *m;

	mutex_lock(&mq_lock);
	m = list_first_entry_or_null(&q->msgs, struct mq_msg, node);
	if (m) {
		list_del(&m->node);
		q->count--;
		q->bytes -= m->len;
	}
	mutex_unlock(&mq_lock);
	return m;
}

static void count_receiver(struct mqueue *q, int by)
{
	mutex_lock(&mq_lock);
	q->receivers += (u32)by;
	mutex_unlock(&mq_lock);
}

struct mq_msg *mqueue_receive(struct file *f, s64 deadline)
{
	struct mqueue *q = f->inode->priv;
	struct mq_msg *m = try_receive(q);
	int err;

	if (!m) {
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return err_ptr(-EAGAIN);
		count_receiver(q, 1);
		err = wait_event_deadline(&q->not_empty, (m = try_receive(q)), deadline);
		count_receiver(q, -1);
		if (err)
			return err_ptr(err);
	}
	wake_up_poll(&q->not_full, POLLOUT | POLLWRNORM);
	inode_touch(f->inode, ATTR_MTIME | ATTR_CTIME | ATTR_ATIME);
	return m;
}

int mqueue_notify(struct mqueue *q, const struct sigevent *ev)
{
	struct process *old = NULL;
	int err = 0;

	mutex_lock(&mq_lock);
	if (!ev) {
		if (q->owner == current->process) {
			old = q->owner;
			q->owner = NULL;
		}
	} else if (q->owner) {
		err = -EBUSY;
	} else {
		process_get(current->process);
		q->owner = current->process;
		q->event = *ev;
	}
	mutex_unlock(&mq_lock);
	if (old)
		process_put(old);
	return err;
}

void mqueue_attr(struct file *f, struct mq_attr *out)
{
	struct mqueue *q = f->inode->priv;

	mutex_lock(&mq_lock);
	*out = (struct mq_attr){
		.flags = atomic_load(&f->flags) & O_NONBLOCK,
		.maxmsg = (s64)q->max_msgs,
		.msgsize = (s64)q->msg_size,
		.curmsgs = (s64)q->count,
	};
	mutex_unlock(&mq_lock);
}

static ssize_t mqueue_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct mqueue *q = f->inode->priv;
	char text[MQ_FILE_SIZE + 40];
	size_t len, got;

	mutex_lock(&mq_lock);
	len = (size_t)ksnprintf(text, sizeof(text), "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n",
				(unsigned long long)q->bytes, q->owner ? q->event.notify : 0,
				q->owner && q->event.notify == SIGEV_SIGNAL ? q->event.signo : 0,
				q->owner ? q->owner->pid->nr : 0);
	mutex_unlock(&mq_lock);
	len = min(len, (size_t)MQ_FILE_SIZE);
	if (*pos < 0 || (u64)*pos >= len || !to->resid)
		return 0;
	got = uio_copy_to(to, text + *pos, min(len - (size_t)*pos, to->resid));
	*pos += (loff_t)got;
	return got ? (ssize_t)got : -EFAULT;
}

static loff_t mqueue_llseek(struct file *f, loff_t off, int whence)
{
	return generic_llseek(f, off, whence, MQ_FILE_SIZE);
}

static u32 mqueue_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = f->inode->priv;
	u32 events = 0;

	poll_wait(pt, &q->not_empty);
	poll_wait(pt, &q->not_full);
	mutex_lock(&mq_lock);
	if (q->count)
		events = POLLIN | POLLRDNORM;
	if (q->count < q->max_msgs)
		events |= POLLOUT | POLLWRNORM;
	mutex_unlock(&mq_lock);
	return events;
}

/* A process that closes any descriptor of the queue is not told any more. */
static int mqueue_flush(struct file *f)
{
	return current->process ? mqueue_notify(f->inode->priv, NULL) : 0;
}

const struct file_ops mqueue_file_ops = {
	.name = "mqueue",
	.read = mqueue_read,
	.llseek = mqueue_llseek,
	.poll = mqueue_poll,
	.flush = mqueue_flush,
};
