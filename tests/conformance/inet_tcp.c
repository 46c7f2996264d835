/* tcp(7) over loopback: connections, their ends, what each call says in each state. */
#include "test.h"
#include "inet.h"
#include <netinet/tcp.h>
#include <linux/sockios.h>

static int listener(int backlog)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, 0);
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(bind(fd, (void *)&a, sizeof a));
	OK(listen(fd, backlog));
	return fd;
}

static int dial(int port)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, port);
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(connect(fd, (void *)&a, sizeof a));
	return fd;
}

static void pair(int fd[2])
{
	int l = listener(5);

	fd[0] = dial(port_of(l));
	fd[1] = OK(accept(l, 0, 0));
	close(l);
}

TEST(names)
{
	int l = listener(5), c = dial(port_of(l)), a;
	struct sockaddr_in x, y;
	socklen_t n = sizeof x;

	a = OK(accept(l, (void *)&x, &n));
	EQ(n, sizeof x);
	EQ(ntohs(x.sin_port), port_of(c));
	EQ(ntohl(x.sin_addr.s_addr), INADDR_LOOPBACK);
	n = sizeof y;
	OK(getpeername(c, (void *)&y, &n));
	EQ(ntohs(y.sin_port), port_of(l));
	EQ(port_of(a), port_of(l));
	n = sizeof x;
	ERR(getpeername(l, (void *)&x, &n), ENOTCONN);
}

TEST(data_and_half_close)
{
	char b[64];
	int p[2];

	pair(p);
	EQ(write(p[0], "hello", 5), 5);
	EQ(read(p[1], b, sizeof b), 5);
	CHECK(!memcmp(b, "hello", 5));
	OK(shutdown(p[0], SHUT_WR));
	EQ(read(p[1], b, sizeof b), 0);
	EQ(events(p[1]), POLLIN | POLLOUT | POLLRDHUP);
	EQ(write(p[1], "back", 4), 4);
	EQ(read(p[0], b, sizeof b), 4);
	signal(SIGPIPE, SIG_IGN);
	ERR(write(p[0], "x", 1), EPIPE);
	close(p[1]);
	EQ(read(p[0], b, sizeof b), 0);
	EQ(events(p[0]) & (POLLIN | POLLHUP | POLLRDHUP), POLLIN | POLLHUP | POLLRDHUP);
}

TEST(sigpipe)
{
	pid_t pid = fork();
	int p[2];

	if (!pid) {
		pair(p);
		OK(shutdown(p[0], SHUT_WR));
		ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
		if (write(p[0], "x", 1))
			done();
		done();
	}
	reap_signal(pid, SIGPIPE);
}

TEST(reset_on_unread)
{
	char b[8];
	int p[2];

	pair(p);
	EQ(write(p[0], "data", 4), 4);
	SOON(events(p[1]) & POLLIN);
	close(p[1]);
	SOON(events(p[0]) & POLLERR);
	EQ(events(p[0]) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
	ERR(read(p[0], b, 1), ECONNRESET);
	EQ(read(p[0], b, 1), 0);
	ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(p[0]);
	/* Data that had arrived before the reset is lost or read, but an error is told. */
	pair(p);
	EQ(write(p[0], "data", 4), 4);
	EQ(write(p[1], "more", 4), 4);
	close(p[1]);
	SOON(events(p[0]) & POLLERR);
	EQ(so_error(p[0]), ECONNRESET);
	EQ(so_error(p[0]), 0);
}

TEST(reset_by_linger)
{
	struct linger l = { 1, 0 };
	char b[8];
	int p[2];

	pair(p);
	OK(setsockopt(p[1], SOL_SOCKET, SO_LINGER, &l, sizeof l));
	close(p[1]);
	SOON(events(p[0]) & POLLERR);
	ERR(read(p[0], b, 1), ECONNRESET);
}

TEST(write_after_peer_closed)
{
	char b[8];
	int p[2];

	pair(p);
	close(p[1]);
	SOON(events(p[0]) & POLLRDHUP);
	EQ(send(p[0], "x", 1, MSG_NOSIGNAL), 1);
	SOON(events(p[0]) & POLLERR);
	ERR(send(p[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	EQ(read(p[0], b, 1), 0);
}

TEST(big_write_after_peer_closed)
{
	static char b[1 << 20];
	struct iovec v[64];
	ssize_t n;
	int p[2], i;

	pair(p);
	close(p[1]);
	SOON(events(p[0]) & POLLRDHUP);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 64; i++)
		v[i] = (struct iovec){ b, sizeof b };
	n = writev(p[0], v, 64);
	CHECK(n < 64 << 20);
	SOON(writev(p[0], v, 64) < 0);
}

TEST(refused)
{
	int l = listener(1), port = port_of(l), fd;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port);

	close(l);
	fd = OK(socket(AF_INET, SOCK_STREAM, 0));
	ERR(connect(fd, (void *)&a, sizeof a), ECONNREFUSED);
	ERR(connect(fd, (void *)&a, sizeof a), ECONNREFUSED);
	close(fd);
	fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	EQ(events(fd), POLLOUT | POLLHUP);
	ERR(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
	SOON(events(fd) & POLLERR);
	EQ(events(fd), POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP);
	EQ(so_error(fd), ECONNREFUSED);
	close(fd);
	fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	ERR(connect(fd, (void *)&a, sizeof a), EINPROGRESS);
	SOON(events(fd) & POLLERR);
	ERR(send(fd, "x", 1, MSG_NOSIGNAL), ECONNREFUSED);
	ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(fd);
	/* One that failed may still listen. */
	fd = OK(socket(AF_INET, SOCK_STREAM, 0));
	ERR(connect(fd, (void *)&a, sizeof a), ECONNREFUSED);
	OK(listen(fd, 1));
	CHECK(port_of(fd) > 0);
	close(dial(port_of(fd)));
}

TEST(nonblocking_connect)
{
	int l = listener(5), fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), a;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(l));
	char b[4];

	ERR(connect(fd, (void *)&to, sizeof to), EINPROGRESS);
	SOON(events(fd) & POLLOUT);
	EQ(events(fd), POLLOUT);
	EQ(so_error(fd), 0);
	OK(connect(fd, (void *)&to, sizeof to));
	ERR(connect(fd, (void *)&to, sizeof to), EISCONN);
	a = OK(accept(l, 0, 0));
	ERR(read(fd, b, 1), EAGAIN);
	EQ(write(a, "abc", 3), 3);
	SOON(events(fd) & POLLIN);
	EQ(read(fd, b, 4), 3);
}

TEST(accept_waits)
{
	int l = listener(5), port = port_of(l), a;
	pid_t pid;

	OK(fcntl(l, F_SETFL, O_NONBLOCK));
	ERR(accept(l, 0, 0), EAGAIN);
	EQ(events(l), 0);
	OK(fcntl(l, F_SETFL, 0));
	pid = fork();
	if (!pid) {
		msleep(50);
		close(dial(port));
		done();
	}
	a = OK(accept(l, 0, 0));
	reap(pid);
	EQ(read(a, &port, 4), 0);
}

TEST(backlog)
{
	int l = listener(0), port = port_of(l), fd[4], i, made = 0, a;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port);

	for (i = 0; i < 4; i++) {
		fd[i] = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		ERR(connect(fd[i], (void *)&to, sizeof to), EINPROGRESS);
	}
	msleep(50);
	for (i = 0; i < 4; i++)
		made += events(fd[i]) == POLLOUT;
	CHECK(made >= 1 && made < 4);
	/* One who waits gets in as room is made. */
	a = OK(accept(l, 0, 0));
	close(a);
	a = OK(accept(l, 0, 0));
	close(a);
}

TEST(listener_closed)
{
	int l = listener(5), c = dial(port_of(l));
	char b[1];

	close(l);
	SOON(events(c) & POLLERR);
	ERR(read(c, b, 1), ECONNRESET);
}

TEST(big_transfer)
{
	static char b[1 << 16];
	uint64_t sum = 0, want = 0, n = 0;
	ssize_t got;
	int p[2], i, j;
	pid_t pid;

	pair(p);
	pid = fork();
	if (!pid) {
		close(p[1]);
		for (i = 0; i < 300; i++) {
			size_t len = (i * 977) % sizeof b + 1, off = 0;

			for (j = 0; j < (int)len; j++)
				b[j] = i * 31 + j;
			while (off < len) {
				got = OK(write(p[0], b + off, len - off));
				if (got < 0)
					done();
				off += got;
			}
		}
		done();
	}
	close(p[0]);
	for (i = 0; i < 300; i++) {
		size_t len = (i * 977) % sizeof b + 1;

		for (j = 0; j < (int)len; j++)
			want = want * 31 + (unsigned char)(i * 31 + j);
	}
	while ((got = read(p[1], b, 1 + n % sizeof b)) > 0) {
		for (j = 0; j < got; j++)
			sum = sum * 31 + (unsigned char)b[j];
		n += got;
	}
	CHECK(sum == want);
	reap(pid);
}

TEST(flow_control)
{
	static char b[1 << 16];
	int p[2], small = 8192, v;
	ssize_t total = 0, got = 0, n;

	pair(p);
	OK(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small));
	OK(fcntl(p[0], F_SETFL, O_NONBLOCK));
	while ((n = write(p[0], b, sizeof b)) > 0)
		total += n;
	EQ(errno, EAGAIN);
	CHECK(total > 0);
	EQ(events(p[0]) & POLLOUT, 0);
	OK(ioctl(p[1], FIONREAD, &v));
	CHECK(v > 0);
	while (got < total && (n = read(p[1], b, sizeof b)) > 0)
		got += n;
	EQ(got, total);
	SOON(events(p[0]) & POLLOUT);
}

TEST(receive_flags)
{
	char b[64];
	int p[2];
	pid_t pid;

	pair(p);
	EQ(write(p[0], "abcdef", 6), 6);
	EQ(recv(p[1], b, 3, MSG_PEEK), 3);
	EQ(recv(p[1], b, sizeof b, MSG_PEEK), 6);
	EQ(recv(p[1], b, 2, 0), 2);
	CHECK(!memcmp(b, "ab", 2));
	EQ(recv(p[1], b, 2, MSG_TRUNC), 2);
	EQ(recv(p[1], b, sizeof b, 0), 2);
	CHECK(!memcmp(b, "ef", 2));
	ERR(recv(p[1], b, 1, MSG_DONTWAIT), EAGAIN);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 5; i++) {
			EQ(write(p[0], "12", 2), 2);
			msleep(10);
		}
		done();
	}
	EQ(recv(p[1], b, 10, MSG_WAITALL), 10);
	reap(pid);
	ERR(recv(p[1], b, 1, MSG_ERRQUEUE | MSG_DONTWAIT), EAGAIN);
}

TEST(timeouts)
{
	struct timeval tv = { 0, 50000 };
	static char b[1 << 16];
	int l = listener(2), p[2];
	long long t;

	pair(p);
	OK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	OK(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv));
	OK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	t = now_ns();
	ERR(read(p[0], b, 1), EAGAIN);
	CHECK(now_ns() - t >= 45 * MS);
	ERR(accept(l, 0, 0), EAGAIN);
	while (write(p[0], b, sizeof b) > 0)
		;
	EQ(errno, EAGAIN);
}

TEST(urgent)
{
	char b[16];
	int p[2], mark = -1, one = 1, n;

	pair(p);
	ERR(recv(p[1], b, 1, MSG_OOB), EINVAL);
	EQ(send(p[0], "ab!", 3, MSG_OOB), 3);
	EQ(send(p[0], "cd", 2, 0), 2);
	SOON(events(p[1]) & POLLPRI);
	OK(ioctl(p[1], FIONREAD, &n));
	EQ(n, 2);
	OK(ioctl(p[1], SIOCATMARK, &mark));
	EQ(mark, 0);
	EQ(recv(p[1], b, sizeof b, 0), 2);
	CHECK(!memcmp(b, "ab", 2));
	OK(ioctl(p[1], SIOCATMARK, &mark));
	EQ(mark, 1);
	EQ(recv(p[1], b, sizeof b, MSG_OOB), 1);
	EQ(b[0], '!');
	EQ(events(p[1]) & POLLPRI, 0);
	ERR(recv(p[1], b, 1, MSG_OOB), EINVAL);
	EQ(recv(p[1], b, sizeof b, 0), 2);
	CHECK(!memcmp(b, "cd", 2));
	OK(setsockopt(p[1], SOL_SOCKET, SO_OOBINLINE, &one, sizeof one));
	EQ(send(p[0], "x!", 2, MSG_OOB), 2);
	EQ(send(p[0], "y", 1, 0), 1);
	SOON(events(p[1]) & POLLPRI);
	EQ(recv(p[1], b, sizeof b, 0), 1);
	OK(ioctl(p[1], SIOCATMARK, &mark));
	EQ(mark, 1);
	EQ(recv(p[1], b, sizeof b, 0), 2);
	CHECK(!memcmp(b, "!y", 2));
}

static volatile int urgent_signals;
static void on_urgent(int sig)
{
	(void)sig;
	urgent_signals++;
}

TEST(sigurg)
{
	int p[2];

	pair(p);
	handle(SIGURG, on_urgent, SA_RESTART);
	OK(fcntl(p[1], F_SETOWN, getpid()));
	EQ(send(p[0], "!", 1, MSG_OOB), 1);
	SOON(urgent_signals == 1);
}

TEST(options)
{
	static const struct { int level, name, set, get; } o[] = {
		{ SOL_TCP, TCP_NODELAY, 1, 1 }, { SOL_TCP, TCP_CORK, 1, 1 }, { SOL_TCP, TCP_KEEPIDLE, 60, 60 },
		{ SOL_TCP, TCP_KEEPINTVL, 10, 10 }, { SOL_TCP, TCP_KEEPCNT, 3, 3 }, { SOL_TCP, TCP_USER_TIMEOUT, 5000, 5000 },
		{ SOL_TCP, TCP_SYNCNT, 4, 4 }, { SOL_TCP, TCP_DEFER_ACCEPT, 1, 1 }, { SOL_TCP, TCP_NOTSENT_LOWAT, 4096, 4096 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1, 1 }, { SOL_SOCKET, SO_REUSEADDR, 1, 1 }, { SOL_SOCKET, SO_REUSEPORT, 1, 1 },
		{ SOL_SOCKET, SO_RCVBUF, 20000, 40000 }, { SOL_SOCKET, SO_SNDBUF, 20000, 40000 },
		{ SOL_SOCKET, SO_RCVLOWAT, 5, 5 }, { SOL_IP, IP_TOS, 0x10, 0x10 }, { SOL_IP, IP_TTL, 33, 33 },
		{ SOL_IP, IP_FREEBIND, 1, 1 }, { SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1, 1 },
	};
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0)), v, i;
	struct tcp_info ti;
	char ca[16];
	socklen_t n;

	for (i = 0; i < (int)(sizeof o / sizeof o[0]); i++) {
		if (setsockopt(fd, o[i].level, o[i].name, &o[i].set, sizeof(int)))
			test_fail(__LINE__, "option %d/%d: %s", o[i].level, o[i].name, strerror(errno));
		n = sizeof v;
		OK(getsockopt(fd, o[i].level, o[i].name, &v, &n));
		if (v != o[i].get)
			test_fail(__LINE__, "option %d/%d is %d", o[i].level, o[i].name, v);
	}
	n = sizeof ca;
	OK(getsockopt(fd, SOL_TCP, TCP_CONGESTION, ca, &n));
	n = sizeof ti;
	OK(getsockopt(fd, SOL_TCP, TCP_INFO, &ti, &n));
	EQ(ti.tcpi_state, TCP_CLOSE);
	v = 0;
	ERR(setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &v, sizeof v), EINVAL);
	ERR(setsockopt(fd, SOL_TCP, TCP_NODELAY, &v, 2), EINVAL);
	ERR(setsockopt(fd, SOL_TCP, 999, &v, sizeof v), ENOPROTOOPT);
	ERR(setsockopt(fd, SOL_TCP, TCP_CONGESTION, "nosuch", 6), ENOENT);
	n = sizeof v;
	OK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &n));
	EQ(v, IPPROTO_TCP);
	OK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &n));
	EQ(v, 0);
}

TEST(defer_accept)
{
	int l = listener(5), v = 5, c;

	OK(setsockopt(l, SOL_TCP, TCP_DEFER_ACCEPT, &v, sizeof v));
	OK(fcntl(l, F_SETFL, O_NONBLOCK));
	c = dial(port_of(l));
	msleep(20);
	ERR(accept(l, 0, 0), EAGAIN);
	EQ(write(c, "x", 1), 1);
	SOON(events(l) & POLLIN);
	OK(accept(l, 0, 0));
}

/* Those without data yet use up the backlog too (on Linux by then without a trace, with SYN cookies). */
TEST(defer_accept_backlog)
{
	int l = listener(3), v = 5, fd[12], i, made = 0, got = 0;
	struct sockaddr_in to = at(INADDR_LOOPBACK, port_of(l));
	bool sent[12] = { 0 };
	long long end = now_ns() + 10000 * MS;

	OK(setsockopt(l, SOL_TCP, TCP_DEFER_ACCEPT, &v, sizeof v));
	OK(fcntl(l, F_SETFL, O_NONBLOCK));
	for (i = 0; i < 12; i++) {
		fd[i] = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		ERR(connect(fd[i], (void *)&to, sizeof to), EINPROGRESS);
	}
	/* One leaves its place in the queue. */
	close(fd[11]);
	for (i = 0; i < 11; i++)
		made += events(fd[i]) == POLLOUT;
	CHECK(made >= 1 && (made <= 4 || !in_limpet()));
	while (got < 11 && now_ns() < end) {
		for (i = 0; i < 11; i++)
			if (!sent[i] && write(fd[i], "x", 1) == 1)
				sent[i] = true;
		if (accept(l, 0, 0) >= 0)
			got++;
		else
			msleep(1);
	}
	CHECK(got >= 11 || !in_limpet());
}

TEST(errors)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, 0);
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0)), l = listener(1), p[2];
	socklen_t n = sizeof a;
	char b[1];

	ERR(accept(fd, 0, 0), EINVAL);
	ERR(read(fd, b, 1), ENOTCONN);
	ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	ERR(shutdown(fd, SHUT_RDWR), ENOTCONN);
	ERR(getpeername(fd, (void *)&a, &n), ENOTCONN);
	ERR(read(l, b, 1), ENOTCONN);
	ERR(send(l, "x", 1, MSG_NOSIGNAL), EPIPE);
	ERR(bind(l, (void *)&a, sizeof a), EINVAL);
	ERR(bind(fd, (void *)&a, 8), EINVAL);
	a.sin_family = AF_INET6;
	ERR(bind(fd, (void *)&a, sizeof a), EAFNOSUPPORT);
	a = at(0x0a090807, 0);
	ERR(bind(fd, (void *)&a, sizeof a), EADDRNOTAVAIL);
	pair(p);
	a = at(INADDR_LOOPBACK, port_of(l));
	ERR(connect(p[0], (void *)&a, sizeof a), EISCONN);
	ERR(connect(l, (void *)&a, sizeof a), EISCONN);
	ERR(listen(p[0], 1), EINVAL);
	ERR(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
	ERR(socket(AF_INET, SOCK_SEQPACKET, 0), ESOCKTNOSUPPORT);
	ERR(socketpair(AF_INET, SOCK_STREAM, 0, p), EOPNOTSUPP);
}

TEST(shutdown_listener)
{
	int l = listener(1), port = port_of(l), fd;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port);
	pid_t pid = fork();

	if (!pid) {
		ERR(accept(l, 0, 0), EINVAL);
		done();
	}
	msleep(50);
	OK(shutdown(l, SHUT_RDWR));
	reap(pid);
	fd = OK(socket(AF_INET, SOCK_STREAM, 0));
	ERR(connect(fd, (void *)&a, sizeof a), ECONNREFUSED);
}

static volatile int signals;
static void on_io(int sig)
{
	(void)sig;
	signals++;
}

TEST(sigio)
{
	int p[2];

	pair(p);
	handle(SIGIO, on_io, SA_RESTART);
	OK(fcntl(p[1], F_SETOWN, getpid()));
	OK(fcntl(p[1], F_SETFL, O_ASYNC));
	EQ(write(p[0], "x", 1), 1);
	SOON(signals > 0);
}

TEST(many_ends)
{
	int i, l = listener(64), port = port_of(l), c[50], a[50];

	for (i = 0; i < 50; i++) {
		c[i] = dial(port);
		a[i] = OK(accept(l, 0, 0));
		EQ(write(c[i], "x", 1), 1);
	}
	for (i = 0; i < 50; i++)
		close(i % 3 ? c[i] : a[i]);
	for (i = 0; i < 50; i++)
		close(i % 3 ? a[i] : c[i]);
}
