/* Loopback connections: made, accepted, half closed, ended; see loop.h. */
#include "net/inet/loop.h"

static void count(u64 *c) { atomic_add(c, 1); }

/* An attempt to connect has come to nothing. */
static void connect_failed(struct inet_sock *s, int err)
{
	bool mine;

	mutex_lock(&s->lock);
	mine = s->state == TCP_SYN_SENT;
	if (mine) {
		inet_set_err(s, err);
		atomic_store(&s->shutdown, INET_SHUTDOWN_BOTH);
		atomic_store(&s->state, TCP_CLOSE);
	}
	mutex_unlock(&s->lock);
	if (!mine)
		return;
	count(&inet_stats.tcp_fails);
	inet_port_disconnect(s);
	inet_wake(s, 0);
}

static void join_locked(struct inet_sock *s, struct inet_sock *l, struct inet_sock *c)
{
	struct loop_sock *cl = c->loop;
	bool deferred = atomic_load(&l->opt.defer_accept) > 0;

	c->local = s->remote;
	c->remote = s->local;
	c->ops = &loop_ops;
	cl->peer = inet_get(s);
	cl->queued = deferred ? LOOP_DEFERRED : LOOP_ACCEPT;
	cl->listener = inet_get(l);
	c->state = TCP_ESTABLISHED;
	inet_port_child(c);
	atomic_store(&s->loop->peer, inet_get(c));
	atomic_store(&s->state, TCP_ESTABLISHED);
	list_add_tail(&cl->node, deferred ? &l->loop->deferred : &l->loop->accept_queue);
	if (deferred)
		l->loop->deferred_len++;
	else
		atomic_store(&l->loop->qlen, l->loop->qlen + 1);
}

static bool full_locked(struct inet_sock *l)
{
	return l->loop->qlen + l->loop->deferred_len > atomic_load(&l->backlog);
}

/* Onto l's list of those who wait for room. */
static void wait_locked(struct inet_sock *s, struct inet_sock *l)
{
	s->loop->queued = LOOP_SYN;
	s->loop->listener = inet_get(l);
	inet_get(s);
	list_add_tail(&s->loop->node, &l->loop->syns);
	count(&inet_stats.tcp_listen_overflows);
}

/*
 * s to l. waited: it is on l's list of those who wait, unless it has been dissolved in the meantime, and may be on its
 * way elsewhere. 0; 1 = waits; -ECONNREFUSED; -ECONNABORTED: not to be connected here; -ENOMEM.
 */
static int join(struct inet_sock *s, struct inet_sock *l, bool waited)
{
	struct loop_sock *ls = s->loop;
	struct inet_sock *c = inet_child(l);
	bool off = false;
	int ret = 0;

	if (!c)
		return -ENOMEM;
	mutex_lock_two(&s->lock, &l->lock);
	if (waited && (ls->queued != LOOP_SYN || ls->listener != l)) {
		ret = -ECONNABORTED;
	} else if (s->state != TCP_SYN_SENT || ls->peer) {
		ret = -ECONNABORTED;
		off = waited;
	} else if (l->state != TCP_LISTEN || atomic_load(&l->dead)) {
		ret = -ECONNREFUSED;
	} else if (full_locked(l)) {
		ret = 1;
		if (!waited)
			wait_locked(s, l);
	} else {
		join_locked(s, l, c);
		off = waited;
	}
	if (off) {
		list_del(&ls->node);
		ls->listener = NULL;
		atomic_store(&ls->queued, LOOP_NOT_QUEUED);
	}
	mutex_unlock_two(&s->lock, &l->lock);
	if (off) { /* the list's references */
		inet_put(l);
		inet_put(s);
	}
	if (ret) {
		inet_put(c);
		return ret;
	}
	count(&inet_stats.tcp_passive);
	if (atomic_load(&c->loop->queued) == LOOP_ACCEPT)
		inet_wake(l, POLLIN | POLLRDNORM);
	inet_wake(s, POLLOUT | POLLWRNORM | POLLWRBAND);
	return 0;
}

/*
 * Nobody listens there, but the other end may be on its way to us, and so may we ourselves (a socket that connects to
 * its own name): both ends, or the one, are connected to each other then. 0 or -ECONNREFUSED.
 */
static int meet(struct inet_sock *s)
{
	struct inet_sock *o = inet_find_connected(&s->remote, &s->local);
	int ret = -ECONNREFUSED;

	if (!o)
		return ret;
	mutex_lock_two(&s->lock, &o->lock);
	if (s->state == TCP_SYN_SENT && o->state == TCP_SYN_SENT && !s->loop->peer && !o->loop->peer &&
	    !atomic_load(&o->loop->queued) && atomic_load(&o->ops) == &loop_ops) {
		atomic_store(&s->loop->peer, inet_get(o));
		atomic_store(&s->state, TCP_ESTABLISHED);
		if (o != s) {
			atomic_store(&o->loop->peer, inet_get(s));
			atomic_store(&o->state, TCP_ESTABLISHED);
		}
		ret = 0;
	} else if (s->state == TCP_ESTABLISHED && s->loop->peer == o) {
		ret = 0; /* the other one was faster */
	}
	mutex_unlock_two(&s->lock, &o->lock);
	if (!ret) {
		inet_wake(s, POLLOUT | POLLWRNORM | POLLWRBAND);
		inet_wake(o, POLLOUT | POLLWRNORM | POLLWRBAND);
	}
	inet_put(o);
	return ret;
}

int loop_connect(struct inet_sock *s)
{
	struct inet_sock *l;
	int ret;

	if (loop_peer(s))
		return -EISCONN; /* another thread was faster */
	mutex_lock(&s->lock);
	ret = inet_port_connect(s);
	mutex_unlock(&s->lock);
	if (ret)
		return ret;
	count(&inet_stats.tcp_active);
	do {
		l = inet_find_listener(&s->remote, &s->local);
		if (!l) {
			ret = meet(s);
			break;
		}
		ret = join(s, l, false);
		inet_put(l);
	} while (ret == -ECONNREFUSED); /* it died just now: there may be another */
	if (ret == -ECONNREFUSED) {
		count(&inet_stats.tcp_out_rsts);
		connect_failed(s, ECONNREFUSED);
		return 0;
	}
	if (ret == -ECONNABORTED) {
		connect_failed(s, ECONNABORTED); /* unless another thread has seen to it */
		return 0;
	}
	return ret < 0 ? ret : 0;
}

int loop_listen(struct inet_sock *s, u32 backlog)
{
	return 0;
}

/*
 * Off its listener's list, whose lock is held: the reference to the listener. The socket's own lock inside that one: no
 * path takes the two the other way round for a socket that is on the list.
 */
static struct inet_sock *unqueue_locked(struct loop_sock *ls)
{
	struct inet_sock *l = ls->listener;

	list_del(&ls->node);
	mutex_lock_nested(&loop_self(ls)->lock);
	ls->listener = NULL;
	atomic_store(&ls->queued, LOOP_NOT_QUEUED);
	mutex_unlock(&loop_self(ls)->lock);
	return l;
}

/* Takes the first off list, with the reference that the list had. Under l->lock. */
static struct inet_sock *pop_locked(struct inet_sock *l, struct list_head *list, struct inet_sock **listener)
{
	struct loop_sock *ls = list_first_entry_or_null(list, struct loop_sock, node);

	if (!ls)
		return NULL;
	if (atomic_load(&ls->queued) == LOOP_ACCEPT)
		atomic_store(&l->loop->qlen, l->loop->qlen - 1);
	else if (atomic_load(&ls->queued) == LOOP_DEFERRED)
		l->loop->deferred_len--;
	*listener = unqueue_locked(ls);
	return loop_self(ls);
}

/* The queue has room again: those who wait for it come in. */
static void admit(struct inet_sock *l)
{
	struct loop_sock *first;
	struct inet_sock *s;
	int ret = 0;

	while (!ret || ret == -ECONNABORTED) {
		mutex_lock(&l->lock);
		first = full_locked(l) ? NULL : list_first_entry_or_null(&l->loop->syns, struct loop_sock, node);
		s = first ? inet_get(loop_self(first)) : NULL;
		mutex_unlock(&l->lock);
		if (!s)
			return;
		ret = join(s, l, true);
		inet_put(s);
	}
}

struct inet_sock *loop_accept(struct inet_sock *l)
{
	struct inet_sock *c, *held = NULL;
	bool waiting;

	mutex_lock(&l->lock);
	c = pop_locked(l, &l->loop->accept_queue, &held);
	waiting = !list_empty(&l->loop->syns);
	mutex_unlock(&l->lock);
	if (held)
		inet_put(held);
	if (c && waiting)
		admit(l);
	return c;
}

void loop_undefer(struct inet_sock *c)
{
	struct inet_sock *l = NULL;
	struct loop_sock *cl = c->loop;
	bool moved = false;

	mutex_lock(&c->lock);
	if (cl->listener)
		l = inet_get(cl->listener);
	mutex_unlock(&c->lock);
	if (!l)
		return;
	mutex_lock(&l->lock);
	if (atomic_load(&cl->queued) == LOOP_DEFERRED) {
		list_move_tail(&cl->node, &l->loop->accept_queue);
		atomic_store(&cl->queued, LOOP_ACCEPT);
		atomic_store(&l->loop->qlen, l->loop->qlen + 1);
		l->loop->deferred_len--;
		moved = true;
	}
	mutex_unlock(&l->lock);
	if (moved)
		inet_wake(l, POLLIN | POLLRDNORM);
	inet_put(l);
}

void loop_unlisten(struct inet_sock *l)
{
	struct inet_sock *c, *held;

	for (;;) {
		bool child = true;

		held = NULL;
		mutex_lock(&l->lock);
		c = pop_locked(l, &l->loop->accept_queue, &held);
		if (!c)
			c = pop_locked(l, &l->loop->deferred, &held);
		if (!c) {
			c = pop_locked(l, &l->loop->syns, &held);
			child = false;
		}
		mutex_unlock(&l->lock);
		if (!c)
			return;
		inet_put(held);
		if (child) {
			loop_reset(c);
			inet_abandon(c);
		} else {
			connect_failed(c, ECONNREFUSED);
			inet_put(c);
		}
	}
}

/* ---- the end of connections ---- */

static bool leave_syns(struct inet_sock *s);

/* The far end of s is told that s will send nothing more. Both locked. True: s2 has just ended, in TIME_WAIT. */
static bool fin_locked(struct inet_sock *s, struct inet_sock *peer)
{
	bool tw = false;

	if (s == peer && s->state == TCP_ESTABLISHED) {
		/* To itself: both ends close at once. */
		atomic_store(&s->state, TCP_CLOSE);
		atomic_store(&s->shutdown, INET_SHUTDOWN_BOTH);
		tw = true;
	} else if (s->state == TCP_ESTABLISHED) {
		atomic_store(&s->state, TCP_FIN_WAIT2);
		s->loop->first_closer = true;
		if (peer->state == TCP_ESTABLISHED)
			atomic_store(&peer->state, TCP_CLOSE_WAIT);
	} else if (s->state == TCP_CLOSE_WAIT) {
		atomic_store(&s->state, TCP_CLOSE);
		atomic_store(&s->shutdown, INET_SHUTDOWN_BOTH);
		if (peer->state == TCP_FIN_WAIT2) {
			atomic_store(&peer->state, TCP_CLOSE);
			atomic_store(&peer->shutdown, INET_SHUTDOWN_BOTH);
			tw = peer->loop->first_closer;
		}
	} else {
		return false;
	}
	atomic_store(&peer->shutdown, peer->shutdown | INET_RCV_SHUTDOWN);
	atomic_store(&peer->loop->fin, true);
	return tw;
}

/* What follows from fin_locked, with nothing locked. */
static void fin_done(struct inet_sock *s, struct inet_sock *peer, bool tw)
{
	if (tw) {
		inet_timewait_add(peer);
		inet_port_ended(peer);
	}
	if (atomic_load(&s->state) == TCP_CLOSE)
		inet_port_ended(s);
	if (atomic_load(&peer->loop->queued) == LOOP_DEFERRED)
		loop_undefer(peer);
	inet_wake(peer, 0);
}

/* s is told that the other end is gone without having read all. Locked. False: it has ended already. */
static bool rst_locked(struct inet_sock *s)
{
	if (s->state == TCP_CLOSE)
		return false;
	inet_set_err(s, s->state == TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
	atomic_store(&s->state, TCP_CLOSE);
	atomic_store(&s->shutdown, INET_SHUTDOWN_BOTH);
	return true;
}

void loop_reset(struct inet_sock *s)
{
	struct inet_sock *peer = loop_peer(s);
	bool told;

	if (!peer)
		return;
	mutex_lock_two(&s->lock, &peer->lock);
	if (loop_peer(s) != peer) {
		mutex_unlock_two(&s->lock, &peer->lock);
		return;
	}
	told = s->state != TCP_CLOSE && rst_locked(peer); /* one that has let go of s has ended it */
	atomic_store(&s->state, TCP_CLOSE);
	atomic_store(&s->shutdown, INET_SHUTDOWN_BOTH);
	mutex_unlock_two(&s->lock, &peer->lock);
	inet_port_ended(s);
	if (!told)
		return;
	count(&inet_stats.tcp_resets);
	count(&inet_stats.tcp_out_rsts);
	inet_port_ended(peer);
	if (atomic_load(&peer->loop->queued) == LOOP_DEFERRED)
		loop_undefer(peer);
	inet_wake(peer, 0);
}

void loop_refused_data(struct inet_sock *s, struct inet_sock *peer)
{
	bool ended, ours;

	mutex_lock_two(&s->lock, &peer->lock);
	if (loop_peer(s) != peer) {
		mutex_unlock_two(&s->lock, &peer->lock);
		return;
	}
	ended = rst_locked(s);
	ours = atomic_load(&peer->dead) || loop_peer(peer) == s; /* else it has let go of us, and may be another's now */
	if (ours && peer->state != TCP_CLOSE) {
		atomic_store(&peer->state, TCP_CLOSE);
		atomic_store(&peer->shutdown, INET_SHUTDOWN_BOTH);
	}
	mutex_unlock_two(&s->lock, &peer->lock);
	count(&inet_stats.tcp_out_rsts);
	if (ours)
		inet_port_ended(peer);
	if (!ended)
		return;
	inet_port_ended(s);
	inet_wake(s, 0);
	inet_wake(peer, 0);
}

int loop_shutdown(struct inet_sock *s, u32 how)
{
	struct inet_sock *peer;
	bool tw, ours;
	u32 epoch;

	epoch = loop_enter(s);
	peer = loop_peer(s);
	if ((how & INET_SEND_SHUTDOWN) && peer) {
		mutex_lock_two(&s->lock, &peer->lock);
		ours = loop_peer(s) == peer;
		tw = ours && fin_locked(s, peer);
		mutex_unlock_two(&s->lock, &peer->lock);
		if (ours)
			fin_done(s, peer, tw);
	}
	loop_leave(s, epoch);
	return 0;
}

#define PAST_MAX 64u /* connections whose peers somebody may still use: the next one to be dissolved waits */

/* Those that nobody can have seen any more; newest first, so that what holds for one holds for all behind it. */
static struct loop_past *unused_locked(struct loop_sock *ls)
{
	struct loop_past **at = &ls->past, *oldest = NULL, *unused;
	u32 empty = (atomic_load(&ls->inside[0]) ? 0 : 1u) | (atomic_load(&ls->inside[1]) ? 0 : 2u);

	for (; *at; at = &(*at)->next) {
		(*at)->empty |= empty;
		if ((*at)->empty == 3)
			break;
		oldest = *at;
	}
	unused = *at;
	atomic_store(at, NULL);
	for (struct loop_past *p = unused; p; p = p->next)
		atomic_store(&ls->past_count, (u8)(ls->past_count - 1));
	/* The one that newcomers use must run empty too, when the other has. */
	if (oldest && oldest->empty == 2u >> ls->epoch)
		atomic_store(&ls->epoch, (u8)!ls->epoch);
	return unused;
}

void loop_let_go(struct inet_sock *s)
{
	struct loop_past *p, *next;
	bool full;

	mutex_lock(&s->lock);
	full = s->loop->past_count == PAST_MAX;
	p = unused_locked(s->loop);
	mutex_unlock(&s->lock);
	if (full && p)
		inet_wake(s, 0);
	for (; p; p = next) {
		next = p->next;
		inet_put(p->peer);
		kfree(p);
	}
}

/* connect(2) to nobody: a reset for the other end, and nothing here is left of the connection. */
int loop_disconnect(struct inet_sock *s)
{
	struct loop_sock *ls = s->loop;
	struct loop_past *p;
	bool was;
	int ret;

	ret = wait_event(&s->wait, atomic_load(&ls->past_count) < PAST_MAX);
	if (ret)
		return ret;
	p = kzalloc(sizeof(*p));
	if (!p)
		return -ENOBUFS;
	if (!loop_peer(s) && leave_syns(s)) {
		kfree(p);
		return 0;
	}
	was = atomic_load(&s->state) != TCP_CLOSE;
	loop_reset(s);
	if (was)
		inet_set_err(s, ECONNRESET);
	inet_wake(s, 0); /* who holds the locks of the ring ends its call */
	ret = sleep_lock(&s->recv_lock);
	if (ret) {
		kfree(p);
		return ret;
	}
	ret = sleep_lock(&ls->rx.wlock);
	if (ret) {
		sleep_unlock(&s->recv_lock);
		kfree(p);
		return ret;
	}
	mutex_lock(&s->lock);
	p->peer = ls->peer;
	p->next = ls->past;
	atomic_store(&ls->past, p);
	atomic_store(&ls->past_count, (u8)(ls->past_count + 1));
	atomic_store(&ls->peer, NULL);
	ls->first_closer = false;
	atomic_store(&ls->fin, false);
	atomic_store(&ls->urg, URG_NONE);
	mutex_unlock(&s->lock);
	loop_ring_consume(&ls->rx, loop_ring_used(&ls->rx));
	loop_ring_free(&ls->rx);
	sleep_unlock(&ls->rx.wlock);
	sleep_unlock(&s->recv_lock);
	loop_cold(s);
	loop_let_go(s);
	return 0;
}

void loop_past_free(struct inet_sock *s)
{
	struct loop_past *p, *next;

	for (p = s->loop->past; p; p = next) {
		next = p->next;
		inet_put(p->peer);
		kfree(p);
	}
	s->loop->past = NULL;
}

/* A socket that waits for room in a listener's queue does so no longer. False: it has been connected just now. */
static bool leave_syns(struct inet_sock *s)
{
	struct loop_sock *ls = s->loop;
	struct inet_sock *l = NULL;
	bool was = false;

	mutex_lock(&s->lock);
	if (ls->peer) {
		mutex_unlock(&s->lock);
		return false;
	}
	if (atomic_load(&ls->queued) == LOOP_SYN && ls->listener)
		l = inet_get(ls->listener);
	atomic_store(&s->state, TCP_CLOSE);
	mutex_unlock(&s->lock);
	if (!l)
		return true;
	mutex_lock(&l->lock);
	was = atomic_load(&ls->queued) == LOOP_SYN;
	if (was)
		(void)unqueue_locked(ls);
	mutex_unlock(&l->lock);
	if (was) {
		inet_put(l);
		inet_put(s);
	}
	inet_put(l);
	return true;
}

/*
 * close(2). With unread data, or when SO_LINGER says so, the other end gets a reset; else an end of file. An end that
 * closes first keeps its port until the other one has closed too, and then for the time of TIME_WAIT.
 */
void loop_release(struct inet_sock *s)
{
	struct inet_sock *peer;
	bool abort;

	if (!loop_peer(s) && leave_syns(s)) {
		inet_port_release(s);
		return;
	}
	peer = loop_peer(s);
	abort = loop_ring_used(&s->loop->rx) ||
		(sock_bit(&s->sock, SB_LINGER) && !atomic_load(&s->sock.linger));
	if (abort) {
		loop_reset(s);
	} else {
		mutex_lock(&s->lock);
		atomic_store(&s->shutdown, INET_SHUTDOWN_BOTH);
		mutex_unlock(&s->lock);
		loop_shutdown(s, INET_SEND_SHUTDOWN);
	}
	inet_wake(peer, POLLOUT | POLLWRNORM); /* a writer that waits for room must see that nobody reads any more */
	if (atomic_load(&s->state) != TCP_FIN_WAIT2)
		inet_port_release(s);
	mutex_lock(&s->lock);
	atomic_store(&s->loop->peer, NULL);
	mutex_unlock(&s->lock);
	inet_put(peer);
}
