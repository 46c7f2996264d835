/*
 * The kernel's pages can be neither read nor written by a program.
 *
 * defence: none, pkey_memory.c shows what the keys are for
 */
#define TEST_SECONDS 120 /* emulated machines are slow */
#include "../../abi/layout.h"
#include "test.h"
#include <setjmp.h>

static sigjmp_buf back;
static void jump(int sig) { (void)sig; siglongjmp(back, 1); }

/* A program may see its process's shown pages, and scribble over its scratch pages. */
#define PER_THREAD (THREAD_SLOTS * 4096)
#define IN_HEAP (HEAP_BASE + 0x20000000)

TEST(no_access)
{
	int got = 0;

	handle(SIGSEGV, jump, SA_NODEFER);
	handle(SIGBUS, jump, SA_NODEFER);
	for (unsigned long a = KERNEL_BASE; a < FILEMEM_BASE + 0x40000000; a += 0x3ff000) {
		if (a - SCRATCH_BASE < PER_THREAD)
			continue;
		if (!sigsetjmp(back, 1)) {
			(void)*(volatile char *)a;
			got += a - SHOWN_BASE >= PER_THREAD;
		}
		if (!sigsetjmp(back, 1)) {
			*(volatile char *)a = 0;
			got++;
		}
	}
	EQ(got, 0);
	EQ(getppid() > 0, 1);
}

TEST(not_through_files_either)
{
	char c;
	int fd = open("/proc/self/mem", O_RDWR);

	if (fd >= 0) {
		CHECK(pread(fd, &c, 1, KERNEL_BASE) != 1);
		CHECK(pwrite(fd, "x", 1, IN_HEAP) != 1);
	}
	struct iovec l = { &c, 1 }, r = { (void *)IN_HEAP, 1 };

	CHECK(process_vm_readv(getpid(), &l, 1, &r, 1, 0) == -1);
	CHECK(process_vm_writev(getpid(), &l, 1, &r, 1, 0) == -1);
}

#define SLOTS_LOOKED_AT 1024 /* they are given out from the first on */

/* Which slots' shown pages say something here, one byte each. */
static void shown_slots(unsigned char slots[SLOTS_LOOKED_AT])
{
	for (unsigned long i = 0; i < SLOTS_LOOKED_AT; i++) {
		volatile unsigned long *p = (volatile unsigned long *)(SHOWN_BASE + i * 4096);

		slots[i] = 0;
		if (sigsetjmp(back, 1))
			continue;
		for (int k = 0; k < 16; k++)
			slots[i] |= p[k] != 0;
	}
}

/* A shown page names its own process's kernel stack and task; those of others are blank. */
TEST(others_pages_are_blank)
{
	static unsigned char mine[SLOTS_LOOKED_AT];
	int status, n = 0;
	pid_t pid;

	handle(SIGSEGV, jump, SA_NODEFER);
	handle(SIGBUS, jump, SA_NODEFER);
	shown_slots(mine);
	for (int i = 0; i < SLOTS_LOOKED_AT; i++)
		n += mine[i];
	CHECK(n >= 1 && n < 16);
	pid = OK(fork());
	if (!pid) {
		static unsigned char theirs[SLOTS_LOOKED_AT];
		int both = 0, own = 0;

		shown_slots(theirs);
		for (int i = 0; i < SLOTS_LOOKED_AT; i++) {
			both += mine[i] && theirs[i];
			own += theirs[i];
		}
		_exit(both ? 1 : own ? 0 : 2);
	}
	OK(waitpid(pid, &status, 0));
	EQ(status, 0);
}
