/*
 * Readiness and event descriptors: what sys/sys_event.c calls, and the hooks for other parts of the kernel.
 *
 * poll.c     poll and select: one waiter per queue that a file's poll operation names
 * epoll.c    interest lists and ready lists; epoll_file_release() is called by the last file_put
 * eventfd.c, timerfd.c, signalfd.c, inotify.c, pidfd.c: one file type each
 *
 * The functions take decoded arguments (user memory still as struct uptr where a call writes as it goes) and answer
 * as the system call does.
 */
#ifndef LIMPET_FS_EVENT_EVENT_H
#define LIMPET_FS_EVENT_EVENT_H

#include "core/time.h"
#include "fs/file.h"

struct pid;
struct task;
struct epoll_event;

/* poll.c. deadline is on CLOCK_MONOTONIC; 0 = only look; KTIME_MAX = for ever. -EINTR when a signal came first. */
long poll_fds(struct uptr ufds, u32 nfds, s64 deadline);
long poll_restartable(struct uptr ufds, u32 nfds, s64 deadline); /* poll(2): -ERESTART_RESTARTBLOCK instead */
/* select(2): -ERESTARTNOHAND when a signal came first; the sets are then left alone. */
long select_fds(int n, struct uptr in, struct uptr out, struct uptr ex, s64 deadline);

/* epoll.c */
int epoll_create_fd(bool cloexec);
int epoll_control(int epfd, int op, int fd, const struct epoll_event *ev);
long epoll_wait_events(int epfd, struct uptr events, int maxevents, s64 deadline);
/* Takes a file whose last reference is gone off every epoll that watches it. No lock held. */
void epoll_file_release(struct file *file);

/* The others; flags are the system call's. */
int eventfd_create(u32 count, u32 flags);
int timerfd_create_fd(int clock, u32 flags);
int timerfd_settime_fd(int fd, u32 flags, struct uptr new_value, struct uptr old_value);
int timerfd_gettime_fd(int fd, struct uptr value);
int signalfd_create(int fd, u64 mask, u32 flags);
int inotify_create(u32 flags);
int inotify_watch_add(int fd, struct uptr path, u32 mask);
int inotify_watch_remove(int fd, int wd);

extern const struct file_ops signalfd_ops;

/* One readiness has several names (POLLIN, POLLRDNORM): wakers may say one and waiters another. */
static inline u32 poll_event_names(u32 events)
{
	if (events & (POLLIN | POLLRDNORM))
		events |= POLLIN | POLLRDNORM;
	if (events & (POLLOUT | POLLWRNORM | POLLWRBAND))
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return events;
}
/* What a waiter for these events must be woken for. */
static inline u32 poll_wake_mask(u32 events)
{
	return poll_event_names(events) | POLLERR | POLLHUP;
}
/* What the file is ready for now; types without a poll operation always are. */
static inline u32 file_poll(struct file *f, struct poll_table *pt)
{
	if (!f->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, pt);
}

/*
 * pidfd.c. pidfd_create: a new file that names pid (referenced by the file); flags PIDFD_NONBLOCK, PIDFD_THREAD;
 * err_ptr. pidfd_pid: whom a pidfd names, valid as long as the file is; NULL when it is no pidfd.
 */
struct file *pidfd_create(struct pid *pid, u32 flags);
struct pid *pidfd_pid(struct file *file);
bool pidfd_may_attach(struct task *t); /* ptrace(2)'s access check for the current task */
int pidfd_open_fd(int nr, u32 flags);
int pidfd_getfd_fd(int pidfd, int target, u32 flags);
int pidfd_signal(int pidfd, int sig, struct uptr uinfo, u32 flags);

#endif
