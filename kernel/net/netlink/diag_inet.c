/* Internet sockets for NETLINK_SOCK_DIAG, inet_diag of sock_diag(7). */
#include "abi/linux/in.h"
#include "net/inet/inet.h"
#include "net/netlink/netlink.h"
#include "net/route/route.h"

struct inet_walk {
	struct rt_build b;
	struct inet_diag_req_v2 want;
	const struct inet_diag_sockid *one; /* exactly this socket; NULL = all */
	bool found;
};

static void put_name(const struct inet_sock *s, const struct inet_name *n, u32 addr[4], u16 *port)
{
	*port = bswap16(n->port);
	if (inet_v6(s))
		memcpy(addr, &n->ip, sizeof(n->ip));
	else
		addr[0] = n->ip.w[3];
}

static void put_attributes(struct inet_walk *w, struct inet_sock *s, const struct inet_diag_msg *m)
{
	u32 ext = w->want.ext;

	if (inet_v6(s))
		rt_build_attr(&w->b, 11 /* INET_DIAG_SKV6ONLY */, &(u8){ atomic_load_relaxed(&s->opt.v6only) }, 1);
	rt_build_attr(&w->b, INET_DIAG_SHUTDOWN, &(u8){ (u8)atomic_load(&s->shutdown) }, 1);
	if (ext & 1u << (INET_DIAG_MEMINFO - 1)) {
		const u32 mem[4] = { m->rqueue, m->wqueue, 0, m->wqueue };

		rt_build_attr(&w->b, INET_DIAG_MEMINFO, mem, sizeof(mem));
	}
	if (ext & 1u << (INET_DIAG_SKMEMINFO - 1)) {
		const u32 mem[9] = { m->rqueue, atomic_load(&s->sock.rcvbuf), m->wqueue, atomic_load(&s->sock.sndbuf) };

		rt_build_attr(&w->b, INET_DIAG_SKMEMINFO, mem, sizeof(mem));
	}
	if (inet_stream(s) && (ext & 1u << (INET_DIAG_INFO - 1))) {
		struct inet_ops *ops = atomic_load(&s->ops);
		struct tcp_info ti = { .state = (u8)m->state };

		if (ops && ops->tcp_info)
			ops->tcp_info(s, &ti);
		rt_build_attr(&w->b, INET_DIAG_INFO, &ti, sizeof(ti));
	}
}

static bool wanted(const struct inet_walk *w, const struct inet_sock *s, const struct inet_diag_msg *m)
{
	const struct inet_diag_sockid *id = w->one;

	if (s->sock.family != w->want.family || s->sock.protocol != w->want.protocol)
		return false;
	if (!id)
		return w->want.states >> m->state & 1;
	return id->sport == m->id.sport && id->dport == m->id.dport && !memcmp(id->src, m->id.src, sizeof(id->src)) &&
	       !memcmp(id->dst, m->id.dst, sizeof(id->dst));
}

static bool visit(void *ctx, struct inet_sock *s)
{
	struct inet_walk *w = ctx;
	struct inet_diag_msg m = { .family = (u8)s->sock.family, .uid = s->uid };
	struct inet_ops *ops;
	u64 cookie;
	void *p;

	mutex_lock(&s->lock);
	m.state = (u8)s->state;
	put_name(s, &s->local, m.id.src, &m.id.sport);
	put_name(s, &s->remote, m.id.dst, &m.id.dport);
	m.inode = s->dead ? 0 : (u32)s->sock.ino;
	if (m.state == TCP_LISTEN)
		m.wqueue = s->backlog;
	mutex_unlock(&s->lock);
	/* Of the sockets that nobody has given a name Linux knows nothing either. */
	if (!m.id.sport || !wanted(w, s, &m))
		return true;
	m.id.ifindex = s->opt.ifindex;
	cookie = socket_cookie(&s->sock);
	m.id.cookie[0] = (u32)cookie;
	m.id.cookie[1] = (u32)(cookie >> 32);
	ops = atomic_load(&s->ops);
	if (ops && m.state != TCP_LISTEN) {
		m.rqueue = ops->inq ? ops->inq(s) : 0;
		m.wqueue = ops->outq ? ops->outq(s) : 0;
	}
	p = rt_build_begin(&w->b, SOCK_DIAG_BY_FAMILY, sizeof(m));
	if (p)
		memcpy(p, &m, sizeof(m));
	put_attributes(w, s, &m);
	rt_build_end(&w->b);
	w->found = true;
	return !w->one;
}

int nl_diag_inet(struct nl_request *r, bool dump)
{
	struct inet_walk w = { 0 };

	if (r->m->len < NLMSG_HDRLEN + sizeof(w.want))
		return -EINVAL;
	memcpy(&w.want, r->m + 1, sizeof(w.want));
	if (!dump)
		w.one = &w.want.id;
	if (w.want.protocol != IPPROTO_TCP && w.want.protocol != IPPROTO_UDP && w.want.protocol != IPPROTO_ICMP)
		return -ENOENT;
	inet_for_each(visit, &w);
	if (dump || w.found)
		return nl_diag_answer(r, &w.b, dump);
	return -ENOENT;
}
