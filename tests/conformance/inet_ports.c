/* bind(2), ip(7), ipv6(7): who may have which port, and who gets what comes for it. */
#include "test.h"
#include "inet.h"

union addr {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr any;
};

static int make(int family, int type, const char *ip, int port, union addr *a, socklen_t *n)
{
	memset(a, 0, sizeof *a);
	a->any.sa_family = family;
	if (family == AF_INET) {
		inet_pton(AF_INET, ip, &a->v4.sin_addr);
		a->v4.sin_port = htons(port);
		*n = sizeof a->v4;
	} else {
		inet_pton(AF_INET6, ip, &a->v6.sin6_addr);
		a->v6.sin6_port = htons(port);
		*n = sizeof a->v6;
	}
	return type ? OK(socket(family, type, 0)) : -1;
}

/* Opens, sets these options (0 = none), binds; the errno. */
static int try_bind(int family, int type, const char *ip, int port, int opt, int only6, int *fd)
{
	int one = 1;
	union addr a;
	socklen_t n;

	*fd = make(family, type, ip, port, &a, &n);
	if (opt)
		OK(setsockopt(*fd, SOL_SOCKET, opt, &one, sizeof one));
	if (family == AF_INET6)
		OK(setsockopt(*fd, SOL_IPV6, IPV6_V6ONLY, &only6, sizeof only6));
	return bind(*fd, &a.any, n) ? errno : 0;
}

TEST(conflicts)
{
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		int a, b, port;

		EQ(try_bind(AF_INET, type, "127.0.0.1", 0, 0, 0, &a), 0);
		port = port_of(a);
		CHECK(port >= 1024);
		EQ(try_bind(AF_INET, type, "127.0.0.1", port, 0, 0, &b), EADDRINUSE);
		close(b);
		EQ(try_bind(AF_INET, type, "0.0.0.0", port, 0, 0, &b), EADDRINUSE);
		close(b);
		EQ(try_bind(AF_INET, type, "127.0.0.2", port, 0, 0, &b), 0);
		close(b);
		EQ(try_bind(AF_INET6, type, "::", port, 0, 0, &b), EADDRINUSE);
		close(b);
		EQ(try_bind(AF_INET6, type, "::", port, 0, 1, &b), 0);
		close(b);
		EQ(try_bind(AF_INET6, type, "::1", port, 0, 0, &b), 0);
		close(b);
		EQ(try_bind(AF_INET6, type, "::ffff:127.0.0.1", port, 0, 0, &b), EADDRINUSE);
		close(b);
		close(a);
		EQ(try_bind(AF_INET6, type, "::", port, 0, 0, &a), 0);
		EQ(try_bind(AF_INET, type, "127.0.0.1", port, 0, 0, &b), EADDRINUSE);
		close(b);
		close(a);
	}
}

TEST(reuse_address)
{
	int a, b, port;

	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 0, SO_REUSEADDR, 0, &a), 0);
	port = port_of(a);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, SO_REUSEADDR, 0, &b), 0);
	OK(listen(a, 1));
	ERR(listen(b, 1), EADDRINUSE);
	close(b);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, SO_REUSEADDR, 0, &b), EADDRINUSE);
}

TEST(time_wait)
{
	int l, c, a, b, port;
	union addr to;
	socklen_t n;

	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0, 0, &l), 0);
	port = port_of(l);
	OK(listen(l, 1));
	c = make(AF_INET, SOCK_STREAM, "127.0.0.1", port, &to, &n);
	OK(connect(c, &to.any, n));
	a = OK(accept(l, 0, 0));
	close(a); /* first: the port stays taken */
	close(l);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, 0, 0, &b), EADDRINUSE);
	close(b);
	close(c);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, 0, 0, &b), EADDRINUSE);
	close(b);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, SO_REUSEADDR, 0, &b), EADDRINUSE);
	close(b);
}

TEST(time_wait_reuse)
{
	int l, c, a, b, port;
	union addr to;
	socklen_t n;

	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 0, SO_REUSEADDR, 0, &l), 0);
	port = port_of(l);
	OK(listen(l, 1));
	c = make(AF_INET, SOCK_STREAM, "127.0.0.1", port, &to, &n);
	OK(connect(c, &to.any, n));
	a = OK(accept(l, 0, 0));
	close(a);
	close(l);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, SO_REUSEADDR, 0, &b), 0);
	OK(listen(b, 1));
	close(b);
	close(c);
}

TEST(reuse_port)
{
	int fd[3], port, i, c[60], got = 0, some = 0, a;
	union addr to;
	socklen_t n;

	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 0, SO_REUSEPORT, 0, &fd[0]), 0);
	port = port_of(fd[0]);
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, 0, 0, &fd[1]), EADDRINUSE);
	close(fd[1]);
	for (i = 1; i < 3; i++)
		EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", port, SO_REUSEPORT, 0, &fd[i]), 0);
	for (i = 0; i < 3; i++) {
		OK(fcntl(fd[i], F_SETFL, O_NONBLOCK));
		OK(listen(fd[i], 100));
	}
	for (i = 0; i < 60; i++) {
		c[i] = make(AF_INET, SOCK_STREAM, "127.0.0.1", port, &to, &n);
		OK(connect(c[i], &to.any, n));
	}
	for (i = 0; i < 3; i++) {
		int mine = 0;

		while ((a = accept(fd[i], 0, 0)) >= 0) {
			mine++;
			close(a);
		}
		got += mine;
		some += mine > 0;
	}
	EQ(got, 60);
	EQ(some, 3);
}

/* A port that nobody has named is nobody else's, though both would share. */
TEST(any_port_alone)
{
	enum { N = 900 };
	static char taken[65536];
	int fd, port;

	for (int i = 0; i < N; i++) {
		EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 0, i < 600 ? SO_REUSEADDR : SO_REUSEPORT, 0, &fd), 0);
		port = port_of(fd);
		CHECK(!taken[port]);
		taken[port] = 1;
	}
}

TEST(best_match)
{
	int any, one, c, port, a;
	union addr to;
	socklen_t n;
	char b[4];

	EQ(try_bind(AF_INET, SOCK_DGRAM, "0.0.0.0", 0, SO_REUSEADDR, 0, &any), 0);
	port = port_of(any);
	EQ(try_bind(AF_INET, SOCK_DGRAM, "127.0.0.1", port, SO_REUSEADDR, 0, &one), 0);
	c = make(AF_INET, SOCK_DGRAM, "127.0.0.1", port, &to, &n);
	EQ(sendto(c, "x", 1, 0, &to.any, n), 1);
	EQ(recv(one, b, 4, 0), 1);
	a = make(AF_INET, 0, "127.0.0.3", port, &to, &n);
	EQ(a, -1);
	EQ(sendto(c, "x", 1, 0, &to.any, n), 1);
	EQ(recv(any, b, 4, 0), 1);
}

TEST(dual_stack)
{
	int l, c, a, port, only;
	char text[64];
	union addr to, from;
	socklen_t n, m = sizeof from;

	EQ(try_bind(AF_INET6, SOCK_STREAM, "::", 0, 0, 0, &l), 0);
	port = port_of(l);
	OK(listen(l, 5));
	c = make(AF_INET, SOCK_STREAM, "127.0.0.1", port, &to, &n);
	OK(connect(c, &to.any, n));
	a = OK(accept(l, &from.any, &m));
	EQ(m, sizeof from.v6);
	STR(inet_ntop(AF_INET6, &from.v6.sin6_addr, text, sizeof text), "::ffff:127.0.0.1");
	close(a);
	close(c);
	c = make(AF_INET6, SOCK_STREAM, "::1", port, &to, &n);
	OK(connect(c, &to.any, n));
	a = OK(accept(l, &from.any, &m));
	STR(inet_ntop(AF_INET6, &from.v6.sin6_addr, text, sizeof text), "::1");
	close(c);
	c = make(AF_INET6, SOCK_STREAM, "::ffff:127.0.0.1", port, &to, &n);
	OK(connect(c, &to.any, n));
	close(c);
	close(l);
	EQ(try_bind(AF_INET6, SOCK_STREAM, "::", 0, 0, 1, &l), 0);
	port = port_of(l);
	OK(listen(l, 5));
	c = make(AF_INET, SOCK_STREAM, "127.0.0.1", port, &to, &n);
	ERR(connect(c, &to.any, n), ECONNREFUSED);
	n = sizeof only;
	OK(getsockopt(l, SOL_IPV6, IPV6_V6ONLY, &only, &n));
	EQ(only, 1);
	only = 0;
	ERR(setsockopt(l, SOL_IPV6, IPV6_V6ONLY, &only, sizeof only), EINVAL);
}

TEST(wildcard_destination)
{
	int l, c, port;
	union addr to, x;
	socklen_t n, m = sizeof x;

	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 0, 0, 0, &l), 0);
	port = port_of(l);
	OK(listen(l, 5));
	c = make(AF_INET, SOCK_STREAM, "0.0.0.0", port, &to, &n);
	OK(connect(c, &to.any, n));
	OK(getpeername(c, &x.any, &m));
	EQ(ntohl(x.v4.sin_addr.s_addr), INADDR_LOOPBACK);
}

TEST(privileged)
{
	pid_t pid;
	int fd;

	if (geteuid())
		return;
	EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 1023, 0, 0, &fd), 0);
	close(fd);
	pid = fork();
	if (!pid) {
		if (setuid(65534))
			done();
		EQ(try_bind(AF_INET, SOCK_STREAM, "127.0.0.1", 1023, 0, 0, &fd), EACCES);
		done();
	}
	reap(pid);
}
