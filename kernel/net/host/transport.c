/* The outside as a transport of net/inet; see host.h. */
#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "gate/host.h"
#include "net/host/host.h"

#define ENGINE_RESOLVER 0x0b00007fu /* 127.0.0.11, network order */
#define LOOPBACK4 0x0100007fu /* 127.0.0.1 */

/* Kinds of sockets that kserver may make (runtime/sandbox/filter_rules.c). */
static bool served(const struct inet_sock *s)
{
	switch (s->sock.protocol) {
	case IPPROTO_TCP:
		return s->proto == INET_TCP;
	case IPPROTO_UDP:
		return s->proto == INET_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return s->proto == INET_PING;
	}
	return false;
}

/* Does a socket of the sandbox wait for what goes to dst? */
static bool taken_inside(struct inet_sock *s, const struct inet_name *dst)
{
	struct inet_name src = s->local;
	struct inet_sock *o;

	/* Who is connected hears only us, under the address that we would have. */
	if (inet_any(&src.ip) && inet_loop4(&dst->ip))
		src.ip = inet_ip4(LOOPBACK4);
	else if (inet_any(&src.ip))
		src.ip = dst->ip;
	o = inet_stream(s) ? inet_find_listener(dst, &src) : inet_find_dgram(s->proto, dst, &src);
	if (o)
		inet_put(o);
	return o != NULL;
}

static int route(struct inet_sock *s, const struct inet_name *dst, struct inet_ip *src)
{
	bool loop = inet_loop4(&dst->ip) || inet_loop6(&dst->ip);

	if (inet_is4(&dst->ip) && dst->ip.w[3] == ENGINE_RESOLVER)
		loop = false;
	else if (inet_loop4(&dst->ip) && inet_bcast(&dst->ip))
		return -ENETUNREACH;
	else if ((loop || hostnet_owns(&dst->ip)) && taken_inside(s, dst))
		return -ENETUNREACH;
	/* Loopback is asked behind us: what is meant for its interface alone is left to it. */
	if ((inet_mcast(&dst->ip) || dst->ip.w[3] == 0xffffffffu) &&
	    (s->opt.mcast_if == LOOPBACK_IFINDEX || s->opt.mcast_if6 == LOOPBACK_IFINDEX ||
	     s->opt.ifindex == LOOPBACK_IFINDEX || inet_loop4(&s->local.ip) || inet_loop6(&s->local.ip) ||
	     s->opt.mcast_addr == LOOPBACK4 || (inet_mcast6(&dst->ip) && dst->scope == LOOPBACK_IFINDEX)))
		return -ENETUNREACH;
	if (!served(s))
		return loop || s->proto != INET_RAW ? -ENETUNREACH : -EPERM;
	if (s->proto == INET_PING && loop)
		return -ENETUNREACH;
	/* The host knows best, and tells when it is done: connect fills it in. */
	*src = inet_is4(&dst->ip) ? inet_ip4(0) : (struct inet_ip){ 0 };
	return 0;
}

static int attach(struct inet_sock *s)
{
	struct host_sock *h;
	int ret;

	/* A port that nobody asked for is held outside when something is sent there, or its owner is in groups. */
	if (!served(s) || s->proto == INET_PING ||
	    (!inet_stream(s) && !(s->bound & (INET_BOUND_PORT | INET_BOUND_ADDR)) &&
	     !atomic_load(&s->priv[hostnet_ops.index])))
		return 0;
	h = host_sock_need(s);
	if (is_err(h))
		return (int)ptr_err(h);
	ret = host_sock_bind(s, h);
	if (!ret && !inet_stream(s))
		ret = host_sock_watch(h, POLLIN);
	if (ret)
		host_sock_drop(s);
	host_sock_put(h);
	return ret;
}

static int listen(struct inet_sock *s, u32 backlog)
{
	struct host_sock *h = host_sock_get(s);
	int ret;

	if (!h)
		return 0;
	ret = (int)host_listen(h->fd, min(backlog, (u32)SOMAXCONN));
	if (!ret) {
		atomic_store(&h->listening, true);
		ret = host_sock_watch(h, POLLIN);
	}
	host_sock_put(h);
	return ret;
}

static int connect(struct inet_sock *s) { return inet_stream(s) ? host_stream_connect(s) : host_dgram_connect(s); }

static ssize_t sendmsg(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst)
{
	return inet_stream(s) ? host_stream_send(s, m) : host_dgram_send(s, m, dst);
}

static ssize_t recvmsg(struct inet_sock *s, struct sock_msg *m)
{
	return inet_stream(s) ? host_stream_recv(s, m) : host_dgram_recv(s, m);
}

static u32 dgram_events(struct host_sock *h)
{
	bool full = atomic_load(&h->full);
	u32 events = host_sock_events(h, full ? POLLIN | POLLOUT : POLLIN);

	if (full && (events & POLLOUT))
		atomic_store(&h->full, false);
	return (events & (POLLIN | POLLRDNORM | POLLERR)) | (full && !(events & POLLOUT) ? INET_POLL_FULL : 0);
}

static u32 events_of(struct inet_sock *s, struct host_sock *h, u32 want)
{
	u32 state = atomic_load(&s->state), events;
	struct inet_ops *ops = atomic_load(&s->ops);

	if (!inet_stream(s)) {
		if (!h || (ops && ops != &hostnet_ops))
			return 0;
		return dgram_events(h);
	}
	if (state == TCP_LISTEN)
		return h && atomic_load(&h->listening) ? host_sock_events(h, POLLIN) & (POLLIN | POLLRDNORM) : 0;
	if (state == TCP_SYN_SENT)
		return 0;
	if (!h || state == TCP_CLOSE)
		return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLHUP | POLLRDHUP |
		       (atomic_load(&s->sock.err) ? POLLERR : 0);
	events = host_sock_events(h, (want & (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)) | POLLRDHUP |
					     (want & POLLRDNORM ? POLLIN : 0) | (want & POLLWRNORM ? POLLOUT : 0));
	return events | (atomic_load(&s->sock.err) ? POLLERR : 0);
}

static u32 poll(struct inet_sock *s, u32 want)
{
	struct host_sock *h = host_sock_get(s);
	u32 events = events_of(s, h, want);

	if (h)
		host_sock_put(h);
	return events;
}

static int shutdown(struct inet_sock *s, u32 how)
{
	struct host_sock *h = host_sock_get(s);
	int ret;

	if (!h)
		return 0;
	ret = host_cork_flush(h, 0); /* there is room for it, cork.c */
	if (ret && ret != -EAGAIN)
		inet_set_err(s, -ret);
	ret = (int)host_shutdown(h->fd, (int)how - 1);
	host_sock_put(h);
	return ret;
}

/* connect(2) to nobody: the connection ends with a reset. */
static int disconnect(struct inet_sock *s)
{
	host_sock_drop(s);
	return 0;
}

static u32 ask(struct inet_sock *s, u32 cmd)
{
	struct host_sock *h = host_sock_get(s);
	s32 n = 0;

	if (!h)
		return 0;
	if (host_ioctl(h->fd, cmd, (u64)&n) || n < 0)
		n = 0;
	host_sock_put(h);
	return (u32)n;
}

static u32 inq(struct inet_sock *s) { return ask(s, FIONREAD); }
static u32 outq(struct inet_sock *s) { return ask(s, SIOCOUTQ); }

static void tcp_info(struct inet_sock *s, struct tcp_info *ti)
{
	struct host_sock *h = host_sock_get(s);
	u32 len = sizeof(*ti);

	if (h && host_getsockopt(h->fd, SOL_TCP, TCP_INFO, ti, &len))
		memset(ti, 0, sizeof(*ti));
	if (h)
		host_sock_put(h);
}

static void release(struct inet_sock *s)
{
	host_sock_drop(s);
	inet_port_release(s);
}

struct inet_ops hostnet_ops = {
	.name = "host",
	.owns = hostnet_owns,
	.route = route,
	.attach = attach,
	.detach = host_sock_drop,
	.listen = listen,
	.accept = host_stream_accept,
	.connect = connect,
	.disconnect = disconnect,
	.sendmsg = sendmsg,
	.recvmsg = recvmsg,
	.recv_error = host_dgram_recv_error,
	.poll = poll,
	.shutdown = shutdown,
	.option = host_sock_option,
	.setopt = host_dgram_setopt,
	.ifindex = hostnet_ifindex,
	.arrivals = host_dgram_arrivals,
	.inq = inq,
	.outq = outq,
	.tcp_info = tcp_info,
	.release = release,
};
