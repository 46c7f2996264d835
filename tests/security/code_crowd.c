/*
 * Many programs at once run pages with forbidden sequences that nobody has seen before, and the supervisor is asked
 * about each: none of them may be ended for that, however many wait.
 *
 * defence: none, it is innocent programs that must run
 */
#include "code.h"

#define PROGRAMS 80
#define ROUNDS 12

static void program(unsigned seed)
{
	for (int round = 0; round < ROUNDS; round++) {
		unsigned char *p = anon(1, PROT_READ | PROT_WRITE);

		/* Data that is another one each time, but for the sequence. */
		for (size_t i = 0; i < 600; i++) {
			seed = seed * 1103515245 + 12345;
			p[i] = (unsigned char)(seed >> 16);
		}
		memcpy(p + 400, gadget_bytes[XRSTOR], 3);
		p[0] = 0xc3;
		mprotect(p, PAGE, PROT_READ | PROT_EXEC);
		if (attempt(call_gadget, p))
			_exit(caught.sig);
		munmap(p, PAGE);
	}
	_exit(0);
}

int main(void)
{
	int status, ended = 0;

	code_begin();
	for (unsigned i = 0; i < PROGRAMS; i++)
		if (!fork())
			program(i + 1);
	while (wait(&status) > 0)
		ended += status != 0;
	if (ended)
		broken("%d of %d programs were ended", ended, PROGRAMS);
	return attack_result("programs whose code is asked about");
}
