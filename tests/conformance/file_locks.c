/* flock, POSIX and OFD record locks, leases that are not there. */
#include "test.h"
#include <sys/file.h>

static struct flock lk(int type, off_t start, off_t len)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
}

TEST(flock_rules)
{
	int a = open("f", O_RDWR | O_CREAT, 0644), b = open("f", O_RDWR), c = dup(a);
	pid_t pid;

	EQ(flock(a, LOCK_SH), 0);
	EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	ERR(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	EQ(flock(b, LOCK_UN), 0);
	EQ(flock(a, LOCK_EX | LOCK_NB), 0);
	EQ(flock(c, LOCK_EX | LOCK_NB), 0); /* the same description */
	ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	pid = fork();
	if (!pid) {
		close(a);
		close(c);
		ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK); /* the parent still has it */
		done();
	}
	reap(pid);
	close(a);
	ERR(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	close(c);
	EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	ERR(flock(b, 77), EINVAL);
	ERR(flock(999, LOCK_SH), EBADF);
}

TEST(flock_waits)
{
	int a = open("f", O_RDWR | O_CREAT, 0644), b;
	struct turn t = turn_new();
	long long start;
	pid_t pid = fork();

	if (!pid) {
		b = open("f", O_RDWR);
		flock(b, LOCK_EX);
		letgo(t);
		msleep(100);
		_exit(0);
	}
	hold(t);
	start = now_ns();
	EQ(flock(a, LOCK_EX), 0);
	CHECK(now_ns() - start >= 60 * MS);
	reap(pid);
}

TEST(records)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	struct flock l = lk(F_WRLCK, 10, 10);
	pid_t pid, me = getpid();

	EQ(fcntl(fd, F_SETLK, &l), 0);
	l = lk(F_RDLCK, 12, 2);
	EQ(fcntl(fd, F_SETLK, &l), 0); /* in the middle, downgraded */
	pid = fork();
	if (!pid) {
		l = lk(F_WRLCK, 0, 5);
		EQ(fcntl(fd, F_SETLK, &l), 0);
		l = lk(F_RDLCK, 12, 2);
		EQ(fcntl(fd, F_SETLK, &l), 0);
		l = lk(F_WRLCK, 12, 1);
		ERR(fcntl(fd, F_SETLK, &l), EAGAIN);
		l = lk(F_RDLCK, 15, 1);
		ERR(fcntl(fd, F_SETLK, &l), EAGAIN);
		l = lk(F_WRLCK, 0, 0);
		EQ(fcntl(fd, F_GETLK, &l), 0);
		EQ(l.l_type, F_WRLCK);
		EQ(l.l_start, 10);
		EQ(l.l_len, 2);
		EQ(l.l_pid, me);
		l = lk(F_RDLCK, 100, 0);
		EQ(fcntl(fd, F_GETLK, &l), 0);
		EQ(l.l_type, F_UNLCK);
		done();
	}
	reap(pid);
	close(open("f", O_RDONLY)); /* any close drops all locks of the process */
	pid = fork();
	if (!pid) {
		l = lk(F_WRLCK, 0, 0);
		EQ(fcntl(fd, F_SETLK, &l), 0);
		done();
	}
	reap(pid);
	l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -5 };
	ERR(fcntl(fd, F_SETLK, &l), EINVAL);
	l = lk(77, 0, 0);
	ERR(fcntl(fd, F_SETLK, &l), EINVAL);
	l = lk(F_WRLCK, 0, 0);
	ERR(fcntl(open("f", O_RDONLY), F_SETLK, &l), EBADF);
	l = lk(F_WRLCK, 20, -5);
	EQ(fcntl(fd, F_SETLK, &l), 0); /* a negative length reaches backwards */
}

TEST(deadlock_is_found)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	struct turn t = turn_new(), u = turn_new();
	struct flock l = lk(F_WRLCK, 0, 1);
	pid_t pid;

	EQ(fcntl(fd, F_SETLK, &l), 0);
	pid = fork();
	if (!pid) {
		l = lk(F_WRLCK, 1, 1);
		EQ(fcntl(fd, F_SETLK, &l), 0);
		letgo(t);
		l = lk(F_WRLCK, 0, 1);
		EQ(fcntl(fd, F_SETLKW, &l), 0); /* waits for the parent */
		done();
	}
	hold(t);
	msleep(80);
	l = lk(F_WRLCK, 1, 1);
	ERR(fcntl(fd, F_SETLKW, &l), EDEADLK);
	l = lk(F_UNLCK, 0, 0);
	fcntl(fd, F_SETLK, &l);
	reap(pid);
	(void)u;
}

TEST(ofd_locks)
{
	int a = open("f", O_RDWR | O_CREAT, 0644), b = open("f", O_RDWR);
	struct flock l = lk(F_WRLCK, 0, 10);

	EQ(fcntl(a, F_OFD_SETLK, &l), 0);
	l = lk(F_WRLCK, 5, 1);
	ERR(fcntl(b, F_OFD_SETLK, &l), EAGAIN); /* in one process, too */
	l = lk(F_WRLCK, 5, 1);
	EQ(fcntl(b, F_OFD_GETLK, &l), 0);
	EQ(l.l_type, F_WRLCK);
	EQ(l.l_pid, -1);
	l = lk(F_WRLCK, 0, 1);
	ERR(fcntl(a, F_SETLK, &l), EAGAIN); /* conflicts with POSIX ones */
	l.l_pid = 5;
	ERR(fcntl(a, F_OFD_SETLK, &l), EINVAL);
	close(a);
	l = lk(F_WRLCK, 5, 1);
	EQ(fcntl(b, F_OFD_SETLK, &l), 0);
}

TEST(fork_does_not_inherit_records)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	struct flock l = lk(F_WRLCK, 0, 0);
	pid_t pid;

	EQ(fcntl(fd, F_SETLK, &l), 0);
	pid = fork();
	if (!pid) {
		l = lk(F_WRLCK, 0, 0);
		ERR(fcntl(fd, F_SETLK, &l), EAGAIN);
		done();
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		close(fd); /* not its lock */
		done();
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		l = lk(F_RDLCK, 0, 0);
		ERR(fcntl(fd, F_SETLK, &l), EAGAIN);
		done();
	}
	reap(pid);
}
