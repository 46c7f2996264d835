/*
 * The poller thread and its watches; see poller.h.
 *
 * The host's epoll set holds a number per watch, never a pointer: an event that was already fetched when its watch
 * went away finds nothing in the table. Descriptors are shared by all processes, so anybody may change the set;
 * only kserver waits on it.
 */
#include "core/poller.h"

#include "core/log.h"
#include "fs/poll.h"
#include "gate/host.h"
#include "proc/task.h"

#define EPOLL_CTL_ADD_ 1
#define EPOLL_CTL_DEL_ 2
#define EPOLL_CTL_MOD_ 3
#define EPOLLONESHOT_ (1u << 30)
#define EPOLL_CLOEXEC_ 02000000

#define POLLER_BUCKETS 64u
#define POLLER_BATCH 32

struct host_epoll_event {
	u32 events;
	u64 data;
} __packed;

static struct {
	struct task *thread; /* set once by poller_main */
	struct wait_queue idle; /* poller_remove waits here for a running callback */
	struct mutex lock; /* guards all below and the private part of every watch */
	int epfd; /* immutable after boot */
	u64 next_id;
	struct poller_watch *running; /* the poller thread is at it */
	struct hlist_head table[POLLER_BUCKETS];
} poller = {
	.idle = { .lock = MUTEX_INIT(LOCK_WAITQ), .waiters = LIST_HEAD_INIT(poller.idle.waiters) },
	.lock = MUTEX_INIT(LOCK_LEAF),
};

u32 poller_host_events(int fd, u32 events)
{
	struct {
		s32 fd;
		u16 events, revents;
	} p = { .fd = fd, .events = (u16)events };
	struct timespec64 now = { 0 };

	return host_ppoll(&p, 1, &now, NULL, 8) > 0 ? p.revents : 0;
}

int poller_init(void)
{
	poller.epfd = (int)host_epoll_create1(EPOLL_CLOEXEC_);
	return min(poller.epfd, 0);
}

static struct poller_watch *find_locked(u64 id)
{
	struct poller_watch *w;

	hlist_for_each_entry(w, &poller.table[id % POLLER_BUCKETS], hash)
		if (w->id == id)
			return w;
	return NULL;
}

static long ctl_locked(struct poller_watch *w, int op)
{
	struct host_epoll_event ev = { .events = w->armed | EPOLLONESHOT_, .data = w->id };

	return host_epoll_ctl(poller.epfd, op, w->host_fd, &ev);
}

int poller_add(struct poller_watch *w, int host_fd, u32 events)
{
	long err;

	wait_queue_init(&w->wait);
	w->host_fd = host_fd;
	w->armed = events;
	w->always_ready = false;
	w->hash = (struct hlist_node){ 0 };
	mutex_lock(&poller.lock);
	w->id = ++poller.next_id;
	err = ctl_locked(w, EPOLL_CTL_ADD_);
	if (err == -EPERM) {
		w->always_ready = true;
		err = 0;
	}
	if (err)
		w->id = 0;
	else
		hlist_add(&w->hash, &poller.table[w->id % POLLER_BUCKETS]);
	mutex_unlock(&poller.lock);
	return (int)err;
}

void poller_rearm(struct poller_watch *w, u32 events)
{
	bool ready;

	mutex_lock(&poller.lock);
	ready = w->always_ready;
	if (!ready && w->id && (w->armed | events) != w->armed) {
		w->armed |= events;
		if (ctl_locked(w, EPOLL_CTL_MOD_) < 0)
			ready = true; /* the sleeper finds out by itself */
	}
	mutex_unlock(&poller.lock);
	if (ready)
		wake_up_all(&w->wait);
}

static bool watch_idle(struct poller_watch *w)
{
	bool idle;

	mutex_lock(&poller.lock);
	idle = poller.running != w;
	mutex_unlock(&poller.lock);
	return idle;
}

void poller_remove(struct poller_watch *w)
{
	mutex_lock(&poller.lock);
	if (!w->id) {
		mutex_unlock(&poller.lock);
		return;
	}
	if (!w->always_ready)
		(void)ctl_locked(w, EPOLL_CTL_DEL_);
	hlist_del(&w->hash);
	w->id = 0;
	mutex_unlock(&poller.lock);
	if (current != atomic_load(&poller.thread))
		(void)wait_event_full(&poller.idle, watch_idle(w), WAIT_UNINTERRUPTIBLE, KTIME_MAX, 0);
}

static void handle_event(u64 id, u32 events)
{
	u32 keys = events;
	struct poller_watch *w;

	/* Everybody wants to hear of the end, whatever they asked for. */
	if (events & (POLLERR | POLLHUP))
		keys |= POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	if (events & POLLIN)
		keys |= POLLRDNORM;
	if (events & POLLOUT)
		keys |= POLLWRNORM;

	mutex_lock(&poller.lock);
	w = find_locked(id);
	if (!w) {
		mutex_unlock(&poller.lock);
		return;
	}
	poller.running = w;
	w->armed &= ~keys;
	if (w->armed && !(events & (POLLERR | POLLHUP)))
		(void)ctl_locked(w, EPOLL_CTL_MOD_); /* the host disarmed the others with it */
	else
		w->armed = 0;
	mutex_unlock(&poller.lock);

	wake_up_poll(&w->wait, keys);
	if (w->func)
		w->func(w, events);

	/* w may be gone by now: a func can remove its own watch. */
	mutex_lock(&poller.lock);
	poller.running = NULL;
	mutex_unlock(&poller.lock);
	wake_up_all(&poller.idle);
}

void poller_main(void *arg)
{
	struct host_epoll_event ev[POLLER_BATCH];
	long n, i;

	atomic_store(&poller.thread, current);
	for (;;) {
		n = host_epoll_pwait(poller.epfd, ev, POLLER_BATCH, -1, NULL, 8);
		if (n < 0 && n != -EINTR)
			panic("poller: epoll_pwait: %ld", n);
		for (i = 0; i < n; i++)
			handle_event(ev[i].data, ev[i].events);
	}
}
