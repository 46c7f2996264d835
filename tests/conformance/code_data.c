/*
 * Data between code, as JITs leave it, with the bytes of forbidden instructions in it (docs/gate.md): the code runs, and
 * who reads the data, reads what was written.
 */
#include "test.h"

#include <pthread.h>
#include <sys/uio.h>

#define CODE 1024 /* offset of the functions in the page */
#define STEP 32
#define SIZE PAGE

static const char *const sequences[] = { "\x0f\x01\xef", "\x0f\xae\x2f", "\xf3\x0f\xae\xd8" };

typedef uint64_t (*function)(void);

static uint64_t seed = 88172645463325252ull;

static uint8_t junk(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint8_t)(seed >> 24);
}

/* Junk with sequences in it; `room` bytes at CODE stay as they are. */
static void fill(uint8_t *p, size_t room)
{
	for (size_t i = 0; i < SIZE; i++)
		if (i < CODE || i >= CODE + room)
			p[i] = junk();
	for (size_t i = 40; i + 8 < SIZE; i += 97)
		if (i + 8 < CODE || i >= CODE + room)
			memcpy(p + i, sequences[i % 3], i % 3 == 2 ? 4 : 3);
}

static void put_load(uint8_t *at, const char *insn, size_t n, const uint8_t *from)
{
	int32_t disp = (int32_t)(from - (at + n + 4));

	memcpy(at, insn, n);
	memcpy(at + n, &disp, 4);
	at[n + 4] = 0xc3;
}

static uint8_t *make(void)
{
	uint8_t *p = OK(mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	p += PAGE;
	fill(p, 8 * STEP);
	memcpy(p + CODE, "\xb8\x07\x00\x00\x00\xc3", 6); /* mov $7,%eax */
	return p;
}

static uint64_t call(const uint8_t *at)
{
	return ((function)(uintptr_t)at)();
}

TEST(data)
{
	for (int round = 0; round < 4; round++) {
		uint8_t *p = make(), was[SIZE];

		memcpy(was, p, SIZE);
		for (int i = 0; i < 10; i++) {
			CHECK(call(p + CODE) == 7);
			CHECK(!memcmp(p, was, SIZE));
		}
		/* Written as well as read: the function is another one then. */
		for (int i = 0; i < 10; i++) {
			p[CODE + 1] = (uint8_t)i;
			CHECK(call(p + CODE) == (uint64_t)i);
			fill(p, 8 * STEP);
			memcpy(was, p, SIZE);
			CHECK(call(p + CODE) == (uint64_t)i);
			CHECK(!memcmp(p, was, SIZE));
		}
		OK(munmap(p - PAGE, 3 * PAGE));
	}
}

TEST(protected)
{
	uint8_t *p = make(), was[SIZE];

	memcpy(was, p, SIZE);
	for (int i = 0; i < 10; i++) {
		OK(mprotect(p, SIZE, PROT_READ | PROT_EXEC));
		CHECK(call(p + CODE) == 7);
		CHECK(!memcmp(p, was, SIZE));
		CHECK(call(p + CODE) == 7);
		OK(mprotect(p, SIZE, PROT_READ | PROT_WRITE));
		CHECK(!memcmp(p, was, SIZE));
		fill(p, 8 * STEP);
		memcpy(was, p, SIZE);
	}
}

TEST(moved_and_copied)
{
	uint8_t *p = make(), *to, was[SIZE];
	int status;
	pid_t pid;

	memcpy(was, p, SIZE);
	CHECK(call(p + CODE) == 7);
	pid = OK(fork());
	if (!pid) {
		bool good = !memcmp(p, was, SIZE) && call(p + CODE) == 7 && !memcmp(p, was, SIZE);

		_exit(good ? 0 : 1);
	}
	OK(waitpid(pid, &status, 0));
	CHECK(status == 0);
	CHECK(call(p + CODE) == 7);
	to = OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	CHECK(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	CHECK(!memcmp(to, was, SIZE));
	CHECK(call(to + CODE) == 7);
	CHECK(!memcmp(to, was, SIZE));
	CHECK(call(to + CODE) == 7);
	OK(madvise(to, PAGE, MADV_DONTNEED));
	CHECK(to[CODE] == 0);
	memcpy(to, was, SIZE);
	CHECK(call(to + CODE) == 7);
}

/* What runs on the page reads the page: numbers beside the code that uses them. */
TEST(own_constants)
{
	uint8_t *p = make(), was[SIZE], *constants = p + 2048;
	uint64_t a, b;

	memcpy(constants, "\x11\x0f\x01\xef\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd", 16);
	put_load(p + CODE, "\x48\x8b\x05", 3, constants); /* mov constants(%rip),%rax */
	put_load(p + CODE + STEP, "\x48\x8b\x05", 3, constants + 8);
	memcpy(p + CODE + 2 * STEP + 8, "\x66\x48\x0f\x7e\xc0\xc3", 6); /* movq %xmm0,%rax */
	put_load(p + CODE + 2 * STEP, "\xf2\x0f\x58\x05", 4, constants + 8); /* addsd constants+8(%rip),%xmm0 */
	memcpy(p + CODE + 2 * STEP + 8, "\x66\x48\x0f\x7e\xc0\xc3", 6);
	memcpy(was, p, SIZE);
	memcpy(&a, constants, 8);
	memcpy(&b, constants + 8, 8);
	for (int i = 0; i < 20; i++) {
		CHECK(call(p + CODE) == a);
		CHECK(call(p + CODE + STEP) == b);
		CHECK(!memcmp(p, was, SIZE));
	}
	(void)call(p + CODE + 2 * STEP);
	*(volatile uint8_t *)p ^= 1; /* written: all is as it was */
	*(volatile uint8_t *)p ^= 1;
	CHECK(!memcmp(p, was, SIZE));
	/* A busy loop of such reads ends, too. */
	for (int i = 0; i < 3000; i++)
		if (call(p + CODE + STEP) != b)
			CHECK(!"a constant changed");
}

/* The kernel reads the page for the program: to a pipe, to a file, in pieces. */
TEST(system_calls)
{
	uint8_t *p = make(), was[SIZE], got[SIZE];
	int fd = OK(open("/tmp", O_TMPFILE | O_RDWR, 0600)), pipes[2];
	struct iovec iov[2] = { { p, 100 }, { p + 100, SIZE - 100 } }, to = { got, SIZE }, from = { p, SIZE };

	OK(pipe(pipes));
	memcpy(was, p, SIZE);
	for (int i = 0; i < 5; i++) {
		CHECK(call(p + CODE) == 7);
		CHECK(OK(write(pipes[1], p, SIZE)) == SIZE && OK(read(pipes[0], got, SIZE)) == SIZE);
		CHECK(!memcmp(got, was, SIZE));
		CHECK(call(p + CODE) == 7);
		CHECK(OK(pwritev(fd, iov, 2, 0)) == SIZE && OK(pread(fd, got, SIZE, 0)) == SIZE);
		CHECK(!memcmp(got, was, SIZE));
		CHECK(call(p + CODE) == 7);
		CHECK(OK(process_vm_readv(getpid(), &to, 1, &from, 1, 0)) == SIZE);
		CHECK(!memcmp(got, was, SIZE));
	}
	CHECK(call(p + CODE) == 7);
}

/* Looking at code uses vector registers: the program's are as they were. */
TEST(vectors)
{
	uint8_t put[8][16], got[8][16], *p = make();
	long ret;

	for (size_t i = 0; i < sizeof(put); i++)
		((uint8_t *)put)[i] = junk();
	OK(mprotect(p, SIZE, PROT_READ | PROT_WRITE));
	__asm__ volatile("movups 0(%1), %%xmm0; movups 16(%1), %%xmm1; movups 32(%1), %%xmm2; movups 48(%1), %%xmm3\n\t"
			 "movups 64(%1), %%xmm4; movups 80(%1), %%xmm5; movups 96(%1), %%xmm6; movups 112(%1), %%xmm7\n\t"
			 "syscall\n\t"
			 "movups %%xmm0, 0(%2); movups %%xmm1, 16(%2); movups %%xmm2, 32(%2); movups %%xmm3, 48(%2)\n\t"
			 "movups %%xmm4, 64(%2); movups %%xmm5, 80(%2); movups %%xmm6, 96(%2); movups %%xmm7, 112(%2)"
			 : "=a"(ret)
			 : "r"(put), "r"(got), "0"((long)SYS_mprotect), "D"(p), "S"((long)SIZE),
			   "d"((long)(PROT_READ | PROT_EXEC))
			 : "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
	CHECK(ret == 0);
	CHECK(!memcmp(put, got, sizeof(put)));
	CHECK(call(p + CODE) == 7);
}

static uint8_t *shared_page;
static volatile bool stop;

static void *caller(void *arg)
{
	while (!stop)
		if (call(shared_page + CODE) != 7)
			return (void *)1;
	return NULL;
}

TEST(threads)
{
	uint8_t *p = shared_page = make(), was[SIZE];
	pthread_t t[2];
	int bad = 0;

	memcpy(was, p, SIZE);
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, caller, NULL));
	for (int i = 0; i < 200; i++)
		bad += memcmp(p, was, SIZE) != 0;
	CHECK(bad == 0);
	stop = true;
	for (int i = 0; i < 2; i++) {
		void *ret;

		CHECK(!pthread_join(t[i], &ret));
		CHECK(!ret);
	}
}
