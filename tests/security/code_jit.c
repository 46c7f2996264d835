/*
 * Forbidden instructions in memory that is written and run: both at once on paper, in turns, and by a racing thread.
 *
 * defence: wx+filter
 */
#include "code.h"

#include <pthread.h>

static unsigned char *volatile page;
static volatile bool stop;
static enum gadget racing;

static void turns(enum gadget g)
{
	unsigned char *p = anon(1, PROT_READ | PROT_WRITE | PROT_EXEC);

	memset(p, 0xc3, PAGE);
	attempt(call_gadget, p);
	memcpy(p + 64, gadget_bytes[g], GADGET_LEN);
	run(g, p + 64, p + 64, "writable and executable");
	memcpy(p + 64, gadget_bytes[g], GADGET_LEN);
	run(g, p + 64, p + 64, "written again");
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	memcpy(p + 128, gadget_bytes[g], GADGET_LEN);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	run(g, p + 128, p + 128, "after mprotect");
	madvise(p, PAGE, MADV_DONTNEED);
	run(g, p + 128, p + 128, "after madvise");
	munmap(p, PAGE);
}

static void *writer(void *arg)
{
	while (!stop) {
		unsigned char *p = page;

		memcpy(p, gadget_bytes[racing], GADGET_LEN);
		p[0] = 0xc3;
	}
	return NULL;
}

static void *protector(void *arg)
{
	while (!stop) {
		mprotect(page + PAGE, PAGE, PROT_READ | PROT_WRITE);
		memcpy(page + PAGE, gadget_bytes[racing], GADGET_LEN);
		mprotect(page + PAGE, PAGE, PROT_READ | PROT_EXEC);
	}
	return NULL;
}

/* The writer's faults are its own thread's business, and mended. */
static void race(enum gadget g, void *(*fn)(void *), size_t at, int seconds)
{
	struct timespec from, now;
	pthread_t t;
	int before = harms;

	racing = g;
	page = anon(2, PROT_READ | PROT_WRITE | PROT_EXEC);
	memset(page, 0xc3, 2 * PAGE);
	stop = false;
	pthread_create(&t, NULL, fn, NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		/* What ran may have been the return that stood there a moment before or after. */
		if (have_keys)
			run(g, page + at, page + at, "written by another thread");
		else
			attempt(call_xrstor, page + at);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - from.tv_sec < seconds && harms == before);
	stop = true;
	pthread_join(t, NULL);
	/* At rest it is certain. */
	memcpy(page + at, gadget_bytes[g], at ? 0 : GADGET_LEN);
	run(g, page + at, page + at, "at the end of a race");
}

int main(void)
{
	code_begin();
	for (int g = 0; g < (have_keys ? GADGETS : 1); g++) {
		turns(g);
		race(g, writer, 0, 2);
		race(g, protector, PAGE, 2);
	}
	return code_result("forbidden instructions in written code");
}
