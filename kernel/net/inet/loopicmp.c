/* Echo on loopback: ping sockets, raw ICMP sockets, and the answer that the other side's kernel would give. */
#include "net/inet/loop.h"

#define ICMP_ECHOREPLY 0
#define ICMP_ECHO 8
#define ICMP6_ECHO 128
#define ICMP6_ECHOREPLY 129
#define ICMP_HDR 8u
#define IP_HDR 20u

/* The internet checksum of d from off on. */
static u16 checksum(struct loop_dgram *d, u32 off, u32 sum)
{
	for (u32 i = off; i < d->len; i++)
		sum += (u32)*loop_dgram_at(d, i) << ((i - off) & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

static u32 sum_ip(const struct inet_ip *a)
{
	u32 sum = 0;

	for (u32 i = 0; i < 16; i += 2)
		sum += (u32)a->b[i] << 8 | a->b[i + 1];
	return sum;
}

static void set_checksum(struct loop_dgram *d, bool v6)
{
	u32 pseudo = v6 ? sum_ip(&d->src.ip) + sum_ip(&d->dst.ip) + d->len + IPPROTO_ICMPV6 : 0;
	u16 sum;

	*loop_dgram_at(d, 2) = *loop_dgram_at(d, 3) = 0;
	sum = checksum(d, 0, pseudo);
	*loop_dgram_at(d, 2) = (u8)(sum >> 8);
	*loop_dgram_at(d, 3) = (u8)sum;
}

int loop_icmp_prepare(struct inet_sock *s, struct loop_dgram *d)
{
	u8 want = inet_v6(s) ? ICMP6_ECHO : ICMP_ECHO;

	if (d->len < ICMP_HDR)
		return -EINVAL;
	if (*loop_dgram_at(d, 0) != want || *loop_dgram_at(d, 1))
		return -EINVAL;
	/* The identifier is the socket's, as a port. */
	*loop_dgram_at(d, 4) = (u8)(s->local.port >> 8);
	*loop_dgram_at(d, 5) = (u8)s->local.port;
	set_checksum(d, inet_v6(s));
	return 0;
}

/* Does the socket's filter drop this type? */
static bool filtered(const struct inet_sock *s, u8 type)
{
	if (inet_v6(s))
		return s->opt.icmp6_filter[type >> 5] >> (type & 31) & 1;
	return type < 32 && (s->opt.icmp_filter >> type & 1);
}

static void to_raw(void *ctx, struct inet_sock *s)
{
	struct loop_dgram *d = ctx, *c;

	if (d->len && (d->proto == IPPROTO_ICMP || d->proto == IPPROTO_ICMPV6) && filtered(s, *loop_dgram_at(d, 0)))
		return;
	c = loop_dgram_copy(d);
	if (c)
		loop_dgram_queue(s, c);
}

/* A packet has arrived: raw sockets see it. */
static void show_raw(struct loop_dgram *d)
{
	struct inet_name dst = d->dst;

	dst.port = d->proto;
	inet_dgram_each(INET_RAW, &dst, &d->src, to_raw, d);
}

void loop_icmp_input(struct loop_dgram *d, bool v6)
{
	struct inet_name name;
	struct inet_sock *s;
	struct inet_ip ip;
	u8 type;

	d->proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	show_raw(d);
	type = *loop_dgram_at(d, 0);
	if (d->len >= ICMP_HDR && type == (v6 ? ICMP6_ECHO : ICMP_ECHO)) {
		atomic_add(&inet_stats.icmp_echo, 1);
		ip = d->src.ip;
		d->src.ip = d->dst.ip;
		d->dst.ip = ip;
		*loop_dgram_at(d, 0) = type = v6 ? ICMP6_ECHOREPLY : ICMP_ECHOREPLY;
		set_checksum(d, v6);
		show_raw(d);
	}
	if (d->len >= ICMP_HDR && type == (v6 ? ICMP6_ECHOREPLY : ICMP_ECHOREPLY)) {
		atomic_add(&inet_stats.icmp_reply, 1);
		name = d->dst;
		name.port = (u16)(*loop_dgram_at(d, 4) << 8 | *loop_dgram_at(d, 5));
		s = inet_find_dgram(INET_PING, &name, &d->src);
		if (s) {
			loop_dgram_queue(s, d);
			inet_put(s);
			return;
		}
	}
	loop_dgram_put(d);
}

u32 loop_raw_header(struct inet_sock *s, const struct loop_dgram *d, u8 hdr[20])
{
	u32 total = d->len + IP_HDR, sum = 0;

	if (inet_v6(s))
		return 0;
	memset(hdr, 0, IP_HDR);
	hdr[0] = 0x45;
	hdr[1] = d->tos;
	hdr[2] = (u8)(total >> 8);
	hdr[3] = (u8)total;
	hdr[8] = d->ttl;
	hdr[9] = d->proto;
	memcpy(hdr + 12, &d->src.ip.w[3], 4);
	memcpy(hdr + 16, &d->dst.ip.w[3], 4);
	for (u32 i = 0; i < IP_HDR; i += 2)
		sum += (u32)hdr[i] << 8 | hdr[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	hdr[10] = (u8)(~sum >> 8);
	hdr[11] = (u8)~sum;
	return IP_HDR;
}

/* Packets with a header of the program's own: it is cut off, what it says is taken. */
static struct loop_dgram *strip_header(struct loop_dgram *d)
{
	u32 len = d->len ? (*loop_dgram_at(d, 0) & 15u) * 4 : 0;
	struct loop_dgram *c;

	if (len < IP_HDR || len > d->len || *loop_dgram_at(d, 0) >> 4 != 4)
		return NULL;
	c = loop_dgram_alloc(d->len - len);
	if (!c)
		return NULL;
	c->src = d->src;
	c->dst = d->dst;
	c->tos = *loop_dgram_at(d, 1);
	c->ttl = *loop_dgram_at(d, 8);
	c->proto = *loop_dgram_at(d, 9);
	for (u32 i = 0; i < c->len; i++)
		*loop_dgram_at(c, i) = *loop_dgram_at(d, len + i);
	return c;
}

int loop_raw_send(struct inet_sock *s, struct loop_dgram *d)
{
	bool v6 = inet_v6(s);
	struct loop_dgram *c;

	d->proto = s->raw_proto;
	if (!v6 && inet_flag(s, IF_HDRINCL)) {
		c = strip_header(d);
		if (!c)
			return -EINVAL;
		loop_dgram_put(d);
		d = c;
	}
	if (d->proto != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		/* For raw sockets alone: what sockets of TCP and UDP say to each other is no packet. */
		show_raw(d);
		loop_dgram_put(d);
		return 0;
	}
	if (d->len < ICMP_HDR) {
		loop_dgram_put(d);
		return 0;
	}
	if (v6)
		set_checksum(d, true);
	loop_icmp_input(d, v6);
	return 0;
}
