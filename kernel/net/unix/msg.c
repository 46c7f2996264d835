/* Messages on their way: memory, the sender's send buffer, queues. */
#include "net/unix/unix.h"

/* What Linux charges for a message's bookkeeping, so that as many small ones fit as programs are used to. */
#define HEAD_COST 256u
#define TAIL_COST 320u

static u32 true_size(u32 len)
{
	u32 need = len + TAIL_COST, size = 512;

	if (need > PAGE_SIZE)
		return (u32)PAGE_ALIGN_UP(len) + HEAD_COST + 512;
	while (size < need)
		size *= 2;
	return size + HEAD_COST;
}

static bool has_room(const struct unix_sock *u)
{
	return atomic_load(&u->wmem) < atomic_load(&u->sock.sndbuf);
}

static int wait_sndbuf(struct unix_sock *u, const struct sock_wait *w)
{
	int ret;

	for (;;) {
		ret = socket_error(&u->sock);
		if (ret)
			return ret;
		if (atomic_load(&u->shutdown) & UNIX_SEND_SHUTDOWN)
			return -EPIPE;
		if (likely(has_room(u)))
			return 0;
		if (w->nonblock)
			return -EAGAIN;
		ret = sock_wait_event(&u->wait,
				      has_room(u) || (atomic_load(&u->shutdown) & UNIX_SEND_SHUTDOWN) ||
					      atomic_load(&u->sock.err),
				      w->deadline, 0, POLLOUT | POLLWRNORM);
		if (ret)
			return sock_wait_error(w, ret);
	}
}

static int add_frags(struct unix_msg *m)
{
	struct unix_frag **tail = &m->frags, *f;
	u32 left = m->len - m->first, n;

	for (; left; left -= n) {
		n = min(left, UNIX_BLOCK - (u32)sizeof(*f));
		f = kmalloc(sizeof(*f) + n);
		if (!f)
			return -ENOBUFS;
		*f = (struct unix_frag){ .len = n };
		*tail = f;
		tail = &f->next;
	}
	return 0;
}

static void free_frags(struct unix_msg *m)
{
	struct unix_frag *f, *next;

	for (f = m->frags; f; f = next) {
		next = f->next;
		kfree(f);
	}
}

struct unix_msg *unix_msg_alloc(struct unix_sock *u, u32 len, const struct sock_wait *w)
{
	struct unix_msg *m;
	u32 first;
	int ret = wait_sndbuf(u, w);

	if (ret)
		return err_ptr(ret);
	first = min(len, UNIX_FIRST_MAX);
	m = kmalloc(sizeof(*m) + first);
	if (!m)
		return err_ptr(-ENOBUFS);
	*m = (struct unix_msg){ .len = len, .first = first, .truesize = true_size(len) };
	list_init(&m->node);
	if (unlikely(first < len) && add_frags(m)) {
		free_frags(m);
		kfree(m);
		return err_ptr(-ENOBUFS);
	}
	m->sender = unix_get(u);
	atomic_add(&u->wmem, m->truesize);
	return m;
}

int unix_msg_fill(struct unix_msg *m, struct uio *from)
{
	struct unix_frag *f;

	if (uio_copy_from(from, m->data, m->first) != m->first)
		return -EFAULT;
	for (f = m->frags; f; f = f->next)
		if (uio_copy_from(from, f->data, f->len) != f->len)
			return -EFAULT;
	return 0;
}

int unix_msg_copy(const struct unix_msg *m, u32 off, u32 n, struct uio *to)
{
	const struct unix_frag *f = m->frags;
	const u8 *data = m->data;
	u32 have = m->first, k;

	for (;;) {
		if (off < have) {
			k = min(n, have - off);
			if (uio_copy_to(to, data + off, k) != k)
				return -EFAULT;
			n -= k;
			off += k;
		}
		if (!n || !f)
			return 0;
		off -= have;
		have = f->len;
		data = f->data;
		f = f->next;
	}
}

void unix_msg_free(struct unix_msg *m)
{
	struct unix_sock *u = m->sender;
	u64 limit = atomic_load(&u->sock.sndbuf), now;

	if (m->fds)
		unix_fds_release(m->fds);
	if (m->pid)
		pid_put(m->pid);
	now = atomic_sub(&u->wmem, m->truesize);
	/* Only when it becomes writable: nobody waits for more while it is, and nobody is let in before. */
	if (now * 4 <= limit && (now + m->truesize) * 4 > limit && wait_queue_active(&u->wait))
		wake_up_poll(&u->wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	if (unlikely(now * 4 <= limit && (now + m->truesize) * 4 > limit))
		unix_sigio(u, POLLOUT);
	free_frags(m);
	kfree(m);
	unix_put(u);
}

void unix_msgs_free(struct list_head *list)
{
	while (!list_empty(list)) {
		struct unix_msg *m = list_first_entry(list, struct unix_msg, node);

		list_del(&m->node);
		unix_msg_free(m);
	}
}

void unix_msg_queue(struct unix_sock *to, struct unix_msg *m)
{
	list_add_tail(&m->node, &to->queue);
	to->inq_bytes += m->len;
	atomic_store(&to->qlen, to->qlen + 1);
}

void unix_msg_unlink(struct unix_sock *from, struct unix_msg *m)
{
	list_del(&m->node);
	from->inq_bytes -= m->len - m->off;
	atomic_store(&from->qlen, from->qlen - 1);
}
