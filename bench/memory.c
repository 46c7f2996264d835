/* Mappings and page faults. */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

#include "bench.h"

#define PAGE 4096L
#define PAGES 1024L

static void *map(long pages)
{
	void *p = mmap(NULL, (size_t)(pages * PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(p != MAP_FAILED, "mmap");
	return p;
}

static void run_mmap(long n)
{
	while (n--)
		munmap(map(16), (size_t)(16 * PAGE));
}

/* Per page: first writes to fresh anonymous memory, its mapping and unmapping shared among many pages. */
static void run_fault(long n)
{
	while (n > 0) {
		long pages = n < PAGES ? n : PAGES;
		volatile char *p = map(PAGES);

		madvise((void *)p, (size_t)(PAGES * PAGE), MADV_NOHUGEPAGE);
		for (long i = 0; i < pages; i++)
			p[i * PAGE] = 1;
		munmap((void *)p, (size_t)(PAGES * PAGE));
		n -= pages;
	}
}

const struct bench memory_benches[] = {
	{ .name = "mmap-munmap", .run = run_mmap },
	{ .name = "page-fault", .run = run_fault },
	{ 0 },
};
