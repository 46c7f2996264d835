/* mmap, munmap, mprotect, mremap, brk: ranges, flags, errors, sharing. */
#include "test.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int faults;
static void jump(int sig) { (void)sig; faults++; siglongjmp(back, 1); }

static bool readable(volatile char *p)
{
	handle(SIGSEGV, jump, 0);
	handle(SIGBUS, jump, 0);
	if (sigsetjmp(back, 1))
		return false;
	(void)*p;
	return true;
}

static bool writable(volatile char *p)
{
	handle(SIGSEGV, jump, 0);
	if (sigsetjmp(back, 1))
		return false;
	*p = *p;
	return true;
}

static char *anon(size_t n, int prot)
{
	return mmap(0, n, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

TEST(errors)
{
	int fd;

	put_file("f", "x");
	fd = open("f", O_RDONLY);
	ERR(mmap(0, 0, RW, ANON, -1, 0), EINVAL);
	ERR(mmap(0, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	ERR(mmap(0, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
	ERR(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 1), EINVAL);
	ERR(mmap(0, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
	EQ(munmap(OK(mmap(0, PAGE, RW, MAP_PRIVATE, fd, 0)), PAGE), 0);
	close(fd);
	fd = open("f", O_WRONLY);
	ERR(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), EACCES);
	close(fd);
	fd = open(".", O_RDONLY);
	ERR(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
	ERR(mmap((void *)1, PAGE, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	ERR(mmap(0, 1ul << 47, RW, ANON | MAP_NORESERVE, -1, 0), ENOMEM);
	ERR(mmap(0, -PAGE, RW, ANON, -1, 0), ENOMEM);
	ERR(munmap((void *)1, PAGE), EINVAL);
	ERR(munmap((void *)PAGE, 0), EINVAL);
	ERR(munmap((void *)PAGE, -PAGE), EINVAL);
	ERR(mprotect((void *)1, PAGE, RW), EINVAL);
	ERR(mprotect((void *)0x100000, PAGE, RW), ENOMEM);
	EQ(mprotect((void *)0x100000, 0, RW), 0);
	EQ(munmap((void *)0x100000, PAGE), 0); /* nothing there: fine */
}

TEST(zeros_and_lengths)
{
	char *p = anon(1, RW);

	for (size_t i = 0; i < PAGE; i++)
		EQ(p[i], 0);
	memset(p, 1, PAGE);
	EQ(munmap(p, 1), 0);
	CHECK(!readable(p));
}

TEST(hole_in_the_middle)
{
	char *p = anon(5 * PAGE, RW);

	memset(p, 7, 5 * PAGE);
	EQ(munmap(p + PAGE, PAGE), 0);
	EQ(munmap(p + 3 * PAGE, PAGE), 0);
	CHECK(readable(p) && !readable(p + PAGE) && readable(p + 2 * PAGE) && !readable(p + 3 * PAGE) &&
		readable(p + 4 * PAGE));
	EQ(munmap(p, 5 * PAGE), 0);
	CHECK(!readable(p + 2 * PAGE));
}

TEST(protections)
{
	char *p = anon(3 * PAGE, RW);

	memset(p, 5, 3 * PAGE);
	EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	CHECK(writable(p) && !writable(p + PAGE) && readable(p + PAGE) && writable(p + 2 * PAGE));
	EQ(mprotect(p + PAGE, PAGE, PROT_NONE), 0);
	CHECK(!readable(p + PAGE));
	EQ(mprotect(p, 3 * PAGE, RW), 0);
	EQ(p[PAGE], 5);
	EQ(munmap(p + PAGE, PAGE), 0);
	ERR(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK(!writable(p)); /* what came before the hole was changed */
	CHECK(writable(p + 2 * PAGE));
}

TEST(hints_and_fixed)
{
	char *p = anon(4 * PAGE, RW), *q;

	munmap(p, 4 * PAGE);
	q = mmap(p, PAGE, RW, ANON, -1, 0);
	CHECK(q == p); /* a free hint is taken */
	q = mmap(p, PAGE, RW, ANON, -1, 0);
	CHECK(q != p && q != MAP_FAILED);
	p[0] = 9;
	CHECK(mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p);
	EQ(p[0], 0);
	ERR(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p + PAGE);
	q = mmap(p + 123, PAGE, RW, ANON, -1, 0);
	EQ((long)q & (PAGE - 1), 0);
	q = mmap(0, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	CHECK((unsigned long)q < 1ul << 31);
}

TEST(mremap_grow_shrink_move)
{
	char *p = anon(2 * PAGE, RW), *q, *r;

	memset(p, 3, 2 * PAGE);
	q = OK(mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
	EQ(q[0], 3);
	EQ(q[2 * PAGE - 1], 3);
	EQ(q[2 * PAGE], 0);
	if (q != p)
		CHECK(!readable(p));
	CHECK(mremap(q, 64 * PAGE, PAGE, 0) == q);
	CHECK(!readable(q + PAGE));
	r = anon(4 * PAGE, PROT_NONE);
	CHECK(mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r) == r);
	EQ(r[0], 3);
	EQ(r[PAGE], 0);
	CHECK(!readable(q));
	CHECK(!readable(r + 2 * PAGE));
	ERR(mremap(r, PAGE, PAGE, MREMAP_FIXED, q), EINVAL);
	ERR(mremap(r, PAGE, 0, 0), EINVAL);
	ERR(mremap(r + 1, PAGE, PAGE, 0), EINVAL);
	ERR(mremap(r, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r), EINVAL); /* overlap */
	ERR(mremap((void *)0x100000, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	mmap(r + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	mprotect(r + 2 * PAGE, PAGE, PROT_READ);
	ERR(mremap(r, 2 * PAGE, 3 * PAGE, 0), ENOMEM); /* no room to grow in place */
}

TEST(mremap_dontunmap)
{
	char *p = anon(2 * PAGE, RW), *q;

	memset(p, 3, 2 * PAGE);
	q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4);
	if (q == MAP_FAILED) {
		EQ(errno, EINVAL);
		return;
	}
	EQ(q[0], 3);
	EQ(p[0], 0); /* mapped, but empty */
}

TEST(break)
{
	char *b = sbrk(0), *p;

	CHECK(sbrk(3 * PAGE) == b);
	memset(b, 1, 3 * PAGE);
	EQ(brk(b + PAGE), 0);
	EQ(brk(b + 3 * PAGE), 0);
	p = (char *)(((long)b + 2 * PAGE) & -PAGE);
	EQ(p[0], 0); /* given back and fetched again: zeros */
	CHECK((char *)syscall(SYS_brk, 0) == b + 3 * PAGE);
	CHECK((char *)syscall(SYS_brk, 0x1000) == b + 3 * PAGE); /* refused: says where it is */
	EQ(brk(b), 0);
}

TEST(file_private_and_shared)
{
	char *a, *b, c[16] = "";
	int fd;

	put_file("f", "0123456789");
	fd = open("f", O_RDWR);
	a = mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
	b = mmap(0, PAGE, RW, MAP_PRIVATE, fd, 0);
	STR(a, "0123456789");
	a[0] = 'a';
	EQ(b[0], 'a'); /* not yet copied */
	b[1] = 'b';
	EQ(a[1], '1');
	pread(fd, c, 10, 0);
	STR(c, "a123456789");
	pwrite(fd, "Z", 1, 5);
	EQ(a[5], 'Z');
	EQ(a[10], 0); /* zeros behind the end within the page */
	a[12] = 'x';
	EQ(lseek(fd, 0, SEEK_END), 10); /* writing there does not make it longer */
	close(fd);
	a[2] = '!';
	munmap(a, PAGE);
	fd = open("f", O_RDONLY);
	pread(fd, c, 10, 0);
	STR(c, "a1!34Z6789");
}

TEST(shared_across_fork_and_processes)
{
	volatile int *a = mmap(0, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *f;
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	pid_t pid;

	ftruncate(fd, PAGE);
	f = mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
	for (int n = 0; n < 3; n++) {
		pid = fork();
		if (!pid) {
			int fd2 = open("f", O_RDWR);
			volatile int *g = mmap(0, PAGE, RW, MAP_SHARED, fd2, 0);

			a[0]++;
			a[1024]++;
			g[3]++;
			done();
		}
		reap(pid);
	}
	EQ(a[0], 3);
	EQ(a[1024], 3);
	EQ(f[3], 3);
}

TEST(mapping_outlives_the_file)
{
	char *a;
	int fd;

	put_file("f", "still here");
	fd = open("f", O_RDONLY);
	a = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	unlink("f");
	STR(a, "still here");
	ERR(mprotect(a, PAGE, RW), EACCES); /* the description was read-only */
}

TEST(shared_mapping_of_unlinked_file_across_fork)
{
	char *a;
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	pid_t pid;

	if (fd < 0) {
		fd = open("f", O_RDWR | O_CREAT, 0600);
		unlink("f");
	}
	ftruncate(fd, 3 * PAGE);
	a = mmap(0, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	close(fd);
	pid = fork();
	if (!pid) {
		strcpy(a + 2 * PAGE, "from the child");
		done();
	}
	reap(pid);
	STR(a + 2 * PAGE, "from the child");
}

TEST(cow_in_both_directions)
{
	char *a = anon(100 * PAGE, RW);
	struct turn t = turn_new();
	pid_t pid;

	memset(a, 1, 100 * PAGE);
	pid = fork();
	if (!pid) {
		hold(t);
		for (int i = 0; i < 100; i++)
			EQ(a[i * PAGE], 1);
		memset(a, 3, 100 * PAGE);
		done();
	}
	memset(a, 2, 100 * PAGE);
	letgo(t);
	reap(pid);
	EQ(a[50 * PAGE], 2);
}

TEST(jit_pages)
{
	static const unsigned char ret42[] = { 0xb8, 42, 0, 0, 0, 0xc3 }, ret43[] = { 0xb8, 43, 0, 0, 0, 0xc3 };
	unsigned char *p = (void *)anon(PAGE, RW);
	unsigned char *x;

	memcpy(p, ret42, 6);
	EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
	EQ(((int (*)(void))p)(), 42);
	EQ(mprotect(p, PAGE, RW), 0);
	memcpy(p, ret43, 6);
	EQ(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0);
	EQ(((int (*)(void))p)(), 43);
	x = (void *)anon(2 * PAGE, RW | PROT_EXEC);
	NEED(x != MAP_FAILED);
	for (int i = 0; i < 50; i++) {
		memcpy(x + i * 16, i & 1 ? ret42 : ret43, 6);
		EQ(((int (*)(void))(x + i * 16))(), i & 1 ? 42 : 43);
		memcpy(x + i * 16, i & 1 ? ret43 : ret42, 6);
		EQ(((int (*)(void))(x + i * 16))(), i & 1 ? 43 : 42);
	}
	memcpy(x + PAGE - 3, ret42, 6); /* across two pages */
	EQ(((int (*)(void))(x + PAGE - 3))(), 42);
}

TEST(jit_with_two_views)
{
	static const unsigned char ret42[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	int fd = OK(memfd_create("jit", 0));
	char *w, *x;

	ftruncate(fd, PAGE);
	w = mmap(0, PAGE, RW, MAP_SHARED, fd, 0);
	x = mmap(0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (x == MAP_FAILED)
		return; /* may be refused */
	memcpy(w, ret42, 6);
	EQ(((int (*)(void))x)(), 42);
}

static void *race(void *arg)
{
	for (int i = 0; i < 300; i++) {
		char *p = anon((1 + i % 7) * PAGE, RW);

		if (p == MAP_FAILED || p[0]) {
			test_fail(__LINE__, "map %d", i);
			break;
		}
		memset(p, (int)(long)arg, PAGE);
		if (i % 3 == 0)
			mprotect(p, PAGE, PROT_READ);
		munmap(p, (1 + i % 7) * PAGE);
	}
	return 0;
}

TEST(threads_map_at_once)
{
	pthread_t t[4];

	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], 0, race, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], 0);
}

TEST(many_mappings)
{
	char *p = anon(4000 * PAGE, RW);

	for (int i = 0; i < 4000; i += 2)
		if (mprotect(p + i * PAGE, PAGE, PROT_READ)) {
			test_fail(__LINE__, "mprotect %d: %s", i, strerror(errno));
			break;
		}
	CHECK(!writable(p + 2000 * PAGE) && writable(p + 2001 * PAGE));
	EQ(munmap(p, 4000 * PAGE), 0);
}

TEST(address_space_limit)
{
	struct rlimit r = { 256 << 20, 256 << 20 };
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_AS, &r);
		ERR(mmap(0, 512 << 20, RW, ANON, -1, 0), ENOMEM);
		CHECK(mmap(0, 16 << 20, RW, ANON, -1, 0) != MAP_FAILED);
		done();
	}
	reap(pid);
}

TEST(grows_down)
{
	char *p = anon(64 * PAGE, PROT_NONE), *s;

	munmap(p, 64 * PAGE);
	s = mmap(p + 60 * PAGE, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	NEED(s == p + 60 * PAGE);
	s[0] = 1;
	CHECK(writable(s - 1)); /* one page below */
}
