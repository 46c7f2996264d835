/* Two that talk: through pipes, unix and TCP sockets, and futexes. A ping-pong is a word there and one back. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define CHUNK 65536

static int to[2] = { -1, -1 }, from[2] = { -1, -1 };
static pid_t peer;
static char *buf;

static void setup_self(void) { need(!pipe(to), "pipe"); }

static void run_self(long n)
{
	char c = 0;

	while (n--) {
		need(write(to[1], &c, 1) == 1, "write");
		need(read(to[0], &c, 1) == 1, "read");
	}
}

/* The peer sends back what it gets until there is no more. */
static void start_echo(int in, int out)
{
	char c;

	peer = fork();
	need(peer >= 0, "fork");
	if (peer)
		return;
	for (int i = 0; i < 2; i++) {
		if (to[i] != in && to[i] != out)
			close(to[i]);
		if (from[i] != in && from[i] != out)
			close(from[i]);
	}
	while (read(in, &c, 1) == 1 && write(out, &c, 1) == 1)
		;
	_exit(0);
}

static void setup_pipes(void)
{
	need(!pipe(to) && !pipe(from), "pipe");
	start_echo(to[0], from[1]);
}

static void setup_unix(void)
{
	int s[2];

	need(!socketpair(AF_UNIX, SOCK_STREAM, 0, s), "socketpair");
	to[1] = from[0] = s[0];
	to[0] = from[1] = s[1];
	start_echo(s[1], s[1]);
}

/* A connection over the loopback interface, in s. */
static void make_tcp(int s[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	socklen_t len = sizeof(a);

	need(l >= 0 && !bind(l, (void *)&a, len) && !listen(l, 1) && !getsockname(l, (void *)&a, &len), "listen");
	s[0] = socket(AF_INET, SOCK_STREAM, 0);
	need(s[0] >= 0 && !connect(s[0], (void *)&a, len), "connect");
	s[1] = accept(l, NULL, NULL);
	need(s[1] >= 0, "accept");
	close(l);
	for (int i = 0; i < 2; i++)
		need(!setsockopt(s[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), "TCP_NODELAY");
}

static void setup_tcp(void)
{
	int s[2];

	make_tcp(s);
	to[1] = from[0] = s[0];
	to[0] = from[1] = s[1];
	start_echo(s[1], s[1]);
}

static void run_ping_pong(long n)
{
	char c = 0;

	while (n--) {
		need(write(to[1], &c, 1) == 1, "write");
		need(read(from[0], &c, 1) == 1, "read");
	}
}

/* The same, and who waits does it as servers do. */
static int epfd;

static void setup_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	setup_pipes();
	epfd = epoll_create1(EPOLL_CLOEXEC);
	need(epfd >= 0 && !epoll_ctl(epfd, EPOLL_CTL_ADD, from[0], &ev), "epoll");
}

static void run_epoll(long n)
{
	struct epoll_event ev;
	char c = 0;

	while (n--) {
		need(write(to[1], &c, 1) == 1, "write");
		need(epoll_wait(epfd, &ev, 1, -1) == 1, "epoll_wait");
		need(read(from[0], &c, 1) == 1, "read");
	}
}

static void teardown(void)
{
	int all[] = { to[0], to[1], from[0], from[1] };

	/* A socket stands in two places. */
	for (int i = 0; i < 4; i++)
		if (all[i] >= 0 && !(i == 2 && all[2] == all[1]) && !(i == 3 && all[3] == all[0]))
			close(all[i]);
	to[0] = to[1] = from[0] = from[1] = -1;
	if (peer)
		waitpid(peer, NULL, 0);
	peer = 0;
}

static void teardown_epoll(void)
{
	close(epfd);
	teardown();
}

static void start_sink(void)
{
	peer = fork();
	need(peer >= 0, "fork");
	if (peer) {
		close(to[0]);
		to[0] = -1;
		return;
	}
	close(to[1]);
	while (read(to[0], buf, CHUNK) > 0)
		;
	_exit(0);
}

static void setup_bandwidth(void)
{
	if (!buf)
		buf = calloc(1, CHUNK);
	need(buf && !pipe(to), "pipe");
	start_sink();
}

static void setup_tcp_bandwidth(void)
{
	if (!buf)
		buf = calloc(1, CHUNK);
	need(buf != NULL, "calloc");
	make_tcp(to);
	start_sink();
}

static void run_bandwidth(long n)
{
	for (n *= (1 << 20) / CHUNK; n; n--)
		need(write(to[1], buf, CHUNK) == CHUNK, "write");
}

static uint32_t turn; /* 0 = ours, 1 = the other thread's, 2 = over */
static pthread_t thread;

static void futex_wait(uint32_t value)
{
	syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_pass(uint32_t value)
{
	__atomic_store_n(&turn, value, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void *other(void *arg)
{
	uint32_t v;

	for (;;) {
		while (!(v = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)))
			futex_wait(0);
		if (v == 2)
			return arg;
		futex_pass(0);
	}
}

static void setup_futex(void)
{
	turn = 0;
	need(!pthread_create(&thread, NULL, other, NULL), "pthread_create");
}

static void run_futex(long n)
{
	while (n--) {
		futex_pass(1);
		while (__atomic_load_n(&turn, __ATOMIC_SEQ_CST))
			futex_wait(1);
	}
}

static void teardown_futex(void)
{
	futex_pass(2);
	pthread_join(thread, NULL);
}

const struct bench ipc_benches[] = {
	{ .name = "pipe-self", .setup = setup_self, .run = run_self, .teardown = teardown },
	{ .name = "pipe-ping-pong", .setup = setup_pipes, .run = run_ping_pong, .teardown = teardown },
	{ .name = "epoll-ping-pong", .setup = setup_epoll, .run = run_epoll, .teardown = teardown_epoll },
	{ .name = "pipe-1m", .setup = setup_bandwidth, .run = run_bandwidth, .teardown = teardown },
	{ .name = "unix-ping-pong", .setup = setup_unix, .run = run_ping_pong, .teardown = teardown },
	{ .name = "tcp-ping-pong", .setup = setup_tcp, .run = run_ping_pong, .teardown = teardown },
	{ .name = "tcp-1m", .setup = setup_tcp_bandwidth, .run = run_bandwidth, .teardown = teardown },
	{ .name = "futex-ping-pong", .setup = setup_futex, .run = run_futex, .teardown = teardown_futex },
	{ 0 },
};
