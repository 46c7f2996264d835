/* unix(7): calls that wait: backlog, full buffers, time-outs, signals, SO_RCVLOWAT, shutdown under a sleeper. */
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

static struct sockaddr_un addr = { .sun_family = AF_UNIX };

static void on_signal(int sig)
{
	(void)sig;
}

static long ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int reap(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static void backlog(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c[8], n, s;
	struct timeval tv = { 0, 50000 };
	long start;
	pid_t pid;

	CHECK(bind(l, (void *)&addr, sizeof(addr)) == 0 && listen(l, 1) == 0);
	for (n = 0; n < 8; n++) {
		c[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(c[n], (void *)&addr, sizeof(addr)))
			break;
	}
	CHECK(n == 2 && errno == EAGAIN);
	fcntl(c[n], F_SETFL, 0);
	CHECK(setsockopt(c[n], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
	start = ms();
	FAILS(connect(c[n], (void *)&addr, sizeof(addr)), EAGAIN);
	CHECK(ms() - start >= 49);
	tv.tv_usec = 0;
	CHECK(setsockopt(c[n], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
	pid = fork();
	if (pid == 0)
		_exit(connect(c[n], (void *)&addr, sizeof(addr)) != 0);
	usleep(50000);
	s = accept(l, NULL, NULL);
	CHECK(s >= 0);
	CHECK(reap(pid) == 0);
	close(s);
	pid = fork();
	if (pid == 0) {
		close(l);
		n = connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&addr, sizeof(addr));
		_exit(n == 0 || errno != ECONNREFUSED);
	}
	usleep(50000);
	close(l);
	CHECK(reap(pid) == 0);
	while (n >= 0)
		close(c[n--]);
}

static void accepting(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
	struct timeval tv = { 0, 30000 };
	pid_t pid;

	CHECK(bind(l, (void *)&addr, sizeof(addr)) == 0 && listen(l, 5) == 0);
	CHECK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	FAILS(accept(l, NULL, NULL), EAGAIN);
	tv.tv_usec = 0;
	CHECK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	pid = fork();
	if (pid == 0)
		_exit(accept(l, NULL, NULL) < 0);
	usleep(30000);
	CHECK(connect(c, (void *)&addr, sizeof(addr)) == 0);
	CHECK(reap(pid) == 0);
	/* Shut down: those who wait and those who come fail. */
	pid = fork();
	if (pid == 0)
		_exit(accept(l, NULL, NULL) != -1 || errno != EINVAL);
	usleep(30000);
	CHECK(shutdown(l, SHUT_RD) == 0);
	CHECK(reap(pid) == 0);
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(connect(c, (void *)&addr, sizeof(addr)), ECONNREFUSED);
	close(c);
	close(l);
}

static void timeouts(int type)
{
	struct timeval tv = { 0, 30000 }, got;
	struct itimerval it = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction sa = { .sa_handler = on_signal };
	socklen_t len = sizeof(got);
	char b[1024] = { 0 };
	int p[2];
	long start;

	CHECK(socketpair(AF_UNIX, type, 0, p) == 0);
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0);
	CHECK(getsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len) == 0 && got.tv_sec == 0 && got.tv_usec >= 30000 &&
	      got.tv_usec < 45000);
	start = ms();
	FAILS(read(p[0], b, 1), EAGAIN);
	CHECK(ms() - start >= 29);
	while (send(p[0], b, sizeof(b), MSG_DONTWAIT) > 0)
		;
	start = ms();
	FAILS(write(p[0], b, sizeof(b)), EAGAIN);
	CHECK(ms() - start >= 29);
	tv.tv_usec = 1000000;
	FAILS(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
	FAILS(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, 4), EINVAL);
	/* A call with a time-out is not restarted. */
	tv = (struct timeval){ 5, 0 };
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	FAILS(read(p[0], b, 1), EINTR);
	sa.sa_flags = 0;
	sigaction(SIGALRM, &sa, NULL);
	tv.tv_sec = 0;
	CHECK(setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == 0);
	FAILS(read(p[0], b, 1), EINTR);
	it.it_value.tv_usec = it.it_interval.tv_usec = 0;
	setitimer(ITIMER_REAL, &it, NULL);
	close(p[0]);
	close(p[1]);
}

static void sleepers(void)
{
	char b[1 << 18] = { 0 };
	int p[2], n = 4, total;
	pid_t pid;

	/* A reader of a stream waits for as much as it asked for. */
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, p) == 0);
	CHECK(setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)) == 0);
	pid = fork();
	if (pid == 0)
		_exit(read(p[1], b, 4) != 4 || recv(p[1], b, 6, MSG_WAITALL) != 6);
	CHECK(write(p[0], "ab", 2) == 2);
	usleep(20000);
	CHECK(write(p[0], "cd", 2) == 2);
	usleep(20000);
	for (n = 0; n < 6; n++) {
		CHECK(write(p[0], "x", 1) == 1);
		usleep(5000);
	}
	CHECK(reap(pid) == 0);
	/* A big write comes through in pieces; the end of the reader ends it with what was sent. */
	signal(SIGPIPE, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		n = (int)write(p[0], b, sizeof(b));
		_exit(n == sizeof(b) && write(p[0], b, 100) == 100 ? 0 : 1);
	}
	for (total = 0; total < (int)sizeof(b) + 100; total += n) {
		n = (int)read(p[1], b, 5000);
		if (n <= 0)
			break;
	}
	CHECK(total == sizeof(b) + 100);
	CHECK(reap(pid) == 0);
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		n = (int)write(p[0], b, sizeof(b));
		if (n <= 0 || n >= (int)sizeof(b))
			_exit(1);
		_exit(write(p[0], b, 1) != -1 || errno != EPIPE);
	}
	usleep(30000);
	CHECK(shutdown(p[1], SHUT_RD) == 0);
	CHECK(reap(pid) == 0);
	close(p[0]);
	close(p[1]);
	/* A sleeping reader sees the end. */
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, p) == 0);
	pid = fork();
	if (pid == 0)
		_exit(read(p[0], b, 1) != 0);
	usleep(30000);
	CHECK(shutdown(p[0], SHUT_RD) == 0);
	CHECK(reap(pid) == 0);
	close(p[0]);
	close(p[1]);
	/* Ten readers, ten messages, one each. */
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p) == 0);
	for (n = 0; n < 10; n++)
		if (fork() == 0)
			_exit(read(p[1], b, 8) != 1);
	usleep(50000);
	for (n = 0; n < 10; n++)
		CHECK(write(p[0], "x", 1) == 1);
	for (n = 0; n < 10; n++)
		CHECK(reap(-1) == 0);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "unix-block-%d", getpid());
	alarm(60);
	backlog();
	accepting();
	sleepers();
	timeouts(SOCK_STREAM);
	timeouts(SOCK_DGRAM);
	timeouts(SOCK_SEQPACKET);
	return failures != 0;
}
