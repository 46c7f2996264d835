/* udp(7) over loopback: borders of datagrams, connected sockets, errors, control data, groups. */
#include "test.h"
#include "inet.h"
#include <netinet/udp.h>

static int bound(uint32_t ip)
{
	struct sockaddr_in a = at(ip, 0);
	int fd = OK(socket(AF_INET, SOCK_DGRAM, 0));

	OK(bind(fd, (void *)&a, sizeof a));
	return fd;
}

TEST(borders)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK), n = -1;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a)), from;
	socklen_t len = sizeof from;
	char buf[64];

	EQ(events(a), POLLOUT);
	EQ(sendto(b, "one", 3, 0, (void *)&to, sizeof to), 3);
	EQ(sendto(b, "", 0, 0, (void *)&to, sizeof to), 0);
	EQ(sendto(b, "three", 5, 0, (void *)&to, sizeof to), 5);
	SOON(events(a) & POLLIN);
	OK(ioctl(a, FIONREAD, &n));
	EQ(n, 3);
	EQ(recv(a, buf, sizeof buf, MSG_PEEK), 3);
	EQ(recvfrom(a, buf, sizeof buf, 0, (void *)&from, &len), 3);
	EQ(len, sizeof from);
	EQ(ntohs(from.sin_port), port_of(b));
	EQ(recv(a, buf, sizeof buf, 0), 0);
	EQ(recv(a, buf, 2, MSG_TRUNC), 5);
	ERR(recv(a, buf, 1, MSG_DONTWAIT), EAGAIN);
}

TEST(big)
{
	static char buf[65536], in[65536];
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK), i;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a));
	struct msghdr m = { 0 };
	struct iovec v = { in, 100 };

	for (i = 0; i < 65536; i++)
		buf[i] = i * 7;
	ERR(sendto(b, buf, 65508, 0, (void *)&to, sizeof to), EMSGSIZE);
	EQ(sendto(b, buf, 65507, 0, (void *)&to, sizeof to), 65507);
	EQ(recv(a, in, sizeof in, 0), 65507);
	CHECK(!memcmp(buf, in, 65507));
	EQ(sendto(b, buf, 40000, 0, (void *)&to, sizeof to), 40000);
	m.msg_iov = &v;
	m.msg_iovlen = 1;
	EQ(recvmsg(a, &m, 0), 100);
	EQ(m.msg_flags, MSG_TRUNC);
}

TEST(connected)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK), c = bound(INADDR_LOOPBACK);
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a)), x;
	struct sockaddr none = { AF_UNSPEC, { 0 } };
	socklen_t n = sizeof x;
	char buf[8];

	ERR(send(b, "x", 1, 0), EDESTADDRREQ);
	OK(connect(b, (void *)&to, sizeof to));
	OK(getpeername(b, (void *)&x, &n));
	EQ(ntohs(x.sin_port), port_of(a));
	EQ(send(b, "x", 1, 0), 1);
	EQ(recv(a, buf, 8, 0), 1);
	/* From the peer only. */
	x = at(INADDR_LOOPBACK, port_of(b));
	EQ(sendto(c, "no", 2, 0, (void *)&x, sizeof x), 2);
	EQ(sendto(a, "yes", 3, 0, (void *)&x, sizeof x), 3);
	EQ(recv(b, buf, 8, 0), 3);
	ERR(recv(b, buf, 8, MSG_DONTWAIT), EAGAIN);
	OK(connect(b, &none, sizeof none));
	ERR(getpeername(b, (void *)&x, &n), ENOTCONN);
	ERR(send(b, "x", 1, 0), EDESTADDRREQ);
}

TEST(refused)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK);
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a));
	char buf[8];

	close(a);
	EQ(sendto(b, "x", 1, 0, (void *)&to, sizeof to), 1);
	ERR(recv(b, buf, 1, MSG_DONTWAIT), EAGAIN);
	OK(connect(b, (void *)&to, sizeof to));
	EQ(send(b, "x", 1, 0), 1);
	SOON(events(b) & POLLERR);
	ERR(recv(b, buf, 1, 0), ECONNREFUSED);
	EQ(send(b, "x", 1, 0), 1);
	ERR(send(b, "x", 1, 0), ECONNREFUSED);
}

TEST(control_data)
{
	int a = bound(INADDR_ANY), b = bound(INADDR_LOOPBACK), one = 1, seen = 0, v;
	struct sockaddr_in to = at(0x7f000002, port_of(a));
	char buf[8], ctl[256];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl };
	struct cmsghdr *c;

	OK(setsockopt(a, SOL_IP, IP_PKTINFO, &one, sizeof one));
	OK(setsockopt(a, SOL_IP, IP_RECVTTL, &one, sizeof one));
	OK(setsockopt(a, SOL_IP, IP_RECVTOS, &one, sizeof one));
	OK(setsockopt(a, SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
	v = 7;
	OK(setsockopt(b, SOL_IP, IP_TTL, &v, sizeof v));
	v = 0x20;
	OK(setsockopt(b, SOL_IP, IP_TOS, &v, sizeof v));
	EQ(sendto(b, "x", 1, 0, (void *)&to, sizeof to), 1);
	EQ(recvmsg(a, &m, 0), 1);
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *pi = (void *)CMSG_DATA(c);

			EQ(ntohl(pi->ipi_addr.s_addr), 0x7f000002);
			EQ(pi->ipi_ifindex, 1);
			seen |= 1;
		} else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_TTL) {
			EQ(*(int *)CMSG_DATA(c), 7);
			seen |= 2;
		} else if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_TOS) {
			EQ(*CMSG_DATA(c), 0x20);
			seen |= 4;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMP) {
			CHECK(((struct timeval *)CMSG_DATA(c))->tv_sec > 1600000000);
			seen |= 8;
		}
	}
	EQ(seen, 15);
}

TEST(choose_source)
{
	int a = bound(INADDR_ANY), b = bound(INADDR_ANY);
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a)), from;
	char ctl[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 }, buf[4];
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = ctl, .msg_controllen = sizeof ctl };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo *pi = (void *)CMSG_DATA(c);
	socklen_t n = sizeof from;

	c->cmsg_level = SOL_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof *pi);
	pi->ipi_spec_dst.s_addr = htonl(0x7f000009);
	EQ(sendmsg(b, &m, 0), 1);
	EQ(recvfrom(a, buf, 4, 0, (void *)&from, &n), 1);
	EQ(ntohl(from.sin_addr.s_addr), 0x7f000009);
}

TEST(group)
{
	int a = bound(INADDR_ANY), b = bound(INADDR_LOOPBACK), zero = 0;
	struct sockaddr_in to = at(0xe0010203, port_of(a));
	struct ip_mreqn r = { { htonl(0xe0010203) }, { htonl(INADDR_LOOPBACK) }, 0 };
	struct in_addr lo = { htonl(INADDR_LOOPBACK) };
	char buf[8];

	OK(setsockopt(a, SOL_IP, IP_MULTICAST_ALL, &zero, sizeof zero));
	OK(setsockopt(b, SOL_IP, IP_MULTICAST_IF, &lo, sizeof lo));
	EQ(sendto(b, "0", 1, 0, (void *)&to, sizeof to), 1);
	ERR(recv(a, buf, 8, MSG_DONTWAIT), EAGAIN);
	OK(setsockopt(a, SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof r));
	ERR(setsockopt(a, SOL_IP, IP_ADD_MEMBERSHIP, &r, sizeof r), EADDRINUSE);
	EQ(sendto(b, "12", 2, 0, (void *)&to, sizeof to), 2);
	EQ(recv(a, buf, 8, 0), 2);
	OK(setsockopt(a, SOL_IP, IP_DROP_MEMBERSHIP, &r, sizeof r));
	ERR(setsockopt(a, SOL_IP, IP_DROP_MEMBERSHIP, &r, sizeof r), EADDRNOTAVAIL);
}

TEST(broadcast)
{
	int a = bound(INADDR_ANY), b = bound(INADDR_LOOPBACK), one = 1;
	struct sockaddr_in to = at(0x7fffffff, port_of(a));
	char buf[8];

	ERR(sendto(b, "x", 1, 0, (void *)&to, sizeof to), EACCES);
	OK(setsockopt(b, SOL_SOCKET, SO_BROADCAST, &one, sizeof one));
	EQ(sendto(b, "x", 1, 0, (void *)&to, sizeof to), 1);
	EQ(recv(a, buf, 8, 0), 1);
}

TEST(shut_down)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK);
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a));
	char buf[4];

	ERR(shutdown(b, SHUT_RD), ENOTCONN);
	OK(connect(b, (void *)&to, sizeof to));
	OK(shutdown(b, SHUT_RDWR));
	EQ(recv(b, buf, 4, 0), 0);
	ERR(send(b, "x", 1, MSG_NOSIGNAL), EPIPE);
}

TEST(dropped_when_full)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK), i, n = 0, small = 4096;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a));
	char buf[1000] = { 0 };

	OK(setsockopt(a, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
	for (i = 0; i < 200; i++)
		EQ(sendto(b, buf, sizeof buf, 0, (void *)&to, sizeof to), sizeof buf);
	while (recv(a, buf, sizeof buf, MSG_DONTWAIT) == sizeof buf)
		n++;
	CHECK(n > 0 && n < 100);
}

TEST(corked)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK), one = 1, zero = 0;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a));
	char buf[64];

	EQ(sendto(b, "one", 3, MSG_MORE, (void *)&to, sizeof to), 3);
	EQ(sendto(b, "two", 3, MSG_MORE, (void *)&to, sizeof to), 3);
	ERR(recv(a, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
	EQ(sendto(b, "three", 5, 0, (void *)&to, sizeof to), 5);
	EQ(recv(a, buf, sizeof buf, 0), 11);
	CHECK(!memcmp(buf, "onetwothree", 11));
	OK(connect(b, (void *)&to, sizeof to));
	OK(setsockopt(b, SOL_UDP, UDP_CORK, &one, sizeof one));
	EQ(send(b, "ab", 2, 0), 2);
	EQ(send(b, "cd", 2, 0), 2);
	ERR(recv(a, buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
	OK(setsockopt(b, SOL_UDP, UDP_CORK, &zero, sizeof zero));
	EQ(recv(a, buf, sizeof buf, 0), 4);
}

TEST(segmented)
{
	int a = bound(INADDR_LOOPBACK), b = bound(INADDR_LOOPBACK), size = 4;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(a));
	char buf[64];

	OK(setsockopt(b, SOL_UDP, 103 /* UDP_SEGMENT */, &size, sizeof size));
	EQ(sendto(b, "aaaabbbbcc", 10, 0, (void *)&to, sizeof to), 10);
	EQ(recv(a, buf, sizeof buf, 0), 4);
	EQ(recv(a, buf, sizeof buf, 0), 4);
	EQ(recv(a, buf, sizeof buf, 0), 2);
}
