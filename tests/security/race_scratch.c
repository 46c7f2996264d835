/*
 * The gate parks registers in a page that programs may write. Here one thread scribbles over that page of another, which
 * makes system calls and faults: what comes back is up to the scribbler, but it is the program's own harm. Rights that
 * change, an answer of the host, a changed word of the kernel's, or a sandbox that ends would be ours.
 *
 * defence: none, no check stands between: the kernel believes nothing that it reads there
 */
#include "attack.h"

#include <pthread.h>
#include <sys/utsname.h>

#define CANARY (SHOWN_BASE + (THREAD_SLOTS - 1) * 4096ul + 2048)
#define SECONDS 5

static bool keys;
static volatile uint64_t *victim_page;
static struct {
	volatile uint64_t rounds, rights, host, canary;
} *shared;
static uint64_t first;

static void *scribbler(void *arg)
{
	uint64_t s = (uint64_t)arg | 1;
	static uint64_t own[512];

	while (!victim_page)
		;
	for (;;) {
		s ^= s << 13;
		s ^= s >> 7;
		s ^= s << 17;
		uint64_t v = s;

		/* Without keys code that runs astray could write to the kernel: keep to words that lead nowhere. */
		switch (s >> 61) {
		case 0: v = 0; break;
		case 1: v = (uint64_t)&own[256]; break;
		case 2: v = 0x33; break;
		case 3: v = 0x202 | (s & 0x40dd5); break;
		case 4: v = keys ? KERNEL_BASE + (s & 0x3ffff) : 0x23; break;
		case 5: v = keys ? HEAP_BASE + (s & 0xffff8) : 0x2b; break;
		case 6: v = 0x10; break;
		default: v = keys ? s : s & 0xffff; break;
		}
		victim_page[s % 3 ? s % 16 : s % 512] = v;
	}
	return NULL;
}

static void child(void *arg)
{
	struct itimerval tick = { { 0, 2000 }, { 0, 2000 } };
	struct utsname name;
	pthread_t t;

	attack_quiet = true;
	pthread_create(&t, NULL, scribbler, arg);
	victim_page = (uint64_t *)gs_base();
	setitimer(ITIMER_REAL, &tick, NULL);
	for (int i = 0; i < 20000; i++) {
		name.release[0] = 0;
		if (syscall(SYS_uname, &name) == 0 && name.release[0] && !strstr(name.release, "limpet"))
			shared->host++;
		if (i % 16 == 0)
			try_read(8);
		if (keys && !rights_kept())
			shared->rights++;
		if (*(volatile uint64_t *)CANARY != first)
			shared->canary++;
		shared->rounds++;
	}
}

int main(void)
{
	time_t end = time(NULL) + SECONDS;
	uint64_t n = 0;

	attack_init();
	if (gs_base() < SCRATCH_BASE) {
		printf("SKIP no gate\n");
		return 77;
	}
	keys = attempt(read_pkru, &pkru) == 0 && pkru != 0x55555554 && pkru != 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	first = *(volatile uint64_t *)CANARY;
	while (time(NULL) < end || n < 20)
		in_child(child, (void *)(0x9e3779b97f4a7c15ul * ++n), 2);
	printf("%lu processes, %lu rounds\n", n, shared->rounds);
	if (!shared->rounds)
		broken("nothing happened");
	if (shared->rights)
		broken("the rights register changed %lu times", shared->rights);
	if (shared->host)
		broken("the host answered %lu times", shared->host);
	if (shared->canary)
		broken("the kernel's memory changed %lu times", shared->canary);
	return attack_result("a scratch page that another thread writes");
}
