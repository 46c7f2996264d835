/*
 * The kernel as a confused deputy: read(2) and write(2) with buffers in the kernel's memory, while another thread makes
 * the same descriptors busy. The kernel's text in a pipe, or a changed word in the kernel's pages, are the harm.
 *
 * defence: range
 */
#include "kernel_elf.h"

#include <pthread.h>
#include <sys/uio.h>

#define ROUNDS 1000
/* A shown page that no thread uses: to be read by programs, and to be written by nobody. */
#define CANARY (SHOWN_BASE + (THREAD_SLOTS - 1) * 4096ul + 2048)

static volatile int stop;
static volatile struct iovec racing;

/* The address is sometimes ours, sometimes the kernel's. */
static void *flip(void *own)
{
	while (!stop) {
		racing.iov_base = own;
		__asm__ volatile("pause");
		racing.iov_base = (void *)CANARY;
	}
	return NULL;
}

int main(void)
{
	static char own[64], got[64];
	uint64_t text;
	size_t size;
	const uint8_t *know;
	int p[2], leaks = 0, writes = 0;
	pthread_t t;

	attack_init();
	kernel_elf();
	know = kernel_text(&text, &size);
	if (gs_base() < SCRATCH_BASE || pipe(p)) {
		printf("SKIP no gate\n");
		return 77;
	}
	volatile uint64_t *canary = (volatile uint64_t *)CANARY;
	uint64_t before = *canary;

	racing.iov_len = 64;
	pthread_create(&t, NULL, flip, own);
	for (int i = 0; i < ROUNDS; i++) {
		if (write(p[1], (void *)text, 64) > 0 && read(p[0], got, 64) == 64 && !memcmp(got, know, 64))
			leaks++;
		memset(got, 0xa5, 64);
		if (write(p[1], got, 64) == 64 && read(p[0], (void *)CANARY, 64) < 0)
			read(p[0], got, 64);
		if (write(p[1], got, 64) == 64 && readv(p[0], (struct iovec *)&racing, 1) < 0)
			read(p[0], got, 64);
		if (*canary != before)
			writes++;
	}
	stop = 1;
	pthread_join(t, NULL);
	if (leaks)
		broken("the kernel's text came out of a pipe %d times", leaks);
	if (writes)
		broken("a word of the kernel's was written %d times", writes);
	return attack_result("the kernel as a confused deputy");
}
