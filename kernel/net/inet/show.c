/* /proc/net of the internet families, from the live sockets: proc_pid_net(5). */
#include "net/inet/internal.h"

#include "core/log.h"
#include "fs/proc/proc.h"

struct table {
	struct seq *s;
	u32 proto;
	bool v6;
	u32 line;
};

struct row {
	const struct inet_name *local, *remote;
	u32 state, tx, rx, uid, refs, timer;
	u64 ino, expires;
	u32 drops;
};

static void put_name(struct seq *s, const struct inet_name *n, bool v6)
{
	if (v6)
		seq_printf(s, "%08X%08X%08X%08X:%04X", n->ip.w[0], n->ip.w[1], n->ip.w[2], n->ip.w[3], n->port);
	else
		seq_printf(s, "%08X:%04X", n->ip.w[3], n->port);
}

/* Kernel addresses are not shown. */
static void put_row(struct table *t, const struct row *r)
{
	bool tcp = t->proto == INET_TCP;
	struct seq *s = t->s;
	size_t start = s->len;

	seq_printf(s, tcp ? "%4u: " : "%5u: ", t->line++);
	put_name(s, r->local, t->v6);
	seq_putc(s, ' ');
	put_name(s, r->remote, t->v6);
	seq_printf(s, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %u %016lx", r->state, r->tx, r->rx, r->timer, r->expires,
		   0u, r->uid, 0, r->ino, r->refs, 0ul);
	if (!tcp)
		seq_printf(s, " %u", r->drops);
	else if (r->state == TCP_TIME_WAIT)
		seq_puts(s, "");
	else
		seq_printf(s, " %u %u %u %u %d", 20u, 4u, 0u, 10u, -1);
	/* Lines of IPv4 have one length. */
	while (!t->v6 && !s->err && s->len - start < (tcp ? 149u : 127u))
		seq_putc(s, ' ');
	seq_putc(s, '\n');
}

static bool add_row(void *ctx, struct inet_sock *s)
{
	struct table *t = ctx;
	struct inet_ops *ops = atomic_load(&s->ops);
	struct inet_name local, remote;
	struct row r = { .local = &local, .remote = &remote };

	if (s->proto != t->proto || inet_v6(s) != t->v6)
		return true;
	mutex_lock(&s->lock);
	local = s->local;
	remote = s->remote;
	r.state = s->state;
	mutex_unlock(&s->lock);
	/* Unbound ones are in nobody's table; nor are those that ended. */
	if (!local.port || (t->proto == INET_TCP && r.state == TCP_CLOSE))
		return true;
	if (t->proto == INET_TCP && atomic_load(&s->dead) && r.state != TCP_FIN_WAIT2)
		return true;
	if (r.state != TCP_LISTEN && ops) {
		r.rx = ops->inq ? ops->inq(s) : 0;
		r.tx = ops->outq ? ops->outq(s) : 0;
	} else if (r.state != TCP_LISTEN) {
		r.rx = loop_ops.inq(s);
	}
	if (r.state == TCP_LISTEN)
		r.rx = loop_backlog(s);
	r.uid = s->uid;
	r.ino = atomic_load(&s->sock.file) ? s->sock.ino : 0;
	r.refs = s->ref.count;
	r.drops = loop_drops(s);
	put_row(t, &r);
	return !t->s->err;
}

static void add_timewaits(struct table *t)
{
	struct inet_tw_info tw[16];
	u32 done = 0, n;

	do {
		n = inet_timewait_list(done, tw, ARRAY_SIZE(tw));
		for (u32 i = 0; i < n; i++) {
			struct row r = { .local = &tw[i].local, .remote = &tw[i].remote, .state = TCP_TIME_WAIT,
					 .timer = 3, .expires = (u64)tw[i].left / (NSEC_PER_SEC / USER_HZ), .refs = 3 };

			if (tw[i].v6 == t->v6)
				put_row(t, &r);
		}
		done += n;
	} while (n == ARRAY_SIZE(tw));
}

#define HEAD4 "local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define HEAD6                                                                                                \
	"local_address                         remote_address                        st tx_queue rx_queue tr "       \
	"tm->when retrnsmt   uid  timeout inode"

static int show_table(struct seq *s, u32 proto, bool v6)
{
	struct table t = { s, proto, v6, 0 };
	bool tcp = proto == INET_TCP;
	size_t start = s->len;

	seq_printf(s, "%s %s", tcp || v6 ? "  sl " : "   sl", v6 ? HEAD6 : HEAD4);
	if (!tcp)
		seq_puts(s, " ref pointer drops");
	while (!v6 && !s->err && s->len - start < (tcp ? 149u : 127u))
		seq_putc(s, ' ');
	seq_putc(s, '\n');
	inet_for_each(add_row, &t);
	if (tcp)
		add_timewaits(&t);
	return 0;
}

static int show_tcp(struct seq *s) { return show_table(s, INET_TCP, false); }
static int show_tcp6(struct seq *s) { return show_table(s, INET_TCP, true); }
static int show_udp(struct seq *s) { return show_table(s, INET_UDP, false); }
static int show_udp6(struct seq *s) { return show_table(s, INET_UDP, true); }
static int show_udplite(struct seq *s) { return show_table(s, INET_UDPLITE, false); }
static int show_udplite6(struct seq *s) { return show_table(s, INET_UDPLITE, true); }
static int show_raw(struct seq *s) { return show_table(s, INET_RAW, false); }
static int show_raw6(struct seq *s) { return show_table(s, INET_RAW, true); }
static int show_icmp(struct seq *s) { return show_table(s, INET_PING, false); }
static int show_icmp6(struct seq *s) { return show_table(s, INET_PING, true); }

struct census {
	u32 inuse[INET_PROTOS][2], alloc, orphan, tw;
};

static bool count_one(void *ctx, struct inet_sock *s)
{
	struct census *c = ctx;
	bool tcp = s->proto == INET_TCP;

	if (tcp && atomic_load(&s->dead)) {
		c->orphan += atomic_load(&s->state) == TCP_FIN_WAIT2;
		return true;
	}
	c->alloc += tcp;
	if (tcp ? atomic_load(&s->state) != TCP_CLOSE : s->local.port != 0)
		c->inuse[s->proto][inet_v6(s)]++;
	return true;
}

static void census(struct census *c)
{
	memset(c, 0, sizeof(*c));
	inet_for_each(count_one, c);
	c->tw = inet_timewait_count();
}

static int show_sockstat(struct seq *s)
{
	struct census c;
	u32 used;

	census(&c);
	used = c.alloc;
	for (u32 p = INET_UDP; p < INET_PROTOS; p++)
		used += c.inuse[p][0] + c.inuse[p][1];
	seq_printf(s, "sockets: used %u\nTCP: inuse %u orphan %u tw %u alloc %u mem 0\nUDP: inuse %u mem 0\n"
		   "UDPLITE: inuse %u\nRAW: inuse %u\nFRAG: inuse 0 memory 0\n",
		   used, c.inuse[INET_TCP][0], c.orphan, c.tw, c.alloc, c.inuse[INET_UDP][0],
		   c.inuse[INET_UDPLITE][0], c.inuse[INET_RAW][0]);
	return 0;
}

static int show_sockstat6(struct seq *s)
{
	struct census c;

	census(&c);
	seq_printf(s, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse %u\nRAW6: inuse %u\nFRAG6: inuse 0 memory 0\n",
		   c.inuse[INET_TCP][1], c.inuse[INET_UDP][1], c.inuse[INET_UDPLITE][1], c.inuse[INET_RAW][1]);
	return 0;
}

static int show_protocols(struct seq *s)
{
	static const char *const names[] = { "TCP", "UDP", "UDP-Lite", "PING", "RAW" };
	struct census c;

	census(&c);
	seq_puts(s, "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br "
		    "ha uh gp em\n");
	for (u32 v6 = 2; v6-- > 0;)
		for (u32 p = 0; p < INET_PROTOS; p++)
			seq_printf(s, "%s%-*s %4u %6u  %6d   %-3s %6u   %-3s  %-10s  y  y  y  n  y  y  y  n  y  y  y  y  y  y  "
				   "y  y  y  n\n", names[p], 9 - (int)strlen(names[p]), v6 ? "v6" : "",
				   (u32)sizeof(struct inet_sock), c.inuse[p][v6], -1, "no", 0u, "yes", "kernel");
	return 0;
}

static int show_snmp(struct seq *s)
{
	const struct inet_stats *st = &inet_stats;
	struct census c;

	census(&c);
	seq_printf(s, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards "
		   "InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs "
		   "FragFails FragCreates\nIp: 2 64 %lu 0 0 0 0 0 %lu %lu 0 0 0 0 0 0 0 0 0\n",
		   st->udp_out + st->icmp_echo, st->udp_in + st->icmp_echo, st->udp_out + st->icmp_echo);
	seq_printf(s, "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects "
		   "InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors "
		   "OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps OutTimestamps "
		   "OutTimestampReps OutAddrMasks OutAddrMaskReps\n"
		   "Icmp: %lu 0 0 %lu 0 0 0 0 %lu %lu 0 0 0 0 %lu 0 %lu 0 0 0 0 %lu %lu 0 0 0 0\n",
		   st->icmp_echo + st->icmp_reply + st->icmp_unreach, st->icmp_unreach, st->icmp_echo, st->icmp_reply,
		   st->icmp_echo + st->icmp_reply + st->icmp_unreach, st->icmp_unreach, st->icmp_echo, st->icmp_reply);
	seq_printf(s, "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab "
		   "InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n"
		   "Tcp: 1 200 120000 -1 %lu %lu %lu %lu %u %lu %lu 0 0 %lu 0\n",
		   st->tcp_active, st->tcp_passive, st->tcp_fails, st->tcp_resets, c.inuse[INET_TCP][0] + c.inuse[INET_TCP][1],
		   st->tcp_segs, st->tcp_segs, st->tcp_out_rsts);
	seq_printf(s, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti\n"
		   "Udp: %lu %lu %lu %lu %lu 0 0 0\n", st->udp_in, st->udp_noports, st->udp_full, st->udp_out, st->udp_full);
	return 0;
}

static int show_netstat(struct seq *s)
{
	const struct inet_stats *st = &inet_stats;

	seq_printf(s, "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed TW ListenOverflows ListenDrops\n"
		   "TcpExt: 0 0 0 %lu %lu %lu\nIpExt: InOctets OutOctets\nIpExt: %lu %lu\n",
		   st->tcp_timewaited, st->tcp_listen_overflows, st->tcp_listen_overflows, st->bytes, st->bytes);
	return 0;
}

void inet_show_init(void)
{
	static const struct {
		const char *name;
		int (*show)(struct seq *s);
	} files[] = {
		{ "tcp", show_tcp }, { "tcp6", show_tcp6 }, { "udp", show_udp }, { "udp6", show_udp6 }, { "raw", show_raw },
		{ "udplite", show_udplite }, { "udplite6", show_udplite6 },
		{ "raw6", show_raw6 }, { "icmp", show_icmp }, { "icmp6", show_icmp6 }, { "sockstat", show_sockstat },
		{ "sockstat6", show_sockstat6 }, { "protocols", show_protocols }, { "snmp", show_snmp },
		{ "netstat", show_netstat },
	};

	for (u32 i = 0; i < ARRAY_SIZE(files); i++)
		if (proc_net_register(files[i].name, files[i].show))
			log_warn("net: no /proc/net/%s", files[i].name);
	inet_show_mcast_init();
}
