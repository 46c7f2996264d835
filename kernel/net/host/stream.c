/* TCP with the outside; see host.h. */
#include "abi/linux/errno.h"
#include "gate/host.h"
#include "net/host/host.h"
#include "net/inet/internal.h"

#define IOV_MAX_ 16u

/* The end of a connection by error: what the host said once is ours to keep. */
static int ended(struct inet_sock *s, long err)
{
	switch (err) {
	case -ECONNRESET:
	case -ETIMEDOUT:
	case -EPIPE:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		if (err != -EPIPE || atomic_load(&s->shutdown) == INET_SHUTDOWN_BOTH)
			atomic_store(&s->state, TCP_CLOSE);
	}
	return (int)err;
}

/* The host has chosen our address, and our port unless it was bound. */
static int enter(struct inet_sock *s, struct host_sock *h)
{
	struct inet_name local;
	int ret;

	if (!host_local_name(h, &local))
		return -EADDRNOTAVAIL;
	mutex_lock(&s->lock);
	s->local.ip = local.ip;
	s->local.scope = local.scope;
	if (!s->local.port) {
		s->local.port = local.port;
		s->bound |= INET_BOUND_CONNECT;
	}
	ret = inet_port_connect(s);
	mutex_unlock(&s->lock);
	return ret;
}

static int begin(struct inet_sock *s, struct host_sock *h)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	u32 len;
	int ret;

	ret = s->local.port && !atomic_load(&h->bound) ? host_sock_bind(s, h) : 0;
	atomic_store(&h->ready, 0);
	len = host_addr_out(s, &s->remote, addr);
	if (!ret)
		ret = (int)host_connect(h->fd, addr, len);
	if (!ret || ret == -EINPROGRESS) {
		ret = enter(s, h);
		if (!ret)
			ret = host_sock_watch(h, POLLOUT);
	}
	return ret;
}

int host_stream_connect(struct inet_sock *s)
{
	bool keep = atomic_load(&s->attached) & 1u << hostnet_ops.index;
	struct host_sock *h;
	int ret;

	/* One that failed before has a past. */
	if (!keep)
		host_sock_drop(s);
	h = host_sock_need(s);
	if (is_err(h))
		return (int)ptr_err(h);
	ret = begin(s, h);
	if (ret && !keep)
		host_sock_drop(s);
	host_sock_put(h);
	return ret;
}

void host_stream_event(struct host_sock *h, u32 events)
{
	u32 len = sizeof(s32);
	s32 err = 0;

	if (!(events & (POLLOUT | POLLERR | POLLHUP)))
		return;
	if (host_getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err < 0 || err > 4095)
		err = EIO;
	if (err) {
		inet_set_err(h->s, err);
		atomic_store(&h->s->state, TCP_CLOSE);
	} else {
		atomic_store(&h->s->state, TCP_ESTABLISHED);
	}
}

/* The accepted connection as a socket; takes fd over. NULL = it did not work out. */
static struct inet_sock *child(struct inet_sock *s, int fd, const struct inet_name *remote)
{
	struct inet_sock *c = inet_child(s);
	struct inet_name local;
	struct host_sock *h;

	if (!c) {
		host_close(fd);
		return NULL;
	}
	h = host_sock_adopt(c, fd);
	if (is_err(h) || !host_local_name(h, &local) || host_sock_watch(h, 0)) {
		host_sock_drop(c);
		if (!is_err(h))
			host_sock_put(h);
		inet_put(c);
		return NULL;
	}
	mutex_lock(&c->lock);
	c->local = local;
	c->remote = *remote;
	atomic_store(&c->ops, &hostnet_ops);
	atomic_store(&c->state, TCP_ESTABLISHED);
	atomic_store(&h->bound, true);
	atomic_or(&h->ready, POLLIN | POLLOUT);
	host_sock_moved(h, POLLIN | POLLOUT);
	inet_port_child(c);
	mutex_unlock(&c->lock);
	host_sock_put(h);
	return c;
}

struct inet_sock *host_stream_accept(struct inet_sock *s)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	u32 len = sizeof(addr);
	struct host_sock *h = host_sock_get(s);
	struct inet_sock *c = NULL;
	struct inet_name remote;
	long fd = -EAGAIN;
	u32 news = h ? atomic_load(&h->news) : 0;

	if (h && (atomic_load(&h->ready) & POLLIN)) {
		fd = host_accept4(h->fd, addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -EAGAIN)
			host_sock_missing(h, POLLIN, news);
		else if (fd < 0)
			host_sock_moved(h, POLLIN);
		else
			host_sock_more(h, POLLIN);
	}
	if (fd >= 0 && len <= sizeof(addr) && host_addr_in(addr, len, &remote))
		c = child(s, (int)fd, &remote);
	else if (fd >= 0)
		host_close((int)fd);
	else if (fd != -EAGAIN && fd != -ECONNABORTED)
		c = err_ptr(fd);
	if (h)
		host_sock_put(h);
	return c;
}

static long call(struct host_sock *h, bool send, struct user_msghdr *msg, u32 flags)
{
	return gate_host_call(send ? NR_sendmsg : NR_recvmsg, h->fd, (long)msg, (long)flags, 0, 0, 0);
}

static long bounced(struct host_sock *h, bool send, struct user_msghdr *msg, struct uio *u, size_t max, u32 flags)
{
	size_t len = min(min(u->resid, max), BOUNCE_SIZE), n;
	u8 *bounce = task_bounce();
	struct iovec iov = { (u64)bounce, len };
	long ret;

	if (!bounce)
		return -ENOMEM;
	if (send && uio_copy_from(u, bounce, len) != len)
		return -EFAULT;
	msg->iov = (u64)&iov;
	msg->iovlen = 1;
	ret = call(h, send, msg, flags);
	if (send) {
		uio_revert(u, ret > 0 ? len - min((size_t)ret, len) : len);
		return ret;
	}
	if (ret <= 0)
		return ret;
	n = min((size_t)ret, len);
	return uio_copy_to(u, bounce, n) == n ? ret : -EFAULT;
}

long host_transfer(struct host_sock *h, bool send, struct user_msghdr *msg, struct uio *u, size_t max, u32 flags)
{
	struct iovec iov[IOV_MAX_];
	size_t bytes = 0;
	long ret;
	bool dgram = !inet_stream(h->s);
	u32 n = 0;

	/* A datagram that the host cannot put where it should go would be lost; and it goes in one piece or not at all. */
	if (dgram && !send && u->resid)
		return bounced(h, send, msg, u, max, flags);
	if (u->resid && max)
		n = uio_host_iov(u, iov, IOV_MAX_, min(u->resid, max), &bytes);
	if (dgram && bytes < min(u->resid, max))
		return bounced(h, send, msg, u, max, flags);
	if (!n && u->resid && max)
		return -EFAULT;
	msg->iov = (u64)iov;
	msg->iovlen = n;
	ret = call(h, send, msg, flags);
	if (ret == -EFAULT && n)
		return bounced(h, send, msg, u, max, flags);
	if (ret > 0)
		uio_skip(u, min((size_t)ret, bytes));
	return ret;
}

/*
 * An answer often comes soon: sleep for it in the host itself first, for so short a time that nobody minds what does
 * not wake us there. Saves the way over the poller's thread.
 */
#define SOON_NS 50000

static bool comes_soon(struct host_sock *h, u32 event)
{
	struct {
		s32 fd;
		u16 events, revents;
	} p = { .fd = h->fd, .events = (u16)event };
	struct timespec64 ts = { .tv_nsec = SOON_NS };

	return gate_host_call(NR_ppoll, (long)&p, 1, (long)&ts, 0, 8, 0) > 0;
}

/* Waits for an event that the host has denied. */
static int await(struct inet_sock *s, struct host_sock *h, u32 event, u32 news,
		 const struct sock_wait *w)
{
	u32 poll = event == POLLIN ? POLLIN | POLLRDNORM : POLLOUT | POLLWRNORM;
	int ret;

	if (!w->nonblock && event == POLLIN && comes_soon(h, event))
		return 0;
	host_sock_missing(h, event, news);
	if (atomic_load(&h->dropped))
		return -ENOTCONN;
	if (w->nonblock)
		return -EAGAIN;
	ret = inet_wait(s, (atomic_load(&h->ready) & (event | POLLERR | POLLHUP)) || atomic_load(&s->sock.err), w, 0, poll);
	return ret ? sock_wait_error(w, ret) : 0;
}

/* Waits for more than there is: behind all that was peeked at. */
static int await_news(struct inet_sock *s, struct host_sock *h, u32 news, const struct sock_wait *w)
{
	int ret;

	if (w->nonblock)
		return -EAGAIN;
	if (atomic_load(&h->dropped))
		return -ENOTCONN;
	ret = inet_wait(s, atomic_load(&h->news) != news || atomic_load(&h->dropped), w, 0, POLLIN | POLLRDNORM);
	return ret ? sock_wait_error(w, ret) : 0;
}

static ssize_t send_all(struct inet_sock *s, struct host_sock *h, struct sock_msg *m)
{
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->sock.sndtimeo));
	u32 flags = (m->flags & (MSG_OOB | MSG_MORE)) | MSG_DONTWAIT | MSG_NOSIGNAL;
	ssize_t done = 0;
	long ret = 0;
	int err;

	while (m->data->resid) {
		struct user_msghdr msg = { 0 };
		u32 news = atomic_load(&h->news);
		size_t left = m->data->resid;

		if (inet_flag(s, IF_CORK) && !(flags & MSG_OOB) && host_cork_hold(h, m->data)) {
			done += (ssize_t)left;
			break;
		}
		ret = host_cork_flush(h, MSG_MORE);
		if (!ret)
			ret = host_transfer(h, true, &msg, m->data, left, flags);
		if (ret > 0) {
			done += ret;
			continue;
		}
		if (ret == -EAGAIN && !done && (err = socket_error(&s->sock)) != 0)
			ret = err;
		if (ret == -EAGAIN)
			ret = await(s, h, POLLOUT, news, &w);
		if (ret < 0 || (done && atomic_load(&s->sock.err)))
			break;
	}
	if (done) {
		host_sock_moved(h, POLLOUT);
		return done;
	}
	return ret < 0 ? ended(s, ret) : 0;
}

static ssize_t receive(struct inet_sock *s, struct host_sock *h, struct sock_msg *m)
{
	struct sock_wait w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&s->sock.rcvtimeo));
	u32 flags = (m->flags & (MSG_OOB | MSG_PEEK | MSG_TRUNC)) | MSG_DONTWAIT;
	bool all = (m->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
	bool behind = host_peeks_behind(s, m);
	size_t want = m->data->resid;
	ssize_t done = 0;
	long ret = 0;
	u32 news = 0;
	int err;

	if (behind)
		host_sock_edge(h);
	while (want) {
		struct user_msghdr msg = { 0 };

		news = atomic_load(&h->news);
		ret = host_transfer(h, false, &msg, m->data, want, flags);
		if (ret > 0) {
			done += ret;
			want -= min((size_t)ret, want);
			if (!all)
				break;
			continue;
		}
		if (!done && (!ret || ret == -EAGAIN) && (err = socket_error(&s->sock)) != 0) {
			ret = err; /* of what was sent late, cork.c */
			break;
		}
		if (!ret || (m->flags & MSG_OOB))
			break;
		if (ret == -EAGAIN)
			ret = behind ? await_news(s, h, news, &w) : await(s, h, POLLIN, news, &w);
		if (ret < 0)
			break;
	}
	if (unlikely(atomic_load_relaxed(&s->sock.peek_off) >= 0) && done)
		inet_peek_moved(s, m->flags & MSG_PEEK ? done : -done);
	if (done && want && !(m->flags & (MSG_PEEK | MSG_OOB)))
		host_sock_drained(h, POLLIN, news);
	else if (done)
		host_sock_more(h, POLLIN);
	if (done)
		return done;
	return ret < 0 ? ended(s, ret) : 0;
}

ssize_t host_stream_send(struct inet_sock *s, struct sock_msg *m)
{
	struct host_sock *h = host_sock_get(s);
	ssize_t ret = socket_error(&s->sock);

	if (!ret)
		ret = h && !(atomic_load(&s->shutdown) & INET_SEND_SHUTDOWN) ? send_all(s, h, m) : -EPIPE;
	if (h)
		host_sock_put(h);
	return ret;
}

ssize_t host_stream_recv(struct inet_sock *s, struct sock_msg *m)
{
	struct host_sock *h = host_sock_get(s);
	ssize_t ret = -ENOTCONN;

	if (h && host_peek_refused(s, h, m)) {
		ret = -EOPNOTSUPP;
		host_sock_put(h);
	} else if (h) {
		ret = receive(s, h, m);
		host_sock_put(h);
	}
	return ret;
}
