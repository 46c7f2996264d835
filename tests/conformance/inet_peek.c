/* socket(7) SO_PEEK_OFF on internet sockets. TCP has it since Linux 6.9. */
#include "test.h"
#include <arpa/inet.h>
#include <netinet/in.h>

static int off(int fd)
{
	int v = -77;
	socklen_t len = sizeof v;

	OK(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &v, &len));
	return v;
}

static int set_off(int fd, int v) { return setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &v, sizeof v); }

static void pair(int p[2], int type)
{
	struct sockaddr_in a = { AF_INET, 0, { htonl(INADDR_LOOPBACK) }, { 0 } };
	socklen_t len = sizeof a;
	int l = OK(socket(AF_INET, type, 0));

	OK(bind(l, (void *)&a, sizeof a));
	if (type == SOCK_STREAM)
		OK(listen(l, 1));
	OK(getsockname(l, (void *)&a, &len));
	p[0] = OK(socket(AF_INET, type, 0));
	OK(connect(p[0], (void *)&a, sizeof a));
	p[1] = l;
	if (type == SOCK_STREAM) {
		p[1] = OK(accept(l, 0, 0));
		close(l);
	}
}

#define PEEKS(fd, room, text) do { \
	char b_[100] = ""; \
	EQ(recv(fd, b_, room, MSG_PEEK | MSG_DONTWAIT), strlen(text)); \
	STR(b_, text); \
} while (0)
#define READS(fd, room, text) do { \
	char b_[100] = ""; \
	EQ(recv(fd, b_, room, MSG_DONTWAIT), strlen(text)); \
	STR(b_, text); \
} while (0)

TEST(stream)
{
	int p[2];
	char b[10];

	pair(p, SOCK_STREAM);
	EQ(off(p[1]), -1);
	EQ(write(p[0], "0123456789", 10), 10);
	PEEKS(p[1], 4, "0123");
	PEEKS(p[1], 4, "0123");
	EQ(off(p[1]), -1);
	OK(set_off(p[1], 0));
	PEEKS(p[1], 4, "0123");
	EQ(off(p[1]), 4);
	PEEKS(p[1], 4, "4567");
	READS(p[1], 3, "012");
	EQ(off(p[1]), 5);
	PEEKS(p[1], 10, "89");
	EQ(off(p[1]), 7);
	ERR(recv(p[1], b, 10, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	READS(p[1], 10, "3456789");
	EQ(off(p[1]), 0);
	EQ(write(p[0], "abc", 3), 3);
	PEEKS(p[1], 10, "abc");
	OK(set_off(p[1], 1));
	PEEKS(p[1], 10, "bc");
	OK(set_off(p[1], -1));
	PEEKS(p[1], 10, "abc");
	EQ(off(p[1]), -1);
	close(p[0]);
	OK(set_off(p[1], 3));
	EQ(recv(p[1], b, 10, MSG_PEEK), 0);
	READS(p[1], 10, "abc");
}

TEST(dgram)
{
	int p[2];
	char b[10];

	pair(p, SOCK_DGRAM);
	EQ(off(p[1]), -1);
	EQ(write(p[0], "0123", 4), 4);
	EQ(write(p[0], "456789", 6), 6);
	EQ(write(p[0], "ab", 2), 2);
	SOON(recv(p[1], b, 1, MSG_PEEK | MSG_DONTWAIT) == 1);
	msleep(10);
	OK(set_off(p[1], 0));
	PEEKS(p[1], 3, "012");
	EQ(off(p[1]), 3);
	PEEKS(p[1], 3, "3");
	EQ(off(p[1]), 4);
	PEEKS(p[1], 10, "456789");
	PEEKS(p[1], 10, "ab");
	EQ(off(p[1]), 12);
	ERR(recv(p[1], b, 10, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	READS(p[1], 10, "0123");
	EQ(off(p[1]), 8);
	OK(set_off(p[1], 2));
	PEEKS(p[1], 10, "6789");
	EQ(off(p[1]), 6);
	/* What is read in part is gone whole, and counts with the part. */
	READS(p[1], 3, "456");
	EQ(off(p[1]), 3);
	OK(set_off(p[1], 0));
	EQ(recv(p[1], b, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT), 2);
	OK(set_off(p[1], -1));
	READS(p[1], 10, "ab");
}

TEST(empty)
{
	int p[2];
	char b[10];

	pair(p, SOCK_DGRAM);
	OK(set_off(p[1], 0));
	EQ(write(p[0], "", 0), 0);
	EQ(write(p[0], "xy", 2), 2);
	SOON(recv(p[1], b, 10, MSG_PEEK | MSG_DONTWAIT) == 0);
	SOON(recv(p[1], b, 10, MSG_PEEK | MSG_DONTWAIT) == 2);
	EQ(recv(p[1], b, 10, MSG_DONTWAIT), 0);
	READS(p[1], 10, "xy");
}

TEST(waits)
{
	int p[2], type;
	pid_t pid;
	char b[10];

	for (type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		pair(p, type);
		EQ(write(p[0], "01", 2), 2);
		SOON(recv(p[1], b, 10, MSG_PEEK | MSG_DONTWAIT) == 2);
		OK(set_off(p[1], 2));
		pid = OK(fork());
		if (!pid) {
			msleep(100);
			EQ(write(p[0], "23", 2), 2);
			done();
		}
		EQ(recv(p[1], b, 10, MSG_PEEK), 2);
		CHECK(!memcmp(b, "23", 2));
		reap(pid);
		close(p[0]);
		close(p[1]);
	}
}
