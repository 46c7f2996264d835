/* Operations on signals. */
#include "sysfuzz.h"

void op_signal(void)
{
	uint8_t *info = (void *)param(128);

	switch (below(14)) {
	case 0:
	case 1:
		C2(SYS_kill, pid(), sig());
		return;
	case 2:
		C3(SYS_tgkill, getpid(), pid(), sig());
		return;
	case 3:
		memset(info, 0, 128);
		((int *)info)[2] = one_in(2) ? -1 : (int)rnd();
		C3(SYS_rt_sigqueueinfo, pid(), sig(), info);
		return;
	case 4:
		C4(SYS_rt_sigprocmask, below(4), one_in(8) ? 0 : random_sigset(), one_in(2) ? 0 : buffer(), one_in(20) ? size() : 8);
		return;
	case 5:
		C4(SYS_rt_sigtimedwait, random_sigset(), one_in(2) ? 0 : buffer(), timespec(), 8);
		return;
	case 6:
		C2(SYS_rt_sigpending, buffer(), below(10));
		return;
	case 7:
		C4(SYS_pidfd_send_signal, fd(), sig(), 0, one_in(10));
		return;
	case 8:
		C3(SYS_setitimer, below(3), itimerspec(), one_in(2) ? 0 : buffer());
		return;
	case 9: {
		int *ev = (void *)param(64);
		uint64_t id = param(4);

		memset(ev, 0, 64);
		ev[2] = sig();
		ev[3] = (int)below(5);
		ev[4] = one_in(2) ? (int)syscall(SYS_gettid) : pid();
		if (ev[3] == SIGEV_THREAD)
			ev[3] = 0;
		C3(SYS_timer_create, one_in(4) ? rnd() : below(12), one_in(3) ? 0 : (long)ev, id);
		return;
	}
	case 10:
		C4(SYS_timer_settime, below(30), below(2), itimerspec(), one_in(2) ? 0 : buffer());
		return;
	case 11:
		C2(SYS_timer_gettime, below(30), buffer());
		return;
	case 12:
		C1(one_in(2) ? SYS_timer_delete : SYS_timer_getoverrun, below(30));
		return;
	default:
		C4(SYS_clock_nanosleep, below(12), below(2), timespec(), one_in(2) ? 0 : buffer());
	}
}

void handler(int s, siginfo_t *i, void *uc)
{
	(void)s;
	(void)i;
	(void)uc;
	C0(SYS_getppid);
}

void op_sigaction(void)
{
	struct sigaction sa = { .sa_sigaction = handler };
	static const uint64_t fl[] = { SA_SIGINFO, SA_RESTART, SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT };
	int s = 1 + (int)below(64);

	if (s == SIGSEGV || s == SIGBUS || s == 32 || s == 33 || s == SIGALRM)
		return;
	sa.sa_flags = (int)(SUBSET(fl) | SA_SIGINFO);
	if (one_in(6))
		sa.sa_handler = one_in(8) ? SIG_DFL : SIG_IGN;
	sigaction(s, &sa, NULL);
}
