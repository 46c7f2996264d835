/* System V message queues. Sleepers of both directions wait on queues of the message queue and look again. */
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/wait.h"
#include "ipc/ipc_sysctl.h"
#include "ipc/sysv.h"
#include "lib/string.h"
#include "proc/task.h"

struct msg {
	struct list_head node;
	s64 type;
	u32 len;
	u8 text[];
};

struct msg_queue {
	struct ipc_obj ipc;
	struct list_head msgs; /* oldest first */
	struct wait_queue senders, receivers;
	u64 bytes, count, limit;
	s64 stime, rtime, ctime;
	u32 lspid, lrpid;
};

static __big struct ipc_table msg_table;

static s64 now_seconds(void) { return ktime_get_real() / NSEC_PER_SEC; }

struct msg *msg_alloc(u32 len)
{
	struct msg *m = kmalloc(sizeof(*m) + len);

	if (m) {
		list_init(&m->node);
		m->len = len;
	}
	return m;
}

void msg_free(struct msg *m) { kfree(m); }

void *msg_text(struct msg *m, u32 *len, s64 *type)
{
	*len = m->len;
	*type = m->type;
	return m->text;
}

static void msg_destroy(struct ipc_obj *o)
{
	struct msg_queue *q = container_of(o, struct msg_queue, ipc);
	struct msg *m, *next;

	list_for_each_entry_safe(m, next, &q->msgs, node)
		kfree(m);
	kfree(q);
}

static void msg_put(struct msg_queue *q)
{
	if (ref_put(&q->ipc.ref))
		msg_destroy(&q->ipc);
}

static struct ipc_obj *msg_make(const struct ipc_new *n __unused)
{
	struct msg_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return err_ptr(-ENOMEM);
	list_init(&q->msgs);
	wait_queue_init(&q->senders);
	wait_queue_init(&q->receivers);
	q->limit = atomic_load_relaxed(&ipc_sysctl.msgmnb);
	q->ctime = now_seconds();
	return &q->ipc;
}

int msg_get(s32 key, u32 flags)
{
	const struct ipc_new n = { &msg_table, msg_make, NULL, msg_destroy, key, flags, 0 };

	return ipc_get(&n);
}

static struct msg_queue *msg_open(int id, u32 mode)
{
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&msg_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_may_locked(o, mode);
	if (!err)
		ref_get(&o->ref);
	mutex_unlock(&ipc_lock);
	return err ? err_ptr(err) : container_of(o, struct msg_queue, ipc);
}

/* Puts m in when there is room: 0, -EAGAIN (wait), -EIDRM. */
static int try_send(struct msg_queue *q, struct msg *m)
{
	int ret = 0;

	mutex_lock(&ipc_lock);
	if (q->ipc.removed) {
		ret = -EIDRM;
	} else if (q->bytes + m->len > q->limit || q->count + 1 > q->limit) {
		ret = -EAGAIN;
	} else {
		list_add_tail(&m->node, &q->msgs);
		q->bytes += m->len;
		q->count++;
		q->stime = now_seconds();
		q->lspid = current->process->pid->nr;
		wake_up_all(&q->receivers);
	}
	mutex_unlock(&ipc_lock);
	return ret;
}

int msg_send(int id, struct msg *m, s64 type, u32 flags)
{
	struct msg_queue *q = msg_open(id, 0222);
	int ret;

	if (is_err(q))
		return (int)ptr_err(q);
	m->type = type;
	ret = try_send(q, m);
	if (ret == -EAGAIN && !(flags & IPC_NOWAIT)) {
		int err = wait_event(&q->senders, (ret = try_send(q, m)) != -EAGAIN);

		if (err && ret == -EAGAIN)
			ret = -EINTR;
	}
	msg_put(q);
	return ret;
}

/* The message that type and MSG_EXCEPT select; NULL = none. */
static struct msg *select_locked(struct msg_queue *q, s64 type, u32 flags)
{
	struct msg *m, *best = NULL;

	list_for_each_entry(m, &q->msgs, node) {
		if (!type || (type > 0 && (m->type == type) == !(flags & MSG_EXCEPT)))
			return m;
		/* Negative: the lowest type up to its absolute value, the oldest of those. */
		if (type < 0 && (type == INT64_MIN || m->type <= -type) && (!best || m->type < best->type))
			best = m;
	}
	return best;
}

/* -ENOMSG = wait. */
static int try_receive(struct msg_queue *q, u64 size, s64 type, u32 flags, struct msg **out)
{
	struct msg *m;
	int ret = 0;

	mutex_lock(&ipc_lock);
	m = q->ipc.removed ? NULL : select_locked(q, type, flags);
	if (q->ipc.removed) {
		ret = -EIDRM;
	} else if (!m) {
		ret = -ENOMSG;
	} else if (m->len > size && !(flags & MSG_NOERROR)) {
		ret = -E2BIG;
	} else {
		list_del(&m->node);
		q->bytes -= m->len;
		q->count--;
		q->rtime = now_seconds();
		q->lrpid = current->process->pid->nr;
		wake_up_all(&q->senders);
		*out = m;
	}
	mutex_unlock(&ipc_lock);
	return ret;
}

struct msg *msg_receive(int id, u64 size, s64 type, u32 flags)
{
	struct msg_queue *q = msg_open(id, 0444);
	struct msg *m = NULL;
	int ret;

	if (is_err(q))
		return (struct msg *)q;
	ret = try_receive(q, size, type, flags, &m);
	if (ret == -ENOMSG && !(flags & IPC_NOWAIT)) {
		int err = wait_event(&q->receivers, (ret = try_receive(q, size, type, flags, &m)) != -ENOMSG);

		if (err && ret == -ENOMSG)
			ret = -EINTR;
	}
	msg_put(q);
	return ret ? err_ptr(ret) : m;
}

int msg_stat(int id, int cmd, struct msqid_ds64 *out)
{
	struct msg_queue *q;
	struct ipc_obj *o;
	int ret;

	memset(out, 0, sizeof(*out));
	mutex_lock(&ipc_lock);
	o = cmd == IPC_STAT ? ipc_find_locked(&msg_table, id) : ipc_at_locked(&msg_table, id);
	ret = is_err(o) ? (int)ptr_err(o) : cmd == MSG_STAT_ANY ? 0 : ipc_may_locked(o, 0444);
	if (!ret) {
		q = container_of(o, struct msg_queue, ipc);
		ipc_perm_out(o, &out->perm);
		out->stime = q->stime;
		out->rtime = q->rtime;
		out->ctime = q->ctime;
		out->cbytes = q->bytes;
		out->qnum = q->count;
		out->qbytes = q->limit;
		out->lspid = (s32)q->lspid;
		out->lrpid = (s32)q->lrpid;
		ret = cmd == IPC_STAT ? 0 : o->id;
	}
	mutex_unlock(&ipc_lock);
	return ret;
}

int msg_set(int id, const struct msqid_ds64 *in)
{
	struct msg_queue *q;
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&msg_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_owner_locked(o);
	if (!err && in->qbytes > atomic_load_relaxed(&ipc_sysctl.msgmnb) && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	if (!err)
		err = ipc_perm_set_locked(o, &in->perm);
	if (!err) {
		q = container_of(o, struct msg_queue, ipc);
		q->limit = in->qbytes;
		q->ctime = now_seconds();
		wake_up_all(&q->senders);
	}
	mutex_unlock(&ipc_lock);
	return err;
}

int msg_remove(int id)
{
	struct msg_queue *q = NULL;
	struct ipc_obj *o;
	int err;

	mutex_lock(&ipc_lock);
	o = ipc_find_locked(&msg_table, id);
	err = is_err(o) ? (int)ptr_err(o) : ipc_owner_locked(o);
	if (!err) {
		q = container_of(o, struct msg_queue, ipc);
		ipc_remove_locked(&msg_table, o);
		wake_up_all(&q->senders);
		wake_up_all(&q->receivers);
	}
	mutex_unlock(&ipc_lock);
	if (q)
		msg_put(q);
	return err;
}

int msg_info(u32 *queues, u32 *msgs, u64 *bytes)
{
	int top;

	*msgs = 0;
	*bytes = 0;
	mutex_lock(&ipc_lock);
	*queues = msg_table.count;
	for (u32 i = 0; i < msg_table.top; i++) {
		struct msg_queue *q = container_of(msg_table.obj[i], struct msg_queue, ipc);

		if (!msg_table.obj[i])
			continue;
		*msgs += (u32)q->count;
		*bytes += q->bytes;
	}
	top = msg_table.top ? (int)msg_table.top - 1 : 0;
	mutex_unlock(&ipc_lock);
	return top;
}
