/* UDP and ping sockets with the outside; see host.h. */
#include "abi/linux/errno.h"
#include "gate/host.h"
#include "net/host/host.h"
#include "net/inet/internal.h"

/* Addresses within control data need no more than this. */
struct control {
	u8 buf[HOST_CMSG_MAX] __aligned(8);
	u32 len;
};

/* A socket that sends needs its port outside too. Somebody there may have that: then the host chooses another. As _need. */
static struct host_sock *sender(struct inet_sock *s)
{
	struct host_sock *h = host_sock_need(s);
	int ret = 0;

	if (is_err(h))
		return h;
	/* One bound to loopback is not attached by that, but what comes back is for it, and it ends with the socket. */
	if (unlikely(!(atomic_load(&s->attached) & 1u << hostnet_ops.index))) {
		mutex_lock(&s->lock);
		atomic_store(&s->attached, s->attached | 1u << hostnet_ops.index);
		mutex_unlock(&s->lock);
	}
	if (atomic_load(&h->bound))
		return h;
	if (s->local.port && !inet_loop4(&s->local.ip) && !inet_loop6(&s->local.ip))
		ret = host_sock_bind(s, h);
	if (!ret || !(s->bound & INET_BOUND_PORT)) {
		atomic_store(&h->bound, true);
		ret = host_sock_watch(h, POLLIN);
	}
	if (!ret)
		return h;
	host_sock_put(h);
	return err_ptr(ret);
}

int host_dgram_setopt(struct inet_sock *s, int level, int name, const void *val, u32 len)
{
	/* Members get what comes to their port: it has to be theirs outside too. Others may bind later. */
	struct host_sock *h = s->local.port ? sender(s) : host_sock_need(s);
	int ret;

	if (is_err(h))
		return (int)ptr_err(h);
	ret = (int)host_setsockopt(h->fd, level, name, val, len);
	host_sock_put(h);
	return ret;
}

u32 host_dgram_arrivals(struct inet_sock *s)
{
	struct host_sock *h = host_sock_get(s);
	u32 news = 0;

	if (h) {
		host_sock_edge(h);
		news = atomic_load(&h->news);
		host_sock_put(h);
	}
	return news;
}

int host_dgram_connect(struct inet_sock *s)
{
	static const struct sockaddr_in nobody = { .family = AF_UNSPEC };
	bool dissolved = !atomic_load(&s->ops); /* connected to port 0 is something else: asking for our address */
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct host_sock *h = dissolved ? host_sock_get(s) : sender(s);
	struct inet_name local;
	int ret;

	if (!h || is_err(h))
		return (int)ptr_err(h);
	if (dissolved)
		ret = (int)host_connect(h->fd, &nobody, sizeof(nobody));
	else
		ret = (int)host_connect(h->fd, addr, host_addr_out(s, &s->remote, addr));
	/* The address that the route has given us. */
	if (!ret && !dissolved && host_local_name(h, &local)) {
		mutex_lock(&s->lock);
		if (inet_any(&s->local.ip))
			inet_port_names(s, &local.ip, &s->remote);
		mutex_unlock(&s->lock);
	}
	host_sock_put(h);
	return ret;
}

static s32 take_error(struct host_sock *h)
{
	u32 len = sizeof(s32);
	s32 err = 0;

	return !host_getsockopt(h->fd, SOL_SOCKET, SO_ERROR, &err, &len) && err > 0 && err <= 4095 ? err : 0;
}

/* The pending error is ours to tell from now on; what stays is that of the queue of errors. */
void host_dgram_error(struct host_sock *h)
{
	s32 err = take_error(h);

	if (err)
		inet_set_err(h->s, err);
	atomic_or(&h->unsure, POLLERR);
	/* As long as nobody reads the queue, the event holds: it is to be told once. */
	if (inet_errors_asked(h->s, true) || inet_errors_asked(h->s, false))
		poller_edge(&h->watch);
}

static void control_put(struct control *c, int level, int type, const void *data, u32 len)
{
	struct cmsghdr h = { .len = CMSG_LEN(len), .level = level, .type = type };

	if (c->len + CMSG_SPACE(len) > sizeof(c->buf))
		return;
	memset(c->buf + c->len, 0, CMSG_SPACE(len));
	memcpy(c->buf + c->len, &h, sizeof(h));
	memcpy(c->buf + c->len + sizeof(h), data, len);
	c->len += (u32)CMSG_SPACE(len);
}

/* What the program asks for with control data, in our own words. */
static int send_control(struct inet_sock *s, const struct sock_msg *m, const struct inet_name *dst, struct control *c,
			u16 *segment)
{
	struct inet_send_ctl ctl = { .ttl = -1, .tos = -1 };
	bool v4 = inet_is4(&dst->ip);
	int ret;

	if (!m->control_len)
		return 0;
	ret = inet_cmsg_send(s, m, &ctl);
	if (ret)
		return ret;
	if (ctl.segment)
		*segment = ctl.segment;
	if (ctl.ttl >= 0)
		control_put(c, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TTL : IPV6_HOPLIMIT, &ctl.ttl, sizeof(ctl.ttl));
	if (ctl.tos >= 0)
		control_put(c, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &ctl.tos, sizeof(ctl.tos));
	if (!ctl.has_src)
		ctl.src = v4 ? inet_ip4(0) : (struct inet_ip){ 0 };
	if (!ctl.has_src && !ctl.ifindex)
		return 0;
	if (v4) {
		struct in_pktinfo p = { .ifindex = (s32)ctl.ifindex, .spec_dst = ctl.src.w[3] };

		control_put(c, SOL_IP, IP_PKTINFO, &p, sizeof(p));
	} else {
		struct in6_pktinfo p = { .ifindex = ctl.ifindex };

		memcpy(&p.addr, &ctl.src, sizeof(p.addr));
		control_put(c, SOL_IPV6, IPV6_PKTINFO, &p, sizeof(p));
	}
	return 0;
}

static long send_one(struct host_sock *h, struct sock_msg *m, struct user_msghdr *msg, size_t max)
{
	u32 news = atomic_load(&h->news);
	long ret = host_transfer(h, true, msg, m->data, max, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (ret == -EAGAIN) {
		atomic_store(&h->full, true); /* poll asks for room from now on */
		host_sock_missing(h, POLLOUT, news);
	}
	return ret;
}

/* UDP_SEGMENT: as many datagrams as it takes. */
static ssize_t send_segments(struct inet_sock *s, struct host_sock *h, struct sock_msg *m, struct user_msghdr *msg,
			     u16 segment)
{
	size_t len = m->data->resid;
	ssize_t done = 0;
	long ret;

	if (likely(!segment || len <= segment || !inet_udp(s)))
		return send_one(h, m, msg, len);
	if ((len + segment - 1) / segment > UDP_MAX_SEGMENTS)
		return -EINVAL;
	while (m->data->resid) {
		struct user_msghdr one = *msg;

		ret = send_one(h, m, &one, segment);
		if (ret < 0)
			return done ? done : ret;
		done += ret;
	}
	return done;
}

ssize_t host_dgram_send(struct inet_sock *s, struct sock_msg *m, const struct inet_name *dst)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct host_sock *h = sender(s);
	struct user_msghdr msg = { 0 };
	u16 segment = s->opt.segment;
	struct control c;
	long ret;

	if (is_err(h))
		return ptr_err(h);
	c.len = 0;
	ret = send_control(s, m, dst, &c, &segment);
	if (ret) {
		host_sock_put(h);
		return ret;
	}
	/* To whom it is connected on the host it goes without a name. */
	if (m->namelen || atomic_load(&s->ops) != &hostnet_ops) {
		msg.name = (u64)addr;
		msg.namelen = (s32)host_addr_out(s, dst, addr);
	}
	if (c.len) {
		msg.control = (u64)c.buf;
		msg.controllen = c.len;
	}
	ret = send_segments(s, h, m, &msg, segment);
	host_sock_put(h);
	return ret;
}

/* What the host says about a datagram. */
static void read_control(const u8 *buf, u64 len, struct inet_recv_info *info)
{
	struct cmsghdr h;
	u64 at = 0;

	while (at + sizeof(h) <= len) {
		const u8 *data = buf + at + sizeof(h);
		s32 v = 0;

		memcpy(&h, buf + at, sizeof(h));
		if (h.len < sizeof(h) || h.len > len - at)
			return;
		if (h.len >= CMSG_LEN(4))
			memcpy(&v, data, 4);
		else if (h.len > CMSG_LEN(0))
			v = data[0];
		if (h.level == SOL_IP && h.type == IP_PKTINFO && h.len >= CMSG_LEN(sizeof(struct in_pktinfo))) {
			struct in_pktinfo p;

			memcpy(&p, data, sizeof(p));
			info->ifindex = (u32)p.ifindex;
			info->dst = inet_ip4(p.addr);
		} else if (h.level == SOL_IPV6 && h.type == IPV6_PKTINFO && h.len >= CMSG_LEN(sizeof(struct in6_pktinfo))) {
			struct in6_pktinfo p;

			memcpy(&p, data, sizeof(p));
			info->ifindex = p.ifindex;
			memcpy(&info->dst, &p.addr, sizeof(info->dst));
		} else if ((h.level == SOL_IP && h.type == IP_TTL) || (h.level == SOL_IPV6 && h.type == IPV6_HOPLIMIT)) {
			info->ttl = (u8)v;
		} else if ((h.level == SOL_IP && h.type == IP_TOS) || (h.level == SOL_IPV6 && h.type == IPV6_TCLASS)) {
			info->tos = (u8)v;
		}
		at += CMSG_ALIGN(h.len);
	}
}

static ssize_t receive(struct inet_sock *s, struct host_sock *h, struct sock_msg *m)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct inet_recv_info info = { .dst = s->local.ip, .dport = s->local.port };
	struct user_msghdr msg = { .name = (u64)addr, .namelen = sizeof(addr) };
	u32 news = atomic_load(&h->news);
	size_t room = m->data->resid;
	struct inet_name from;
	struct control c;
	s64 shown;
	long ret;

	msg.control = (u64)c.buf;
	msg.controllen = sizeof(c.buf);
	ret = host_transfer(h, false, &msg, m->data, m->data->resid, MSG_DONTWAIT | (m->flags & (MSG_PEEK | MSG_TRUNC)));
	if (ret == -EAGAIN)
		host_sock_missing(h, POLLIN, news);
	if (ret < 0)
		return ret;
	shown = (s64)min((size_t)ret, room);
	host_sock_drained(h, POLLIN, news);
	if (unlikely(atomic_load_relaxed(&s->sock.peek_off) >= 0))
		inet_peek_moved(s, m->flags & MSG_PEEK ? shown : -(s64)shown);
	m->out_flags |= msg.flags & MSG_TRUNC;
	if (m->name && msg.namelen > 0 && msg.namelen <= (s32)sizeof(addr) &&
	    host_addr_in(addr, (u32)msg.namelen, &from))
		m->namelen = (u32)inet_name_out(s, &from, m->name);
	read_control(c.buf, min(msg.controllen, (u64)sizeof(c.buf)), &info);
	inet_cmsg_recv(s, m, &info);
	return ret;
}

ssize_t host_dgram_recv(struct inet_sock *s, struct sock_msg *m)
{
	struct inet_ops *ops = atomic_load(&s->ops);
	struct host_sock *h = host_sock_get(s);
	ssize_t ret = -EAGAIN;

	if (h && host_peek_refused(s, h, m)) {
		ret = poller_host_events(h->fd, POLLIN) & POLLIN ? -EOPNOTSUPP : -EAGAIN;
		host_sock_put(h);
		return ret;
	}
	/* Who is connected inside hears nothing from outside. */
	if (h && (!ops || ops == &hostnet_ops))
		ret = receive(s, h, m);
	if (h)
		host_sock_put(h);
	return ret;
}

/* The error and who told it, in the host's control data. False: there is none. */
static bool read_error(const u8 *buf, u64 len, struct inet_cmsg_error *e)
{
	struct cmsghdr h;

	for (u64 at = 0; at + sizeof(h) <= len; at += CMSG_ALIGN(h.len)) {
		const u8 *data = buf + at + sizeof(h);

		memcpy(&h, buf + at, sizeof(h));
		if (h.len < sizeof(h) || h.len > len - at)
			return false;
		if (!(h.level == SOL_IP && h.type == IP_RECVERR) && !(h.level == SOL_IPV6 && h.type == IPV6_RECVERR))
			continue;
		if (h.len < CMSG_LEN(sizeof(e->ee)))
			return false;
		memcpy(&e->ee, data, sizeof(e->ee));
		if (e->ee.errnr > 4095)
			e->ee.errnr = EIO;
		if (!host_addr_in(data + sizeof(e->ee), (u32)(h.len - CMSG_LEN(sizeof(e->ee))), &e->offender))
			memset(&e->offender, 0, sizeof(e->offender));
		return true;
	}
	return false;
}

ssize_t host_dgram_recv_error(struct inet_sock *s, struct sock_msg *m)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	struct host_sock *h = inet_stream(s) ? NULL : host_sock_get(s);
	struct user_msghdr msg = { .name = (u64)addr, .namelen = sizeof(addr) };
	struct inet_recv_info info = { .dst = s->local.ip };
	struct inet_cmsg_error e;
	struct inet_name to;
	struct control c;
	long ret;

	if (!h)
		return -EAGAIN;
	msg.control = (u64)c.buf;
	msg.controllen = sizeof(c.buf);
	ret = host_transfer(h, false, &msg, m->data, m->data->resid, MSG_DONTWAIT | MSG_ERRQUEUE);
	atomic_or(&h->unsure, POLLERR);
	if (ret >= 0) {
		inet_set_err(s, take_error(h)); /* of the next in the queue, or none: not told twice */
		msg.controllen = min(msg.controllen, (u64)sizeof(c.buf));
		m->out_flags |= (msg.flags & MSG_TRUNC) | MSG_ERRQUEUE;
		if (m->name && msg.namelen > 0 && msg.namelen <= (s32)sizeof(addr) &&
		    host_addr_in(addr, (u32)msg.namelen, &to))
			m->namelen = (u32)inet_name_out(s, &to, m->name);
		read_control(c.buf, msg.controllen, &info);
		inet_cmsg_recv(s, m, &info);
		if (read_error(c.buf, msg.controllen, &e))
			inet_cmsg_error(s, m, &e);
	}
	host_sock_put(h);
	return ret;
}
