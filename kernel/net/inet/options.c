/* Socket options of the IP, IPv6, UDP and raw levels, and those of SOL_SOCKET that only the internet families have. */
#include "net/inet/internal.h"

#include "abi/linux/capability.h"
#include "net/route/route.h"

#define TOS_ECN 3
#define IFNAME_MAX 16u

/* Options that are only on or off. */
static const struct {
	u8 level, name, flag;
	bool inverted;
} flags[] = {
	{ SOL_IP, IP_PKTINFO, IF_PKTINFO, false },
	{ SOL_IP, IP_RECVTTL, IF_RECVTTL, false },
	{ SOL_IP, IP_RECVTOS, IF_RECVTOS, false },
	{ SOL_IP, IP_RECVOPTS, IF_RECVOPTS, false },
	{ SOL_IP, IP_RETOPTS, IF_RETOPTS, false },
	{ SOL_IP, IP_RECVERR, IF_RECVERR, false },
	{ SOL_IP, IP_FREEBIND, IF_FREEBIND, false },
	{ SOL_IP, IP_NODEFRAG, IF_NODEFRAG, false },
	{ SOL_IP, IP_BIND_ADDRESS_NO_PORT, IF_BIND_NO_PORT, false },
	{ SOL_IP, IP_RECVORIGDSTADDR, IF_ORIGDST, false },
	{ SOL_IP, IP_CHECKSUM, IF_CHECKSUM, false },
	{ SOL_IP, IP_RECVFRAGSIZE, IF_RECVFRAG, false },
	{ SOL_IP, IP_MULTICAST_LOOP, IF_MCAST_NOLOOP, true },
	{ SOL_IP, IP_MULTICAST_ALL, IF_MCAST_NOALL, true },
	{ SOL_IPV6, IPV6_RECVPKTINFO, IF_RECVPKTINFO6, false },
	{ SOL_IPV6, IPV6_RECVHOPLIMIT, IF_RECVHOPS, false },
	{ SOL_IPV6, IPV6_RECVTCLASS, IF_RECVTCLASS, false },
	{ SOL_IPV6, IPV6_RECVERR, IF_RECVERR6, false },
	{ SOL_IPV6, IPV6_FREEBIND, IF_FREEBIND, false },
	{ SOL_IPV6, IPV6_AUTOFLOWLABEL, IF_AUTOFLOW, false },
	{ SOL_IPV6, IPV6_MULTICAST_LOOP, IF_MCAST_NOLOOP6, true },
	{ SOL_IPV6, IPV6_MULTICAST_ALL, IF_MCAST_NOALL6, true },
};

static int flag_of(int level, int name)
{
	for (u32 i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].level == level && flags[i].name == name)
			return (int)i;
	return -1;
}

/* An int, or a byte where IP takes one. */
static int value_in(int level, struct uptr val, u32 len, s32 *v)
{
	u32 word;
	u8 byte;

	if (len >= sizeof(word)) {
		if (get_user_u32(val, &word))
			return -EFAULT;
		*v = (s32)word;
		return 0;
	}
	*v = 0;
	if (level != SOL_IP || !len)
		return level == SOL_IP ? 0 : -EINVAL;
	if (copy_in(&byte, val, 1))
		return -EFAULT;
	*v = byte;
	return 0;
}

static int set_mcast_if(struct inet_sock *s, struct uptr val, u32 len)
{
	struct inet_ops *ops = inet_mcast_outside(s);
	struct ip_mreqn r = { 0 };
	struct inet_ip addr;
	int ret;

	if (inet_stream(s) || len < 4)
		return -EINVAL;
	if (len >= sizeof(r) || len == 8) {
		if (copy_in(&r, val, min(len, (u32)sizeof(r))))
			return -EFAULT;
	} else if (copy_in(&r.address, val, 4)) {
		return -EFAULT;
	}
	addr = inet_ip4(r.address);
	if (ops && r.ifindex != LOOPBACK_IFINDEX && (r.ifindex || !inet_loop4(&addr))) {
		r.multiaddr = 0;
		ret = ops->setopt(s, SOL_IP, IP_MULTICAST_IF, &r, sizeof(r));
		if (ret)
			return ret;
	} else if (r.ifindex ? r.ifindex != LOOPBACK_IFINDEX : r.address && !inet_owned(&addr)) {
		return -EADDRNOTAVAIL;
	}
	atomic_store(&s->opt.mcast_if, !r.ifindex && inet_loop4(&addr) ? LOOPBACK_IFINDEX : (u32)r.ifindex);
	atomic_store(&s->opt.mcast_addr, r.address);
	return 0;
}

static int set_ip(struct inet_sock *s, int name, s32 v)
{
	struct inet_options *o = &s->opt;

	switch (name) {
	case IP_TOS:
		/* The congestion bits of a stream are the protocol's own. */
		o->tos = (u8)(inet_stream(s) ? (v & ~TOS_ECN) | (o->tos & TOS_ECN) : v);
		return 0;
	case IP_TTL:
		if (v != -1 && (v < 1 || v > 255))
			return -EINVAL;
		o->ttl = (int16_t)v;
		return 0;
	case IP_MTU_DISCOVER:
		if (v < 0 || v > 5)
			return -EINVAL;
		o->mtu_discover = (u8)v;
		return 0;
	case IP_MINTTL:
		if (v < 0 || v > 255)
			return -EINVAL;
		o->min_hopcount = v;
		return 0;
	case IP_MULTICAST_TTL:
		if (inet_stream(s) || v < -1 || v > 255)
			return -EINVAL;
		o->mcast_ttl = v == -1 ? 1 : (u8)v;
		return 0;
	case IP_UNICAST_IF:
		o->unicast_if = (u32)v;
		return 0;
	case IP_HDRINCL:
		if (s->proto != INET_RAW)
			return -ENOPROTOOPT;
		inet_set_flag(s, IF_HDRINCL, v);
		return 0;
	case IP_TRANSPARENT:
		if (v && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		inet_set_flag(s, IF_TRANSPARENT, v);
		return 0;
	}
	return -ENOPROTOOPT;
}

static int set_mcast_if6(struct inet_sock *s, s32 v)
{
	struct inet_ops *ops = inet_mcast_outside(s);
	int ret = 0;

	if (v != LOOPBACK_IFINDEX && ops)
		ret = ops->setopt(s, SOL_IPV6, IPV6_MULTICAST_IF, &v, sizeof(v));
	else if (v && v != LOOPBACK_IFINDEX)
		ret = -ENODEV;
	if (!ret)
		s->opt.mcast_if6 = (u32)v;
	return ret;
}

static int set_ip6(struct inet_sock *s, int name, s32 v)
{
	struct inet_options *o = &s->opt;

	switch (name) {
	case IPV6_V6ONLY:
		if (s->local.port && s->proto != INET_RAW)
			return -EINVAL;
		o->v6only = v;
		return 0;
	case IPV6_UNICAST_HOPS:
		if (v < -1 || v > 255)
			return -EINVAL;
		o->hops = (int16_t)v;
		return 0;
	case IPV6_MULTICAST_HOPS:
		if (inet_stream(s))
			return -ENOPROTOOPT;
		if (v < -1 || v > 255)
			return -EINVAL;
		o->mcast_hops = v == -1 ? 1 : (int16_t)v;
		return 0;
	case IPV6_MULTICAST_IF:
		if (inet_stream(s))
			return -ENOPROTOOPT;
		return set_mcast_if6(s, v);
	case IPV6_MTU_DISCOVER:
		if (v < 0 || v > 5)
			return -EINVAL;
		o->mtu_discover6 = (u8)v;
		return 0;
	case IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		o->tclass = v == -1 ? 0 : (u8)v;
		return 0;
	case IPV6_MINHOPCOUNT:
		if (v < 0 || v > 255)
			return -EINVAL;
		o->min_hopcount = v;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int set_udp(struct inet_sock *s, int name, s32 v)
{
	switch (name) {
	case UDP_NO_CHECK6_TX:
	case UDP_NO_CHECK6_RX:
		return 0;
	case UDP_GRO: /* permission only: datagrams are never merged here */
		inet_set_flag(s, IF_UDP_GRO, v);
		return 0;
	case UDP_CORK:
		inet_set_flag(s, IF_UDP_CORK, v);
		return 0;
	case UDP_SEGMENT:
		if (v < 0 || v > 65535)
			return -EINVAL;
		s->opt.segment = (u16)v;
		return 0;
	}
	return -ENOPROTOOPT;
}

static bool is_coverage(const struct inet_sock *s, int name)
{
	return s->proto == INET_UDPLITE && (name == UDPLITE_SEND_CSCOV || name == UDPLITE_RECV_CSCOV);
}

/* How much a checksum covers, the header at least. There are no checksums here. */
static int set_udplite(struct inet_sock *s, int name, s32 v)
{
	if (!is_coverage(s, name))
		return -ENOPROTOOPT;
	s->opt.coverage[name - UDPLITE_SEND_CSCOV] = v && v < 8 ? 8 : (u16)min(v, 65535);
	return 0;
}

static int bind_to(struct inet_sock *s, s32 index)
{
	if (atomic_load(&s->opt.ifindex) && !capable(CAP_NET_RAW))
		return -EPERM;
	atomic_store(&s->opt.ifindex, (u32)index);
	inet_option_changed(s, SOL_SOCKET, SO_BINDTOIFINDEX, index);
	return 0;
}

static int bind_to_device(struct inet_sock *s, struct uptr val, u32 len)
{
	char name[IFNAME_MAX] = { 0 };
	const struct nlmsghdr *link;
	struct rt_snap *links;
	s32 index = 0;

	len = min(len, IFNAME_MAX - 1);
	if (copy_in(name, val, len))
		return -EFAULT;
	links = name[0] ? rt_snapshot(RT_LINK) : NULL;
	if (is_err(links))
		return (int)ptr_err(links);
	link = links ? rt_link_by_name(links, name) : NULL;
	if (link)
		index = ((const struct ifinfomsg *)rt_header(link))->index;
	rt_snap_put(links);
	return name[0] && !link ? -ENODEV : bind_to(s, index);
}

static int bind_to_index(struct inet_sock *s, struct uptr val)
{
	u32 v;

	if (get_user_u32(val, &v))
		return -EFAULT;
	return (s32)v < 0 ? -EINVAL : bind_to(s, (s32)v);
}

/* The name of that interface with its 0 into val; 0: it has none any more. */
static int device_name(u32 ifindex, void *val)
{
	struct rt_snap *links = rt_snapshot(RT_LINK);
	const struct nlmsghdr *link;
	const char *name;
	int len = 0;

	if (is_err(links))
		return (int)ptr_err(links);
	link = rt_link_by_index(links, (s32)ifindex);
	name = link ? rt_link_name(link) : NULL;
	if (name) {
		len = (int)min(strlen(name) + 1, (size_t)IFNAME_MAX);
		memcpy(val, name, (size_t)len);
	}
	rt_snap_put(links);
	return len;
}

static int set_socket(struct inet_sock *s, int name, struct uptr val, u32 len)
{
	switch (name) {
	case SO_BINDTODEVICE:
		return bind_to_device(s, val, len);
	case SO_BINDTOIFINDEX:
		return bind_to_index(s, val);
	}
	return -ENOPROTOOPT;
}

static int set_filter(struct inet_sock *s, void *filter, u32 size, struct uptr val, u32 len)
{
	if (copy_in(filter, val, min(len, size)))
		return -EFAULT;
	return 0;
}

int inet_setopt(struct socket *sock, int level, int name, struct uptr val, u32 len)
{
	struct inet_sock *s = inet_of(sock);
	int f, ret;
	s32 v;

	if (level == SOL_SOCKET)
		return set_socket(s, name, val, len);
	if (level == SOL_TCP && s->proto == INET_TCP)
		return inet_tcp_setopt(s, name, val, len);
	if (level == SOL_RAW && name == ICMP_FILTER && s->proto == INET_RAW && !inet_v6(s))
		return set_filter(s, &s->opt.icmp_filter, sizeof(s->opt.icmp_filter), val, len);
	if (level == SOL_ICMPV6 && name == ICMP6_FILTER && s->proto == INET_RAW && inet_v6(s))
		return set_filter(s, s->opt.icmp6_filter, sizeof(s->opt.icmp6_filter), val, len);
	if (level == SOL_IPV6 && !inet_v6(s))
		return -ENOPROTOOPT;
	if (inet_mcast_option(level, name))
		return inet_mcast_setopt(s, level, name, val, len);
	if (level == SOL_IP && name == IP_MULTICAST_IF)
		return set_mcast_if(s, val, len);
	ret = value_in(level, val, len, &v);
	if (ret)
		return ret;
	f = flag_of(level, name);
	if (f >= 0) {
		inet_set_flag(s, flags[f].flag, (v != 0) != flags[f].inverted);
		if ((flags[f].flag == IF_RECVERR || flags[f].flag == IF_RECVERR6) && !v)
			inet_errors_purge(s);
		inet_option_changed(s, level, name, v != 0);
		return 0;
	}
	switch (level) {
	case SOL_IP:
		ret = set_ip(s, name, v);
		break;
	case SOL_IPV6:
		ret = set_ip6(s, name, v);
		break;
	case SOL_UDP:
		ret = s->proto == INET_UDP ? set_udp(s, name, v) : -ENOPROTOOPT;
		break;
	case SOL_UDPLITE:
		ret = set_udplite(s, name, v);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (!ret)
		inet_option_changed(s, level, name, v);
	return ret;
}

/* ---- reading ---- */

static int get_ip(struct inet_sock *s, int name, s32 *v)
{
	const struct inet_options *o = &s->opt;

	switch (name) {
	case IP_TOS:
		*v = o->tos;
		return 0;
	case IP_TTL:
		*v = o->ttl < 0 ? 64 : o->ttl;
		return 0;
	case IP_MTU_DISCOVER:
		*v = o->mtu_discover;
		return 0;
	case IP_MTU:
		if (!atomic_load(&s->ops))
			return -ENOTCONN;
		*v = 65536;
		return 0;
	case IP_MINTTL:
		*v = o->min_hopcount;
		return 0;
	case IP_MULTICAST_TTL:
		*v = o->mcast_ttl;
		return 0;
	case IP_MULTICAST_IF:
		*v = (s32)o->mcast_addr;
		return 0;
	case IP_UNICAST_IF:
		*v = (s32)o->unicast_if;
		return 0;
	case IP_HDRINCL:
		*v = inet_flag(s, IF_HDRINCL);
		return 0;
	case IP_TRANSPARENT:
		*v = inet_flag(s, IF_TRANSPARENT);
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_ip6(struct inet_sock *s, int name, s32 *v)
{
	const struct inet_options *o = &s->opt;

	switch (name) {
	case IPV6_V6ONLY:
		*v = o->v6only;
		return 0;
	case IPV6_UNICAST_HOPS:
		*v = o->hops < 0 ? 64 : o->hops;
		return 0;
	case IPV6_MULTICAST_HOPS:
		*v = o->mcast_hops;
		return 0;
	case IPV6_MULTICAST_IF:
		*v = (s32)o->mcast_if6;
		return 0;
	case IPV6_MTU_DISCOVER:
		*v = o->mtu_discover6;
		return 0;
	case IPV6_MTU:
		if (!atomic_load(&s->ops))
			return -ENOTCONN;
		*v = 65536;
		return 0;
	case IPV6_TCLASS:
		*v = o->tclass;
		return 0;
	case IPV6_MINHOPCOUNT:
		*v = o->min_hopcount;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_udp(struct inet_sock *s, int name, s32 *v)
{
	switch (name) {
	case UDP_CORK:
		*v = inet_flag(s, IF_UDP_CORK);
		return 0;
	case UDP_GRO:
		*v = inet_flag(s, IF_UDP_GRO);
		return 0;
	case UDP_SEGMENT:
		*v = s->opt.segment;
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_socket(struct inet_sock *s, int name, void *val)
{
	u32 mem[9] = { 0 };
	s32 v;

	switch (name) {
	case SO_ACCEPTCONN:
		v = atomic_load(&s->state) == TCP_LISTEN;
		memcpy(val, &v, sizeof(v));
		return sizeof(v);
	case SO_BINDTODEVICE:
		if (!atomic_load(&s->opt.ifindex))
			return 0;
		return device_name(atomic_load(&s->opt.ifindex), val);
	case SO_BINDTOIFINDEX:
		v = (s32)atomic_load(&s->opt.ifindex);
		memcpy(val, &v, sizeof(v));
		return sizeof(v);
	case SO_PEERCRED: {
		struct ucred uc = { .uid = ~0u, .gid = ~0u };

		memcpy(val, &uc, sizeof(uc));
		return sizeof(uc);
	}
	case SO_MEMINFO:
		mem[1] = atomic_load(&s->sock.rcvbuf);
		mem[3] = atomic_load(&s->sock.sndbuf);
		memcpy(val, mem, sizeof(mem));
		return sizeof(mem);
	}
	return -ENOPROTOOPT;
}

int inet_getopt(struct socket *sock, int level, int name, void *val, u32 len)
{
	struct inet_sock *s = inet_of(sock);
	int f = flag_of(level, name), ret;
	s32 v = 0;

	if (level == SOL_SOCKET)
		return get_socket(s, name, val);
	if (level == SOL_TCP && s->proto == INET_TCP)
		return inet_tcp_getopt(s, name, val, len);
	if (level == SOL_IPV6 && !inet_v6(s))
		return -ENOPROTOOPT;
	if (level == SOL_RAW && name == ICMP_FILTER && s->proto == INET_RAW) {
		memcpy(val, &s->opt.icmp_filter, 4);
		return 4;
	}
	if (f >= 0) {
		v = inet_flag(s, flags[f].flag) != flags[f].inverted;
		ret = 0;
	} else if (level == SOL_IP && name == IP_OPTIONS) {
		return 0;
	} else if (level == SOL_IP) {
		ret = get_ip(s, name, &v);
	} else if (level == SOL_IPV6) {
		ret = get_ip6(s, name, &v);
	} else if (level == SOL_UDP && s->proto == INET_UDP) {
		ret = get_udp(s, name, &v);
	} else if (level == SOL_UDPLITE && is_coverage(s, name)) {
		v = s->opt.coverage[name - UDPLITE_SEND_CSCOV];
		ret = 0;
	} else {
		ret = -ENOPROTOOPT;
	}
	if (ret)
		return ret;
	/* A byte when there is no room for more, as ip(7) has it. */
	if (level == SOL_IP && len >= 1 && len < 4 && v >= 0 && v <= 255) {
		*(u8 *)val = (u8)v;
		return 1;
	}
	memcpy(val, &v, sizeof(v));
	return sizeof(v);
}

int inet_getopt_user(struct socket *sock, int level, int name, struct uptr val, u32 len, struct uptr ulen)
{
	struct inet_sock *s = inet_of(sock);

	if (!inet_mcast_whole(level, name))
		return -ENODATA; /* SO_PEERGROUPS, SO_PEERPIDFD: nobody's */
	if (level == SOL_IPV6 && !inet_v6(s))
		return -ENOPROTOOPT;
	return inet_mcast_getopt(s, level, name, val, len, ulen);
}
