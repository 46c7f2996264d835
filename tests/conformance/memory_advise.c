/* madvise, msync, mincore, mlock, process_vm_*, user pointers at the edge. */
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)
static char *anon(size_t n) { return mmap(0, n, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

TEST(dontneed)
{
	char *p = anon(3 * PAGE), *f;
	int fd;

	memset(p, 1, 3 * PAGE);
	EQ(madvise(p + PAGE, PAGE, MADV_DONTNEED), 0);
	EQ(p[0] + p[PAGE] + p[2 * PAGE], 2);
	ERR(madvise(p + 1, PAGE, MADV_DONTNEED), EINVAL);
	ERR(madvise(p, PAGE, 9999), EINVAL);
	munmap(p + PAGE, PAGE);
	ERR(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM);
	EQ(p[0] + p[2 * PAGE], 0); /* but done for the rest */
	put_file("f", "file");
	fd = open("f", O_RDWR);
	f = mmap(0, PAGE, RW, MAP_PRIVATE, fd, 0);
	f[0] = 'X';
	EQ(madvise(f, PAGE, MADV_DONTNEED), 0);
	EQ(f[0], 'f');
	EQ(madvise(p, PAGE, MADV_WILLNEED), 0);
	EQ(madvise(p, PAGE, MADV_NORMAL), 0);
	EQ(madvise(p, PAGE, MADV_SEQUENTIAL), 0);
	EQ(madvise(p, PAGE, MADV_HUGEPAGE) == 0 || errno == EINVAL, 1);
}

TEST(free_keeps_or_zeros)
{
	char *p = anon(PAGE);

	p[0] = 5;
	EQ(madvise(p, PAGE, MADV_FREE), 0);
	CHECK(p[0] == 5 || p[0] == 0);
	p[0] = 6;
	EQ(p[0], 6);
}

TEST(dontfork_and_wipeonfork)
{
	char *p = anon(3 * PAGE);
	pid_t pid;

	memset(p, 1, 3 * PAGE);
	EQ(madvise(p, PAGE, MADV_DONTFORK), 0);
	EQ(madvise(p + PAGE, PAGE, MADV_WIPEONFORK), 0);
	pid = fork();
	if (!pid) {
		unsigned char v;

		EQ(p[PAGE], 0);
		EQ(p[2 * PAGE], 1);
		ERR(mincore(p, PAGE, &v), ENOMEM);
		done();
	}
	reap(pid);
	EQ(p[0] + p[PAGE], 2);
}

TEST(msync_rules)
{
	char *p, c = 0;
	int fd;

	put_file("f", "0123");
	fd = open("f", O_RDWR);
	p = mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
	p[1] = 'm';
	EQ(msync(p, PAGE, MS_SYNC), 0);
	EQ(msync(p, PAGE, MS_ASYNC), 0);
	pread(fd, &c, 1, 1);
	EQ(c, 'm');
	ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	ERR(msync(p, PAGE, 0x100), EINVAL);
	munmap(p, PAGE);
	ERR(msync(p, PAGE, MS_SYNC), ENOMEM);
}

TEST(mincore_rules)
{
	char *p = anon(3 * PAGE);
	unsigned char v[3] = { 0xff, 0xff, 0xff };

	p[PAGE] = 1;
	EQ(mincore(p, 3 * PAGE, v), 0);
	EQ(v[1] & 1, 1);
	EQ(v[2] & 1, 0);
	ERR(mincore(p + 1, PAGE, v), EINVAL);
	munmap(p + PAGE, PAGE);
	ERR(mincore(p, 3 * PAGE, v), ENOMEM);
	ERR(mincore(p, PAGE, (void *)8), EFAULT);
}

TEST(locking)
{
	char *p = anon(4 * PAGE);

	EQ(mlock(p, PAGE), 0);
	EQ(mlock2(p + PAGE, PAGE, MLOCK_ONFAULT), 0);
	ERR(mlock2(p, PAGE, 77), EINVAL);
	EQ(munlock(p, 2 * PAGE), 0);
	munmap(p + PAGE, PAGE);
	ERR(mlock(p, 3 * PAGE), ENOMEM);
	ERR(mlockall(0), EINVAL);
	EQ(munlockall(), 0);
}

TEST(process_vm)
{
	char *p = anon(2 * PAGE), buf[32] = "";
	struct turn t = turn_new(), u = turn_new();
	struct iovec l = { buf, 12 }, r = { p + PAGE - 6, 12 };
	pid_t pid;

	pid = fork();
	if (!pid) {
		memcpy(p + PAGE - 6, "hello child!", 12);
		letgo(t);
		hold(u);
		EQ(memcmp(p + PAGE - 6, "HELLO CHILD!", 12), 0);
		done();
	}
	hold(t);
	EQ(process_vm_readv(pid, &l, 1, &r, 1, 0), 12);
	STR(buf, "hello child!");
	EQ(p[PAGE], 0);
	memcpy(buf, "HELLO CHILD!", 12);
	EQ(process_vm_writev(pid, &l, 1, &r, 1, 0), 12);
	ERR(process_vm_readv(pid, &l, 1, &(struct iovec){ (void *)8, 4 }, 1, 0), EFAULT);
	ERR(process_vm_readv(999999, &l, 1, &r, 1, 0), ESRCH);
	ERR(process_vm_readv(pid, &l, 1, &r, 1, 1), EINVAL);
	letgo(u);
	reap(pid);
}

TEST(short_copies_at_the_edge)
{
	char *p = anon(2 * PAGE), *edge = p + PAGE;
	int fd = open("f", O_RDWR | O_CREAT, 0644), z = open("/dev/zero", O_RDONLY), pp[2];

	munmap(edge, PAGE);
	memcpy(edge - 4, "abcd", 4);
	EQ(write(fd, edge - 4, 4), 4);
	EQ(write(fd, edge - 4, 10), 4); /* what could be read was written */
	ERR(write(fd, edge, 1), EFAULT);
	EQ(lseek(fd, 0, SEEK_END), 8);
	lseek(fd, 0, SEEK_SET);
	EQ(read(fd, edge - 4, 8), 4);
	ERR(read(fd, edge, 4), EFAULT);
	if (z >= 0) {
		memset(p, 1, PAGE);
		EQ(read(z, edge - 4, 100) <= 4, 1);
		EQ(edge[-1], 0);
	}
	pipe(pp);
	ERR(write(pp[1], edge, 1), EFAULT);
	EQ(write(pp[1], "0123456789", 10), 10);
	ERR(read(pp[0], edge, 10), EFAULT);
	ERR(open(edge, O_RDONLY), EFAULT);
	memset(edge - 3, 'x', 3);
	ERR(open(edge - 3, O_RDONLY), EFAULT); /* not terminated before the end of the page */
	edge[-1] = 0;
	ERR(open(edge - 3, O_RDONLY), ENOENT);
	ERR(open((char *)-4096, O_RDONLY), EFAULT);
	ERR(read(fd, (void *)0x7ffffffff000, 4096) == 0 ? -1 : read(fd, (void *)0xffff800000000000, 1), errno);
}

TEST(populate)
{
	unsigned char v[4];
	char *p = mmap(0, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	EQ(mincore(p, 4 * PAGE, v), 0);
	EQ(v[0] & v[1] & v[2] & v[3] & 1, 1);
}

TEST(membarrier_and_friends)
{
	long got = syscall(SYS_membarrier, 0, 0, 0);

	CHECK(got >= 0 || errno == ENOSYS);
	if (got > 0 && got & 8)
		CHECK(syscall(SYS_membarrier, 16, 0, 0) == 0);
}
