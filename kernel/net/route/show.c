/* The files of /proc/net that show interfaces, addresses, routes and neighbours, proc_pid_net(5). */
#include "abi/linux/socket.h"
#include "core/log.h"
#include "fs/proc/proc.h"
#include "net/netlink/netlink.h"
#include "net/route/route.h"

#define RTF_UP 0x1u
#define RTF_GATEWAY 0x2u
#define RTF_HOST 0x4u
#define RTF_REJECT 0x200u
#define RTF_LOCAL 0x80000000u

/* Both tables, or -errno. */
static int two(struct rt_snap **links, struct rt_snap **other, enum rt_kind kind)
{
	*links = rt_snapshot(RT_LINK);
	*other = is_err(*links) ? NULL : rt_snapshot(kind);
	if (!is_err(*links) && !is_err(*other))
		return 0;
	rt_snap_put(*links);
	return (int)(is_err(*links) ? ptr_err(*links) : ptr_err(*other));
}

static const char *name_of(const struct rt_snap *links, s32 index)
{
	const struct nlmsghdr *m = rt_link_by_index(links, index);
	const char *name = m ? rt_link_name(m) : NULL;

	return name ? name : "*";
}

static int show_dev(struct seq *s)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	struct rtnl_link_stats64 t;

	if (is_err(links))
		return (int)ptr_err(links);
	seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
		    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
		    "carrier compressed\n");
	for (const struct nlmsghdr *m = rt_next(links, NULL); m; m = rt_next(links, m)) {
		const char *name = rt_link_name(m);

		if (!name)
			continue;
		rt_link_stats(m, &t);
		seq_printf(s, "%6s: %7lu %7lu %4lu %4lu %4lu %5lu %10lu %9lu ", name, t.rx_bytes, t.rx_packets, t.rx_errors,
			   t.rx_dropped + t.rx_missed_errors, t.rx_fifo_errors,
			   t.rx_length_errors + t.rx_over_errors + t.rx_crc_errors + t.rx_frame_errors, t.rx_compressed,
			   t.multicast);
		seq_printf(s, "%8lu %7lu %4lu %4lu %4lu %5lu %7lu %10lu\n", t.tx_bytes, t.tx_packets, t.tx_errors,
			   t.tx_dropped, t.tx_fifo_errors, t.collisions,
			   t.tx_carrier_errors + t.tx_aborted_errors + t.tx_window_errors + t.tx_heartbeat_errors,
			   t.tx_compressed);
	}
	rt_snap_put(links);
	return 0;
}

/* A metric of RTA_METRICS; 0 = none. */
static u32 metric(const struct nlmsghdr *m, u16 which)
{
	u32 len, v = 0;
	const void *nest = rt_attr(m, RTA_METRICS, 4, &len), *p = nest ? nla_find(nest, len, which, 4, NULL) : NULL;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

/* Table main, as the kernel's own view of IPv4 has always been. */
static void show_route4(struct seq *s, const struct rt_snap *links, const struct nlmsghdr *m)
{
	const struct rtmsg *h = rt_header(m);
	u32 dst = rt_attr_u32(m, RTA_DST, 0), gw = rt_attr_u32(m, RTA_GATEWAY, 0), oif = rt_attr_u32(m, RTA_OIF, 0);
	u32 bits = min((u32)h->dst_len, 32u), mask = bits ? __builtin_bswap32(~0u << (32 - bits)) : 0, flags = RTF_UP;
	const void *via = rt_attr(m, RTA_MULTIPATH, sizeof(struct rtnexthop), NULL);
	u32 advmss = metric(m, RTAX_ADVMSS);
	size_t start = s->len;

	if (h->type == RTN_UNREACHABLE || h->type == RTN_PROHIBIT)
		flags |= RTF_REJECT;
	else if (h->type != RTN_UNICAST)
		return;
	if (!oif && via)
		oif = (u32)((const struct rtnexthop *)via)->ifindex;
	if (gw)
		flags |= RTF_GATEWAY;
	if (bits == 32)
		flags |= RTF_HOST;
	seq_printf(s, "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t%u\t%u\t%u", oif ? name_of(links, (s32)oif) : "*", dst, gw,
		   flags, rt_attr_u32(m, RTA_PRIORITY, 0), mask, advmss ? advmss + 40 : 0, metric(m, RTAX_WINDOW),
		   metric(m, RTAX_RTT) >> 3);
	while (s->len - start < 127)
		seq_putc(s, ' ');
	seq_putc(s, '\n');
}

static int show_route(struct seq *s)
{
	static const char heading[] = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
	struct rt_snap *links, *routes;
	int ret = two(&links, &routes, RT_ROUTE);

	if (ret)
		return ret;
	seq_printf(s, "%-127s\n", heading);
	for (const struct nlmsghdr *m = rt_next(routes, NULL); m; m = rt_next(routes, m))
		if (((const struct rtmsg *)rt_header(m))->family == AF_INET && rt_route_table(m) == RT_TABLE_MAIN)
			show_route4(s, links, m);
	rt_snap_put(links);
	rt_snap_put(routes);
	return 0;
}

static void put_hex(struct seq *s, const u8 *p)
{
	static const u8 zero[16];

	for (u32 i = 0; i < 16; i++)
		seq_printf(s, "%02x", (p ? p : zero)[i]);
}

static int show_ipv6_route(struct seq *s)
{
	struct rt_snap *links, *routes;
	int ret = two(&links, &routes, RT_ROUTE);

	if (ret)
		return ret;
	for (const struct nlmsghdr *m = rt_next(routes, NULL); m; m = rt_next(routes, m)) {
		const struct rtmsg *h = rt_header(m);
		const void *gw = rt_attr(m, RTA_GATEWAY, 16, NULL);
		u32 flags = RTF_UP;

		if (h->family != AF_INET6)
			continue;
		flags |= gw ? RTF_GATEWAY : 0;
		flags |= h->dst_len == 128 ? RTF_HOST : 0;
		flags |= h->type == RTN_LOCAL ? RTF_LOCAL : 0;
		flags |= h->type == RTN_UNREACHABLE || h->type == RTN_PROHIBIT ? RTF_REJECT : 0;
		put_hex(s, rt_attr(m, RTA_DST, 16, NULL));
		seq_printf(s, " %02x ", h->dst_len);
		put_hex(s, NULL);
		seq_puts(s, " 00 ");
		put_hex(s, gw);
		seq_printf(s, " %08x %08x %08x %08x %8s\n", rt_attr_u32(m, RTA_PRIORITY, 0), 1, 0, flags,
			   name_of(links, (s32)rt_attr_u32(m, RTA_OIF, 0)));
	}
	rt_snap_put(links);
	rt_snap_put(routes);
	return 0;
}

static int show_if_inet6(struct seq *s)
{
	struct rt_snap *links, *addrs;
	int ret = two(&links, &addrs, RT_ADDR);

	if (ret)
		return ret;
	for (const struct nlmsghdr *m = rt_next(addrs, NULL); m; m = rt_next(addrs, m)) {
		const struct ifaddrmsg *h = rt_header(m);
		const void *ip = rt_attr(m, IFA_LOCAL, 16, NULL);

		if (h->family != AF_INET6)
			continue;
		put_hex(s, ip ? ip : rt_attr(m, IFA_ADDRESS, 16, NULL));
		/* Linux shows the scope as ipv6_addr_type has it: 0x10 host, 0x20 link, 0x40 site. */
		seq_printf(s, " %02x %02x %02x %02x %8s\n", h->index, h->prefixlen,
			   h->scope == RT_SCOPE_HOST ? 0x10 : h->scope == RT_SCOPE_LINK ? 0x20 : h->scope ? 0x40 : 0,
			   rt_attr_u32(m, IFA_FLAGS, h->flags) & 0xff, name_of(links, (s32)h->index));
	}
	rt_snap_put(links);
	rt_snap_put(addrs);
	return 0;
}

static int show_arp(struct seq *s)
{
	struct rt_snap *links, *neighs;
	int ret = two(&links, &neighs, RT_NEIGH);

	if (ret)
		return ret;
	seq_puts(s, "IP address       HW type     Flags       HW address            Mask     Device\n");
	for (const struct nlmsghdr *m = rt_next(neighs, NULL); m; m = rt_next(neighs, m)) {
		const struct ndmsg *h = rt_header(m);
		const u8 *ip = rt_attr(m, NDA_DST, 4, NULL);
		static const u8 zero[6];
		const u8 *hw = rt_attr(m, NDA_LLADDR, 6, NULL);
		u32 valid = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
		char text[16];

		if (h->family != AF_INET || !ip || (h->state & NUD_NOARP))
			continue;
		ksnprintf(text, sizeof(text), "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
		if (!hw)
			hw = zero;
		seq_printf(s, "%-16s 0x%-10x0x%-10x%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n", text, 1u,
			   h->state & NUD_PERMANENT ? 6u : h->state & valid ? 2u : 0u, hw[0], hw[1], hw[2], hw[3], hw[4],
			   hw[5], name_of(links, h->ifindex));
	}
	rt_snap_put(links);
	rt_snap_put(neighs);
	return 0;
}

static void show_nl(const struct nl_sock *n, void *arg)
{
	seq_printf(arg, "%016lx %-3d %-10u %08x %-8u %-8u %-5d %-8d %-8u %-8lu\n", 0ul, n->sock.protocol, n->portid,
		   n->groups[0], n->rmem, 0u, n->dumping, 2, n->drops, n->sock.ino);
}

static int show_netlink(struct seq *s)
{
	seq_puts(s, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	nl_for_each(show_nl, s);
	return 0;
}

void rt_show_init(void)
{
	static const struct {
		const char *name;
		int (*show)(struct seq *s);
	} files[] = {
		{ "dev", show_dev }, { "route", show_route }, { "ipv6_route", show_ipv6_route },
		{ "if_inet6", show_if_inet6 }, { "arp", show_arp }, { "netlink", show_netlink },
	};

	for (u32 i = 0; i < ARRAY_SIZE(files); i++)
		if (proc_net_register(files[i].name, files[i].show))
			log_warn("/proc/net/%s is not shown", files[i].name);
}
