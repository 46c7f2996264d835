/* POSIX message queues: names, order, limits, waiting, notification, poll, and their file system. */
#include "test.h"
#include <dirent.h>
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/statfs.h>

static char qname[64];
static struct mq_attr small = { .mq_maxmsg = 3, .mq_msgsize = 16 };

static mqd_t fresh(int flags)
{
	snprintf(qname, sizeof qname, "/limpet-test-%d", (int)getpid());
	mq_unlink(qname);
	return OK(mq_open(qname, O_CREAT | O_EXCL | flags, 0600, &small));
}

static struct timespec in_ms(long ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += ms * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

TEST(order)
{
	mqd_t q = fresh(O_RDWR);
	char buf[16];
	unsigned prio;
	struct mq_attr a;

	OK(mq_send(q, "low", 3, 1));
	OK(mq_send(q, "high", 4, 9));
	OK(mq_send(q, "low2", 4, 1));
	OK(mq_getattr(q, &a));
	EQ(a.mq_curmsgs, 3);
	EQ(a.mq_maxmsg, 3);
	EQ(a.mq_msgsize, 16);
	EQ(a.mq_flags, 0);
	EQ(mq_receive(q, buf, 16, &prio), 4);
	EQ(prio, 9);
	CHECK(!memcmp(buf, "high", 4));
	EQ(mq_receive(q, buf, 16, &prio), 3);
	EQ(prio, 1);
	EQ(mq_receive(q, buf, 16, 0), 4);
	CHECK(!memcmp(buf, "low2", 4));
	OK(mq_send(q, "", 0, 0));
	EQ(mq_receive(q, buf, 16, &prio), 0);
	OK(mq_unlink(qname));
	ERR(mq_unlink(qname), ENOENT);
	OK(mq_send(q, "x", 1, 0));
	OK(mq_close(q));
	ERR(mq_close(q), EBADF);
}

TEST(errors)
{
	mqd_t q = fresh(O_RDWR | O_NONBLOCK), r;
	struct mq_attr bad = { .mq_maxmsg = 0, .mq_msgsize = 1 };
	struct timespec ts = { 0, 1000000000 };
	char buf[32], longname[NAME_MAX + 3];

	ERR(mq_open(qname, O_CREAT | O_EXCL | O_RDWR, 0600, 0), EEXIST);
	ERR(mq_open("/limpet-none", O_RDWR), ENOENT);
	ERR(mq_open("/limpet-bad", O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	bad.mq_maxmsg = -1;
	ERR(mq_open("/limpet-bad", O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	ERR(mq_open("/a/b", O_CREAT | O_RDWR, 0600, 0), EACCES);
	ERR(syscall(SYS_mq_open, "", O_RDWR, 0, 0), ENOENT);
	ERR(syscall(SYS_mq_open, "..", O_RDWR, 0, 0), EACCES);
	ERR(syscall(SYS_mq_open, (char *)1, O_RDWR, 0, 0), EFAULT);
	memset(longname, 'n', sizeof longname);
	longname[0] = '/';
	longname[sizeof longname - 1] = 0;
	ERR(mq_open(longname, O_CREAT | O_RDWR, 0600, 0), ENAMETOOLONG);
	ERR(mq_receive(q, buf, 15, 0), EMSGSIZE);
	ERR(mq_receive(q, buf, 16, 0), EAGAIN);
	ERR(mq_send(q, buf, 17, 0), EMSGSIZE);
	ERR(mq_send(q, buf, 1, 32768), EINVAL);
	ERR(syscall(SYS_mq_timedsend, q, 1, 4, 0, 0), EFAULT);
	OK(mq_send(q, buf, 1, 32767));
	ERR(mq_timedsend(q, buf, 1, 0, &ts), EINVAL);
	OK(mq_send(q, buf, 1, 0));
	OK(mq_send(q, buf, 1, 0));
	ERR(mq_send(q, buf, 1, 0), EAGAIN);
	ERR(mq_send(1000, buf, 1, 0), EBADF);
	ERR(mq_send(0, buf, 1, 0), EBADF);
	r = OK(mq_open(qname, O_RDONLY));
	EQ(fcntl(r, F_GETFD), FD_CLOEXEC);
	ERR(mq_send(r, buf, 1, 0), EBADF);
	EQ(mq_receive(r, buf, 16, 0), 1);
	mq_close(r);
	r = OK(mq_open(qname, O_WRONLY));
	ERR(mq_receive(r, buf, 16, 0), EBADF);
	ERR(write(r, "x", 1), EINVAL);
	mq_unlink(qname);
}

TEST(attributes)
{
	mqd_t q = fresh(O_RDWR);
	struct mq_attr a = { .mq_flags = O_NONBLOCK, .mq_maxmsg = 99 }, old;
	char buf[16];
	struct stat st;

	OK(mq_setattr(q, &a, &old));
	EQ(old.mq_flags, 0);
	EQ(old.mq_maxmsg, 3);
	OK(mq_getattr(q, &old));
	EQ(old.mq_flags, O_NONBLOCK);
	EQ(old.mq_maxmsg, 3);
	ERR(mq_receive(q, buf, 16, 0), EAGAIN);
	a.mq_flags = 1;
	ERR(mq_setattr(q, &a, 0), EINVAL);
	OK(fstat(q, &st));
	CHECK(S_ISREG(st.st_mode));
	EQ(st.st_mode & 0777, 0600);
	EQ(st.st_size, 80);
	mq_unlink(qname);
	q = OK(mq_open(qname, O_CREAT | O_RDWR, 0600, NULL));
	OK(mq_getattr(q, &old));
	EQ(old.mq_maxmsg, 10);
	EQ(old.mq_msgsize, 8192);
	mq_unlink(qname);
}

TEST(waiting)
{
	mqd_t q = fresh(O_RDWR);
	struct timespec ts = in_ms(50);
	char buf[16];
	long long t = now_ns();
	pid_t child;
	int i;

	ERR(mq_timedreceive(q, buf, 16, 0, &ts), ETIMEDOUT);
	CHECK(now_ns() - t > 40 * MS && now_ns() - t < 2000 * MS);
	ts = in_ms(-5);
	ERR(mq_timedreceive(q, buf, 16, 0, &ts), ETIMEDOUT);
	child = fork();
	if (!child) {
		for (i = 0; i < 200; i++) {
			EQ(mq_receive(q, buf, 16, 0), 4);
			EQ(*(int *)buf, i);
		}
		done();
	}
	for (i = 0; i < 200; i++)
		OK(mq_send(q, (char *)&i, 4, 3));
	reap(child);
	for (i = 0; i < 3; i++)
		OK(mq_send(q, "f", 1, 0));
	ts = in_ms(30);
	ERR(mq_timedsend(q, "f", 1, 0, &ts), ETIMEDOUT);
	child = fork();
	if (!child) {
		msleep(30);
		EQ(mq_receive(q, buf, 16, 0), 1);
		done();
	}
	OK(mq_send(q, "g", 1, 0));
	reap(child);
	mq_unlink(qname);
}

static volatile int got_signal;
static volatile int got_code, got_value, got_pid;
static void on_signal(int sig, siginfo_t *si, void *p)
{
	(void)p;
	got_signal = sig;
	got_code = si->si_code;
	got_value = si->si_value.sival_int;
	got_pid = si->si_pid;
}

TEST(interrupted)
{
	mqd_t q = fresh(O_RDWR);
	char buf[16];
	pid_t child = fork();

	if (!child) {
		handle_info(SIGUSR1, on_signal, 0);
		ERR(mq_receive(q, buf, 16, 0), EINTR);
		handle_info(SIGUSR1, on_signal, SA_RESTART);
		EQ(mq_receive(q, buf, 16, 0), 2);
		done();
	}
	SOON(proc_state(child) == 'S');
	msleep(30);
	kill(child, SIGUSR1);
	msleep(30);
	kill(child, SIGUSR1);
	msleep(30);
	OK(mq_send(q, "ok", 2, 0));
	reap(child);
	mq_unlink(qname);
}

TEST(notification)
{
	mqd_t q = fresh(O_RDWR);
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 77 };
	char buf[16];
	pid_t child;

	handle_info(SIGUSR2, on_signal, 0);
	OK(mq_notify(q, &ev));
	ERR(mq_notify(q, &ev), EBUSY);
	child = fork();
	if (!child) {
		ERR(mq_notify(q, &ev), EBUSY);
		OK(mq_notify(q, 0)); /* not its own: nothing happens */
		OK(mq_send(q, "1", 1, 0));
		done();
	}
	reap(child);
	SOON(got_signal == SIGUSR2);
	EQ(got_code, SI_MESGQ);
	EQ(got_value, 77);
	EQ(got_pid, child);
	/* Once only, and only for a queue that was empty. */
	got_signal = 0;
	OK(mq_send(q, "2", 1, 0));
	OK(mq_notify(q, &ev));
	OK(mq_send(q, "3", 1, 0));
	msleep(20);
	EQ(got_signal, 0);
	EQ(mq_receive(q, buf, 16, 0), 1);
	EQ(mq_receive(q, buf, 16, 0), 1);
	EQ(mq_receive(q, buf, 16, 0), 1);
	OK(mq_send(q, "4", 1, 0));
	EQ(got_signal, SIGUSR2);
	EQ(mq_receive(q, buf, 16, 0), 1);
	/* Taken back, and given up with the process. */
	got_signal = 0;
	OK(mq_notify(q, &ev));
	OK(mq_notify(q, 0));
	OK(mq_send(q, "5", 1, 0));
	EQ(got_signal, 0);
	EQ(mq_receive(q, buf, 16, 0), 1);
	child = fork();
	if (!child) {
		OK(mq_notify(q, &ev));
		done();
	}
	reap(child);
	ev.sigev_notify = SIGEV_NONE;
	OK(mq_notify(q, &ev));
	OK(mq_send(q, "6", 1, 0));
	EQ(mq_receive(q, buf, 16, 0), 1);
	ev.sigev_notify = SIGEV_SIGNAL;
	/* A receiver that waits gets the message: no signal. */
	OK(mq_notify(q, &ev));
	child = fork();
	if (!child) {
		EQ(mq_receive(q, buf, 16, 0), 1);
		done();
	}
	SOON(proc_state(child) == 'S');
	msleep(50);
	OK(mq_send(q, "7", 1, 0));
	reap(child);
	EQ(got_signal, 0);
	ev.sigev_signo = 65;
	ERR(mq_notify(q, &ev), EINVAL);
	ev.sigev_notify = 17;
	ERR(mq_notify(q, &ev), EINVAL);
	mq_unlink(qname);
}

TEST(polled)
{
	mqd_t q = fresh(O_RDWR);
	struct pollfd p = { .fd = q, .events = POLLIN | POLLOUT };
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), i;
	pid_t child;
	char buf[16];

	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLOUT);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, q, &e));
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	child = fork();
	if (!child) {
		msleep(20);
		for (i = 0; i < 3; i++)
			OK(mq_send(q, "p", 1, 0));
		done();
	}
	EQ(epoll_wait(ep, &e, 1, 5000), 1);
	reap(child);
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN);
	EQ(mq_receive(q, buf, 16, 0), 1);
	EQ(poll(&p, 1, 0), 1);
	EQ(p.revents, POLLIN | POLLOUT);
	mq_unlink(qname);
}

TEST(limits)
{
	mqd_t q;
	struct rlimit rl = { 4000, 4000 };
	struct mq_attr a = { .mq_maxmsg = 10, .mq_msgsize = 1000 };

	OK(setrlimit(RLIMIT_MSGQUEUE, &rl));
	snprintf(qname, sizeof qname, "/limpet-test-%d", (int)getpid());
	ERR(mq_open(qname, O_CREAT | O_RDWR, 0600, &a), EMFILE);
	a.mq_maxmsg = 1;
	q = mq_open(qname, O_CREAT | O_RDWR, 0600, &a);
	CHECK(q >= 0);
	mq_close(q);
	mq_unlink(qname);
}

TEST(permissions)
{
	mqd_t q;
	pid_t child;

	if (geteuid())
		return;
	q = fresh(O_RDWR);
	child = fork();
	if (!child) {
		struct mq_attr big = { .mq_maxmsg = 11, .mq_msgsize = 16 };

		OK(setresuid(65534, 65534, 65534));
		ERR(mq_open(qname, O_RDWR), EACCES);
		ERR(mq_unlink(qname), EACCES); /* the library makes that of EPERM */
		ERR(mq_open("/limpet-big", O_CREAT | O_RDWR, 0600, &big), EINVAL);
		big.mq_maxmsg = 1;
		OK(mq_open("/limpet-own", O_CREAT | O_RDWR, 0600, &big));
		OK(mq_unlink("/limpet-own"));
		done();
	}
	reap(child);
	mq_close(q);
	mq_unlink(qname);
}

/* Needs the right to mount: seen where the tests run as root. */
TEST(file_system)
{
	mqd_t q;
	struct statfs sf;
	struct stat st;
	char path[200], *text;
	DIR *d;
	struct dirent *e;
	int found = 0;

	mkdir("m", 0755);
	if (unshare(CLONE_NEWNS) || mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) || mount("mqueue", "m", "mqueue", 0, 0)) {
		CHECK(errno == EPERM);
		return;
	}
	q = fresh(O_RDWR);
	OK(statfs("m", &sf));
	EQ(sf.f_type, 0x19800202);
	OK(stat("m", &st));
	EQ(st.st_mode, S_IFDIR | 01777);
	OK(mq_send(q, "12345", 5, 0));
	snprintf(path, sizeof path, "m%s", qname);
	text = get_file(path);
	STR(text, "QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
	d = opendir("m");
	while ((e = readdir(d)))
		found += !strcmp(e->d_name, qname + 1) && e->d_type == DT_REG;
	closedir(d);
	EQ(found, 1);
	/* A file made there is a queue, and goes as files go. */
	close(OK(open("m/limpet-made", O_RDWR | O_CREAT, 0600)));
	q = OK(mq_open("/limpet-made", O_RDWR));
	OK(mq_send(q, "x", 1, 0));
	OK(unlink("m/limpet-made"));
	ERR(mq_open("/limpet-made", O_RDWR), ENOENT);
	ERR(mkdir("m/d", 0755), EPERM);
	OK(unlink(path));
	ERR(mq_unlink(qname), ENOENT);
	umount("m");
}
