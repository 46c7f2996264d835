/*
 * Forbidden instructions put together from two clean pages: by what turns executable last, and by moving one.
 *
 * defence: scan
 */
#include "code.h"

static void fill(unsigned char *p, enum gadget g, size_t cut)
{
	memset(p, NOPS, PAGE - cut);
	memcpy(p + PAGE - cut, gadget_bytes[g], cut);
	memset(p + PAGE, 0xc3, PAGE);
	memcpy(p + PAGE, gadget_bytes[g] + cut, GADGET_LEN - cut);
}

static void order(enum gadget g, size_t cut, bool upwards)
{
	unsigned char *p = anon(2, PROT_READ | PROT_WRITE);

	fill(p, g, cut);
	for (int i = 0; i < 2; i++)
		mprotect(p + (upwards ? i : 1 - i) * PAGE, PAGE, PROT_READ | PROT_EXEC);
	/* Each has been fetched from once. */
	attempt(call_gadget, p + 2 * PAGE - 1);
	run(g, p + PAGE - cut, p + PAGE - cut, "two pages");
	run(g, p, p + PAGE - cut, "two pages, run into");
	munmap(p, 2 * PAGE);
}

static void moved(enum gadget g, size_t cut, bool first)
{
	unsigned char *p = anon(8, PROT_READ | PROT_WRITE), *to;

	fill(p, g, cut);
	memcpy(p + 6 * PAGE, p + PAGE, PAGE);
	memset(p + PAGE, 0xc3, PAGE);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	mprotect(p + 6 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	attempt(call_gadget, p + 7 * PAGE - 1);
	if (first) {
		to = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 5 * PAGE);
		if (to != MAP_FAILED)
			run(g, p + 6 * PAGE - cut, p + 6 * PAGE - cut, "joined by mremap from below");
	} else {
		to = mremap(p + 6 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE);
		if (to != MAP_FAILED)
			run(g, p + PAGE - cut, p + PAGE - cut, "joined by mremap from above");
	}
	munmap(p, 8 * PAGE);
}

/* A file's page behind a page of memory. */
static void file_behind(enum gadget g, size_t cut)
{
	int fd = file_with(1, 0, gadget_bytes[g] + cut, GADGET_LEN - cut);
	unsigned char *p = anon(2, PROT_READ | PROT_WRITE);

	fill(p, g, cut);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	attempt(call_gadget, p + PAGE - cut - 8);
	if (mmap(p + PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED)
		run(g, p + PAGE - cut, p + PAGE - cut, "a file behind memory");
	munmap(p, 2 * PAGE);
	close(fd);
}

int main(void)
{
	code_begin();
	for (int g = 0; g < GADGETS; g++)
		for (size_t cut = 1; cut < 3; cut++) {
			order(g, cut, true);
			order(g, cut, false);
			moved(g, cut, true);
			moved(g, cut, false);
			file_behind(g, cut);
		}
	return code_result("forbidden instructions across pages");
}
