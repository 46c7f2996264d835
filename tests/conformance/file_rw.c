/* Reading and writing: positions, vectors, holes, copying between descriptors, truncation, fallocate. */
#include "test.h"
#include <sys/sendfile.h>
#include <linux/falloc.h>

TEST(positions)
{
	char buf[16] = "";
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	EQ(write(fd, "hello world", 11), 11);
	EQ(lseek(fd, -5, SEEK_END), 6);
	EQ(read(fd, buf, 15), 5);
	STR(buf, "world");
	EQ(read(fd, buf, 15), 0);
	EQ(lseek(fd, -3, SEEK_CUR), 8);
	ERR(lseek(fd, -9, SEEK_CUR), EINVAL);
	ERR(lseek(fd, 0, 99), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 8);
	EQ(pread(fd, buf, 5, 0), 5);
	EQ(pwrite(fd, "H", 1, 0), 1);
	EQ(lseek(fd, 0, SEEK_CUR), 8);
	ERR(pread(fd, buf, 1, -1), EINVAL);
	ERR(pwrite(fd, buf, 1, -1), EINVAL);
	ERR(pwrite(fd, buf, 1, INT64_MAX), EINVAL);
	ERR(pread(fd, buf, 2, INT64_MAX - 1), EINVAL);
	EQ(pread(fd, buf, 1, INT64_MAX - 1), 0);
	EQ(read(fd, 0, 0), 0);
	ERR(lseek(0x7fff, 0, SEEK_SET), EBADF);
	EQ(lseek(fd, 1ll << 40, SEEK_SET), 1ll << 40);
	EQ(read(fd, buf, 1), 0);
}

TEST(vectors)
{
	char a[4] = "", b[8] = "", big[3];
	struct iovec v[3] = { { "ab", 2 }, { 0, 0 }, { "cdefg", 5 } }, r[2] = { { a, 3 }, { b, 7 } };
	struct iovec *many = calloc(1100, sizeof *many);
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	EQ(writev(fd, v, 3), 7);
	lseek(fd, 0, SEEK_SET);
	EQ(readv(fd, r, 2), 7);
	STR(a, "abc");
	STR(b, "defg");
	EQ(pwritev(fd, v, 3, 100), 7);
	EQ(preadv(fd, r, 2, 101), 6);
	STR(a, "bcd");
	EQ(lseek(fd, 0, SEEK_CUR), 7);
	EQ(writev(fd, v, 0), 0);
	ERR(writev(fd, v, -1), EINVAL);
	for (int i = 0; i < 1100; i++)
		many[i] = (struct iovec){ big, 1 };
	EQ(writev(fd, many, 1024), 1024);
	ERR(writev(fd, many, 1025), EINVAL);
	v[0].iov_len = -1;
	ERR(writev(fd, v, 1), EINVAL);
	ERR(writev(fd, (void *)8, 1), EFAULT);
	v[0] = (struct iovec){ (void *)8, 4 };
	ERR(writev(fd, v, 1), EFAULT);
	v[0] = (struct iovec){ "ok", 2 };
	v[1] = (struct iovec){ (void *)8, 4 };
	EQ(writev(fd, v, 2), 2);
	EQ(preadv2(fd, r, 2, -1, 0) >= 0, 1);
}

TEST(holes)
{
	char c = 1;
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	struct stat st;

	pwrite(fd, "x", 1, 1 << 20);
	EQ(pread(fd, &c, 1, 500000), 1);
	EQ(c, 0);
	fstat(fd, &st);
	EQ(st.st_size, (1 << 20) + 1);
	CHECK(st.st_blocks * 512 < 1 << 20);
	EQ(lseek(fd, 0, SEEK_HOLE), 0);
	EQ(lseek(fd, 0, SEEK_DATA), 1 << 20);
	EQ(lseek(fd, 1 << 20, SEEK_HOLE), (1 << 20) + 1);
	ERR(lseek(fd, 2 << 20, SEEK_DATA), ENXIO);
	ERR(lseek(fd, 2 << 20, SEEK_HOLE), ENXIO);
}

TEST(truncation)
{
	char c[4] = "zzz";
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	write(fd, "abcdef", 6);
	EQ(ftruncate(fd, 3), 0);
	EQ(ftruncate(fd, 6), 0);
	EQ(pread(fd, c, 3, 3), 3);
	EQ(c[0] + c[1] + c[2], 0);
	EQ(lseek(fd, 0, SEEK_CUR), 6);
	ERR(ftruncate(fd, -1), EINVAL);
	ERR(truncate("none", 1), ENOENT);
	ERR(truncate(".", 1), EISDIR);
	EQ(truncate("f", 1), 0);
	EQ(lseek(fd, 0, SEEK_END), 1);
	ERR(ftruncate(open("f", O_RDONLY), 1), EINVAL);
	ERR(ftruncate(999, 1), EBADF);
}

TEST(size_limit)
{
	pid_t pid = fork();

	if (!pid) {
		int fd = open("f", O_RDWR | O_CREAT, 0644);
		struct rlimit r = { 1000, 1000 };
		char buf[600];

		memset(buf, 1, sizeof buf);
		setrlimit(RLIMIT_FSIZE, &r);
		signal(SIGXFSZ, SIG_IGN);
		EQ(write(fd, buf, 600), 600);
		EQ(write(fd, buf, 600), 400);
		ERR(write(fd, buf, 1), EFBIG);
		ERR(ftruncate(fd, 1001), EFBIG);
		signal(SIGXFSZ, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		write(fd, buf, 1);
		_exit(1);
	}
	EQ(wait_status(pid) & 0x7f, SIGXFSZ);
}

TEST(fallocate_modes)
{
	char c = 9;
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	if (fallocate(fd, 0, 0, 10000) == -1) {
		EQ(errno, EOPNOTSUPP);
		return;
	}
	EQ(lseek(fd, 0, SEEK_END), 10000);
	EQ(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50000), 0);
	EQ(lseek(fd, 0, SEEK_END), 10000);
	pwrite(fd, "0123456789", 10, 4090);
	EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4092, 4), 0);
	pread(fd, &c, 1, 4093);
	EQ(c, 0);
	pread(fd, &c, 1, 4096);
	EQ(c, '6');
	ERR(fallocate(fd, 0, 0, 0), EINVAL);
	ERR(fallocate(fd, 0, -1, 5), EINVAL);
	ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 5), EOPNOTSUPP);
	ERR(fallocate(open("f", O_RDONLY), 0, 0, 5), EBADF);
	EQ(posix_fallocate(fd, 0, 60000), 0);
	EQ(lseek(fd, 0, SEEK_END), 60000);
}

TEST(sendfile)
{
	int in, out = open("out", O_RDWR | O_CREAT, 0644), p[2];
	off_t off = 2;
	char buf[32] = "";

	put_file("in", "0123456789");
	in = open("in", O_RDONLY);
	EQ(sendfile(out, in, &off, 3), 3);
	EQ(off, 5);
	EQ(lseek(in, 0, SEEK_CUR), 0);
	EQ(sendfile(out, in, 0, 100), 10);
	EQ(lseek(in, 0, SEEK_CUR), 10);
	EQ(sendfile(out, in, 0, 100), 0);
	EQ(pread(out, buf, 31, 0), 13);
	STR(buf, "2340123456789");
	pipe(p);
	off = 0;
	EQ(sendfile(p[1], in, &off, 4), 4);
	EQ(read(p[0], buf, 10), 4);
	ERR(sendfile(out, p[0], 0, 1), EINVAL);
	ERR(sendfile(open("out", O_WRONLY | O_APPEND), in, &off, 1), EINVAL);
	ERR(sendfile(out, 999, 0, 1), EBADF);
}

TEST(splice_and_tee)
{
	int p[2], q[2], in, out = open("out", O_RDWR | O_CREAT, 0644);
	loff_t off = 3;
	char buf[32] = "";
	struct iovec v[2] = { { "vm", 2 }, { "splice", 6 } };

	put_file("in", "0123456789");
	in = open("in", O_RDONLY);
	pipe(p);
	pipe(q);
	EQ(splice(in, &off, p[1], 0, 4, 0), 4);
	EQ(off, 7);
	EQ(tee(p[0], q[1], 100, 0), 4);
	EQ(splice(p[0], 0, out, 0, 100, 0), 4);
	EQ(read(q[0], buf, 31), 4);
	STR(buf, "3456");
	STR(get_file("out"), "3456");
	ERR(splice(p[0], 0, out, 0, 100, SPLICE_F_NONBLOCK), EAGAIN);
	ERR(splice(in, 0, out, 0, 4, 0), EINVAL);
	ERR(splice(p[0], &off, out, 0, 4, 0), ESPIPE);
	EQ(vmsplice(p[1], v, 2, 0), 8);
	memset(buf, 0, sizeof buf);
	EQ(read(p[0], buf, 31), 8);
	STR(buf, "vmsplice");
	close(p[1]);
	EQ(splice(p[0], 0, out, 0, 100, 0), 0);
}

TEST(copy_file_range)
{
	int in, out = open("out", O_RDWR | O_CREAT, 0644);
	loff_t a = 2, b = 5;

	put_file("in", "0123456789");
	in = open("in", O_RDONLY);
	EQ(copy_file_range(in, &a, out, &b, 4, 0), 4);
	EQ(a, 6);
	EQ(b, 9);
	EQ(copy_file_range(in, 0, out, 0, 3, 0), 3);
	EQ(lseek(in, 0, SEEK_CUR), 3);
	EQ(lseek(out, 0, SEEK_CUR), 3);
	ERR(copy_file_range(in, 0, out, 0, 3, 1), EINVAL);
	ERR(copy_file_range(out, 0, in, 0, 3, 0), EBADF);
	a = 0, b = 2;
	ERR(copy_file_range(out, &a, out, &b, 5, 0), EINVAL); /* overlap */
	ERR(copy_file_range(open(".", O_RDONLY), 0, out, 0, 3, 0), EISDIR);
}

TEST(large_transfers)
{
	size_t n = 9 << 20;
	char *a = malloc(n), *b = malloc(n);
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	for (size_t i = 0; i < n; i++)
		a[i] = i * 7 + (i >> 12);
	EQ(write(fd, a, n), n);
	EQ(pread(fd, b, n, 0), n);
	EQ(memcmp(a, b, n), 0);
	EQ(pread(fd, b, n, 12345), n - 12345);
	EQ(memcmp(a + 12345, b, n - 12345), 0);
}

TEST(unlinked_files_live_on)
{
	struct stat st;
	char c;
	int fd;

	put_file("f", "abc");
	fd = open("f", O_RDWR);
	EQ(unlink("f"), 0);
	fstat(fd, &st);
	EQ(st.st_nlink, 0);
	EQ(write(fd, "X", 1), 1);
	EQ(pread(fd, &c, 1, 0), 1);
	EQ(c, 'X');
	put_file("f", "new");
	EQ(pread(fd, &c, 1, 0), 1);
	EQ(c, 'X');
}

TEST(sync_calls)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), p[2];

	EQ(fsync(fd), 0);
	EQ(fdatasync(fd), 0);
	EQ(syncfs(fd), 0);
	EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0);
	EQ(posix_fadvise(fd, 0, 0, 99), EINVAL);
	pipe(p);
	ERR(fsync(p[0]), EINVAL);
	EQ(posix_fadvise(p[0], 0, 0, 0), ESPIPE);
	ERR(fsync(999), EBADF);
	EQ(readahead(fd, 0, 10), 0);
	EQ(sync_file_range(fd, 0, 10, 2), 0);
	sync();
}

TEST(etxtbsy)
{
	int fd;
	char *argv[] = { "prog", 0 };
	pid_t pid;

	EQ(system("cp /bin/sleep prog"), 0);
	pid = fork();
	if (!pid) {
		execl("./prog", "prog", "100", (char *)0);
		_exit(1);
	}
	msleep(100);
	ERR(open("prog", O_WRONLY), ETXTBSY);
	ERR(truncate("prog", 0), ETXTBSY);
	kill(pid, SIGKILL);
	reap_signal(pid, SIGKILL);
	fd = OK(open("prog", O_WRONLY));
	ERR(execv("./prog", argv), ETXTBSY);
	close(fd);
}
