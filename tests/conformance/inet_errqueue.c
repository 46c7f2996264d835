/* ip(7) IP_RECVERR and ipv6(7) IPV6_RECVERR: the queue of errors of datagram sockets. */
#include "test.h"
#include "inet.h"
#include <linux/errqueue.h>
#include <sys/epoll.h>

struct name {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
};

static struct name loop(int family, int port)
{
	struct name n;

	memset(&n, 0, sizeof n);
	n.sa.sa_family = family;
	if (family == AF_INET) {
		n.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		n.v4.sin_port = htons(port);
	} else {
		n.v6.sin6_addr = in6addr_loopback;
		n.v6.sin6_port = htons(port);
	}
	return n;
}

static socklen_t size(int family) { return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6); }

static int sock(int family)
{
	struct name a = loop(family, 0);
	int fd = OK(socket(family, SOCK_DGRAM, 0)), one = 1;

	OK(bind(fd, &a.sa, size(family)));
	OK(setsockopt(fd, family == AF_INET ? SOL_IP : SOL_IPV6, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &one, 4));
	return fd;
}

/* A port that nobody has. */
static int free_port(int family)
{
	struct name a = loop(family, 0);
	socklen_t len = sizeof a;
	int fd = OK(socket(family, SOCK_DGRAM, 0));

	OK(bind(fd, &a.sa, size(family)));
	OK(getsockname(fd, &a.sa, &len));
	close(fd);
	return ntohs(family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
}

struct error {
	struct sock_extended_err ee;
	struct name from; /* of the message */
	struct name offender;
	char data[2000];
	ssize_t len;
	int flags, level, type;
	uint64_t cmsg_len;
	int before; /* other items ahead of it */
};

static int next(int fd, struct error *e, size_t room)
{
	char control[512] __attribute__((aligned(8)));
	struct iovec v = { e->data, room };
	struct msghdr m = { &e->from, sizeof e->from, &v, 1, control, sizeof control, 0 };
	struct cmsghdr *c;

	memset(e->data, 0, sizeof e->data);
	e->level = e->before = 0;
	e->len = recvmsg(fd, &m, MSG_ERRQUEUE);
	if (e->len < 0)
		return 0;
	e->flags = m.msg_flags;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			e->before++;
			continue;
		}
		e->level = c->cmsg_level;
		e->type = c->cmsg_type;
		e->cmsg_len = c->cmsg_len;
		memcpy(&e->ee, CMSG_DATA(c), sizeof e->ee);
		memcpy(&e->offender, CMSG_DATA(c) + sizeof e->ee, c->cmsg_len - CMSG_LEN(sizeof e->ee));
	}
	return 1;
}

static void refused(int family)
{
	int fd = sock(family), port = free_port(family);
	struct name to = loop(family, port);
	struct error e;

	EQ(next(fd, &e, 100), 0);
	EQ(errno, EAGAIN);
	EQ(sendto(fd, "hello", 5, 0, &to.sa, size(family)), 5);
	SOON(events(fd) & POLLERR);
	EQ(events(fd), POLLOUT | POLLERR);
	/* The error is told once; the queue keeps it. */
	EQ(so_error(fd), ECONNREFUSED);
	EQ(so_error(fd), 0);
	EQ(events(fd), POLLOUT | POLLERR);
	ERR(recv(fd, e.data, 10, MSG_DONTWAIT), EAGAIN);
	NEED(next(fd, &e, 100));
	EQ(e.len, 5);
	CHECK(!memcmp(e.data, "hello", 5));
	EQ(e.flags, MSG_ERRQUEUE);
	EQ(e.level, family == AF_INET ? SOL_IP : SOL_IPV6);
	EQ(e.cmsg_len, CMSG_LEN(sizeof e.ee + size(family)));
	EQ(e.ee.ee_errno, ECONNREFUSED);
	EQ(e.ee.ee_origin, family == AF_INET ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6);
	EQ(e.ee.ee_type, family == AF_INET ? 3 : 1);
	EQ(e.ee.ee_code, family == AF_INET ? 3 : 4);
	EQ(e.ee.ee_info, 0);
	EQ(e.ee.ee_data, 0);
	EQ(e.before, 0);
	EQ(e.from.sa.sa_family, family);
	EQ(e.offender.sa.sa_family, family);
	if (family == AF_INET) {
		EQ(ntohs(e.from.v4.sin_port), port);
		EQ(ntohl(e.from.v4.sin_addr.s_addr), INADDR_LOOPBACK);
		EQ(e.offender.v4.sin_port, 0);
		EQ(ntohl(e.offender.v4.sin_addr.s_addr), INADDR_LOOPBACK);
	} else {
		EQ(ntohs(e.from.v6.sin6_port), port);
		CHECK(!memcmp(&e.from.v6.sin6_addr, &in6addr_loopback, 16));
		EQ(e.offender.v6.sin6_port, 0);
		CHECK(!memcmp(&e.offender.v6.sin6_addr, &in6addr_loopback, 16));
	}
	EQ(next(fd, &e, 100), 0);
	EQ(events(fd), POLLOUT);
}

TEST(refused4) { refused(AF_INET); }

static int have6(void)
{
	struct name a = loop(AF_INET6, 0);
	int fd = socket(AF_INET6, SOCK_DGRAM, 0), ok = fd >= 0 && !bind(fd, &a.sa, sizeof a.v6);

	close(fd);
	return ok;
}

TEST(refused6)
{
	if (have6())
		refused(AF_INET6);
}

TEST(order)
{
	int fd = sock(AF_INET), i, port[3];
	struct error e;
	char c;

	for (i = 0; i < 3; i++) {
		struct name to = loop(AF_INET, port[i] = free_port(AF_INET));

		c = 'a' + i;
		SOON((so_error(fd), sendto(fd, &c, 1, 0, &to.sa, sizeof to.v4) == 1));
		msleep(10);
	}
	EQ(so_error(fd), ECONNREFUSED);
	EQ(so_error(fd), 0);
	for (i = 0; i < 3; i++) {
		NEED(next(fd, &e, 100));
		EQ(e.data[0], 'a' + i);
		EQ(ntohs(e.from.v4.sin_port), port[i]);
		/* Behind each that is taken the next one is pending. */
		EQ(so_error(fd), i < 2 ? ECONNREFUSED : 0);
	}
	EQ(next(fd, &e, 100), 0);
}

TEST(cut)
{
	static char big[2000];
	int fd = sock(AF_INET), i;
	struct name to = loop(AF_INET, free_port(AF_INET));
	struct error e;

	for (i = 0; i < 2000; i++)
		big[i] = i * 3;
	EQ(sendto(fd, "0123456789", 10, 0, &to.sa, sizeof to.v4), 10);
	SOON(events(fd) & POLLERR);
	NEED(next(fd, &e, 4));
	EQ(e.len, 4);
	EQ(e.flags, MSG_ERRQUEUE | MSG_TRUNC);
	/* What comes back is what an ICMP message has room for. */
	EQ(sendto(fd, big, 2000, 0, &to.sa, sizeof to.v4), 2000);
	SOON(events(fd) & POLLERR);
	NEED(next(fd, &e, sizeof e.data));
	EQ(e.len, 520);
	EQ(e.flags, MSG_ERRQUEUE);
	CHECK(!memcmp(e.data, big, 520));
	close(fd);
	if (!have6())
		return;
	fd = sock(AF_INET6);
	to = loop(AF_INET6, free_port(AF_INET6));
	EQ(sendto(fd, big, 2000, 0, &to.sa, sizeof to.v6), 2000);
	SOON(events(fd) & POLLERR);
	NEED(next(fd, &e, sizeof e.data));
	EQ(e.len, 1184);
	CHECK(!memcmp(e.data, big, 1184));
}

TEST(mapped)
{
	int fd, one = 1;
	struct name any, to;
	struct error e;

	if (!have6())
		return;
	memset(&any, 0, sizeof any);
	any.v6.sin6_family = AF_INET6;
	fd = OK(socket(AF_INET6, SOCK_DGRAM, 0));
	OK(bind(fd, &any.sa, sizeof any.v6));
	OK(setsockopt(fd, SOL_IP, IP_RECVERR, &one, 4));
	to = any;
	to.v6.sin6_port = htons(free_port(AF_INET));
	to.v6.sin6_addr.s6_addr[10] = to.v6.sin6_addr.s6_addr[11] = 0xff;
	to.v6.sin6_addr.s6_addr[12] = 127;
	to.v6.sin6_addr.s6_addr[15] = 1;
	EQ(sendto(fd, "m", 1, 0, &to.sa, sizeof to.v6), 1);
	SOON(events(fd) & POLLERR);
	NEED(next(fd, &e, 10));
	EQ(e.level, SOL_IPV6);
	EQ(e.ee.ee_origin, SO_EE_ORIGIN_ICMP);
	EQ(e.ee.ee_type, 3);
	EQ(e.ee.ee_code, 3);
	EQ(e.from.v6.sin6_port, to.v6.sin6_port);
	CHECK(!memcmp(&e.from.v6.sin6_addr, &to.v6.sin6_addr, 16));
	CHECK(!memcmp(&e.offender.v6.sin6_addr, &to.v6.sin6_addr, 16));
}

TEST(items)
{
	int fd = sock(AF_INET), one = 1;
	struct name to = loop(AF_INET, free_port(AF_INET));
	struct error e;

	OK(setsockopt(fd, SOL_IP, IP_PKTINFO, &one, 4));
	OK(setsockopt(fd, SOL_IP, IP_RECVTTL, &one, 4));
	EQ(sendto(fd, "hello", 5, 0, &to.sa, sizeof to.v4), 5);
	SOON(events(fd) & POLLERR);
	NEED(next(fd, &e, 100));
	EQ(e.before, 2);
	EQ(e.level, SOL_IP);
}

TEST(off)
{
	int fd = sock(AF_INET), zero = 0, v = -1;
	struct name to = loop(AF_INET, free_port(AF_INET));
	socklen_t len = sizeof v;
	struct error e;

	OK(getsockopt(fd, SOL_IP, IP_RECVERR, &v, &len));
	EQ(v, 1);
	EQ(sendto(fd, "x", 1, 0, &to.sa, sizeof to.v4), 1);
	SOON(events(fd) & POLLERR);
	OK(setsockopt(fd, SOL_IP, IP_RECVERR, &zero, 4));
	EQ(next(fd, &e, 100), 0);
	EQ(so_error(fd), ECONNREFUSED);
	EQ(events(fd), POLLOUT);
	/* Without the option nothing is queued, nor told to who is not connected. */
	EQ(sendto(fd, "x", 1, 0, &to.sa, sizeof to.v4), 1);
	msleep(20);
	EQ(events(fd), POLLOUT);
	EQ(so_error(fd), 0);
}

TEST(full)
{
	int fd = sock(AF_INET), small = 1, i, n;
	struct name to = loop(AF_INET, free_port(AF_INET));
	struct error e;
	static char big[400];

	OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small));
	for (i = 0; i < 200; i++) {
		so_error(fd);
		(void)!sendto(fd, big, sizeof big, 0, &to.sa, sizeof to.v4);
	}
	msleep(20);
	for (n = 0; next(fd, &e, 500); n++)
		;
	CHECK(n >= 1 && n < 20);
}

TEST(wakes)
{
	int fd = sock(AF_INET), ep = OK(epoll_create1(0));
	struct name to = loop(AF_INET, free_port(AF_INET));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.fd = 7 };
	struct error e;

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	EQ(sendto(fd, "x", 1, 0, &to.sa, sizeof to.v4), 1);
	EQ(epoll_wait(ep, &ev, 1, 1000), 1);
	CHECK(ev.events & EPOLLERR);
	NEED(next(fd, &e, 10));
	/* One that sleeps in recv gets the error. */
	struct timeval tv = { 5, 0 };
	pid_t pid;
	char c;

	OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	EQ(so_error(fd), 0);
	pid = OK(fork());
	if (!pid) {
		ERR(recv(fd, &c, 1, 0), ECONNREFUSED);
		done();
	}
	msleep(100);
	EQ(sendto(fd, "x", 1, 0, &to.sa, sizeof to.v4), 1);
	reap(pid);
	/* Errors in the queue do not end a wait for data. */
	tv = (struct timeval){ 0, 100000 };
	OK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	long long t = now_ns();
	so_error(fd);
	CHECK(events(fd) & POLLERR);
	ERR(recv(fd, &c, 1, 0), EAGAIN);
	CHECK(now_ns() - t > 80 * MS);
}

TEST(select_band)
{
	int fd = sock(AF_INET), one = 1;
	struct name to = loop(AF_INET, free_port(AF_INET));

	OK(setsockopt(fd, SOL_SOCKET, SO_SELECT_ERR_QUEUE, &one, sizeof one));
	EQ(sendto(fd, "x", 1, 0, &to.sa, sizeof to.v4), 1);
	SOON(events(fd) & POLLERR);
	EQ(events(fd), POLLOUT | POLLERR | POLLPRI);
}

TEST(stream)
{
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0)), one = 1;
	struct name to = loop(AF_INET, free_port(AF_INET));
	struct error e;

	OK(setsockopt(fd, SOL_IP, IP_RECVERR, &one, 4));
	ERR(connect(fd, &to.sa, sizeof to.v4), ECONNREFUSED);
	EQ(next(fd, &e, 10), 0);
	EQ(errno, EAGAIN);
}
