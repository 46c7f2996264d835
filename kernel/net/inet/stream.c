/* connect, listen, accept, shutdown, send and receive on stream sockets: what is the same for every transport. */
#include "net/inet/internal.h"

#include "proc/signal.h"

static void unlisten(struct inet_sock *s)
{
	inet_port_disconnect(s);
	mutex_lock(&s->lock);
	atomic_store(&s->state, TCP_CLOSE);
	mutex_unlock(&s->lock);
	inet_detach(s);
	inet_wake(s, 0);
}

/* connect(2) to nobody: the connection ends, or listening does. */
static int disconnect(struct inet_sock *s)
{
	struct inet_ops *ops = atomic_load(&s->ops);
	struct inet_name none = inet_no_name(s);
	bool listening = atomic_load(&s->state) == TCP_LISTEN;
	int ret;

	if (ops && ops->disconnect) {
		ret = ops->disconnect(s);
		if (ret)
			return ret;
		inet_port_disconnect(s);
		mutex_lock(&s->lock);
		atomic_store(&s->ops, NULL);
		atomic_store(&s->state, TCP_CLOSE);
		atomic_store(&s->shutdown, 0);
		inet_port_names(s, s->bound & INET_BOUND_ADDR ? &s->local.ip : &none.ip, &none);
		mutex_unlock(&s->lock);
		inet_detach(s);
		if (!(s->bound & INET_BOUND_PORT)) {
			inet_port_release(s);
			mutex_lock(&s->lock);
			s->bound &= (u8)~INET_BOUND_CONNECT;
			mutex_unlock(&s->lock);
		}
		inet_wake(s, 0);
	} else if (listening) {
		unlisten(s);
	}
	inet_set_flag(s, IF_CONNECTING, false);
	return 0;
}

void inet_normalise(struct inet_name *dst)
{
	if (inet_any4(&dst->ip))
		dst->ip = inet_ip4(bswap32(0x7f000001u));
	else if (inet_any6(&dst->ip))
		dst->ip.w[3] = bswap32(1);
}

/* Takes back what start did, so that another connect may follow; unless the socket has left this state. */
static void unstart(struct inet_sock *s, u32 state)
{
	struct inet_name none = inet_no_name(s);

	mutex_lock(&s->lock);
	if (s->state == state) {
		inet_port_disconnect(s);
		atomic_store(&s->state, TCP_CLOSE);
		atomic_store(&s->shutdown, 0);
		inet_port_names(s, s->bound & INET_BOUND_ADDR ? &s->local.ip : &none.ip, &none);
		if (s->bound & INET_BOUND_CONNECT) {
			inet_port_release(s);
			s->bound &= (u8)~INET_BOUND_CONNECT;
		}
	}
	mutex_unlock(&s->lock);
}

static int start(struct inet_sock *s, const struct inet_name *dst)
{
	struct inet_ip src;
	struct inet_ops *ops = inet_route(s, dst, &src);
	int ret;

	if (is_err(ops))
		return (int)ptr_err(ops);
	mutex_lock(&s->lock);
	if (s->state != TCP_CLOSE) {
		mutex_unlock(&s->lock);
		return -EALREADY;
	}
	inet_port_names(s, inet_any(&s->local.ip) ? &src : &s->local.ip, dst);
	atomic_store(&s->shutdown, 0);
	atomic_store(&s->ops, ops);
	inet_set_err(s, 0); /* of the connection before */
	atomic_store(&s->state, TCP_SYN_SENT);
	mutex_unlock(&s->lock);
	inet_set_flag(s, IF_CONNECTING, true);
	ret = ops->connect(s);
	if (ret) {
		inet_set_flag(s, IF_CONNECTING, false);
		unstart(s, TCP_SYN_SENT);
	}
	return ret;
}

static int check_dst(struct inet_sock *s, const struct inet_name *dst)
{
	if (inet_v6(s) && inet_is4(&dst->ip) && s->opt.v6only)
		return -ENETUNREACH;
	if (inet_v6(s) && !inet_any6(&s->local.ip) && inet_is4(&dst->ip) != inet_is4(&s->local.ip))
		return inet_is4(&dst->ip) ? -ENETUNREACH : -EINVAL;
	if (inet_mcast(&dst->ip) || inet_bcast(&dst->ip))
		return -ENETUNREACH;
	return 0;
}

/* Nobody waits any more, or nobody has to: what connect answers. */
static int finish(struct inet_sock *s)
{
	int err;

	if (atomic_load(&s->state) == TCP_CLOSE) {
		err = socket_error(&s->sock);
		inet_set_flag(s, IF_CONNECTING, false);
		unstart(s, TCP_CLOSE);
		return err ? err : -ECONNABORTED;
	}
	inet_set_flag(s, IF_CONNECTING, false);
	return 0;
}

/* A connection begins, or (dst NULL) ends; threads that do so with the same socket take turns. */
static int one_at_a_time(struct inet_sock *s, const struct inet_name *dst)
{
	int ret = sleep_lock(&s->send_lock);

	if (ret)
		return ret;
	ret = dst ? start(s, dst) : disconnect(s);
	sleep_unlock(&s->send_lock);
	return ret;
}

int inet_stream_connect(struct socket *sock, const void *addr, u32 len, u32 file_flags)
{
	struct inet_sock *s = inet_of(sock);
	struct sock_wait w = sock_wait_init(file_flags & O_NONBLOCK, atomic_load(&sock->sndtimeo));
	struct inet_name dst;
	u32 state;
	int ret;

	if (len < 2)
		return -EINVAL;
	if (((const struct sockaddr_in *)addr)->family == AF_UNSPEC)
		return one_at_a_time(s, NULL);
	state = atomic_load(&s->state);
	if (inet_flag(s, IF_CONNECTING)) {
		ret = -EALREADY;
	} else {
		if (state != TCP_CLOSE || (atomic_load(&s->ops) && s->remote.port))
			return -EISCONN;
		ret = inet_name_in(s, addr, len, &dst);
		if (ret)
			return ret;
		inet_normalise(&dst);
		ret = check_dst(s, &dst);
		if (ret)
			return ret;
		ret = one_at_a_time(s, &dst);
		if (ret)
			return ret;
		ret = -EINPROGRESS;
		if (w.nonblock)
			return ret; /* as Linux, where the answer comes later even on loopback */
	}
	if (atomic_load(&s->state) == TCP_SYN_SENT) {
		if (w.nonblock)
			return ret;
		ret = inet_wait(s, atomic_load(&s->state) != TCP_SYN_SENT, &w, 0, POLLOUT | POLLWRNORM);
		if (ret)
			return ret == -ETIMEDOUT ? -EINPROGRESS : sock_wait_error(&w, ret);
	}
	return finish(s);
}

int inet_listen(struct socket *sock, u32 backlog)
{
	struct inet_sock *s = inet_of(sock);
	bool began = false;
	u32 attached;
	int ret;

	backlog = min(backlog, atomic_load_relaxed(&inet_sysctl.somaxconn));
	if (atomic_load(&s->state) == TCP_CLOSE && !s->local.port && !s->remote.port) {
		ret = inet_autobind(s);
		if (ret)
			return ret == -EAGAIN ? -EADDRINUSE : ret;
	}
	mutex_lock(&s->lock);
	atomic_store(&s->backlog, backlog);
	ret = 0;
	if (s->state == TCP_CLOSE && !s->remote.port) {
		ret = inet_port_listen(s);
		began = !ret;
	} else if (s->state != TCP_LISTEN) {
		ret = -EINVAL;
	}
	attached = s->attached;
	mutex_unlock(&s->lock);
	if (!ret && !attached) { /* it listened before, and was disconnected */
		ret = inet_attach(s);
		attached = atomic_load(&s->attached);
	}
	for (u32 i = 0; !ret && i < inet_nr_transports; i++)
		if ((attached >> i & 1) && inet_transports[i]->listen)
			ret = inet_transports[i]->listen(s, backlog);
	if (ret && began)
		unlisten(s);
	return ret;
}

static bool listener_ready(struct inet_sock *s)
{
	return atomic_load(&s->state) != TCP_LISTEN || (inet_poll(&s->sock, NULL) & POLLIN);
}

struct socket *inet_accept(struct socket *sock, u32 file_flags)
{
	struct inet_sock *s = inet_of(sock), *c;
	struct sock_wait w = sock_wait_init(file_flags & O_NONBLOCK, atomic_load(&sock->rcvtimeo));
	int ret;

	for (;;) {
		u32 attached = atomic_load(&s->attached);

		if (atomic_load(&s->state) != TCP_LISTEN)
			return err_ptr(-EINVAL);
		for (u32 i = 0; i < inet_nr_transports; i++) {
			c = attached >> i & 1 && inet_transports[i]->accept ? inet_transports[i]->accept(s) : NULL;
			if (is_err(c))
				return err_ptr(ptr_err(c));
			if (c)
				return &c->sock;
		}
		if (w.nonblock)
			return err_ptr(-EAGAIN);
		if (signal_pending_current()) /* also when something is there again and again that comes to nothing */
			return err_ptr(sock_wait_error(&w, -ERESTARTSYS));
		ret = inet_wait(s, listener_ready(s), &w, WAIT_EXCLUSIVE, POLLIN | POLLRDNORM);
		if (ret) {
			if (listener_ready(s))
				wake_up_poll(&s->wait, POLLIN | POLLRDNORM); /* perhaps meant for another */
			return err_ptr(sock_wait_error(&w, ret));
		}
	}
}

int inet_stream_shutdown(struct socket *sock, int how)
{
	struct inet_sock *s = inet_of(sock);
	u32 mode = (u32)how + 1, state = atomic_load(&s->state); /* SHUT_RD, WR, RDWR are the bits less one */
	struct inet_ops *ops = atomic_load(&s->ops);

	switch (state) {
	case TCP_LISTEN:
		return mode & INET_RCV_SHUTDOWN ? one_at_a_time(s, NULL) : 0;
	case TCP_CLOSE:
	case TCP_SYN_SENT:
		return -ENOTCONN;
	}
	mutex_lock(&s->lock);
	atomic_store(&s->shutdown, s->shutdown | mode);
	mutex_unlock(&s->lock);
	if (ops && ops->shutdown)
		ops->shutdown(s, mode);
	inet_wake(s, 0);
	return 0;
}

static void broken_pipe(void)
{
	struct siginfo info;

	siginfo_kill(&info, SIGPIPE);
	(void)signal_send_task(current, SIGPIPE, &info);
}

/* Waits until a connection that is being made is made. 0, or what the call answers. */
static int await_connection(struct inet_sock *s, bool nonblock, s64 timeo)
{
	struct sock_wait w = sock_wait_init(nonblock, timeo);
	int ret;

	if (likely(atomic_load(&s->state) != TCP_SYN_SENT))
		return 0;
	if (w.nonblock)
		return -EAGAIN;
	ret = inet_wait(s, atomic_load(&s->state) != TCP_SYN_SENT, &w, 0, 0);
	return ret ? sock_wait_error(&w, ret) : 0;
}

ssize_t inet_stream_sendmsg(struct socket *sock, struct sock_msg *m)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_ops *ops;
	ssize_t ret;

	if (unlikely(m->flags & MSG_FASTOPEN) && m->namelen && atomic_load(&s->state) == TCP_CLOSE) {
		ret = inet_stream_connect(sock, m->name, m->namelen, m->flags & MSG_DONTWAIT ? O_NONBLOCK : 0);
		if (ret && ret != -EINPROGRESS)
			return ret;
	}
	ret = await_connection(s, m->flags & MSG_DONTWAIT, atomic_load(&sock->sndtimeo));
	if (ret)
		return ret;
	ops = atomic_load(&s->ops);
	if (!ops || atomic_load(&s->state) == TCP_LISTEN) {
		ret = socket_error(sock);
		ret = ret ? ret : -EPIPE;
	} else {
		ret = ops->sendmsg(s, m, NULL);
	}
	if (ret == -EPIPE && !(m->flags & MSG_NOSIGNAL))
		broken_pipe();
	return ret;
}

ssize_t inet_stream_recvmsg(struct socket *sock, struct sock_msg *m)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_ops *ops;
	u32 state;
	ssize_t ret;

	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	ret = await_connection(s, m->flags & MSG_DONTWAIT, atomic_load(&sock->rcvtimeo));
	if (ret)
		return ret;
	ops = atomic_load(&s->ops);
	state = atomic_load(&s->state);
	if (state == TCP_LISTEN)
		return -ENOTCONN;
	if (!ops || (state == TCP_CLOSE && !s->remote.port)) {
		ret = socket_error(sock);
		return ret ? ret : -ENOTCONN;
	}
	ret = ops->recvmsg(s, m);
	if (ret >= 0 && m->name)
		m->namelen = 0;
	return ret;
}
