/*
 * eventfd(2): a 64-bit counter that is a file. The counter is one atomic word; readers and writers that cannot go on
 * sleep on the queue, which whoever changed the counter wakes only when somebody is there.
 */
#include "abi/linux/errno.h"
#include "abi/linux/eventfd.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/event/event.h"
#include "lib/string.h"

#define EVENTFD_MAX (~0ull) /* never reached by writes */

struct eventfd {
	u64 count; /* atomic */
	struct wait_queue wait;
	bool semaphore; /* immutable */
	u32 id; /* for fdinfo */
};

static u32 eventfd_next_id; /* atomic */

static void eventfd_announce(struct eventfd *e, u32 events)
{
	atomic_fence();
	if (wait_queue_active(&e->wait))
		wake_up_poll(&e->wait, events);
}

static bool eventfd_take(struct eventfd *e, u64 *value)
{
	u64 old = atomic_load(&e->count);

	do {
		if (!old)
			return false;
		*value = e->semaphore ? 1 : old;
	} while (!__atomic_compare_exchange_n(&e->count, &old, old - *value, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return true;
}

static bool eventfd_give(struct eventfd *e, u64 value)
{
	u64 old = atomic_load(&e->count);

	do {
		if (EVENTFD_MAX - old <= value)
			return false;
	} while (!__atomic_compare_exchange_n(&e->count, &old, old + value, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return true;
}

static ssize_t eventfd_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct eventfd *e = f->priv;
	u64 value = 0;

	if (to->resid < sizeof(value))
		return -EINVAL;
	if (!eventfd_take(e, &value)) {
		int ret;

		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event(&e->wait, eventfd_take(e, &value));
		if (ret)
			return ret;
	}
	eventfd_announce(e, POLLOUT | POLLWRNORM);
	if (uio_copy_to(to, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	return sizeof(value);
}

static ssize_t eventfd_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct eventfd *e = f->priv;
	u64 value;

	if (from->resid != sizeof(value))
		return -EINVAL;
	if (uio_copy_from(from, &value, sizeof(value)) != sizeof(value))
		return -EFAULT;
	if (value == EVENTFD_MAX)
		return -EINVAL;
	if (!eventfd_give(e, value)) {
		int ret;

		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		ret = wait_event(&e->wait, eventfd_give(e, value));
		if (ret)
			return ret;
	}
	eventfd_announce(e, POLLIN | POLLRDNORM);
	return sizeof(value);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;
	u32 events = 0;
	u64 count;

	poll_wait(pt, &e->wait);
	atomic_fence();
	count = atomic_load(&e->count);
	if (count)
		events |= POLLIN | POLLRDNORM;
	if (count == EVENTFD_MAX)
		events |= POLLERR;
	if (EVENTFD_MAX - 1 > count)
		events |= POLLOUT | POLLWRNORM;
	return events;
}

static void eventfd_release(struct file *f)
{
	kfree(f->priv);
}

static int eventfd_fdinfo(struct file *f, char *buf, size_t size)
{
	struct eventfd *e = f->priv;

	return ksnprintf(buf, size, "eventfd-count: %16llx\neventfd-id: %u\neventfd-semaphore: %d\n",
			 (unsigned long long)atomic_load(&e->count), e->id, e->semaphore);
}

static const struct file_ops eventfd_ops = {
	.name = "eventfd",
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_fdinfo = eventfd_fdinfo,
};

int eventfd_create(u32 count, u32 flags)
{
	struct eventfd *e;
	struct file *f;

	if (flags & ~(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC))
		return -EINVAL;
	e = kzalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	e->id = atomic_add(&eventfd_next_id, 1) - 1;
	wait_queue_init(&e->wait);
	f = file_alloc_anon("[eventfd]", &eventfd_ops, e, O_RDWR | (flags & EFD_NONBLOCK), 0);
	if (is_err(f))
		kfree(e);
	return fd_install_new(f, flags & EFD_CLOEXEC);
}
