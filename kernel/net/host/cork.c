/*
 * TCP_CORK towards the outside. Options of host sockets are kserver's to set, which servers that cork around each answer
 * would pay for twice: what a program sends while corked is held here instead, so that it leaves in one piece when the
 * cork goes, when it grows past HOLD_MAX, or after 200 ms, as tcp(7) says.
 *
 * Lock: host_sock.hold_lock guards the held bytes. They are sent under it, by a call that does not block, so that nobody
 * overtakes them.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "gate/host.h"
#include "lib/string.h"
#include "net/host/host.h"
#include "proc/task.h"

#define HOLD_MAX 4096u
#define HOLD_NS 200000000

/* Caller holds hold_lock. 0 = nothing is held any more; -EAGAIN; else what was held is lost with the connection. */
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

/* Caller holds hold_lock. */
static bool arm_locked(struct host_sock *h)
{
	if (!h->hold_armed)
		h->hold_armed = !timer_set(&h->hold_timer, ktime_get() + HOLD_NS);
	return h->hold_armed;
}

static void expired(struct timer *t)
{
	struct host_sock *h = container_of(t, struct host_sock, hold_timer);

	mutex_lock(&h->hold_lock);
	h->hold_armed = false;
	if (flush_locked(h, 0) == -EAGAIN && !atomic_load(&h->dropped))
		(void)arm_locked(h);
	mutex_unlock(&h->hold_lock);
}

void host_cork_init(struct host_sock *h)
{
	mutex_init(&h->hold_lock, LOCK_PIPE);
	timer_init(&h->hold_timer, expired);
}

int host_cork_flush(struct host_sock *h, u32 flags)
{
	int ret;

	if (likely(!atomic_load(&h->held_len)))
		return 0;
	mutex_lock(&h->hold_lock);
	ret = flush_locked(h, flags);
	mutex_unlock(&h->hold_lock);
	return ret;
}

void host_cork_end(struct host_sock *h)
{
	timer_del_sync(&h->hold_timer);
	(void)host_cork_flush(h, 0);
	mutex_lock(&h->hold_lock);
	kfree(h->held); /* the peer does not read: lost, as what close finds in no buffer */
	h->held = NULL;
	h->held_len = 0;
	mutex_unlock(&h->hold_lock);
}

/* Caller holds hold_lock. */
static bool keep_locked(struct host_sock *h, const u8 *data, u32 n)
{
	if (atomic_load(&h->dropped) || h->held_len + n > HOLD_MAX || !arm_locked(h))
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
	mutex_lock(&h->hold_lock);
	kept = keep_locked(h, bounce, n);
	mutex_unlock(&h->hold_lock);
	if (!kept)
		uio_revert(u, n);
	return kept;
}
