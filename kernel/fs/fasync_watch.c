/*
 * SIGIO for the types that announce readiness on wait queues alone (pipes, terminals, inotify): the first O_ASYNC hangs
 * callbacks on the queues that the file's poll operation names. A callback runs under its queue's lock, where no signal
 * can be sent, so the timer thread sends it. Sockets send theirs themselves.
 *
 * A watch lives until its file's last close. Setting up one while another thread does the same: one of them wins.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/atomic.h"
#include "fs/fasync.h"
#include "fs/poll.h"

#define WATCH_QUEUES 2u /* what the types that use this have */

struct fasync_watch {
	struct file *file;
	struct timer timer;
	u32 events; /* atomic; announced and not sent yet */
	u32 nwaiters;
	struct fasync_waiter {
		struct waiter w;
		struct fasync_watch *watch;
	} waiters[WATCH_QUEUES];
};

struct watch_table {
	struct poll_table pt;
	struct fasync_watch *watch;
};

static bool announced(struct waiter *w, u32 events)
{
	struct fasync_watch *watch = container_of(w, struct fasync_waiter, w)->watch;

	if (!(atomic_load_relaxed(&watch->file->flags) & O_ASYNC))
		return false;
	atomic_or(&watch->events, events ? events : POLLIN | POLLHUP);
	/* Without memory for a timer the signal is lost, as it would be without memory for a queued one. */
	if (timer_set(&watch->timer, 0))
		atomic_store(&watch->events, 0u);
	return false;
}

/* The release waits for this, so the file is there. */
static void send(struct timer *t)
{
	struct fasync_watch *watch = container_of(t, struct fasync_watch, timer);
	u32 events = atomic_xchg(&watch->events, 0u);

	if (events)
		file_send_sigio(watch->file, (int)events);
}

static void hang(struct poll_table *pt, struct wait_queue *wq)
{
	struct fasync_watch *watch = container_of(pt, struct watch_table, pt)->watch;
	struct fasync_waiter *fw;

	if (watch->nwaiters == WATCH_QUEUES)
		return;
	fw = &watch->waiters[watch->nwaiters++];
	waiter_init(&fw->w);
	fw->w.task = NULL;
	fw->w.func = announced;
	fw->watch = watch;
	wait_add(wq, &fw->w);
}

static void watch_free(struct fasync_watch *watch)
{
	for (u32 i = 0; i < watch->nwaiters; i++)
		wait_remove(&watch->waiters[i].w);
	timer_del_sync(&watch->timer);
	kfree(watch);
}

int fasync_watch(struct file *f)
{
	struct fasync_watch *watch;
	struct watch_table table = { .pt = { .queue = hang, .events = ~0u } };

	if (!f->ops || !f->ops->async_by_poll || atomic_load(&f->async_watch))
		return 0;
	watch = kzalloc(sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->file = f;
	timer_init(&watch->timer, send);
	if (!atomic_cas(&f->async_watch, (struct fasync_watch *)NULL, watch)) {
		kfree(watch);
		return 0;
	}
	table.watch = watch;
	f->ops->poll(f, &table.pt);
	return 0;
}

void fasync_watch_release(struct file *f)
{
	struct fasync_watch *watch = f->async_watch;

	if (likely(!watch))
		return;
	f->async_watch = NULL;
	watch_free(watch);
}
