/* Socket addresses of the internet families: between programs' structs and struct inet_name. */
#include "net/inet/inet.h"

#define SIN6_MIN 24u /* without scope_id, as before RFC 2553 */

static bool link_local(const struct inet_ip *a) { return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80; }

int inet_name_in(const struct inet_sock *s, const void *addr, u32 len, struct inet_name *out)
{
	const struct sockaddr_in6 *a6 = addr;
	const struct sockaddr_in *a4 = addr;

	*out = (struct inet_name){ 0 };
	if (len < sizeof(a4->family))
		return -EINVAL;
	/* Datagram sockets of the newer family take addresses of the older one. */
	if (!inet_v6(s) || (!inet_stream(s) && a4->family == AF_INET)) {
		if (len < sizeof(*a4))
			return -EINVAL;
		if (a4->family != AF_INET && !(a4->family == AF_UNSPEC && !inet_stream(s)))
			return -EAFNOSUPPORT;
		if (inet_v6(s) && s->opt.v6only)
			return -EAFNOSUPPORT;
		out->ip = inet_ip4(a4->addr.addr);
		out->port = bswap16(a4->port);
		return 0;
	}
	if (len < SIN6_MIN)
		return -EINVAL;
	if (a6->family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(out->ip.b, a6->addr.addr, sizeof(out->ip.b));
	out->port = bswap16(a6->port);
	if (len >= sizeof(*a6) && (link_local(&out->ip) || inet_mcast6(&out->ip)))
		out->scope = a6->scope_id;
	return 0;
}

int inet_name_out(const struct inet_sock *s, const struct inet_name *n, void *addr)
{
	struct sockaddr_in6 *a6 = addr;
	struct sockaddr_in *a4 = addr;

	if (!inet_v6(s)) {
		*a4 = (struct sockaddr_in){ AF_INET, bswap16(n->port), { n->ip.w[3] }, { 0 } };
		return sizeof(*a4);
	}
	*a6 = (struct sockaddr_in6){ .family = AF_INET6, .port = bswap16(n->port), .scope_id = n->scope };
	memcpy(a6->addr.addr, n->ip.b, sizeof(n->ip.b));
	return sizeof(*a6);
}
