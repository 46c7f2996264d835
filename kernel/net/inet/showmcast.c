/* /proc/net/igmp and igmp6: the groups that the sandbox's sockets have joined, and those of every interface. */
#include "net/inet/internal.h"

#include "core/log.h"
#include "fs/proc/proc.h"
#include "net/route/route.h"

#define GROUPS_MAX 64u /* shown of one interface */
#define SHOWN_TO_EVERYBODY 8u /* MAF_NOREPORT */
#define LOADED 4u /* MAF_LOADED */

struct groups {
	u32 ifindex;
	bool v6, other; /* other: also those that are joined wherever the outside likes */
	u32 count;
	struct {
		struct inet_ip ip;
		u32 users, flags;
	} at[GROUPS_MAX];
};

static void add(struct groups *g, const struct inet_ip *ip, u32 flags)
{
	u32 i;

	for (i = 0; i < g->count; i++)
		if (inet_ip_eq(&g->at[i].ip, ip))
			break;
	if (i == GROUPS_MAX)
		return;
	if (i == g->count) {
		g->count++;
		g->at[i].ip = *ip;
		g->at[i].users = 0;
		g->at[i].flags = flags;
	}
	g->at[i].users++;
}

static bool joined(void *ctx, struct inet_sock *s)
{
	struct groups *g = ctx;
	struct inet_ip ip;
	u32 ifindex;

	for (u32 n = 0; inet_member_at(s, n, &ip, &ifindex); n++)
		if (inet_is4(&ip) == !g->v6 && (ifindex ? ifindex == g->ifindex : g->other))
			add(g, &ip, LOADED);
	return true;
}

/* What everybody on the link is a member of. */
static void collect(struct groups *g)
{
	struct inet_ip all = { .w = { 0, 0, 0, bswap32(1) } };

	g->count = 0;
	inet_for_each(joined, g);
	if (!g->v6) {
		all = inet_ip4(bswap32(0xe0000001u));
		add(g, &all, 0);
		return;
	}
	all.b[0] = 0xff;
	for (u8 scope = 2; scope; scope--) {
		all.b[1] = scope;
		add(g, &all, SHOWN_TO_EVERYBODY | (scope == 2 ? LOADED : 0));
	}
}

static void put_link(struct seq *s, const struct groups *g, const char *name)
{
	if (!g->v6)
		seq_printf(s, "%d\t%-10s: %5d %7s\n", g->ifindex, name, g->count, "V3");
	for (u32 i = 0; i < g->count; i++) {
		const struct inet_ip *ip = &g->at[i].ip;

		if (!g->v6) {
			seq_printf(s, "\t\t\t\t%08X %5d %d:%08X\t\t%d\n", ip->w[3], g->at[i].users, 0, 0u, 0);
			continue;
		}
		seq_printf(s, "%-4d %-15s ", g->ifindex, name);
		for (u32 b = 0; b < sizeof(ip->b); b++)
			seq_printf(s, "%02x", ip->b[b]);
		seq_printf(s, " %5d %08X %d\n", g->at[i].users, g->at[i].flags, 0);
	}
}

static int show(struct seq *s, bool v6)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	struct groups *g;
	bool first = true;

	if (is_err(links))
		return (int)ptr_err(links);
	g = kmalloc(sizeof(*g));
	if (!g) {
		rt_snap_put(links);
		return -ENOMEM;
	}
	if (!v6)
		seq_puts(s, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	for (const struct nlmsghdr *m = rt_next(links, NULL); m; m = rt_next(links, m)) {
		const struct ifinfomsg *h = rt_header(m);
		const char *name = rt_link_name(m);

		if (!name || !(h->flags & IFF_UP) || !(h->flags & (IFF_MULTICAST | IFF_LOOPBACK)))
			continue;
		g->ifindex = (u32)h->index;
		g->v6 = v6;
		g->other = first && h->index != LOOPBACK_IFINDEX;
		first = first && !g->other;
		collect(g);
		put_link(s, g, name);
	}
	kfree(g);
	rt_snap_put(links);
	return 0;
}

static int show_igmp(struct seq *s) { return show(s, false); }
static int show_igmp6(struct seq *s) { return show(s, true); }

void inet_show_mcast_init(void)
{
	if (proc_net_register("igmp", show_igmp) || proc_net_register("igmp6", show_igmp6))
		log_warn("net: no /proc/net/igmp");
}
