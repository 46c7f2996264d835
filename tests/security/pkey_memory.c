/*
 * A program reads and writes the kernel's memory: image, heap, stacks, file memory, boot block, and writes what it may
 * only read. Each access must be an ordinary SIGSEGV of the program at that address.
 *
 * defence: keys pkey
 */
#include "attack.h"

static void check(const char *what, uint64_t addr, bool readable)
{
	int sig = try_read(addr);

	if (readable ? sig : sig != SIGSEGV)
		broken("%s at %#lx: reading it gave signal %d", what, addr, sig);
	else if (!readable && (caught.addr != addr || caught.code != SEGV_MAPERR))
		broken("%s at %#lx: si_addr %#lx, si_code %d", what, addr, caught.addr, caught.code);
	if (failures)
		return; /* to write as well would be the end of the kernel, and of the message */
	sig = try_write(addr);
	if (sig != SIGSEGV)
		broken("%s at %#lx: writing it gave signal %d", what, addr, sig);
	if (!rights_kept())
		broken("%s at %#lx: the rights register changed", what, addr);
}

static void area(const char *what, uint64_t start, uint64_t len, uint64_t step)
{
	for (uint64_t a = start; a < start + len; a += step)
		check(what, a, false);
	check(what, start + len - 8, false);
}

int main(void)
{
	uint64_t slot;

	pkey_or_skip();
	volatile uint64_t *s = shown();

	area("kernel image", KERNEL_BASE, 4 << 20, 4096ull);
	area("kernel data", HEAP_BASE - (4 << 20), 4 << 20, 4096ull);
	area("kernel heap", HEAP_BASE, 64 << 20, 256 << 10);
	area("end of the heap", HEAP_BASE + HEAP_SIZE - (1 << 20), 1 << 20, 64 << 10);
	area("thread slots", THREADS_BASE, 64 * THREAD_SLOT_SIZE, 4096ull);
	area("last thread slot", THREADS_BASE + (THREAD_SLOTS - 1) * THREAD_SLOT_SIZE, THREAD_SLOT_SIZE, 4096ull);
	area("file memory", FILEMEM_BASE, 64 << 20, 256 << 10);
	area("end of file memory", FILEMEM_BASE + FILEMEM_SIZE - (1 << 20), 1 << 20, 64 << 10);
	area("boot block", BOOT_BASE, 4096ull, 512);

	/* What the gate shows of this thread: never to be written, its pointers never to be followed. */
	check("selector", (uint64_t)s, true);
	check("rights", (uint64_t)(s + 1), true);
	check("pointer to the task", (uint64_t)(s + 2), true);
	check("task", s[2], false);
	check("signal frame", s[3], false);
	check("kernel stack", s[4], false);
	check("kernel stack, lower", s[4] - 512, false);
	slot = (gs_base() - SCRATCH_BASE) / 4096ull;
	for (uint64_t i = 0; i < 200; i++)
		if (!failures && try_write(SHOWN_BASE + i * 4096ull) != SIGSEGV)
			broken("shown page of slot %lu (ours: %lu) can be written", i, slot);
	if ((uint32_t)s[1] != pkru)
		broken("the rights shown, %#lx, are not those we have, %#x", s[1], pkru);
	return attack_result("the kernel's memory");
}
