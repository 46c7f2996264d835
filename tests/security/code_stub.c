/*
 * The page of stubs beside a text image has an XRSTOR that is meant to run. It stays executable whatever is beside it.
 *
 * defence: none, here it is the kernel's own code that has to run
 */
#include "code.h"
#include "linker.h"

#define AREA_SIZE 0x10000ul

/* Is there an area of the kernel's that begins here? at = 0: any. */
static char *find_area(char *at)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[512], *found = NULL;
	unsigned long a, b;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &a, &b) == 2 && strstr(line, "[limpet]") && b - a == AREA_SIZE &&
		    (!at || at == (char *)a))
			found = (char *)a;
	fclose(f);
	return found;
}

static void beside(char *base, long distance, int prot, const void *bytes, size_t n, const char *what)
{
	char *area = base + distance, *behind = area + AREA_SIZE, *p;

	p = mmap(behind, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memcpy(p, bytes, n);
	mprotect(p, PAGE, prot);
	if (map_text(base) != base || find_area(area) != area) {
		broken("%s: no area", what);
		return;
	}
	/* The page begins and ends with breakpoints. */
	if (attempt(call_gadget, behind - PAGE) != SIGTRAP || attempt(call_gadget, behind - 1) != SIGTRAP)
		broken("%s: the stubs do not run: signal %d", what, caught.sig);
}

int main(void)
{
	char *base = NULL, *area = NULL;
	long distance;

	code_begin();
	if (!find_text()) {
		printf("SKIP no dynamic linker\n");
		return 77;
	}
	for (int i = 0; i < 20 && !area; i++) {
		base = map_text(NULL);
		area = base != MAP_FAILED ? find_area(NULL) : NULL;
		usleep(100000);
	}
	if (!area) {
		printf("SKIP the dynamic linker's text has no image\n");
		return 77;
	}
	distance = area - base;
	base -= 1l << 32;
	beside(base, distance, PROT_READ | PROT_EXEC, "\xc3", 1, "code behind");
	beside(base - (1l << 32), distance, PROT_READ, "\xc3", 1, "memory behind");
	beside(base - (2l << 32), distance, PROT_READ, gadget_bytes[XRSTOR], 3, "a forbidden sequence behind");
	beside(base - (3l << 32), distance, PROT_NONE, "\xc3", 1, "nothing readable behind");
	return attack_result("the stubs of a text image");
}
