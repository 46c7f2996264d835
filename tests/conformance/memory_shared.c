/* Shared memory at its edges: across fork and exec, moved, doubled, thrown away in part, asked about, written back. */
#include "test.h"

static char *map_shared(size_t pages)
{
	return OK(mmap(0, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static int file_of(const char *name, size_t pages)
{
	int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));
	size_t i;
	char c;

	for (i = 0; i < pages; i++) {
		c = 'a' + i;
		EQ(pwrite(fd, &c, 1, i * PAGE), 1);
	}
	OK(ftruncate(fd, pages * PAGE));
	return fd;
}

TEST(child_moves_its_view)
{
	struct turn child_did = turn_new(), go = turn_new();
	char *p = map_shared(4), *q;
	pid_t child;

	p[0] = 1;
	p[3 * PAGE] = 4;
	child = fork();
	if (!child) {
		q = OK(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE));
		EQ(q[0], 1);
		EQ(q[3 * PAGE], 4);
		q[PAGE] = 'c';
		q = OK(mremap(q, 8 * PAGE, 2 * PAGE, 0));
		q = OK(mremap(q + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map_shared(1)));
		EQ(q[0], 'c');
		letgo(child_did);
		hold(go);
		EQ(q[0], 'p');
		OK(munmap(q, PAGE));
		done();
	}
	hold(child_did);
	EQ(p[PAGE], 'c');
	p[PAGE] = 'p';
	letgo(go);
	reap(child);
	EQ(p[3 * PAGE], 4);
	EQ(p[PAGE], 'p');
}

/* A length of 0 makes a second view of the same memory. */
TEST(doubled)
{
	char *p = map_shared(3), *q;
	int fd = file_of("f", 3);

	q = OK(mremap(p + PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE));
	p[PAGE] = 'x';
	q[PAGE] = 'y';
	EQ(q[0], 'x');
	EQ(p[2 * PAGE], 'y');
	p = OK(mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	q = OK(mremap(p, 0, 3 * PAGE, MREMAP_MAYMOVE));
	q[2 * PAGE] = 'z';
	EQ(p[2 * PAGE], 'z');
	p = OK(mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ERR(mremap(p, 0, PAGE, MREMAP_MAYMOVE), EINVAL);
}

TEST(moved_and_kept)
{
	char *p = map_shared(2), *q, *f;
	int fd = file_of("f", 2);

	p[0] = 's';
	q = OK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	CHECK(q != p);
	EQ(q[0], 's');
	EQ(p[0], 's');
	q[1] = 't';
	EQ(p[1], 't');
	f = OK(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	f[PAGE] = 'P';
	q = OK(mremap(f, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
	EQ(q[PAGE], 'P');
	EQ(f[PAGE], 'b');
	ERR(mremap(f, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), EINVAL);
}

TEST(moved_pieces)
{
	int fd = file_of("f", 6);
	char *p = OK(mmap(0, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), *q;

	/* Out of the middle. */
	q = OK(mremap(p + 2 * PAGE, PAGE, 3 * PAGE, MREMAP_MAYMOVE));
	EQ(q[0], 'c');
	EQ(q[2 * PAGE], 'e');
	EQ(p[3 * PAGE], 'd');
	ERR(mremap(p + PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE), EFAULT);
	ERR(msync(p, 6 * PAGE, MS_SYNC), ENOMEM);
	OK(msync(q, 3 * PAGE, MS_SYNC));
	q[PAGE] = 'D';
	EQ(p[3 * PAGE], 'D');
	/* Over another. */
	q = OK(mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 5 * PAGE));
	EQ(p[5 * PAGE], 'c');
	EQ(p[4 * PAGE], 'e');
}

static void dontneed(int fd)
{
	char *s = OK(mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	char *v = OK(mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

	/* What was written to the file stays, private copies go. */
	s[0] = 'S';
	v[PAGE] = 'V';
	OK(madvise(s, 3 * PAGE, MADV_DONTNEED));
	EQ(s[0], 'S');
	OK(madvise(v, 3 * PAGE, MADV_DONTNEED));
	EQ(v[PAGE], 'b');
	EQ(v[0], 'S');
	v[0] = 'W';
	s[0] = 'T';
	EQ(v[0], 'W');
	OK(madvise(v, PAGE, MADV_DONTNEED));
	EQ(v[0], 'T');
	/* Behind the end of the file, and where it has been cut. */
	OK(ftruncate(fd, PAGE));
	OK(madvise(s, 3 * PAGE, MADV_DONTNEED));
	OK(madvise(v, 3 * PAGE, MADV_DONTNEED));
	OK(madvise(v, 3 * PAGE, MADV_WILLNEED));
	OK(ftruncate(fd, 3 * PAGE));
	EQ(s[2 * PAGE], 0);
	EQ(v[2 * PAGE], 0);
	ERR(madvise(s, 3 * PAGE, MADV_FREE), EINVAL);
	munmap(s, 3 * PAGE);
	munmap(v, 3 * PAGE);
	close(fd);
}

TEST(dontneed_of_files)
{
	int fd = OK(memfd_create("m", 0));

	dontneed(file_of("f", 3));
	EQ(pwrite(fd, "a", 1, 0), 1);
	EQ(pwrite(fd, "b", 1, PAGE), 1);
	OK(ftruncate(fd, 3 * PAGE));
	dontneed(fd);
}

TEST(dontneed_of_shared_memory)
{
	char *p = map_shared(2);

	p[0] = 'k';
	OK(madvise(p, 2 * PAGE, MADV_DONTNEED));
	EQ(p[0], 'k');
	OK(madvise(p, PAGE, MADV_REMOVE));
	EQ(p[0], 0);
	OK(munmap(p + PAGE, PAGE));
	ERR(madvise(p, 2 * PAGE, MADV_DONTNEED), ENOMEM);
}

TEST(resident)
{
	int fd = OK(memfd_create("m", 0));
	unsigned char vec[8];
	char *p;

	OK(ftruncate(fd, 4 * PAGE));
	p = OK(mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	p[0] = p[2 * PAGE] = 1;
	memset(vec, 7, sizeof vec);
	OK(mincore(p, 8 * PAGE, vec));
	EQ(vec[0] & 1, 1);
	EQ(vec[1] & 1, 0);
	EQ(vec[2] & 1, 1);
	EQ(vec[5] & 1, 0);
	OK(mincore(p, 2 * PAGE + 1, vec));
	OK(munmap(p + PAGE, PAGE));
	ERR(mincore(p, 3 * PAGE, vec), ENOMEM);
	ERR(mincore(p + 1, PAGE, vec), EINVAL);
	ERR(mincore(p, PAGE, (void *)8), EFAULT);
	OK(mincore(p, 0, vec));
}

TEST(written_back)
{
	int fd = file_of("f", 2);
	char *p = OK(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), c;

	p[0] = 'M';
	OK(msync(p, 1, MS_SYNC));
	OK(msync(p, 2 * PAGE, MS_ASYNC));
	OK(msync(p, 2 * PAGE, MS_INVALIDATE | MS_SYNC));
	OK(msync(p, 2 * PAGE, 0));
	EQ(pread(fd, &c, 1, 0), 1);
	EQ(c, 'M');
	c = 'N';
	EQ(pwrite(fd, &c, 1, PAGE), 1);
	EQ(p[PAGE], 'N');
	ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	ERR(msync(p, PAGE, 64), EINVAL);
	OK(mlock(p, PAGE));
	ERR(msync(p, PAGE, MS_INVALIDATE), EBUSY);
	OK(munlock(p, PAGE));
	OK(munmap(p + PAGE, PAGE));
	ERR(msync(p, 2 * PAGE, MS_ASYNC), ENOMEM);
}

/* Many generations share one page; it outlives its maker. */
TEST(generations)
{
	volatile int *p = (int *)map_shared(1);
	int depth = 0;
	pid_t child = 0;

	while (depth < 20 && !(child = fork())) {
		depth++;
		__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST);
	}
	if (child) {
		int st = wait_status(child);

		EQ(st, 0);
	} else {
		EQ(*p, 20);
	}
	if (depth)
		done();
	EQ(*p, 20);
}

/* A new program gets none of it; a mapping that must not be forked is not. */
int test_helper(int argc, char **argv)
{
	unsigned char vec;

	(void)argc;
	return mincore((void *)strtoul(argv[0], 0, 0), PAGE, &vec) == -1 && errno == ENOMEM ? 0 : 1;
}

TEST(exec_and_dontfork)
{
	char *p = map_shared(1), text[32];
	unsigned char vec;
	pid_t child;

	snprintf(text, sizeof text, "%p", p);
	child = fork();
	if (!child) {
		execl(test_self, test_self, "--helper", text, NULL);
		_exit(2);
	}
	reap(child);
	OK(madvise(p, PAGE, MADV_DONTFORK));
	child = fork();
	if (!child) {
		ERR(mincore(p, PAGE, &vec), ENOMEM);
		done();
	}
	reap(child);
	OK(madvise(p, PAGE, MADV_DOFORK));
	child = fork();
	if (!child) {
		p[0] = 5;
		done();
	}
	reap(child);
	EQ(p[0], 5);
}
