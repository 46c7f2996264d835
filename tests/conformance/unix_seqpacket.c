/* unix(7): SOCK_SEQPACKET: connections with message borders. */
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

int main(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int l, c, s, p[2], n;
	socklen_t len;
	char b[8];

	alarm(60);
	signal(SIGPIPE, SIG_DFL);
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "unix-seqpacket-%d", getpid());
	l = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	FAILS(recv(c, b, 1, 0), ENOTCONN);
	FAILS(send(c, b, 1, 0), ENOTCONN);
	CHECK(bind(l, (void *)&a, sizeof(a)) == 0 && listen(l, 1) == 0);
	FAILS(recv(l, b, 1, 0), ENOTCONN);
	CHECK(connect(c, (void *)&a, sizeof(a)) == 0);
	s = accept(l, NULL, NULL);
	CHECK(s >= 0);
	CHECK(write(c, "first", 5) == 5 && write(c, "2nd", 3) == 3 && send(c, "", 0, 0) == 0);
	CHECK(ioctl(s, FIONREAD, &n) == 0 && n == 8);
	CHECK(recv(s, b, 2, MSG_TRUNC) == 5 && memcmp(b, "fi", 2) == 0);
	CHECK(read(s, b, 8) == 3 && memcmp(b, "2nd", 3) == 0);
	CHECK(read(s, b, 8) == 0);
	/* An address given to send is not looked at. */
	CHECK(sendto(c, "x", 1, 0, (void *)"junk", 4) == 1 && read(s, b, 8) == 1);
	/* More than a datagram socket's queue holds: only the send buffer limits. */
	for (n = 0; send(c, "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	CHECK(errno == EAGAIN && n == 278);
	while (n-- > 0)
		CHECK(read(s, b, 8) == 1);
	CHECK(shutdown(s, SHUT_RD) == 0);
	FAILS(send(c, "x", 1, 0), EPIPE); /* without a signal */
	CHECK(recv(s, b, 1, MSG_DONTWAIT) == 0);
	CHECK(write(s, "back", 4) == 4);
	close(s);
	CHECK(read(c, b, 8) == 4 && read(c, b, 8) == 0);
	FAILS(write(c, "x", 1), EPIPE);
	close(c);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
	CHECK(write(p[0], "x", 1) == 1);
	close(p[1]);
	n = 0;
	len = sizeof(n);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_ERROR, &n, &len) == 0 && n == ECONNRESET);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_ERROR, &n, &len) == 0 && n == 0);
	close(p[0]);
	close(l);
	return failures != 0;
}
