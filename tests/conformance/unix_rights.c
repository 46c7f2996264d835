/* unix(7): SCM_RIGHTS: passing, limits, truncation, peeking, descriptors dropped with messages, cycles. */
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

#define MAX_FD 253

static ssize_t send_fds(int s, const char *text, size_t len, const int *fds, int n)
{
	char buf[CMSG_SPACE(sizeof(int) * 300)] = { 0 };
	struct iovec v = { (void *)text, len };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = buf };
	struct cmsghdr *c;

	h.msg_controllen = CMSG_SPACE(sizeof(int) * n);
	c = CMSG_FIRSTHDR(&h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	return sendmsg(s, &h, 0);
}

/* Returns how many came; *got bytes, *flags msg_flags. room: descriptors that fit. */
static int recv_fds(int s, int *fds, int room, int how, ssize_t *got, int *flags)
{
	char buf[CMSG_SPACE(sizeof(int) * 300)] = { 0 }, b[64];
	struct iovec v = { b, sizeof(b) };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = buf };
	struct cmsghdr *c;
	int n;

	h.msg_controllen = room ? CMSG_LEN(sizeof(int) * room) : 0;
	*got = recvmsg(s, &h, how);
	*flags = h.msg_flags;
	c = CMSG_FIRSTHDR(&h);
	if (*got < 0 || !c)
		return 0;
	CHECK(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS);
	n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(c), sizeof(int) * n);
	return n;
}

static int open_count(void)
{
	int n = 0, i;

	for (i = 0; i < 1024; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void pass(int type)
{
	int p[2], q[2], fds[300], flags, before = open_count(), i;
	struct stat a, b;
	ssize_t got;
	char c;

	CHECK(socketpair(AF_UNIX, type, 0, p) == 0 && pipe(q) == 0);
	CHECK(send_fds(p[0], "x", 1, q, 2) == 1);
	CHECK(recv_fds(p[1], fds, 10, MSG_CMSG_CLOEXEC, &got, &flags) == 2 && got == 1);
	CHECK(flags == MSG_CMSG_CLOEXEC && fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
	fstat(q[0], &a);
	fstat(fds[0], &b);
	CHECK(a.st_ino == b.st_ino);
	CHECK(write(fds[1], "z", 1) == 1 && read(q[0], &c, 1) == 1 && c == 'z');
	close(fds[0]);
	close(fds[1]);
	/* Too little room: what does not fit is closed. */
	CHECK(send_fds(p[0], "x", 1, q, 2) == 1);
	CHECK(recv_fds(p[1], fds, 1, 0, &got, &flags) == 1 && flags == MSG_CTRUNC);
	CHECK(fcntl(fds[0], F_GETFD) == 0);
	close(fds[0]);
	CHECK(send_fds(p[0], "x", 1, q, 2) == 1);
	CHECK(recv_fds(p[1], fds, 0, 0, &got, &flags) == 0 && flags == MSG_CTRUNC);
	CHECK(send_fds(p[0], "x", 1, q, 2) == 1 && read(p[1], &c, 1) == 1);
	/* Peeking gives them each time. */
	CHECK(send_fds(p[0], "x", 1, q, 1) == 1);
	CHECK(recv_fds(p[1], fds, 5, MSG_PEEK, &got, &flags) == 1);
	close(fds[0]);
	CHECK(recv_fds(p[1], fds, 5, 0, &got, &flags) == 1);
	close(fds[0]);
	/* Limits. */
	for (i = 0; i < 300; i++)
		fds[i] = q[0];
	CHECK(send_fds(p[0], "x", 1, fds, MAX_FD) == 1);
	FAILS(send_fds(p[0], "x", 1, fds, MAX_FD + 1), EINVAL);
	CHECK(recv_fds(p[1], fds, MAX_FD, 0, &got, &flags) == MAX_FD && flags == 0);
	for (i = 0; i < MAX_FD; i++)
		close(fds[i]);
	fds[0] = q[0];
	fds[1] = 999;
	FAILS(send_fds(p[0], "x", 1, fds, 2), EBADF);
	fds[0] = -1;
	FAILS(send_fds(p[0], "x", 1, fds, 1), EBADF);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
	CHECK(open_count() == before);
}

/* Bytes of two messages with descriptors never come in one read, and descriptors come with the first byte. */
static void stream_borders(void)
{
	int p[2], q[2], fds[4], flags;
	ssize_t got;
	char b[8];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && pipe(q) == 0);
	CHECK(write(p[0], "a", 1) == 1);
	CHECK(send_fds(p[0], "bc", 2, q, 1) == 2 && send_fds(p[0], "de", 2, q + 1, 1) == 2 && write(p[0], "f", 1) == 1);
	CHECK(recv_fds(p[1], fds, 4, 0, &got, &flags) == 1 && got == 3);
	close(fds[0]);
	CHECK(recv_fds(p[1], fds, 4, 0, &got, &flags) == 1 && got == 2);
	close(fds[0]);
	CHECK(read(p[1], b, 8) == 1 && b[0] == 'f');
	CHECK(send_fds(p[0], "xy", 2, q, 1) == 2 && read(p[1], b, 1) == 1);
	CHECK(recv_fds(p[1], fds, 4, 0, &got, &flags) == 0 && got == 1);
	CHECK(send_fds(p[0], "", 0, q, 1) == 0);
	FAILS(recv(p[1], b, 1, MSG_DONTWAIT), EAGAIN);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

/* True when the write end of the pipe is closed everywhere, at once or a little later. */
static int hung_up(int fd)
{
	struct pollfd pf = { .fd = fd, .events = POLLIN };

	return poll(&pf, 1, 5000) == 1 && (pf.revents & POLLHUP);
}

static void dropped(void)
{
	int p[2], q[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && pipe(q) == 0);
	CHECK(send_fds(p[0], "x", 1, q + 1, 1) == 1);
	close(q[1]);
	close(p[0]);
	close(p[1]);
	CHECK(hung_up(q[0]));
	close(q[0]);
}

/* The end of any socket has cycles looked for. */
static void collect(void)
{
	int p[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	close(p[0]);
	close(p[1]);
}

/* Sockets that only their own queues hold: their other cargo must be let go. */
static void cycles(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int p[2], q[2], r[2], fds[2], l, c, i, flags;
	ssize_t got;

	/* One holding itself. */
	CHECK(pipe(q) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(send_fds(p[0], "x", 1, (int[]){ p[1], q[1] }, 2) == 1);
	close(q[1]);
	close(p[0]);
	close(p[1]);
	collect();
	CHECK(hung_up(q[0]));
	close(q[0]);

	/* Two pairs holding each other. */
	CHECK(pipe(q) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, r) == 0);
	CHECK(send_fds(p[0], "x", 1, (int[]){ r[0], r[1] }, 2) == 1);
	CHECK(send_fds(r[0], "x", 1, (int[]){ p[0], q[1] }, 2) == 1);
	CHECK(send_fds(r[1], "x", 1, (int[]){ p[1], q[1] }, 2) == 1);
	close(q[1]);
	close(p[0]);
	close(p[1]);
	close(r[0]);
	close(r[1]);
	collect();
	CHECK(hung_up(q[0]));
	close(q[0]);

	/* In a connection that was never accepted, on a listener in flight. */
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "unix-rights-%d", getpid());
	CHECK(pipe(q) == 0);
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(l, (void *)&a, sizeof(a)) == 0 && listen(l, 5) == 0 && connect(c, (void *)&a, sizeof(a)) == 0);
	CHECK(send_fds(c, "x", 1, (int[]){ l, q[1] }, 2) == 1);
	close(q[1]);
	close(c);
	close(l);
	collect();
	CHECK(hung_up(q[0]));
	close(q[0]);

	/* Reachable from outside: a collection must leave it alone. */
	CHECK(pipe(q) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, r) == 0);
	CHECK(send_fds(r[0], "r", 1, q + 1, 1) == 1);
	CHECK(send_fds(p[0], "p", 1, r, 2) == 1);
	close(q[1]);
	close(r[0]);
	close(r[1]);
	for (i = 0; i < 3; i++)
		collect();
	CHECK(recv_fds(p[1], fds, 2, 0, &got, &flags) == 2);
	CHECK(recv_fds(fds[1], &i, 1, 0, &got, &flags) == 1);
	CHECK(poll(&(struct pollfd){ .fd = q[0] }, 1, 0) == 0);
	CHECK(write(i, "alive", 5) == 5);
	close(i);
	CHECK(read(q[0], (char[8]){ 0 }, 8) == 5 && read(q[0], &i, 1) == 0);
	close(q[0]);
	close(fds[0]);
	close(fds[1]);
	close(p[0]);
	close(p[1]);
}

/* A long chain, each socket in the queue of the next: closing the last closes all, and no stack is used up. */
static void chain(void)
{
	int q[2], held, p[2], i;

	CHECK(pipe(q) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(send_fds(p[0], "x", 1, q + 1, 1) == 1);
	close(q[1]);
	close(p[0]);
	held = p[1];
	for (i = 0; i < 800; i++) {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
		if (send_fds(p[0], "x", 1, &held, 1) != 1) {
			CHECK(errno == ETOOMANYREFS);
			close(p[0]);
			close(p[1]);
			break;
		}
		close(p[0]);
		close(held);
		held = p[1];
	}
	close(held);
	CHECK(hung_up(q[0]));
	close(q[0]);
}

/* Descriptors in flight count for their user. */
static void in_flight_limit(void)
{
	struct rlimit lim = { 20, 20 };
	int p[2], n, status;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && (setgid(4242) || setuid(4242)))
			_exit(0);
		setrlimit(RLIMIT_NOFILE, &lim);
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, p))
			_exit(2);
		for (n = 0; n < 100 && send_fds(p[0], "x", 1, p, 1) == 1; n++)
			;
		_exit(n == 21 && errno == ETOOMANYREFS ? 0 : 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

int main(void)
{
	alarm(60);
	pass(SOCK_STREAM);
	pass(SOCK_DGRAM);
	pass(SOCK_SEQPACKET);
	stream_borders();
	dropped();
	cycles();
	chain();
	in_flight_limit();
	return failures != 0;
}
