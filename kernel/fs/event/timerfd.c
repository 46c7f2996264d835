/*
 * timerfd(2). Expirations of an interval timer are counted when somebody asks, not when they happen: after the first
 * one the kernel's timer stays idle until a read or gettime moves it on, so that a timer nobody reads costs nothing.
 *
 * Times are kept on the timer's own clock; the kernel's timers run on CLOCK_MONOTONIC. When one fires early by the
 * own clock (which was set back) it is armed again for the rest.
 */
#include "abi/linux/timerfd.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/event/event.h"
#include "lib/string.h"

struct timerfd {
	struct mutex lock; /* LOCK_TIMER_OBJ; guards all below */
	struct timer timer;
	int host_clock; /* immutable */
	int clock; /* as the program said; immutable */
	s64 next; /* on the own clock; counts while armed or expired */
	s64 interval; /* 0 = none */
	bool armed; /* waits for next */
	bool expired; /* an interval timer fired and was not moved on yet */
	u64 ticks; /* not read yet */
	u32 flags; /* of the last settime */
	struct wait_queue wait;
};

static s64 timerfd_now(const struct timerfd *t)
{
	s64 now;

	if (t->host_clock == TFD_CLOCK_MONOTONIC || ktime_get_clock(t->host_clock, &now))
		return ktime_get();
	return now;
}

/* Caller holds the lock. */
static int timerfd_arm_locked(struct timerfd *t, s64 now)
{
	s64 left = t->next - now; /* both not negative: no overflow */
	int ret = timer_set(&t->timer, left <= 0 ? ktime_get() : ktime_add_sat(ktime_get(), left));

	if (!ret)
		t->armed = true;
	return ret;
}

static void timerfd_fire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	bool fired = false;

	mutex_lock(&t->lock);
	if (t->armed) {
		s64 now = timerfd_now(t);

		/* Set anew while this was on its way, or the clock went back. Out of memory: rather early than never. */
		if (now >= t->next || timerfd_arm_locked(t, now)) {
			t->armed = false;
			t->expired = true;
			t->ticks++;
			fired = true;
		}
	}
	mutex_unlock(&t->lock);
	if (fired)
		wake_up_poll(&t->wait, POLLIN | POLLRDNORM);
}

/* Caller holds the lock. Counts the intervals that have passed since it fired, and arms it for the next. */
static int timerfd_forward_locked(struct timerfd *t)
{
	s64 now, past, next;
	u64 n;
	int ret;

	if (!t->expired || !t->interval)
		return 0;
	now = timerfd_now(t);
	past = now - t->next;
	n = past > 0 ? (u64)(past / t->interval) + 1 : 1;
	next = t->next;
	/* n * interval <= past + interval: only the last step can overflow. */
	t->next = ktime_add_sat(next + (s64)(n - 1) * t->interval, t->interval);
	ret = timerfd_arm_locked(t, now);
	if (ret) {
		t->next = next;
		return ret;
	}
	t->expired = false;
	t->ticks += n - 1;
	return 0;
}

static bool timerfd_take(struct timerfd *t, u64 *ticks, int *err)
{
	bool some;

	mutex_lock(&t->lock);
	some = t->ticks != 0;
	*err = some ? timerfd_forward_locked(t) : 0;
	if (some && !*err) {
		*ticks = t->ticks;
		t->ticks = 0;
		t->expired = false;
	}
	mutex_unlock(&t->lock);
	return some;
}

static ssize_t timerfd_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct timerfd *t = f->priv;
	u64 ticks = 0;
	int ret, err = 0;

	if (to->resid < sizeof(ticks))
		return -EINVAL;
	if (!timerfd_take(t, &ticks, &err)) {
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event(&t->wait, timerfd_take(t, &ticks, &err));
		if (ret)
			return ret;
	}
	if (err)
		return err;
	return uio_copy_to(to, &ticks, sizeof(ticks)) == sizeof(ticks) ? (ssize_t)sizeof(ticks) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->priv;
	u32 events;

	poll_wait(pt, &t->wait);
	mutex_lock(&t->lock);
	events = t->ticks ? POLLIN | POLLRDNORM : 0;
	mutex_unlock(&t->lock);
	return events;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->priv;

	mutex_lock(&t->lock);
	t->armed = false;
	mutex_unlock(&t->lock);
	timer_del_sync(&t->timer);
	kfree(t);
}

/* Caller holds the lock. */
static void timerfd_value_locked(struct timerfd *t, struct tfd_itimerspec *out)
{
	s64 left = 0;
	struct timespec64 ts;

	(void)timerfd_forward_locked(t);
	if (t->armed)
		left = max(t->next - timerfd_now(t), (s64)0);
	ts = ns_to_timespec64(left);
	out->value_sec = ts.tv_sec;
	out->value_nsec = ts.tv_nsec;
	ts = ns_to_timespec64(t->interval);
	out->interval_sec = ts.tv_sec;
	out->interval_nsec = ts.tv_nsec;
}

static int timerfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct timerfd *t = f->priv;
	struct tfd_itimerspec v;
	u64 ticks;
	u32 flags;

	mutex_lock(&t->lock);
	ticks = t->ticks;
	flags = t->flags;
	timerfd_value_locked(t, &v);
	mutex_unlock(&t->lock);
	return ksnprintf(buf, size,
			 "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%lld, %lld)\n"
			 "it_interval: (%lld, %lld)\n",
			 t->clock, (unsigned long long)ticks, flags, (long long)v.value_sec, (long long)v.value_nsec,
			 (long long)v.interval_sec, (long long)v.interval_nsec);
}

static const struct file_ops timerfd_ops = {
	.name = "timerfd",
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.show_fdinfo = timerfd_fdinfo,
};

static bool timerfd_alarm_clock(int clock)
{
	return clock == TFD_CLOCK_REALTIME_ALARM || clock == TFD_CLOCK_BOOTTIME_ALARM;
}

int timerfd_create_fd(int clock, u32 flags)
{
	struct timerfd *t;
	struct file *f;

	if (flags & ~(TFD_NONBLOCK | TFD_CLOEXEC))
		return -EINVAL;
	if (clock != TFD_CLOCK_MONOTONIC && clock != TFD_CLOCK_REALTIME && clock != TFD_CLOCK_BOOTTIME &&
	    !timerfd_alarm_clock(clock))
		return -EINVAL;
	if (timerfd_alarm_clock(clock) && !capable(TFD_CAP_WAKE_ALARM))
		return -EPERM;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	mutex_init(&t->lock, LOCK_TIMER_OBJ);
	wait_queue_init(&t->wait);
	timer_init(&t->timer, timerfd_fire);
	t->clock = clock;
	/* A sandbox does not wake a sleeping machine: the alarm clocks run as their plain ones. */
	t->host_clock = clock == TFD_CLOCK_REALTIME_ALARM ? TFD_CLOCK_REALTIME :
			clock == TFD_CLOCK_BOOTTIME_ALARM ? TFD_CLOCK_BOOTTIME : clock;
	f = file_alloc_anon("[timerfd]", &timerfd_ops, t, O_RDWR | (flags & TFD_NONBLOCK), 0);
	if (is_err(f))
		kfree(t);
	return fd_install_new(f, flags & TFD_CLOEXEC);
}

static int timerfd_get_file(int fd, struct file **out)
{
	struct file *f = fd_get(fd);

	if (!f)
		return -EBADF;
	if (f->ops != &timerfd_ops) {
		file_put(f);
		return -EINVAL;
	}
	*out = f;
	return 0;
}

/* Caller holds the lock. value and interval in ns, checked. */
static int timerfd_set_locked(struct timerfd *t, u32 flags, s64 value, s64 interval)
{
	s64 now = timerfd_now(t);
	int ret = 0;

	(void)timer_cancel(&t->timer); /* when it is firing just now it finds another armed and next */
	t->armed = false;
	t->expired = false;
	t->ticks = 0;
	t->interval = interval;
	t->flags = flags;
	if (value) {
		t->next = flags & TFD_TIMER_ABSTIME ? value : ktime_add_sat(now, value);
		ret = timerfd_arm_locked(t, now);
	}
	return ret;
}

int timerfd_settime_fd(int fd, u32 flags, struct uptr new_value, struct uptr old_value)
{
	struct tfd_itimerspec v, old;
	struct timespec64 value, interval;
	struct timerfd *t;
	struct file *f;
	int ret;

	if (copy_in(&v, new_value, sizeof(v)))
		return -EFAULT;
	value = (struct timespec64){ v.value_sec, v.value_nsec };
	interval = (struct timespec64){ v.interval_sec, v.interval_nsec };
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || !timespec64_valid(&value) ||
	    !timespec64_valid(&interval))
		return -EINVAL;
	ret = timerfd_get_file(fd, &f);
	if (ret)
		return ret;
	t = f->priv;
	if (timerfd_alarm_clock(t->clock) && !capable(TFD_CAP_WAKE_ALARM)) {
		file_put(f);
		return -EPERM;
	}
	mutex_lock(&t->lock);
	timerfd_value_locked(t, &old);
	ret = timerfd_set_locked(t, flags, timespec64_to_ns(&value), timespec64_to_ns(&interval));
	mutex_unlock(&t->lock);
	file_put(f);
	if (!ret && !uptr_null(old_value))
		ret = copy_out(old_value, &old, sizeof(old));
	return ret;
}

int timerfd_gettime_fd(int fd, struct uptr value)
{
	struct tfd_itimerspec v;
	struct timerfd *t;
	struct file *f;
	int ret = timerfd_get_file(fd, &f);

	if (ret)
		return ret;
	t = f->priv;
	mutex_lock(&t->lock);
	timerfd_value_locked(t, &v);
	mutex_unlock(&t->lock);
	file_put(f);
	return copy_out(value, &v, sizeof(v));
}
