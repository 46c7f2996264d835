/* Pseudo terminals: the line discipline, signals from keys, job control, window sizes, hangups. */
#include "test.h"
#include <pty.h>
#include <termios.h>
#include <utmp.h>

static volatile int hits[65];
static void count(int sig) { hits[sig]++; }

static int open_pair(int *slave)
{
	int m = OK(posix_openpt(O_RDWR | O_NOCTTY));

	grantpt(m);
	EQ(unlockpt(m), 0);
	*slave = OK(open(ptsname(m), O_RDWR | O_NOCTTY));
	return m;
}

static char *get(int fd)
{
	static char buf[4096];
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n;

	if (poll(&p, 1, 2000) != 1)
		return "(nothing)";
	n = read(fd, buf, sizeof buf - 1);
	if (n < 0)
		return "(error)";
	buf[n] = 0;
	return buf;
}

TEST(basics)
{
	int s, m = open_pair(&s), n = -1, lock;
	struct termios t;
	struct winsize w = { 30, 70, 0, 0 }, r;
	struct stat st;

	CHECK(isatty(m) && isatty(s));
	EQ(ioctl(m, TIOCGPTN, &n), 0);
	CHECK(n >= 0);
	EQ(fstat(s, &st), 0);
	CHECK(S_ISCHR(st.st_mode));
	EQ(st.st_rdev >> 8 & 0xff, 136);
	EQ(tcgetattr(s, &t), 0);
	CHECK((t.c_lflag & (ICANON | ECHO | ISIG)) == (ICANON | ECHO | ISIG));
	CHECK(t.c_oflag & OPOST && t.c_iflag & ICRNL);
	EQ(t.c_cc[VINTR], 3);
	EQ(t.c_cc[VEOF], 4);
	EQ(cfgetospeed(&t), B38400);
	EQ(ioctl(s, TIOCSWINSZ, &w), 0);
	EQ(ioctl(m, TIOCGWINSZ, &r), 0);
	EQ(r.ws_row * 1000 + r.ws_col, 30070);
	EQ(ioctl(m, TIOCGPTLCK, &lock), 0);
	EQ(lock, 0);
	ERR(tcgetattr(open("/", O_RDONLY), &t), ENOTTY);
	STR(ttyname(s) ? ttyname(s) : "", ptsname(m));
}

TEST(cooked_input)
{
	int s, m = open_pair(&s), n;

	EQ(write(m, "line\rrest", 9), 9);
	EQ(strcmp(get(s), "line\n"), 0);
	EQ(ioctl(s, FIONREAD, &n), 0);
	EQ(poll(&(struct pollfd){ s, POLLIN, 0 }, 1, 0), 0); /* an unfinished line cannot be read */
	write(m, "\x7f\x7f\x7f\x7fnew\n", 8);
	STR(get(s), "new\n");
	write(m, "a b c\x17" "d\n", 8);
	STR(get(s), "a b d\n");
	write(m, "kill this\x15" "now\n", 14);
	STR(get(s), "now\n");
	write(m, "\x16\x03literal\n", 10);
	STR(get(s), "\003literal\n");
	write(m, "partial\x04", 8);
	STR(get(s), "partial");
	write(m, "\x04", 1);
	STR(get(s), ""); /* end of file */
	write(m, "two\nlines\n", 10);
	STR(get(s), "two\n");
	STR(get(s), "lines\n");
}

TEST(echo_and_output)
{
	int s, m = open_pair(&s);
	struct termios t;

	write(m, "abc\r", 4);
	STR(get(m), "abc\r\n");
	get(s);
	write(m, "x\x01\x7f\x7f", 4);
	STR(get(m), "x^A\b \b\b \b\b \b");
	write(m, "\n", 1);
	get(m);
	get(s);
	write(s, "out\n", 4);
	STR(get(m), "out\r\n");
	tcgetattr(s, &t);
	t.c_oflag &= ~OPOST;
	t.c_lflag &= ~ECHO;
	EQ(tcsetattr(s, TCSANOW, &t), 0);
	write(s, "raw\n", 4);
	STR(get(m), "raw\n");
	write(m, "quiet\n", 6);
	STR(get(s), "quiet\n");
	EQ(poll(&(struct pollfd){ m, POLLIN, 0 }, 1, 50), 0);
}

TEST(raw_input)
{
	int s, m = open_pair(&s);
	struct termios t;
	long long start;
	char buf[16];

	tcgetattr(s, &t);
	cfmakeraw(&t);
	tcsetattr(s, TCSANOW, &t);
	write(m, "\x03\r\x04", 3);
	STR(get(s), "\x03\r\x04");
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 2;
	tcsetattr(s, TCSANOW, &t);
	start = now_ns();
	EQ(read(s, buf, 16), 0);
	CHECK(now_ns() - start >= 190 * MS);
	t.c_cc[VTIME] = 0;
	tcsetattr(s, TCSANOW, &t);
	EQ(read(s, buf, 16), 0);
	t.c_cc[VMIN] = 3;
	tcsetattr(s, TCSANOW, &t);
	if (!fork()) {
		write(m, "a", 1);
		msleep(50);
		write(m, "bcd", 3);
		_exit(0);
	}
	EQ(read(s, buf, 16), 4);
	wait(0);
	fcntl(s, F_SETFL, O_NONBLOCK);
	ERR(read(s, buf, 16), EAGAIN);
	write(m, "zzz", 3);
	msleep(20);
	EQ(tcflush(s, TCIFLUSH), 0);
	ERR(read(s, buf, 16), EAGAIN);
}

/* A session of its own on a fresh terminal; the child runs fn. */
static pid_t session(int *master, void (*fn)(int m))
{
	int s, m = open_pair(&s);
	pid_t pid = fork();

	*master = m;
	if (!pid) {
		EQ(setsid(), getpid());
		EQ(ioctl(s, TIOCSCTTY, 0), 0);
		dup2(s, 0);
		dup2(s, 1);
		fn(m);
		done();
	}
	close(s);
	return pid;
}

static void ctty(int m)
{
	int fd = OK(open("/dev/tty", O_RDWR)), sid = 0;

	EQ(tcgetpgrp(fd), getpid());
	EQ(ioctl(0, TIOCGSID, &sid), 0);
	EQ(sid, getpid());
	EQ(tcgetsid(m), getpid());
	EQ(tcsetpgrp(0, getpgrp()), 0);
	ERR(tcsetpgrp(0, 999999), ESRCH);
	ERR(tcsetpgrp(0, getppid()), EPERM);
	handle(SIGHUP, count, 0);
	handle(SIGCONT, count, 0);
	EQ(ioctl(0, TIOCNOTTY), 0); /* the leader gives it up: HUP and CONT to the foreground */
	SOON(hits[SIGHUP] && hits[SIGCONT]);
	ERR(open("/dev/tty", O_RDWR), ENXIO);
	ERR(tcgetpgrp(0), ENOTTY);
}

TEST(controlling_terminal)
{
	int m;

	reap(session(&m, ctty));
}

static void keys(int m)
{
	handle(SIGINT, count, 0);
	handle(SIGQUIT, count, 0);
	handle(SIGTSTP, count, 0);
	handle(SIGWINCH, count, 0);
	write(m, "lost\x03", 5);
	SOON(hits[SIGINT]);
	write(m, "\x1c", 1);
	SOON(hits[SIGQUIT]);
	write(m, "\x1a", 1);
	SOON(hits[SIGTSTP]);
	EQ(ioctl(m, TIOCSWINSZ, &(struct winsize){ 5, 6, 0, 0 }), 0);
	SOON(hits[SIGWINCH]);
	EQ(ioctl(m, TIOCSWINSZ, &(struct winsize){ 5, 6, 0, 0 }), 0);
	msleep(20);
	EQ(hits[SIGWINCH], 1); /* only when it changed */
	write(m, "x\n", 2);
	STR(get(0), "x\n"); /* the interrupt flushed "lost" */
	STR(strchr(get(m), '^') ? "^" : "", "^");
}

TEST(signals_from_keys)
{
	int m;

	reap(session(&m, keys));
}

static void background_io(int m)
{
	struct termios t;
	pid_t pid = fork();
	int st;
	char c;

	(void)m;
	if (!pid) {
		setpgid(0, 0);
		read(0, &c, 1);
		msleep(250); /* until it is in the background again */
		tcgetattr(0, &t);
		signal(SIGTTOU, SIG_IGN);
		t.c_lflag |= TOSTOP;
		EQ(tcsetattr(0, TCSANOW, &t), 0);
		EQ(write(1, "w", 1), 1); /* ignored: it may */
		signal(SIGTTIN, SIG_IGN);
		ERR(read(0, &c, 1), EIO);
		EQ(tcsetpgrp(0, getpgrp()), 0);
		EQ(tcgetpgrp(0), getpgrp());
		done();
	}
	setpgid(pid, pid);
	EQ(waitpid(pid, &st, WUNTRACED), pid);
	EQ(WIFSTOPPED(st) ? WSTOPSIG(st) : -1, SIGTTIN);
	write(m, "q\n", 2);
	tcsetpgrp(0, pid);
	kill(-pid, SIGCONT);
	msleep(100);
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(0, getpgrp());
	reap(pid);
}

static void background_change(int m)
{
	struct termios t;
	pid_t pid = fork();
	int st;

	(void)m;
	if (!pid) {
		setpgid(0, 0);
		tcgetattr(0, &t);
		tcsetattr(0, TCSANOW, &t);
		done();
	}
	setpgid(pid, pid);
	EQ(waitpid(pid, &st, WUNTRACED), pid);
	EQ(WIFSTOPPED(st) ? WSTOPSIG(st) : -1, SIGTTOU);
	tcsetpgrp(0, pid);
	kill(-pid, SIGCONT);
	reap(pid);
}

TEST(background_reads_stop)
{
	int m;

	reap(session(&m, background_io));
}

TEST(background_changes_stop)
{
	int m;

	reap(session(&m, background_change));
}

static void hangup(int m)
{
	char c;

	handle(SIGHUP, count, 0);
	close(m);
	SOON(hits[SIGHUP]);
	EQ(read(0, &c, 1), 0);
	ERR(write(1, "x", 1), EIO);
	ERR(ioctl(0, TIOCGWINSZ, &(struct winsize){ 0 }), EIO);
}

TEST(master_closed)
{
	int m, s;
	pid_t pid = fork();

	if (!pid) {
		m = open_pair(&s);
		setsid();
		EQ(ioctl(s, TIOCSCTTY, 0), 0);
		dup2(s, 0);
		dup2(s, 1);
		close(s);
		hangup(m);
		done();
	}
	reap(pid);
}

TEST(slave_closed)
{
	int s, m = open_pair(&s);
	char c;

	write(s, "bye", 3);
	close(s);
	STR(get(m), "bye");
	ERR(read(m, &c, 1), EIO);
	EQ(poll(&(struct pollfd){ m, POLLIN, 0 }, 1, 0) == 1, 1);
	s = OK(open(ptsname(m), O_RDWR | O_NOCTTY)); /* opened again: alive again */
	write(s, "more", 4);
	STR(get(m), "more");
}

TEST(packet_mode)
{
	int s, m = open_pair(&s), on = 1;
	char *p;

	EQ(ioctl(m, TIOCPKT, &on), 0);
	write(s, "data", 4);
	p = get(m);
	EQ(p[0], TIOCPKT_DATA);
	STR(p + 1, "data");
	tcflush(s, TCOFLUSH);
	p = get(m);
	EQ(p[0] & TIOCPKT_FLUSHWRITE, TIOCPKT_FLUSHWRITE);
}

TEST(forkpty_runs_a_shell)
{
	int m;
	char all[4096] = "";
	pid_t pid = forkpty(&m, 0, 0, &(struct winsize){ 24, 80, 0, 0 });
	ssize_t n;
	size_t have = 0;

	if (!pid) {
		execl("/bin/sh", "sh", "-c", "stty size; read x; echo \"<$x>\"; exit 3", (char *)0);
		_exit(1);
	}
	write(m, "typed\r", 6);
	while (have < sizeof all - 1 && (n = read(m, all + have, sizeof all - 1 - have)) > 0)
		have += n;
	EQ(n == -1 && errno == EIO, 1);
	CHECK(strstr(all, "24 80\r\n"));
	CHECK(strstr(all, "<typed>\r\n"));
	reap_exit(pid, 3);
}

TEST(large_transfers)
{
	int s, m = open_pair(&s);
	struct termios t;
	char buf[4096];
	size_t got = 0;
	ssize_t n;
	pid_t pid;

	tcgetattr(s, &t);
	cfmakeraw(&t);
	tcsetattr(s, TCSANOW, &t);
	pid = fork();
	if (!pid) {
		close(m);
		for (int i = 0; i < 100; i++) {
			memset(buf, 'a' + i % 26, sizeof buf);
			EQ(write(s, buf, sizeof buf), sizeof buf);
		}
		done();
	}
	while (got < 409600 && (n = read(m, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			if (buf[i] != (char)('a' + got / 4096 % 26)) {
				test_fail(__LINE__, "byte %zu is wrong", got);
				return;
			}
	EQ(got, 409600);
	reap(pid);
}
