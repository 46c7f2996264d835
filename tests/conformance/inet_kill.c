/* Processes that are killed while they talk over TCP leave no connection and no port behind. */
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>

#ifndef PAIRS
#define PAIRS 100
#endif

static int listener(int port, int *got)
{
	struct sockaddr_in a = { AF_INET, htons(port), { htonl(INADDR_LOOPBACK) }, { 0 } };
	int fd = OK(socket(AF_INET, SOCK_STREAM, 0)), one = 1;
	socklen_t n = sizeof a;

	OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one));
	OK(bind(fd, (void *)&a, sizeof a));
	OK(listen(fd, PAIRS));
	OK(getsockname(fd, (void *)&a, &n));
	*got = ntohs(a.sin_port);
	return fd;
}

/* Lines of /proc/net/tcp with this port on either side, those in TIME_WAIT not counted. */
static int live(int port)
{
	char *text = get_file("/proc/net/tcp"), *line, *save, want[16];
	int n = 0;

	snprintf(want, sizeof want, ":%04X ", port);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(0, "\n", &save)) {
		unsigned l, r, st;

		if (sscanf(line, "%*d: %*8[0-9A-F]:%x %*8[0-9A-F]:%x %x", &l, &r, &st) == 3 && st != 6)
			n += (int)l == port || (int)r == port;
	}
	free(text);
	return n;
}

/* Kernel memory in use, KiB: only of the sandbox's own kernel, since others use the machine's. */
static long kernel_memory(void)
{
	char *text = get_file("/proc/meminfo"), *at = strstr(text, "SUnreclaim:");
	long kib = at ? atol(at + 11) : 0;

	free(text);
	return strstr(get_file("/proc/version"), "limpet") ? kib : 0;
}

static void talk(int fd, unsigned seed)
{
	static char b[8192];

	for (;;) {
		ssize_t n;

		seed = seed * 1103515245 + 12345;
		if (seed >> 16 & 1)
			n = send(fd, b, seed >> 8 & 4095, MSG_NOSIGNAL | MSG_DONTWAIT);
		else
			n = recv(fd, b, seed >> 8 & 4095, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			msleep(PAIRS / 20); /* the more there are, the slower */
		else if (n <= 0)
			break;
	}
	pause();
}

static void kill_at_random(void)
{
	struct sockaddr_in to = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } };
	int port, l = listener(0, &port), i, c, a;
	unsigned seed = 7;
	pid_t pid[2 * PAIRS];

	to.sin_port = htons(port);
	for (i = 0; i < PAIRS; i++) {
		c = OK(socket(AF_INET, SOCK_STREAM, 0));
		OK(connect(c, (void *)&to, sizeof to));
		a = OK(accept(l, 0, 0));
		for (int side = 0; side < 2; side++) {
			pid[2 * i + side] = fork();
			if (!pid[2 * i + side]) {
				close(l);
				close(side ? a : c);
				talk(side ? c : a, i * 2 + side);
				_exit(0);
			}
		}
		close(c);
		close(a);
		/* Some early ones die while later ones are made. */
		seed = seed * 1103515245 + 12345;
		if (i > 20) {
			int victim = (seed >> 8) % (2 * i);

			if (pid[victim] > 0) {
				kill(pid[victim], SIGKILL);
				wait_status(pid[victim]);
				pid[victim] = 0;
			}
		}
	}
	for (i = 0; i < 2 * PAIRS; i++)
		if (pid[i] > 0)
			kill(pid[i], SIGKILL);
	for (i = 0; i < 2 * PAIRS; i++)
		if (pid[i] > 0)
			reap_signal(pid[i], SIGKILL);
	close(l);
	SOON(live(port) == 0);
	l = listener(port, &i);
	EQ(i, port);
	c = OK(socket(AF_INET, SOCK_STREAM, 0));
	OK(connect(c, (void *)&to, sizeof to));
}

TEST(killed_at_random)
{
	long before;

	kill_at_random(); /* what is made once and kept is made here */
	before = kernel_memory();
	kill_at_random();
	/* TIME_WAIT is kept, 128 bytes each. */
	SOON(kernel_memory() <= before + 64);
}

/* Some wait for room in the accept queue, some are in it, when all goes. */
TEST(killed_while_queued)
{
	struct sockaddr_in to = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } };
	int port, i, fd;
	struct turn ready = turn_new();
	pid_t server, client;

	server = fork();
	if (!server) {
		int l = listener(0, &port);

		OK(listen(l, 3));
		OK(write(ready.fd[1], &port, sizeof port));
		pause();
		_exit(0);
	}
	EQ(read(ready.fd[0], &port, sizeof port), sizeof port);
	to.sin_port = htons(port);
	client = fork();
	if (!client) {
		for (i = 0; i < 20; i++) {
			fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
			ERR(connect(fd, (void *)&to, sizeof to), EINPROGRESS);
		}
		letgo(ready);
		pause();
		_exit(0);
	}
	hold(ready);
	kill(client, SIGKILL);
	reap_signal(client, SIGKILL);
	for (i = 0; i < 3; i++) {
		fd = OK(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		connect(fd, (void *)&to, sizeof to);
	}
	kill(server, SIGKILL);
	reap_signal(server, SIGKILL);
	for (fd = 3; fd < 20; fd++)
		if (fd != ready.fd[0] && fd != ready.fd[1])
			close(fd);
	SOON(live(port) == 0);
}
