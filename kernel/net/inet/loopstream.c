/* Sending and receiving on loopback connections, urgent data, readiness, and when an idle ring's memory goes. */
#include "net/inet/loop.h"

#define IDLE_TIME (2 * NSEC_PER_SEC) /* a ring that nobody used for so long keeps no memory */

/* ---- how much may be under way ---- */

static u32 part(u32 size, u32 unset, u32 automatic) { return size == unset ? automatic : size / 2; }

static u64 limit(const struct inet_sock *s, const struct inet_sock *peer)
{
	return part(atomic_load_relaxed(&s->sock.sndbuf), INET_TCP_SNDBUF, LOOP_AUTO_LIMIT / 2) +
	       part(atomic_load_relaxed(&peer->sock.rcvbuf), INET_TCP_RCVBUF, LOOP_AUTO_LIMIT / 2);
}

/* A sender goes on when a third is free, so that it does not wake for every little piece. */
static bool writable(const struct inet_sock *s, struct inet_sock *peer)
{
	return loop_ring_used(&peer->loop->rx) * 3 <= limit(s, peer) * 2;
}

static bool may_send(struct inet_sock *s, struct inet_sock *peer)
{
	if ((atomic_load(&s->shutdown) & INET_SEND_SHUTDOWN) || atomic_load(&s->sock.err) || atomic_load(&peer->dead) ||
	    loop_peer(s) != peer || writable(s, peer))
		return true;
	atomic_store(&peer->loop->rx.nospace, 1);
	atomic_fence();
	return writable(s, peer);
}

/* ---- urgent data: one byte of the stream with a mark ---- */

static bool mark_pending(struct loop_sock *l) { return atomic_load(&l->urg) != URG_NONE; }

bool loop_at_mark(struct inet_sock *s)
{
	return mark_pending(s->loop) && atomic_load(&s->loop->urg_pos) == atomic_load(&s->loop->rx.tail);
}

static void put_mark(struct inet_sock *peer, u8 byte)
{
	struct loop_sock *l = peer->loop;

	mutex_lock(&peer->lock);
	l->urg_byte = byte;
	atomic_store(&l->urg_pos, atomic_load(&l->rx.head));
	atomic_store(&l->urg, URG_VALID);
	mutex_unlock(&peer->lock);
}

static ssize_t recv_urgent(struct inet_sock *s, struct sock_msg *m)
{
	struct loop_sock *l = s->loop;
	u8 byte = 0;
	int ret = 0;

	mutex_lock(&s->lock);
	if (sock_bit(&s->sock, SB_OOBINLINE) || l->urg == URG_NONE || l->urg == URG_READ)
		ret = -EINVAL;
	else if (s->state == TCP_CLOSE && !l->fin)
		ret = -ENOTCONN;
	else
		byte = l->urg_byte;
	if (!ret && !(m->flags & MSG_PEEK))
		atomic_store(&l->urg, URG_READ);
	mutex_unlock(&s->lock);
	if (ret)
		return ret;
	m->out_flags |= MSG_OOB;
	if (!m->data->resid) {
		m->out_flags |= MSG_TRUNC;
		return 0;
	}
	if (m->flags & MSG_TRUNC)
		return 1;
	return uio_copy_to(m->data, &byte, 1) == 1 ? 1 : -EFAULT;
}

/* ---- sending ---- */

/* Everything up to n bytes into the peer's ring; with wlock. Bytes or -errno. */
static ssize_t send_piece(struct inet_sock *s, struct inet_sock *peer, struct sock_msg *m, size_t n)
{
	struct loop_ring *r = &peer->loop->rx;
	bool cold = !r->w;
	ssize_t ret = loop_ring_put(r, m->data, n);

	if (unlikely(cold && r->w))
		loop_warm(peer);
	return ret;
}

static void data_ready(struct inet_sock *peer)
{
	if (unlikely(atomic_load(&peer->loop->queued) == LOOP_DEFERRED))
		loop_undefer(peer);
	inet_wake(peer, POLLIN | POLLRDNORM);
}

/* The last byte of an urgent send, after all others. */
static ssize_t send_urgent(struct inet_sock *s, struct inet_sock *peer, struct sock_msg *m)
{
	struct uio one;
	u8 byte;

	if (uio_copy_from(m->data, &byte, 1) != 1)
		return -EFAULT;
	put_mark(peer, byte);
	uio_init_kernel(&one, &byte, 1);
	m->data->resid = 0;
	return loop_ring_put(&peer->loop->rx, &one, 1);
}

static ssize_t send_some(struct inet_sock *s, struct inet_sock *peer, struct sock_msg *m)
{
	struct loop_ring *r = &peer->loop->rx;
	bool urgent = m->flags & MSG_OOB;
	u64 most, used;
	ssize_t ret;

	ret = sleep_lock(&r->wlock);
	if (ret)
		return ret;
	most = limit(s, peer);
	used = loop_ring_used(r);
	if (unlikely(loop_peer(peer) != s)) {
		ret = -EPIPE; /* it has closed, or let go of us */
	} else if (used >= most) {
		ret = -EAGAIN;
	} else if (urgent && m->data->resid == 1) {
		ret = send_urgent(s, peer, m);
	} else {
		ret = send_piece(s, peer, m, min(m->data->resid - urgent, (size_t)(most - used)));
	}
	sleep_unlock(&r->wlock);
	if (ret > 0) {
		data_ready(peer);
		if (urgent && !m->data->resid)
			inet_sigurg(peer);
	}
	return ret;
}

#define SEGMENT 65536u /* what goes out before a reset can come back */

static bool send_stopped(struct inet_sock *s)
{
	return atomic_load(&s->sock.err) || (atomic_load(&s->shutdown) & INET_SEND_SHUTDOWN);
}

static bool nobody_reads(struct inet_sock *peer)
{
	return atomic_load(&peer->dead) || (atomic_load(&peer->shutdown) == INET_SHUTDOWN_BOTH);
}

/* Between loop_enter and loop_leave. */
static ssize_t stream_send(struct inet_sock *s, struct sock_msg *m)
{
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->sock.sndtimeo));
	struct inet_sock *peer = loop_peer(s);
	ssize_t sent = 0, ret = 0;

	if (!peer) {
		ret = socket_error(&s->sock);
		return ret ? ret : -EPIPE;
	}
	for (;;) {
		if (unlikely(send_stopped(s))) {
			/* An error is for the call that sent nothing. */
			ret = sent ? 0 : socket_error(&s->sock);
			ret = ret || sent ? ret : -EPIPE;
			break;
		}
		if (!m->data->resid)
			break;
		if (unlikely(loop_peer(s) != peer)) {
			ret = -EPIPE; /* connected to nobody meanwhile, or to another */
			break;
		}
		if (unlikely(nobody_reads(peer))) {
			/* Bytes go out, and a reset comes back. */
			size_t n = min(m->data->resid, (size_t)SEGMENT);

			uio_skip(m->data, n);
			sent += (ssize_t)n;
			loop_refused_data(s, peer);
			continue;
		}
		ret = send_some(s, peer, m);
		if (ret > 0) {
			sent += ret;
			continue;
		}
		if (unlikely(ret == -EPIPE) && (send_stopped(s) || nobody_reads(peer)))
			continue; /* that tells which error it is */
		if (ret != -EAGAIN)
			break;
		if (w.nonblock) {
			if (may_send(s, peer)) /* leaves word that room is wanted */
				continue;
			break;
		}
		ret = inet_wait(s, may_send(s, peer), &w, 0, POLLOUT | POLLWRNORM);
		if (ret) {
			ret = sock_wait_error(&w, (int)ret);
			break;
		}
	}
	return sent ? sent : ret;
}

ssize_t loop_stream_send(struct inet_sock *s, struct sock_msg *m)
{
	u32 epoch = loop_enter(s);
	ssize_t ret;

	ret = stream_send(s, m);
	loop_leave(s, epoch);
	return ret;
}

/* ---- receiving ---- */

struct stream_read {
	struct inet_sock *s;
	struct sock_msg *m;
	size_t size, done;
	u64 skip; /* peek: bytes seen already */
	bool peek, stop, slept;
};


/* The reader has moved past the mark. */
static void pass_mark(struct inet_sock *s)
{
	struct loop_sock *l = s->loop;

	if (likely(!mark_pending(l)) || atomic_load(&l->rx.tail) <= atomic_load(&l->urg_pos))
		return;
	mutex_lock(&s->lock);
	if (l->rx.tail > l->urg_pos)
		atomic_store(&l->urg, URG_NONE);
	mutex_unlock(&s->lock);
}

/* The peer waits for room, and there may be enough now. */
static void room_wanted(struct inet_sock *s)
{
	u32 epoch = loop_enter(s);
	struct inet_sock *peer = loop_peer(s);

	if (peer && writable(peer, s)) {
		atomic_store(&s->loop->rx.nospace, 0);
		inet_wake(peer, POLLOUT | POLLWRNORM | POLLWRBAND);
	}
	loop_leave(s, epoch);
}

static void consumed(struct inet_sock *s, u64 n)
{
	struct loop_ring *r = &s->loop->rx;

	loop_ring_consume(r, n);
	pass_mark(s);
	atomic_fence();
	if (unlikely(atomic_load(&r->nospace)))
		room_wanted(s);
}

static void advance(struct stream_read *r, u64 n)
{
	if (r->peek)
		r->skip += n;
	else
		consumed(r->s, n);
}

/*
 * The urgent byte: a read that has got something ends before it; one that begins there passes over it, unless it is
 * to be seen in line. False: stop.
 */
static bool at_mark(struct stream_read *r)
{
	struct loop_sock *l = r->s->loop;

	if (atomic_load(&l->urg_pos) != l->rx.tail + r->skip)
		return true;
	if (r->done) {
		r->stop = true;
		return false;
	}
	if (!sock_bit(&r->s->sock, SB_OOBINLINE))
		advance(r, 1);
	return true;
}

/* One piece. Bytes taken, 0 = nothing there (or stop), -EFAULT. The holder of recv_lock. */
static ssize_t read_piece(struct stream_read *r)
{
	struct loop_sock *l = r->s->loop;
	u64 used, mark;
	ssize_t got;
	size_t n;

	if (loop_ring_used(&l->rx) <= r->skip || (unlikely(mark_pending(l)) && !at_mark(r)))
		return 0;
	used = loop_ring_used(&l->rx);
	if (used <= r->skip)
		return 0;
	n = min(r->size - r->done, (size_t)(used - r->skip));
	mark = atomic_load(&l->urg_pos);
	if (unlikely(mark_pending(l)) && mark > l->rx.tail + r->skip)
		n = min(n, (size_t)(mark - l->rx.tail - r->skip));
	got = loop_ring_get(&l->rx, r->m->flags & MSG_TRUNC ? NULL : r->m->data, r->skip, n);
	if (got <= 0)
		return got;
	advance(r, (u64)got);
	r->done += (size_t)got;
	return got;
}

/* Nothing (more) is there: 1 = wait, else what the call ends with. */
static int stream_end(struct stream_read *r)
{
	struct inet_sock *s = r->s;
	int err;

	if (r->done)
		return atomic_load(&s->sock.err) || (atomic_load(&s->shutdown) & INET_RCV_SHUTDOWN) ? 0 : 1;
	if (atomic_load(&s->loop->fin))
		return 0;
	err = socket_error(&s->sock);
	if (err)
		return err;
	return atomic_load(&s->shutdown) & INET_RCV_SHUTDOWN ? 0 : 1;
}

static bool readable(struct inet_sock *s, u64 seen)
{
	return loop_ring_used(&s->loop->rx) > seen || atomic_load(&s->sock.err) ||
	       (atomic_load(&s->shutdown) & INET_RCV_SHUTDOWN);
}

/* Until target bytes are there. The holder of recv_lock; *locked says whether still on return. */
static int stream_fill(struct stream_read *r, size_t target, const struct sock_wait *w, bool *locked)
{
	struct inet_sock *s = r->s;
	ssize_t got;
	int ret;

	for (;;) {
		got = read_piece(r);
		if (got < 0)
			return (int)got;
		if (r->stop || r->done == r->size)
			return 0;
		if (got)
			continue;
		if (r->done >= target)
			return 0;
		ret = stream_end(r);
		/* What came just before the end must not be missed. */
		if (ret <= 0 && loop_ring_used(&s->loop->rx) > r->skip && !ret)
			continue;
		if (ret <= 0)
			return ret;
		if (w->nonblock)
			return -EAGAIN;
		sleep_unlock(&s->recv_lock);
		*locked = false;
		r->slept = true;
		ret = inet_wait(s, readable(s, r->skip), w, WAIT_EXCLUSIVE, POLLIN | POLLRDNORM);
		if (ret) {
			if (readable(s, r->skip))
				wake_up_poll(&s->wait, POLLIN | POLLRDNORM); /* perhaps meant for another */
			return sock_wait_error(w, ret);
		}
		ret = sleep_lock(&s->recv_lock);
		if (ret)
			return ret;
		*locked = true;
	}
}

ssize_t loop_stream_recv(struct inet_sock *s, struct sock_msg *m)
{
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->sock.rcvtimeo));
	struct stream_read r = { .s = s, .m = m, .size = m->data->resid, .peek = m->flags & MSG_PEEK };
	s32 peek_off = atomic_load_relaxed(&s->sock.peek_off);
	size_t target;
	bool locked = true;
	int ret;

	if (m->flags & MSG_OOB)
		return recv_urgent(s, m);
	if (unlikely(peek_off > 0) && r.peek)
		r.skip = (u64)peek_off;
	target = m->flags & MSG_WAITALL ? r.size : min(r.size, (size_t)atomic_load(&s->sock.rcvlowat));
	ret = sleep_lock(&s->recv_lock);
	if (ret)
		return ret;
	ret = r.size ? stream_fill(&r, max(target, (size_t)1), &w, &locked) : 0;
	if (locked) {
		sleep_unlock(&s->recv_lock);
		/* It took the one wake-up there was, and leaves something for the next. */
		if (unlikely(r.slept) && loop_ring_used(&s->loop->rx) && wait_queue_active(&s->wait))
			wake_up_poll(&s->wait, POLLIN | POLLRDNORM);
	}
	if (unlikely(peek_off >= 0) && r.done)
		inet_peek_moved(s, r.peek ? (s64)r.done : -(s64)r.done);
	return r.done ? (ssize_t)r.done : ret;
}

/* ---- readiness ---- */

/* Bytes that a read would give. */
static u64 available(struct inet_sock *s)
{
	struct loop_sock *l = s->loop;
	u64 used = loop_ring_used(&l->rx);

	if (unlikely(mark_pending(l)) && used && !sock_bit(&s->sock, SB_OOBINLINE)) {
		u64 tail = atomic_load(&l->rx.tail), mark = atomic_load(&l->urg_pos);

		/* As FIONREAD has it: up to the mark, or without the byte at it. */
		if (mark > tail)
			return min(used, mark - tail);
		if (mark == tail)
			return used - 1;
	}
	return used;
}

u32 loop_stream_inq(struct inet_sock *s) { return (u32)available(s); }

void loop_tcp_info(struct inet_sock *s, struct tcp_info *ti)
{
	struct inet_sock *peer;

	/* Others may ask than those who hold the file. */
	mutex_lock(&s->lock);
	peer = loop_peer(s) ? inet_get(loop_peer(s)) : NULL;
	mutex_unlock(&s->lock);
	ti->bytes_received = atomic_load(&s->loop->rx.head);
	if (!peer)
		return;
	ti->bytes_sent = ti->bytes_acked = atomic_load(&peer->loop->rx.head);
	ti->snd_wnd = (u32)limit(s, peer);
	inet_put(peer);
}

/* More than this is never there at a time, so that a larger SO_RCVLOWAT is ready here. */
static u64 most_lowat(struct inet_sock *s, struct inet_sock *peer) { return peer ? limit(peer, s) : 1; }

u32 loop_stream_poll(struct inet_sock *s, u32 want)
{
	u32 shutdown = atomic_load(&s->shutdown), state = atomic_load(&s->state), mask = 0;
	u32 epoch = loop_enter(s);
	struct inet_sock *peer = loop_peer(s);
	u64 avail;

	if (shutdown == INET_SHUTDOWN_BOTH || state == TCP_CLOSE)
		mask |= POLLHUP;
	if (shutdown & INET_RCV_SHUTDOWN)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (state != TCP_SYN_SENT) {
		avail = available(s);
		if (avail && avail >= min((u64)atomic_load(&s->sock.rcvlowat), most_lowat(s, peer)))
			mask |= POLLIN | POLLRDNORM;
		if ((shutdown & INET_SEND_SHUTDOWN) || !peer || may_send(s, peer))
			mask |= POLLOUT | POLLWRNORM;
		if (atomic_load(&s->loop->urg) == URG_VALID)
			mask |= POLLPRI;
	}
	loop_leave(s, epoch);
	if (atomic_load(&s->sock.err))
		mask |= POLLERR;
	return mask;
}

/* ---- the memory of idle rings ---- */

static struct mutex warm_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head warm = LIST_HEAD_INIT(warm); /* under warm_lock, as the next two */
static u32 warm_count;
static bool ticking;
static struct timer warm_timer;

/* Frees the ring's memory when nobody has used it since the last look. True: it is gone. */
static bool cool_down(struct inet_sock *s)
{
	struct loop_ring *r = &s->loop->rx;
	bool gone = false;

	if (atomic_xchg(&r->used_lately, 0))
		return false;
	if (!atomic_cas(&s->recv_lock.held, 0, 1))
		return false;
	if (atomic_cas(&r->wlock.held, 0, 1)) {
		if (!loop_ring_used(r)) {
			loop_ring_free(r);
			gone = true;
		}
		sleep_unlock(&r->wlock);
	}
	sleep_unlock(&s->recv_lock);
	return gone;
}

static void warm_tick(struct timer *t)
{
	struct inet_sock *s;
	bool more;
	u32 n;

	mutex_lock(&warm_lock);
	n = warm_count;
	mutex_unlock(&warm_lock);
	while (n--) {
		mutex_lock(&warm_lock);
		s = list_empty(&warm) ? NULL : loop_self(list_first_entry(&warm, struct loop_sock, warm_node));
		if (s) {
			list_del(&s->loop->warm_node);
			warm_count--;
			if (!ref_get_unless_zero(&s->ref))
				s = NULL; /* on its way out: loop_cold finds it off the list */
		}
		mutex_unlock(&warm_lock);
		if (!s)
			continue;
		if (!cool_down(s))
			loop_warm(s);
		inet_put(s);
	}
	mutex_lock(&warm_lock);
	more = ticking = warm_count > 0;
	mutex_unlock(&warm_lock);
	if (!more || !timer_set(t, ktime_get() + IDLE_TIME))
		return;
	mutex_lock(&warm_lock);
	ticking = false;
	mutex_unlock(&warm_lock);
}

void loop_warm(struct inet_sock *s)
{
	bool start = false;

	mutex_lock(&warm_lock);
	if (list_empty(&s->loop->warm_node)) {
		list_add_tail(&s->loop->warm_node, &warm);
		warm_count++;
		if (!warm_timer.func)
			timer_init(&warm_timer, warm_tick);
		start = !ticking;
		ticking = true;
	}
	mutex_unlock(&warm_lock);
	if (start && timer_set(&warm_timer, ktime_get() + IDLE_TIME)) {
		mutex_lock(&warm_lock);
		ticking = false;
		mutex_unlock(&warm_lock);
	}
}

void loop_cold(struct inet_sock *s)
{
	mutex_lock(&warm_lock);
	if (!list_empty(&s->loop->warm_node)) {
		list_del(&s->loop->warm_node);
		warm_count--;
	}
	mutex_unlock(&warm_lock);
}
