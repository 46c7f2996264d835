/* Decoding of the calls around readiness: poll, select, epoll, and the event descriptors of fs/event. */
#include "abi/linux/epoll.h"
#include "abi/linux/fcntl.h"
#include "abi/linux/poll.h"
#include "core/time.h"
#include "fs/event/event.h"
#include "proc/signal.h"
#include "proc/task.h"
#include "sys/syscall.h"

static s64 deadline_after(s64 ns)
{
	return ns == 0 ? 0 : ktime_add_sat(ktime_get(), ns);
}

static s64 deadline_ms(int ms)
{
	return ms < 0 ? KTIME_MAX : deadline_after(ms * NSEC_PER_MSEC);
}

/* A relative timespec; null = for ever. */
static int deadline_timespec(struct uptr p, s64 *deadline)
{
	struct timespec64 ts;

	*deadline = KTIME_MAX;
	if (uptr_null(p))
		return 0;
	if (copy_in(&ts, p, sizeof(ts)))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	*deadline = deadline_after(timespec64_to_ns(&ts));
	return 0;
}

/* select's: microseconds may be more than a second's worth. */
static int deadline_timeval(struct uptr p, s64 *deadline)
{
	struct timeval64 tv;
	struct timespec64 ts;

	*deadline = KTIME_MAX;
	if (uptr_null(p))
		return 0;
	if (copy_in(&tv, p, sizeof(tv)))
		return -EFAULT;
	if (tv.tv_sec < 0 || tv.tv_usec < 0)
		return -EINVAL;
	ts.tv_sec = ktime_add_sat(tv.tv_sec, tv.tv_usec / 1000000);
	ts.tv_nsec = tv.tv_usec % 1000000 * NSEC_PER_USEC;
	*deadline = deadline_after(timespec64_to_ns(&ts));
	return 0;
}

/*
 * Writes back what is left of the time-out, as Linux does (not for a null or zero one). Where that fails the call
 * succeeds all the same, but it cannot be restarted: it would wait the whole time again.
 */
static long timeout_back(struct uptr p, s64 deadline, bool timeval, long ret)
{
	struct timespec64 ts;
	s64 left;

	if (uptr_null(p) || deadline == 0)
		return ret;
	left = deadline == KTIME_MAX ? KTIME_MAX : deadline - ktime_get();
	ts = ns_to_timespec64(max(left, (s64)0));
	if (timeval)
		ts.tv_nsec /= NSEC_PER_USEC;
	if (copy_out(p, &ts, sizeof(ts)) && ret == -ERESTARTNOHAND)
		return -EINTR;
	return ret;
}

SYSCALL3(poll, struct uptr, fds, u32, nfds, int, timeout)
{
	return poll_restartable(fds, nfds, deadline_ms(timeout));
}

SYSCALL5(ppoll, struct uptr, fds, u32, nfds, struct uptr, timeout, struct uptr, mask, u64, size)
{
	s64 deadline;
	long ret = deadline_timespec(timeout, &deadline);

	if (ret)
		return ret;
	ret = signal_mask_temp_from_user(mask, size);
	if (ret)
		return ret;
	ret = poll_fds(fds, nfds, deadline);
	if (ret == -EINTR)
		ret = -ERESTARTNOHAND;
	signal_mask_temp_done(ret == -ERESTARTNOHAND);
	return timeout_back(timeout, deadline, false, ret);
}

SYSCALL5(select, int, n, struct uptr, in, struct uptr, out, struct uptr, ex, struct uptr, timeout)
{
	s64 deadline;
	long ret = deadline_timeval(timeout, &deadline);

	if (ret)
		return ret;
	ret = select_fds(n, in, out, ex, deadline);
	return timeout_back(timeout, deadline, true, ret);
}

SYSCALL6(pselect6, int, n, struct uptr, in, struct uptr, out, struct uptr, ex, struct uptr, timeout, struct uptr, sig)
{
	struct pselect_sigmask mask = { 0, 0 };
	s64 deadline;
	long ret;

	if (!uptr_null(sig) && copy_in(&mask, sig, sizeof(mask)))
		return -EFAULT;
	ret = deadline_timespec(timeout, &deadline);
	if (ret)
		return ret;
	ret = signal_mask_temp_from_user(uptr(mask.ptr), mask.size);
	if (ret)
		return ret;
	ret = select_fds(n, in, out, ex, deadline);
	signal_mask_temp_done(ret == -ERESTARTNOHAND);
	return timeout_back(timeout, deadline, false, ret);
}

SYSCALL1(epoll_create, int, size)
{
	if (size <= 0)
		return -EINVAL;
	return epoll_create_fd(false);
}

SYSCALL1(epoll_create1, u32, flags)
{
	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	return epoll_create_fd(flags & EPOLL_CLOEXEC);
}

SYSCALL4(epoll_ctl, int, epfd, int, op, int, fd, struct uptr, event)
{
	struct epoll_event ev = { 0 };

	if (op != EPOLL_CTL_DEL && copy_in(&ev, event, sizeof(ev)))
		return -EFAULT;
	return epoll_control(epfd, op, fd, &ev);
}

SYSCALL4(epoll_wait, int, epfd, struct uptr, events, int, maxevents, int, timeout)
{
	return epoll_wait_events(epfd, events, maxevents, deadline_ms(timeout));
}

static long epoll_wait_masked(int epfd, struct uptr events, int maxevents, s64 deadline, struct uptr mask, u64 size)
{
	long ret = signal_mask_temp_from_user(mask, size);

	if (ret)
		return ret;
	ret = epoll_wait_events(epfd, events, maxevents, deadline);
	signal_mask_temp_done(ret == -EINTR);
	return ret;
}

SYSCALL6(epoll_pwait, int, epfd, struct uptr, events, int, maxevents, int, timeout, struct uptr, mask, u64, size)
{
	return epoll_wait_masked(epfd, events, maxevents, deadline_ms(timeout), mask, size);
}

SYSCALL6(epoll_pwait2, int, epfd, struct uptr, events, int, maxevents, struct uptr, timeout, struct uptr, mask, u64,
	 size)
{
	s64 deadline;
	int ret = deadline_timespec(timeout, &deadline);

	if (ret)
		return ret;
	return epoll_wait_masked(epfd, events, maxevents, deadline, mask, size);
}

SYSCALL1(eventfd, u32, count)
{
	return eventfd_create(count, 0);
}

SYSCALL2(eventfd2, u32, count, u32, flags)
{
	return eventfd_create(count, flags);
}

SYSCALL2(timerfd_create, int, clock, u32, flags)
{
	return timerfd_create_fd(clock, flags);
}

SYSCALL4(timerfd_settime, int, fd, u32, flags, struct uptr, new_value, struct uptr, old_value)
{
	return timerfd_settime_fd(fd, flags, new_value, old_value);
}

SYSCALL2(timerfd_gettime, int, fd, struct uptr, value)
{
	return timerfd_gettime_fd(fd, value);
}

static long signalfd_decode(int fd, struct uptr mask, u64 size, u32 flags)
{
	u64 set;

	if (size != sizeof(set))
		return -EINVAL;
	if (copy_in(&set, mask, sizeof(set)))
		return -EFAULT;
	return signalfd_create(fd, set, flags);
}

SYSCALL3(signalfd, int, fd, struct uptr, mask, u64, size)
{
	return signalfd_decode(fd, mask, size, 0);
}

SYSCALL4(signalfd4, int, fd, struct uptr, mask, u64, size, u32, flags)
{
	return signalfd_decode(fd, mask, size, flags);
}

SYSCALL0(inotify_init)
{
	return inotify_create(0);
}

SYSCALL1(inotify_init1, u32, flags)
{
	return inotify_create(flags);
}

SYSCALL3(inotify_add_watch, int, fd, struct uptr, name, u32, mask)
{
	return inotify_watch_add(fd, name, mask);
}

SYSCALL2(inotify_rm_watch, int, fd, int, wd)
{
	return inotify_watch_remove(fd, wd);
}

SYSCALL2(pidfd_open, int, pid, u32, flags)
{
	return pidfd_open_fd(pid, flags);
}

SYSCALL3(pidfd_getfd, int, pidfd, int, target, u32, flags)
{
	return pidfd_getfd_fd(pidfd, target, flags);
}

SYSCALL4(pidfd_send_signal, int, pidfd, int, sig, struct uptr, info, u32, flags)
{
	return pidfd_signal(pidfd, sig, info, flags);
}
