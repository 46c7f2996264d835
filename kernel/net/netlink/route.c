/*
 * NETLINK_ROUTE, rtnetlink(7): the tables of net/route, read only. Changes are refused: EPERM without CAP_NET_ADMIN,
 * EOPNOTSUPP with it, but one that asks for what is so already (the loopback up) is granted.
 */
#include "net/netlink/netlink.h"

#include "abi/linux/capability.h"
#include "net/route/route.h"
#include "proc/task.h"

#define TYPE_OF_KIND(type) ((type) & 3) /* 0 new, 1 del, 2 get, 3 set */

/* What a dump leaves out. Zero: nothing. */
struct filter {
	u8 family;
	s32 index; /* interface */
	u32 table;
	u8 protocol, rtype;
	s32 master;
	const char *kind; /* IFLA_INFO_KIND */
	u32 kind_len;
};

/* The attributes behind a header of hdr bytes in the request. */
static const void *request_attr(const struct nlmsghdr *m, u32 hdr, u16 type, u32 min_len, u32 *len)
{
	u32 skip = NLMSG_HDRLEN + NLMSG_ALIGN(hdr);

	return m->len > skip ? nla_find((const u8 *)m + skip, m->len - skip, type, min_len, len) : NULL;
}

static u32 request_u32(const struct nlmsghdr *m, u32 hdr, u16 type)
{
	const void *p = request_attr(m, hdr, type, 4, NULL);
	u32 v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

static int parse_filter(const struct nl_request *r, enum rt_kind kind, struct filter *f)
{
	bool strict = atomic_load_relaxed(&r->s->options) & NL_OPT_STRICT;
	u32 header = rt_header_size(r->m->type), payload = r->m->len - NLMSG_HDRLEN;
	const u8 *p = (const u8 *)(r->m + 1);
	const void *info;
	u32 len;

	/* struct rtgenmsg: one byte for the family is enough for those who do not ask for strictness. */
	if (!payload)
		return -EINVAL;
	f->family = p[0];
	if (payload < header)
		return strict ? -EINVAL : 0;
	switch (kind) {
	case RT_LINK:
		f->master = (s32)request_u32(r->m, header, IFLA_MASTER);
		info = request_attr(r->m, header, IFLA_LINKINFO, 4, &len);
		f->kind = info ? nla_find(info, len, IFLA_INFO_KIND, 1, &f->kind_len) : NULL;
		break;
	case RT_ADDR:
		if (strict)
			f->index = (s32)((const struct ifaddrmsg *)p)->index;
		break;
	case RT_ROUTE: {
		const struct rtmsg *h = (const void *)p;

		if (!strict)
			break;
		f->table = request_u32(r->m, header, RTA_TABLE);
		f->index = (s32)request_u32(r->m, header, RTA_OIF);
		f->protocol = h->protocol;
		f->rtype = h->type;
		break;
	}
	case RT_NEIGH:
		f->master = (s32)request_u32(r->m, header, NDA_MASTER);
		f->index = (s32)request_u32(r->m, header, 8 /* NDA_IFINDEX */);
		break;
	default:
		break;
	}
	return 0;
}

static bool link_passes(const struct nlmsghdr *m, const struct filter *f)
{
	const void *info, *kind = NULL;
	u32 len;

	if (f->master && (s32)rt_attr_u32(m, IFLA_MASTER, 0) != f->master)
		return false;
	if (!f->kind)
		return true;
	info = rt_attr(m, IFLA_LINKINFO, 4, &len);
	if (info)
		kind = nla_find(info, len, IFLA_INFO_KIND, 1, &len);
	return kind && !strncmp(kind, f->kind, min(len, f->kind_len));
}

static bool passes(const struct nlmsghdr *m, enum rt_kind kind, const struct filter *f)
{
	const struct rtmsg *route = rt_header(m);

	switch (kind) {
	case RT_LINK:
		return link_passes(m, f);
	case RT_ADDR:
		return (!f->family || f->family == route->family) &&
		       (!f->index || ((const struct ifaddrmsg *)rt_header(m))->index == (u32)f->index);
	case RT_ROUTE:
		return (!f->family || f->family == route->family) && (!f->table || f->table == rt_route_table(m)) &&
		       (!f->index || (s32)rt_attr_u32(m, RTA_OIF, 0) == f->index) &&
		       (!f->protocol || f->protocol == route->protocol) && (!f->rtype || f->rtype == route->type) &&
		       !(route->flags & RTM_F_CLONED);
	case RT_NEIGH:
		return (!f->family || f->family == route->family) &&
		       (!f->index || ((const struct ndmsg *)rt_header(m))->ifindex == f->index) &&
		       (!f->master || (s32)rt_attr_u32(m, NDA_MASTER, 0) == f->master);
	default:
		return !f->family || f->family == route->family;
	}
}

static int dump(struct nl_request *r, enum rt_kind kind)
{
	struct filter f = { 0 };
	struct rt_snap *s;
	u16 flags = NLM_F_MULTI;
	int ret = parse_filter(r, kind, &f);

	if (ret)
		return ret;
	s = rt_snapshot(kind);
	if (is_err(s))
		return (int)ptr_err(s);
	if (f.table || f.index || f.protocol || f.rtype || f.master || f.kind)
		flags |= NLM_F_DUMP_FILTERED;
	for (const struct nlmsghdr *m = rt_next(s, NULL); m && !r->err; m = rt_next(s, m))
		if (passes(m, kind, &f))
			nl_answer(r, m->type, flags, m + 1, m->len - NLMSG_HDRLEN);
	nl_answer_done(r);
	rt_snap_put(s);
	return 0;
}

/* A 0-terminated name from an attribute, into buf. */
static bool request_name(const struct nlmsghdr *m, u32 hdr, u16 type, char *buf, u32 size)
{
	u32 len;
	const char *p = request_attr(m, hdr, type, 1, &len);

	if (!p || len > size)
		return false;
	memcpy(buf, p, len);
	buf[min(len, size - 1)] = 0;
	return true;
}

static int answer_link(struct nl_request *r, const struct rt_snap *links, const struct ifinfomsg *h)
{
	const struct nlmsghdr *m = NULL;
	char name[128];

	if (h->index > 0)
		m = rt_link_by_index(links, h->index);
	else if (request_name(r->m, sizeof(*h), IFLA_IFNAME, name, sizeof(name)) ||
		 request_name(r->m, sizeof(*h), IFLA_ALT_IFNAME, name, sizeof(name)))
		m = rt_link_by_name(links, name);
	else
		return -EINVAL;
	if (!m)
		return -ENODEV;
	nl_answer(r, m->type, 0, m + 1, m->len - NLMSG_HDRLEN);
	return r->err;
}

static int get_link(struct nl_request *r)
{
	struct rt_snap *links;
	int ret;

	if (r->m->len < NLMSG_HDRLEN + sizeof(struct ifinfomsg))
		return -EINVAL;
	links = rt_snapshot(RT_LINK);
	if (is_err(links))
		return (int)ptr_err(links);
	ret = answer_link(r, links, (const void *)(r->m + 1));
	rt_snap_put(links);
	return ret;
}

/* The source address of a route that names none: the interface's, in the subnet of the next hop if there is one. */
static void put_source(struct rt_build *b, const struct nlmsghdr *route, u8 family, const void *dst, u32 size)
{
	const u8 *hop = rt_attr(route, RTA_GATEWAY, size, NULL), *best = NULL;
	u32 oif = rt_attr_u32(route, RTA_OIF, 0);
	struct rt_snap *addrs = rt_snapshot(RT_ADDR);

	if (is_err(addrs))
		return;
	for (const struct nlmsghdr *m = rt_next(addrs, NULL); m; m = rt_next(addrs, m)) {
		const struct ifaddrmsg *h = rt_header(m);
		const u8 *ip = rt_attr(m, IFA_LOCAL, size, NULL);

		ip = ip ? ip : rt_attr(m, IFA_ADDRESS, size, NULL);
		if (h->family != family || h->index != oif || !ip)
			continue;
		if (rt_prefix_equal(ip, hop ? hop : dst, min((u32)h->prefixlen, size * 8))) {
			best = ip;
			break;
		}
		if (!best && h->scope < RT_SCOPE_LINK)
			best = ip;
	}
	if (best)
		rt_build_attr(b, RTA_PREFSRC, best, size);
	rt_snap_put(addrs);
}

/* The route that a packet to RTA_DST would take, as ip-route(8)'s `get` shows it. */
static int answer_route(struct nl_request *r, const struct rt_snap *routes, u8 family, const void *dst, u32 size)
{
	const struct nlmsghdr *m = rt_lookup(routes, family, dst,
					     (s32)request_u32(r->m, sizeof(struct rtmsg), RTA_OIF));
	static const u16 copied[] = { RTA_GATEWAY, 18 /* RTA_VIA */, RTA_OIF, RTA_PREFSRC };
	const struct rtmsg *have = m ? rt_header(m) : NULL;
	const u32 uid = current->cred->euid;
	struct rt_build b = { 0 };
	struct rt_snap *s;
	struct rtmsg *h;

	if (!m || have->type == RTN_UNREACHABLE)
		return have ? -EHOSTUNREACH : -ENETUNREACH;
	if (have->type == RTN_PROHIBIT)
		return -EACCES;
	h = rt_build_begin(&b, RTM_NEWROUTE, sizeof(*h));
	if (h) {
		*h = *have;
		h->dst_len = (u8)(size * 8);
		h->flags |= RTM_F_CLONED;
		h->protocol = 0;
	}
	rt_build_attr(&b, RTA_DST, dst, size);
	for (u32 i = 0; i < ARRAY_SIZE(copied); i++) {
		u32 len;
		const void *p = rt_attr(m, copied[i], 0, &len);

		if (p)
			rt_build_attr(&b, copied[i], p, len);
	}
	if (!rt_attr(m, RTA_PREFSRC, 0, NULL))
		put_source(&b, m, family, dst, size);
	rt_build_attr(&b, RTA_TABLE, &(u32){ rt_route_table(m) }, 4);
	rt_build_attr(&b, RTA_UID, &uid, sizeof(uid));
	rt_build_end(&b);
	s = rt_build_finish(&b);
	if (is_err(s))
		return (int)ptr_err(s);
	m = rt_next(s, NULL);
	nl_answer(r, RTM_NEWROUTE, 0, m + 1, m->len - NLMSG_HDRLEN);
	rt_snap_put(s);
	return r->err;
}

static int get_route(struct nl_request *r)
{
	const struct rtmsg *h = (const void *)(r->m + 1);
	u32 size;
	const void *dst;
	struct rt_snap *routes;
	int ret;

	if (r->m->len < NLMSG_HDRLEN + sizeof(*h))
		return -EINVAL;
	if (h->family != AF_INET && h->family != AF_INET6)
		return -EOPNOTSUPP;
	size = h->family == AF_INET ? 4 : 16;
	dst = request_attr(r->m, sizeof(*h), RTA_DST, size, NULL);
	if (!dst)
		return -EINVAL;
	routes = rt_snapshot(RT_ROUTE);
	if (is_err(routes))
		return (int)ptr_err(routes);
	ret = answer_route(r, routes, h->family, dst, size);
	rt_snap_put(routes);
	return ret;
}

/* Setting flags of an interface to what they are. */
static int change_link(struct nl_request *r)
{
	const struct ifinfomsg *want = (const void *)(r->m + 1);
	const struct nlmsghdr *m;
	struct rt_snap *links;
	char name[16];
	int ret = -EOPNOTSUPP;

	if (r->m->len < NLMSG_HDRLEN + sizeof(*want))
		return -EINVAL;
	links = rt_snapshot(RT_LINK);
	if (is_err(links))
		return (int)ptr_err(links);
	if (want->index > 0)
		m = rt_link_by_index(links, want->index);
	else
		m = request_name(r->m, sizeof(*want), IFLA_IFNAME, name, sizeof(name)) ? rt_link_by_name(links, name) : NULL;
	if (m && r->m->len <= NLMSG_HDRLEN + sizeof(*want) + 24) {
		const struct ifinfomsg *have = rt_header(m);
		u32 mask = want->change ? want->change : ~0u;

		if (!((have->flags ^ want->flags) & mask & ~(u32)(IFF_RUNNING | IFF_LOWER_UP)))
			ret = 0;
	} else if (!m && !(r->m->flags & 0x400 /* NLM_F_CREATE */)) {
		ret = -ENODEV;
	}
	rt_snap_put(links);
	return ret;
}

/* No other network namespace has a number here. */
static int get_nsid(struct nl_request *r)
{
	const struct {
		u8 family, pad[3];
		struct nlattr a;
		s32 id;
	} answer = { .a = { 8, NETNSA_NSID }, .id = NETNSA_NSID_NOT_ASSIGNED };

	nl_answer(r, RTM_NEWNSID, 0, &answer, sizeof(answer));
	return r->err;
}

int nl_route_request(struct nl_request *r)
{
	u16 type = r->m->type;
	enum rt_kind kind = rt_kind_of(type);

	if (type > RTM_MAX)
		return -EOPNOTSUPP;
	if (r->m->len < NLMSG_HDRLEN + 1) /* struct rtgenmsg */
		return 0;
	if (TYPE_OF_KIND(type) != 2 && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (type == RTM_NEWLINK || type == RTM_SETLINK)
		return change_link(r);
	if (type == RTM_GETNSID && !(r->m->flags & NLM_F_DUMP))
		return get_nsid(r);
	if (TYPE_OF_KIND(type) != 2 || kind == RT_KINDS)
		return -EOPNOTSUPP;
	if (r->m->flags & NLM_F_DUMP)
		return dump(r, kind);
	switch (kind) {
	case RT_LINK:
		return get_link(r);
	case RT_ROUTE:
		return get_route(r);
	default:
		return -EOPNOTSUPP;
	}
}
