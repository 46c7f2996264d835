/* eventfd, timerfd, signalfd, inotify. */
#include "test.h"
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static int readable(int fd, int ms)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, ms);
}

TEST(eventfd_counts)
{
	uint64_t v = 5;
	int fd = eventfd(3, EFD_NONBLOCK), sem;

	EQ(write(fd, &v, 8), 8);
	EQ(read(fd, &v, 8), 8);
	EQ(v, 8);
	ERR(read(fd, &v, 8), EAGAIN);
	ERR(read(fd, &v, 4), EINVAL);
	v = -1;
	ERR(write(fd, &v, 8), EINVAL);
	v = -2;
	EQ(write(fd, &v, 8), 8);
	v = 1;
	ERR(write(fd, &v, 8), EAGAIN);
	EQ(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 0), 0);
	sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	EQ(fcntl(sem, F_GETFD), FD_CLOEXEC);
	EQ(read(sem, &v, 8), 8);
	EQ(v, 1);
	EQ(read(sem, &v, 8), 8);
	ERR(read(sem, &v, 8), EAGAIN);
	ERR(eventfd(0, 0x10), EINVAL);
}

TEST(eventfd_blocks)
{
	uint64_t v = 0;
	int fd = eventfd(0, 0);

	if (!fork()) {
		msleep(40);
		v = 7;
		write(fd, &v, 8);
		_exit(0);
	}
	EQ(read(fd, &v, 8), 8);
	EQ(v, 7);
	wait(0);
}

TEST(timerfd)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), abs = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec it = { { 0, 20 * MS }, { 0, 30 * MS } }, cur;
	uint64_t v;
	long long start = now_ns();

	ERR(read(fd, &v, 8), EAGAIN);
	EQ(timerfd_settime(fd, 0, &it, &cur), 0);
	EQ(cur.it_value.tv_nsec, 0);
	EQ(readable(fd, 3000), 1);
	CHECK(now_ns() - start >= 30 * MS);
	EQ(read(fd, &v, 8), 8);
	CHECK(v >= 1);
	msleep(100);
	EQ(read(fd, &v, 8), 8);
	CHECK(v >= 4 && v < 100);
	EQ(timerfd_gettime(fd, &cur), 0);
	EQ(cur.it_interval.tv_nsec, 20 * MS);
	CHECK(cur.it_value.tv_nsec > 0 && cur.it_value.tv_nsec <= 20 * MS);
	memset(&it, 0, sizeof it);
	EQ(timerfd_settime(fd, 0, &it, 0), 0);
	ERR(read(fd, &v, 8), EAGAIN);
	clock_gettime(CLOCK_REALTIME, &it.it_value);
	it.it_value.tv_sec -= 5;
	EQ(timerfd_settime(abs, TFD_TIMER_ABSTIME, &it, 0), 0);
	EQ(read(abs, &v, 8), 8);
	EQ(v, 1);
	ERR(timerfd_create(77, 0), EINVAL);
	ERR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
	it.it_value.tv_nsec = 1000 * MS;
	ERR(timerfd_settime(fd, 0, &it, 0), EINVAL);
	ERR(timerfd_settime(0, 0, &it, 0), EINVAL);
	ERR(read(fd, &v, 7), EINVAL);
}

TEST(signalfd)
{
	sigset_t s;
	struct signalfd_siginfo si[3];
	int fd;
	pid_t pid;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR1);
	sigaddset(&s, SIGRTMIN);
	sigaddset(&s, SIGCHLD);
	sigprocmask(SIG_BLOCK, &s, 0);
	fd = OK(signalfd(-1, &s, SFD_NONBLOCK | SFD_CLOEXEC));
	ERR(read(fd, si, sizeof si), EAGAIN);
	sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 42 });
	kill(getpid(), SIGUSR1);
	EQ(readable(fd, 0), 1);
	EQ(read(fd, si, sizeof si), 2 * sizeof *si);
	EQ(si[0].ssi_signo, SIGUSR1);
	EQ(si[0].ssi_code, SI_USER);
	EQ(si[0].ssi_pid, getpid());
	EQ(si[1].ssi_signo, SIGRTMIN);
	EQ(si[1].ssi_int, 42);
	pid = fork();
	if (!pid)
		_exit(3);
	EQ(readable(fd, 3000), 1);
	EQ(read(fd, si, sizeof si), sizeof *si);
	EQ(si[0].ssi_signo, SIGCHLD);
	EQ(si[0].ssi_pid, pid);
	EQ(si[0].ssi_status, 3);
	reap_exit(pid, 3);
	ERR(read(fd, si, 10), EINVAL);
	sigdelset(&s, SIGUSR1);
	EQ(signalfd(fd, &s, 0), fd);
	kill(getpid(), SIGUSR1);
	EQ(readable(fd, 0), 0);
	ERR(signalfd(0, &s, 0), EINVAL);
	ERR(signalfd(-1, &s, 1), EINVAL);
}

struct ev { struct inotify_event e; char name[256]; };
static int next_event(int fd, struct ev *out)
{
	static char buf[4096] __attribute__((aligned(8)));
	static int have, at;
	struct inotify_event *e;

	if (at >= have) {
		have = read(fd, buf, sizeof buf);
		at = 0;
		if (have <= 0)
			return have = 0;
	}
	e = (void *)(buf + at);
	at += sizeof *e + e->len;
	out->e = *e;
	strcpy(out->name, e->len ? e->name : "");
	return 1;
}

TEST(inotify)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), wd, wf;
	struct ev e;
	uint32_t cookie;

	mkdir("d", 0755);
	put_file("d/old", "x");
	wd = OK(inotify_add_watch(fd, "d", IN_ALL_EVENTS & ~(IN_ACCESS | IN_OPEN | IN_CLOSE_NOWRITE)));
	put_file("d/new", "y");
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_CREATE);
	EQ(e.e.wd, wd);
	STR(e.name, "new");
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_MODIFY);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_CLOSE_WRITE);
	rename("d/new", "d/newer");
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_MOVED_FROM);
	cookie = e.e.cookie;
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_MOVED_TO);
	EQ(e.e.cookie, cookie);
	CHECK(cookie != 0);
	STR(e.name, "newer");
	mkdir("d/sub", 0755);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_CREATE | IN_ISDIR);
	chmod("d/old", 0600);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_ATTRIB);
	wf = OK(inotify_add_watch(fd, "d/old", IN_DELETE_SELF | IN_ATTRIB));
	unlink("d/old");
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_ATTRIB); /* the link count */
	EQ(e.e.wd, wf);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_DELETE_SELF);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_IGNORED);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_DELETE);
	STR(e.name, "old");
	EQ(next_event(fd, &e), 0);
	EQ(inotify_rm_watch(fd, wd), 0);
	EQ(next_event(fd, &e), 1);
	EQ(e.e.mask, IN_IGNORED);
	ERR(inotify_rm_watch(fd, wd), EINVAL);
	ERR(inotify_add_watch(fd, "none", IN_CREATE), ENOENT);
	ERR(inotify_add_watch(fd, "d", 0), EINVAL);
	ERR(inotify_add_watch(fd, "d/newer", IN_CREATE | IN_ONLYDIR), ENOTDIR);
	ERR(inotify_add_watch(0, "d", IN_CREATE), EINVAL);
}
