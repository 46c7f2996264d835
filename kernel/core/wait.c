/*
 * Wait queues and the sleeping primitive beneath. States of task.wake: 0 nothing, 1 woken, 2 asleep on the host, 3 in
 * its epoll.
 */
#include "core/wait.h"

#include "abi/linux/errno.h"
#include "core/log.h"
#include "core/poller.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "proc/task.h"

#define FUTEX_WAKE 1

void wait_queue_init(struct wait_queue *wq)
{
	mutex_init(&wq->lock, LOCK_WAITQ);
	list_init(&wq->waiters);
}

void waiter_init(struct waiter *w)
{
	*w = (struct waiter){ .task = current };
	list_init(&w->node);
}

void wait_add(struct wait_queue *wq, struct waiter *w)
{
	mutex_lock(&wq->lock);
	w->wq = wq;
	if (list_empty(&w->node)) {
		if (w->flags & WAIT_EXCLUSIVE)
			list_add_tail(&w->node, &wq->waiters);
		else
			list_add(&w->node, &wq->waiters);
	}
	mutex_unlock(&wq->lock);
}

void wait_remove(struct waiter *w)
{
	struct wait_queue *wq = w->wq;

	if (!wq)
		return;
	mutex_lock(&wq->lock);
	list_del(&w->node);
	mutex_unlock(&wq->lock);
	w->wq = NULL;
}

/* Marks t woken. True: it sleeps on the host, which must be told. */
static bool wake_mark(struct task *t, bool *polls)
{
	u32 old = atomic_xchg(&t->wake, 1);

	*polls = old == TASK_WAKE_POLLS;
	return old == 2 || (*polls && t != current);
}

/* NULL = the one that sleeps in the poller's epoll. */
static void wake_host(u32 *word)
{
	if (word)
		host_futex(word, FUTEX_WAKE, 1, NULL, NULL, 0);
	else
		poller_ring();
}

static void wake_sleeper(struct task *t)
{
	struct task *me = current;
	bool polls;

	if (!wake_mark(t, &polls))
		return;
	if (me->wake_count < TASK_WAKE_BATCH)
		me->wake_words[me->wake_count++] = polls ? NULL : &t->wake;
	else
		wake_host(polls ? NULL : &t->wake);
}

/*
 * Sleepers are taken off the queue as they are woken, so that two wake-ups reach two exclusive waiters. They are
 * marked under the queue's lock: wait_remove takes it too, so the waiter and its task stay valid so long. The host is
 * told afterwards, or they would run straight into the lock; by then a task may be gone, but every sleeper on any
 * futex word of the kernel's bears being woken for nothing. Queues nest through epoll: the outermost tells the host.
 */
static void wake(struct wait_queue *wq, u32 events, bool all)
{
	struct task *me = current;
	struct waiter *w, *n;

	me->wake_depth++;
	mutex_lock_nested(&wq->lock); /* an epoll's callback wakes those who poll the epoll; that graph has no circles */
	list_for_each_entry_safe(w, n, &wq->waiters, node) {
		bool exclusive = w->flags & WAIT_EXCLUSIVE, woke = true;

		if (events && w->events && !(w->events & events))
			continue;
		if (w->func) {
			woke = w->func(w, events);
		} else {
			list_del(&w->node);
			wake_sleeper(w->task);
		}
		if (exclusive && woke && !all)
			break;
	}
	mutex_unlock(&wq->lock);
	wakes_release();
}

void wakes_hold(void) { current->wake_depth++; }

void wakes_release(void)
{
	struct task *me = current;

	if (--me->wake_depth)
		return;
	while (me->wake_count)
		wake_host(me->wake_words[--me->wake_count]);
}

void wake_up(struct wait_queue *wq) { wake(wq, 0, false); }
void wake_up_all(struct wait_queue *wq) { wake(wq, 0, true); }
void wake_up_poll(struct wait_queue *wq, u32 events) { wake(wq, events, false); }

bool wait_queue_active(struct wait_queue *wq)
{
	return atomic_load(&wq->waiters.next) != &wq->waiters;
}

void task_prepare_sleep(void) { atomic_xchg(&current->wake, 0); }

int task_sleep(s64 deadline)
{
	struct task *t = current;
	struct timespec64 ts, *tsp = NULL;
	u32 old_state = t->state;
	int ret = 0;

	lock_assert_none();
	if (deadline != KTIME_MAX) {
		ts = ns_to_timespec64(deadline < 0 ? 0 : deadline);
		tsp = &ts;
	}
	if (old_state == TASK_RUNNING)
		t->state = TASK_SLEEPING;
	if (atomic_cas(&t->wake, 0, 2)) {
		while (atomic_load(&t->wake) == 2) {
			if (gate_sleep(&t->sleep_sp, &t->wake, 2, tsp) == -ETIMEDOUT) {
				/* A wake-up may have come in the same moment: it wins. */
				ret = atomic_cas(&t->wake, 2, 0) ? -ETIMEDOUT : 0;
				break;
			}
		}
	}
	t->state = old_state;
	return ret;
}

void task_wake(struct task *t)
{
	bool polls;

	if (current->wake_depth)
		wake_sleeper(t);
	else if (wake_mark(t, &polls))
		wake_host(polls ? NULL : &t->wake);
}

void wait_prepare(struct wait_queue *wq, struct waiter *w)
{
	task_prepare_sleep();
	wait_add(wq, w);
}

int wait_block(enum wait_mode mode, s64 deadline)
{
	if (current->process) {
		if (mode == WAIT_INTERRUPTIBLE && signal_pending_current())
			return -ERESTARTSYS;
		if (mode == WAIT_KILLABLE && fatal_pending_current())
			return -ERESTARTSYS;
	}
	return task_sleep(deadline);
}

int wait_block_polling(s64 deadline)
{
	return signal_pending_current() ? -ERESTARTSYS : poller_sleep(deadline);
}
