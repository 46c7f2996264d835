/* SOCK_STREAM: bytes without borders, except that one read never crosses passed descriptors or a change of writer. */
#include "net/unix/unix.h"

#include "proc/signal.h"

static void broken_pipe(void)
{
	struct siginfo info;

	siginfo_kill(&info, SIGPIPE);
	(void)signal_send_task(current, SIGPIPE, &info);
}

/* Copies in and queues one chunk. Bytes or -errno. */
static ssize_t send_chunk(struct unix_sock *u, struct unix_sock *peer, struct sock_msg *m, struct unix_scm *scm,
			  const struct sock_wait *w)
{
	u32 most = min(UNIX_FIRST_MAX, atomic_load(&u->sock.sndbuf) / 2 - 64);
	u32 len = (u32)min(m->data->resid, (size_t)most);
	struct unix_msg *msg = unix_msg_alloc(u, len, w);
	int ret = 0;

	if (is_err(msg))
		return ptr_err(msg);
	unix_scm_attach_creds(scm, msg);
	if (scm->fds)
		ret = unix_scm_attach_fds(scm, msg);
	if (!ret)
		ret = unix_msg_fill(msg, m->data);
	if (ret) {
		unix_msg_free(msg);
		return ret;
	}
	unix_scm_default_creds(msg, u, peer);
	mutex_lock(&peer->lock);
	if (peer->dead || (peer->shutdown & UNIX_RCV_SHUTDOWN))
		ret = -EPIPE;
	else
		unix_msg_queue(peer, msg);
	mutex_unlock(&peer->lock);
	if (ret) {
		unix_msg_free(msg);
		return ret;
	}
	unix_data_ready(peer);
	return len;
}

ssize_t unix_stream_sendmsg(struct socket *s, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(s), *peer;
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->sndtimeo));
	struct unix_scm scm;
	ssize_t sent = 0, ret;

	unix_gc_throttle();
	ret = unix_scm_send(&scm, m);
	if (ret)
		return ret;
	/* Set once and kept until release, which cannot come during the call. */
	peer = atomic_load(&u->peer);
	if (m->flags & MSG_OOB)
		ret = -EOPNOTSUPP;
	else if (m->namelen)
		ret = atomic_load(&u->state) == UNIX_ESTABLISHED ? -EISCONN : -EOPNOTSUPP;
	else if (!peer)
		ret = -ENOTCONN;
	else if (atomic_load(&u->shutdown) & UNIX_SEND_SHUTDOWN)
		ret = -EPIPE;
	while (!ret && m->data->resid) {
		ret = send_chunk(u, peer, m, &scm, &w);
		if (ret > 0) {
			sent += ret;
			ret = 0;
		}
	}
	unix_scm_destroy(&scm);
	if (ret == -EPIPE && !sent && !(m->flags & MSG_NOSIGNAL))
		broken_pipe();
	return sent ? sent : ret;
}

/* One receive call on its way through the queue. */
struct stream_read {
	struct unix_sock *u;
	struct sock_msg *m;
	struct unix_scm scm;
	size_t size; /* wanted in all */
	size_t done;
	u64 skip; /* bytes in front of what is wanted: SO_PEEK_OFF, and what this peek has seen */
	bool peek, peek_off;
	bool check_creds; /* scm has the first message's */
	bool stop;
};

/* The message that holds the byte skip bytes into the queue; skip becomes the offset in it. */
static struct unix_msg *find_locked(struct unix_sock *u, u64 *skip)
{
	struct unix_msg *msg;

	list_for_each_entry(msg, &u->queue, node) {
		u32 left = msg->len - msg->off;

		if (*skip < left)
			return msg;
		*skip -= left;
	}
	return NULL;
}

static void consumed(struct stream_read *r, struct unix_msg *msg, u32 n)
{
	struct unix_sock *u = r->u;
	bool empty;

	if (r->peek_off) {
		s32 off = atomic_load(&u->sock.peek_off);

		if (off > 0)
			atomic_store(&u->sock.peek_off, off > (s32)n ? off - (s32)n : 0);
	}
	if (msg->fds)
		unix_scm_take_fds(&r->scm, msg);
	mutex_lock(&u->lock);
	empty = msg->off + n == msg->len;
	if (empty)
		unix_msg_unlink(u, msg);
	else
		u->inq_bytes -= n;
	msg->off += n;
	mutex_unlock(&u->lock);
	if (empty)
		unix_msg_free(msg);
	if (!empty || r->scm.fds)
		r->stop = true;
}

/* The rest of msg, or as much as is wanted. 0 or -EFAULT. Holder of recv_lock. */
static int take_from(struct stream_read *r, struct unix_msg *msg, u64 skip)
{
	u32 avail = msg->len - msg->off - (u32)skip;
	u32 n = (u32)min((size_t)avail, r->size - r->done);
	int ret;

	if (r->check_creds && !unix_scm_same_creds(&r->scm, msg)) {
		r->stop = true;
		return 0;
	}
	if (!r->check_creds && (atomic_load_relaxed(&r->u->sock.flags) & (SOCK_F_PASSCRED | SOCK_F_PASSPIDFD))) {
		unix_scm_take_creds(&r->scm, msg);
		r->check_creds = true;
	}
	if (r->m->name && !r->m->namelen)
		r->m->namelen = (u32)unix_addr_copy(msg->sender, r->m->name);
	if (unix_msg_copy(msg, msg->off + (u32)skip, n, r->m->data))
		return r->done ? (r->stop = true, 0) : -EFAULT;
	r->done += n;
	if (!r->peek) {
		consumed(r, msg, n);
		return 0;
	}
	r->skip += n;
	if (r->peek_off)
		atomic_store(&r->u->sock.peek_off, (s32)(r->u->sock.peek_off + n));
	if (!msg->fds)
		return 0;
	ret = unix_scm_peek_fds(&r->scm, msg);
	r->stop = true;
	return ret;
}

/* Nothing (more) is queued. 0 = end the call with what there is, 1 = wait. Under u->lock. */
static int empty_locked(struct stream_read *r, size_t target)
{
	int ret;

	if (r->done >= target)
		return 0;
	ret = socket_error(&r->u->sock);
	if (ret)
		return ret;
	return r->u->shutdown & UNIX_RCV_SHUTDOWN ? 0 : 1;
}

static bool stream_readable(struct unix_sock *u, u64 seen)
{
	bool yes;

	mutex_lock(&u->lock);
	yes = u->inq_bytes > seen || u->sock.err || (u->shutdown & UNIX_RCV_SHUTDOWN) || u->dead;
	mutex_unlock(&u->lock);
	return yes;
}

/* Moves on until enough is there, the queue ends the call, or an error. Holder of recv_lock on entry and return. */
static int stream_fill(struct stream_read *r, size_t target, const struct sock_wait *w, bool *locked)
{
	struct unix_sock *u = r->u;
	int ret;

	do {
		u64 skip = r->skip;
		struct unix_msg *msg;

		mutex_lock(&u->lock);
		msg = find_locked(u, &skip);
		ret = msg ? 0 : empty_locked(r, target);
		mutex_unlock(&u->lock);
		if (!msg) {
			if (ret <= 0)
				return ret;
			if (w->nonblock)
				return -EAGAIN;
			sleep_unlock(&u->recv_lock);
			*locked = false;
			ret = sock_wait_event(&u->wait, stream_readable(u, r->skip), w->deadline, 0,
					      POLLIN | POLLRDNORM);
			if (ret)
				return sock_wait_error(w, ret);
			ret = sleep_lock(&u->recv_lock);
			if (ret)
				return ret;
			*locked = true;
			continue;
		}
		ret = take_from(r, msg, skip);
		if (ret)
			return ret;
	} while (!r->stop && r->done < r->size);
	return 0;
}

ssize_t unix_stream_recvmsg(struct socket *s, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(s);
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->rcvtimeo));
	struct stream_read r = { .u = u, .m = m, .size = m->data->resid, .peek = m->flags & MSG_PEEK };
	s32 peek_off = atomic_load(&s->peek_off);
	size_t target;
	bool locked = true;
	int ret;

	if (atomic_load(&u->state) != UNIX_ESTABLISHED)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	target = m->flags & MSG_WAITALL ? r.size : min(r.size, (size_t)atomic_load(&s->rcvlowat));
	target = max(target, (size_t)1);
	r.peek_off = peek_off >= 0;
	if (r.peek && r.peek_off)
		r.skip = (u64)peek_off;
	ret = sleep_lock(&u->recv_lock);
	if (ret)
		return ret;
	ret = stream_fill(&r, target, &w, &locked);
	if (locked)
		sleep_unlock(&u->recv_lock);
	if (r.done || !ret) {
		unix_scm_recv(&r.scm, u, m);
		return (ssize_t)r.done;
	}
	unix_scm_destroy(&r.scm);
	return ret;
}
