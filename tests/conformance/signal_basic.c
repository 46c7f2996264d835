/* Handlers, masks, queueing, siginfo. (musl too) */
#include "test.h"
#include <ucontext.h>

static volatile int hits, order[16], n_order;
static siginfo_t info;
static void count(int sig) { (void)sig; hits++; }
static void note(int sig) { order[n_order++] = sig; }
static void keep(int sig, siginfo_t *si, void *uc) { (void)sig, (void)uc; info = *si; hits++; }

static sigset_t set_of(int a, int b)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, a);
	if (b)
		sigaddset(&s, b);
	return s;
}

TEST(sigaction_rules)
{
	struct sigaction sa, old;

	ERR(sigaction(SIGKILL, &(struct sigaction){ .sa_handler = SIG_IGN }, 0), EINVAL);
	ERR(sigaction(SIGSTOP, &(struct sigaction){ .sa_handler = count }, 0), EINVAL);
	EQ(sigaction(SIGKILL, 0, &old), 0);
	ERR(sigaction(0, 0, &old), EINVAL);
	ERR(sigaction(65, 0, &old), EINVAL);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, 0, 0, 4), EINVAL);
	ERR(syscall(SYS_rt_sigaction, SIGUSR1, 8, 0, 8), EFAULT);
	sa = (struct sigaction){ .sa_handler = count, .sa_flags = SA_NODEFER | SA_RESTART };
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaddset(&sa.sa_mask, SIGKILL);
	EQ(sigaction(SIGUSR1, &sa, &old), 0);
	CHECK(old.sa_handler == SIG_DFL);
	EQ(sigaction(SIGUSR1, 0, &old), 0);
	CHECK(old.sa_handler == count);
	EQ(old.sa_flags & (SA_NODEFER | SA_RESTART | SA_SIGINFO), SA_NODEFER | SA_RESTART);
	EQ(sigismember(&old.sa_mask, SIGUSR2), 1);
	EQ(sigismember(&old.sa_mask, SIGKILL), 0);
}

TEST(mask_rules)
{
	sigset_t s, old;

	sigfillset(&s);
	EQ(sigprocmask(SIG_SETMASK, &s, 0), 0);
	sigprocmask(SIG_BLOCK, 0, &old);
	EQ(sigismember(&old, SIGKILL), 0);
	EQ(sigismember(&old, SIGSTOP), 0);
	EQ(sigismember(&old, SIGRTMAX), 1);
	ERR(sigprocmask(77, &s, 0), EINVAL);
	EQ(sigprocmask(77, 0, &old), 0);
	ERR(syscall(SYS_rt_sigprocmask, 0, 8, 0, 8), EFAULT);
	ERR(syscall(SYS_rt_sigprocmask, 0, &s, 0, 16), EINVAL);
}

TEST(pending_standard_ones_merge)
{
	sigset_t s = set_of(SIGUSR1, SIGUSR2), p;

	handle(SIGUSR1, count, 0);
	sigprocmask(SIG_BLOCK, &s, 0);
	for (int i = 0; i < 5; i++)
		kill(getpid(), SIGUSR1);
	sigpending(&p);
	EQ(sigismember(&p, SIGUSR1), 1);
	EQ(sigismember(&p, SIGUSR2), 0);
	EQ(hits, 0);
	sigprocmask(SIG_UNBLOCK, &s, 0);
	EQ(hits, 1);
	sigpending(&p);
	EQ(sigismember(&p, SIGUSR1), 0);
}

TEST(realtime_ones_queue_in_order)
{
	sigset_t s;
	siginfo_t si;
	struct timespec zero = { 0, 0 };

	sigemptyset(&s);
	for (int i = 0; i < 4; i++)
		sigaddset(&s, SIGRTMIN + i);
	sigprocmask(SIG_BLOCK, &s, 0);
	for (int i = 0; i < 3; i++) {
		EQ(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = 10 + i }), 0);
		EQ(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }), 0);
	}
	for (int i = 0; i < 6; i++) {
		EQ(sigtimedwait(&s, &si, &zero), i < 3 ? SIGRTMIN : SIGRTMIN + 1);
		EQ(si.si_code, SI_QUEUE);
		EQ(si.si_value.sival_int, i < 3 ? i : 10 + i - 3);
		EQ(si.si_pid, getpid());
		EQ(si.si_uid, getuid());
	}
	ERR(sigtimedwait(&s, &si, &zero), EAGAIN);
	ERR(sigqueue(getpid(), 65, (union sigval){ 0 }), EINVAL);
}

TEST(lowest_number_is_delivered_first)
{
	sigset_t s;

	sigfillset(&s);
	handle(SIGUSR1, note, 0);
	handle(SIGUSR2, note, 0);
	handle(SIGRTMIN + 3, note, 0);
	handle(SIGHUP, note, 0);
	sigprocmask(SIG_BLOCK, &s, 0);
	raise(SIGRTMIN + 3);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGHUP);
	sigprocmask(SIG_UNBLOCK, &s, 0);
	/* Frames stack up: the last pushed (the highest) runs first. */
	EQ(n_order, 4);
	EQ(order[0] + order[1] + order[2] + order[3], SIGRTMIN + 3 + SIGUSR1 + SIGUSR2 + SIGHUP);
	EQ(order[0], SIGRTMIN + 3);
	EQ(order[3], SIGHUP);
}

TEST(info_of_senders)
{
	pid_t pid;

	handle_info(SIGUSR1, keep, 0);
	kill(getpid(), SIGUSR1);
	EQ(info.si_signo, SIGUSR1);
	EQ(info.si_code, SI_USER);
	EQ(info.si_pid, getpid());
	EQ(info.si_uid, getuid());
	EQ(info.si_errno, 0);
	raise(SIGUSR1);
	EQ(info.si_code, SI_TKILL);
	EQ(info.si_pid, getpid());
	pid = fork();
	if (!pid) {
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	SOON(hits == 3);
	EQ(info.si_pid, pid);
	reap(pid);
}

TEST(forged_info)
{
	siginfo_t si = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };
	pid_t pid = fork();

	if (!pid) {
		for (;;)
			pause();
	}
	si.si_code = SI_USER;
	ERR(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &si), EPERM);
	si.si_code = SI_TKILL;
	ERR(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &si), EPERM);
	si.si_code = -77;
	EQ(syscall(SYS_rt_sigqueueinfo, pid, 0, &si), 0);
	EQ(syscall(SYS_rt_sigqueueinfo, pid, SIGKILL, &si), 0);
	reap_signal(pid, SIGKILL);
}

static void nested(int sig)
{
	sigset_t s;

	sigprocmask(0, 0, &s);
	EQ(sigismember(&s, sig), 1);
	EQ(sigismember(&s, SIGUSR2), 1);
	raise(SIGUSR2);
	EQ(n_order, 0); /* blocked by sa_mask */
	hits++;
}

TEST(mask_in_handlers)
{
	struct sigaction sa = { .sa_handler = nested };
	sigset_t s;

	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, 0);
	handle(SIGUSR2, note, 0);
	raise(SIGUSR1);
	EQ(hits, 1);
	EQ(n_order, 1);
	sigprocmask(0, 0, &s);
	EQ(sigismember(&s, SIGUSR1), 0);
}

static void again(int sig)
{
	if (++hits < 4)
		raise(sig);
	order[n_order++] = hits;
}

TEST(nodefer_nests)
{
	handle(SIGUSR1, again, SA_NODEFER);
	raise(SIGUSR1);
	EQ(hits, 4);
	EQ(n_order, 4);
}

TEST(deferred_does_not_nest)
{
	handle(SIGUSR1, again, 0);
	raise(SIGUSR1);
	EQ(hits, 4);
	EQ(order[0], 1);
	EQ(order[3], 4);
}

TEST(resethand)
{
	struct sigaction sa;

	handle(SIGUSR1, count, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, 0, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
	EQ(hits, 1);
}

TEST(ignored_are_dropped)
{
	sigset_t s = set_of(SIGUSR1, SIGCHLD), p;

	sigprocmask(SIG_BLOCK, &s, 0);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	sigpending(&p);
	EQ(sigismember(&p, SIGUSR1), 0);
	handle(SIGUSR1, count, 0);
	sigprocmask(SIG_UNBLOCK, &s, 0);
	EQ(hits, 0);
	raise(SIGURG); /* ignored by default */
	raise(SIGWINCH);
	raise(SIGCONT);
}

TEST(defaults_kill)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGPOLL,
		SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ, SIGSYS, SIGTRAP, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGPWR, SIGSTKFLT };
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		int st;
		pid_t pid = fork();

		if (!pid) {
			signal(sigs[i], SIG_DFL);
			kill(getpid(), sigs[i]);
			_exit(0);
		}
		st = wait_status(pid);
		EQ(st & 0x7f, sigs[i]);
	}
	for (int i = SIGRTMIN; i <= SIGRTMAX; i += 7) {
		pid_t pid = fork();

		if (!pid) {
			raise(i);
			_exit(0);
		}
		reap_signal(pid, i);
	}
}

TEST(sigsuspend)
{
	sigset_t s = set_of(SIGUSR1, 0), empty, now;

	sigemptyset(&empty);
	handle(SIGUSR1, count, SA_RESTART);
	sigprocmask(SIG_BLOCK, &s, 0);
	raise(SIGUSR1);
	EQ(hits, 0);
	ERR(sigsuspend(&empty), EINTR);
	EQ(hits, 1);
	sigprocmask(0, 0, &now);
	EQ(sigismember(&now, SIGUSR1), 1); /* the old mask is back */
	raise(SIGUSR1);
	EQ(hits, 1);
	if (!fork()) {
		msleep(30);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	sigemptyset(&empty);
	sigaddset(&empty, SIGUSR1);
	handle(SIGUSR2, count, 0);
	ERR(sigsuspend(&empty), EINTR);
	EQ(hits, 2);
	wait(0);
}

TEST(sigtimedwait)
{
	sigset_t s = set_of(SIGUSR1, SIGUSR2);
	struct timespec ts = { 0, 50 * MS }, bad = { 0, 2000 * MS };
	siginfo_t si;
	long long start = now_ns();
	int sig;

	sigprocmask(SIG_BLOCK, &s, 0);
	ERR(sigtimedwait(&s, &si, &ts), EAGAIN);
	CHECK(now_ns() - start >= 50 * MS);
	ERR(sigtimedwait(&s, &si, &bad), EINVAL);
	if (!fork()) {
		msleep(30);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	EQ(sigwaitinfo(&s, &si), SIGUSR2);
	EQ(si.si_code, SI_USER);
	wait(0);
	handle(SIGALRM, count, 0);
	ualarm(30000, 0);
	ERR(sigwaitinfo(&s, &si), EINTR); /* another signal's handler ran */
	EQ(hits, 1);
	raise(SIGUSR1);
	EQ(sigwait(&s, &sig), 0);
	EQ(sig, SIGUSR1);
}

static void *waits(void *arg)
{
	sigset_t s = set_of(SIGUSR1, 0);
	siginfo_t si;

	EQ(sigwaitinfo(&s, &si), SIGUSR1);
	return arg;
}

TEST(sigwait_in_a_thread_takes_process_signals)
{
	sigset_t s = set_of(SIGUSR1, 0);
	pthread_t t;

	sigprocmask(SIG_BLOCK, &s, 0);
	pthread_create(&t, 0, waits, 0);
	msleep(30);
	kill(getpid(), SIGUSR1);
	pthread_join(t, 0);
}

static volatile long seen_reg;
static void change_context(int sig, siginfo_t *si, void *p)
{
	ucontext_t *uc = p;

	(void)sig, (void)si;
	seen_reg = uc->uc_mcontext.gregs[REG_R15];
	uc->uc_mcontext.gregs[REG_R15] = 0x1234;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

TEST(context_is_restored_from_the_frame)
{
	long r15;
	sigset_t s;

	handle_info(SIGUSR1, change_context, 0);
	__asm__ volatile("mov $0x5555, %%r15; mov $200, %%eax; mov %1, %%edi; mov %2, %%esi; syscall; mov %%r15, %0"
		: "=r"(r15) : "r"((int)syscall(SYS_gettid)), "r"(SIGUSR1)
		: "rax", "rcx", "r11", "rdi", "rsi", "r15", "memory");
	EQ(seen_reg, 0x5555);
	EQ(r15, 0x1234);
	sigprocmask(0, 0, &s);
	EQ(sigismember(&s, SIGUSR2), 1);
}

TEST(abort_cannot_be_blocked)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_IGN);
		abort();
	}
	st = wait_status(pid);
	EQ(WTERMSIG(st), SIGABRT);
}

TEST(permission)
{
	pid_t pid;

	if (geteuid())
		return;
	pid = fork();
	if (!pid) {
		if (setresuid(1000, 1000, 1000))
			_exit(1);
		ERR(kill(getppid(), SIGTERM), EPERM);
		ERR(kill(getppid(), 0), EPERM);
		EQ(kill(getpid(), 0), 0);
		done();
	}
	reap(pid);
}
