/* unix(7): who the other side is: SO_PEERCRED and its relatives, SO_PASSCRED, SCM_CREDENTIALS, SO_PASSPIDFD. */
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

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#define SCM_PIDFD_ 4

static int send_cred(int s, pid_t pid, uid_t uid, gid_t gid)
{
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(struct ucred))]; } c = { 0 };
	struct ucred uc = { pid, uid, gid };
	struct iovec v = { "c", 1 };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_CREDENTIALS;
	c.h.cmsg_len = CMSG_LEN(sizeof(uc));
	memcpy(CMSG_DATA(&c.h), &uc, sizeof(uc));
	return (int)sendmsg(s, &h, 0);
}

/* One message; its credentials in uc, its pidfd in *pidfd; what was not sent stays as it is. Returns bytes. */
static ssize_t recv_cred(int s, struct ucred *uc, int *pidfd, size_t control, int *flags)
{
	char space[256], b[32];
	struct iovec v = { b, sizeof(b) };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_controllen = control };
	struct cmsghdr *c;
	ssize_t n;

	h.msg_control = control ? space : NULL;
	n = recvmsg(s, &h, 0);
	*flags = h.msg_flags;
	for (c = CMSG_FIRSTHDR(&h); n >= 0 && c; c = CMSG_NXTHDR(&h, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
			memcpy(uc, CMSG_DATA(c), sizeof(*uc));
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_PIDFD_ && pidfd)
			memcpy(pidfd, CMSG_DATA(c), sizeof(int));
	}
	return n;
}

static void peercred(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct ucred uc;
	socklen_t len = sizeof(uc);
	int s, l, p[2], status;
	pid_t pid, parent = getpid();

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &uc, &len) == 0 && len == sizeof(uc));
	CHECK(uc.pid == getpid() && uc.uid == geteuid() && uc.gid == getegid());
	close(p[0]);
	close(p[1]);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	len = sizeof(uc);
	CHECK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &uc, &len) == 0 && uc.pid == 0 && uc.uid == (uid_t)-1);
	FAILS(getsockopt(s, SOL_SOCKET, SO_PEERGROUPS, &uc, &len), ENODATA);
	close(s);
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "unix-cred-%d", getpid());
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(l, (void *)&a, sizeof(a)) == 0 && listen(l, 1) == 0);
	pid = fork();
	if (pid == 0) {
		s = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(s, (void *)&a, sizeof(a)))
			_exit(1);
		len = sizeof(uc);
		getsockopt(s, SOL_SOCKET, SO_PEERCRED, &uc, &len);
		_exit(uc.pid == parent ? 0 : 2);
	}
	s = accept(l, NULL, NULL);
	CHECK(s >= 0);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	len = sizeof(uc);
	CHECK(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &uc, &len) == 0 && uc.pid == pid);
	{
		gid_t groups[100], own[100];
		int n = getgroups(100, own);

		len = sizeof(groups);
		CHECK(getsockopt(s, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0 && len == n * sizeof(gid_t));
		if (n > 0) {
			len = 0;
			FAILS(getsockopt(s, SOL_SOCKET, SO_PEERGROUPS, groups, &len), ERANGE);
			CHECK(len == n * sizeof(gid_t));
		}
	}
	close(s);
	close(l);
}

static void passcred(int type)
{
	struct ucred uc = { 1, 1, 1 };
	int p[2], on = 1, flags, status, v;
	socklen_t len = sizeof(v);
	pid_t pid;
	char b[8];

	CHECK(socketpair(AF_UNIX, type, 0, p) == 0);
	CHECK(write(p[0], "b", 1) == 1);
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	CHECK(getsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &v, &len) == 0 && v == 1);
	/* Sent before anybody asked. */
	CHECK(recv_cred(p[1], &uc, NULL, 256, &flags) == 1 && flags == 0);
	CHECK((uc.pid == 0 && uc.uid == 65534) || uc.pid == getpid());
	CHECK(write(p[0], "a", 1) == 1 && recv_cred(p[1], &uc, NULL, 256, &flags) == 1);
	CHECK(uc.pid == getpid() && uc.uid == getuid() && uc.gid == getgid());
	CHECK(write(p[0], "a", 1) == 1 && recv_cred(p[1], &uc, NULL, 0, &flags) == 1 && flags == MSG_CTRUNC);
	CHECK(write(p[0], "a", 1) == 1 && recv_cred(p[1], &uc, NULL, 20, &flags) == 1 && flags == MSG_CTRUNC);
	/* Each writer's message is its own, on streams too. */
	pid = fork();
	if (pid == 0)
		_exit(write(p[0], "child", 5) != 5);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(write(p[0], "parent", 6) == 6);
	CHECK(recv_cred(p[1], &uc, NULL, 256, &flags) == 5 && uc.pid == pid);
	CHECK(recv_cred(p[1], &uc, NULL, 256, &flags) == 6 && uc.pid == getpid());
	CHECK(send_cred(p[0], getpid(), getuid(), getgid()) == 1);
	CHECK(recv_cred(p[1], &uc, NULL, 256, &flags) == 1 && uc.pid == getpid() && uc.gid == getgid());
	/* Lies need privilege. */
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(77) || setuid(77)))
			_exit(0);
		if (send_cred(p[0], getpid(), getuid() + 1, getgid()) != -1 || errno != EPERM)
			_exit(1);
		if (send_cred(p[0], getpid(), getuid(), getgid() + 1) != -1 || errno != EPERM)
			_exit(2);
		if (send_cred(p[0], getppid(), getuid(), getgid()) != -1 || errno != EPERM)
			_exit(3);
		_exit(send_cred(p[0], getpid(), getuid(), getgid()) != 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(recv(p[1], b, 1, MSG_DONTWAIT) == 1);
	if (geteuid() == 0)
		FAILS(send_cred(p[0], 4000000, 0, 0), ESRCH);
	close(p[0]);
	close(p[1]);
}

static void pidfds(void)
{
	struct ucred uc;
	int p[2], on = 1, flags, fd = -1, status;
	socklen_t len = sizeof(fd);
	struct pollfd pf;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	if (getsockopt(p[0], SOL_SOCKET, SO_PEERPIDFD, &fd, &len) && errno == ENOPROTOOPT) {
		close(p[0]);
		close(p[1]);
		return; /* Linux before 6.5 */
	}
	CHECK(fd >= 0 && len == sizeof(fd) && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	close(fd);
	fd = -1;
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) == 0);
	pid = fork();
	if (pid == 0) {
		write(p[0], "x", 1);
		pause();
	}
	CHECK(recv_cred(p[1], &uc, &fd, 256, &flags) == 1 && fd >= 0);
	pf = (struct pollfd){ .fd = fd, .events = POLLIN };
	CHECK(poll(&pf, 1, 0) == 0);
	kill(pid, SIGKILL);
	CHECK(poll(&pf, 1, 5000) == 1);
	CHECK(waitpid(pid, &status, 0) == pid);
	close(fd);
	close(p[0]);
	close(p[1]);
}

/* A socket that wants credentials gets a name when it sends, so that it can be answered. */
static void named(void)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	int on = 1, p[2];

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
	CHECK(send(p[0], "x", 1, 0) == 1);
	CHECK(getsockname(p[0], (void *)&a, &len) == 0 && len == 8 && a.sun_path[0] == 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	alarm(60);
	peercred();
	passcred(SOCK_STREAM);
	passcred(SOCK_DGRAM);
	passcred(SOCK_SEQPACKET);
	pidfds();
	named();
	return failures != 0;
}
