/* seccomp_unotify(2): listeners, what they are told, answers, descriptors that they give, ends of both sides. */
#include "test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif

#define NR_LOAD BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ANSWER(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define ON(nr_, v) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr_), 0, 1), ANSWER(v)
#define install(flags, ...) ({ \
	struct sock_filter code_[] = { __VA_ARGS__ }; \
	struct sock_fprog prog_ = { sizeof(code_) / sizeof(*code_), code_ }; \
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (flags), &prog_); \
})

static void send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf, .msg_controllen = sizeof u.buf };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	OK(sendmsg(sock, &mh, 0));
}

static int recv_fd(int sock)
{
	char byte, buf[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof buf };
	int fd = -1;

	if (OK(recvmsg(sock, &mh, 0)) == 1 && CMSG_FIRSTHDR(&mh))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof fd);
	return fd;
}

/* A child that runs body under a filter that asks for getppid, getsid and mkdir; its listener in *fd. */
#define ASKING(pid, fd, flags, body) do { \
	int pair_[2]; \
	OK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair_)); \
	(pid) = fork(); \
	if (!(pid)) { \
		close(pair_[0]); \
		OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); \
		int l_ = OK((int)install(SECCOMP_FILTER_FLAG_NEW_LISTENER | (flags), NR_LOAD, \
			ON(SYS_getppid, SECCOMP_RET_USER_NOTIF), ON(SYS_getsid, SECCOMP_RET_USER_NOTIF), \
			ON(SYS_mkdir, SECCOMP_RET_USER_NOTIF), ANSWER(SECCOMP_RET_ALLOW))); \
		EQ(fcntl(l_, F_GETFD), FD_CLOEXEC); \
		send_fd(pair_[1], l_); \
		close(l_); \
		close(pair_[1]); \
		body; \
		done(); \
	} \
	close(pair_[1]); \
	(fd) = recv_fd(pair_[0]); \
	close(pair_[0]); \
} while (0)

static struct seccomp_notif told;
static long hear(int fd)
{
	memset(&told, 0, sizeof told);
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &told);
}
static long say(int fd, uint64_t id, long long val, int error, unsigned flags)
{
	struct seccomp_notif_resp r = { .id = id, .val = val, .error = error, .flags = flags };

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}
static int events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	OK(poll(&p, 1, 0));
	return p.revents;
}

TEST(answers)
{
	pid_t pid;
	int fd;

	ASKING(pid, fd, 0, {
		EQ(syscall(SYS_getppid), 1234567890123);
		ERR(syscall(SYS_getsid, 7), ENOTNAM);
		EQ(syscall(SYS_getsid, 0x123456789abcdef), 55);
		EQ(syscall(SYS_mkdir, "really", 0700), 0);
		EQ(access("really", F_OK), 0);
	});
	NEED(fd >= 0);
	OK(hear(fd));
	EQ(told.pid, pid);
	EQ(told.flags, 0);
	EQ(told.data.nr, SYS_getppid);
	EQ(told.data.arch, AUDIT_ARCH_X86_64);
	CHECK(told.data.instruction_pointer != 0);
	EQ(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &told.id), 0);
	EQ(events_of(fd), POLLOUT);
	OK(say(fd, told.id, 1234567890123, 0, 0));
	OK(hear(fd));
	EQ(told.data.nr, SYS_getsid);
	EQ(told.data.args[0], 7);
	ERR(say(fd, told.id + 1, 0, 0, 0), ENOENT);
	ERR(say(fd, told.id, 0, 0, 2), EINVAL);
	ERR(say(fd, told.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
	ERR(say(fd, told.id, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE), EINVAL);
	OK(say(fd, told.id, 99, -ENOTNAM, 0));
	OK(hear(fd));
	EQ(told.data.args[0], 0x123456789abcdef);
	OK(say(fd, told.id, 55, 0, 0));
	OK(hear(fd));
	EQ(told.data.nr, SYS_mkdir);
	EQ(told.data.args[1], 0700);
	ERR(access("really", F_OK), ENOENT);
	OK(say(fd, told.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	reap(pid);
	ERR(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &told.id), ENOENT);
	EQ(events_of(fd), POLLHUP);
	ERR(hear(fd), ENOENT);
	close(fd);
}

TEST(refused)
{
	unsigned char dirt[sizeof(struct seccomp_notif)] = { [79] = 1 };
	pid_t pid;
	int fd;

	ASKING(pid, fd, 0, {
		EQ(syscall(SYS_getppid), 1);
		ERR(install(SECCOMP_FILTER_FLAG_NEW_LISTENER, ANSWER(SECCOMP_RET_ALLOW)), EBUSY);
		EQ(install(0, ANSWER(SECCOMP_RET_ALLOW)), 0);
		EQ(syscall(SYS_getppid), 2); /* the older filter's still */
	});
	NEED(fd >= 0);
	ERR(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, dirt), EINVAL);
	ERR(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, NULL), EFAULT);
	ERR(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, NULL), EFAULT);
	ERR(ioctl(fd, 0x1234, NULL), EINVAL);
	ERR(read(fd, dirt, 8), EINVAL);
	OK(hear(fd));
	OK(say(fd, told.id, 1, 0, 0));
	OK(hear(fd));
	OK(say(fd, told.id, 2, 0, 0));
	reap(pid);
	close(fd);
	OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ERR(install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC, ANSWER(SECCOMP_RET_ALLOW)), EINVAL);
	ERR(install(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, ANSWER(SECCOMP_RET_ALLOW)), EINVAL);
	/* No listener at all. */
	pid = fork();
	if (!pid) {
		EQ(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_USER_NOTIF), ANSWER(SECCOMP_RET_ALLOW)), 0);
		ERR(syscall(SYS_getppid), ENOSYS);
		fd = OK((int)install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
				     SECCOMP_FILTER_FLAG_TSYNC_ESRCH, ANSWER(SECCOMP_RET_ALLOW)));
		CHECK(fd > 2);
		done();
	}
	reap(pid);
}

TEST(listener_goes)
{
	pid_t pid;
	int fd;

	ASKING(pid, fd, 0, {
		ERR(syscall(SYS_getppid), ENOSYS);
		ERR(syscall(SYS_getppid), ENOSYS);
	});
	NEED(fd >= 0);
	SOON(events_of(fd) == POLLIN);
	close(fd);
	reap(pid);
	/* One that was told of already. */
	ASKING(pid, fd, 0, ERR(syscall(SYS_getppid), ENOSYS));
	OK(hear(fd));
	close(fd);
	reap(pid);
}

static volatile int handled;
static void on_usr1(int sig) { handled += sig == SIGUSR1; }

TEST(signals)
{
	pid_t pid;
	uint64_t first;
	int fd;

	/* Interrupted: EINTR, or it begins anew; the listener's old id is void. */
	ASKING(pid, fd, 0, {
		struct sigaction sa = { .sa_handler = on_usr1 };
		sigaction(SIGUSR1, &sa, NULL);
		ERR(syscall(SYS_getppid), EINTR);
		sa.sa_flags = SA_RESTART;
		sigaction(SIGUSR1, &sa, NULL);
		EQ(syscall(SYS_getsid, 5), 66);
		EQ(handled, 2);
	});
	NEED(fd >= 0);
	OK(hear(fd));
	first = told.id;
	OK(kill(pid, SIGUSR1));
	OK(hear(fd));
	EQ(told.data.nr, SYS_getsid);
	ERR(say(fd, first, 0, 0, 0), ENOENT);
	first = told.id;
	OK(kill(pid, SIGUSR1));
	OK(hear(fd));
	CHECK(told.id != first);
	ERR(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &first), ENOENT);
	EQ(told.data.args[0], 5);
	OK(say(fd, told.id, 66, 0, 0));
	reap(pid);
	close(fd);
	/* Only a fatal one, once it was told. */
	ASKING(pid, fd, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, {
		struct sigaction sa = { .sa_handler = on_usr1 };
		sigaction(SIGUSR1, &sa, NULL);
		EQ(syscall(SYS_getppid), 77);
		EQ(handled, 1);
		syscall(SYS_getppid);
	});
	OK(hear(fd));
	OK(kill(pid, SIGUSR1));
	usleep(30000);
	OK(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &told.id));
	OK(say(fd, told.id, 77, 0, 0));
	OK(hear(fd));
	OK(kill(pid, SIGKILL));
	EQ(wait_status(pid), SIGKILL);
	SOON(events_of(fd) == POLLHUP);
	close(fd);
}

static long give(int fd, unsigned flags, int src, unsigned newfd, unsigned newfd_flags)
{
	struct seccomp_notif_addfd a = {
		.id = told.id, .flags = flags, .srcfd = (unsigned)src, .newfd = newfd, .newfd_flags = newfd_flags,
	};

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
}

TEST(descriptors)
{
	struct {
		struct seccomp_notif_addfd a;
		uint64_t more;
	} longer = { { 0 }, 0 };
	pid_t pid;
	int fd, file;

	put_file("gift", "contents");
	file = OK(open("gift", O_RDONLY));
	ASKING(pid, fd, 0, {
		char text[9] = { 0 };
		int got = (int)syscall(SYS_getsid, 1);

		EQ(pread(got, text, 8, 0), 8);
		STR(text, "contents");
		EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
		EQ(pread(77, text, 8, 0), 8);
		EQ(fcntl(77, F_GETFD), 0);
		got = (int)syscall(SYS_getppid);
		EQ(pread(got, text, 8, 0), 8);
		CHECK(got > 2 && got != 77);
	});
	NEED(fd >= 0);
	OK(hear(fd));
	ERR(give(fd, 4, file, 0, 0), EINVAL);
	ERR(give(fd, 0, file, 0, O_NONBLOCK), EINVAL);
	ERR(give(fd, 0, file, 5, 0), EINVAL);
	ERR(give(fd, 0, 999, 0, 0), EBADF);
	told.id++;
	ERR(give(fd, 0, file, 0, 0), ENOENT);
	told.id--;
	EQ(give(fd, SECCOMP_ADDFD_FLAG_SETFD, file, 77, 0), 77);
	EQ(give(fd, SECCOMP_ADDFD_FLAG_SETFD, file, 77, 0), 77);
	ERR(give(fd, SECCOMP_ADDFD_FLAG_SETFD, file, 100000000, 0), EBADF);
	long got = OK(give(fd, 0, file, 0, O_CLOEXEC));
	OK(say(fd, told.id, got, 0, 0));
	OK(hear(fd));
	longer.a = (struct seccomp_notif_addfd){ .id = told.id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (unsigned)file };
	longer.more = 1;
	ERR(ioctl(fd, _IOW('!', 3, longer), &longer), E2BIG);
	longer.more = 0;
	ERR(ioctl(fd, _IOW('!', 3, uint64_t), &longer), EINVAL);
	CHECK(OK(ioctl(fd, _IOW('!', 3, longer), &longer)) > 2);
	reap(pid);
	close(fd);
	/* Nobody takes it any more. */
	ASKING(pid, fd, 0, syscall(SYS_getppid));
	OK(hear(fd));
	OK(kill(pid, SIGKILL));
	EQ(wait_status(pid), SIGKILL);
	ERR(give(fd, 0, file, 0, 0), ENOENT);
	close(fd);
	close(file);
}

static int late_fd;
static void *wait_for_hup(void *arg)
{
	struct epoll_event ev = { 0 };

	(void)arg;
	EQ(epoll_wait(late_fd, &ev, 1, 5000), 1);
	EQ(ev.events, EPOLLHUP);
	return NULL;
}

TEST(inherited)
{
	struct epoll_event ev = { .events = EPOLLIN };
	pthread_t t;
	pid_t pid;
	int fd;

	ASKING(pid, fd, 0, {
		pid_t child = fork();
		if (!child) {
			EQ(syscall(SYS_getppid), 11);
			done();
		}
		reap(child);
		child = vfork();
		if (!child)
			_exit(syscall(SYS_getppid) == 11 ? 5 : 6);
		reap_exit(child, 5);
	});
	NEED(fd >= 0);
	late_fd = OK(epoll_create1(0));
	for (int i = 0; i < 2; i++) {
		OK(hear(fd));
		CHECK((pid_t)told.pid != pid && told.pid > 0);
		OK(say(fd, told.id, 11, 0, 0));
	}
	OK(epoll_ctl(late_fd, EPOLL_CTL_ADD, fd, &ev));
	pthread_create(&t, NULL, wait_for_hup, NULL);
	pthread_join(t, NULL);
	reap(pid);
	close(fd);
	close(late_fd);
}

struct worker {
	int fd;
	volatile int stop;
	long served;
};
static void *serve(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		struct seccomp_notif n = { 0 };
		struct seccomp_notif_resp r = { 0 };

		if (ioctl(w->fd, SECCOMP_IOCTL_NOTIF_RECV, &n)) {
			if (errno == ENOENT && w->stop)
				return NULL;
			if (events_of(w->fd) & POLLHUP)
				return NULL;
			continue;
		}
		r.id = n.id;
		r.val = (long long)n.data.args[0] * 2;
		if (!ioctl(w->fd, SECCOMP_IOCTL_NOTIF_SEND, &r))
			__atomic_add_fetch(&w->served, 1, __ATOMIC_SEQ_CST);
	}
}

static void *ask(void *arg)
{
	for (long i = 0; i < 200; i++)
		EQ(syscall(SYS_getsid, (long)arg * 1000 + i), ((long)arg * 1000 + i) * 2);
	return NULL;
}

TEST(many)
{
	struct worker w = { 0 };
	pthread_t threads[3];
	pid_t pid;

	ASKING(pid, w.fd, 0, {
		pthread_t mine[4];
		for (long i = 0; i < 4; i++)
			pthread_create(&mine[i], NULL, ask, (void *)i);
		for (int i = 0; i < 4; i++)
			pthread_join(mine[i], NULL);
	});
	NEED(w.fd >= 0);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, serve, &w);
	reap(pid);
	w.stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	EQ(w.served, 800);
	close(w.fd);
}

TEST(sizes)
{
	struct seccomp_notif_sizes sizes = { 0 };
	unsigned action = SECCOMP_RET_USER_NOTIF;

	OK(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
	EQ(sizes.seccomp_notif, sizeof(struct seccomp_notif));
	EQ(sizes.seccomp_notif_resp, sizeof(struct seccomp_notif_resp));
	EQ(sizes.seccomp_data, sizeof(struct seccomp_data));
	EQ(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
}
