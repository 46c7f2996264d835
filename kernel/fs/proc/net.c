/*
 * /proc/PID/net, proc_pid_net(5). Tables of a network family come from the family (proc_net_register); until one has
 * registered its files, they are there with their headings and no entries, which is the truth of a network without any.
 */
#include "fs/proc/proc.h"
#include "net/unix/unix.h"

#define NET_MAX 40u

struct net_file {
	const char *name;
	int (*show)(struct seq *s);
};
static struct net_file registered[NET_MAX]; /* written at boot; atomic count */
static u32 nr_registered;

static int show_net(struct seq *s, const struct proc_ctx *c);
static int show_unix(struct seq *s, const struct proc_ctx *c);

#define NET(name_, heading) { .name = (name_), .mode = S_IFREG | 0444, .show = show_net, .text = (heading) }
#define INET_HEADING                                                                                         \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define INET6_HEADING                                                                                        \
	"  sl  local_address                         remote_address                        st tx_queue rx_queue tr " \
	"tm->when retrnsmt   uid  timeout inode"
#define NO_COUNTERS "    0       0    0    0    0     0          0         0        0       0    0    0    0     0"

static const struct proc_entry net_entries[] = {
	NET("arp", "IP address       HW type     Flags       HW address            Mask     Device\n"),
	NET("dev", "Inter-|   Receive                                                |  Transmit\n"
		   " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
		   "carrier compressed\n"
		   "    lo:   " NO_COUNTERS "       0          0\n"),
	NET("icmp", INET_HEADING " ref pointer drops\n"),
	NET("icmp6", INET6_HEADING " ref pointer drops\n"),
	NET("if_inet6", ""),
	NET("igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"), NET("igmp6", ""),
	NET("ipv6_route", ""),
	NET("netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"),
	NET("netstat", "TcpExt: SyncookiesSent SyncookiesRecv\nTcpExt: 0 0\nIpExt: InOctets OutOctets\nIpExt: 0 0\n"),
	NET("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"),
	NET("protocols", "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re "
			 "bi br ha uh gp em\n"),
	NET("ptype", "Type Device      Function\n"),
	NET("raw", INET_HEADING " ref pointer drops\n"),
	NET("raw6", INET6_HEADING " ref pointer drops\n"),
	NET("route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"),
	NET("snmp", "Ip: Forwarding DefaultTTL\nIp: 2 64\n"),
	NET("sockstat", "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\n"
			"RAW: inuse 0\nFRAG: inuse 0 memory 0\n"),
	NET("sockstat6", "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n"),
	NET("tcp", INET_HEADING "\n"),
	NET("tcp6", INET6_HEADING "\n"),
	NET("udp", INET_HEADING " ref pointer drops\n"),
	NET("udp6", INET6_HEADING " ref pointer drops\n"),
	NET("udplite", INET_HEADING " ref pointer drops\n"),
	NET("udplite6", INET6_HEADING " ref pointer drops\n"),
	PFILE("unix", 0444, show_unix),
};

static int emit(void *seq, const char *text, size_t len)
{
	struct seq *s = seq;

	seq_write(s, text, len);
	return s->err;
}

static int show_unix(struct seq *s, const struct proc_ctx *c) { return unix_proc_show(emit, s); }

static int show_net(struct seq *s, const struct proc_ctx *c)
{
	const struct proc_entry *e = c->node->e;
	u32 n = atomic_load(&nr_registered);

	for (u32 i = 0; i < n; i++)
		if (!strcmp(registered[i].name, e->name))
			return registered[i].show(s);
	seq_puts(s, e->text);
	return 0;
}

const struct proc_dir proc_net_dir = PROC_DIR(net_entries);

int proc_net_register(const char *name, int (*show)(struct seq *s))
{
	u32 n = nr_registered;
	bool known = false;

	for (u32 i = 0; i < ARRAY_SIZE(net_entries); i++)
		known |= !strcmp(net_entries[i].name, name);
	if (!known)
		return -ENOENT;
	for (u32 i = 0; i < n; i++)
		if (!strcmp(registered[i].name, name))
			return -EEXIST;
	if (n == NET_MAX)
		return -ENOSPC;
	registered[n] = (struct net_file){ name, show };
	atomic_store(&nr_registered, n + 1);
	return 0;
}
