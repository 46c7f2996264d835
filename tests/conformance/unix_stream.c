/* unix(7): SOCK_STREAM between a listener and its clients: addresses, accept, bytes, peeking, half closing. */
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

static char dir[] = "/tmp/unix-stream-XXXXXX";
static struct sockaddr_un addr = { .sun_family = AF_UNIX };

static int nr_signals;
static void count(int sig)
{
	(void)sig;
	nr_signals++;
}

static void connections(void)
{
	struct sockaddr_un got;
	struct stat st;
	socklen_t len;
	int l, c, a, v;
	char buf[16];

	l = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(l >= 0);
	FAILS(listen(l, 3), EINVAL);
	CHECK(bind(l, (void *)&addr, sizeof(addr)) == 0);
	CHECK(stat(addr.sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
	FAILS(open(addr.sun_path, O_RDWR), ENXIO);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&addr, sizeof(addr)), ECONNREFUSED);
	CHECK(listen(l, 3) == 0);
	len = sizeof(v);
	CHECK(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &len) == 0 && v == 1);
	FAILS(accept(c, NULL, NULL), EINVAL);
	CHECK(connect(c, (void *)&addr, sizeof(addr)) == 0);
	FAILS(connect(c, (void *)&addr, sizeof(addr)), EISCONN);
	len = sizeof(got);
	a = accept4(l, (void *)&got, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(a >= 0 && len == sizeof(sa_family_t) && got.sun_family == AF_UNIX);
	CHECK(fcntl(a, F_GETFD) == FD_CLOEXEC && fcntl(a, F_GETFL) == (O_RDWR | O_NONBLOCK));
	len = sizeof(got);
	memset(&got, 0, sizeof(got));
	CHECK(getsockname(a, (void *)&got, &len) == 0 && strcmp(got.sun_path, addr.sun_path) == 0);
	CHECK(len == offsetof(struct sockaddr_un, sun_path) + strlen(addr.sun_path) + 1);
	len = 5;
	memset(&got, 0, sizeof(got));
	CHECK(getpeername(c, (void *)&got, &len) == 0 && len > 5 && got.sun_path[2] && !got.sun_path[3]);
	FAILS(read(a, buf, 1), EAGAIN);
	CHECK(write(c, "hello", 5) == 5);
	CHECK(recv(a, buf, 3, MSG_PEEK) == 3 && memcmp(buf, "hel", 3) == 0);
	CHECK(ioctl(a, FIONREAD, &v) == 0 && v == 5);
	CHECK(read(a, buf, 2) == 2 && memcmp(buf, "he", 2) == 0);
	CHECK(ioctl(a, FIONREAD, &v) == 0 && v == 3);
	CHECK(write(c, " world", 6) == 6);
	len = sizeof(got);
	CHECK(recvfrom(a, buf, sizeof(buf), 0, (void *)&got, &len) == 9 && memcmp(buf, "llo world", 9) == 0);
	CHECK(len == 0);
	CHECK(write(a, "x", 1) == 1);
	memset(&got, 0, sizeof(got));
	len = sizeof(got);
	CHECK(recvfrom(c, buf, sizeof(buf), 0, (void *)&got, &len) == 1 && strcmp(got.sun_path, addr.sun_path) == 0);
	FAILS(sendto(c, "x", 1, 0, (void *)&addr, sizeof(addr)), EISCONN);
	CHECK(shutdown(c, SHUT_WR) == 0);
	CHECK(read(a, buf, 1) == 0);
	nr_signals = 0;
	FAILS(write(c, "x", 1), EPIPE);
	CHECK(nr_signals == 1);
	FAILS(send(c, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK(nr_signals == 1);
	CHECK(write(a, "still", 5) == 5 && read(c, buf, 16) == 5);
	close(a);
	CHECK(read(c, buf, 1) == 0);
	close(c);
	close(l);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&addr, sizeof(addr)), ECONNREFUSED);
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(bind(l, (void *)&addr, sizeof(addr)), EADDRINUSE);
	CHECK(unlink(addr.sun_path) == 0);
	CHECK(bind(l, (void *)&addr, sizeof(addr)) == 0 && listen(l, 1) == 0);
	FAILS(bind(l, (void *)&addr, sizeof(addr)), EADDRINUSE);
	CHECK(connect(c, (void *)&addr, sizeof(addr)) == 0);
	/* Closed before it was accepted. */
	close(l);
	errno = 0;
	CHECK(read(c, buf, 1) == -1 && errno == ECONNRESET);
	CHECK(read(c, buf, 1) == 0);
	close(c);
	unlink(addr.sun_path);
}

/* A path outlives its names: rename keeps the socket, unlink and bind again make another. */
static void names(void)
{
	struct sockaddr_un moved = addr;
	int a, b, c;

	strcat(moved.sun_path, ".moved");
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(a, (void *)&addr, sizeof(addr)) == 0 && listen(a, 5) == 0);
	CHECK(rename(addr.sun_path, moved.sun_path) == 0);
	b = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(b, (void *)&addr, sizeof(addr)) == 0 && listen(b, 5) == 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c, (void *)&moved, sizeof(moved)) == 0);
	close(accept(a, NULL, NULL));
	close(c);
	CHECK(symlink(addr.sun_path, "link") == 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(connect(c, (void *)&(struct sockaddr_un){ AF_UNIX, "link" }, sizeof(struct sockaddr_un)) == 0);
	fcntl(a, F_SETFL, O_NONBLOCK);
	FAILS(accept(a, NULL, NULL), EAGAIN);
	CHECK(accept(b, NULL, NULL) >= 0);
	close(a);
	close(b);
	close(c);
	unlink("link");
	unlink(addr.sun_path);
	unlink(moved.sun_path);
}

static void vectors(void)
{
	char a[3], b[100], big[300000], *back = malloc(sizeof(big));
	struct iovec in[2] = { { a, 3 }, { b, sizeof(b) } };
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
	size_t got = 0;
	int p[2], i;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(writev(p[0], out, 3) == 6);
	CHECK(readv(p[1], in, 2) == 6 && memcmp(a, "abc", 3) == 0 && memcmp(b, "def", 3) == 0);
	CHECK(write(p[0], "", 0) == 0);
	FAILS(recv(p[1], a, 1, MSG_DONTWAIT), EAGAIN);
	for (i = 0; i < (int)sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		_exit(write(p[0], big, sizeof(big)) == sizeof(big) ? 0 : 1);
	}
	CHECK(recv(p[1], back, 250000, MSG_WAITALL) == 250000);
	while (got < 50000) {
		ssize_t n = read(p[1], back + 250000 + got, 777);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	CHECK(got == 50000 && memcmp(big, back, sizeof(big)) == 0);
	CHECK(waitpid(pid, &i, 0) == pid && i == 0);
	/* A fault in the middle leaves what was not copied. */
	CHECK(write(p[0], "123456", 6) == 6);
	FAILS(read(p[1], bad_address, 6), EFAULT);
	CHECK(read(p[1], b, 6) == 6 && memcmp(b, "123456", 6) == 0);
	FAILS(write(p[0], bad_address, 6), EFAULT);
	/* Unread data at close: the peer is told. */
	CHECK(write(p[0], "x", 1) == 1);
	close(p[1]);
	FAILS(read(p[0], b, 1), ECONNRESET);
	CHECK(read(p[0], b, 1) == 0);
	close(p[0]);
	free(back);
}

static void peek_offset(void)
{
	char b[16];
	int p[2], off = 0;
	socklen_t len = sizeof(off);

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_PEEK_OFF, &off, &len) == 0 && off == -1);
	off = 1;
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &off, sizeof(off)) == 0);
	CHECK(write(p[0], "abc", 3) == 3 && write(p[0], "def", 3) == 3);
	CHECK(recv(p[1], b, 3, MSG_PEEK) == 3 && memcmp(b, "bcd", 3) == 0);
	CHECK(recv(p[1], b, 3, MSG_PEEK) == 2 && memcmp(b, "ef", 2) == 0);
	FAILS(recv(p[1], b, 3, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	CHECK(recv(p[1], b, 2, 0) == 2 && memcmp(b, "ab", 2) == 0);
	CHECK(getsockopt(p[1], SOL_SOCKET, SO_PEEK_OFF, &off, &len) == 0 && off == 4);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count };

	sigaction(SIGPIPE, &sa, NULL);
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
	connections();
	names();
	vectors();
	peek_offset();
	if (chdir("/") || rmdir(dir))
		printf("left something in %s\n", dir), failures++;
	return failures != 0;
}
