/* Datagram, ping and raw sockets: what is the same for every transport. */
#include "net/inet/loop.h"

static int dissolve(struct inet_sock *s)
{
	struct inet_name none = inet_no_name(s);
	struct inet_ops *ops;

	mutex_lock(&s->lock);
	ops = s->ops;
	inet_port_names(s, s->bound & INET_BOUND_ADDR ? &s->local.ip : &none.ip, &none);
	atomic_store(&s->ops, NULL);
	atomic_store(&s->state, TCP_CLOSE);
	mutex_unlock(&s->lock);
	if (ops && ops->connect)
		(void)ops->connect(s);
	if (!(s->bound & INET_BOUND_PORT) && s->proto != INET_RAW) {
		inet_detach(s);
		inet_port_release(s);
	}
	return 0;
}

static int check_dst(struct inet_sock *s, const struct inet_name *dst)
{
	if (inet_bcast(&dst->ip) && !sock_bit(&s->sock, SB_BROADCAST))
		return -EACCES;
	if (!inet_v6(s))
		return 0;
	if (inet_is4(&dst->ip) && s->opt.v6only)
		return -ENETUNREACH;
	if (!inet_any6(&s->local.ip) && inet_is4(&dst->ip) != inet_is4(&s->local.ip))
		return inet_is4(&dst->ip) ? -ENETUNREACH : -EINVAL;
	return 0;
}

int inet_dgram_connect(struct socket *sock, const void *addr, u32 len, u32 file_flags)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_ops *ops;
	struct inet_name dst;
	struct inet_ip src;
	int ret;

	if (len < 2)
		return -EINVAL;
	if (((const struct sockaddr_in *)addr)->family == AF_UNSPEC)
		return dissolve(s);
	ret = inet_name_in(s, addr, len, &dst);
	if (ret)
		return ret;
	inet_normalise(&dst);
	ret = check_dst(s, &dst);
	if (ret)
		return ret;
	ops = inet_route(s, &dst, &src);
	if (is_err(ops))
		return (int)ptr_err(ops);
	ret = inet_autobind(s);
	if (ret)
		return ret;
	mutex_lock(&s->lock);
	inet_port_names(s, inet_any(&s->local.ip) ? &src : &s->local.ip, &dst);
	atomic_store(&s->ops, ops);
	atomic_store(&s->state, TCP_ESTABLISHED);
	mutex_unlock(&s->lock);
	ret = ops->connect ? ops->connect(s) : 0;
	if (ret)
		dissolve(s);
	return ret;
}

int inet_dgram_shutdown(struct socket *sock, int how)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_ops *ops = atomic_load(&s->ops);

	/* As Linux: it takes effect and says so, connected or not. */
	mutex_lock(&s->lock);
	atomic_store(&s->shutdown, s->shutdown | ((u32)how + 1));
	mutex_unlock(&s->lock);
	if (ops && ops->shutdown)
		ops->shutdown(s, (u32)how + 1);
	inet_wake(s, 0);
	return atomic_load(&s->state) == TCP_ESTABLISHED ? 0 : -ENOTCONN;
}

/* Where a message goes: the name given, or the connection's. */
static struct inet_ops *destination(struct inet_sock *s, const struct sock_msg *m, struct inet_name *dst)
{
	int ret;

	if (!m->namelen) {
		struct inet_ops *ops = atomic_load(&s->ops);

		if (!ops)
			return err_ptr(-EDESTADDRREQ);
		*dst = s->remote;
		return ops;
	}
	ret = inet_name_in(s, m->name, m->namelen, dst);
	if (!ret && inet_udp(s) && !dst->port)
		ret = -EINVAL;
	if (ret)
		return err_ptr(ret);
	inet_normalise(dst);
	ret = check_dst(s, dst);
	if (ret)
		return err_ptr(ret);
	return inet_route(s, dst, NULL);
}

/* The transport has no room: until it has. */
static ssize_t send_waiting(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst, struct inet_ops *ops)
{
	ssize_t ret = ops->sendmsg(s, m, dst);
	struct sock_wait w;

	if (likely(ret != -EAGAIN) || (m->flags & MSG_DONTWAIT))
		return ret;
	w = sock_wait_init(false, atomic_load(&s->sock.sndtimeo));
	while (ret == -EAGAIN && !w.nonblock) {
		int err = inet_wait(s, (inet_poll(&s->sock, NULL) & POLLOUT) || atomic_load(&s->sock.err), &w, 0,
				    POLLOUT | POLLWRNORM | POLLERR);

		if (!err)
			err = socket_error(&s->sock);
		else
			err = sock_wait_error(&w, err);
		if (err)
			return err;
		ret = ops->sendmsg(s, m, dst);
	}
	return ret;
}

ssize_t inet_dgram_sendmsg(struct socket *sock, struct sock_msg *m)
{
	struct inet_sock *s = inet_of(sock);
	u32 max = inet_v6(s) ? 65527 : 65507;
	struct inet_name dst;
	struct inet_ops *ops;
	int ret;

	if (m->data->resid > max)
		return -EMSGSIZE;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	ops = destination(s, m, &dst);
	if (is_err(ops))
		return ptr_err(ops);
	if (inet_is4(&dst.ip) && m->data->resid > 65507)
		return -EMSGSIZE;
	ret = socket_error(sock);
	if (ret)
		return ret;
	if (atomic_load(&s->shutdown) & INET_SEND_SHUTDOWN)
		return -EPIPE;
	ret = inet_autobind(s);
	if (ret)
		return ret;
	if (unlikely(ops != &loop_ops && loop_corks(s, m)))
		return loop_cork_via(s, m, &dst, ops);
	return send_waiting(s, m, &dst, ops);
}

/* From whichever transport has something. */
static ssize_t receive_one(struct inet_sock *s, struct sock_msg *m)
{
	struct inet_ops *ops = atomic_load(&s->ops);
	u32 from = atomic_load(&s->attached) | 1u | (ops ? 1u << ops->index : 0);
	ssize_t ret = -EAGAIN;

	for (u32 i = 0; i < inet_nr_transports && ret == -EAGAIN; i++)
		if (from >> i & 1)
			ret = inet_transports[i]->recvmsg(s, m);
	return ret;
}

static ssize_t receive_error(struct inet_sock *s, struct sock_msg *m)
{
	ssize_t ret = inet_error_recv(s, m);

	for (u32 i = 0; i < inet_nr_transports && ret == -EAGAIN; i++)
		if (inet_transports[i]->recv_error)
			ret = inet_transports[i]->recv_error(s, m);
	return ret;
}

static u32 arrivals(struct inet_sock *s)
{
	u32 n = atomic_load(&s->loop->arrived);

	for (u32 i = 1; i < inet_nr_transports; i++)
		if (inet_transports[i]->arrivals)
			n += inet_transports[i]->arrivals(s);
	return n;
}

/* Is there what a receive call waits for? Behind all that was peeked at (SO_PEEK_OFF) that is one more datagram. */
static bool something(struct inet_sock *s, const struct sock_msg *m, u32 seen)
{
	if (atomic_load(&s->sock.err) || (atomic_load(&s->shutdown) & INET_RCV_SHUTDOWN))
		return true;
	if ((m->flags & MSG_PEEK) && atomic_load(&s->sock.peek_off) >= 0)
		return arrivals(s) != seen;
	return inet_poll(&s->sock, NULL) & POLLIN;
}

ssize_t inet_dgram_recvmsg(struct socket *sock, struct sock_msg *m)
{
	struct inet_sock *s = inet_of(sock);
	struct sock_wait w;
	ssize_t ret;
	int err;

	if (m->flags & MSG_ERRQUEUE)
		return receive_error(s, m);
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	w = sock_wait_init(m->flags & MSG_DONTWAIT, atomic_load(&sock->rcvtimeo));
	for (;;) {
		bool behind = (m->flags & MSG_PEEK) && atomic_load(&sock->peek_off) >= 0;
		u32 seen = behind ? arrivals(s) : 0;

		err = socket_error(sock);
		if (err)
			return err;
		ret = receive_one(s, m);
		if (ret != -EAGAIN)
			return ret;
		if (atomic_load(&s->shutdown) & INET_RCV_SHUTDOWN)
			return 0;
		if (w.nonblock)
			return -EAGAIN;
		err = inet_wait(s, something(s, m, seen), &w, WAIT_EXCLUSIVE, POLLIN | POLLRDNORM | POLLERR);
		if (err) {
			if (inet_poll(sock, NULL) & POLLIN)
				wake_up_poll(&s->wait, POLLIN | POLLRDNORM); /* perhaps meant for another */
			return sock_wait_error(&w, err);
		}
	}
}
