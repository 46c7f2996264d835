/* open: flags, modes, errors, limits; descriptors, dup, fcntl, close-on-exec. */
#include "test.h"
#include <sys/file.h>

TEST(errors)
{
	put_file("f", "x");
	mkdir("d", 0755);
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");
	symlink("f", "l");
	symlink("nowhere", "dangling");
	ERR(open("none", O_RDONLY), ENOENT);
	ERR(open("", O_RDONLY), ENOENT);
	ERR(open("f/x", O_RDONLY), ENOTDIR);
	ERR(open("f/", O_RDONLY), ENOTDIR);
	ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	ERR(open("d", O_WRONLY), EISDIR);
	ERR(open("d", O_RDWR), EISDIR);
	ERR(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	ERR(open("none/", O_WRONLY | O_CREAT, 0644), EISDIR);
	ERR(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	ERR(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	ERR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	ERR(open("loop1", O_RDONLY), ELOOP);
	ERR(open("dangling", O_RDONLY), ENOENT);
	ERR(open("d/../none/..", O_RDONLY), ENOENT);
	CHECK(close(OK(open("dangling", O_WRONLY | O_CREAT, 0644))) == 0);
	EQ(access("nowhere", F_OK), 0); /* made where the link points */
	ERR(openat(999, "f", O_RDONLY), EBADF);
	ERR(openat(OK(open("f", O_RDONLY)), "f", O_RDONLY), ENOTDIR);
	ERR(close(999), EBADF);
	ERR(close(-1), EBADF);
	ERR(read(999, 0, 1), EBADF);
	ERR(read(OK(open("f", O_WRONLY)), "x", 1), EBADF);
	ERR(write(OK(open("f", O_RDONLY)), "x", 1), EBADF);
	ERR(read(OK(open("d", O_RDONLY)), (char[1]){ 0 }, 1), EISDIR);
}

TEST(long_names)
{
	char name[300], path[5000];

	memset(name, 'a', 299);
	name[255] = 0;
	CHECK(close(OK(open(name, O_WRONLY | O_CREAT, 0644))) == 0);
	EQ(unlink(name), 0);
	name[255] = 'a';
	name[256] = 0;
	ERR(open(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
	memset(path, '/', sizeof path);
	path[4096] = 0;
	ERR(open(path, O_RDONLY), ENAMETOOLONG);
	path[4095] = 0;
	CHECK(close(OK(open(path, O_RDONLY))) == 0);
	for (int i = 0; i < 4094; i += 2)
		memcpy(path + i, "./", 2);
	path[4094] = 0;
	CHECK(close(OK(open(path, O_RDONLY))) == 0);
}

TEST(symlink_depth)
{
	char a[16], b[16];

	put_file("n0", "end");
	for (int i = 1; i <= 41; i++) {
		sprintf(a, "n%d", i - 1);
		sprintf(b, "n%d", i);
		symlink(a, b);
	}
	CHECK(close(OK(open("n40", O_RDONLY))) == 0);
	ERR(open("n41", O_RDONLY), ELOOP);
}

TEST(modes_and_umask)
{
	struct stat st;

	umask(027);
	close(open("f", O_CREAT | O_WRONLY, 0777));
	stat("f", &st);
	EQ(st.st_mode, S_IFREG | 0750);
	EQ(st.st_nlink, 1);
	EQ(st.st_size, 0);
	EQ(umask(022), 027);
	mkdir("d", 0777);
	stat("d", &st);
	EQ(st.st_mode, S_IFDIR | 0755);
	EQ(open("g", O_RDWR | O_CREAT, 0) >= 0, 1); /* the mode counts from the next open on */
	stat("g", &st);
	EQ(st.st_mode & 07777, 0);
}

TEST(truncating)
{
	int fd;

	put_file("f", "0123456789");
	fd = OK(open("f", O_RDWR | O_TRUNC));
	EQ(lseek(fd, 0, SEEK_END), 0);
	put_file("g", "0123456789");
	fd = OK(open("g", O_RDONLY | O_TRUNC));
	EQ(lseek(fd, 0, SEEK_END), 0);
}

TEST(append)
{
	char buf[32] = "";
	int a, b;

	a = OK(open("f", O_WRONLY | O_CREAT | O_APPEND, 0644));
	b = OK(open("f", O_RDWR));
	EQ(write(b, "12345", 5), 5);
	EQ(write(a, "ab", 2), 2);
	EQ(lseek(a, 0, SEEK_CUR), 7);
	lseek(a, 0, SEEK_SET);
	EQ(write(a, "cd", 2), 2);
	EQ(pread(b, buf, 20, 0), 9);
	STR(buf, "12345abcd");
	EQ(pwrite(a, "X", 1, 0), 1); /* Linux appends here too */
	EQ(lseek(b, 0, SEEK_END), 10);
}

TEST(append_from_processes)
{
	pid_t pids[4];
	char *text;

	close(open("f", O_CREAT | O_WRONLY, 0644));
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			int fd = open("f", O_WRONLY | O_APPEND);
			char line[9];

			sprintf(line, "line %d.\n", i);
			for (int n = 0; n < 500; n++)
				EQ(write(fd, line, 8), 8);
			done();
		}
	}
	for (int i = 0; i < 4; i++)
		reap(pids[i]);
	text = get_file("f");
	EQ(strlen(text), 16000);
	for (int n = 0; n < 2000; n++)
		if (strncmp(text + n * 8, "line ", 5) || text[n * 8 + 7] != '\n') {
			test_fail(__LINE__, "torn line %d", n);
			break;
		}
}

TEST(o_path)
{
	struct stat st;
	int fd, d;

	put_file("f", "x");
	symlink("f", "l");
	fd = OK(open("f", O_PATH));
	ERR(read(fd, &st, 1), EBADF);
	ERR(write(fd, "x", 1), EBADF);
	ERR(fchmod(fd, 0600), EBADF);
	ERR(ioctl(fd, FIONREAD, &st), EBADF);
	EQ(fstat(fd, &st), 0);
	EQ(st.st_size, 1);
	EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	d = OK(dup(fd));
	EQ(close(d), 0);
	fd = OK(open("l", O_PATH | O_NOFOLLOW));
	EQ(fstat(fd, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	EQ(readlinkat(fd, "", (char[8]){ 0 }, 8), 1);
	mkdir("dir", 0755);
	fd = OK(open("dir", O_PATH | O_DIRECTORY));
	d = OK(openat(fd, "new", O_CREAT | O_WRONLY, 0644));
	close(d);
	EQ(access("dir/new", F_OK), 0);
	EQ(fchdir(fd), 0);
	EQ(access("new", F_OK), 0);
}

TEST(tmpfile)
{
	struct stat st;
	char path[64];
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd == -1) {
		CHECK(errno == EOPNOTSUPP);
		return;
	}
	fstat(fd, &st);
	EQ(st.st_nlink, 0);
	EQ(write(fd, "hidden", 6), 6);
	ERR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	sprintf(path, "/proc/self/fd/%d", fd);
	EQ(linkat(AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW), 0);
	STR(get_file("shown"), "hidden");
	fd = OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	sprintf(path, "/proc/self/fd/%d", fd);
	ERR(linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW), ENOENT);
}

TEST(lowest_descriptor)
{
	int a = open("/", O_RDONLY), b = open("/", O_RDONLY), c = open("/", O_RDONLY);

	EQ(b, a + 1);
	EQ(c, a + 2);
	close(b);
	EQ(open("/", O_RDONLY), b);
	close(a);
	EQ(dup(c), a);
	EQ(fcntl(c, F_DUPFD, 50), 50);
	EQ(fcntl(c, F_DUPFD_CLOEXEC, 50), 51);
	EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(50, F_GETFD), 0);
	EQ(dup2(c, c), c);
	ERR(dup3(c, c, 0), EINVAL);
	EQ(dup3(c, 60, O_CLOEXEC), 60);
	EQ(fcntl(60, F_GETFD), FD_CLOEXEC);
	EQ(dup2(60, 61), 61);
	EQ(fcntl(61, F_GETFD), 0);
	ERR(dup2(999, 5), EBADF);
	ERR(dup2(999, 999), EBADF);
	ERR(dup2(0, -1), EBADF);
	ERR(dup(999), EBADF);
	ERR(dup3(c, 70, O_APPEND), EINVAL);
	ERR(fcntl(c, F_DUPFD, -1), EINVAL);
}

TEST(limit_of_descriptors)
{
	struct rlimit r = { 20, 20 };
	pid_t pid = fork();

	if (!pid) {
		int fd, last = -1;

		setrlimit(RLIMIT_NOFILE, &r);
		while ((fd = open("/", O_RDONLY)) >= 0)
			last = fd;
		EQ(errno, EMFILE);
		EQ(last, 19);
		ERR(dup2(0, 20), EBADF);
		ERR(fcntl(0, F_DUPFD, 20), EINVAL);
		ERR(dup(0), EMFILE);
		ERR(pipe((int[2]){ 0 }), EMFILE);
		done();
	}
	reap(pid);
}

TEST(status_flags)
{
	int fd = open("f", O_RDWR | O_CREAT | O_APPEND | O_EXCL, 0644), d;

	EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_CREAT | O_EXCL), O_RDWR | O_APPEND);
	d = dup(fd);
	EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	EQ(fcntl(d, F_GETFL) & (O_APPEND | O_NONBLOCK), O_NONBLOCK); /* shared by duplicates */
	EQ(fcntl(fd, F_SETFL, O_WRONLY | O_TRUNC), 0); /* those are ignored */
	EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	ERR(fcntl(fd, 9999), EINVAL);
	ERR(fcntl(999, F_GETFL), EBADF);
	EQ(fcntl(fd, F_GETOWN), 0);
}

int test_helper(int argc, char **argv)
{
	int bad = 0;

	for (int i = 0; i < argc; i++) {
		int fd = atoi(argv[i]), want_open = fd > 0;

		if ((fcntl(abs(fd), F_GETFD) != -1) != want_open)
			bad++;
	}
	return bad;
}

TEST(close_on_exec)
{
	pid_t pid;

	dup2(0, 40);
	dup3(0, 41, O_CLOEXEC);
	dup2(0, 42);
	fcntl(42, F_SETFD, FD_CLOEXEC);
	dup3(0, 43, O_CLOEXEC);
	fcntl(43, F_SETFD, 0);
	pid = fork();
	if (!pid) {
		execl(test_self, test_self, "--helper", "40", "-41", "-42", "43", (char *)0);
		_exit(1);
	}
	reap(pid);
	EQ(fcntl(41, F_GETFD), FD_CLOEXEC);
}

TEST(close_range)
{
	for (int i = 40; i < 50; i++)
		dup2(0, i);
	EQ(syscall(SYS_close_range, 42, 45, 0), 0);
	EQ(fcntl(41, F_GETFD), 0);
	ERR(fcntl(42, F_GETFD), EBADF);
	ERR(fcntl(45, F_GETFD), EBADF);
	EQ(fcntl(46, F_GETFD), 0);
	EQ(syscall(SYS_close_range, 46, ~0u, 4), 0); /* CLOSE_RANGE_CLOEXEC */
	EQ(fcntl(49, F_GETFD), FD_CLOEXEC);
	ERR(syscall(SYS_close_range, 5, 4, 0), EINVAL);
	ERR(syscall(SYS_close_range, 40, 41, 64), EINVAL);
	EQ(syscall(SYS_close_range, 40, ~0u, 2), 0); /* CLOSE_RANGE_UNSHARE */
	ERR(fcntl(40, F_GETFD), EBADF);
}

TEST(openat2)
{
	struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0 };
	int d;

	mkdir("d", 0755);
	put_file("d/f", "x");
	put_file("out", "x");
	symlink("../out", "d/up");
	symlink("/etc/passwd", "d/abs");
	symlink("f", "d/l");
	d = OK(open("d", O_RDONLY | O_DIRECTORY));
	CHECK(syscall(SYS_openat2, d, "f", &how, sizeof how) >= 0);
	how.resolve = 8; /* BENEATH */
	CHECK(syscall(SYS_openat2, d, "l", &how, sizeof how) >= 0);
	ERR(syscall(SYS_openat2, d, "up", &how, sizeof how), EXDEV);
	ERR(syscall(SYS_openat2, d, "../out", &how, sizeof how), EXDEV);
	ERR(syscall(SYS_openat2, d, "abs", &how, sizeof how), EXDEV);
	how.resolve = 16; /* IN_ROOT */
	ERR(syscall(SYS_openat2, d, "abs", &how, sizeof how), ENOENT);
	CHECK(syscall(SYS_openat2, d, "/../../f", &how, sizeof how) >= 0);
	how.resolve = 4; /* NO_SYMLINKS */
	ERR(syscall(SYS_openat2, d, "l", &how, sizeof how), ELOOP);
	how.resolve = 0x1000;
	ERR(syscall(SYS_openat2, d, "f", &how, sizeof how), EINVAL);
	how.resolve = 0;
	how.mode = 0644;
	ERR(syscall(SYS_openat2, d, "f", &how, sizeof how), EINVAL);
	ERR(syscall(SYS_openat2, d, "f", &how, 8), EINVAL);
}
