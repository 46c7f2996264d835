/*
 * process_vm_writev holds the pages that it writes to while it copies. A page that was writable when it began, and is
 * looked at and turned executable meanwhile, must not be run before the copy is done.
 *
 * defence: scan
 */
#include "code.h"

#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>

#define PAGES 16 /* that the kernel moves at a time */
#define SECONDS 3

static void write_on(pid_t to, unsigned char *buf, enum gadget g)
{
	unsigned char *text = malloc(PAGES * PAGE);
	struct iovec l = { text, PAGES * PAGE }, r = { buf, PAGES * PAGE };

	/* Counted in the first byte. */
	memset(text, 0xc3, PAGES * PAGE);
	memcpy(text + (PAGES - 1) * PAGE, gadget_bytes[g], GADGET_LEN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (; getppid() == to; text[0]++)
		process_vm_writev(to, &l, 1, &r, 1, 0);
	_exit(0);
}

static void race(enum gadget g)
{
	unsigned char *buf = anon(PAGES, PROT_READ | PROT_WRITE), *p = buf + (PAGES - 1) * PAGE;
	time_t end = time(NULL) + SECONDS;
	pid_t pid, me = getpid();

	memset(buf, 0xc3, PAGES * PAGE);
	mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	fflush(stdout);
	pid = fork();
	if (!pid)
		write_on(me, buf, g);
	while (!harms && time(NULL) < end) {
		unsigned char before;

		*(volatile unsigned char *)p = 0xc3;
		/* Slower to write to. */
		for (size_t i = PAGE; i < (PAGES - 1) * PAGE; i += 64)
			__asm__ volatile("clflush %0" : "+m"(buf[i]));
		before = buf[0];
		/* The copy begins: from now on it has the page. */
		for (int i = 0; i < 100000 && *(volatile unsigned char *)buf == before; i++)
			;
		attempt(call_gadget, p);
		/* Executable and clean. What appears now was not looked at. */
		for (int i = 0; i < 1000 && memcmp(p, gadget_bytes[g], 3); i++)
			__asm__ volatile("pause");
		run(g, p, p, "written by process_vm_writev behind the look");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(buf, PAGES * PAGE);
}

int main(void)
{
	code_begin();
	for (int g = 0; g < GADGETS; g++)
		if (g == XRSTOR || have_keys)
			race(g);
	return code_result("code written by process_vm_writev");
}
