/*
 * A page with a patched call site is replaced by one that cannot be read: behind the end of a file, or guarded. What
 * then takes the patches out of it must not wait for itself.
 *
 * defence: none, a program would only stop itself and who waits for it
 */
#include "attack.h"

#define PAGE 4096ul
#define MADV_GUARD_INSTALL_ 102

/* mov $39,%eax; syscall; ret */
static const unsigned char call[] = { 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3 };

static char *patched(void)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(p + 64, call, sizeof(call));
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	for (int i = 0; i < 40; i++)
		if (((long (*)(void))(p + 64))() != getpid())
			broken("the call says something else");
	return p;
}

static void behind_end(void *unused __attribute__((unused)))
{
	char *p = patched();
	int fd = memfd_create("empty", 0);

	if (mmap(p, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) != p)
		_exit(2);
	_exit(mprotect(p, PAGE, PROT_READ) ? 3 : 0);
}

static void guarded(void *unused __attribute__((unused)))
{
	char *p = patched();

	if (madvise(p, PAGE, MADV_GUARD_INSTALL_))
		_exit(0); /* older than that */
	_exit(mprotect(p, PAGE, PROT_READ) ? 3 : 0);
}

int main(void)
{
	int status;

	attack_init();
	status = in_child(behind_end, NULL, 20);
	if (status)
		broken("behind the end of a file: %#x", status);
	status = in_child(guarded, NULL, 20);
	if (status)
		broken("guarded: %#x", status);
	return attack_result("patches of pages that are gone");
}
