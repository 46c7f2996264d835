/*
 * Wait queues: sleep until a condition holds. Always through the wait_event macros, which recheck.
 *
 * A sleeper is a struct waiter on its own kernel stack (kernel stacks are shared memory). Wakers call wake_up*
 * after they made the condition true. wake_up* may be called with any lock below LOCK_WAITQ held.
 * A waiter with a func is a callback instead of a sleeper (epoll): it runs under the queue's lock in the
 * waker's context, must not block, and may take only locks above LOCK_WAITQ... or another queue's lock nested.
 *
 * Keys are poll events (EPOLLIN, ...), 0 = wakes everybody.
 */
#ifndef LIMPET_CORE_WAIT_H
#define LIMPET_CORE_WAIT_H

#include "core/lock.h"
#include "core/time.h"
#include "lib/list.h"

struct task;

struct wait_queue {
	struct mutex lock;
	struct list_head waiters; /* exclusive ones at the end */
};

#define WAIT_EXCLUSIVE 1u

struct waiter {
	struct list_head node; /* under wq->lock */
	struct wait_queue *wq; /* NULL = on no queue; owned by the sleeping task */
	struct task *task;
	u32 flags; /* WAIT_EXCLUSIVE */
	u32 events; /* poll events it waits for; 0 = any */
	/* Returns true when it woke somebody (counts for exclusive wake-ups). NULL = wake task. */
	bool (*func)(struct waiter *w, u32 events);
};

void wait_queue_init(struct wait_queue *wq);
/* Everybody that is not exclusive and one exclusive waiter. */
void wake_up(struct wait_queue *wq);
void wake_up_all(struct wait_queue *wq);
/* As wake_up, only waiters whose events overlap (or are 0); the events are passed to callbacks. */
void wake_up_poll(struct wait_queue *wq, u32 events);
/* A hint, without the lock: true when somebody may be waiting. Use after a full fence behind the state change. */
bool wait_queue_active(struct wait_queue *wq);

/* Building blocks for poll and epoll: put w (func, task, events, flags set) on wq, take it off again. */
void waiter_init(struct waiter *w);
void wait_add(struct wait_queue *wq, struct waiter *w);
void wait_remove(struct waiter *w);

/*
 * The sleeping primitive beneath: task_wake() makes the next or current task_sleep() of that task return.
 * task_prepare_sleep() forgets earlier wake-ups: call it, check your condition, then task_sleep().
 * task_sleep returns 0 (woken, perhaps for nothing) or -ETIMEDOUT.
 * A signal or kick for the task also wakes it; whether that ends the wait is the caller's check (signal_pending).
 */
void task_prepare_sleep(void);
int task_sleep(s64 deadline);
void task_wake(struct task *t);
/*
 * In between the host is told of no wake-up, at the end of all. For who wakes under a lock that the woken takes first of
 * all: the host likes to run them at once, on the waker's CPU. Wake-ups of a queue do this by themselves, under its lock.
 */
void wakes_hold(void);
void wakes_release(void);
#define TASK_WAKE_BATCH 8u
#define TASK_WAKE_POLLS 3u /* a state of task.wake: asleep in the host's epoll (poller_sleep) */

/* What an interrupted wait returns to its caller; see proc/signal.h. */
bool signal_pending_current(void); /* a signal wants handling, or the task must die */
bool fatal_pending_current(void); /* the task must die */

enum wait_mode { WAIT_INTERRUPTIBLE, WAIT_KILLABLE, WAIT_UNINTERRUPTIBLE };
void wait_prepare(struct wait_queue *wq, struct waiter *w);
/* 0 = go on checking; -ERESTARTSYS, -ETIMEDOUT. */
int wait_block(enum wait_mode mode, s64 deadline);
/* As wait_block(WAIT_INTERRUPTIBLE), by poller_sleep. */
int wait_block_polling(s64 deadline);

#define wait_event_full(wq, cond, mode, deadline, wflags)                                                     \
	({                                                                                                   \
		int ret_ = 0;                                                                                \
		if (!(cond)) {                                                                               \
			struct waiter w_;                                                                    \
			waiter_init(&w_);                                                                    \
			w_.flags = (wflags);                                                                 \
			for (;;) {                                                                           \
				wait_prepare((wq), &w_);                                                     \
				if (cond) {                                                                  \
					ret_ = 0;                                                            \
					break;                                                               \
				}                                                                            \
				if (ret_)                                                                    \
					break;                                                               \
				ret_ = wait_block((mode), (deadline));                                       \
			}                                                                                    \
			wait_remove(&w_);                                                                    \
		}                                                                                            \
		ret_;                                                                                        \
	})

/* 0 when cond is true; -ERESTARTSYS when a signal came first. cond may be evaluated many times. */
#define wait_event(wq, cond) wait_event_full(wq, cond, WAIT_INTERRUPTIBLE, KTIME_MAX, 0)
/* As wait_event, and -ETIMEDOUT at the deadline. */
#define wait_event_deadline(wq, cond, deadline) wait_event_full(wq, cond, WAIT_INTERRUPTIBLE, deadline, 0)
/* Only one such sleeper is woken by a wake_up. */
#define wait_event_exclusive(wq, cond) wait_event_full(wq, cond, WAIT_INTERRUPTIBLE, KTIME_MAX, WAIT_EXCLUSIVE)
/* Ends early only when the task must die (then -ERESTARTSYS). */
#define wait_event_killable(wq, cond) wait_event_full(wq, cond, WAIT_KILLABLE, KTIME_MAX, 0)

#endif
