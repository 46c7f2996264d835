/* System calls that signals interrupt: which start again, which say EINTR, and what is left of a sleep. */
#include "test.h"
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <semaphore.h>

static volatile int hits;
static int wake_fd = -1;
static void count(int sig) { (void)sig; hits++; }

/* A signal after 40 ms; once its handler ran, a byte goes to wake_fd. */
static pid_t poke(int sig, bool then_write)
{
	pid_t me = getpid(), pid = fork();

	if (!pid) {
		msleep(40);
		kill(me, sig);
		msleep(60);
		if (then_write)
			write(wake_fd, "x", 1);
		_exit(0);
	}
	return pid;
}

TEST(read_restarts_with_sa_restart)
{
	int p[2];
	char c;

	pipe(p);
	wake_fd = p[1];
	handle(SIGUSR1, count, SA_RESTART);
	poke(SIGUSR1, true);
	EQ(read(p[0], &c, 1), 1);
	EQ(hits, 1);
	wait(0);
	handle(SIGUSR1, count, 0);
	poke(SIGUSR1, true);
	ERR(read(p[0], &c, 1), EINTR);
	EQ(hits, 2);
	wait(0);
}

TEST(ignored_and_default_ignored_do_not_interrupt)
{
	int p[2];
	char c;

	pipe(p);
	wake_fd = p[1];
	signal(SIGUSR1, SIG_IGN);
	poke(SIGUSR1, true);
	EQ(read(p[0], &c, 1), 1);
	wait(0);
	poke(SIGWINCH, true);
	EQ(read(p[0], &c, 1), 1);
	wait(0);
}

TEST(stop_and_continue_do_not_interrupt_read)
{
	int p[2];
	char c;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		EQ(read(p[0], &c, 1), 1);
		done();
	}
	msleep(20);
	kill(pid, SIGSTOP);
	waitpid(pid, 0, WUNTRACED);
	kill(pid, SIGCONT);
	msleep(30);
	write(p[1], "x", 1);
	reap(pid);
}

TEST(nanosleep_remaining)
{
	struct timespec ts = { 2, 0 }, rem = { 9, 9 };
	long long start = now_ns();

	handle(SIGUSR1, count, SA_RESTART);
	poke(SIGUSR1, false);
	ERR(nanosleep(&ts, &rem), EINTR);
	CHECK(now_ns() - start < 1500 * MS);
	CHECK(rem.tv_sec == 1 && rem.tv_nsec > 0);
	wait(0);
	poke(SIGUSR1, false);
	rem.tv_sec = 9;
	EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &rem), EINTR);
	EQ(rem.tv_sec, 1);
	wait(0);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 2;
	poke(SIGUSR1, false);
	rem.tv_sec = 9;
	EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, &rem), EINTR);
	EQ(rem.tv_sec, 9); /* untouched */
	wait(0);
}

TEST(nanosleep_continues_after_stop)
{
	long long start = now_ns();
	pid_t pid = fork();

	if (!pid) {
		struct timespec ts = { 0, 300 * MS };

		EQ(nanosleep(&ts, 0), 0);
		done();
	}
	msleep(50);
	kill(pid, SIGSTOP);
	waitpid(pid, 0, WUNTRACED);
	kill(pid, SIGCONT);
	reap(pid);
	CHECK(now_ns() - start >= 290 * MS);
	CHECK(now_ns() - start < 1500 * MS);
}

TEST(never_restarted)
{
	struct pollfd pfd;
	struct epoll_event ev;
	fd_set set;
	int p[2], ep = epoll_create1(0);
	sigset_t empty;

	sigemptyset(&empty);
	pipe(p);
	pfd = (struct pollfd){ p[0], POLLIN, 0 };
	handle(SIGUSR1, count, SA_RESTART);
	poke(SIGUSR1, false);
	ERR(poll(&pfd, 1, 5000), EINTR);
	wait(0);
	poke(SIGUSR1, false);
	FD_ZERO(&set);
	FD_SET(p[0], &set);
	ERR(select(p[0] + 1, &set, 0, 0, &(struct timeval){ 5, 0 }), EINTR);
	wait(0);
	poke(SIGUSR1, false);
	ERR(epoll_wait(ep, &ev, 1, 5000), EINTR);
	wait(0);
	poke(SIGUSR1, false);
	ERR(pause(), EINTR);
	wait(0);
	poke(SIGUSR1, false);
	ERR(ppoll(&pfd, 1, 0, &empty), EINTR);
	wait(0);
}

TEST(poll_continues_after_stop)
{
	long long start = now_ns();
	pid_t pid = fork();

	if (!pid) {
		EQ(poll(0, 0, 300), 0);
		done();
	}
	msleep(50);
	kill(pid, SIGSTOP);
	waitpid(pid, 0, WUNTRACED);
	kill(pid, SIGCONT);
	reap(pid);
	CHECK(now_ns() - start >= 290 * MS);
}

TEST(futex_restarts)
{
	sem_t *sem = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int word = 0;
	struct timespec ts = { 2, 0 };
	pid_t me = getpid();

	sem_init(sem, 1, 0);
	handle(SIGUSR1, count, SA_RESTART);
	if (!fork()) {
		msleep(40);
		kill(me, SIGUSR1);
		msleep(60);
		sem_post(sem);
		_exit(0);
	}
	EQ(sem_wait(sem), 0);
	EQ(hits, 1);
	wait(0);
	handle(SIGUSR1, count, 0);
	if (!fork()) {
		msleep(40);
		kill(me, SIGUSR1);
		_exit(0);
	}
	ERR(sem_wait(sem), EINTR);
	wait(0);
	handle(SIGUSR1, count, SA_RESTART);
	poke(SIGUSR1, false);
	ERR(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &ts, 0, 0), EINTR); /* with a time limit: no restart for handlers */
	wait(0);
}

TEST(wait_restarts)
{
	pid_t pid, helper;

	handle(SIGUSR1, count, SA_RESTART);
	pid = fork();
	if (!pid) {
		msleep(150);
		_exit(3);
	}
	helper = poke(SIGUSR1, false);
	reap_exit(pid, 3);
	EQ(hits, 1);
	reap(helper);
}

TEST(flock_restarts)
{
	struct turn t = turn_new();
	int fd;
	pid_t pid;

	put_file("f", "");
	fd = open("f", O_RDWR);
	handle(SIGUSR1, count, SA_RESTART);
	pid = fork();
	if (!pid) {
		struct flock fl = { .l_type = F_WRLCK };

		EQ(fcntl(fd, F_SETLK, &fl), 0);
		letgo(t);
		msleep(150);
		done();
	}
	hold(t);
	poke(SIGUSR1, false);
	EQ(fcntl(fd, F_SETLKW, &(struct flock){ .l_type = F_WRLCK }), 0);
	EQ(hits, 1);
	wait(0);
	wait(0);
}

TEST(partial_write_counts)
{
	int p[2];
	char *buf = calloc(1, 1 << 20);
	ssize_t n;

	pipe(p);
	handle(SIGUSR1, count, 0);
	poke(SIGUSR1, false);
	n = write(p[1], buf, 1 << 20);
	EQ(n, 65536); /* what fits was written: not EINTR */
	wait(0);
}

TEST(storm)
{
	/* Signals by the thousand while working: nothing gets lost or torn. */
	struct itimerval it = { { 0, 500 }, { 0, 500 } };
	int p[2];
	long sum = 0;
	pid_t pid;

	pipe(p);
	handle(SIGALRM, count, SA_RESTART);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 20000; i++)
			if (write(p[1], &i, sizeof i) != sizeof i)
				_exit(1);
		done();
	}
	setitimer(ITIMER_REAL, &it, 0);
	for (int i = 0, v; i < 20000; i++) {
		if (read(p[0], &v, sizeof v) != sizeof v || v != i) {
			test_fail(__LINE__, "read %d: %s", i, strerror(errno));
			break;
		}
		sum += v;
	}
	SOON(hits > 0); /* a busy machine's first may come after the last read */
	memset(&it, 0, sizeof it);
	setitimer(ITIMER_REAL, &it, 0);
	EQ(sum, 20000l * 19999 / 2);
	reap(pid);
}
