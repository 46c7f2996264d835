/*
 * What the attacks with forbidden instructions share (docs/gate.md). The gadget is XRSTOR from a page of our own, with a
 * mask that names the rights register, and under keys also WRPKRU. Harm: under keys, that the rights were opened, which
 * is proven with the kernel's heap; elsewhere, where the scan has to be asked for (limpet do --defence-on scan --env
 * SCAN=1, debug builds), that the very bytes were executed.
 */
#ifndef CODE_H
#define CODE_H

#include "attack.h"

#include <fcntl.h>

#define PAGE 4096ul
#define MASK_PKRU 0x200u

enum gadget { XRSTOR, WRPKRU, GADGETS };
/* xrstor (%rdi); ret     wrpkru; ret */
static const unsigned char gadget_bytes[GADGETS][8] = { "\x0f\xae\x2f\xc3", "\x0f\x01\xef\xc3" };
#define GADGET_LEN 4
#define NOPS 0x90

static bool have_keys;
static int harms;
static unsigned char area[4096] __attribute__((aligned(64)));

static void call_gadget(void *code)
{
	/* All that XRSTOR and WRPKRU look at. */
	__asm__ volatile("call *%%rsi" : "+S"(code) : "D"(area), "a"(0), "d"(0), "c"(0) : "memory", "cc", "r8", "r9", "r10", "r11");
}

static void call_xrstor(void *code)
{
	__asm__ volatile("call *%%rsi" : "+S"(code) : "D"(area), "a"(MASK_PKRU), "d"(0), "c"(0) : "memory", "cc", "r8", "r9", "r10", "r11");
}

__attribute__((format(printf, 1, 2))) static void harm(const char *fmt, ...)
{
	va_list ap;

	harms++;
	va_start(ap, fmt);
	printf("HARM: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
}

/* Skips where nothing keeps the bytes from running. */
__attribute__((unused)) static void code_begin(void)
{
	attack_init();
	have_keys = !attempt(read_pkru, &pkru) && pkru != 0x55555554 && pkru != 0;
	if (!have_keys && !getenv("SCAN")) {
		printf("SKIP no keys, and the scan was not asked for\n");
		exit(77);
	}
	/* Legacy part as after FNINIT; PKRU (component 9) in its initial state, which is all rights. */
	area[0] = 0x7f;
	area[1] = 0x03;
	area[24] = 0x80;
	area[25] = 0x1f;
}

/* Runs the code, whose gadget's bytes stand (or stood) at `at`. */
__attribute__((unused)) static void run(enum gadget g, void *code, const unsigned char *at, const char *what)
{
	int sig;

	if (g == WRPKRU && !have_keys)
		return;
	sig = attempt(g == XRSTOR ? call_xrstor : call_gadget, code);
	if (have_keys) {
		if (!rights_kept()) {
			harm("%s: the keys are open (signal %d)", what, sig);
			if (!try_read(HEAP_BASE))
				harm("%s: and the kernel's heap was read", what);
		}
		return;
	}
	if (!sig && !memcmp(at, gadget_bytes[g], 3))
		harm("%s: ran as it was", what);
}

__attribute__((unused)) static void *map(size_t pages, int prot, int flags, int fd)
{
	void *p = mmap(NULL, pages * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED && errno == EACCES)
		return NULL; /* refused: the defence held */
	if (p == MAP_FAILED) {
		printf("SKIP mmap: %s\n", strerror(errno));
		exit(77);
	}
	return p;
}

__attribute__((unused)) static void *anon(size_t pages, int prot)
{
	return map(pages, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* An unlinked file of whole pages with n bytes at offset, no-operations before, returns behind. */
__attribute__((unused)) static int file_with(size_t pages, size_t offset, const void *bytes, size_t n)
{
	char name[] = "/tmp/codeXXXXXX";
	unsigned char *p = malloc(pages * PAGE);
	int fd = mkstemp(name);

	memset(p, NOPS, pages * PAGE);
	memset(p + offset, 0xc3, pages * PAGE - offset);
	memcpy(p + offset, bytes, n);
	if (fd < 0 || write(fd, p, pages * PAGE) != (ssize_t)(pages * PAGE))
		exit(2);
	unlink(name);
	free(p);
	return fd;
}

__attribute__((unused)) static int code_result(const char *what)
{
	if (!harms)
		printf("held: %s\n", what);
	return harms ? 1 : 0;
}

#endif
