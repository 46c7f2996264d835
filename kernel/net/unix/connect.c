/* Connections between unix sockets: listen, connect, accept, pairs, shutdown, names. */
#include "net/unix/unix.h"

int unix_listen(struct socket *s, u32 backlog)
{
	struct unix_sock *u = unix_of(s);
	bool grown = false;
	int ret = 0;

	if (!atomic_load(&u->addr))
		return -EINVAL;
	mutex_lock(&u->lock);
	if (u->state != UNIX_CLOSED && u->state != UNIX_LISTEN) {
		ret = -EINVAL;
	} else {
		grown = backlog > u->backlog;
		atomic_store(&u->backlog, backlog);
		atomic_store(&u->state, UNIX_LISTEN);
		unix_set_peercred(u);
	}
	mutex_unlock(&u->lock);
	if (grown)
		wake_up_all(&u->peer_wait);
	return ret;
}

/* Both locked, the listener has room: fresh becomes the other end of u and waits to be accepted. */
static int join_locked(struct unix_sock *u, struct unix_sock *listener, struct unix_sock *fresh)
{
	if (u->state == UNIX_ESTABLISHED)
		return -EISCONN;
	if (u->state != UNIX_CLOSED)
		return -EINVAL;
	ref_get(&listener->addr->ref);
	fresh->addr = listener->addr;
	fresh->peer = unix_get(u);
	fresh->state = UNIX_ESTABLISHED;
	u->peer_cred = cred_get(listener->peer_cred);
	u->peer_pid = listener->peer_pid;
	pid_get(u->peer_pid);
	atomic_store(&u->state, UNIX_ESTABLISHED);
	atomic_store(&u->peer, unix_get(fresh));
	list_add_tail(&fresh->accept_node, &listener->accept_queue);
	atomic_store(&listener->qlen, listener->qlen + 1);
	return 0;
}

/* One try to join listener. 1 = its queue is full, 2 = it has just died: look the address up again. */
static int try_join(struct unix_sock *u, struct unix_sock *listener, struct unix_sock *fresh)
{
	int ret;

	mutex_lock_two(&u->lock, &listener->lock);
	if (listener->dead)
		ret = 2;
	else if (listener->state != UNIX_LISTEN || (listener->shutdown & UNIX_RCV_SHUTDOWN))
		ret = -ECONNREFUSED;
	else if (unix_queue_full(listener))
		ret = 1;
	else
		ret = join_locked(u, listener, fresh);
	mutex_unlock_two(&u->lock, &listener->lock);
	return ret;
}

int unix_stream_connect(struct socket *s, const void *addr, u32 len, u32 file_flags)
{
	struct unix_sock *u = unix_of(s), *listener, *fresh;
	struct sock_wait w;
	int ret;

	ret = unix_addr_check(addr, len);
	if (!ret)
		ret = unix_autobind_for_creds(u);
	if (ret)
		return ret;
	w = sock_wait_init(file_flags & O_NONBLOCK, atomic_load(&s->sndtimeo));
	fresh = unix_alloc(s->type, s->protocol);
	if (!fresh)
		return -ENOMEM;
	unix_set_peercred(fresh);
	do {
		listener = unix_find(addr, len, s->type);
		if (is_err(listener)) {
			ret = (int)ptr_err(listener);
			break;
		}
		ret = try_join(u, listener, fresh);
		if (ret == 0)
			unix_data_ready(listener);
		else if (ret == 1 && w.nonblock)
			ret = -EAGAIN;
		else if (ret == 1) {
			ret = unix_wait_room(listener, &w);
			ret = ret ? ret : 1;
		}
		unix_put(listener);
	} while (ret > 0);
	if (ret)
		unix_put(fresh);
	return ret;
}

static struct unix_sock *accept_one(struct unix_sock *u, int *err)
{
	struct unix_sock *c = NULL;

	*err = 0;
	mutex_lock(&u->lock);
	if (u->state != UNIX_LISTEN) {
		*err = -EINVAL;
	} else if (!list_empty(&u->accept_queue)) {
		c = list_first_entry(&u->accept_queue, struct unix_sock, accept_node);
		list_del(&c->accept_node);
		atomic_store(&u->qlen, u->qlen - 1);
	} else if (u->shutdown & UNIX_RCV_SHUTDOWN) {
		*err = -EINVAL;
	}
	mutex_unlock(&u->lock);
	return c;
}

struct socket *unix_accept(struct socket *s, u32 file_flags)
{
	struct unix_sock *u = unix_of(s), *c;
	struct sock_wait w = sock_wait_init(file_flags & O_NONBLOCK, atomic_load(&s->rcvtimeo));
	int ret;

	for (;;) {
		c = accept_one(u, &ret);
		if (c)
			break;
		if (ret)
			return err_ptr(ret);
		if (w.nonblock)
			return err_ptr(-EAGAIN);
		ret = sock_wait_event(&u->wait,
				      atomic_load(&u->qlen) || (atomic_load(&u->shutdown) & UNIX_RCV_SHUTDOWN) ||
					      atomic_load(&u->state) != UNIX_LISTEN,
				      w.deadline, WAIT_EXCLUSIVE, POLLIN | POLLRDNORM);
		if (ret) {
			if (atomic_load(&u->qlen))
				wake_up_poll(&u->wait, POLLIN | POLLRDNORM); /* perhaps meant for another */
			return err_ptr(sock_wait_error(&w, ret));
		}
	}
	atomic_or(&c->sock.flags, atomic_load_relaxed(&s->flags) & SOCK_F_INHERIT);
	if (wait_queue_active(&u->peer_wait))
		wake_up_poll(&u->peer_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	return &c->sock;
}

int unix_pair(struct socket *sa, struct socket *sb)
{
	struct unix_sock *a = unix_of(sa), *b = unix_of(sb);

	a->peer = unix_get(b);
	b->peer = unix_get(a);
	unix_set_peercred(a);
	unix_set_peercred(b);
	a->state = UNIX_ESTABLISHED;
	b->state = UNIX_ESTABLISHED;
	return 0;
}

/* Either lock held, or only a hint. */
bool unix_may_send(struct unix_sock *u, struct unix_sock *other)
{
	struct unix_sock *peer = atomic_load(&other->peer);

	return !peer || peer == u;
}

void unix_dgram_purge(struct unix_sock *u, struct list_head *drop)
{
	list_splice_tail_init(&u->queue, drop);
	atomic_store(&u->qlen, 0);
	u->inq_bytes = 0;
}

void unix_dgram_lost(struct unix_sock *u, struct unix_sock *old, struct list_head *drop)
{
	bool purged, told = false;

	mutex_lock(&u->lock);
	purged = !list_empty(&u->queue);
	unix_dgram_purge(u, drop);
	mutex_unlock(&u->lock);
	if (!purged)
		return;
	wake_up_all(&u->peer_wait);
	/* There were messages of the old peer that nobody will read: it hears of that. */
	mutex_lock(&old->lock);
	if (!old->dead && old->peer == u) {
		atomic_store(&old->sock.err, ECONNRESET);
		told = true;
	}
	mutex_unlock(&old->lock);
	if (told)
		unix_state_changed(old, POLLERR);
}

/* Makes other (NULL = nobody; reference taken over) the peer of u; both locked. Returns the old one. */
static struct unix_sock *set_peer_locked(struct unix_sock *u, struct unix_sock *other, bool *wake)
{
	struct unix_sock *old = u->peer;

	*wake = unix_peer_wake_disarm(u);
	atomic_store(&u->peer, other);
	atomic_store(&u->state, other ? UNIX_ESTABLISHED : UNIX_CLOSED);
	if (other)
		atomic_store(&other->state, UNIX_ESTABLISHED);
	return old;
}

/* What is left to do for the old peer once nothing is locked. */
static void leave_peer(struct unix_sock *u, struct unix_sock *old, struct unix_sock *other)
{
	struct list_head drop;

	if (old != other) {
		list_init(&drop);
		unix_dgram_lost(u, old, &drop);
		unix_msgs_free(&drop);
		mutex_lock(&old->lock);
		if (!old->peer)
			atomic_store(&old->state, UNIX_CLOSED);
		mutex_unlock(&old->lock);
	}
	unix_put(old);
}

int unix_dgram_connect(struct socket *s, const void *addr, u32 len, u32 file_flags)
{
	const struct sockaddr_un *a = addr;
	struct unix_sock *u = unix_of(s), *other = NULL, *old = NULL;
	bool wake = false;
	int ret;

	if (len < sizeof(a->family))
		return -EINVAL;
	if (a->family == AF_UNSPEC) {
		mutex_lock(&u->lock);
		old = set_peer_locked(u, NULL, &wake);
		mutex_unlock(&u->lock);
	} else {
		ret = unix_addr_check(addr, len);
		if (!ret)
			ret = unix_autobind_for_creds(u);
		if (ret)
			return ret;
		do {
			other = unix_find(addr, len, s->type);
			if (is_err(other))
				return (int)ptr_err(other);
			mutex_lock_two(&u->lock, &other->lock);
			ret = other->dead ? 1 : unix_may_send(u, other) ? 0 : -EPERM;
			if (!ret)
				old = set_peer_locked(u, other, &wake);
			mutex_unlock_two(&u->lock, &other->lock);
			if (ret)
				unix_put(other);
		} while (ret > 0);
		if (ret)
			return ret;
	}
	if (wake)
		wake_up_poll(&u->wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	if (old)
		leave_peer(u, old, other);
	return 0;
}

int unix_getname(struct socket *s, void *addr, int peer)
{
	struct sockaddr_un *a = addr;
	struct unix_sock *u = unix_of(s), *of = u;
	int len;

	if (peer) {
		of = unix_peer_get(u);
		if (!of)
			return -ENOTCONN;
	}
	len = unix_addr_copy(of, addr);
	if (!len) {
		a->family = AF_UNIX;
		len = UNIX_PATH_OFFSET;
	}
	if (of != u)
		unix_put(of);
	return len;
}

int unix_shutdown(struct socket *s, int how)
{
	u32 mode = (u32)how + 1, peer_mode = 0; /* SHUT_RD, WR, RDWR are the bits less one */
	struct unix_sock *u = unix_of(s), *peer = NULL;

	mutex_lock(&u->lock);
	atomic_store(&u->shutdown, u->shutdown | mode);
	if (unix_connected_type(u) && u->peer)
		peer = unix_get(u->peer);
	mutex_unlock(&u->lock);
	unix_state_changed(u, 0);
	wake_up_all(&u->peer_wait); /* senders and connecting ones fail now */
	if (!peer)
		return 0;
	if (mode & UNIX_RCV_SHUTDOWN)
		peer_mode |= UNIX_SEND_SHUTDOWN;
	if (mode & UNIX_SEND_SHUTDOWN)
		peer_mode |= UNIX_RCV_SHUTDOWN;
	mutex_lock(&peer->lock);
	atomic_store(&peer->shutdown, peer->shutdown | peer_mode);
	mutex_unlock(&peer->lock);
	if (peer_mode == UNIX_SHUTDOWN_BOTH)
		unix_state_changed(peer, POLLHUP);
	else
		unix_state_changed(peer, peer_mode & UNIX_RCV_SHUTDOWN ? POLLIN : 0);
	unix_put(peer);
	return 0;
}
