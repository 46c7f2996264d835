/* The life of unix sockets, waking those who wait for them, and their operations as a socket family. */
#include "net/unix/unix.h"

#include "fs/fs.h"

struct mutex unix_table_lock = MUTEX_INIT(LOCK_LEAF);
struct list_head unix_all = LIST_HEAD_INIT(unix_all);

static void unix_release_op(struct socket *s);

static const struct socket_ops stream_ops = {
	.release = unix_release_op,
	.bind = unix_bind,
	.connect = unix_stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.getname = unix_getname,
	.shutdown = unix_shutdown,
	.pair = unix_pair,
	.poll = unix_stream_poll,
	.ioctl = unix_ioctl,
	.sendmsg = unix_stream_sendmsg,
	.recvmsg = unix_stream_recvmsg,
	.getopt = unix_getopt,
	.getopt_user = unix_getopt_user,
	.changed = unix_limits_changed,
};

static const struct socket_ops dgram_ops = {
	.release = unix_release_op,
	.bind = unix_bind,
	.connect = unix_dgram_connect,
	.getname = unix_getname,
	.shutdown = unix_shutdown,
	.pair = unix_pair,
	.poll = unix_dgram_poll,
	.ioctl = unix_ioctl,
	.sendmsg = unix_dgram_sendmsg,
	.recvmsg = unix_dgram_recvmsg,
	.getopt = unix_getopt,
	.getopt_user = unix_getopt_user,
	.changed = unix_limits_changed,
};

static const struct socket_ops seqpacket_ops = {
	.release = unix_release_op,
	.bind = unix_bind,
	.connect = unix_stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.getname = unix_getname,
	.shutdown = unix_shutdown,
	.pair = unix_pair,
	.poll = unix_dgram_poll,
	.ioctl = unix_ioctl,
	.sendmsg = unix_seqpacket_sendmsg,
	.recvmsg = unix_seqpacket_recvmsg,
	.getopt = unix_getopt,
	.getopt_user = unix_getopt_user,
	.changed = unix_limits_changed,
};

struct unix_sock *unix_alloc(int type, int protocol)
{
	const struct socket_ops *ops = type == SOCK_STREAM ? &stream_ops :
				       type == SOCK_DGRAM  ? &dgram_ops :
							     &seqpacket_ops;
	struct unix_sock *u = kzalloc(sizeof(*u));

	if (!u)
		return NULL;
	socket_init(&u->sock, ops, AF_UNIX, type, protocol);
	ref_init(&u->ref);
	mutex_init(&u->lock, LOCK_SOCK);
	list_init(&u->queue);
	list_init(&u->accept_queue);
	list_init(&u->accept_node);
	list_init(&u->gc_node);
	u->backlog = UNIX_MAX_DGRAM_QLEN;
	wait_queue_init(&u->wait);
	wait_queue_init(&u->peer_wait);
	sleep_lock_init(&u->recv_lock);
	sleep_lock_init(&u->bind_lock);
	list_init(&u->peer_wake.node);
	mutex_lock(&unix_table_lock);
	list_add_tail(&u->all_node, &unix_all);
	mutex_unlock(&unix_table_lock);
	return u;
}

void unix_put(struct unix_sock *u)
{
	if (!ref_put(&u->ref))
		return;
	mutex_lock(&unix_table_lock);
	list_del(&u->all_node);
	mutex_unlock(&unix_table_lock);
	if (u->addr)
		unix_addr_put(u->addr);
	if (u->peer_cred)
		cred_put(u->peer_cred);
	if (u->peer_pid)
		pid_put(u->peer_pid);
	kfree(u);
}

static struct socket *unix_create(int type, int protocol)
{
	struct unix_sock *u;

	if (protocol && protocol != AF_UNIX)
		return err_ptr(-EPROTONOSUPPORT);
	if (type == SOCK_RAW)
		type = SOCK_DGRAM; /* as Linux, after BSD */
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return err_ptr(-ESOCKTNOSUPPORT);
	u = unix_alloc(type, protocol);
	return u ? &u->sock : err_ptr(-ENOMEM);
}

const struct socket_family unix_family = { .family = AF_UNIX, .create = unix_create };

void unix_set_peercred(struct unix_sock *u)
{
	const struct cred *old = u->peer_cred;
	struct pid *old_pid = u->peer_pid;

	u->peer_cred = cred_get(current->cred);
	u->peer_pid = current->process->pid;
	pid_get(u->peer_pid);
	if (old)
		cred_put(old);
	if (old_pid)
		pid_put(old_pid);
}

struct unix_sock *unix_peer_get(struct unix_sock *u)
{
	struct unix_sock *peer;

	mutex_lock(&u->lock);
	peer = u->peer ? unix_get(u->peer) : NULL;
	mutex_unlock(&u->lock);
	return peer;
}

/* The owner's signal; the file is only looked at under the lock, under which release forgets it. */
void unix_sigio(struct unix_sock *u, int band)
{
	struct file *f;

	/* Files are type-stable, so the flag may be looked at before it is known that the file still is ours. */
	f = atomic_load(&u->sock.file);
	if (likely(!f || !(atomic_load_relaxed(&f->flags) & O_ASYNC)))
		return;
	f = NULL;
	mutex_lock(&u->lock);
	if (socket_wants_sigio(&u->sock) && ref_get_unless_zero(&u->sock.file->ref))
		f = u->sock.file;
	mutex_unlock(&u->lock);
	if (!f)
		return;
	file_send_sigio(f, band);
	file_put(f);
}

void unix_data_ready(struct unix_sock *u)
{
	if (wait_queue_active(&u->wait))
		wake_up_poll(&u->wait, POLLIN | POLLRDNORM);
	unix_sigio(u, POLLIN);
}

void unix_state_changed(struct unix_sock *u, int band)
{
	wake_up_all(&u->wait);
	if (band)
		unix_sigio(u, band);
}

int unix_wait_room(struct unix_sock *other, const struct sock_wait *w)
{
	int ret;

	ret = wait_event_full(&other->peer_wait,
			      atomic_load(&other->dead) || (atomic_load(&other->shutdown) & UNIX_RCV_SHUTDOWN) ||
				      !unix_queue_full(other),
			      WAIT_INTERRUPTIBLE, w->deadline, WAIT_EXCLUSIVE);
	if (!ret)
		return 0;
	/* The wake-up may have been meant for another. */
	if (wait_queue_active(&other->peer_wait))
		wake_up_poll(&other->peer_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	return sock_wait_error(w, ret);
}

/* Tells the peer of a connected pair that u is going. */
static void hang_up(struct unix_sock *u, struct unix_sock *peer, bool unread)
{
	mutex_lock(&peer->lock);
	atomic_store(&peer->shutdown, UNIX_SHUTDOWN_BOTH);
	if (unread)
		atomic_store(&peer->sock.err, ECONNRESET);
	mutex_unlock(&peer->lock);
	unix_state_changed(peer, POLLHUP);
}

void unix_release(struct unix_sock *u, bool embryo)
{
	struct list_head msgs, conns;
	struct unix_sock *peer, *c;
	bool unread;

	list_init(&msgs);
	list_init(&conns);
	unix_unbind(u);
	mutex_lock(&u->lock);
	atomic_store(&u->dead, true);
	atomic_store(&u->sock.file, NULL);
	atomic_store(&u->shutdown, UNIX_SHUTDOWN_BOTH);
	atomic_store(&u->state, UNIX_CLOSED);
	unix_peer_wake_disarm(u);
	peer = u->peer;
	atomic_store(&u->peer, NULL);
	unread = !list_empty(&u->queue) || embryo;
	list_splice_tail_init(&u->queue, &msgs);
	list_splice_tail_init(&u->accept_queue, &conns);
	atomic_store(&u->qlen, 0);
	u->inq_bytes = 0;
	mutex_unlock(&u->lock);

	wake_up_all(&u->peer_wait);
	if (peer) {
		if (unix_connected_type(u))
			hang_up(u, peer, unread);
		unix_put(peer);
	}
	while (!list_empty(&conns)) {
		c = list_first_entry(&conns, struct unix_sock, accept_node);
		list_del(&c->accept_node);
		unix_release(c, true); /* nests once: an embryo has no accept queue */
	}
	unix_msgs_free(&msgs);
	unix_put(u);
	if (!embryo)
		unix_gc();
}

static void unix_release_op(struct socket *s)
{
	unix_release(unix_of(s), false);
}
