/* epoll(7), poll(2), select(2) on TCP sockets: edges, one-shot, who is woken; sendfile and splice; /proc/net. */
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>

static int listener(int *port)
{
	struct sockaddr_in a = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } };
	socklen_t n = sizeof a;
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(bind(fd, (void *)&a, sizeof a));
	OK(listen(fd, 50));
	OK(getsockname(fd, (void *)&a, &n));
	*port = ntohs(a.sin_port);
	return fd;
}

static int dial(int port)
{
	struct sockaddr_in a = { AF_INET, htons(port), { htonl(INADDR_LOOPBACK) }, { 0 } };
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(connect(fd, (void *)&a, sizeof a));
	return fd;
}

static void pair(int p[2])
{
	int port, l = listener(&port);

	p[0] = dial(port);
	p[1] = OK(accept(l, 0, 0));
	close(l);
}

static int add(int ep, int fd, uint32_t events)
{
	struct epoll_event e = { events, { .fd = fd } };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

TEST(edges)
{
	int ep = OK(epoll_create1(0)), p[2];
	struct epoll_event e;
	char b[16];

	pair(p);
	OK(add(ep, p[1], EPOLLIN | EPOLLET | EPOLLRDHUP));
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	EQ(write(p[0], "ab", 2), 2);
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(e.events, EPOLLIN);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	EQ(write(p[0], "c", 1), 1); /* more data is a new edge, though some is unread */
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(read(p[1], b, 1), 1);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	close(p[0]);
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(e.events, EPOLLIN | EPOLLRDHUP);
}

TEST(writable_edge)
{
	static char b[1 << 16];
	int ep = OK(epoll_create1(0)), p[2];
	struct epoll_event e;
	ssize_t n, total = 0;

	pair(p);
	OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	OK(add(ep, p[0], EPOLLOUT | EPOLLET));
	EQ(epoll_wait(ep, &e, 1, 0), 1);
	while ((n = write(p[0], b, sizeof b)) > 0)
		total += n;
	EQ(epoll_wait(ep, &e, 1, 20), 0);
	while (total > 0 && (n = read(p[1], b, sizeof b)) > 0)
		total -= n;
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(e.events, EPOLLOUT);
}

TEST(oneshot_and_nested)
{
	int ep = OK(epoll_create1(0)), outer = OK(epoll_create1(0)), p[2];
	struct epoll_event e;
	char b[16];

	pair(p);
	OK(add(ep, p[1], EPOLLIN | EPOLLONESHOT));
	OK(add(outer, ep, EPOLLIN));
	EQ(write(p[0], "a", 1), 1);
	EQ(epoll_wait(outer, &e, 1, 1000), 1);
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	e.events = EPOLLIN | EPOLLONESHOT;
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &e));
	EQ(epoll_wait(ep, &e, 1, 1000), 1);
	EQ(read(p[1], b, 1), 1);
}

/* Of many that wait for a listener, few wake for one connection. */
TEST(exclusive)
{
	int port, l = listener(&port), i, woke = 0, c;
	struct turn go = turn_new();
	pid_t pid[8];

	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			int ep = OK(epoll_create1(0));
			struct epoll_event e;

			OK(add(ep, l, EPOLLIN | EPOLLEXCLUSIVE));
			letgo(go);
			_exit(epoll_wait(ep, &e, 1, 700) == 1 ? 7 : 0);
		}
	}
	for (i = 0; i < 8; i++)
		hold(go);
	msleep(100);
	c = dial(port);
	for (i = 0; i < 8; i++) {
		int st = wait_status(pid[i]);

		woke += st == 7 << 8;
	}
	CHECK(woke >= 1 && woke <= 3);
	close(c);
}

TEST(select_and_poll)
{
	struct timeval tv = { 1, 0 };
	int p[2];
	fd_set r, w;

	pair(p);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[0], &w);
	EQ(select(p[0] + 1, &r, &w, 0, &tv), 1);
	CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(p[0], &w));
	EQ(write(p[1], "x", 1), 1);
	FD_SET(p[0], &r);
	EQ(select(p[0] + 1, &r, 0, 0, &tv), 1);
}

TEST(sendfile_and_splice)
{
	static char b[100000], in[100000];
	int p[2], fd, q[2], i;
	size_t got = 0;
	off_t off = 0;
	pid_t pid;

	for (i = 0; i < (int)sizeof b; i++)
		b[i] = i * 13 + i / 256;
	fd = OK(open("file", O_RDWR | O_CREAT, 0600));
	EQ(write(fd, b, sizeof b), sizeof b);
	pair(p);
	pid = fork();
	if (!pid) {
		while (off < (off_t)sizeof b)
			if (OK(sendfile(p[0], fd, &off, sizeof b - off)) <= 0)
				break;
		done();
	}
	while (got < sizeof b) {
		ssize_t n = OK(read(p[1], in + got, sizeof b - got));

		if (n <= 0)
			break;
		got += n;
	}
	reap(pid);
	CHECK(!memcmp(b, in, sizeof b));
	OK(pipe(q));
	EQ(write(q[1], "through", 7), 7);
	EQ(splice(q[0], 0, p[0], 0, 7, 0), 7);
	EQ(splice(p[1], 0, q[1], 0, 100, 0), 7);
	EQ(read(q[0], in, 100), 7);
	CHECK(!memcmp(in, "through", 7));
}

TEST(proc_net)
{
	int port, l = listener(&port), c = dial(port), a = OK(accept(l, 0, 0)), n = 0;
	char want[64], *text = get_file("/proc/net/tcp"), *line;

	snprintf(want, sizeof want, ": 0100007F:%04X 00000000:0000 0A", port);
	CHECK(strstr(text, want));
	snprintf(want, sizeof want, "0100007F:%04X", port);
	for (line = strtok(text, "\n"); line; line = strtok(0, "\n"))
		n += strstr(line, want) != 0;
	EQ(n, 3);
	close(c);
	close(a);
	CHECK(strstr(get_file("/proc/net/sockstat"), "TCP: inuse"));
	CHECK(strstr(get_file("/proc/net/snmp"), "Tcp: RtoAlgorithm"));
	CHECK(atoi(get_file("/proc/sys/net/core/somaxconn")) > 0);
	CHECK(atoi(get_file("/proc/sys/net/ipv4/ip_local_port_range")) >= 1024);
}
