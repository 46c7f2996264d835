/* connect(2): to oneself, both ways at once, to AF_UNSPEC and on again. */
#include "test.h"
#include "inet.h"
#include <netinet/tcp.h>

static const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

static int sock(void) { return OK(socket(AF_INET, SOCK_STREAM, 0)); }

static int bound(int port)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, port);
	int fd = sock(), one = 1;

	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	OK(bind(fd, (void *)&a, sizeof a));
	return fd;
}

static int listener(void)
{
	int fd = bound(0);

	OK(listen(fd, 10));
	return fd;
}

TEST(itself)
{
	int fd = bound(0), port = port_of(fd);
	struct sockaddr_in a = at(INADDR_LOOPBACK, port), peer;
	socklen_t len = sizeof peer;
	char b[10];

	OK(connect(fd, (void *)&a, sizeof a));
	OK(getpeername(fd, (void *)&peer, &len));
	EQ(ntohs(peer.sin_port), port);
	EQ(events(fd), POLLOUT);
	ERR(connect(fd, (void *)&a, sizeof a), EISCONN);
	EQ(write(fd, "hello", 5), 5);
	SOON(events(fd) & POLLIN);
	EQ(read(fd, b, 10), 5);
	CHECK(!memcmp(b, "hello", 5));
	EQ(write(fd, "bye", 3), 3);
	OK(shutdown(fd, SHUT_WR));
	EQ(read(fd, b, 10), 3);
	EQ(read(fd, b, 10), 0);
	SOON((events(fd) & (POLLIN | POLLRDHUP | POLLHUP)) == (POLLIN | POLLRDHUP | POLLHUP));
	signal(SIGPIPE, SIG_IGN);
	ERR(write(fd, "x", 1), EPIPE);
	close(fd);
}

TEST(itself_closed)
{
	int i;

	/* With data unread, without, by an end of the process: nothing hangs. */
	for (i = 0; i < 3; i++) {
		pid_t pid = OK(fork());

		if (!pid) {
			int fd = bound(0);
			struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(fd));

			OK(connect(fd, (void *)&a, sizeof a));
			if (i)
				EQ(write(fd, "x", 1), 1);
			if (i < 2)
				close(fd);
			done();
		}
		reap(pid);
	}
}

/* Two that connect to each other at the same time: when both are under way, they meet. */
static void *crossing(void *arg)
{
	struct sockaddr_in a = at(INADDR_LOOPBACK, ((int *)arg)[1]);

	return (void *)(long)(connect(((int *)arg)[0], (void *)&a, sizeof a) ? errno : 0);
}

TEST(crossing)
{
	int i, met = 0;

	for (i = 0; i < 2000; i++) {
		int x = bound(0), y = bound(0);
		int ax[2] = { x, port_of(y) }, ay[2] = { y, port_of(x) };
		void *rx, *ry;
		pthread_t t;
		char b[4] = "";

		OK(pthread_create(&t, 0, crossing, ax));
		ry = crossing(ay);
		pthread_join(t, &rx);
		CHECK(rx == 0 || (long)rx == ECONNREFUSED || (long)rx == ECONNRESET);
		/* The one may have seen the other only after it had given up. */
		if (!rx && !ry) {
			met++;
			EQ(write(x, "ab", 2), 2);
			EQ(read(y, b, 4), 2);
			EQ(write(y, "c", 1), 1);
			EQ(read(x, b, 4), 1);
			close(x);
			EQ(read(y, b, 4), 0);
			x = -1;
		}
		close(x);
		close(y);
		if (met > 3)
			break;
	}
}

TEST(again)
{
	int l = listener(), m = listener(), fd = sock(), c, d;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l)), b = at(INADDR_LOOPBACK, port_of(m)), peer;
	socklen_t len = sizeof peer;
	char buf[10];

	OK(connect(fd, (void *)&a, sizeof a));
	c = OK(accept(l, 0, 0));
	EQ(write(c, "unread", 6), 6);
	OK(connect(fd, &nobody, sizeof nobody));
	ERR(getpeername(fd, (void *)&peer, &len), ENOTCONN);
	/* The other end is told by a reset. */
	SOON(events(c) & POLLERR);
	ERR(read(c, buf, 10), ECONNRESET);
	EQ(read(c, buf, 10), 0);
	/* And the next connection knows nothing of the one before. */
	OK(connect(fd, (void *)&b, sizeof b));
	d = OK(accept(m, 0, 0));
	EQ(so_error(fd), 0);
	EQ(events(fd), POLLOUT);
	ERR(recv(fd, buf, 10, MSG_DONTWAIT), EAGAIN);
	EQ(write(d, "new", 3), 3);
	SOON(events(fd) & POLLIN);
	EQ(read(fd, buf, 10), 3);
	CHECK(!memcmp(buf, "new", 3));
	/* What the old one does now harms nobody. */
	signal(SIGPIPE, SIG_IGN);
	ERR(write(c, "x", 1), EPIPE);
	close(c);
	EQ(events(fd), POLLOUT);
	EQ(write(fd, "still", 5), 5);
	EQ(read(d, buf, 10), 5);
	close(fd);
	EQ(read(d, buf, 10), 0);
}

TEST(errors_of_disconnect)
{
	int l = listener(), fd = sock(), c;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l));
	char b[4];

	OK(connect(fd, &nobody, sizeof nobody)); /* never connected: fine */
	EQ(so_error(fd), 0);
	OK(connect(fd, (void *)&a, sizeof a));
	c = OK(accept(l, 0, 0));
	OK(connect(fd, &nobody, sizeof nobody));
	EQ(events(fd) & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	EQ(so_error(fd), ECONNRESET);
	EQ(so_error(fd), 0);
	ERR(recv(fd, b, 1, 0), ENOTCONN);
	signal(SIGPIPE, SIG_IGN);
	ERR(send(fd, b, 1, 0), EPIPE);
	ERR(shutdown(fd, SHUT_WR), ENOTCONN);
	close(c);
	/* Ended by the other one, then let go: no error. */
	OK(connect(fd, (void *)&a, sizeof a));
	c = OK(accept(l, 0, 0));
	OK(shutdown(fd, SHUT_WR));
	close(c);
	SOON(events(fd) & POLLHUP);
	OK(connect(fd, &nobody, sizeof nobody));
	EQ(so_error(fd), 0);
	OK(connect(fd, (void *)&a, sizeof a));
	close(OK(accept(l, 0, 0)));
}

TEST(port_kept)
{
	int l = listener(), fd = bound(0), port = port_of(fd), c;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l)), me = at(INADDR_LOOPBACK, port);

	/* A port counts as chosen when bind has named it. */
	close(fd);
	fd = bound(port);
	OK(connect(fd, (void *)&a, sizeof a));
	c = OK(accept(l, 0, 0));
	OK(connect(fd, &nobody, sizeof nobody));
	EQ(port_of(fd), port);
	close(c);
	OK(connect(fd, (void *)&a, sizeof a));
	EQ(port_of(fd), port);
	c = OK(accept(l, 0, 0));
	OK(connect(fd, &nobody, sizeof nobody));
	close(c);
	/* It may listen as well. */
	OK(listen(fd, 5));
	c = sock();
	OK(connect(c, (void *)&me, sizeof me));
	close(OK(accept(fd, 0, 0)));
	close(c);
	/* And end that. */
	OK(connect(fd, &nobody, sizeof nobody));
	c = sock();
	ERR(connect(c, (void *)&me, sizeof me), ECONNREFUSED);
}

TEST(sleeper)
{
	int l = listener(), fd = sock(), c;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l));
	pid_t pid;
	char b[4];

	OK(connect(fd, (void *)&a, sizeof a));
	c = OK(accept(l, 0, 0));
	pid = OK(fork());
	if (!pid) {
		ssize_t n = read(fd, b, 1);

		CHECK(n == 0 || (n == -1 && (errno == ECONNRESET || errno == ENOTCONN || errno == EPIPE)));
		done();
	}
	msleep(100);
	OK(connect(fd, &nobody, sizeof nobody));
	reap(pid);
	close(c);
}

TEST(many_times)
{
	int l = listener(), fd = sock(), i, c;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l));
	char b[8];

	for (i = 0; i < 300; i++) {
		OK(connect(fd, (void *)&a, sizeof a));
		c = OK(accept(l, 0, 0));
		EQ(write(c, "data", 4), 4);
		if (i & 1)
			EQ(read(fd, b, 8), 4);
		if (i & 2)
			close(c);
		OK(connect(fd, &nobody, sizeof nobody));
		if (!(i & 2))
			close(c);
	}
}

static int raced_fd, raced_stop;

static void *raced_user(void *arg)
{
	char b[5000] = "";

	(void)arg;
	while (!__atomic_load_n(&raced_stop, __ATOMIC_RELAXED)) {
		(void)!send(raced_fd, b, sizeof b, MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)!recv(raced_fd, b, 100, MSG_DONTWAIT);
		events(raced_fd);
		(void)!recv(raced_fd, b, sizeof b, MSG_DONTWAIT | MSG_PEEK);
	}
	return 0;
}

static void *raced_server(void *arg)
{
	int l = (int)(long)arg, c, i = 0;
	char b[3000] = "";

	while ((c = accept(l, 0, 0)) >= 0) {
		(void)!send(c, b, sizeof b, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (i++ & 1)
			(void)!recv(c, b, sizeof b, MSG_DONTWAIT);
		close(c);
	}
	return 0;
}

/* Others send, receive and look while a socket changes its connections: nothing breaks. */
TEST(raced)
{
	int l = listener(), i;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l));
	pthread_t t[3];
	long long end;
	char b[10];

	raced_fd = sock();
	for (i = 0; i < 2; i++)
		OK(pthread_create(&t[i], 0, raced_user, 0));
	OK(pthread_create(&t[2], 0, raced_server, (void *)(long)l));
	for (i = 0, end = now_ns() + 2000 * MS; now_ns() < end; i++) {
		(void)!connect(raced_fd, (void *)&a, sizeof a);
		if (i % 3 == 0)
			(void)!send(raced_fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		OK(connect(raced_fd, &nobody, sizeof nobody));
	}
	__atomic_store_n(&raced_stop, 1, __ATOMIC_RELAXED);
	pthread_join(t[0], 0);
	pthread_join(t[1], 0);
	OK(connect(raced_fd, (void *)&a, sizeof a));
	EQ(recv(raced_fd, b, 10, 0), 10);
	close(raced_fd);
	shutdown(l, SHUT_RDWR);
	pthread_join(t[2], 0);
}

TEST(connecting)
{
	int l = listener(), fds[8], i, done_ = 0, fd, err;
	struct sockaddr_in a = at(INADDR_LOOPBACK, port_of(l));

	/* Attempts that wait for room in the queue are given up. */
	OK(listen(l, 0));
	for (i = 0; i < 8; i++) {
		fds[i] = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		(void)!connect(fds[i], (void *)&a, sizeof a);
	}
	msleep(50);
	for (i = 0; i < 8; i++) {
		if (events(fds[i]) & POLLOUT)
			continue;
		OK(connect(fds[i], &nobody, sizeof nobody));
		err = so_error(fds[i]);
		CHECK(err == ECONNRESET || err == 0);
		EQ(events(fds[i]) & POLLHUP, POLLHUP);
		done_++;
		fd = listener();
		a = at(INADDR_LOOPBACK, port_of(fd));
		CHECK(!connect(fds[i], (void *)&a, sizeof a) || errno == EINPROGRESS);
		close(OK(accept(fd, 0, 0)));
		close(fd);
		a = at(INADDR_LOOPBACK, port_of(l));
	}
	CHECK(done_ > 0);
}
