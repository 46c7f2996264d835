/*
 * Between check and use: threads rewrite a page with addresses of the kernel's, own ones, lengths and numbers while others
 * hand structures in it to system calls of every family. A kernel that fetches a word twice can be told two things. Harm:
 * a changed word in the kernel's pages, the kernel's text in what the calls brought, another kernel's answer.
 *
 * defence: none, pointer_deputy.c shows what the range check is for
 */
#include "kernel_elf.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

#define CANARY (SHOWN_BASE + (THREAD_SLOTS - 1) * 4096ul + 2048)
#define SECONDS 5
#define PAGES 4
#define CALLERS 2

static uint64_t *racing; /* PAGES pages that everybody writes */
static uint8_t *result; /* where calls may put things */
static volatile int stop;
static volatile uint64_t calls, good;
static int pipe_fd[2], sock[2], epoll, sem;
static uint64_t text_addr;
static volatile pid_t tids[CALLERS];

static uint64_t rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static uint64_t word(uint64_t *s)
{
	uint64_t r = rnd(s);

	switch (r >> 60) {
	case 0:
		return text_addr;
	case 1:
		return CANARY;
	case 2:
		return HEAP_BASE + (r & 0xfffff8);
	case 3:
		return TASK_SIZE - (r & 63);
	case 4:
		return ~0ul - (r & 0xfff);
	case 5:
		return 1ul << (r & 63);
	case 6:
	case 7:
	case 8:
		return (uint64_t)racing + (r & (PAGES * 4096 - 8));
	case 9:
	case 10:
	case 11:
		return (uint64_t)result + (r & 0xff8);
	default:
		return r & 127;
	}
}

static void *writer(void *arg)
{
	uint64_t s = 0x1234567 * ((uintptr_t)arg + 1);

	while (!stop)
		racing[rnd(&s) % (PAGES * 512)] = word(&s);
	return NULL;
}

static long one_call(uint64_t *s)
{
	uint64_t *p = racing + rnd(s) % (PAGES * 512 - 64), *q = racing + rnd(s) % (PAGES * 512 - 64);

	switch (rnd(s) % 32) {
	case 0: return syscall(SYS_writev, pipe_fd[1], p, 1 + rnd(s) % 8);
	case 1: return syscall(SYS_readv, pipe_fd[0], p, 1 + rnd(s) % 8);
	case 2: return syscall(SYS_sendmsg, sock[0], p, MSG_DONTWAIT);
	case 3: return syscall(SYS_recvmsg, sock[1], p, MSG_DONTWAIT);
	case 4: return syscall(SYS_sendmmsg, sock[0], p, 4, MSG_DONTWAIT);
	case 5: return syscall(SYS_recvmmsg, sock[1], p, 4, MSG_DONTWAIT, NULL);
	case 6: return syscall(SYS_process_vm_readv, getpid(), p, 3, q, 3, 0);
	case 7: return syscall(SYS_process_vm_writev, getpid(), p, 2, q, 2, 0);
	case 8: return syscall(SYS_poll, p, rnd(s) % 32, 0);
	case 9: return syscall(SYS_ppoll, p, 4, q, NULL, 8);
	case 10: return syscall(SYS_select, rnd(s) % 64, p, q, NULL, q + 8);
	case 11: return syscall(SYS_epoll_ctl, epoll, 1 + rnd(s) % 3, pipe_fd[0], p);
	case 12: return syscall(SYS_epoll_pwait, epoll, p, 8, 0, NULL, 8);
	case 13: return syscall(SYS_openat, -100, p, rnd(s) & 0x3, 0);
	case 14: return syscall(SYS_readlinkat, -100, p, q, 64);
	case 15: return syscall(SYS_statx, -100, p, 0x1000, 0x7ff, q);
	case 16: return syscall(SYS_rt_sigprocmask, 0, NULL, p, 8);
	case 17: return syscall(SYS_rt_sigaction, SIGWINCH, NULL, p, 8);
	case 18: return syscall(SYS_rt_sigtimedwait, p, q, racing, 8);
	case 19: return syscall(SYS_semop, sem, p, 1 + rnd(s) % 4);
	case 20: return syscall(SYS_semctl, sem, 0, SETALL, p);
	case 21: return syscall(SYS_futex, p, 1, 1, NULL, NULL, 0);
	case 22: return syscall(SYS_futex, p, 5, 1, 1, q, rnd(s));
	case 23: return syscall(SYS_timer_create, CLOCK_MONOTONIC, p, q);
	case 24: return syscall(SYS_setsockopt, sock[0], SOL_SOCKET, rnd(s) % 64, p, rnd(s) % 32);
	case 25: return syscall(SYS_getsockopt, sock[0], SOL_SOCKET, rnd(s) % 64, p, q);
	case 26: return syscall(SYS_vmsplice, pipe_fd[1], p, 2, 2);
	case 27: return syscall(SYS_mremap, result, 4096, 4096, 0, p);
	case 28: return syscall(SYS_getdents64, -1, p, 512);
	case 29: return syscall(SYS_prctl, 15, p, 0, 0, 0);
	case 30: return syscall(SYS_sched_setattr, 0, p, 0);
	default: return syscall(SYS_write, pipe_fd[1], q, 64);
	}
}

static void *caller(void *arg)
{
	uint64_t s = 0x89abcdef01ul * ((uintptr_t)arg + 1);

	tids[(uintptr_t)arg - 2] = (pid_t)syscall(SYS_gettid);
	while (!stop) {
		long ret = one_call(&s);

		__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
		/* Descriptors that an openat gave; all others are not touched. */
		if (ret > 32 && ret < 1000)
			close((int)ret);
		if (ret >= 0)
			__atomic_add_fetch(&good, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void ignore(int sig) { (void)sig; }

/* The text's beginning, inverted: a long read from our own memory must not come across it. */
static uint8_t beginning[16];

static bool has_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0, k; i + sizeof(beginning) <= n; i++) {
		for (k = 0; k < sizeof(beginning) && (p[i + k] ^ beginning[k]) == 0xff; k++)
			;
		if (k == sizeof(beginning))
			return true;
	}
	return false;
}

static void run(void *arg)
{
	pthread_t t[2 + CALLERS];
	uint64_t first = *(volatile uint64_t *)CANARY;
	struct utsname name;
	int leaks = 0;

	(void)arg;
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = ignore }, NULL); /* ends a call that waits */
	for (int i = 0; i < 2 + CALLERS; i++)
		pthread_create(&t[i], NULL, i < 2 ? writer : caller, (void *)(uintptr_t)i);
	for (time_t end = time(NULL) + SECONDS; time(NULL) < end;) {
		uint8_t buf[4096];
		ssize_t n = read(pipe_fd[0], buf, sizeof(buf));

		if ((n > 0 && has_text(buf, (size_t)n)) || has_text(result, 8192) ||
		    has_text((const uint8_t *)racing, PAGES * 4096))
			leaks++;
		if (*(volatile uint64_t *)CANARY != first)
			_exit(10);
		for (int c = 0; c < CALLERS; c++)
			if (tids[c])
				syscall(SYS_tgkill, getpid(), tids[c], SIGUSR1);
		usleep(1000);
	}
	stop = 1;
	printf("%lu calls, %lu without an error\n", calls, good);
	fflush(stdout);
	if (leaks)
		_exit(11);
	if (uname(&name) || !strstr(name.release, "limpet"))
		_exit(12);
	_exit(calls ? 0 : 13);
}

/* Amidst nothing: calls with lengths of any size shall not come to what else is ours. */
static void *alone(size_t size)
{
	char *p = mmap(NULL, 64 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	p += 32 << 20;
	mprotect(p, size, PROT_READ | PROT_WRITE);
	return p;
}

int main(void)
{
	const uint8_t *text;
	size_t size;
	int status;

	attack_init();
	kernel_elf();
	text = kernel_text(&text_addr, &size);
	for (unsigned i = 0; i < sizeof(beginning); i++)
		beginning[i] = (uint8_t)~text[i];
	kernel_elf_forget();
	if (gs_base() < SCRATCH_BASE || pipe2(pipe_fd, 04000) || socketpair(AF_UNIX, SOCK_DGRAM, 0, sock)) {
		printf("SKIP no gate\n");
		return 77;
	}
	epoll = epoll_create1(0);
	sem = semget(IPC_PRIVATE, 4, 0600);
	racing = alone(PAGES * 4096);
	result = alone(8192);
	status = in_child(run, NULL, SECONDS * 10);
	semctl(sem, 0, IPC_RMID);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		broken("%s", !WIFEXITED(status) ? "the racing process hangs or died" :
			WEXITSTATUS(status) == 10 ? "a word of the kernel's was written" :
			WEXITSTATUS(status) == 11 ? "the kernel's text came out" : "it ended badly");
	return attack_result("buffers that change between check and use");
}
