/* Snapshots of the network's tables, and how to read them; see route.h. */
#include "net/route/route.h"

#include "abi/linux/errno.h"
#include "abi/linux/socket.h"
#include "core/alloc.h"
#include "net/host/host.h"

static const struct {
	u16 first; /* RTM_NEW* */
	u16 header;
} kinds[RT_KINDS] = {
	[RT_LINK] = { RTM_NEWLINK, sizeof(struct ifinfomsg) },
	[RT_ADDR] = { RTM_NEWADDR, sizeof(struct ifaddrmsg) },
	[RT_ROUTE] = { RTM_NEWROUTE, sizeof(struct rtmsg) },
	[RT_NEIGH] = { RTM_NEWNEIGH, sizeof(struct ndmsg) },
	[RT_RULE] = { RTM_NEWRULE, sizeof(struct fib_rule_hdr) },
};

enum rt_kind rt_kind_of(u16 type)
{
	enum rt_kind k;

	for (k = 0; k < RT_KINDS; k++)
		if (type >= kinds[k].first && type < kinds[k].first + 4)
			break;
	return k;
}

u32 rt_header_size(u16 type)
{
	enum rt_kind k = rt_kind_of(type);

	return k < RT_KINDS ? kinds[k].header : 0;
}

struct rt_snap *rt_snapshot(enum rt_kind kind)
{
	return hostnet_present() ? hostnet_snapshot(kind) : rt_lo_snapshot(kind);
}

void rt_snap_put(struct rt_snap *s)
{
	if (s && !is_err(s) && ref_put(&s->ref))
		kfree(s);
}

const struct nlmsghdr *rt_next(const struct rt_snap *s, const struct nlmsghdr *m)
{
	u32 at = m ? (u32)((const u8 *)m - s->data) + NLMSG_ALIGN(m->len) : 0;

	return at < s->len ? (const struct nlmsghdr *)(s->data + at) : NULL;
}

bool nla_run_ok(const void *attrs, u32 size)
{
	const u8 *p = attrs;
	struct nlattr a;

	while (size >= sizeof(a)) {
		memcpy(&a, p, sizeof(a));
		if (a.len < sizeof(a) || a.len > size)
			return false;
		if (NLMSG_ALIGN(a.len) >= size)
			return true;
		p += NLMSG_ALIGN(a.len);
		size -= NLMSG_ALIGN(a.len);
	}
	return size == 0;
}

const void *nla_find(const void *attrs, u32 size, u16 type, u32 min_len, u32 *len)
{
	const u8 *p = attrs;
	struct nlattr a;

	while (size >= sizeof(a)) {
		memcpy(&a, p, sizeof(a));
		if (a.len < sizeof(a) || a.len > size)
			return NULL;
		if ((a.type & NLA_TYPE_MASK) == type) {
			if (a.len - sizeof(a) < min_len)
				return NULL;
			if (len)
				*len = (u32)(a.len - sizeof(a));
			return p + sizeof(a);
		}
		if (NLMSG_ALIGN(a.len) >= size)
			break;
		p += NLMSG_ALIGN(a.len);
		size -= NLMSG_ALIGN(a.len);
	}
	return NULL;
}

bool rt_message_ok(const struct nlmsghdr *m, u32 avail)
{
	u32 header;

	if (avail < NLMSG_HDRLEN || m->len < NLMSG_HDRLEN || m->len > avail)
		return false;
	header = rt_header_size(m->type);
	if (!header || m->len < NLMSG_HDRLEN + header)
		return false;
	return nla_run_ok((const u8 *)(m + 1) + header, m->len - NLMSG_HDRLEN - header);
}

const void *rt_attr(const struct nlmsghdr *m, u16 type, u32 min_len, u32 *len)
{
	u32 skip = NLMSG_HDRLEN + NLMSG_ALIGN(rt_header_size(m->type));

	return m->len > skip ? nla_find((const u8 *)m + skip, m->len - skip, type, min_len, len) : NULL;
}

static bool terminated(const char *s, u32 len) { return s && memchr(s, 0, len); }

const char *rt_link_name(const struct nlmsghdr *link)
{
	u32 len;
	const char *name = rt_attr(link, IFLA_IFNAME, 1, &len);

	return terminated(name, len) ? name : NULL;
}

const struct nlmsghdr *rt_link_by_index(const struct rt_snap *links, s32 index)
{
	for (const struct nlmsghdr *m = rt_next(links, NULL); m; m = rt_next(links, m))
		if (((const struct ifinfomsg *)rt_header(m))->index == index)
			return m;
	return NULL;
}

const struct nlmsghdr *rt_link_by_name(const struct rt_snap *links, const char *name)
{
	for (const struct nlmsghdr *m = rt_next(links, NULL); m; m = rt_next(links, m)) {
		const char *n = rt_link_name(m);

		if (n && !strcmp(n, name))
			return m;
	}
	return NULL;
}

u32 rt_route_table(const struct nlmsghdr *route)
{
	return rt_attr_u32(route, RTA_TABLE, ((const struct rtmsg *)rt_header(route))->table);
}

void rt_link_stats(const struct nlmsghdr *link, struct rtnl_link_stats64 *out)
{
	const void *p = rt_attr(link, IFLA_STATS64, sizeof(*out), NULL);

	if (p)
		memcpy(out, p, sizeof(*out));
	else
		memset(out, 0, sizeof(*out));
}

bool rt_prefix_equal(const u8 *a, const u8 *b, u32 bits)
{
	if (memcmp(a, b, bits / 8))
		return false;
	return bits % 8 == 0 || !((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8));
}

static bool route_matches(const struct nlmsghdr *m, u8 family, const u8 *dst, u32 table, s32 oif)
{
	const struct rtmsg *r = rt_header(m);
	u32 size = family == AF_INET ? 4 : 16;
	const u8 *net;

	if (r->family != family || r->dst_len > size * 8 || r->src_len || r->tos || (r->flags & RTM_F_CLONED) ||
	    rt_route_table(m) != table)
		return false;
	if (oif && (s32)rt_attr_u32(m, RTA_OIF, (u32)oif) != oif)
		return false;
	net = rt_attr(m, RTA_DST, size, NULL);
	return net ? rt_prefix_equal(net, dst, r->dst_len) : !r->dst_len;
}

const struct nlmsghdr *rt_lookup(const struct rt_snap *routes, u8 family, const void *dst, s32 oif)
{
	static const u32 tables[] = { RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT };

	for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
		const struct nlmsghdr *best = NULL;

		for (const struct nlmsghdr *m = rt_next(routes, NULL); m; m = rt_next(routes, m)) {
			const struct rtmsg *r = rt_header(m), *b = best ? rt_header(best) : NULL;

			if (!route_matches(m, family, dst, tables[i], oif))
				continue;
			if (!b || r->dst_len > b->dst_len ||
			    (r->dst_len == b->dst_len &&
			     rt_attr_u32(m, RTA_PRIORITY, 0) < rt_attr_u32(best, RTA_PRIORITY, 0)))
				best = m;
		}
		if (best)
			return best;
	}
	return NULL;
}
