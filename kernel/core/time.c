/* Clocks from the host, and the timer queue with its thread in kserver. */
#include "core/time.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/kserver.h"
#include "core/lock.h"
#include "core/log.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/task.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7

int ktime_get_clock(int clockid, s64 *ns)
{
	struct timespec64 ts;
	long r = host_clock_gettime(clockid, &ts);

	if (r)
		return (int)r;
	*ns = ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
	return 0;
}

static s64 must_get(int clockid)
{
	s64 ns = 0;
	int err = ktime_get_clock(clockid, &ns);

	BUG_ON(err);
	return ns;
}

s64 ktime_get(void) { return must_get(CLOCK_MONOTONIC); }
s64 ktime_get_real(void) { return must_get(CLOCK_REALTIME); }

#define COARSE_CYCLES (1ull << 22) /* of the time stamp counter: a millisecond or two */

s64 ktime_get_real_coarse(void)
{
	static u64 at;
	static s64 value;
	u64 now = __builtin_ia32_rdtsc();

	/* In this order, and stored in the other: a fresh mark never comes with a stale value. */
	if (now - atomic_load(&at) >= COARSE_CYCLES) {
		s64 ns = ktime_get_real();

		atomic_store(&value, ns);
		atomic_store(&at, now);
		return ns;
	}
	return atomic_load(&value);
}

s64 ktime_get_boottime(void) { return must_get(CLOCK_BOOTTIME); }

/* The queue: a binary heap by expiry, 1-based. */
static struct mutex timer_lock = MUTEX_INIT(LOCK_TIMER);
static struct timer **heap; /* under timer_lock, like the rest */
static u32 heap_len, heap_cap;
static struct timer *running;
static struct task *timer_task; /* immutable once the thread runs */

static void place(u32 i, struct timer *t)
{
	heap[i] = t;
	t->heap_index = i;
}

static void sift_up(u32 i, struct timer *t)
{
	while (i > 1 && heap[i / 2]->expires > t->expires) {
		place(i, heap[i / 2]);
		i /= 2;
	}
	place(i, t);
}

static void sift_down(u32 i, struct timer *t)
{
	for (;;) {
		u32 c = i * 2;

		if (c > heap_len)
			break;
		if (c < heap_len && heap[c + 1]->expires < heap[c]->expires)
			c++;
		if (heap[c]->expires >= t->expires)
			break;
		place(i, heap[c]);
		i = c;
	}
	place(i, t);
}

static void heap_remove(struct timer *t)
{
	u32 i = t->heap_index;
	struct timer *last = heap[heap_len--];

	t->heap_index = 0;
	if (last == t)
		return;
	sift_down(i, last);
	sift_up(last->heap_index, last);
}

void timer_init(struct timer *t, void (*func)(struct timer *))
{
	*t = (struct timer){ .func = func };
}

/* Room for one more; called with the lock, which it drops to allocate. */
static int reserve_locked(void)
{
	while (heap_len + 1 >= heap_cap) {
		u32 cap = heap_cap ? heap_cap * 2 : 64;
		struct timer **bigger, **old;

		mutex_unlock(&timer_lock);
		bigger = kmalloc(cap * sizeof(*bigger));
		mutex_lock(&timer_lock);
		if (!bigger)
			return -ENOMEM;
		if (cap <= heap_cap) {
			kfree(bigger);
			continue;
		}
		old = heap;
		if (old)
			memcpy(bigger, old, (heap_len + 1) * sizeof(*bigger));
		heap = bigger;
		heap_cap = cap;
		kfree(old);
	}
	return 0;
}

int timer_set(struct timer *t, s64 deadline)
{
	bool first;
	int err;

	mutex_lock(&timer_lock);
	if (t->heap_index)
		heap_remove(t);
	err = reserve_locked();
	if (err) {
		mutex_unlock(&timer_lock);
		return err;
	}
	if (t->heap_index) /* somebody armed it while the lock was dropped */
		heap_remove(t);
	t->expires = deadline;
	sift_up(++heap_len, t);
	first = heap[1] == t;
	mutex_unlock(&timer_lock);
	if (first && timer_task && current != timer_task)
		task_wake(timer_task);
	return 0;
}

bool timer_cancel(struct timer *t)
{
	bool was;

	mutex_lock(&timer_lock);
	was = t->heap_index != 0;
	if (was)
		heap_remove(t);
	mutex_unlock(&timer_lock);
	return was;
}

void timer_del_sync(struct timer *t)
{
	for (;;) {
		bool busy;

		mutex_lock(&timer_lock);
		if (t->heap_index)
			heap_remove(t);
		busy = running == t;
		mutex_unlock(&timer_lock);
		if (!busy || current == timer_task)
			return;
		host_sched_yield();
	}
}

void timer_main(void *arg __unused)
{
	timer_task = current;
	for (;;) {
		s64 next = KTIME_MAX, now;
		struct timer *due = NULL;

		task_prepare_sleep();
		now = ktime_get();
		mutex_lock(&timer_lock);
		running = NULL;
		if (heap_len) {
			next = heap[1]->expires;
			if (next <= now) {
				due = heap[1];
				heap_remove(due);
				running = due;
			}
		}
		mutex_unlock(&timer_lock);
		if (due)
			due->func(due);
		else
			task_sleep(next);
	}
}
