/* Pipes and FIFOs: atomicity, capacity, ends closed, blocking opens, ioctls. */
#include "test.h"

static volatile int hits;
static void count(int sig) { (void)sig; hits++; }

TEST(ends)
{
	int p[2];
	char buf[16] = "";
	struct stat st;

	EQ(pipe(p), 0);
	fstat(p[0], &st);
	CHECK(S_ISFIFO(st.st_mode));
	EQ(fcntl(p[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	EQ(fcntl(p[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	ERR(write(p[0], "x", 1), EBADF);
	ERR(read(p[1], buf, 1), EBADF);
	ERR(lseek(p[0], 0, SEEK_SET), ESPIPE);
	ERR(pread(p[0], buf, 1, 0), ESPIPE);
	EQ(write(p[1], "abc", 3), 3);
	close(p[1]);
	EQ(read(p[0], buf, 16), 3);
	EQ(read(p[0], buf, 16), 0);
	pipe(p);
	close(p[0]);
	handle(SIGPIPE, count, 0);
	ERR(write(p[1], "x", 1), EPIPE);
	EQ(hits, 1);
	signal(SIGPIPE, SIG_IGN);
	ERR(write(p[1], "x", 1), EPIPE);
	ERR(pipe2(p, O_RDONLY | 0x4), EINVAL);
	ERR(syscall(SYS_pipe2, 8, 0), EFAULT);
	EQ(pipe2(p, O_CLOEXEC | O_NONBLOCK), 0);
	EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
	EQ(fcntl(p[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
}

TEST(capacity)
{
	int p[2], n = 0;
	char *buf = calloc(1, 1 << 20);

	pipe2(p, O_NONBLOCK);
	EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
	EQ(write(p[1], buf, 1 << 20), 65536);
	ERR(write(p[1], buf, 1), EAGAIN);
	EQ(ioctl(p[0], FIONREAD, &n), 0);
	EQ(n, 65536);
	EQ(read(p[0], buf, 4095), 4095);
	ERR(write(p[1], buf, 4096), EAGAIN); /* all or nothing up to PIPE_BUF */
	EQ(read(p[0], buf, 1), 1);
	EQ(write(p[1], buf, 4096), 4096);
	EQ(fcntl(p[0], F_SETPIPE_SZ, 100000), 131072);
	EQ(write(p[1], buf, 1 << 20), 65536);
	ERR(fcntl(p[0], F_SETPIPE_SZ, 4096), EBUSY);
	ERR(fcntl(0x7ff, F_GETPIPE_SZ), EBADF);
}

TEST(atomic_writes)
{
	int p[2];
	char buf[1000];
	long got = 0;

	pipe(p);
	for (int i = 0; i < 4; i++)
		if (!fork()) {
			memset(buf, 'a' + i, sizeof buf);
			for (int n = 0; n < 200; n++)
				write(p[1], buf, sizeof buf);
			_exit(0);
		}
	close(p[1]);
	for (;;) {
		size_t n = 0;
		ssize_t r;

		while (n < sizeof buf && (r = read(p[0], buf + n, sizeof buf - n)) > 0)
			n += r;
		if (!n)
			break;
		EQ(n, sizeof buf);
		for (size_t i = 1; i < n; i++)
			if (buf[i] != buf[0]) {
				test_fail(__LINE__, "torn");
				return;
			}
		got++;
	}
	EQ(got, 800);
	while (wait(0) > 0)
		;
}

TEST(blocking_writer)
{
	int p[2];
	char *buf = calloc(1, 300000);
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		EQ(write(p[1], buf, 300000), 300000);
		done();
	}
	close(p[1]);
	msleep(30);
	while ((n = read(p[0], buf, 7777)) > 0)
		got += n;
	EQ(got, 300000);
	reap(pid);
}

TEST(fifo_open)
{
	int r, w;
	char c;
	pid_t pid;

	mkfifo("f", 0644);
	ERR(open("f", O_WRONLY | O_NONBLOCK), ENXIO);
	r = OK(open("f", O_RDONLY | O_NONBLOCK));
	EQ(read(r, &c, 1), 0); /* no writer: end of file */
	w = OK(open("f", O_WRONLY | O_NONBLOCK));
	ERR(read(r, &c, 1), EAGAIN);
	EQ(write(w, "q", 1), 1);
	EQ(read(r, &c, 1), 1);
	close(w);
	EQ(read(r, &c, 1), 0);
	close(r);
	pid = fork();
	if (!pid) {
		w = OK(open("f", O_WRONLY));
		EQ(write(w, "abc", 3), 3);
		done();
	}
	r = OK(open("f", O_RDONLY)); /* waits for the other */
	EQ(read(r, &c, 1), 1);
	reap(pid);
	close(r);
	r = OK(open("f", O_RDWR)); /* never waits */
	EQ(write(r, "x", 1), 1);
	EQ(read(r, &c, 1), 1);
	close(r);
	handle(SIGALRM, count, 0);
	ualarm(30000, 0);
	ERR(open("f", O_RDONLY), EINTR);
}

TEST(reopened_through_proc)
{
	int p[2], again;
	char path[64], buf[8] = "";

	pipe(p);
	write(p[1], "abc", 3);
	close(p[1]);
	sprintf(path, "/proc/self/fd/%d", p[0]);
	again = OK(open(path, O_RDONLY));
	EQ(read(again, buf, 8), 3);
	STR(buf, "abc");
	again = OK(open(path, O_WRONLY));
	EQ(write(again, "d", 1), 1);
	EQ(read(p[0], buf, 8), 1);
}
