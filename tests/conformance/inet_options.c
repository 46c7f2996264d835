/* socket(7), tcp(7): options that change what calls do, from SO_RCVLOWAT to TCP_FASTOPEN; how many wake. */
#include "test.h"
#include "inet.h"
#include <netinet/tcp.h>
#include <sys/utsname.h>

#define LO INADDR_LOOPBACK

static bool inside_limpet(void)
{
	struct utsname u;

	uname(&u);
	return strstr(u.release, "limpet") != NULL;
}

static int listener(int *port)
{
	struct sockaddr_in a = at(LO, 0);
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0));

	OK(bind(fd, (void *)&a, sizeof a));
	OK(listen(fd, 20));
	*port = port_of(fd);
	return fd;
}

static void pair(int p[2])
{
	struct sockaddr_in a;
	int port, l = listener(&port);

	a = at(LO, port);
	p[0] = OK(socket(AF_INET, SOCK_STREAM, 0));
	OK(connect(p[0], (void *)&a, sizeof a));
	p[1] = OK(accept(l, 0, 0));
	close(l);
}

TEST(receive_low_water)
{
	struct timeval tv = { 0, 200000 };
	int p[2], low = 10;
	char b[100];
	pid_t pid;

	pair(p);
	OK(setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
	EQ(write(p[0], "01234", 5), 5);
	msleep(20);
	CHECK(!(events(p[1]) & POLLIN));
	/* Less is enough for who does not wait, or no longer. */
	EQ(recv(p[1], b, 2, MSG_DONTWAIT), 2);
	OK(setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	EQ(recv(p[1], b, 100, 0), 3);
	tv.tv_sec = 10;
	OK(setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv));
	pid = OK(fork());
	if (!pid) {
		for (int i = 0; i < 10; i++) {
			msleep(10);
			EQ(write(p[0], "x", 1), 1);
		}
		done();
	}
	EQ(recv(p[1], b, 100, 0), 10);
	reap(pid);
	EQ(write(p[0], "0123456789", 10), 10);
	SOON(events(p[1]) & POLLIN);
	EQ(recv(p[1], b, 5, 0), 5); /* nobody gets more than asked for */
	CHECK(!(events(p[1]) & POLLIN));
	low = 5;
	OK(setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
	CHECK(events(p[1]) & POLLIN);
	EQ(recv(p[1], b, 100, 0), 5);
	/* The end is news whatever there is. */
	EQ(write(p[0], "yz", 2), 2);
	close(p[0]);
	SOON(events(p[1]) & POLLIN);
	EQ(recv(p[1], b, 100, 0), 2);
	EQ(recv(p[1], b, 100, 0), 0);
}

TEST(fast_open)
{
	int port, l = listener(&port), v = 5, c, a;
	struct sockaddr_in to = at(LO, port);
	char b[10];

	OK(setsockopt(l, SOL_TCP, TCP_FASTOPEN, &v, sizeof v));
	c = OK(socket(AF_INET, SOCK_STREAM, 0));
	EQ(sendto(c, "first", 5, MSG_FASTOPEN, (void *)&to, sizeof to), 5);
	a = OK(accept(l, 0, 0));
	EQ(read(a, b, 10), 5);
	EQ(write(a, "answer", 6), 6);
	EQ(read(c, b, 10), 6);
	close(c);
	v = 1;
	c = OK(socket(AF_INET, SOCK_STREAM, 0));
	OK(setsockopt(c, SOL_TCP, TCP_FASTOPEN_CONNECT, &v, sizeof v));
	OK(connect(c, (void *)&to, sizeof to));
	EQ(write(c, "second", 6), 6);
	a = OK(accept(l, 0, 0));
	EQ(read(a, b, 10), 6);
	close(l);
	c = OK(socket(AF_INET, SOCK_STREAM, 0));
	ERR(sendto(c, "x", 1, MSG_FASTOPEN, (void *)&to, sizeof to), ECONNREFUSED);
}

/* Longer than libc's. */
struct long_info {
	struct tcp_info i;
	uint64_t pacing[2], acked, received;
};

static struct long_info info(int fd)
{
	struct long_info ti;
	socklen_t n = sizeof ti;

	OK(getsockopt(fd, SOL_TCP, TCP_INFO, &ti, &n));
	return ti;
}

TEST(tcp_information)
{
	static char b[5000];
	int p[2], port, l = listener(&port);

	EQ(info(l).i.tcpi_state, TCP_LISTEN);
	pair(p);
	EQ(info(p[0]).i.tcpi_state, TCP_ESTABLISHED);
	EQ(write(p[0], b, sizeof b), sizeof b);
	SOON(info(p[1]).received == sizeof b);
	CHECK(info(p[0]).acked >= sizeof b && info(p[0]).acked <= sizeof b + 1);
	CHECK(info(p[0]).i.tcpi_snd_mss > 500 && info(p[0]).i.tcpi_rtt > 0);
	EQ(recv(p[1], b, sizeof b, MSG_WAITALL), sizeof b);
	OK(shutdown(p[0], SHUT_WR));
	SOON(info(p[1]).i.tcpi_state == TCP_CLOSE_WAIT);
	SOON(info(p[0]).i.tcpi_state == TCP_FIN_WAIT2);
}

/* Who asks for what nobody has is told so, and the flag alone does nothing. */
TEST(zero_copy)
{
	int p[2], one = 1;
	char b[10];
	ssize_t n;

	pair(p);
	if (inside_limpet())
		ERR(setsockopt(p[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one), EOPNOTSUPP);
	n = send(p[0], "x", 1, MSG_ZEROCOPY);
	EQ(n, 1);
	EQ(read(p[1], b, 10), 1);
	ERR(recv(p[0], b, 10, MSG_ERRQUEUE), EAGAIN);
}

TEST(no_uring)
{
	if (inside_limpet())
		ERR(syscall(SYS_io_uring_setup, 8, 0), ENOSYS);
}

/* Those who share a port share what comes; one peer stays with one of them. */
TEST(reuse_port_of_datagrams)
{
	enum { N = 4, PEERS = 64 };
	int fd[N], from[PEERS], who[PEERS] = { 0 }, some = 0, one = 1, port = 0;
	struct sockaddr_in a;

	for (int i = 0; i < N; i++) {
		fd[i] = OK(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
		OK(setsockopt(fd[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one));
		a = at(LO, port);
		OK(bind(fd[i], (void *)&a, sizeof a));
		port = port_of(fd[i]);
	}
	a = at(LO, port);
	for (int i = 0; i < PEERS; i++) {
		from[i] = OK(socket(AF_INET, SOCK_DGRAM, 0));
		OK(connect(from[i], (void *)&a, sizeof a));
	}
	for (int round = 0; round < 3; round++) {
		int got = 0;

		for (int i = 0; i < PEERS; i++)
			EQ(send(from[i], &i, sizeof i, 0), sizeof i);
		msleep(20);
		for (int k = 0, i; k < N; k++) {
			int mine = 0;

			while (recv(fd[k], &i, sizeof i, 0) == sizeof i) {
				CHECK(!round || who[i] == k);
				who[i] = k;
				mine++;
			}
			got += mine;
			some += !round && mine > PEERS / N / 4;
		}
		EQ(got, PEERS);
	}
	EQ(some, N);
}

TEST(device)
{
	int fd = OK(socket(AF_INET, SOCK_DGRAM, 0)), other = OK(socket(AF_INET, SOCK_DGRAM, 0)), v = 1;
	struct sockaddr_in a = at(LO, 0);
	char name[16] = "", c;
	socklen_t n = sizeof name;

	OK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &n));
	EQ(n, 0);
	ERR(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nosuch0", 7), ENODEV);
	OK(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	n = sizeof name;
	OK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &n));
	EQ(n, 3);
	STR(name, "lo");
	n = sizeof v;
	OK(getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, &n));
	EQ(v, 1);
	OK(bind(fd, (void *)&a, sizeof a));
	a = at(LO, port_of(fd));
	EQ(sendto(other, "x", 1, 0, (void *)&a, sizeof a), 1);
	EQ(recv(fd, &c, 1, 0), 1);
	v = -1;
	ERR(setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &v, sizeof v), EINVAL);
}

static void wait_accept(int fd) { close(accept(fd, 0, 0)); }
static void wait_recv(int fd)
{
	char c;

	recv(fd, &c, 1, 0);
}

/* How often these have gone to sleep. */
static long sleeps(const pid_t *pid, int n)
{
	char name[64], *text, *at;
	long sum = 0;

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "/proc/%d/status", pid[i]);
		text = get_file(name);
		at = strstr(text, "\nvoluntary_ctxt_switches:");
		sum += at ? atol(at + 25) : 0;
		free(text);
	}
	return sum;
}

/* Eight wait; of what comes one of them hears. */
static void herd(int fd, void (*call)(int fd), int to, int type)
{
	int *calls = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int c = OK(socket(AF_INET, type, 0));
	struct sockaddr_in a = at(LO, to);
	pid_t pid[8];
	long before;

	for (int i = 0; i < 8; i++) {
		pid[i] = OK(fork());
		if (!pid[i]) {
			call(fd);
			__atomic_add_fetch(calls, 1, __ATOMIC_SEQ_CST);
			pause();
		}
	}
	msleep(200);
	before = sleeps(pid, 8);
	CHECK(before >= 8);
	OK(connect(c, (void *)&a, sizeof a));
	if (type == SOCK_DGRAM)
		EQ(send(c, "x", 1, 0), 1);
	SOON(*calls == 1);
	msleep(100);
	EQ(*calls, 1);
	/* That one sleeps again in pause; the others have not been up. */
	CHECK(sleeps(pid, 8) - before <= 4);
	for (int i = 0; i < 8; i++)
		kill(pid[i], SIGKILL);
}

TEST(accept_wakes_one)
{
	int port, l = listener(&port);

	herd(l, wait_accept, port, SOCK_STREAM);
}

TEST(receive_wakes_one)
{
	struct sockaddr_in a = at(LO, 0);
	int fd = OK(socket(AF_INET, SOCK_DGRAM, 0));

	OK(bind(fd, (void *)&a, sizeof a));
	herd(fd, wait_recv, port_of(fd), SOCK_DGRAM);
}
