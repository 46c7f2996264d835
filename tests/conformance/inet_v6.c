/* ipv6(7), icmp(7) over loopback: datagrams of the newer family and their control data; echo sockets. */
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>

static int bound6(const char *ip)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	int fd = OK(socket(AF_INET6, SOCK_DGRAM, 0));

	inet_pton(AF_INET6, ip, &a.sin6_addr);
	OK(bind(fd, (void *)&a, sizeof a));
	return fd;
}

static struct sockaddr_in6 name_of(int fd, const char *ip)
{
	struct sockaddr_in6 a;
	socklen_t n = sizeof a;

	OK(getsockname(fd, (void *)&a, &n));
	EQ(n, sizeof a);
	if (ip)
		inet_pton(AF_INET6, ip, &a.sin6_addr);
	return a;
}

TEST(control_data)
{
	int a = bound6("::"), b = bound6("::1"), one = 1, seen = 0, v = 9;
	struct sockaddr_in6 to = name_of(a, "::1");
	char buf[8], ctl[256];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };
	struct cmsghdr *c;

	OK(setsockopt(a, SOL_IPV6, IPV6_RECVPKTINFO, &one, sizeof one));
	OK(setsockopt(a, SOL_IPV6, IPV6_RECVHOPLIMIT, &one, sizeof one));
	OK(setsockopt(a, SOL_IPV6, IPV6_RECVTCLASS, &one, sizeof one));
	OK(setsockopt(b, SOL_IPV6, IPV6_UNICAST_HOPS, &v, sizeof v));
	v = 0x20;
	OK(setsockopt(b, SOL_IPV6, IPV6_TCLASS, &v, sizeof v));
	EQ(sendto(b, "x", 1, 0, (void *)&to, sizeof to), 1);
	EQ(recvmsg(a, &m, 0), 1);
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_IPV6)
			continue;
		if (c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *pi = (void *)CMSG_DATA(c);

			CHECK(IN6_IS_ADDR_LOOPBACK(&pi->ipi6_addr));
			EQ(pi->ipi6_ifindex, 1);
			seen |= 1;
		} else if (c->cmsg_type == IPV6_HOPLIMIT) {
			EQ(*(int *)CMSG_DATA(c), 9);
			seen |= 2;
		} else if (c->cmsg_type == IPV6_TCLASS) {
			EQ(*(int *)CMSG_DATA(c), 0x20);
			seen |= 4;
		}
	}
	EQ(seen, 7);
}

TEST(both_families)
{
	int a = bound6("::"), b = OK(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in6 self = name_of(a, 0), from;
	struct sockaddr_in to = { AF_INET, self.sin6_port, { htonl(INADDR_LOOPBACK) }, { 0 } }, back;
	socklen_t n = sizeof from;
	char buf[64];

	EQ(sendto(b, "x", 1, 0, (void *)&to, sizeof to), 1);
	EQ(recvfrom(a, buf, 8, 0, (void *)&from, &n), 1);
	STR(inet_ntop(AF_INET6, &from.sin6_addr, buf, sizeof buf), "::ffff:127.0.0.1");
	EQ(sendto(a, "yz", 2, 0, (void *)&from, n), 2);
	n = sizeof back;
	EQ(recvfrom(b, buf, 8, 0, (void *)&back, &n), 2);
	EQ(back.sin_port, self.sin6_port);
}

TEST(options)
{
	int fd = OK(socket(AF_INET6, SOCK_STREAM, 0)), v = 1;

	OK(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &v, sizeof v));
	v = 300;
	ERR(setsockopt(fd, SOL_IPV6, IPV6_UNICAST_HOPS, &v, sizeof v), EINVAL);
	close(fd);
	fd = OK(socket(AF_INET, SOCK_STREAM, 0));
	ERR(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &v, sizeof v), ENOPROTOOPT);
}

static uint16_t checksum(const void *p, int n)
{
	const uint16_t *w = p;
	uint32_t sum = 0;

	for (; n > 1; n -= 2)
		sum += *w++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

TEST(ping_raw)
{
	struct sockaddr_in to = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } };
	struct { struct icmphdr h; char data[24]; } p = { .h = { .type = ICMP_ECHO } };
	unsigned char in[256];
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), i;
	ssize_t n = 0;

	if (fd < 0)
		return;
	p.h.un.echo.id = htons(getpid());
	p.h.un.echo.sequence = htons(3);
	memset(p.data, 'p', sizeof p.data);
	p.h.checksum = checksum(&p, sizeof p);
	EQ(sendto(fd, &p, sizeof p, 0, (void *)&to, sizeof to), sizeof p);
	for (i = 0; i < 4; i++) {
		n = recv(fd, in, sizeof in, 0);
		if (n == 20 + (int)sizeof p && in[20] == ICMP_ECHOREPLY)
			break;
	}
	EQ(n, 20 + sizeof p);
	EQ(in[0], 0x45);
	EQ(in[9], IPPROTO_ICMP);
	EQ(in[20], ICMP_ECHOREPLY);
	EQ(checksum(in + 20, sizeof p), 0);
	CHECK(!memcmp(in + 28, p.data, sizeof p.data));
}

TEST(raw_protocol)
{
	struct sockaddr_in to = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } };
	unsigned char in[64];
	int a = socket(AF_INET, SOCK_RAW, 253), b;

	if (a < 0) {
		EQ(errno, EPERM);
		return;
	}
	b = OK(socket(AF_INET, SOCK_RAW, 253));
	EQ(sendto(b, "payload", 7, 0, (void *)&to, sizeof to), 7);
	EQ(recv(a, in, sizeof in, 0), 27);
	EQ(in[9], 253);
	CHECK(!memcmp(in + 20, "payload", 7));
	ERR(socket(AF_INET, SOCK_RAW, 0), EPROTONOSUPPORT);
	close(a);
	a = OK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMPV6)); /* the other family's: nothing but bytes here */
	EQ(sendto(a, "", 0, 0, (void *)&to, sizeof to), 0);
	EQ(recv(a, in, sizeof in, 0), 20);
}

TEST(ping_dgram)
{
	struct sockaddr_in to = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } }, me;
	struct { struct icmphdr h; char data[8]; } p = { .h = { .type = ICMP_ECHO } }, in;
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	socklen_t n = sizeof me;

	if (fd < 0) {
		EQ(errno, EACCES);
		return;
	}
	p.h.un.echo.sequence = htons(5);
	EQ(sendto(fd, &p, sizeof p, 0, (void *)&to, sizeof to), sizeof p);
	EQ(recv(fd, &in, sizeof in, 0), sizeof in);
	EQ(in.h.type, ICMP_ECHOREPLY);
	EQ(ntohs(in.h.un.echo.sequence), 5);
	OK(getsockname(fd, (void *)&me, &n));
	EQ(in.h.un.echo.id, me.sin_port);
	p.h.type = ICMP_ECHOREPLY;
	ERR(sendto(fd, &p, sizeof p, 0, (void *)&to, sizeof to), EINVAL);
}
