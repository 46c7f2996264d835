/* poll, select, epoll in all its modes. */
#include "test.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

static int pollone(int fd, int ev, int ms)
{
	struct pollfd p = { fd, ev, 0 };
	int n = poll(&p, 1, ms);

	return n < 0 ? n : p.revents;
}

TEST(poll_bits)
{
	int p[2], fd;
	struct pollfd v[3];

	pipe(p);
	EQ(pollone(p[0], POLLIN, 0), 0);
	EQ(pollone(p[1], POLLOUT, 0), POLLOUT);
	write(p[1], "x", 1);
	EQ(pollone(p[0], POLLIN | POLLOUT | POLLRDNORM, 0), POLLIN | POLLRDNORM);
	close(p[1]);
	EQ(pollone(p[0], POLLIN, 0), POLLIN | POLLHUP);
	read(p[0], (char[2]){ 0 }, 1);
	EQ(pollone(p[0], POLLIN, 0), POLLHUP);
	EQ(pollone(p[0], 0, 0), POLLHUP);
	pipe(p);
	close(p[0]);
	EQ(pollone(p[1], POLLOUT, 0), POLLOUT | POLLERR);
	fd = open("f", O_RDWR | O_CREAT, 0644);
	EQ(pollone(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
	EQ(pollone(999, POLLIN, 0), POLLNVAL);
	v[0] = (struct pollfd){ -5, POLLIN, 77 };
	v[1] = (struct pollfd){ fd, POLLIN, 0 };
	EQ(poll(v, 2, 0), 1);
	EQ(v[0].revents, 0);
	ERR(poll((void *)8, 1, 0), EFAULT);
	ERR(syscall(SYS_poll, v, 1u << 30, 0), EINVAL);
	ERR(ppoll(v, 0, &(struct timespec){ 0, -1 }, 0), EINVAL);
}

TEST(poll_time)
{
	int p[2];
	long long start = now_ns();

	pipe(p);
	EQ(pollone(p[0], POLLIN, 60), 0);
	CHECK(now_ns() - start >= 60 * MS && now_ns() - start < 2000 * MS);
	if (!fork()) {
		msleep(40);
		write(p[1], "x", 1);
		_exit(0);
	}
	EQ(pollone(p[0], POLLIN, -1), POLLIN);
	wait(0);
}

TEST(select_sets)
{
	int p[2];
	fd_set r, w;
	struct timeval tv = { 0, 50000 };

	pipe(p);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	EQ(select(p[1] + 1, &r, &w, 0, 0), 1);
	CHECK(!FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	FD_SET(p[0], &r);
	EQ(select(p[0] + 1, &r, 0, 0, &tv), 0);
	CHECK(!FD_ISSET(p[0], &r));
	EQ(tv.tv_sec + tv.tv_usec, 0); /* Linux writes back what is left */
	close(p[1]);
	FD_SET(p[0], &r);
	EQ(select(p[0] + 1, &r, 0, 0, 0), 1); /* end of file is readable */
	FD_SET(50, &r);
	ERR(select(51, &r, 0, 0, 0), EBADF);
	ERR(select(-1, &r, 0, 0, 0), EINVAL);
	tv.tv_usec = -1;
	ERR(select(0, 0, 0, 0, &tv), EINVAL);
}

static void nothing(int s) { (void)s; }
TEST(pselect_mask)
{
	sigset_t block, none;
	struct timespec ts = { 5, 0 };

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	sigprocmask(SIG_BLOCK, &block, 0);
	handle(SIGUSR1, nothing, 0);
	raise(SIGUSR1);
	ERR(pselect(0, 0, 0, 0, &ts, &none), EINTR); /* at once */
	sigprocmask(0, 0, &none);
	EQ(sigismember(&none, SIGUSR1), 1);
}

static int ep_add(int ep, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

TEST(epoll_errors)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd = open("f", O_RDWR | O_CREAT, 0644), p[2];
	struct epoll_event e = { .events = EPOLLIN };

	EQ(fcntl(ep, F_GETFD), FD_CLOEXEC);
	ERR(epoll_create1(77), EINVAL);
	ERR(epoll_create(0), EINVAL);
	ERR(ep_add(ep, fd, EPOLLIN), EPERM); /* regular files cannot be waited for */
	ERR(ep_add(ep, 999, EPOLLIN), EBADF);
	ERR(ep_add(999, fd, EPOLLIN), EBADF);
	ERR(ep_add(ep, ep, EPOLLIN), EINVAL);
	ERR(ep_add(fd, ep, EPOLLIN), EINVAL);
	pipe(p);
	EQ(ep_add(ep, p[0], EPOLLIN), 0);
	ERR(ep_add(ep, p[0], EPOLLIN), EEXIST);
	ERR(epoll_ctl(ep, EPOLL_CTL_MOD, p[1], &e), ENOENT);
	ERR(epoll_ctl(ep, EPOLL_CTL_DEL, p[1], 0), ENOENT);
	ERR(epoll_ctl(ep, 99, p[0], &e), EINVAL);
	EQ(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], 0), 0);
	ERR(epoll_wait(ep, &e, 0, 0), EINVAL);
	ERR(epoll_wait(ep, &e, -1, 0), EINVAL);
	ERR(epoll_wait(p[0], &e, 1, 0), EINVAL);
	ERR(epoll_wait(999, &e, 1, 0), EBADF);
}

TEST(level_and_edge)
{
	int ep = epoll_create1(0), p[2];
	struct epoll_event e[4];

	pipe(p);
	ep_add(ep, p[0], EPOLLIN);
	EQ(epoll_wait(ep, e, 4, 0), 0);
	write(p[1], "ab", 2);
	EQ(epoll_wait(ep, e, 4, 0), 1);
	EQ(e[0].events, EPOLLIN);
	EQ(e[0].data.fd, p[0]);
	EQ(epoll_wait(ep, e, 4, 0), 1); /* level: still */
	e[0] = (struct epoll_event){ .events = EPOLLIN | EPOLLET, .data.u64 = 0x123456789abcdefull };
	EQ(epoll_ctl(ep, EPOLL_CTL_MOD, p[0], e), 0);
	EQ(epoll_wait(ep, e, 4, 0), 1); /* a change reports what is there */
	EQ(e[0].data.u64, 0x123456789abcdefull);
	EQ(epoll_wait(ep, e, 4, 0), 0);
	read(p[0], (char[4]){ 0 }, 1);
	EQ(epoll_wait(ep, e, 4, 0), 0);
	write(p[1], "c", 1);
	EQ(epoll_wait(ep, e, 4, 0), 1);
	EQ(epoll_wait(ep, e, 4, 0), 0);
	close(p[1]);
	EQ(epoll_wait(ep, e, 4, 1000), 1);
	EQ(e[0].events, EPOLLIN | EPOLLHUP);
}

TEST(oneshot)
{
	int ep = epoll_create1(0), fd = eventfd(1, 0);
	struct epoll_event e;

	ep_add(ep, fd, EPOLLIN | EPOLLONESHOT);
	EQ(epoll_wait(ep, &e, 1, 0), 1);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	e = (struct epoll_event){ .events = EPOLLIN | EPOLLONESHOT };
	EQ(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), 0);
	EQ(epoll_wait(ep, &e, 1, 0), 1);
}

TEST(nested)
{
	int a = epoll_create1(0), b = epoll_create1(0), c = epoll_create1(0), fd = eventfd(0, 0);
	struct epoll_event e;

	EQ(ep_add(a, b, EPOLLIN), 0);
	EQ(ep_add(b, c, EPOLLIN), 0);
	ERR(ep_add(c, a, EPOLLIN), ELOOP);
	EQ(ep_add(c, fd, EPOLLIN), 0);
	EQ(epoll_wait(a, &e, 1, 0), 0);
	write(fd, &(uint64_t){ 1 }, 8);
	EQ(epoll_wait(a, &e, 1, 1000), 1);
	EQ(e.data.fd, b);
	EQ(pollone(a, POLLIN, 0), POLLIN);
}

TEST(closed_and_duplicated)
{
	int ep = epoll_create1(0), fd = eventfd(1, 0), d = dup(fd);
	struct epoll_event e;

	ep_add(ep, fd, EPOLLIN);
	close(fd);
	EQ(epoll_wait(ep, &e, 1, 0), 1); /* the description lives on in the duplicate */
	close(d);
	EQ(epoll_wait(ep, &e, 1, 0), 0);
	fd = eventfd(1, 0);
	EQ(ep_add(ep, fd, EPOLLIN), 0);
	EQ(epoll_wait(ep, &e, 1, 0), 1);
}

TEST(fairness_and_many)
{
	int ep = epoll_create1(0), fds[100];
	struct epoll_event e[10];
	bool seen[2000] = { false };
	int got = 0;

	for (int i = 0; i < 100; i++) {
		fds[i] = eventfd(1, 0);
		ep_add(ep, fds[i], EPOLLIN);
	}
	for (int r = 0; r < 10; r++) {
		int n = epoll_wait(ep, e, 10, 0);

		EQ(n, 10);
		for (int i = 0; i < n; i++)
			if (!seen[e[i].data.fd]) {
				seen[e[i].data.fd] = true;
				got++;
			}
	}
	EQ(got, 100); /* the ready list turns */
}

static int ep_shared, woken;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void *epwaiter(void *arg)
{
	struct epoll_event e;

	if (epoll_wait(ep_shared, &e, 1, 700) == 1) {
		pthread_mutex_lock(&mutex);
		woken++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

TEST(one_edge_wakes_one)
{
	int fd = eventfd(0, 0);
	pthread_t t[4];

	ep_shared = epoll_create1(0);
	ep_add(ep_shared, fd, EPOLLIN | EPOLLET);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], 0, epwaiter, 0);
	msleep(100);
	write(fd, &(uint64_t){ 1 }, 8);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
	EQ(woken, 1);
}

TEST(exclusive)
{
	int a = epoll_create1(0), fd = eventfd(0, 0);
	struct epoll_event e = { .events = EPOLLIN };

	EQ(ep_add(a, fd, EPOLLIN | EPOLLEXCLUSIVE), 0);
	ERR(epoll_ctl(a, EPOLL_CTL_MOD, fd, &e), EINVAL);
	write(fd, &(uint64_t){ 1 }, 8);
	EQ(epoll_wait(a, &e, 1, 1000), 1);
	ERR(ep_add(epoll_create1(0), fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
}

TEST(epoll_times)
{
	int ep = epoll_create1(0);
	struct epoll_event e;
	long long start = now_ns();
	struct timespec ts = { 0, 40 * MS };

	EQ(epoll_wait(ep, &e, 1, 60), 0);
	CHECK(now_ns() - start >= 60 * MS);
	if (syscall(SYS_epoll_pwait2, ep, &e, 1, &ts, 0, 0) == -1)
		EQ(errno, ENOSYS);
}

TEST(hundreds_of_descriptors_in_poll)
{
	struct pollfd v[300];

	for (int i = 0; i < 300; i++)
		v[i] = (struct pollfd){ eventfd(i == 250, 0), POLLIN, 0 };
	EQ(poll(v, 300, 1000), 1);
	EQ(v[250].revents, POLLIN);
}
