/*
 * The poller thread and its watches; see poller.h.
 *
 * The host's epoll set holds a number per watch, never a pointer: an event that was already fetched when its watch
 * went away finds nothing in the table. Descriptors are shared by all processes, so anybody may change the set;
 * only the poller thread and the task that has its duty wait on it.
 *
 * Duty. A task in poller_sleep takes it (poller.duty) and sleeps in epoll_pwait itself; who wakes it rings an eventfd
 * of the set (state 3 of task.wake). The host wakes whoever came to the set last, so the thread stays away while the task sleeps
 * there, and for a moment after it left: the task will soon be back, and takes along what came meanwhile.
 */
#include "core/poller.h"

#include "core/log.h"
#include "fs/poll.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "proc/container.h"
#include "proc/task.h"

#define EPOLL_CTL_ADD_ 1
#define EPOLL_CTL_DEL_ 2
#define EPOLL_CTL_MOD_ 3
#define EPOLLONESHOT_ (1u << 30)
#define EPOLL_CLOEXEC_ 02000000

#define POLLER_BUCKETS 64u
#define POLLER_BATCH 32
#define DOORBELL 0 /* in place of a watch's number */
#define EPOLLET_ (1u << 31)
#define EDGE_EVENTS (POLLIN | POLLOUT | POLLRDHUP | POLLPRI | EPOLLET_)
#define FUTEX_WAKE_ 1
#define EVENTFD_FLAGS (02000000 | 04000) /* close on exec, not blocking */
#define AWAY_NS 200000 /* how long the thread stays away from a task that left the set */
#define SHORT_NS 2000000 /* the host's epoll_pwait counts in milliseconds: shorter sleeps are the futex's */
#define LONG_MS 3600000

struct host_epoll_event {
	u32 events;
	u64 data;
} __packed;

static struct {
	struct wait_queue idle; /* poller_remove waits here for a running callback */
	struct mutex lock; /* guards all below and the private part of every watch */
	int epfd; /* immutable after boot */
	u64 next_id;
	struct {
		struct poller_watch *watch; /* that it is at */
		struct task *task;
	} running[2]; /* the thread, the task on duty */
	int doorbell; /* immutable after boot */
	struct task *duty; /* atomic */
	u32 left; /* the task on duty left the set since the thread looked; atomic */
	u32 away; /* the thread stays away until somebody sets it to 0: futex word */
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
	struct host_epoll_event ev = { .events = POLLIN | EPOLLET_, .data = DOORBELL };

	poller.epfd = (int)host_epoll_create1(EPOLL_CLOEXEC_);
	if (poller.epfd < 0)
		return poller.epfd;
	poller.doorbell = (int)host_eventfd2(0, EVENTFD_FLAGS);
	if (poller.doorbell < 0)
		return poller.doorbell;
	return (int)host_epoll_ctl(poller.epfd, EPOLL_CTL_ADD_, poller.doorbell, &ev);
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
	struct host_epoll_event ev = { .events = w->edge ? EDGE_EVENTS : w->armed | EPOLLONESHOT_, .data = w->id };

	return host_epoll_ctl(poller.epfd, op, w->host_fd, &ev);
}

int poller_add(struct poller_watch *w, int host_fd, u32 events)
{
	long err;

	wait_queue_init(&w->wait);
	w->host_fd = host_fd;
	w->armed = events;
	w->always_ready = false;
	w->edge = false;
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

void poller_edge(struct poller_watch *w)
{
	mutex_lock(&poller.lock);
	if (!w->always_ready && w->id && !w->edge) {
		w->edge = true;
		if (ctl_locked(w, EPOLL_CTL_MOD_) < 0)
			w->edge = false;
	}
	mutex_unlock(&poller.lock);
}

void poller_rearm(struct poller_watch *w, u32 events)
{
	bool ready;

	if (atomic_load(&w->edge))
		return;
	mutex_lock(&poller.lock);
	ready = w->always_ready;
	if (!ready && w->id && !w->edge && (w->armed | events) != w->armed) {
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
	idle = true;
	for (u32 i = 0; i < ARRAY_SIZE(poller.running); i++)
		if (poller.running[i].watch == w && poller.running[i].task != current)
			idle = false;
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
	(void)wait_event_full(&poller.idle, watch_idle(w), WAIT_UNINTERRUPTIBLE, KTIME_MAX, 0);
}

static void handle_event(u32 who, u64 id, u32 events)
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
	poller.running[who].watch = w;
	poller.running[who].task = current;
	w->armed &= ~keys;
	if (w->edge)
		w->armed = 0;
	else if (w->armed && !(events & (POLLERR | POLLHUP)))
		(void)ctl_locked(w, EPOLL_CTL_MOD_); /* the host disarmed the others with it */
	else
		w->armed = 0;
	mutex_unlock(&poller.lock);

	if (!w->func || wait_queue_active(&w->wait))
		wake_up_poll(&w->wait, keys);
	if (w->func)
		w->func(w, events);

	/* w may be gone by now: a func can remove its own watch. */
	mutex_lock(&poller.lock);
	poller.running[who].watch = NULL;
	mutex_unlock(&poller.lock);
	atomic_fence();
	if (wait_queue_active(&poller.idle))
		wake_up_all(&poller.idle);
}

void poller_ring(void) { (void)host_write(poller.doorbell, &(u64){ 1 }, sizeof(u64)); }

/* The host holds up a container that has used up its CPU quota: what others wait for is not to be held up with it. */
static bool may_have_duty(void)
{
	return !atomic_load(&container_several) || atomic_load(&current_container()->limits.quota) <= 0;
}

void poller_limits_changed(void)
{
	if (atomic_load(&poller.duty))
		poller_ring();
}

/* Sleeps as task on duty; see wait.c for the states of task.wake. */
static int sleep_on_duty(struct task *t, s64 deadline)
{
	struct host_epoll_event ev[POLLER_BATCH];
	s64 ms = LONG_MS;
	long n;

	while (atomic_load(&t->wake) == TASK_WAKE_POLLS) {
		if (!may_have_duty()) {
			(void)atomic_cas(&t->wake, TASK_WAKE_POLLS, 0); /* the caller looks, and sleeps otherwise */
			return 0;
		}
		if (deadline != KTIME_MAX) {
			s64 left = deadline - ktime_get();

			if (left <= 0)
				return atomic_cas(&t->wake, TASK_WAKE_POLLS, 0) ? -ETIMEDOUT : 0;
			ms = min((left + 999999) / 1000000, (s64)LONG_MS);
		}
		n = host_epoll_pwait(poller.epfd, ev, POLLER_BATCH, (int)ms, NULL, 8);
		for (long i = 0; i < n; i++)
			if (ev[i].data != DOORBELL)
				handle_event(1, ev[i].data, ev[i].events);
	}
	return 0;
}

int poller_sleep(s64 deadline)
{
	struct task *t = current;
	u32 old_state = t->state;
	int ret = 0;

	if ((deadline != KTIME_MAX && deadline - ktime_get() < SHORT_NS) || !may_have_duty() ||
	    !atomic_cas(&poller.duty, NULL, t))
		return task_sleep(deadline);
	lock_assert_none();
	if (old_state == TASK_RUNNING)
		t->state = TASK_SLEEPING;
	if (atomic_cas(&t->wake, 0, TASK_WAKE_POLLS))
		ret = sleep_on_duty(t, deadline);
	t->state = old_state;
	atomic_store(&poller.left, 1u);
	atomic_store(&poller.duty, NULL);
	atomic_fence();
	if (atomic_load(&poller.away) && atomic_xchg(&poller.away, 0))
		(void)host_futex(&poller.away, FUTEX_WAKE_, 1, NULL, NULL, 0);
	return ret;
}

/* The thread: until no task is likely to wait on the set. */
static void stay_away(void)
{
	struct timespec64 ts;

	while (atomic_load(&poller.duty) || atomic_xchg(&poller.left, 0)) {
		ts = ns_to_timespec64(ktime_get() + AWAY_NS);
		(void)gate_sleep(&current->sleep_sp, &poller.left, 2, &ts);
		if (!atomic_load(&poller.duty))
			continue;
		atomic_xchg(&poller.away, 1);
		while (atomic_load(&poller.duty) && atomic_load(&poller.away))
			(void)gate_sleep(&current->sleep_sp, &poller.away, 1, NULL);
		atomic_store(&poller.away, 0);
	}
}

void poller_main(void *arg)
{
	struct host_epoll_event ev[POLLER_BATCH];
	long n, i;

	for (;;) {
		n = host_epoll_pwait(poller.epfd, ev, POLLER_BATCH, -1, NULL, 8);
		if (n < 0 && n != -EINTR)
			panic("poller: epoll_pwait: %ld", n);
		for (i = 0; i < n; i++) {
			if (ev[i].data != DOORBELL)
				handle_event(0, ev[i].data, ev[i].events);
			else if (atomic_load(&poller.duty))
				poller_ring(); /* meant for that one */
		}
		stay_away();
	}
}
