/* fcntl(2): O_ASYNC and F_SETSIG on pipes, FIFOs, terminals and inotify. */
#include "test.h"

#include <sys/inotify.h>

static volatile int hits, fd_seen, code_seen;
static void count(int sig) { (void)sig; hits++; }
static void note(int sig, siginfo_t *info, void *uc)
{
	(void)sig, (void)uc;
	fd_seen = info->si_fd;
	code_seen = info->si_code;
	hits++;
}

static void ask(int fd)
{
	EQ(fcntl(fd, F_SETOWN, getpid()), 0);
	EQ(fcntl(fd, F_GETOWN), getpid());
	EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC), 0);
	CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
	hits = 0;
}

TEST(reading_end)
{
	int p[2];
	char c;

	OK(pipe(p));
	handle(SIGIO, count, 0);
	ask(p[0]);
	EQ(write(p[1], "x", 1), 1);
	SOON(hits == 1);
	EQ(read(p[0], &c, 1), 1);
	EQ(write(p[1], "x", 1), 1);
	SOON(hits == 2);
	EQ(fcntl(p[0], F_SETFL, 0), 0);
	EQ(read(p[0], &c, 1), 1);
	EQ(write(p[1], "x", 1), 1);
	usleep(20000);
	EQ(hits, 2);
	close(p[0]);
	close(p[1]);
}

TEST(signal_with_descriptor)
{
	struct sigaction sa = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	int p[2];

	OK(pipe(p));
	OK(sigaction(SIGUSR1, &sa, NULL));
	ask(p[0]);
	EQ(fcntl(p[0], F_SETSIG, SIGUSR1), 0);
	EQ(fcntl(p[0], F_GETSIG), SIGUSR1);
	EQ(write(p[1], "x", 1), 1);
	SOON(hits == 1);
	EQ(fd_seen, p[0]);
	EQ(code_seen, POLL_IN);
	close(p[0]);
	close(p[1]);
}

TEST(end_of_file)
{
	int p[2];

	OK(pipe(p));
	handle(SIGIO, count, 0);
	ask(p[0]);
	close(p[1]);
	SOON(hits >= 1);
	close(p[0]);
}

TEST(fifo)
{
	int r, w;

	OK(mkfifo("fifo", 0600));
	r = OK(open("fifo", O_RDONLY | O_NONBLOCK));
	w = OK(open("fifo", O_WRONLY));
	handle(SIGIO, count, 0);
	ask(r);
	EQ(write(w, "x", 1), 1);
	SOON(hits >= 1);
	close(r);
	close(w);
}

TEST(terminal)
{
	int master = OK(posix_openpt(O_RDWR | O_NOCTTY)), slave;

	OK(grantpt(master));
	OK(unlockpt(master));
	slave = OK(open(ptsname(master), O_RDWR | O_NOCTTY));
	handle(SIGIO, count, 0);
	ask(slave);
	EQ(write(master, "line\n", 5), 5);
	SOON(hits >= 1);
	close(slave);
	close(master);
}

TEST(inotify)
{
	int in = OK(inotify_init1(IN_NONBLOCK));

	OK(inotify_add_watch(in, ".", IN_CREATE));
	handle(SIGIO, count, 0);
	ask(in);
	close(OK(open("made", O_CREAT | O_WRONLY, 0600)));
	SOON(hits >= 1);
	close(in);
}

/* Owners and files that come and go while signals are on their way. */
TEST(gone)
{
	int p[2];

	handle(SIGIO, count, 0);
	for (int i = 0; i < 200; i++) {
		OK(pipe(p));
		ask(p[0]);
		EQ(write(p[1], "x", 1), 1);
		close(p[0]);
		close(p[1]);
	}
}
