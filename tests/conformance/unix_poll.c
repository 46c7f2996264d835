/* unix(7), poll(2): what a unix socket is ready for in each state, and that pollers are told of changes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures;
#define CHECK(cond)                                                                            \
	do {                                                                                   \
		if (!(cond)) {                                                                 \
			printf("line %d: %s (errno %s)\n", __LINE__, #cond, strerror(errno));  \
			failures++;                                                            \
		}                                                                              \
	} while (0)
/* The call fails with this error. */
#define FAILS(call, err)                                                                       \
	do {                                                                                   \
		errno = 0;                                                                     \
		long ret_ = (long)(call);                                                      \
		if (ret_ != -1 || errno != (err)) {                                            \
			printf("line %d: %s = %ld, %s, wanted %s\n", __LINE__, #call, ret_,    \
			       strerror(errno), strerror(err));                                \
			failures++;                                                            \
		}                                                                              \
	} while (0)

#define WR (POLLOUT | POLLWRNORM | POLLWRBAND)
#define RD (POLLIN | POLLRDNORM)
#define ALL (RD | WR | POLLPRI | POLLRDHUP)

static int events(int fd)
{
	struct pollfd pf = { .fd = fd, .events = ALL };

	poll(&pf, 1, 0);
	return pf.revents;
}
#define READY(fd, want)                                                                        \
	do {                                                                                   \
		int got_ = events(fd);                                                         \
		if (got_ != (want)) {                                                          \
			printf("line %d: %s is ready for %#x, wanted %#x\n", __LINE__, #fd,    \
			       got_, (unsigned)(want));                                        \
			failures++;                                                            \
		}                                                                              \
	} while (0)

static void states(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s, l, c, p[2], v;
	socklen_t len = sizeof(v);
	char b[8];

	s = socket(AF_UNIX, SOCK_STREAM, 0);
	READY(s, WR | POLLHUP);
	close(s);
	s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	READY(s, WR | POLLHUP);
	close(s);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	READY(s, WR);
	close(s);
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "unix-poll-%d", getpid());
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(l, (void *)&a, sizeof(a)) == 0 && listen(l, 1) == 0);
	READY(l, 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c, (void *)&a, sizeof(a)) == 0);
	READY(l, RD);
	READY(c, WR);
	s = accept(l, NULL, NULL);
	READY(l, 0);
	READY(s, WR);
	CHECK(write(c, "x", 1) == 1);
	READY(s, RD | WR);
	CHECK(shutdown(c, SHUT_WR) == 0);
	READY(s, RD | WR | POLLRDHUP);
	READY(c, WR);
	CHECK(read(s, b, 8) == 1);
	READY(s, RD | WR | POLLRDHUP);
	CHECK(shutdown(s, SHUT_WR) == 0);
	READY(s, RD | WR | POLLRDHUP | POLLHUP);
	READY(c, RD | WR | POLLRDHUP | POLLHUP);
	close(s);
	close(c);
	close(l);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(shutdown(p[0], SHUT_RD) == 0);
	READY(p[0], RD | WR | POLLRDHUP);
	READY(p[1], WR);
	close(p[0]);
	READY(p[1], RD | WR | POLLRDHUP | POLLHUP);
	close(p[1]);
	/* Unread data: an error beside the end. */
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && write(p[1], "x", 1) == 1);
	close(p[0]);
	READY(p[1], RD | WR | POLLRDHUP | POLLHUP | POLLERR);
	CHECK(getsockopt(p[1], SOL_SOCKET, SO_ERROR, &v, &len) == 0 && v == ECONNRESET);
	READY(p[1], RD | WR | POLLRDHUP | POLLHUP);
	close(p[1]);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	CHECK(write(p[1], "x", 1) == 1);
	READY(p[0], RD | WR);
	close(p[1]);
	READY(p[0], RD | WR);
	CHECK(shutdown(p[0], SHUT_RDWR) == 0);
	READY(p[0], RD | WR | POLLRDHUP | POLLHUP);
	close(p[0]);
}

static void writable(void)
{
	char b[65536] = { 0 };
	int p[2], n, left;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0);
	for (n = 0; write(p[0], b, 1024) == 1024; n++)
		;
	CHECK(errno == EAGAIN && n > 50 && n < 150);
	READY(p[0], 0);
	READY(p[1], RD | WR);
	/* Not before the queue is down to a quarter. */
	for (left = n; left > n / 2; left--)
		CHECK(read(p[1], b, 1024) == 1024);
	READY(p[0], 0);
	for (; left > n / 5; left--)
		CHECK(read(p[1], b, 1024) == 1024);
	READY(p[0], WR);
	CHECK(ioctl(p[0], 0x5411 /* SIOCOUTQ */, &n) == 0 && n >= left * 1024 && n < left * 4096);
	while (read(p[1], b, sizeof(b)) > 0)
		;
	CHECK(ioctl(p[0], 0x5411, &n) == 0 && n == 0);
	close(p[0]);
	close(p[1]);
}

/* The next change may come: the child waits for this, so that it is never a step ahead, and gives poll time to sleep. */
static int turns[2];
static void turn(void) { CHECK(write(turns[1], "", 1) == 1); }
static void await_turn(void)
{
	char c;

	read(turns[0], &c, 1);
	usleep(30000);
}

/* Each change reaches a poller that sleeps. */
static void woken(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
	char b[4096] = { 0 };
	int p[2], ep, status;
	struct pollfd pf;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0);
	CHECK(pipe(turns) == 0);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		await_turn();
		write(p[1], "x", 1);
		await_turn();
		while (read(p[1], b, sizeof(b)) > 0)
			;
		await_turn();
		shutdown(p[1], SHUT_WR);
		await_turn();
		_exit(0);
	}
	close(p[1]);
	turn();
	pf = (struct pollfd){ .fd = p[0], .events = POLLIN };
	CHECK(poll(&pf, 1, 5000) == 1 && pf.revents == POLLIN);
	CHECK(read(p[0], b, 1) == 1);
	while (write(p[0], b, sizeof(b)) > 0)
		;
	pf.events = POLLOUT;
	turn();
	CHECK(poll(&pf, 1, 5000) == 1 && pf.revents == POLLOUT);
	pf.events = POLLRDHUP;
	turn();
	CHECK(poll(&pf, 1, 5000) == 1 && pf.revents == POLLRDHUP);
	pf.events = 0;
	turn();
	CHECK(poll(&pf, 1, 5000) == 1 && pf.revents == POLLHUP);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	close(p[0]);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p) == 0);
	ep = epoll_create1(0);
	CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &ev) == 0);
	CHECK(epoll_wait(ep, &ev, 1, 0) == 1 && ev.events == EPOLLOUT);
	CHECK(epoll_wait(ep, &ev, 1, 0) == 0);
	CHECK(write(p[1], "x", 1) == 1);
	CHECK(epoll_wait(ep, &ev, 1, 0) == 1 && ev.events == (EPOLLIN | EPOLLOUT));
	CHECK(epoll_wait(ep, &ev, 1, 0) == 0);
	CHECK(write(p[1], "x", 1) == 1);
	CHECK(epoll_wait(ep, &ev, 1, 0) == 1);
	close(p[1]);
	CHECK(epoll_wait(ep, &ev, 1, 0) == 1 && ev.events == (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP));
	close(ep);
	close(p[0]);
}

static volatile int got_io;
static void on_io(int sig)
{
	(void)sig;
	got_io++;
}

static void async(void)
{
	int p[2], on = 1;

	signal(SIGIO, on_io);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(fcntl(p[0], F_SETOWN, getpid()) == 0 && ioctl(p[0], FIOASYNC, &on) == 0);
	CHECK(fcntl(p[0], F_GETFL) & O_ASYNC);
	CHECK(write(p[1], "x", 1) == 1);
	CHECK(got_io == 1);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	states();
	writable();
	woken();
	async();
	return failures != 0;
}
