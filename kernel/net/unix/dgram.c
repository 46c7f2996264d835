/* SOCK_DGRAM and SOCK_SEQPACKET: whole messages. */
#include "net/unix/unix.h"

#define HEAD_ROOM 32u /* of the send buffer, that no message may use */

/* The socket that a message is for, referenced: by the given name, or the peer. err_ptr. */
static struct unix_sock *find_target(struct unix_sock *u, const struct sock_msg *m)
{
	struct unix_sock *other;

	if (m->namelen)
		return unix_find(m->name, m->namelen, u->sock.type);
	other = unix_peer_get(u);
	return other ? other : err_ptr(-ENOTCONN);
}

/* The target turned out to be dead. 0 = look again. */
static int target_dead(struct unix_sock *u, struct unix_sock *other, bool named)
{
	struct list_head drop;
	bool mine = false, wake = false;

	if (u->sock.type == SOCK_SEQPACKET)
		return -EPIPE;
	mutex_lock(&u->lock);
	if (u->peer == other) {
		wake = unix_peer_wake_disarm(u);
		atomic_store(&u->peer, NULL);
		atomic_store(&u->state, UNIX_CLOSED);
		mine = true;
	}
	mutex_unlock(&u->lock);
	if (wake)
		wake_up_poll(&u->wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	if (mine) {
		list_init(&drop);
		unix_dgram_lost(u, other, &drop);
		unix_msgs_free(&drop);
		unix_put(other);
		return -ECONNREFUSED;
	}
	return named ? 0 : -ECONNRESET;
}

static u32 wants_stamp(const struct unix_sock *u)
{
	return atomic_load_relaxed(&u->sock.bits) & (1u << SB_TIMESTAMP | 1u << SB_TIMESTAMPNS);
}

enum { QUEUED, FULL, DEAD };

static int try_queue(struct unix_sock *u, struct unix_sock *other, struct unix_msg *msg)
{
	int ret = QUEUED;

	mutex_lock(&other->lock);
	if (!unix_may_send(u, other))
		ret = -EPERM;
	else if (other->dead)
		ret = DEAD;
	else if (other->shutdown & UNIX_RCV_SHUTDOWN)
		ret = -EPIPE;
	else if (unix_must_wait(u, other))
		ret = FULL;
	else
		unix_msg_queue(other, msg);
	mutex_unlock(&other->lock);
	return ret;
}

/* Queues msg at its target, waiting for room there. 0 or -errno; msg is then still the caller's. */
static int deliver(struct unix_sock *u, const struct sock_msg *m, struct unix_msg *msg, const struct sock_wait *w)
{
	struct unix_sock *other = NULL;
	int ret;

	do {
		if (!other)
			other = find_target(u, m);
		if (is_err(other))
			return (int)ptr_err(other);
		unix_scm_default_creds(msg, u, other);
		if (unlikely(wants_stamp(other)) && !msg->stamp)
			msg->stamp = ktime_get_real();
		ret = try_queue(u, other, msg);
		if (ret == QUEUED) {
			unix_data_ready(other);
			unix_put(other);
			return 0;
		}
		if (ret == DEAD) {
			ret = target_dead(u, other, m->namelen);
			unix_put(other);
			other = NULL;
		} else if (ret == FULL && w->nonblock) {
			/* Asked for readiness next, u will have to hear of the room. */
			mutex_lock(&u->lock);
			if (u->peer != other || unix_peer_wake_arm(u, other))
				ret = -EAGAIN;
			else
				ret = 0;
			mutex_unlock(&u->lock);
		} else if (ret == FULL) {
			ret = unix_wait_room(other, w);
		}
	} while (ret >= 0);
	if (other)
		unix_put(other);
	return ret;
}

ssize_t unix_dgram_sendmsg(struct socket *s, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(s);
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->sndtimeo));
	size_t len = m->data->resid;
	struct unix_msg *msg = NULL;
	struct unix_scm scm;
	int ret;

	unix_gc_throttle();
	ret = unix_scm_send(&scm, m);
	if (ret)
		return ret;
	if (m->flags & MSG_OOB)
		ret = -EOPNOTSUPP;
	else if (m->namelen)
		ret = unix_addr_check(m->name, m->namelen);
	else if (!atomic_load(&u->peer))
		ret = -ENOTCONN;
	if (!ret)
		ret = unix_autobind_for_creds(u);
	if (!ret && len > atomic_load(&s->sndbuf) - HEAD_ROOM)
		ret = -EMSGSIZE;
	if (!ret) {
		msg = unix_msg_alloc(u, (u32)len, &w);
		if (is_err(msg)) {
			ret = (int)ptr_err(msg);
			msg = NULL;
		}
	}
	if (!ret) {
		unix_scm_attach_creds(&scm, msg);
		if (scm.fds)
			ret = unix_scm_attach_fds(&scm, msg);
	}
	if (!ret)
		ret = unix_msg_fill(msg, m->data);
	if (!ret)
		ret = deliver(u, m, msg, &w);
	if (ret && msg)
		unix_msg_free(msg);
	unix_scm_destroy(&scm);
	return ret ? ret : (ssize_t)len;
}

/* The message to receive: the first, or with SO_PEEK_OFF the one at *skip bytes, *skip then the offset in it. */
static struct unix_msg *pick_locked(struct unix_sock *u, bool peek, u64 *skip)
{
	struct unix_msg *msg;

	list_for_each_entry(msg, &u->queue, node) {
		if (!peek || *skip < msg->len || (!msg->len && !*skip))
			return msg;
		*skip -= msg->len;
	}
	return NULL;
}

/* Nothing is there: 0 = end of file, 1 = wait, or -errno. */
static int empty_locked(struct unix_sock *u, bool nonblock)
{
	int ret = socket_error(&u->sock);

	if (ret)
		return ret;
	if (nonblock)
		return u->sock.type == SOCK_SEQPACKET && (u->shutdown & UNIX_RCV_SHUTDOWN) ? 0 : -EAGAIN;
	if (u->shutdown & UNIX_RCV_SHUTDOWN)
		return 0;
	if (u->sock.type == SOCK_SEQPACKET && u->state != UNIX_ESTABLISHED)
		return -ENOTCONN;
	return 1;
}

/* Is there what dgram_wait() looks for? Others may have read in the meantime, which moves SO_PEEK_OFF. */
static bool dgram_readable(struct unix_sock *u, bool peek)
{
	s32 peek_off = peek ? atomic_load(&u->sock.peek_off) : 0;
	u64 skip = peek_off > 0 ? (u64)peek_off : 0;
	bool some = atomic_load(&u->qlen) > 0;

	if (some && skip) {
		mutex_lock(&u->lock);
		some = pick_locked(u, true, &skip) != NULL;
		mutex_unlock(&u->lock);
	}
	return some || atomic_load(&u->sock.err) || (atomic_load(&u->shutdown) & UNIX_RCV_SHUTDOWN);
}

/* A message, with recv_lock held; taken off the queue unless peek. *out NULL and 0: end of file. */
static int dgram_wait(struct unix_sock *u, bool peek, const struct sock_wait *w, struct unix_msg **out, u64 *skip)
{
	struct unix_msg *msg;
	s32 peek_off;
	int ret;

	for (;;) {
		ret = sleep_lock(&u->recv_lock);
		if (ret)
			return ret;
		peek_off = atomic_load(&u->sock.peek_off);
		*skip = peek && peek_off > 0 ? (u64)peek_off : 0;
		mutex_lock(&u->lock);
		msg = pick_locked(u, peek, skip);
		ret = 0;
		if (!msg)
			ret = empty_locked(u, w->nonblock);
		else if (!peek)
			unix_msg_unlink(u, msg);
		mutex_unlock(&u->lock);
		if (msg) {
			*out = msg;
			return 0;
		}
		sleep_unlock(&u->recv_lock);
		*out = NULL;
		if (ret <= 0)
			return ret;
		ret = sock_wait_event(&u->wait, dgram_readable(u, peek), w->deadline, WAIT_EXCLUSIVE,
				      POLLIN | POLLRDNORM);
		if (ret) {
			if (atomic_load(&u->qlen))
				wake_up_poll(&u->wait, POLLIN | POLLRDNORM); /* perhaps meant for another */
			return sock_wait_error(w, ret);
		}
	}
}

static void put_timestamp(struct unix_sock *u, struct sock_msg *m, s64 stamp)
{
	u32 bits = wants_stamp(u);
	struct timespec64 ts;

	if (likely(!bits))
		return;
	ts = ns_to_timespec64(stamp ? stamp : ktime_get_real());
	if (bits & 1u << SB_TIMESTAMPNS) {
		(void)sock_cmsg_put(m, SOL_SOCKET, SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
		return;
	}
	ts.tv_nsec /= NSEC_PER_USEC;
	(void)sock_cmsg_put(m, SOL_SOCKET, SO_TIMESTAMP_OLD, &ts, sizeof(ts));
}

/* Copies msg out. Bytes to answer or -errno. */
static ssize_t dgram_copy(struct unix_sock *u, struct sock_msg *m, struct unix_msg *msg, u32 skip, struct unix_scm *scm)
{
	bool peek = m->flags & MSG_PEEK;
	u32 avail = msg->len - skip;
	u32 n = (u32)min((size_t)avail, m->data->resid);
	s32 off;
	int ret;

	if (m->name)
		m->namelen = (u32)unix_addr_copy(msg->sender, m->name);
	if (n < avail)
		m->out_flags |= MSG_TRUNC;
	if (unix_msg_copy(msg, skip, n, m->data))
		return -EFAULT;
	put_timestamp(u, m, msg->stamp);
	unix_scm_take_creds(scm, msg);
	off = atomic_load(&u->sock.peek_off);
	if (!peek) {
		if (off > 0)
			atomic_store(&u->sock.peek_off, off > (s32)msg->len ? off - (s32)msg->len : 0);
		if (msg->fds)
			unix_scm_take_fds(scm, msg);
	} else {
		if (off >= 0)
			atomic_store(&u->sock.peek_off, off + (s32)n);
		if (msg->fds) {
			ret = unix_scm_peek_fds(scm, msg);
			if (ret)
				return ret;
		}
	}
	return m->flags & MSG_TRUNC ? avail : n;
}

ssize_t unix_dgram_recvmsg(struct socket *s, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(s);
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->rcvtimeo));
	bool peek = m->flags & MSG_PEEK;
	struct unix_scm scm = { 0 };
	struct unix_msg *msg;
	u64 skip;
	ssize_t ret;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	ret = dgram_wait(u, peek, &w, &msg, &skip);
	if (ret || !msg)
		return ret;
	/* A message that was taken is nobody else's; one that is only looked at stays while the lock is held. */
	if (!peek)
		sleep_unlock(&u->recv_lock);
	if (wait_queue_active(&u->peer_wait))
		wake_up_poll(&u->peer_wait, POLLOUT | POLLWRNORM | POLLWRBAND);
	ret = dgram_copy(u, m, msg, (u32)skip, &scm);
	if (peek)
		sleep_unlock(&u->recv_lock);
	else
		unix_msg_free(msg);
	if (ret < 0)
		unix_scm_destroy(&scm);
	else
		unix_scm_recv(&scm, u, m);
	return ret;
}

ssize_t unix_seqpacket_sendmsg(struct socket *s, struct sock_msg *m)
{
	int ret = socket_error(s);

	if (ret)
		return ret;
	if (atomic_load(&unix_of(s)->state) != UNIX_ESTABLISHED)
		return -ENOTCONN;
	m->namelen = 0;
	return unix_dgram_sendmsg(s, m);
}

ssize_t unix_seqpacket_recvmsg(struct socket *s, struct sock_msg *m)
{
	if (atomic_load(&unix_of(s)->state) != UNIX_ESTABLISHED)
		return -ENOTCONN;
	return unix_dgram_recvmsg(s, m);
}
