/* Operations on epoll, poll, timers. */
#include "sysfuzz.h"

void op_event(void)
{
	struct epoll_event *ev = (void *)param(sizeof(*ev));
	static const uint64_t evs[] = { EPOLLIN, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLRDHUP, EPOLLWAKEUP };
	struct pollfd *p;
	unsigned n = below(10);

	switch (below(12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		ev->events = (uint32_t)SUBSET(evs);
		ev->data.u64 = rnd();
		C4(SYS_epoll_ctl, fd(), 1 + below(3), fd(), one_in(20) ? buffer() : (uint64_t)ev);
		return;
	case 4:
		C6(SYS_epoll_pwait, fd(), buffer(), one_in(10) ? rnd() : 1 + below(20), below(3), one_in(2) ? 0 : random_sigset(), 8);
		return;
	case 5:
		C6(SYS_epoll_pwait2, fd(), buffer(), 1 + below(20), timespec(), 0, 8);
		return;
	case 6:
		p = (void *)param(sizeof(*p) * 10);
		for (unsigned i = 0; i < n; i++)
			p[i] = (struct pollfd){ fd(), (short)rnd(), 0 };
		C6(SYS_ppoll, one_in(20) ? buffer() : (uint64_t)p, one_in(20) ? size() : n, timespec(), one_in(2) ? 0 : random_sigset(), 8, 0);
		return;
	case 7: {
		uint64_t sets = param(512);

		memset((void *)sets, 0, 400);
		for (unsigned i = 0; i < 8; i++)
			((uint64_t *)sets)[below(12)] |= 1ull << below(64);
		C6(SYS_pselect6, one_in(15) ? rnd() : below(256), sets, one_in(2) ? sets + 128 : 0, one_in(2) ? sets + 256 : 0, timespec(), 0);
		return;
	}
	case 8:
		C4(SYS_timerfd_settime, fd(), below(4), itimerspec(), one_in(2) ? buffer() : 0);
		return;
	case 9:
		C2(SYS_timerfd_gettime, fd(), buffer());
		return;
	case 10:
		C2(SYS_inotify_rm_watch, fd(), below(20));
		return;
	default:
		C4(SYS_signalfd4, fd(), random_sigset(), one_in(10) ? size() : 8, 0);
	}
}
