/* /sys/class/net and /sys/devices/virtual/net: the interfaces of net/route's tables. An inode's index is its number. */
#include "abi/linux/stat.h"
#include "fs/proc/proc.h"
#include "fs/sys/sysfs.h"
#include "net/route/route.h"

static void put_address(struct seq *s, const struct nlmsghdr *link, u16 attr)
{
	u32 len = 0;
	const u8 *p = rt_attr(link, attr, 1, &len);

	for (u32 i = 0; p && i < len; i++)
		seq_printf(s, "%s%02x", i ? ":" : "", p[i]);
	seq_putc(s, '\n');
}

static const char *operstate(const struct nlmsghdr *link)
{
	static const char *const names[] = { "unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up" };
	const u8 *p = rt_attr(link, IFLA_OPERSTATE, 1, NULL);

	return p && *p < ARRAY_SIZE(names) ? names[*p] : "unknown";
}

static int put_value(struct seq *s, const struct nlmsghdr *link, const char *file)
{
	const struct ifinfomsg *h = rt_header(link);
	const char *name = rt_link_name(link);
	const u8 *carrier = rt_attr(link, IFLA_CARRIER, 1, NULL);
	u32 len = 0;

	if (!strcmp(file, "address")) {
		put_address(s, link, IFLA_ADDRESS);
	} else if (!strcmp(file, "broadcast")) {
		put_address(s, link, IFLA_BROADCAST);
	} else if (!strcmp(file, "addr_len")) {
		(void)rt_attr(link, IFLA_ADDRESS, 1, &len);
		seq_printf(s, "%u\n", len);
	} else if (!strcmp(file, "carrier")) {
		if (!(h->flags & IFF_UP))
			return -EINVAL;
		seq_printf(s, "%u\n", carrier ? *carrier : 0);
	} else if (!strcmp(file, "flags")) {
		seq_printf(s, "0x%x\n", h->flags & 0xffff & ~(u32)IFF_RUNNING);
	} else if (!strcmp(file, "ifindex")) {
		seq_printf(s, "%d\n", h->index);
	} else if (!strcmp(file, "iflink")) {
		seq_printf(s, "%d\n", (s32)rt_attr_u32(link, IFLA_LINK, (u32)h->index));
	} else if (!strcmp(file, "mtu")) {
		seq_printf(s, "%u\n", rt_attr_u32(link, IFLA_MTU, 0));
	} else if (!strcmp(file, "operstate")) {
		seq_printf(s, "%s\n", operstate(link));
	} else if (!strcmp(file, "tx_queue_len")) {
		seq_printf(s, "%u\n", rt_attr_u32(link, IFLA_TXQLEN, 0));
	} else if (!strcmp(file, "type")) {
		seq_printf(s, "%u\n", h->type);
	} else if (!strcmp(file, "uevent")) {
		seq_printf(s, "INTERFACE=%s\nIFINDEX=%d\n", name ? name : "", h->index);
	}
	return 0;
}

static u64 statistic(const struct rtnl_link_stats64 *t, const char *file)
{
	static const struct {
		const char *name;
		u32 at;
	} rows[] = {
#define ROW(f) { #f, offsetof(struct rtnl_link_stats64, f) }
		ROW(collisions), ROW(multicast), ROW(rx_bytes), ROW(rx_compressed), ROW(rx_crc_errors), ROW(rx_dropped),
		ROW(rx_errors), ROW(rx_fifo_errors), ROW(rx_frame_errors), ROW(rx_length_errors), ROW(rx_missed_errors),
		ROW(rx_over_errors), ROW(rx_packets), ROW(tx_aborted_errors), ROW(tx_bytes), ROW(tx_carrier_errors),
		ROW(tx_compressed), ROW(tx_dropped), ROW(tx_errors), ROW(tx_fifo_errors), ROW(tx_heartbeat_errors),
		ROW(tx_packets), ROW(tx_window_errors),
#undef ROW
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, file))
			return *(const u64 *)((const u8 *)t + rows[i].at);
	return 0;
}

/* Everything in an interface's directory, by the name of the file. */
static int show(struct seq *s, const struct proc_ctx *c)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	const struct nlmsghdr *link;
	struct rtnl_link_stats64 t;
	const char *file = c->node->e->name;
	int ret = -ENODEV;

	if (is_err(links))
		return (int)ptr_err(links);
	link = rt_link_by_index(links, (s32)c->node->index);
	if (link && c->node->e->text) {
		rt_link_stats(link, &t);
		seq_printf(s, "%lu\n", statistic(&t, file));
		ret = 0;
	} else if (link) {
		ret = put_value(s, link, file);
	}
	rt_snap_put(links);
	return ret;
}

#define VALUE(name_) PFILE(name_, 0444, show)
#define COUNTER(name_) PFILE(name_, 0444, show, .text = "counter")

static const struct proc_entry statistics_entries[] = {
	COUNTER("collisions"), COUNTER("multicast"), COUNTER("rx_bytes"), COUNTER("rx_compressed"),
	COUNTER("rx_crc_errors"), COUNTER("rx_dropped"), COUNTER("rx_errors"), COUNTER("rx_fifo_errors"),
	COUNTER("rx_frame_errors"), COUNTER("rx_length_errors"), COUNTER("rx_missed_errors"), COUNTER("rx_over_errors"),
	COUNTER("rx_packets"), COUNTER("tx_aborted_errors"), COUNTER("tx_bytes"), COUNTER("tx_carrier_errors"),
	COUNTER("tx_compressed"), COUNTER("tx_dropped"), COUNTER("tx_errors"), COUNTER("tx_fifo_errors"),
	COUNTER("tx_heartbeat_errors"), COUNTER("tx_packets"), COUNTER("tx_window_errors"),
};
static const struct proc_dir statistics_dir = PROC_DIR(statistics_entries);
static const struct proc_entry device_entries[] = {
	VALUE("addr_len"), VALUE("address"), VALUE("broadcast"), VALUE("carrier"), VALUE("flags"), VALUE("ifindex"),
	VALUE("iflink"), VALUE("mtu"), VALUE("operstate"),
	PDIR("statistics", 0755, &statistics_dir),
	PLINK("subsystem", "../../../../class/net"),
	VALUE("tx_queue_len"), VALUE("type"), VALUE("uevent"),
};
static const struct proc_dir device_dir = PROC_DIR(device_entries);
static const struct proc_entry device_entry = PDIR("", 0755, &device_dir);

static ssize_t device_link(const struct proc_ctx *c, char *buf, size_t size)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	const struct nlmsghdr *m;
	const char *name;
	int n;

	if (is_err(links))
		return ptr_err(links);
	m = rt_link_by_index(links, (s32)c->node->index);
	name = m ? rt_link_name(m) : NULL;
	n = name ? ksnprintf(buf, size, "../../devices/virtual/net/%s", name) : -ENOENT;
	rt_snap_put(links);
	return n < 0 ? n : (ssize_t)min((size_t)n, size);
}

static const struct proc_entry link_entry = { .name = "", .mode = S_IFLNK | 0777, .link = device_link };

static int lookup(struct inode *dir, const struct qstr *name, struct inode **out, const struct proc_entry *e)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	int ret = -ENOENT;

	if (is_err(links))
		return (int)ptr_err(links);
	for (const struct nlmsghdr *m = rt_next(links, NULL); m && ret == -ENOENT; m = rt_next(links, m)) {
		const char *n = rt_link_name(m);

		if (!n || strlen(n) != name->len || memcmp(n, name->name, name->len))
			continue;
		*out = proc_inode(dir->sb, e, NULL, false, (u32)((const struct ifinfomsg *)rt_header(m))->index);
		ret = *out ? 0 : -ENOMEM;
	}
	rt_snap_put(links);
	return ret;
}

static int list(struct dir_context *ctx, loff_t base, const struct proc_entry *e)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	loff_t at = base;

	if (is_err(links))
		return (int)ptr_err(links);
	for (const struct nlmsghdr *m = rt_next(links, NULL); m; m = rt_next(links, m), at++) {
		const char *n = rt_link_name(m);

		if (at < ctx->pos)
			continue;
		if (n && !ctx->emit(ctx, n, (u32)strlen(n),
				    proc_ino(e, NULL, (u32)((const struct ifinfomsg *)rt_header(m))->index),
				    e->mode >> 12 & 15, at + 1))
			break;
		ctx->pos = at + 1;
	}
	rt_snap_put(links);
	return 0;
}

static int device_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	return lookup(dir, name, out, &device_entry);
}
static int device_readdir(struct file *f, struct dir_context *ctx, loff_t base)
{
	return list(ctx, base, &device_entry);
}
static int link_lookup(struct inode *dir, const struct qstr *name, struct inode **out)
{
	return lookup(dir, name, out, &link_entry);
}
static int link_readdir(struct file *f, struct dir_context *ctx, loff_t base) { return list(ctx, base, &link_entry); }

const struct proc_dir sys_virtual_net_dir = { .stale = true, .lookup = device_lookup, .readdir = device_readdir };
const struct proc_dir sys_class_net_dir = { .stale = true, .lookup = link_lookup, .readdir = link_readdir };
