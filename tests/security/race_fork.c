/*
 * New threads and processes begin without user dispatch on the host, and with their parent's selector and signal stack: the
 * gate must have armed all of it before the program's first instruction there. Threads, forks and vforks are made as fast
 * as it goes, under signals, while others unmap, protect and exec; each begins with a call whose answer tells the kernels
 * apart. An answer of the host, or changed rights, are the harm.
 *
 * defence: none, dispatch and filter both stand in the way
 */
#include "attack.h"

#include <pthread.h>
#include <sched.h>
#include <sys/utsname.h>
#include <sys/stat.h>
#include <fcntl.h>

#define SECONDS 5

static bool keys;
static struct {
	volatile uint64_t begun, host, rights;
} *shared;
static struct statx ours;
static volatile int stop;

/* No library on the way: the very first thing that a new thread does. statx of "/": the host's is another directory. */
static void first_thing(void)
{
	struct statx sx = { 0 };
	register long r10 __asm__("r10") = 0x7ff;
	register long r8 __asm__("r8") = (long)&sx;
	long ret = SYS_statx;

	__asm__ volatile("syscall" : "+a"(ret) : "D"(-100), "S"("/"), "d"(0), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	if (ret == 0 && (sx.stx_ino != ours.stx_ino || sx.stx_dev_minor != ours.stx_dev_minor || sx.stx_dev_major != ours.stx_dev_major))
		__atomic_add_fetch(&shared->host, 1, __ATOMIC_RELAXED);
	if (keys && !rights_kept())
		__atomic_add_fetch(&shared->rights, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&shared->begun, 1, __ATOMIC_RELAXED);
}

static void *thread(void *arg)
{
	first_thing();
	return arg;
}

static void *threads(void *arg)
{
	while (!stop) {
		pthread_t t;

		if (!pthread_create(&t, NULL, thread, NULL))
			pthread_join(t, NULL);
	}
	return arg;
}

static void *forks(void *arg)
{
	while (!stop) {
		pid_t pid = fork();

		if (pid == 0) {
			first_thing();
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return arg;
}

static void *vforks(void *arg)
{
	while (!stop) {
		pid_t pid = vfork();

		if (pid == 0) {
			first_thing();
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	return arg;
}

static void *mappings(void *arg)
{
	while (!stop) {
		char *p = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		mprotect(p + 4096, 4096, PROT_READ | PROT_EXEC);
		madvise(p, 4096, MADV_DONTFORK);
		munmap(p, 8 * 4096);
	}
	return arg;
}

static void ignore(int sig) { (void)sig; }

int main(int argc, char **argv)
{
	static void *(*const fns[])(void *) = { threads, forks, vforks, mappings };
	struct itimerval tick = { { 0, 500 }, { 0, 500 } };
	struct sigaction sa = { .sa_handler = ignore, .sa_flags = SA_RESTART };
	struct utsname name;
	pthread_t t[4];

	attack_init();
	keys = attempt(read_pkru, &pkru) == 0 && pkru != 0x55555554 && pkru != 0;
	if (gs_base() < SCRATCH_BASE) {
		printf("SKIP no gate\n");
		return 77;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (statx(AT_FDCWD, "/", 0, 0x7ff, &ours))
		return 2;
	sigaction(SIGALRM, &sa, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, fns[i], NULL);
	setitimer(ITIMER_REAL, &tick, NULL);
	for (time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : SECONDS); time(NULL) < end;)
		usleep(50000);
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	printf("%lu threads and processes\n", shared->begun);
	if (!shared->begun)
		broken("nothing happened");
	if (shared->host)
		broken("the host answered %lu of them", shared->host);
	if (shared->rights)
		broken("%lu of them began with other rights", shared->rights);
	if (uname(&name) || !strstr(name.release, "limpet"))
		broken("another kernel answers");
	(void)argv;
	return attack_result("the first instruction of threads and processes");
}
