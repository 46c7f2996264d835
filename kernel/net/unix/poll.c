/*
 * Readiness of unix sockets. A datagram sender is writable only while its peer's queue has room; it hears of that
 * through a waiter of its own on the peer's queue, since a poller's waiter may outlive the peer.
 */
#include "net/unix/unix.h"

#define POLL_WRITE (POLLOUT | POLLWRNORM | POLLWRBAND)

/* Runs under the lock of the peer's peer_wait. */
static bool relay(struct waiter *w, u32 events)
{
	struct unix_sock *u = container_of(w, struct unix_sock, peer_wake);

	list_del(&w->node); /* armed anew when somebody asks again */
	wake_up_poll(&u->wait, POLL_WRITE);
	return false;
}

bool unix_peer_wake_arm(struct unix_sock *u, struct unix_sock *other)
{
	u->peer_wake.func = relay;
	wait_add(&other->peer_wait, &u->peer_wake);
	atomic_fence();
	if (!atomic_load(&other->dead) && unix_must_wait(u, other))
		return true;
	unix_peer_wake_disarm(u);
	return false;
}

bool unix_peer_wake_disarm(struct unix_sock *u)
{
	if (!u->peer_wake.wq)
		return false;
	wait_remove(&u->peer_wake);
	return true;
}

static u32 common_events(struct unix_sock *u)
{
	u32 shutdown = atomic_load(&u->shutdown), state = atomic_load(&u->state), mask = 0;

	if (atomic_load(&u->sock.err))
		mask |= POLLERR;
	if (shutdown == UNIX_SHUTDOWN_BOTH)
		mask |= POLLHUP;
	if (shutdown & UNIX_RCV_SHUTDOWN)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (atomic_load(&u->qlen))
		mask |= POLLIN | POLLRDNORM;
	if (unix_connected_type(u) && state == UNIX_CLOSED)
		mask |= POLLHUP;
	return mask;
}

static bool writable(struct unix_sock *u)
{
	return atomic_load(&u->state) != UNIX_LISTEN && unix_writable(u);
}

u32 unix_stream_poll(struct socket *s, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(s);

	poll_wait(pt, &u->wait);
	atomic_fence();
	return common_events(u) | (writable(u) ? POLL_WRITE : 0);
}

u32 unix_dgram_poll(struct socket *s, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(s);
	bool can;
	u32 mask;

	poll_wait(pt, &u->wait);
	atomic_fence();
	mask = common_events(u);
	if (pt && !(pt->events & POLL_WRITE))
		return mask;
	can = writable(u);
	if (can && atomic_load(&u->peer)) {
		mutex_lock(&u->lock);
		if (u->peer && unix_must_wait(u, u->peer))
			can = !unix_peer_wake_arm(u, u->peer);
		mutex_unlock(&u->lock);
	}
	return mask | (can ? POLL_WRITE : 0);
}
