/*
 * TCP_CORK towards the outside. Options of host sockets are kserver's to set, which servers that cork around each answer
 * would pay for twice: what a program sends while corked is held here instead, so that it leaves in one piece when the
 * cork goes, when it grows past HOLD_MAX, or after 200 ms, as tcp(7) says.
 *
 * Bytes are held only while the host has room for them, and everything sent meanwhile flushes them first: what send
 * accepted does not get lost at close or shutdown because the peer reads slowly.
 *
 * host_sock.hold is the holder's of the held bytes: a sleep lock, since they are sent under it, so that nobody overtakes
 * them, and the host may make even a call that does not block wait (for a reader of the same socket that copies to slow
 * memory). For that reason the timer sends nothing itself: it puts the socket on a list, for threads of kserver's.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/kserver.h"
#include "core/log.h"
#include "gate/host.h"
#include "lib/string.h"
#include "net/host/host.h"
#include "proc/task.h"

#define HOLD_MAX 4096u
#define HOLD_NS 200000000

/* The holder. 0 = nothing is held any more; -EAGAIN; else what was held is lost with the connection. */
static int flush_locked(struct host_sock *h, u32 flags)
{
	while (h->held_len) {
		struct iovec iov = { (u64)h->held, h->held_len };
		struct user_msghdr msg = { .iov = (u64)&iov, .iovlen = 1 };
		long n = gate_host_call(NR_sendmsg, h->fd, (long)&msg, MSG_DONTWAIT | MSG_NOSIGNAL | (long)flags, 0, 0, 0);

		if (n == -EAGAIN || n == -EINTR)
			return -EAGAIN;
		if (n <= 0 || n > (long)h->held_len) {
			kfree(h->held);
			h->held = NULL;
			h->held_len = 0;
			return n < 0 ? (int)n : -EIO;
		}
		h->held_len -= (u32)n;
		memmove(h->held, h->held + n, h->held_len);
	}
	kfree(h->held);
	h->held = NULL;
	return 0;
}

/* Not as sleep_lock(): who closes the socket must not fail. */
static void take_hold(struct host_sock *h)
{
	struct sleep_lock *l = &h->hold;

	if (!atomic_cas(&l->held, 0, 1))
		(void)wait_event_full(&l->wait, atomic_cas(&l->held, 0, 1), WAIT_UNINTERRUPTIBLE, KTIME_MAX, WAIT_EXCLUSIVE);
}

/* The holder. */
static bool arm_locked(struct host_sock *h)
{
	if (!h->hold_armed)
		h->hold_armed = !timer_set(&h->hold_timer, ktime_get() + HOLD_NS);
	return h->hold_armed;
}

/* ---- when the time is over ---- */

static struct {
	struct mutex lock; /* guards the next three */
	struct list_head sockets; /* by due_node, referenced */
	u32 threads, idle; /* all, and those that wait */
	struct wait_queue wait;
} due = {
	.lock = MUTEX_INIT(LOCK_LEAF),
	.sockets = LIST_HEAD_INIT(due.sockets),
	.wait = { .lock = MUTEX_INIT(LOCK_WAITQ), .waiters = LIST_HEAD_INIT(due.wait.waiters) },
};
#define DUE_THREADS 4u

/* hold_armed stays until the socket has been seen to, so that it is on the list once at most. */
static void expired(struct timer *t)
{
	struct host_sock *h = container_of(t, struct host_sock, hold_timer);

	ref_get(&h->ref);
	mutex_lock(&due.lock);
	list_add_tail(&h->due_node, &due.sockets);
	mutex_unlock(&due.lock);
	wake_up(&due.wait);
}

/* Whoever drops the socket takes the hold afterwards: until dropped is seen, the inet_sock is there. */
static void flush_late(struct host_sock *h)
{
	int ret = 0;

	take_hold(h);
	h->hold_armed = false;
	if (!atomic_load(&h->dropped))
		ret = flush_locked(h, 0);
	if (ret == -EAGAIN) {
		(void)arm_locked(h);
	} else if (ret) {
		inet_set_err(h->s, -ret);
		inet_wake(h->s, POLLERR | POLLIN | POLLOUT);
	}
	sleep_unlock(&h->hold);
}

/* The first one. *more: nobody is left to wait for the next. */
static struct host_sock *take_due(bool *more)
{
	struct host_sock *h;

	mutex_lock(&due.lock);
	h = list_first_entry_or_null(&due.sockets, struct host_sock, due_node);
	if (h) {
		list_del(&h->due_node);
		due.idle--;
	}
	*more = h && !due.idle && due.threads < DUE_THREADS;
	if (*more) {
		due.threads++;
		due.idle++;
	}
	mutex_unlock(&due.lock);
	return h;
}

static void change_idle(u32 threads, u32 idle)
{
	mutex_lock(&due.lock);
	due.threads += threads;
	due.idle += idle;
	mutex_unlock(&due.lock);
}

static bool some_due(void)
{
	bool some;

	mutex_lock(&due.lock);
	some = !list_empty(&due.sockets);
	mutex_unlock(&due.lock);
	return some;
}

static void due_main(void *arg)
{
	for (;;) {
		struct host_sock *h;
		bool more;

		(void)wait_event_full(&due.wait, some_due(), WAIT_UNINTERRUPTIBLE, KTIME_MAX, WAIT_EXCLUSIVE);
		h = take_due(&more);
		if (!h)
			continue;
		if (more && kserver_thread("cork", due_main, NULL))
			change_idle(-1u, -1u);
		flush_late(h);
		host_sock_put(h);
		change_idle(0, 1);
	}
}

void host_cork_start(void)
{
	change_idle(1, 1);
	if (kserver_thread("cork", due_main, NULL))
		panic("no thread for corked sockets");
}

/* ---- holding ---- */

void host_cork_init(struct host_sock *h)
{
	sleep_lock_init(&h->hold);
	timer_init(&h->hold_timer, expired);
}

int host_cork_flush(struct host_sock *h, u32 flags)
{
	int ret;

	if (likely(!atomic_load(&h->held_len)))
		return 0;
	take_hold(h);
	ret = flush_locked(h, flags);
	sleep_unlock(&h->hold);
	return ret;
}

void host_cork_end(struct host_sock *h)
{
	take_hold(h);
	(void)flush_locked(h, 0);
	kfree(h->held); /* the connection is over: lost */
	h->held = NULL;
	h->held_len = 0;
	sleep_unlock(&h->hold);
	timer_del_sync(&h->hold_timer); /* nobody arms it any more */
}

/* The holder. */
static bool keep_locked(struct host_sock *h, const u8 *data, u32 n)
{
	if (atomic_load(&h->dropped) || h->held_len + n > HOLD_MAX)
		return false;
	if (!h->held_len && poller_host_events(h->fd, POLLOUT) != POLLOUT)
		return false; /* no room, or the connection is over */
	if (!arm_locked(h))
		return false;
	if (!h->held)
		h->held = kmalloc(HOLD_MAX);
	if (!h->held)
		return false;
	memcpy(h->held + h->held_len, data, n);
	atomic_store(&h->held_len, h->held_len + n);
	return true;
}

bool host_cork_hold(struct host_sock *h, struct uio *u)
{
	u32 n = (u32)min(u->resid, (size_t)HOLD_MAX);
	size_t got;
	u8 *bounce;
	bool kept;

	if (u->resid > HOLD_MAX - min(atomic_load(&h->held_len), HOLD_MAX))
		return false;
	bounce = task_bounce();
	if (!bounce)
		return false;
	got = uio_copy_from(u, bounce, n);
	if (got != n) { /* the way without holding answers for it */
		uio_revert(u, got);
		return false;
	}
	take_hold(h);
	kept = keep_locked(h, bounce, n);
	sleep_unlock(&h->hold);
	if (!kept)
		uio_revert(u, n);
	return kept;
}
