/*
 * Forbidden instructions put together from two clean pages: by what turns executable last, by moving one, by pieces of
 * one mapping, and behind a call that failed half way.
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

/* A memory file whose second page was there first: it is mapped in two pieces. */
static void pieces(enum gadget g, size_t cut)
{
	int fd = memfd_create("pieces", 0);
	unsigned char b[2 * PAGE], *p;

	fill(b, g, cut);
	if (fd < 0 || pwrite(fd, b + PAGE, PAGE, PAGE) != (ssize_t)PAGE || pwrite(fd, b, PAGE, 0) != (ssize_t)PAGE)
		exit(2);
	p = map(2, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	run(g, p + PAGE - cut, p + PAGE - cut, "two pieces of a file");
	munmap(p, 2 * PAGE);
	close(fd);
}

/* A mapping of the first page moves and gets the second one there. */
static void grown_elsewhere(enum gadget g, size_t cut, bool memory)
{
	unsigned char b[2 * PAGE], *p, *to = anon(4, PROT_NONE);
	int fd;

	fill(b, g, cut);
	fd = memory ? memfd_create("grown", 0) : file_with(2, 0, b, sizeof(b));
	if (memory && pwrite(fd, b, sizeof(b), 0) != (ssize_t)sizeof(b))
		exit(2);
	p = map(1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	munmap(to, 4 * PAGE);
	p = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE);
	if (p != MAP_FAILED) {
		run(g, p + PAGE - cut, p + PAGE - cut, "moved and grown");
		munmap(p, 2 * PAGE);
	}
	close(fd);
}

/* WRGSBASE is forbidden by a prefix, which may be all that the first page has of it. */
static const unsigned char wrgsbase[] = { 0xf3, 0x48, 0x0f, 0xae, 0xd8, 0xc3 };
static uint64_t base;

static void read_base(void *to) { *(uint64_t *)to = gs_base(); }
static void call_wrgsbase(void *code) { __asm__ volatile("call *%0" : : "r"(code), "a"(base) : "memory", "cc"); }

static void prefix(size_t cut, bool upwards)
{
	unsigned char *p = anon(2, PROT_READ | PROT_WRITE);

	memset(p, NOPS, PAGE);
	memset(p + PAGE, 0xc3, PAGE);
	memcpy(p + PAGE, wrgsbase + cut, sizeof(wrgsbase) - cut);
	if (!upwards)
		mprotect(p + PAGE, PAGE, PROT_READ | PROT_EXEC);
	memcpy(p + PAGE - cut, wrgsbase, cut);
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	if (upwards)
		mprotect(p + PAGE, PAGE, PROT_READ | PROT_EXEC);
	if (!attempt(call_wrgsbase, p + PAGE - cut))
		harm("wrgsbase, %zu of its bytes in the first page, ran", cut);
	munmap(p, 2 * PAGE);
}

#define GIVEN 200 /* of them, at most, come back */

/* The host has a limit of mappings: pages that differ from their neighbours use it up. */
static void use_up(unsigned char *big, size_t pages)
{
	static size_t end;

	for (size_t i = 0; i < 2 * GIVEN; i += 2)
		if (mprotect(big + i * PAGE, PAGE, PROT_NONE))
			return;
	for (end = end ? end : 2 * GIVEN; end < pages && !mprotect(big + end * PAGE, PAGE, PROT_NONE); end += 2)
		;
}

static void give_back(unsigned char *big, int from, int to)
{
	for (; from < to; from++)
		mprotect(big + 2 * from * PAGE, PAGE, PROT_READ);
}

/* With few to spare, of three pages only the first turns executable. Then the second changes and is looked at alone. */
static void half_failed(void *unused __attribute__((unused)))
{
	size_t pages = 140000;
	unsigned char *big = anon(pages, PROT_READ), *between = anon(1, PROT_READ | PROT_WRITE);
	unsigned char *q = anon(5, PROT_NONE) + PAGE;
	int failed = 0;

	harms = *between;
	mprotect(q, 3 * PAGE, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 12; i++) {
		int spare = i / 2;
		enum gadget g = i & 1;

		fill(q, g, 1);
		memset(q + PAGE, 0xc3, 2 * PAGE);
		memcpy(q + PAGE + 100, gadget_bytes[g], GADGET_LEN);
		use_up(big, pages);
		give_back(big, spare & 1 ? 0 : 1, spare / 2 + 1);
		if (mprotect(q, 3 * PAGE, PROT_READ | PROT_EXEC)) {
			failed++;
			give_back(big, 100, GIVEN);
			memset(q + PAGE, 0xc3, PAGE);
			memcpy(q + PAGE, gadget_bytes[g] + 1, GADGET_LEN - 1);
			mprotect(q + PAGE, PAGE, PROT_READ | PROT_EXEC);
			run(g, q + PAGE - 1, q + PAGE - 1, "executable behind a call that failed");
		}
		give_back(big, 100, GIVEN);
		mprotect(q, 3 * PAGE, PROT_READ | PROT_WRITE);
	}
	if (!failed)
		printf("no limit of mappings was met\n");
	_exit(harms ? 3 : 0);
}

int main(void)
{
	int status;

	code_begin();
	for (int g = 0; g < GADGETS; g++)
		for (size_t cut = 1; cut < 3; cut++) {
			order(g, cut, true);
			order(g, cut, false);
			moved(g, cut, true);
			moved(g, cut, false);
			file_behind(g, cut);
			pieces(g, cut);
			grown_elsewhere(g, cut, true);
			grown_elsewhere(g, cut, false);
		}
	if (!attempt(read_base, &base))
		for (size_t cut = 1; cut < 3; cut++) {
			prefix(cut, true);
			prefix(cut, false);
		}
	status = in_child(half_failed, NULL, 60);
	if (status)
		harm("behind a call that failed: %#x", status);
	return code_result("forbidden instructions across pages");
}
