/* unix(7), socket(2), socket(7): errors, options and hostile arguments. */
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
static char *volatile bad_address = (char *)16;
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

static void creating(void)
{
	int p[2];

	FAILS(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	FAILS(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
	FAILS(socket(AF_UNIX, 12, 0), EINVAL);
	FAILS(socket(AF_UNIX, SOCK_STREAM | 0x40, 0), EINVAL);
	FAILS(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)bad_address), EFAULT);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, AF_UNIX, p) == 0 && p[1] == p[0] + 1);
	close(p[0]);
	close(p[1]);
	FAILS(bind(999, (void *)p, 2), EBADF);
	FAILS(bind(1000, (void *)p, 2), EBADF);
	CHECK(pipe(p) == 0);
	FAILS(listen(p[0], 1), ENOTSOCK);
	FAILS(send(p[0], "x", 1, 0), ENOTSOCK);
	FAILS(getsockopt(p[0], SOL_SOCKET, SO_TYPE, p, (socklen_t *)(p + 1)), ENOTSOCK);
	close(p[0]);
	close(p[1]);
}

static void addresses(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), d = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len;
	char name[64];

	strcpy(a.sun_path, "/nowhere/at/all");
	FAILS(bind(s, (void *)&a, sizeof(a)), ENOENT);
	FAILS(connect(s, (void *)&a, sizeof(a)), ENOENT);
	FAILS(bind(s, (void *)&a, 2 + 108 + 1), EINVAL);
	FAILS(bind(s, (void *)&a, 1), EINVAL);
	FAILS(bind(s, (void *)&a, -1), EINVAL);
	FAILS(bind(s, (void *)&a, 200), EINVAL);
	FAILS(bind(s, (void *)bad_address, sizeof(a)), EFAULT);
	a.sun_family = AF_INET;
	FAILS(bind(s, (void *)&a, sizeof(a)), EINVAL);
	FAILS(connect(s, (void *)&a, sizeof(a)), EINVAL);
	a.sun_family = AF_UNIX;
	strcpy(a.sun_path, "/tmp");
	FAILS(bind(s, (void *)&a, sizeof(a)), EADDRINUSE);
	FAILS(connect(s, (void *)&a, sizeof(a)), ECONNREFUSED);
	snprintf(name, sizeof(name), "/tmp/unix-error-%d", getpid());
	strcpy(a.sun_path, name);
	CHECK(bind(d, (void *)&a, sizeof(a)) == 0);
	FAILS(connect(s, (void *)&a, sizeof(a)), EPROTOTYPE);
	len = 2;
	CHECK(getsockname(d, (void *)&a, &len) == 0 && len == 2 + strlen(name) + 1);
	len = -1;
	FAILS(getsockname(d, (void *)&a, &len), EINVAL);
	FAILS(getsockname(d, (void *)&a, (void *)bad_address), EFAULT);
	len = sizeof(a);
	FAILS(getpeername(d, (void *)&a, &len), ENOTCONN);
	FAILS(listen(d, 1), EOPNOTSUPP);
	FAILS(accept(d, NULL, NULL), EOPNOTSUPP);
	FAILS(accept(s, NULL, NULL), EINVAL);
	if (geteuid() == 0) {
		/* Connecting takes the right to write. */
		CHECK(chmod(name, 0755) == 0);
		if (fork() == 0) {
			strcpy(a.sun_path, name);
			if (setgid(77) || setuid(77))
				_exit(0);
			d = socket(AF_UNIX, SOCK_DGRAM, 0);
			_exit(sendto(d, "x", 1, 0, (void *)&a, sizeof(a)) != -1 || errno != EACCES);
		}
		int status;
		CHECK(wait(&status) > 0 && status == 0);
	}
	unlink(name);
	close(s);
	close(d);
}

static void modes(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	mode_t old = umask(027);
	struct stat st;

	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/unix-mode-%d", getpid());
	CHECK(fstat(s, &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK(bind(s, (void *)&a, sizeof(a)) == 0 && stat(a.sun_path, &st) == 0);
	CHECK(st.st_mode == (S_IFSOCK | 0750));
	umask(old);
	unlink(a.sun_path);
	close(s);
	/* A full path without its 0. */
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	memset(a.sun_path, 'x', sizeof(a.sun_path));
	memcpy(a.sun_path, "/tmp/", 5);
	CHECK(bind(s, (void *)&a, sizeof(a)) == 0);
	char back[128], name[128] = { 0 };
	socklen_t len = sizeof(back);
	CHECK(getsockname(s, (void *)back, &len) == 0 && len == 111 && back[109] == 'x' && back[110] == 0);
	memcpy(name, a.sun_path, sizeof(a.sun_path));
	CHECK(unlink(name) == 0);
	close(s);
}

static int opt(int s, int name)
{
	int v = -12345;
	socklen_t len = sizeof(v);

	if (getsockopt(s, SOL_SOCKET, name, &v, &len))
		return -errno;
	return v;
}
static int setopt(int s, int name, int v)
{
	return setsockopt(s, SOL_SOCKET, name, &v, sizeof(v)) ? -errno : 0;
}

static void options(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0), v;
	struct linger l = { 1, 5 };
	socklen_t len;
	char c;

	CHECK(opt(s, SO_TYPE) == SOCK_STREAM && opt(s, SO_DOMAIN) == AF_UNIX && opt(s, SO_PROTOCOL) == 0);
	CHECK(opt(s, SO_ERROR) == 0 && opt(s, SO_ACCEPTCONN) == 0);
	CHECK(opt(s, SO_SNDLOWAT) == 1 && opt(s, SO_RCVLOWAT) == 1);
	CHECK(opt(s, SO_SNDBUF) == 212992 && opt(s, SO_RCVBUF) == 212992);
	CHECK(setopt(s, SO_SNDBUF, 10000) == 0 && opt(s, SO_SNDBUF) == 20000);
	CHECK(setopt(s, SO_SNDBUF, 0) == 0 && opt(s, SO_SNDBUF) == 4608);
	CHECK(setopt(s, SO_RCVBUF, 0) == 0 && opt(s, SO_RCVBUF) == 2304);
	CHECK(setopt(s, SO_RCVLOWAT, 0) == 0 && opt(s, SO_RCVLOWAT) == 1);
	CHECK(setopt(s, SO_RCVLOWAT, -5) == 0 && opt(s, SO_RCVLOWAT) == 0x7fffffff);
	CHECK(setopt(s, SO_REUSEADDR, 7) == 0 && opt(s, SO_REUSEADDR) == 1);
	CHECK(setopt(s, SO_KEEPALIVE, 1) == 0 && opt(s, SO_KEEPALIVE) == 1);
	CHECK(setopt(s, SO_BROADCAST, 1) == 0 && opt(s, SO_BROADCAST) == 1);
	CHECK(setopt(s, SO_PRIORITY, 6) == 0 && opt(s, SO_PRIORITY) == 6);
	CHECK(setopt(s, SO_TYPE, 1) == -ENOPROTOOPT && setopt(s, SO_ERROR, 1) == -ENOPROTOOPT);
	CHECK(setopt(s, 9999, 1) == -ENOPROTOOPT && opt(s, 9999) == -ENOPROTOOPT);
	CHECK(opt(s, SO_PEERSEC) == -ENOPROTOOPT && opt(s, SO_PEERNAME) == -ENOTCONN);
	CHECK(setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0);
	memset(&l, 0, sizeof(l));
	len = sizeof(l);
	CHECK(getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len) == 0 && l.l_onoff == 1 && l.l_linger == 5);
	v = 1;
	FAILS(setsockopt(s, 6, 1, &v, sizeof(v)), EOPNOTSUPP);
	FAILS(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, 3), EINVAL);
	FAILS(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &v, -1), EINVAL);
	FAILS(setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (void *)bad_address, 4), EFAULT);
	len = 1;
	CHECK(getsockopt(s, SOL_SOCKET, SO_TYPE, &c, &len) == 0 && len == 1 && c == SOCK_STREAM);
	len = -1;
	FAILS(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &len), EINVAL);
	len = 4;
	FAILS(getsockopt(s, SOL_SOCKET, SO_TYPE, (void *)bad_address, &len), EFAULT);
	FAILS(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, (void *)bad_address), EFAULT);
	FAILS(ioctl(s, 0x1234, &v), ENOTTY);
	FAILS(lseek(s, 0, SEEK_SET), ESPIPE);
	FAILS(pread(s, &c, 1, 0), ESPIPE);
	FAILS(shutdown(s, 7), EINVAL);
	FAILS(recv(s, &c, 1, 0), EINVAL);
	FAILS(send(s, &c, 1, 0), ENOTCONN);
	close(s);
}

static void headers(void)
{
	struct iovec v[2] = { { "ab", 2 }, { (void *)bad_address, 1 } };
	struct msghdr h = { .msg_iov = v, .msg_iovlen = 1 };
	union { struct cmsghdr h; char space[64]; } c = { 0 };
	int p[2];
	char b[8];

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p) == 0);
	FAILS(sendmsg(p[0], (void *)bad_address, 0), EFAULT);
	h.msg_iovlen = 1025;
	FAILS(sendmsg(p[0], &h, 0), EMSGSIZE);
	h.msg_iovlen = 2;
	FAILS(sendmsg(p[0], &h, 0), EFAULT);
	h.msg_iovlen = 1;
	v[0].iov_len = (size_t)-1;
	FAILS(sendmsg(p[0], &h, 0), EINVAL);
	v[0].iov_len = 2;
	h.msg_control = (void *)bad_address;
	h.msg_controllen = 32;
	FAILS(sendmsg(p[0], &h, 0), EFAULT);
	h.msg_control = &c;
	h.msg_controllen = 1u << 31;
	FAILS(sendmsg(p[0], &h, 0), ENOBUFS);
	h.msg_controllen = sizeof(c);
	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = 3;
	FAILS(sendmsg(p[0], &h, 0), EINVAL);
	c.h.cmsg_len = 65;
	FAILS(sendmsg(p[0], &h, 0), EINVAL);
	c.h.cmsg_len = (size_t)-8;
	FAILS(sendmsg(p[0], &h, 0), EINVAL);
	c.h.cmsg_len = CMSG_LEN(4);
	c.h.cmsg_type = 77;
	FAILS(sendmsg(p[0], &h, 0), EINVAL);
	/* Other levels are not for this family. */
	c.h.cmsg_level = 6;
	h.msg_controllen = CMSG_LEN(4);
	CHECK(sendmsg(p[0], &h, 0) == 2);
	CHECK(read(p[1], b, 8) == 2);
	FAILS(read(p[1], b, 8), EAGAIN);
	h = (struct msghdr){ .msg_name = (void *)bad_address, .msg_namelen = 16, .msg_iov = v, .msg_iovlen = 1 };
	FAILS(sendmsg(p[0], &h, 0), EFAULT);
	h.msg_namelen = -1;
	FAILS(sendmsg(p[0], &h, 0), EINVAL);
	FAILS(sendto(p[0], "x", 1, 0, (void *)b, 200), EINVAL);
	FAILS(send(p[0], bad_address - 17, 10, 0), EFAULT);
	FAILS(recv(p[1], bad_address - 21, 10, 0), EFAULT);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	creating();
	addresses();
	modes();
	options();
	headers();
	return failures != 0;
}
