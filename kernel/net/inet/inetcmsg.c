/* Control data of datagrams: where to and from, time to live, type of service, time of arrival. */
#include "net/inet/internal.h"

static int byte_value(const struct cmsghdr *c, s32 low, s32 *out)
{
	const void *data = sock_cmsg_data(c);
	s32 v;

	if (c->len == CMSG_LEN(1)) {
		*out = *(const u8 *)data;
		return 0;
	}
	if (c->len != CMSG_LEN(sizeof(v)))
		return -EINVAL;
	memcpy(&v, data, sizeof(v));
	if (v < low || v > 255)
		return -EINVAL;
	*out = v;
	return 0;
}

static int send_ip(struct inet_sock *s, const struct cmsghdr *c, struct inet_send_ctl *ctl)
{
	const struct in_pktinfo *pi = sock_cmsg_data(c);

	switch (c->type) {
	case IP_PKTINFO:
		if (c->len != CMSG_LEN(sizeof(*pi)))
			return -EINVAL;
		ctl->ifindex = (u32)pi->ifindex; /* the transport knows whether there is one */
		if (pi->spec_dst) {
			ctl->src = inet_ip4(pi->spec_dst);
			ctl->has_src = true;
		}
		return ctl->has_src && !inet_owned(&ctl->src) ? -EINVAL : 0;
	case IP_TTL:
		return byte_value(c, 1, &ctl->ttl);
	case IP_TOS:
		return byte_value(c, 0, &ctl->tos);
	}
	return -EINVAL;
}

static int send_ip6(struct inet_sock *s, const struct cmsghdr *c, struct inet_send_ctl *ctl)
{
	const struct in6_pktinfo *pi = sock_cmsg_data(c);
	s32 v;

	switch (c->type) {
	case IPV6_PKTINFO:
		if (c->len < CMSG_LEN(sizeof(*pi)))
			return -EINVAL;
		memcpy(ctl->src.b, pi->addr.addr, sizeof(ctl->src.b));
		ctl->ifindex = pi->ifindex;
		ctl->has_src = !inet_any(&ctl->src);
		return ctl->has_src && !inet_owned(&ctl->src) ? -EINVAL : 0;
	case IPV6_HOPLIMIT:
	case IPV6_TCLASS:
		if (c->len != CMSG_LEN(sizeof(v)))
			return -EINVAL;
		memcpy(&v, sock_cmsg_data(c), sizeof(v));
		if (v < -1 || v > 255)
			return -EINVAL;
		*(c->type == IPV6_TCLASS ? &ctl->tos : &ctl->ttl) = v;
		return 0;
	}
	return -EINVAL;
}

int inet_cmsg_send(struct inet_sock *s, const struct sock_msg *m, struct inet_send_ctl *ctl)
{
	const struct cmsghdr *c = NULL;
	int ret = 0;

	while (!ret && (c = sock_cmsg_next(m, c))) {
		if (is_err(c))
			return (int)ptr_err(c);
		if (c->level == SOL_IP && !inet_v6(s))
			ret = send_ip(s, c, ctl);
		else if (c->level == SOL_IPV6 && inet_v6(s))
			ret = send_ip6(s, c, ctl);
		else if (c->level == SOL_UDP && c->type == UDP_SEGMENT && c->len == CMSG_LEN(sizeof(ctl->segment)))
			memcpy(&ctl->segment, sock_cmsg_data(c), sizeof(ctl->segment));
		else if (c->level == SOL_SOCKET || c->level == SOL_UDP)
			ret = -EINVAL;
	}
	return ret;
}

static void put_stamp(struct inet_sock *s, struct sock_msg *m, s64 stamp)
{
	u32 bits = atomic_load_relaxed(&s->sock.bits);
	struct timespec64 ts;

	if (!(bits & (1u << SB_TIMESTAMP | 1u << SB_TIMESTAMPNS)))
		return;
	ts = ns_to_timespec64(stamp ? stamp : ktime_get_real());
	if (bits & 1u << SB_TIMESTAMPNS) {
		(void)sock_cmsg_put(m, SOL_SOCKET, SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
		return;
	}
	ts.tv_nsec /= NSEC_PER_USEC;
	(void)sock_cmsg_put(m, SOL_SOCKET, SO_TIMESTAMP_OLD, &ts, sizeof(ts));
}

static void recv_ip(struct inet_sock *s, struct sock_msg *m, const struct inet_recv_info *info)
{
	struct in_pktinfo pi = { (s32)info->ifindex, info->dst.w[3], info->dst.w[3] };
	struct sockaddr_in orig = { AF_INET, bswap16(info->dport), { info->dst.w[3] }, { 0 } };
	s32 ttl = info->ttl;

	if (inet_mcast(&info->dst) || inet_bcast(&info->dst))
		pi.spec_dst = bswap32(0x7f000001u);
	if (inet_flag(s, IF_PKTINFO))
		(void)sock_cmsg_put(m, SOL_IP, IP_PKTINFO, &pi, sizeof(pi));
	if (inet_flag(s, IF_RECVTTL))
		(void)sock_cmsg_put(m, SOL_IP, IP_TTL, &ttl, sizeof(ttl));
	if (inet_flag(s, IF_RECVTOS))
		(void)sock_cmsg_put(m, SOL_IP, IP_TOS, &info->tos, 1);
	if (inet_flag(s, IF_ORIGDST))
		(void)sock_cmsg_put(m, SOL_IP, IP_RECVORIGDSTADDR, &orig, sizeof(orig));
}

static void recv_ip6(struct inet_sock *s, struct sock_msg *m, const struct inet_recv_info *info)
{
	struct in6_pktinfo pi = { .ifindex = info->ifindex };
	s32 v;

	memcpy(pi.addr.addr, info->dst.b, sizeof(info->dst.b));
	if (inet_flag(s, IF_RECVPKTINFO6))
		(void)sock_cmsg_put(m, SOL_IPV6, IPV6_PKTINFO, &pi, sizeof(pi));
	v = info->ttl;
	if (inet_flag(s, IF_RECVHOPS))
		(void)sock_cmsg_put(m, SOL_IPV6, IPV6_HOPLIMIT, &v, sizeof(v));
	v = info->tos;
	if (inet_flag(s, IF_RECVTCLASS))
		(void)sock_cmsg_put(m, SOL_IPV6, IPV6_TCLASS, &v, sizeof(v));
}

void inet_cmsg_error(struct inet_sock *s, struct sock_msg *m, const struct inet_cmsg_error *e)
{
	struct {
		struct sock_extended_err ee;
		u8 offender[SOCKADDR_MAX];
	} data;
	u32 len;

	memset(&data, 0, sizeof(data));
	data.ee = e->ee;
	len = inet_v6(s) ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (!inet_any(&e->offender.ip))
		(void)inet_name_out(s, &e->offender, data.offender);
	(void)sock_cmsg_put(m, inet_v6(s) ? SOL_IPV6 : SOL_IP, inet_v6(s) ? IPV6_RECVERR : IP_RECVERR, &data,
			    (u32)sizeof(data.ee) + len);
}

void inet_cmsg_recv(struct inet_sock *s, struct sock_msg *m, const struct inet_recv_info *info)
{
	put_stamp(s, m, info->stamp);
	if (sock_bit(&s->sock, SB_RXQ_OVFL) && info->drops)
		(void)sock_cmsg_put(m, SOL_SOCKET, SO_RXQ_OVFL, &info->drops, sizeof(info->drops));
	if (unlikely(atomic_load_relaxed(&s->opt.flags))) {
		if (inet_is4(&info->dst))
			recv_ip(s, m, info);
		if (inet_v6(s))
			recv_ip6(s, m, info);
	}
}
