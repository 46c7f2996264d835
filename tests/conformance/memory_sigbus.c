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
