/* Host sockets; see host.h. */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "gate/host.h"
#include "net/host/host.h"
#include "proc/task.h"

struct host_sock *host_sock_get(struct inet_sock *s)
{
	struct host_sock *h;

	mutex_lock(&s->lock);
	h = s->priv[hostnet_ops.index];
	if (h)
		ref_get(&h->ref);
	mutex_unlock(&s->lock);
	return h;
}

void host_sock_put(struct host_sock *h)
{
	if (!ref_put(&h->ref))
		return;
	host_close(h->fd);
	kfree(h);
}

/* Addresses */

u32 host_addr_out(const struct inet_sock *s, const struct inet_name *n, void *addr)
{
	if (!inet_v6(s)) {
		struct sockaddr_in a = { .family = AF_INET, .port = bswap16(n->port), .addr = { n->ip.w[3] } };

		memcpy(addr, &a, sizeof(a));
		return sizeof(a);
	}
	struct sockaddr_in6 a = { .family = AF_INET6, .port = bswap16(n->port), .scope_id = n->scope };

	memcpy(&a.addr, &n->ip, sizeof(a.addr));
	memcpy(addr, &a, sizeof(a));
	return sizeof(a);
}

bool host_addr_in(const void *addr, u32 len, struct inet_name *n)
{
	const struct sockaddr_in *v4 = addr;
	const struct sockaddr_in6 *v6 = addr;

	if (len >= sizeof(*v4) && v4->family == AF_INET) {
		*n = (struct inet_name){ .ip = inet_ip4(v4->addr.addr), .port = bswap16(v4->port) };
		return true;
	}
	if (len < sizeof(*v6) || v6->family != AF_INET6)
		return false;
	*n = (struct inet_name){ .scope = v6->scope_id, .port = bswap16(v6->port) };
	memcpy(&n->ip, &v6->addr, sizeof(n->ip));
	return true;
}

bool host_local_name(struct host_sock *h, struct inet_name *n)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	u32 len = sizeof(addr);

	return !host_getsockname(h->fd, addr, &len) && len <= sizeof(addr) && host_addr_in(addr, len, n);
}

/* Readiness */

static u32 as_poll(u32 events)
{
	if (events & POLLIN)
		events |= POLLRDNORM;
	if (events & POLLOUT)
		events |= POLLWRNORM;
	return events;
}

/* On the poller thread. h may be gone when inet_wake returns. */
static void watched(struct poller_watch *w, u32 events)
{
	struct host_sock *h = container_of(w, struct host_sock, watch);

	atomic_add(&h->news, 1);
	atomic_and(&h->unsure, ~events);
	atomic_or(&h->ready, events);
	if (!inet_stream(h->s) && (events & POLLERR))
		host_dgram_error(h);
	else if (atomic_load(&h->s->state) == TCP_SYN_SENT && inet_stream(h->s))
		host_stream_event(h, events);
	inet_wake(h->s, as_poll(events) | (events & (POLLERR | POLLHUP) ? POLLIN | POLLOUT : 0));
}

int host_sock_watch(struct host_sock *h, u32 events)
{
	int err = 0;

	if (!atomic_xchg(&h->watched, true)) {
		err = poller_add(&h->watch, h->fd, events);
		if (err)
			atomic_store(&h->watched, false); /* the next connect tries again */
		atomic_fence();
		if (!err && atomic_load(&h->dropped))
			poller_remove(&h->watch); /* the one who dropped it came too early */
	} else {
		poller_rearm(&h->watch, events);
	}
	return err;
}

static bool edge(struct host_sock *h) { return atomic_load(&h->watch.edge); }

void host_sock_edge(struct host_sock *h)
{
	if (!edge(h))
		poller_edge(&h->watch);
}

static void perhaps(struct host_sock *h, u32 events)
{
	atomic_or(&h->unsure, events);
	atomic_or(&h->ready, events);
}

void host_sock_missing(struct host_sock *h, u32 events, u32 news)
{
	bool armed = !edge(h);

	atomic_and(&h->ready, ~events);
	if (armed)
		poller_rearm(&h->watch, events);
	atomic_fence();
	if (armed ? edge(h) : atomic_load(&h->news) != news)
		perhaps(h, events); /* what was taken away may be new */
}

void host_sock_moved(struct host_sock *h, u32 events)
{
	if ((atomic_load_relaxed(&h->unsure) & events) != events)
		atomic_or(&h->unsure, events);
}

void host_sock_more(struct host_sock *h, u32 events)
{
	host_sock_moved(h, events);
	atomic_fence();
	if (!edge(h) && wait_queue_active(&h->s->wait))
		poller_edge(&h->watch); /* what holds now is news once */
}

void host_sock_drained(struct host_sock *h, u32 events, u32 news)
{
	if (!inet_stream(h->s)) {
		host_sock_moved(h, events);
		atomic_fence();
		if (wait_queue_active(&h->s->wait))
			host_sock_missing(h, events, news);
	} else if (edge(h) && !(atomic_load(&h->ready) & (POLLRDHUP | POLLPRI | POLLERR | POLLHUP))) {
		host_sock_missing(h, events, news);
	} else {
		host_sock_more(h, events);
	}
}

u32 host_sock_events(struct host_sock *h, u32 want)
{
	u32 asked = want & (POLLIN | POLLOUT | POLLRDHUP | POLLPRI), now;
	u32 news = atomic_load(&h->news), ready = atomic_load(&h->ready);

	if (!inet_stream(h->s))
		asked |= POLLERR; /* of a stream it is for good, of datagrams a matter of the queue of errors */
	if (ready & atomic_load(&h->unsure) & asked) {
		now = poller_host_events(h->fd, asked);
		atomic_and(&h->unsure, ~asked);
		atomic_and(&h->ready, ~(asked & ~now & ~POLLRDHUP)); /* that one stays */
		atomic_or(&h->ready, now);
		if (atomic_load(&h->news) != news)
			perhaps(h, asked & ~now & (POLLIN | POLLOUT | POLLERR));
		ready = atomic_load(&h->ready);
	}
	current->met_host_socket = true;
	asked &= ~POLLERR; /* always told */
	if ((asked & ~ready) && !edge(h))
		poller_rearm(&h->watch, asked & ~ready);
	return as_poll(ready & (asked | POLLERR | POLLHUP));
}

/* Options */

static void set(struct host_sock *h, int level, int name, s32 v)
{
	(void)host_setsockopt(h->fd, level, name, &v, sizeof(v));
}

static void set_linger(struct inet_sock *s, struct host_sock *h)
{
	/* Only the end by reset: the host must not wait in close for us. */
	struct linger l = { sock_bit(&s->sock, SB_LINGER) && !s->sock.linger, 0 };

	if (l.onoff || atomic_load_relaxed(&h->bound))
		(void)host_setsockopt(h->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/* By the host's own count, from this moment on: what came before is all there. */
static void peek_from(struct inet_sock *s, struct host_sock *h)
{
	s32 off = atomic_load(&s->sock.peek_off);
	bool refused = host_setsockopt(h->fd, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)) && off >= 0;

	atomic_store(&h->no_peek_off, refused);
}

/* Those that the filter of kserver lets through; the others stay in the guest kernel. */
static bool forwarded(const struct inet_sock *s, int level, int name)
{
	/* Streams have no queue of errors: there it would only make them come at once. */
	if ((level == SOL_IP && name == IP_RECVERR) || (level == SOL_IPV6 && name == IPV6_RECVERR))
		return !inet_stream(s);
	switch (level) {
	case SOL_SOCKET:
		return name == SO_KEEPALIVE || name == SO_BROADCAST || name == SO_OOBINLINE || name == SO_SNDBUF ||
		       name == SO_RCVBUF || name == SO_REUSEADDR || name == SO_REUSEPORT || name == SO_BINDTOIFINDEX;
	case SOL_TCP:
		switch (name) {
		case TCP_NODELAY:
		case TCP_QUICKACK:
		case TCP_KEEPIDLE:
		case TCP_KEEPINTVL:
		case TCP_KEEPCNT:
		case TCP_USER_TIMEOUT:
		case TCP_DEFER_ACCEPT:
		case TCP_MAXSEG:
		case TCP_SYNCNT:
		case TCP_NOTSENT_LOWAT:
			return true;
		}
		return false;
	case SOL_IP:
		return name == IP_TOS || name == IP_TTL || name == IP_PKTINFO || name == IP_RECVTTL || name == IP_RECVTOS ||
		       name == IP_MTU_DISCOVER || name == IP_MULTICAST_TTL || name == IP_MULTICAST_LOOP ||
		       name == IP_MULTICAST_ALL;
	case SOL_IPV6:
		return name == IPV6_TCLASS || name == IPV6_UNICAST_HOPS || name == IPV6_RECVPKTINFO ||
		       name == IPV6_RECVHOPLIMIT || name == IPV6_RECVTCLASS || name == IPV6_MTU_DISCOVER ||
		       name == IPV6_MULTICAST_HOPS || name == IPV6_MULTICAST_LOOP || name == IPV6_MULTICAST_ALL ||
		       name == IPV6_V6ONLY;
	}
	return false;
}

/* What does not go now goes by the timer. */
static void uncork(struct inet_sock *s, struct host_sock *h)
{
	int ret = host_cork_flush(h, 0);

	if (ret && ret != -EAGAIN)
		inet_set_err(s, -ret);
}

void host_sock_option(struct inet_sock *s, int level, int name, s32 value)
{
	struct host_sock *h = host_sock_get(s);

	if (!h)
		return;
	if (level == SOL_SOCKET && name == SO_LINGER)
		set_linger(s, h);
	else if (level == SOL_TCP && name == TCP_CORK && !value)
		uncork(s, h);
	else if (level == SOL_SOCKET && name == SO_PEEK_OFF)
		peek_from(s, h);
	else if (forwarded(s, level, name))
		set(h, level, name, value);
	host_sock_put(h);
}

static void sync_tcp(struct inet_sock *s, struct host_sock *h)
{
	const struct inet_options *o = &s->opt;

	if (inet_flag(s, IF_NODELAY))
		set(h, SOL_TCP, TCP_NODELAY, 1);
	if (sock_bit(&s->sock, SB_KEEPALIVE))
		set(h, SOL_SOCKET, SO_KEEPALIVE, 1);
	if (o->keepidle != INET_KEEPIDLE)
		set(h, SOL_TCP, TCP_KEEPIDLE, (s32)o->keepidle);
	if (o->keepintvl != INET_KEEPINTVL)
		set(h, SOL_TCP, TCP_KEEPINTVL, (s32)o->keepintvl);
	if (o->keepcnt != INET_KEEPCNT)
		set(h, SOL_TCP, TCP_KEEPCNT, (s32)o->keepcnt);
	if (o->user_timeout)
		set(h, SOL_TCP, TCP_USER_TIMEOUT, (s32)o->user_timeout);
	if (o->syncnt != INET_SYNCNT)
		set(h, SOL_TCP, TCP_SYNCNT, (s32)o->syncnt);
	if (o->maxseg)
		set(h, SOL_TCP, TCP_MAXSEG, (s32)o->maxseg);
	if (o->defer_accept > 0)
		set(h, SOL_TCP, TCP_DEFER_ACCEPT, o->defer_accept);
	if (o->notsent_lowat)
		set(h, SOL_TCP, TCP_NOTSENT_LOWAT, (s32)o->notsent_lowat);
	if (sock_bit(&s->sock, SB_OOBINLINE))
		set(h, SOL_SOCKET, SO_OOBINLINE, 1);
	set_linger(s, h);
}

static void sync_mcast(struct inet_sock *s, struct host_sock *h)
{
	const struct inet_options *o = &s->opt;
	struct ip_mreqn via = { .address = o->mcast_addr, .ifindex = (s32)o->mcast_if };

	if (o->mcast_ttl != 1)
		set(h, SOL_IP, IP_MULTICAST_TTL, o->mcast_ttl);
	if (inet_flag(s, IF_MCAST_NOLOOP))
		set(h, SOL_IP, IP_MULTICAST_LOOP, 0);
	if (inet_flag(s, IF_MCAST_NOALL))
		set(h, SOL_IP, IP_MULTICAST_ALL, 0);
	if ((via.ifindex || via.address) && via.ifindex != LOOPBACK_IFINDEX)
		(void)host_setsockopt(h->fd, SOL_IP, IP_MULTICAST_IF, &via, sizeof(via));
	if (!inet_v6(s))
		return;
	if (o->mcast_hops != 1)
		set(h, SOL_IPV6, IPV6_MULTICAST_HOPS, o->mcast_hops);
	if (inet_flag(s, IF_MCAST_NOLOOP6))
		set(h, SOL_IPV6, IPV6_MULTICAST_LOOP, 0);
	if (inet_flag(s, IF_MCAST_NOALL6))
		set(h, SOL_IPV6, IPV6_MULTICAST_ALL, 0);
	if (o->mcast_if6 && o->mcast_if6 != LOOPBACK_IFINDEX)
		set(h, SOL_IPV6, IPV6_MULTICAST_IF, (s32)o->mcast_if6);
}

static void sync_dgram(struct inet_sock *s, struct host_sock *h)
{
	static const struct {
		enum inet_flag flag;
		u16 level, name;
	} asked[] = {
		{ IF_PKTINFO, SOL_IP, IP_PKTINFO }, { IF_RECVTTL, SOL_IP, IP_RECVTTL }, { IF_RECVTOS, SOL_IP, IP_RECVTOS },
		{ IF_RECVPKTINFO6, SOL_IPV6, IPV6_RECVPKTINFO }, { IF_RECVHOPS, SOL_IPV6, IPV6_RECVHOPLIMIT },
		{ IF_RECVTCLASS, SOL_IPV6, IPV6_RECVTCLASS }, { IF_RECVERR, SOL_IP, IP_RECVERR },
		{ IF_RECVERR6, SOL_IPV6, IPV6_RECVERR },
	};

	for (u32 i = 0; i < ARRAY_SIZE(asked); i++)
		if (inet_flag(s, asked[i].flag))
			set(h, asked[i].level, asked[i].name, 1);
	if (sock_bit(&s->sock, SB_BROADCAST))
		set(h, SOL_SOCKET, SO_BROADCAST, 1);
	sync_mcast(s, h);
}

static void sync_ip(struct inet_sock *s, struct host_sock *h)
{
	const struct inet_options *o = &s->opt;

	if (o->tos)
		set(h, SOL_IP, IP_TOS, o->tos);
	if (o->ttl > 0)
		set(h, SOL_IP, IP_TTL, o->ttl);
	if (o->mtu_discover != INET_MTU_DISCOVER)
		set(h, SOL_IP, IP_MTU_DISCOVER, o->mtu_discover);
	if (!inet_v6(s))
		return;
	if (o->hops > 0)
		set(h, SOL_IPV6, IPV6_UNICAST_HOPS, o->hops);
	if (o->tclass)
		set(h, SOL_IPV6, IPV6_TCLASS, o->tclass);
	if (o->mtu_discover6 != INET_MTU_DISCOVER)
		set(h, SOL_IPV6, IPV6_MTU_DISCOVER, o->mtu_discover6);
}

/* What the program has set before there was a host socket. */
static void sync_options(struct inet_sock *s, struct host_sock *h)
{
	if (sock_bit(&s->sock, SB_REUSEADDR))
		set(h, SOL_SOCKET, SO_REUSEADDR, 1);
	if (sock_bit(&s->sock, SB_REUSEPORT))
		set(h, SOL_SOCKET, SO_REUSEPORT, 1);
	if (inet_v6(s))
		set(h, SOL_IPV6, IPV6_V6ONLY, s->opt.v6only);
	sync_ip(s, h);
	if (inet_flag(s, IF_SNDBUF_SET))
		set(h, SOL_SOCKET, SO_SNDBUF, (s32)(atomic_load(&s->sock.sndbuf) / 2));
	if (inet_flag(s, IF_RCVBUF_SET))
		set(h, SOL_SOCKET, SO_RCVBUF, (s32)(atomic_load(&s->sock.rcvbuf) / 2));
	if (inet_stream(s))
		sync_tcp(s, h);
	else
		sync_dgram(s, h);
	if (atomic_load(&s->sock.peek_off) >= 0)
		peek_from(s, h);
}

/* Life */

struct host_sock *host_sock_adopt(struct inet_sock *s, int fd)
{
	struct host_sock *h = kzalloc(sizeof(*h));
	bool mine;

	if (!h) {
		host_close(fd);
		return err_ptr(-ENOBUFS);
	}
	ref_init(&h->ref);
	ref_get(&h->ref); /* the caller's */
	h->fd = fd;
	host_cork_init(h);
	h->s = s;
	h->watch.func = watched;
	mutex_lock(&s->lock);
	mine = !s->priv[hostnet_ops.index];
	if (mine)
		atomic_store(&s->priv[hostnet_ops.index], (void *)h);
	mutex_unlock(&s->lock);
	if (mine)
		return h;
	/* Another thread was faster. */
	host_sock_put(h);
	host_sock_put(h);
	h = host_sock_get(s);
	return h ? h : err_ptr(-ECONNABORTED);
}

struct host_sock *host_sock_need(struct inet_sock *s)
{
	struct host_sock *h = host_sock_get(s);
	s32 ifindex;
	long fd, ret;

	if (h)
		return h;
	ifindex = (s32)atomic_load(&s->opt.ifindex);
	fd = host_socket(s->sock.family, (inet_stream(s) ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
			 s->sock.protocol);
	if (fd < 0)
		return err_ptr(fd);
	/* Not a socket that reaches further than the program wants. */
	ret = ifindex ? host_setsockopt((int)fd, SOL_SOCKET, SO_BINDTOIFINDEX, &ifindex, sizeof(ifindex)) : 0;
	if (ret < 0) {
		host_close((int)fd);
		return err_ptr(ret);
	}
	h = host_sock_adopt(s, (int)fd);
	if (!is_err(h)) {
		sync_options(s, h);
		if (inet_udp(s))
			inet_members_tell(s);
	}
	return h;
}

int host_sock_bind(struct inet_sock *s, struct host_sock *h)
{
	u8 addr[SOCKADDR_MAX] __aligned(8);
	u32 len = host_addr_out(s, &s->local, addr);
	int ret = (int)host_bind(h->fd, addr, len);

	if (!ret)
		atomic_store(&h->bound, true);
	return ret;
}

void host_sock_drop(struct inet_sock *s)
{
	struct host_sock *h;

	mutex_lock(&s->lock);
	h = s->priv[hostnet_ops.index];
	atomic_store(&s->priv[hostnet_ops.index], NULL);
	mutex_unlock(&s->lock);
	if (!h)
		return;
	atomic_store(&h->dropped, true);
	atomic_fence();
	poller_remove(&h->watch);
	host_cork_end(h);
	atomic_or(&h->ready, POLLHUP);
	host_sock_put(h);
	inet_wake(s, 0);
}
