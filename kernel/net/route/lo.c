/* The network of a sandbox that has none: the loopback interface as Linux shows it in a fresh namespace. */
#include "abi/linux/errno.h"
#include "abi/linux/socket.h"
#include "core/lock.h"
#include "net/route/route.h"

#define LO_INDEX 1u
#define LO_MTU 65536u

static struct mutex lock = MUTEX_INIT(LOCK_LEAF);
static struct rt_snap *made[RT_KINDS]; /* under lock; each holds a reference for ever */

static void put_u32(struct rt_build *b, u16 type, u32 v) { rt_build_attr(b, type, &v, sizeof(v)); }
static void put_u8(struct rt_build *b, u16 type, u8 v) { rt_build_attr(b, type, &v, sizeof(v)); }

static void build_link(struct rt_build *b)
{
	static const struct rtnl_link_stats64 stats;
	static const u8 address[6], map[32];
	struct ifinfomsg *h = rt_build_begin(b, RTM_NEWLINK, sizeof(*h));

	if (!h)
		return;
	h->type = ARPHRD_LOOPBACK;
	h->index = LO_INDEX;
	h->flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP;
	rt_build_attr(b, IFLA_IFNAME, "lo", 3);
	put_u32(b, IFLA_TXQLEN, 1000);
	put_u8(b, IFLA_OPERSTATE, 0);
	put_u8(b, IFLA_LINKMODE, 0);
	put_u32(b, IFLA_MTU, LO_MTU);
	put_u32(b, IFLA_MIN_MTU, 0);
	put_u32(b, IFLA_MAX_MTU, 0);
	put_u32(b, IFLA_GROUP, 0);
	put_u32(b, IFLA_PROMISCUITY, 0);
	put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	put_u32(b, IFLA_NUM_RX_QUEUES, 1);
	put_u8(b, IFLA_CARRIER, 1);
	put_u32(b, IFLA_CARRIER_CHANGES, 0);
	rt_build_attr(b, IFLA_QDISC, "noqueue", 8);
	rt_build_attr(b, IFLA_MAP, map, sizeof(map));
	rt_build_attr(b, IFLA_ADDRESS, address, sizeof(address));
	rt_build_attr(b, IFLA_BROADCAST, address, sizeof(address));
	rt_build_attr(b, IFLA_STATS64, &stats, sizeof(stats));
	rt_build_end(b);
}

static const u8 lo4[4] = { 127, 0, 0, 1 }, lo6[16] = { [15] = 1 };

static void build_addr(struct rt_build *b, u8 family)
{
	const struct ifa_cacheinfo forever = { ~0u, ~0u, 0, 0 };
	struct ifaddrmsg *h = rt_build_begin(b, RTM_NEWADDR, sizeof(*h));

	if (!h)
		return;
	h->family = family;
	h->prefixlen = family == AF_INET ? 8 : 128;
	h->flags = IFA_F_PERMANENT;
	h->scope = RT_SCOPE_HOST;
	h->index = LO_INDEX;
	if (family == AF_INET) {
		rt_build_attr(b, IFA_ADDRESS, lo4, sizeof(lo4));
		rt_build_attr(b, IFA_LOCAL, lo4, sizeof(lo4));
		rt_build_attr(b, IFA_LABEL, "lo", 3);
	} else {
		rt_build_attr(b, IFA_ADDRESS, lo6, sizeof(lo6));
	}
	put_u32(b, IFA_FLAGS, IFA_F_PERMANENT);
	rt_build_attr(b, IFA_CACHEINFO, &forever, sizeof(forever));
	rt_build_end(b);
}

static void build_route4(struct rt_build *b, const u8 dst[4], u8 bits, u8 type)
{
	struct rtmsg *h = rt_build_begin(b, RTM_NEWROUTE, sizeof(*h));

	if (!h)
		return;
	*h = (struct rtmsg){ .family = AF_INET, .dst_len = bits, .table = RT_TABLE_LOCAL, .protocol = RTPROT_KERNEL,
			     .scope = type == RTN_BROADCAST ? RT_SCOPE_LINK : RT_SCOPE_HOST, .type = type };
	put_u32(b, RTA_TABLE, RT_TABLE_LOCAL);
	rt_build_attr(b, RTA_DST, dst, 4);
	rt_build_attr(b, RTA_PREFSRC, lo4, sizeof(lo4));
	put_u32(b, RTA_OIF, LO_INDEX);
	rt_build_end(b);
}

static void build_route6(struct rt_build *b, u32 table, u8 type, u32 metric)
{
	struct rtmsg *h = rt_build_begin(b, RTM_NEWROUTE, sizeof(*h));

	if (!h)
		return;
	*h = (struct rtmsg){ .family = AF_INET6, .dst_len = 128, .table = (u8)table, .protocol = RTPROT_KERNEL,
			     .scope = RT_SCOPE_UNIVERSE, .type = type };
	put_u32(b, RTA_TABLE, table);
	rt_build_attr(b, RTA_DST, lo6, sizeof(lo6));
	put_u32(b, RTA_PRIORITY, metric);
	put_u32(b, RTA_OIF, LO_INDEX);
	put_u8(b, RTA_PREF, 0);
	rt_build_end(b);
}

static void build_routes(struct rt_build *b)
{
	static const u8 net[4] = { 127 }, broadcast[4] = { 127, 255, 255, 255 };

	build_route4(b, net, 8, RTN_LOCAL);
	build_route4(b, lo4, 32, RTN_LOCAL);
	build_route4(b, broadcast, 32, RTN_BROADCAST);
	build_route6(b, RT_TABLE_MAIN, RTN_UNICAST, 256);
	build_route6(b, RT_TABLE_LOCAL, RTN_LOCAL, 0);
}

static void build_rule(struct rt_build *b, u8 family, u32 priority, u32 table)
{
	struct fib_rule_hdr *h = rt_build_begin(b, RTM_NEWRULE, sizeof(*h));

	if (!h)
		return;
	h->family = family;
	h->table = (u8)table;
	h->action = FR_ACT_TO_TBL;
	put_u32(b, FRA_TABLE, table);
	put_u32(b, FRA_SUPPRESS_PREFIXLEN, ~0u);
	put_u8(b, FRA_PROTOCOL, RTPROT_KERNEL);
	if (priority)
		put_u32(b, FRA_PRIORITY, priority);
	rt_build_end(b);
}

static struct rt_snap *build(enum rt_kind kind)
{
	struct rt_build b = { 0 };

	switch (kind) {
	case RT_LINK:
		build_link(&b);
		break;
	case RT_ADDR:
		build_addr(&b, AF_INET);
		build_addr(&b, AF_INET6);
		break;
	case RT_ROUTE:
		build_routes(&b);
		break;
	case RT_RULE:
		build_rule(&b, AF_INET, 0, RT_TABLE_LOCAL);
		build_rule(&b, AF_INET, 32766, RT_TABLE_MAIN);
		build_rule(&b, AF_INET, 32767, RT_TABLE_DEFAULT);
		build_rule(&b, AF_INET6, 0, RT_TABLE_LOCAL);
		build_rule(&b, AF_INET6, 32766, RT_TABLE_MAIN);
		break;
	default:
		break;
	}
	return rt_build_finish(&b);
}

struct rt_snap *rt_lo_snapshot(enum rt_kind kind)
{
	struct rt_snap *s;

	mutex_lock(&lock);
	if (!made[kind]) {
		s = build(kind);
		if (!is_err(s))
			made[kind] = s;
	}
	s = made[kind];
	if (s)
		ref_get(&s->ref);
	mutex_unlock(&lock);
	return s ? s : err_ptr(-ENOMEM);
}
