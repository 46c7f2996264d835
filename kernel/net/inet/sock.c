/* The life of internet sockets and the family's operations. */
#include "net/inet/inet.h"

#include "abi/linux/capability.h"
#include "abi/linux/ioctl.h"
#include "net/inet/internal.h"

struct mutex inet_table_lock = MUTEX_INIT(LOCK_LEAF);

static void release_op(struct socket *s);
static int getname_op(struct socket *s, void *addr, int peer);
static long ioctl_op(struct socket *s, u32 cmd, u64 arg);
static void changed(struct socket *s, int name, s32 val);

static const struct socket_ops stream_ops = {
	.release = release_op,
	.bind = inet_bind,
	.connect = inet_stream_connect,
	.listen = inet_listen,
	.accept = inet_accept,
	.getname = getname_op,
	.shutdown = inet_stream_shutdown,
	.poll = inet_poll,
	.ioctl = ioctl_op,
	.sendmsg = inet_stream_sendmsg,
	.recvmsg = inet_stream_recvmsg,
	.setopt = inet_setopt,
	.getopt = inet_getopt,
	.getopt_user = inet_getopt_user,
	.changed = changed,
};

static const struct socket_ops dgram_ops = {
	.release = release_op,
	.bind = inet_bind,
	.connect = inet_dgram_connect,
	.getname = getname_op,
	.shutdown = inet_dgram_shutdown,
	.poll = inet_poll,
	.ioctl = ioctl_op,
	.sendmsg = inet_dgram_sendmsg,
	.recvmsg = inet_dgram_recvmsg,
	.setopt = inet_setopt,
	.getopt = inet_getopt,
	.getopt_user = inet_getopt_user,
	.changed = changed,
};

static void options_init(struct inet_options *o)
{
	o->ttl = -1;
	o->hops = -1;
	o->mcast_hops = 1;
	o->mcast_ttl = 1;
	o->mtu_discover = INET_MTU_DISCOVER;
	o->mtu_discover6 = INET_MTU_DISCOVER;
	o->keepidle = INET_KEEPIDLE;
	o->keepintvl = INET_KEEPINTVL;
	o->keepcnt = INET_KEEPCNT;
	o->syncnt = INET_SYNCNT;
	o->linger2 = 60;
	o->max_pacing = -1;
}

static struct inet_sock *alloc(int family, int type, int protocol, enum inet_proto proto)
{
	struct inet_sock *s = kzalloc(sizeof(*s) + loop_sock_size);

	if (!s)
		return NULL;
	socket_init(&s->sock, type == SOCK_STREAM ? &stream_ops : &dgram_ops, family, type, protocol);
	ref_init(&s->ref);
	mutex_init(&s->lock, LOCK_SOCK);
	s->state = TCP_CLOSE;
	s->proto = (u8)proto;
	s->raw_proto = (u8)protocol;
	s->uid = current->cred ? current->cred->euid : 0;
	s->opt.v6only = family == AF_INET6 && inet_sysctl.bindv6only;
	s->local.ip = family == AF_INET ? inet_ip4(0) : (struct inet_ip){ 0 };
	s->remote.ip = s->local.ip;
	wait_queue_init(&s->wait);
	sleep_lock_init(&s->recv_lock);
	sleep_lock_init(&s->send_lock);
	options_init(&s->opt);
	list_init(&s->members);
	s->loop = (struct loop_sock *)(s + 1);
	loop_sock_init(s);
	if (proto == INET_TCP) {
		s->sock.sndbuf = INET_TCP_SNDBUF;
		s->sock.rcvbuf = INET_TCP_RCVBUF;
	}
	inet_all_add(s);
	return s;
}

void inet_put(struct inet_sock *s)
{
	if (!ref_put(&s->ref))
		return;
	inet_all_del(s);
	loop_sock_free(s);
	kfree(s);
}

/* The kernel's table of what socket(2) can be asked for. 0 or -errno. */
static int pick(int family, int type, int *protocol, enum inet_proto *proto)
{
	int icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (*protocol < 0 || *protocol >= IPPROTO_MAX)
		return -EINVAL;
	switch (type) {
	case SOCK_STREAM:
		if (*protocol && *protocol != IPPROTO_TCP)
			return -EPROTONOSUPPORT;
		*protocol = IPPROTO_TCP;
		*proto = INET_TCP;
		return 0;
	case SOCK_DGRAM:
		if (*protocol == icmp) {
			*proto = INET_PING;
			return inet_may_ping() ? 0 : -EACCES;
		}
		if (*protocol == IPPROTO_UDPLITE) {
			*proto = INET_UDPLITE;
			return 0;
		}
		if (*protocol && *protocol != IPPROTO_UDP)
			return -EPROTONOSUPPORT;
		*protocol = IPPROTO_UDP;
		*proto = INET_UDP;
		return 0;
	case SOCK_RAW:
		if (!*protocol)
			return -EPROTONOSUPPORT;
		if (!capable(CAP_NET_RAW))
			return -EPERM;
		*proto = INET_RAW;
		return *protocol < 256 ? 0 : -EPROTONOSUPPORT;
	}
	return -ESOCKTNOSUPPORT;
}

static struct socket *create(int family, int type, int protocol)
{
	enum inet_proto proto = INET_TCP;
	struct inet_sock *s;
	int ret;

	ret = pick(family, type, &protocol, &proto);
	if (ret)
		return err_ptr(ret);
	s = alloc(family, type, protocol, proto);
	if (!s)
		return err_ptr(-ENOMEM);
	if (proto == INET_RAW) {
		s->local.port = (u16)protocol;
		if (protocol == IPPROTO_RAW)
			inet_set_flag(s, IF_HDRINCL, true);
		inet_port_raw(s);
	}
	return &s->sock;
}

static struct socket *create4(int type, int protocol) { return create(AF_INET, type, protocol); }
static struct socket *create6(int type, int protocol) { return create(AF_INET6, type, protocol); }

const struct socket_family inet_family = { .family = AF_INET, .create = create4 };
const struct socket_family inet6_family = { .family = AF_INET6, .create = create6 };

void inet_init(void)
{
	inet_register(&loop_ops);
	socket_family_register(&inet_family);
	socket_family_register(&inet6_family);
	inet_show_init();
}

struct inet_sock *inet_child(struct inet_sock *s)
{
	struct inet_sock *c = alloc(s->sock.family, s->sock.type, s->sock.protocol, s->proto);

	if (!c)
		return NULL;
	c->opt = s->opt;
	c->uid = s->uid;
	inet_set_flag(c, IF_CONNECTING, false);
	c->sock.bits = atomic_load(&s->sock.bits);
	c->sock.sndbuf = atomic_load(&s->sock.sndbuf);
	c->sock.rcvbuf = atomic_load(&s->sock.rcvbuf);
	c->sock.rcvlowat = s->sock.rcvlowat;
	c->sock.priority = s->sock.priority;
	c->sock.mark = s->sock.mark;
	c->sock.linger = s->sock.linger;
	c->sock.rcvtimeo = atomic_load(&s->sock.rcvtimeo);
	c->sock.sndtimeo = atomic_load(&s->sock.sndtimeo);
	return c;
}

/* Files are type-stable, so the flag may be looked at before it is known that the file still is ours. */
static struct file *file_of(struct inet_sock *s)
{
	struct file *f = NULL;

	mutex_lock(&s->lock);
	if (s->sock.file && ref_get_unless_zero(&s->sock.file->ref))
		f = s->sock.file;
	mutex_unlock(&s->lock);
	return f;
}

void inet_sigio(struct inet_sock *s, u32 events)
{
	struct file *f = atomic_load(&s->sock.file);

	if (likely(!f || !(atomic_load_relaxed(&f->flags) & O_ASYNC)))
		return;
	f = file_of(s);
	if (!f)
		return;
	if (events)
		file_send_sigio(f, (int)(events & (POLLIN | POLLOUT | POLLPRI | POLLERR | POLLHUP)));
	file_put(f);
}

void inet_sigurg(struct inet_sock *s)
{
	struct file *f = file_of(s);

	if (!f)
		return;
	file_send_sigurg(f);
	file_put(f);
}

void inet_wake(struct inet_sock *s, u32 events)
{
	atomic_fence();
	if (wait_queue_active(&s->wait)) {
		if (events)
			wake_up_poll(&s->wait, events);
		else
			wake_up_all(&s->wait);
	}
	inet_sigio(s, events ? events : POLLHUP);
}

void inet_peek_moved(struct inet_sock *s, s64 n)
{
	s32 was, now;

	do {
		was = atomic_load(&s->sock.peek_off);
		if (was < 0)
			return;
		now = (s32)min(max(was + n, (s64)0), (s64)INT32_MAX);
	} while (!atomic_cas(&s->sock.peek_off, was, now));
}

/* Every attached transport lets go of the name. */
void inet_detach(struct inet_sock *s)
{
	u32 attached;

	mutex_lock(&s->lock);
	attached = s->attached;
	s->attached = 0;
	mutex_unlock(&s->lock);
	for (u32 i = 0; i < inet_nr_transports; i++)
		if ((attached >> i & 1) && inet_transports[i]->detach)
			inet_transports[i]->detach(s);
}

/* All or none. */
int inet_attach(struct inet_sock *s)
{
	for (u32 i = 0; i < inet_nr_transports; i++) {
		struct inet_ops *ops = inet_transports[i];
		int ret = 0;

		if (!inet_any(&s->local.ip) && !inet_mcast(&s->local.ip) && !ops->owns(&s->local.ip))
			continue;
		if (ops->attach)
			ret = ops->attach(s);
		if (ret) {
			inet_detach(s);
			return ret;
		}
		mutex_lock(&s->lock);
		s->attached |= 1u << i;
		mutex_unlock(&s->lock);
	}
	return 0;
}

void inet_abandon(struct inet_sock *s)
{
	struct inet_ops *ops = atomic_load(&s->ops);

	atomic_store(&s->dead, true);
	mutex_lock(&s->lock);
	atomic_store(&s->sock.file, NULL);
	mutex_unlock(&s->lock);
	inet_members_free(s);
	loop_past_free(s);
	inet_detach(s);
	if (ops && ops->release)
		ops->release(s);
	else
		inet_port_release(s);
	inet_put(s);
}

static void release_op(struct socket *s)
{
	inet_abandon(inet_of(s));
}

/* May this task bind to a port that low? */
static bool port_allowed(u16 port)
{
	return !port || port >= atomic_load_relaxed(&inet_sysctl.unprivileged_port) || capable(CAP_NET_BIND_SERVICE);
}

static int bind_addr_check(struct inet_sock *s, const struct inet_name *n)
{
	if (inet_v6(s) && inet_is4(&n->ip) && s->opt.v6only)
		return -EINVAL;
	if (inet_any(&n->ip) || inet_owned(&n->ip))
		return 0;
	if (inet_mcast(&n->ip) || inet_bcast(&n->ip))
		return inet_stream(s) && inet_v6(s) ? -EINVAL : 0;
	if (inet_flag(s, IF_FREEBIND) || inet_flag(s, IF_TRANSPARENT))
		return 0;
	return -EADDRNOTAVAIL;
}

/* An ephemeral port that a transport refuses is tried this often with another one. */
#define BIND_TRIES 32

int inet_bind_name(struct inet_sock *s, const struct inet_name *n, u8 bound)
{
	struct inet_name none = inet_no_name(s);
	int ret = 0;

	for (u32 i = 0; i < BIND_TRIES; i++) {
		mutex_lock(&s->lock);
		if (s->state != TCP_CLOSE || (s->local.port && s->proto != INET_RAW))
			ret = -EINVAL;
		else
			ret = inet_port_bind(s, n);
		if (!ret)
			s->bound = bound;
		mutex_unlock(&s->lock);
		if (ret)
			return ret;
		ret = inet_attach(s);
		if (!ret)
			return 0;
		inet_port_release(s);
		mutex_lock(&s->lock);
		inet_port_names(s, &none.ip, &none);
		s->bound = 0;
		mutex_unlock(&s->lock);
		if (n->port || ret != -EADDRINUSE)
			return ret;
	}
	return ret;
}

int inet_bind(struct socket *sock, const void *addr, u32 len)
{
	struct inet_sock *s = inet_of(sock);
	const struct sockaddr_in *a4 = addr;
	struct inet_name n;
	int ret;

	if (inet_v6(s) && len >= 2 && a4->family == AF_INET)
		return len < 24 ? -EINVAL : -EAFNOSUPPORT;
	/* Old programs leave the family out when they mean the wildcard. */
	if (!inet_v6(s) && len >= sizeof(*a4) && a4->family == AF_UNSPEC) {
		if (a4->addr.addr)
			return -EAFNOSUPPORT;
		n = (struct inet_name){ .ip = inet_ip4(0), .port = bswap16(a4->port) };
	} else {
		ret = inet_name_in(s, addr, len, &n);
		if (ret)
			return ret;
	}
	ret = bind_addr_check(s, &n);
	if (ret)
		return ret;
	if (s->proto != INET_RAW && !port_allowed(n.port))
		return -EACCES;
	return inet_bind_name(s, &n, (u8)((inet_any(&n.ip) ? 0 : INET_BOUND_ADDR) | (n.port ? INET_BOUND_PORT : 0)));
}

int inet_autobind(struct inet_sock *s)
{
	struct inet_name n = { .ip = s->local.ip };
	int ret;

	if (s->local.port)
		return 0;
	ret = inet_bind_name(s, &n, 0);
	if (ret == -EINVAL && s->local.port)
		return 0; /* another thread was faster */
	return ret == -EADDRINUSE ? -EAGAIN : ret;
}

static int getname_op(struct socket *sock, void *addr, int peer)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_name n;
	u32 state;

	mutex_lock(&s->lock);
	n = peer ? s->remote : s->local;
	state = s->state;
	mutex_unlock(&s->lock);
	if (peer) {
		if (!n.port && s->proto != INET_RAW)
			return -ENOTCONN;
		if (peer != SOCK_PEER_ACCEPTED && (state == TCP_CLOSE || state == TCP_SYN_SENT))
			return -ENOTCONN;
	}
	if (s->proto == INET_RAW)
		n.port = peer ? 0 : (u16)s->raw_proto;
	return inet_name_out(s, &n, addr);
}

/* All of them: one that the socket is not connected by may hold its port. */
void inet_option_changed(struct inet_sock *s, int level, int name, s32 value)
{
	for (u32 i = 0; i < inet_nr_transports; i++)
		if (inet_transports[i]->option)
			inet_transports[i]->option(s, level, name, value);
}

static void changed(struct socket *sock, int name, s32 val)
{
	struct inet_sock *s = inet_of(sock);

	if (name == SO_SNDBUF)
		inet_set_flag(s, IF_SNDBUF_SET, true);
	else if (name == SO_RCVBUF)
		inet_set_flag(s, IF_RCVBUF_SET, true);
	inet_option_changed(s, SOL_SOCKET, name, val);
	if (name == SO_SNDBUF || name == SO_RCVLOWAT)
		inet_wake(s, POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

u32 inet_poll(struct socket *sock, struct poll_table *pt)
{
	struct inet_sock *s = inet_of(sock);
	u32 want = pt ? pt->events : ~0u, mask = 0, attached, shutdown;
	struct inet_ops *ops;

	poll_wait(pt, &s->wait);
	atomic_fence();
	ops = atomic_load(&s->ops);
	if (inet_stream(s)) {
		if (atomic_load(&s->state) != TCP_LISTEN) {
			if (ops)
				return ops->poll(s, want);
			mask = POLLOUT | POLLWRNORM | POLLHUP;
			return mask | (atomic_load(&s->sock.err) ? POLLERR : 0);
		}
	} else {
		shutdown = atomic_load(&s->shutdown);
		mask = POLLOUT | POLLWRNORM | POLLWRBAND;
		if (atomic_load(&s->sock.err) || inet_errors_pending(s))
			mask |= POLLERR;
		if (shutdown & INET_RCV_SHUTDOWN)
			mask |= POLLIN | POLLRDNORM | POLLRDHUP;
		if (shutdown == INET_SHUTDOWN_BOTH)
			mask |= POLLHUP;
		mask |= loop_ops.poll(s, want);
	}
	attached = atomic_load(&s->attached) | (ops ? 1u << ops->index : 0);
	for (u32 i = 0; i < inet_nr_transports; i++)
		if (attached >> i & 1)
			mask |= inet_transports[i]->poll(s, want);
	if (mask & INET_POLL_FULL)
		mask &= ~(INET_POLL_FULL | POLLOUT | POLLWRNORM | POLLWRBAND);
	if ((mask & POLLERR) && sock_bit(&s->sock, SB_SELECT_ERR_QUEUE))
		mask |= POLLPRI;
	return mask;
}

static long ioctl_op(struct socket *sock, u32 cmd, u64 arg)
{
	struct inet_sock *s = inet_of(sock);
	struct inet_ops *ops = atomic_load(&s->ops);

	if (inet_stream(s) && atomic_load(&s->state) == TCP_LISTEN &&
	    (cmd == SIOCINQ || cmd == SIOCOUTQ || cmd == SIOCATMARK))
		return -EINVAL;
	if (!ops)
		ops = &loop_ops;
	switch (cmd) {
	case SIOCINQ:
		return put_user_u32(uptr(arg), ops->inq ? ops->inq(s) : 0);
	case SIOCOUTQ:
		return put_user_u32(uptr(arg), ops->outq ? ops->outq(s) : 0);
	case SIOCATMARK:
		return inet_stream(s) ? put_user_u32(uptr(arg), ops == &loop_ops && loop_at_mark(s)) : -ENOTTY;
	}
	return -ENOTTY;
}
