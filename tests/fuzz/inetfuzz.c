/*
 * Random calls on internet sockets that threads of several processes share: inetfuzz SEED SECONDS [PROCESSES]. Few ports
 * and few descriptors, so that calls meet: connects to what is just being closed, accepts while the listener goes,
 * readers and writers at both ends of connections that are reset. Only ever inside a sandbox.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS 24
#define PORTS 6
#define THREADS 3

static int fds[FDS]; /* racy on purpose */
static int ep;

static unsigned next(unsigned *r)
{
	*r = *r * 1664525 + 1013904223;
	return *r >> 8;
}

static socklen_t some_addr(unsigned *r, void *to)
{
	struct sockaddr_in *a = to;
	struct sockaddr_in6 *b = to;
	static const unsigned ips[] = { INADDR_LOOPBACK, INADDR_ANY, 0x7f000002, 0xe0000001, 0x7fffffff, 0x08080808 };
	int port = next(r) % 8 ? 20000 + (int)(next(r) % PORTS) : 0;

	memset(to, 0, sizeof *b);
	if (next(r) % 3) {
		a->sin_family = next(r) % 30 ? AF_INET : AF_UNSPEC;
		a->sin_port = htons(port);
		a->sin_addr.s_addr = htonl(ips[next(r) % 4 ? 0 : next(r) % 6]);
		return sizeof *a;
	}
	b->sin6_family = AF_INET6;
	b->sin6_port = htons(port);
	if (next(r) % 2)
		inet_pton(AF_INET6, next(r) % 2 ? "::1" : "::ffff:127.0.0.1", &b->sin6_addr);
	return sizeof *b;
}

static void keep(unsigned *r, int fd)
{
	int i = next(r) % FDS, old;

	if (fd < 0)
		return;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	old = __atomic_exchange_n(&fds[i], fd, __ATOMIC_SEQ_CST);
	if (old >= 0)
		close(old);
}

static void option(unsigned *r, int fd)
{
	static const int levels[] = { SOL_SOCKET, SOL_IP, SOL_IPV6, SOL_TCP, IPPROTO_UDP };
	int v[64] = { (int)(next(r) % 5) };
	socklen_t n = sizeof v;
	int level = levels[next(r) % 5], name = next(r) % 80;

	if (next(r) % 2)
		getsockopt(fd, level, name, v, &n);
	else
		setsockopt(fd, level, name, v, next(r) % 2 ? 4 : next(r) % 64);
}

static void one(unsigned *r, char *buf)
{
	struct sockaddr_storage a;
	socklen_t n = some_addr(r, &a);
	int fd = fds[next(r) % FDS], v, flags = next(r) % 4 ? 0 : (int)(next(r) & (MSG_OOB | MSG_PEEK | MSG_TRUNC | MSG_MORE));
	struct linger l = { 1, 0 };

	switch (next(r) % 16) {
	case 0:
		keep(r, socket(next(r) % 3 ? AF_INET : AF_INET6, next(r) % 4 ? SOCK_STREAM : next(r) % 3 ? SOCK_DGRAM : SOCK_RAW,
			       next(r) % 5 ? 0 : IPPROTO_ICMP));
		break;
	case 1:
		v = 1;
		setsockopt(fd, SOL_SOCKET, next(r) % 2 ? SO_REUSEADDR : SO_REUSEPORT, &v, sizeof v);
		bind(fd, (void *)&a, n);
		break;
	case 2:
		listen(fd, next(r) % 4);
		break;
	case 3:
	case 4:
		connect(fd, (void *)&a, n);
		break;
	case 5:
	case 6:
		keep(r, accept(fd, next(r) % 2 ? (void *)&a : 0, &n));
		break;
	case 7:
	case 8:
		send(fd, buf, next(r) % (next(r) % 8 ? 5000 : 200000), MSG_NOSIGNAL | MSG_DONTWAIT | flags);
		break;
	case 9:
		sendto(fd, buf, next(r) % 3000, MSG_NOSIGNAL | MSG_DONTWAIT | flags, (void *)&a, n);
		break;
	case 10:
	case 11:
		recv(fd, buf, next(r) % (next(r) % 8 ? 5000 : 200000), MSG_DONTWAIT | flags);
		break;
	case 12:
		shutdown(fd, next(r) % 3);
		break;
	case 13:
		if (next(r) % 3 == 0)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
		if (next(r) % 2)
			keep(r, dup(fd));
		v = __atomic_exchange_n(&fds[next(r) % FDS], -1, __ATOMIC_SEQ_CST);
		if (v >= 0)
			close(v);
		break;
	case 14:
		option(r, fd);
		break;
	default: {
		struct epoll_event e = { EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, { .fd = fd } }, got[8];
		struct pollfd p = { fd, POLLIN | POLLOUT | POLLPRI, 0 };

		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		epoll_wait(ep, got, 8, 0);
		poll(&p, 1, 0);
		ioctl(fd, FIONREAD, &v);
		getsockname(fd, (void *)&a, &n);
		getpeername(fd, (void *)&a, &n);
		if (next(r) % 50 == 0) {
			int f = open(next(r) % 2 ? "/proc/net/tcp" : "/proc/net/sockstat", O_RDONLY);

			while (f >= 0 && read(f, buf, 4096) > 0)
				;
			close(f);
		}
	}
	}
}

static time_t until;

static void *work(void *arg)
{
	unsigned r = (unsigned)(long)arg;
	char *buf = calloc(1, 200000);

	while (time(0) < until)
		for (int i = 0; i < 200; i++)
			one(&r, buf);
	free(buf);
	return 0;
}

int main(int argc, char **argv)
{
	int seed = argc > 1 ? atoi(argv[1]) : 1, seconds = argc > 2 ? atoi(argv[2]) : 5, procs = argc > 3 ? atoi(argv[3]) : 3;
	struct utsname u;

	uname(&u);
	if (!strstr(u.release, "limpet")) {
		fprintf(stderr, "inetfuzz runs in a sandbox only\n");
		return 77;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < FDS; i++)
		fds[i] = -1;
	until = time(0) + seconds;
	while (time(0) < until) {
		pid_t pid[16];
		time_t end = time(0) + 2;

		/* They share some sockets at the start, and are killed in the middle of things. */
		for (int i = 0; i < FDS / 2; i++)
			if (fds[i] < 0)
				fds[i] = socket(AF_INET, (i & 1 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
		for (int i = 0; i < procs && i < 16; i++) {
			pid[i] = fork();
			if (pid[i])
				continue;
			ep = epoll_create1(0);
			for (long t = 1; t < THREADS; t++) {
				pthread_t th;

				pthread_create(&th, 0, work, (void *)(seed * 1000 + i * 10 + t));
			}
			work((void *)(long)(seed * 1000 + i * 10));
			_exit(0);
		}
		while (time(0) < end)
			usleep(10000);
		for (int i = 0; i < procs && i < 16; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], 0, 0);
		}
		seed++;
	}
	puts("inetfuzz: done");
	return 0;
}
