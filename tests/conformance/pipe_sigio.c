/* O_ASYNC on pipes. */
#include "test.h"

static volatile int hits;
static void count(int sig) { (void)sig; hits++; }

TEST(sigio)
{
	int p[2];

	pipe(p);
	handle(SIGIO, count, 0);
	EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
	EQ(fcntl(p[0], F_GETOWN), getpid());
	EQ(fcntl(p[0], F_SETFL, O_ASYNC), 0);
	write(p[1], "x", 1);
	SOON(hits == 1);
	EQ(fcntl(p[0], F_SETSIG, SIGUSR1), 0);
	EQ(fcntl(p[0], F_GETSIG), SIGUSR1);
}
