/* unix(7): SOCK_DGRAM: borders, truncation, peers, queue limits; abstract and chosen names; many at a time. */
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

static int abstract(struct sockaddr_un *a, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "unix-dgram-%d-%s", getpid(), name);
	return (int)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a->sun_path + 1));
}

static void borders(void)
{
	struct msghdr h = { 0 };
	struct iovec v;
	char b[16];
	int p[2], n;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	CHECK(write(p[0], "one", 3) == 3 && write(p[0], "", 0) == 0 && send(p[0], "three", 5, 0) == 5);
	CHECK(ioctl(p[1], FIONREAD, &n) == 0 && n == 3);
	v = (struct iovec){ b, 2 };
	h.msg_iov = &v;
	h.msg_iovlen = 1;
	CHECK(recvmsg(p[1], &h, MSG_PEEK) == 2 && h.msg_flags == MSG_TRUNC);
	CHECK(recvmsg(p[1], &h, MSG_TRUNC) == 3 && h.msg_flags == MSG_TRUNC && memcmp(b, "on", 2) == 0);
	CHECK(recv(p[1], b, sizeof(b), 0) == 0);
	CHECK(recv(p[1], b, sizeof(b), MSG_PEEK) == 5);
	CHECK(recv(p[1], b, 0, 0) == 0);
	FAILS(recv(p[1], b, sizeof(b), MSG_DONTWAIT), EAGAIN);
	close(p[1]);
	FAILS(send(p[0], "x", 1, 0), ECONNREFUSED);
	FAILS(send(p[0], "x", 1, 0), ENOTCONN);
	close(p[0]);
}

static void peers(void)
{
	struct sockaddr_un a, b, from;
	int la = abstract(&a, "a"), lb = abstract(&b, "b");
	int sa = socket(AF_UNIX, SOCK_DGRAM, 0), sb = socket(AF_UNIX, SOCK_DGRAM, 0), sc = socket(AF_UNIX, SOCK_RAW, 0);
	int st = socket(AF_UNIX, SOCK_STREAM, 0), v;
	socklen_t len;
	char buf[8];

	len = sizeof(v);
	CHECK(getsockopt(sc, SOL_SOCKET, SO_TYPE, &v, &len) == 0 && v == SOCK_DGRAM);
	FAILS(connect(sa, (void *)&b, lb), ECONNREFUSED);
	CHECK(bind(sa, (void *)&a, la) == 0 && bind(sb, (void *)&b, lb) == 0);
	FAILS(bind(sc, (void *)&a, la), EADDRINUSE);
	FAILS(bind(sa, (void *)&b, lb), EINVAL);
	/* Abstract names are apart by type. */
	CHECK(bind(st, (void *)&a, la) == 0);
	close(st);
	FAILS(send(sc, "x", 1, 0), ENOTCONN);
	CHECK(sendto(sc, "c", 1, 0, (void *)&a, la) == 1);
	len = sizeof(from);
	CHECK(recvfrom(sa, buf, 8, 0, (void *)&from, &len) == 1 && len == 0);
	CHECK(sendto(sb, "b", 1, 0, (void *)&a, la) == 1);
	len = sizeof(from);
	CHECK(recvfrom(sa, buf, 8, 0, (void *)&from, &len) == 1 && len == (socklen_t)lb && memcmp(&from, &b, lb) == 0);
	CHECK(connect(sa, (void *)&b, lb) == 0);
	len = sizeof(from);
	CHECK(getpeername(sa, (void *)&from, &len) == 0 && len == (socklen_t)lb);
	/* One that is connected hears nobody else. */
	FAILS(sendto(sc, "c", 1, 0, (void *)&a, la), EPERM);
	FAILS(connect(sc, (void *)&a, la), EPERM);
	CHECK(sendto(sb, "b", 1, 0, (void *)&a, la) == 1 && recv(sa, buf, 8, 0) == 1);
	CHECK(connect(sa, (void *)&(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(sa_family_t)) == 0);
	FAILS(getpeername(sa, (void *)&from, &len), ENOTCONN);
	CHECK(sendto(sc, "c", 1, 0, (void *)&a, la) == 1 && recv(sa, buf, 8, 0) == 1);
	close(sb);
	FAILS(sendto(sc, "c", 1, 0, (void *)&b, lb), ECONNREFUSED);
	/* To oneself. */
	CHECK(sendto(sa, "me", 2, 0, (void *)&a, la) == 2 && recv(sa, buf, 8, 0) == 2);
	CHECK(connect(sa, (void *)&a, la) == 0 && send(sa, "me", 2, 0) == 2 && recv(sa, buf, 8, 0) == 2);
	close(sa);
	close(sc);
}

static void chosen(void)
{
	int s = socket(AF_UNIX, SOCK_DGRAM, 0), t = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un a, b;
	socklen_t la = sizeof(a), lb = sizeof(b);

	CHECK(getsockname(s, (void *)&a, &la) == 0 && la == sizeof(sa_family_t));
	CHECK(bind(s, (void *)&(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)) == 0);
	CHECK(bind(t, (void *)&(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)) == 0);
	la = sizeof(a);
	CHECK(getsockname(s, (void *)&a, &la) == 0 && la == 8 && a.sun_path[0] == 0);
	CHECK(getsockname(t, (void *)&b, &lb) == 0 && lb == 8 && memcmp(&a, &b, 8));
	CHECK(sendto(s, "x", 1, 0, (void *)&b, lb) == 1);
	close(s);
	close(t);
}

static void queue(void)
{
	struct sockaddr_un a;
	int la = abstract(&a, "q"), r = socket(AF_UNIX, SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_DGRAM, 0), n, p[2], i;
	struct pollfd pf = { .fd = s, .events = POLLOUT };
	char buf[8], *big = calloc(1, 300000);
	pid_t pid;

	CHECK(bind(r, (void *)&a, la) == 0 && connect(s, (void *)&a, la) == 0);
	for (n = 0; send(s, "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	CHECK(errno == EAGAIN && n == 11);
	CHECK(poll(&pf, 1, 0) == 0);
	CHECK(recv(r, buf, 8, 0) == 1);
	CHECK(poll(&pf, 1, 0) == 1 && (pf.revents & POLLOUT));
	CHECK(send(s, "x", 1, 0) == 1 && poll(&pf, 1, 0) == 0);
	/* A poller is told when there is room, and a blocked sender goes on. */
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		_exit(recv(r, buf, 8, 0) != 1);
	}
	CHECK(poll(&pf, 1, 5000) == 1 && (pf.revents & POLLOUT));
	CHECK(waitpid(pid, &n, 0) == pid && n == 0);
	CHECK(send(s, "x", 1, MSG_DONTWAIT) == 1);
	pid = fork();
	if (pid == 0) {
		usleep(50000);
		_exit(recv(r, buf, 8, 0) != 1);
	}
	CHECK(send(s, "y", 1, 0) == 1);
	CHECK(waitpid(pid, &n, 0) == pid && n == 0);
	/* The receiver goes: a sender that waits for it fails. */
	pid = fork();
	if (pid == 0) {
		close(r);
		send(s, "z", 1, 0);
		_exit(errno != ECONNREFUSED);
	}
	usleep(50000);
	close(r);
	CHECK(waitpid(pid, &n, 0) == pid && n == 0);
	close(s);
	/* Sizes: the send buffer less a little. */
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p) == 0);
	n = 100000;
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_SNDBUF, &n, sizeof(n)) == 0);
	FAILS(send(p[0], big, 200000 - 31, 0), EMSGSIZE);
	CHECK(send(p[0], big, 200000 - 32, 0) == 200000 - 32);
	FAILS(send(p[0], "x", 1, 0), EAGAIN);
	for (i = 0; i < 300000; i++)
		big[i] = 1;
	CHECK(recv(p[1], big, 300000, 0) == 200000 - 32 && big[0] == 0 && big[199967] == 0 && big[199968] == 1);
	close(p[0]);
	close(p[1]);
	free(big);
}

static void many(void)
{
	struct mmsghdr m[4];
	struct iovec v[4];
	char b[4][8];
	int p[2], i;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	memset(m, 0, sizeof(m));
	for (i = 0; i < 4; i++) {
		v[i] = (struct iovec){ b[i], (size_t)i + 1 };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		memset(b[i], 'a' + i, 8);
	}
	CHECK(sendmmsg(p[0], m, 3, 0) == 3 && m[0].msg_len == 1 && m[2].msg_len == 3);
	memset(b, 0, sizeof(b));
	for (i = 0; i < 4; i++)
		v[i].iov_len = 8;
	CHECK(recvmmsg(p[1], m, 4, MSG_WAITFORONE, NULL) == 3);
	CHECK(m[1].msg_len == 2 && b[1][1] == 'b' && b[1][2] == 0 && b[2][2] == 'c');
	FAILS(recvmmsg(p[1], m, 4, MSG_DONTWAIT, NULL), EAGAIN);
	FAILS(recvmmsg(p[1], m, 4, 0, &(struct timespec){ 0, -1 }), EINVAL);
	close(p[0]);
	close(p[1]);
}

static void stamps(void)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(struct timeval))]; } c;
	char b[4];
	struct iovec v = { b, 4 };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	struct timeval tv;
	int p[2], on = 1;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)) == 0);
	CHECK(send(p[0], "x", 1, 0) == 1 && recvmsg(p[1], &h, 0) == 1);
	CHECK(h.msg_controllen == sizeof(c) && c.h.cmsg_type == SCM_TIMESTAMP);
	memcpy(&tv, CMSG_DATA(&c.h), sizeof(tv));
	CHECK(labs(tv.tv_sec - time(NULL)) < 100);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	alarm(60);
	borders();
	peers();
	chosen();
	queue();
	many();
	stamps();
	return failures != 0;
}
