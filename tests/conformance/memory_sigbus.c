/* Mapped files end: SIGBUS behind the end, also after a truncation, and none when the file has grown meanwhile. */
#include "test.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int sig_no, code;
static void *volatile addr;

static void jump(int sig, siginfo_t *si, void *p)
{
	(void)p;
	sig_no = sig;
	code = si->si_code;
	addr = si->si_addr;
	siglongjmp(back, 1);
}

TEST(sigbus_past_the_end)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	char *p;

	EQ(ftruncate(fd, PAGE + 10), 0);
	p = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[0] = p[PAGE + 9] = p[2 * PAGE - 1] = 'x';
	handle_info(SIGBUS, jump, 0);
	if (!sigsetjmp(back, 1))
		p[2 * PAGE + 5] = 1;
	EQ(sig_no, SIGBUS);
	EQ(code, BUS_ADRERR);
	CHECK(addr == p + 2 * PAGE + 5);
	ftruncate(fd, 0);
	sig_no = 0;
	if (!sigsetjmp(back, 1))
		(void)*(volatile char *)p;
	EQ(sig_no, SIGBUS);
}

TEST(grown_file)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	char *p = mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), c = 0;

	handle_info(SIGBUS, jump, 0);
	if (!sigsetjmp(back, 1))
		p[0] = 1;
	EQ(sig_no, SIGBUS);
	ftruncate(fd, 2 * PAGE);
	p[PAGE] = 'y';
	EQ(pread(fd, &c, 1, PAGE), 1);
	EQ(c, 'y');
}

static int sig_at(volatile char *p, bool write)
{
	sig_no = code = 0;
	if (!sigsetjmp(back, 1)) {
		if (write)
			*p = 1;
		else
			(void)*p;
	}
	return sig_no == SIGBUS && code != BUS_ADRERR ? -code : sig_no;
}

/* Every kind of file that lives in memory. */
static void ends(int fd, int flags)
{
	char *p, buf[8];

	handle_info(SIGBUS, jump, 0);
	EQ(ftruncate(fd, PAGE + 1), 0);
	p = OK(mmap(0, 8 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0));
	EQ(sig_at(p + 2 * PAGE - 1, true), 0);
	EQ(sig_at(p + 2 * PAGE, false), SIGBUS);
	EQ(sig_at(p + 2 * PAGE, true), SIGBUS);
	/* A copy by the kernel is an error. */
	ERR(pread(fd, p + 2 * PAGE, 4, 0), EFAULT);
	ERR(pwrite(fd, p + 2 * PAGE, 4, 0), EFAULT);
	/* Grows by a write, by truncation, by allocation. */
	p[0] = 'a';
	EQ(pwrite(fd, "hello", 5, 3 * PAGE), 5);
	EQ(sig_at(p + 3 * PAGE - 1, true), 0);
	CHECK(!memcmp(p + 3 * PAGE, "hello", 5));
	EQ(sig_at(p + 4 * PAGE, false), SIGBUS);
	EQ(ftruncate(fd, 5 * PAGE), 0);
	EQ(read(fd, p + 4 * PAGE, 4), 4);
	EQ(sig_at(p + 4 * PAGE + 100, true), 0);
	EQ(sig_at(p + 5 * PAGE, false), SIGBUS);
	EQ(p[0], 'a');
	EQ(p[3 * PAGE - 1], 1);
	if (flags & MAP_SHARED) {
		EQ(pread(fd, buf, 1, 4 * PAGE + 100), 1);
		EQ(buf[0], 1);
	}
	/* Shrinks: also what was written privately is gone. */
	EQ(ftruncate(fd, PAGE), 0);
	EQ(sig_at(p, false), 0);
	EQ(sig_at(p + PAGE, false), SIGBUS);
	EQ(sig_at(p + 4 * PAGE, true), SIGBUS);
	EQ(ftruncate(fd, 8 * PAGE), 0);
	EQ(sig_at(p + 4 * PAGE, false), 0);
	EQ(p[4 * PAGE + 100], 0);
	EQ(p[3 * PAGE], 0);
	munmap(p, 8 * PAGE);
	/* Mapped wholly behind the end. */
	EQ(ftruncate(fd, 0), 0);
	p = OK(mmap(0, PAGE, PROT_READ | PROT_WRITE, flags, fd, 16 * PAGE));
	EQ(sig_at(p, true), SIGBUS);
	EQ(ftruncate(fd, 17 * PAGE), 0);
	EQ(sig_at(p, true), 0);
	close(fd);
}

TEST(shared_file) { ends(OK(open("f", O_RDWR | O_CREAT, 0644)), MAP_SHARED); }
TEST(private_file) { ends(OK(open("f", O_RDWR | O_CREAT, 0644)), MAP_PRIVATE); }
TEST(shared_memfd) { ends(OK(memfd_create("m", 0)), MAP_SHARED); }
TEST(private_memfd) { ends(OK(memfd_create("m", 0)), MAP_PRIVATE); }

TEST(shared_on_shm)
{
	int fd = OK(open("/dev/shm/limpet-sigbus", O_RDWR | O_CREAT, 0644));

	unlink("/dev/shm/limpet-sigbus");
	ends(fd, MAP_SHARED);
}

TEST(truncated_by_another)
{
	int fd = OK(memfd_create("m", 0));
	struct turn go = turn_new(), ready = turn_new();
	volatile char *p;
	pid_t child;

	EQ(ftruncate(fd, 4 * PAGE), 0);
	p = OK(mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	p[0] = p[PAGE] = 'x';
	child = fork();
	if (!child) {
		handle_info(SIGBUS, jump, 0);
		EQ(p[PAGE], 'x');
		letgo(ready);
		hold(go);
		EQ(sig_at(p + PAGE, false), SIGBUS);
		EQ(sig_at(p, true), 0);
		letgo(ready);
		hold(go);
		EQ(sig_at(p + PAGE, true), 0);
		EQ(p[2 * PAGE], 7);
		done();
	}
	hold(ready);
	EQ(ftruncate(fd, PAGE), 0);
	letgo(go);
	hold(ready);
	EQ(ftruncate(fd, 4 * PAGE), 0);
	p[2 * PAGE] = 7;
	letgo(go);
	reap(child);
}

/* Threads that run into the same new page lose nothing. */
static volatile char *race_at;
static void *race_write(void *arg)
{
	race_at[(long)arg] = 'r';
	return 0;
}

TEST(grown_for_threads)
{
	int fd = OK(memfd_create("m", 0)), round, i, k;
	volatile char *p = OK(mmap(0, 200 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	pthread_t t[4];

	EQ(ftruncate(fd, 200 * PAGE), 0);
	for (round = 0; round < 200; round++) {
		race_at = p + round * PAGE;
		for (i = 0; i < 4; i++)
			pthread_create(&t[i], 0, race_write, (void *)(long)i);
		for (i = 0; i < 4; i++)
			pthread_join(t[i], 0);
		for (k = i = 0; i < 4; i++)
			k += race_at[i] == 'r';
		EQ(k, 4);
	}
}

TEST(longer_by_mremap)
{
	int fd = OK(memfd_create("m", 0));
	char *p;

	handle_info(SIGBUS, jump, 0);
	EQ(ftruncate(fd, 2 * PAGE), 0);
	p = OK(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	p = OK(mremap(p, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE));
	EQ(sig_at(p + PAGE, true), 0);
	EQ(sig_at(p + 2 * PAGE, true), SIGBUS);
	EQ(ftruncate(fd, 6 * PAGE), 0);
	EQ(sig_at(p + 2 * PAGE, true), 0);
	/* Shared memory without a name ends where it was made to end. */
	p = OK(mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	p[PAGE] = 'q';
	p = OK(mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
	EQ(p[PAGE], 'q');
	EQ(sig_at(p + 2 * PAGE, false), SIGBUS);
}

TEST(kernel_writes_what_grew)
{
	int fd = OK(memfd_create("m", 0)), zero = OK(open("/proc/self/exe", O_RDONLY));
	char *p = OK(mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

	ERR(read(zero, p + PAGE, 100), EFAULT);
	EQ(ftruncate(fd, 4 * PAGE), 0);
	EQ(pread(zero, p + PAGE, 2 * PAGE, 0), 2 * PAGE);
	CHECK(!memcmp(p + PAGE + 1, "ELF", 3));
}
