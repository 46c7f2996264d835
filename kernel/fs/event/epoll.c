/*
 * epoll(7).
 *
 * epoll: an interest list of items, a list of those that may be ready, and the tasks that wait for them.
 * item:  one watched (file, descriptor number). Its waiters hang on the file's wait queues; their callback puts the
 *        item on the ready list and wakes one waiting task.
 *
 * A waiting task takes items off the ready list, asks each file with no lock held what really holds, copies the
 * events out, and then judges the items: level-triggered ones go back to the end of the list (so that many ready
 * files share a small buffer fairly), ONESHOT ones fall silent. An item that is being judged belongs to that task
 * alone: a callback meanwhile only sets `again`.
 *
 * Lives: an item does not hold its file. file_put's last put calls epoll_file_release(), which takes the items off
 * before the file dies; everybody else who finds a file through an item takes a reference unless the count is 0.
 * The remover of an item is always one: epoll_ctl holds both files, the epoll's release runs without epoll_ctl and
 * leaves items of dying files to epoll_file_release(). An item holds its epoll's memory.
 *
 * Locks: epoll.lock -> link lock; a wait queue's lock -> ready_lock, never the other way round: whoever holds a
 * ready_lock takes nothing else. Poll operations are called with none of these held.
 */
#include "abi/linux/epoll.h"
#include "abi/linux/errno.h"
#include "abi/linux/fcntl.h"
#include "core/alloc.h"
#include "fs/event/epoll_internal.h"
#include "lib/string.h"
#include "proc/task.h"

#define EPOLL_MAX_ITEMS (1u << 20) /* of the sandbox */
#define EPOLL_BATCH 16
#define EPOLL_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EPOLL_EXCLUSIVE_OK (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll_sleeper {
	struct list_head node; /* on epoll.sleepers; off it = somebody woke it */
	struct task *task;
};

static const struct file_ops epoll_ops;
static u32 epoll_items; /* atomic */

/* Guard the lists behind file.epoll_links, by hash of the file. */
#define LINK_LOCKS 16
static struct mutex link_lock[LINK_LOCKS] = {
	[0 ... LINK_LOCKS - 1] = MUTEX_INIT(LOCK_LEAF),
};
static struct mutex *link_lock_of(const struct file *f)
{
	return &link_lock[hash_u64((u64)f >> 4) % LINK_LOCKS];
}

static void epoll_put(struct epoll *ep)
{
	if (!ref_put(&ep->ref))
		return;
	if (ep->hash != ep->hash_first)
		kfree(ep->hash);
	kfree(ep);
}

static void item_put(struct epoll_item *item)
{
	if (!ref_put(&item->ref))
		return;
	atomic_sub(&epoll_items, 1);
	epoll_put(item->ep);
	kfree(item);
}

/* Caller holds ready_lock. One waiting task an event: it will see the list. */
static bool epoll_wake_one(struct epoll *ep)
{
	struct epoll_sleeper *s = list_first_entry_or_null(&ep->sleepers, struct epoll_sleeper, node);

	if (!s)
		return false;
	list_del(&s->node);
	task_wake(s->task); /* it cannot leave before we unlock */
	return true;
}

static void epoll_announce(struct epoll *ep)
{
	atomic_fence();
	if (wait_queue_active(&ep->poll_wait))
		wake_up_poll(&ep->poll_wait, POLLIN | POLLRDNORM);
}

/* Caller holds ready_lock. True when the item was put on the ready list. */
static bool item_fire(struct epoll_item *item, bool *woke)
{
	item->calls++;
	if (item->taken) {
		item->again = true;
		*woke = true;
		return false;
	}
	if (!list_empty(&item->ready_node))
		return false;
	list_add_tail(&item->ready_node, &item->ep->ready);
	*woke = epoll_wake_one(item->ep);
	return true;
}

/* The callback on a file's queue, under that queue's lock. */
static bool epoll_callback(struct waiter *w, u32 events)
{
	struct epoll_item *item = container_of(w, struct epoll_waiter, w)->item;
	struct epoll *ep = item->ep;
	bool fired = false, woke = false, exclusive;

	mutex_lock(&ep->ready_lock);
	exclusive = item->events & EPOLLEXCLUSIVE;
	if (!item->dead && (item->events & ~EPOLL_PRIVATE) &&
	    (!events || (poll_event_names(events) & item->events)))
		fired = item_fire(item, &woke);
	mutex_unlock(&ep->ready_lock);
	if (fired)
		epoll_announce(ep);
	return !exclusive || woke;
}

struct epoll_table {
	struct poll_table pt;
	struct epoll_item *item;
	int error;
};

static void epoll_queue(struct poll_table *pt, struct wait_queue *wq)
{
	struct epoll_table *t = container_of(pt, struct epoll_table, pt);
	struct epoll_item *item = t->item;
	struct epoll_waiter *ew = &item->first;

	if (item->first_used) {
		ew = kmalloc(sizeof(*ew));
		if (!ew) {
			t->error = -ENOMEM;
			return;
		}
		ew->next = item->more;
		item->more = ew;
	}
	item->first_used = true;
	waiter_init(&ew->w);
	ew->item = item;
	ew->w.task = current;
	ew->w.func = epoll_callback;
	ew->w.flags = item->events & EPOLLEXCLUSIVE ? WAIT_EXCLUSIVE : 0;
	ew->w.events = 0; /* MOD may change what counts: the callback filters */
	wait_add(wq, &ew->w);
}

static struct hlist_head *epoll_bucket(struct epoll *ep, const struct file *file, int fd)
{
	return &ep->hash[hash_u64((u64)file ^ ((u64)(u32)fd << 48) ^ (u32)fd) & (ep->hash_size - 1)];
}

static struct epoll_item *epoll_find_locked(struct epoll *ep, const struct file *file, int fd)
{
	struct epoll_item *item;

	hlist_for_each_entry(item, epoll_bucket(ep, file, fd), hash)
		if (item->file == file && item->fd == fd)
			return item;
	return NULL;
}

/* Caller holds ep->lock. Longer chains are all that a failure costs. */
static void epoll_grow_locked(struct epoll *ep)
{
	u32 size = ep->hash_size * 4;
	struct hlist_head *table;
	struct epoll_item *item;

	if (ep->count < ep->hash_size * 2)
		return;
	table = kcalloc(size, sizeof(*table));
	if (!table)
		return;
	if (ep->hash != ep->hash_first)
		kfree(ep->hash);
	ep->hash = table;
	ep->hash_size = size;
	list_for_each_entry(item, &ep->items, ep_node) {
		item->hash.next = NULL;
		item->hash.pprev = NULL;
		hlist_add(&item->hash, epoll_bucket(ep, item->file, item->fd));
	}
}

static void item_link(struct epoll_item *item)
{
	struct mutex *m = link_lock_of(item->file);
	struct epoll_link *l = &item->link;

	mutex_lock(m);
	l->next = item->file->epoll_links;
	l->pprev = &item->file->epoll_links;
	if (l->next)
		l->next->pprev = &l->next;
	item->file->epoll_links = l;
	mutex_unlock(m);
}

static void item_unlink(struct epoll_item *item)
{
	struct mutex *m = link_lock_of(item->file);
	struct epoll_link *l = &item->link;

	mutex_lock(m);
	*l->pprev = l->next;
	if (l->next)
		l->next->pprev = l->pprev;
	mutex_unlock(m);
}

/* Caller holds ep->lock and is the item's one remover. */
static void item_unhash_locked(struct epoll_item *item)
{
	hlist_del(&item->hash);
	list_del(&item->ep_node);
	item->ep->count--;
}

/* The rest of a removal, with no lock held. item->file is still there. */
static void item_detach(struct epoll_item *item)
{
	struct epoll *ep = item->ep;
	struct epoll_waiter *ew, *next;

	mutex_lock(&ep->ready_lock);
	item->dead = true;
	if (!item->taken)
		list_del(&item->ready_node);
	mutex_unlock(&ep->ready_lock);
	if (item->first_used)
		wait_remove(&item->first.w);
	for (ew = item->more; ew; ew = next) {
		next = ew->next;
		wait_remove(&ew->w);
		kfree(ew);
	}
	item->more = NULL;
	item_unlink(item);
	if (item->target)
		epoll_nest_del(item);
	if (item->sighand)
		sighand_put(item->sighand);
	item_put(item);
}

static struct epoll_item *item_new(struct epoll *ep, struct file *file, int fd, const struct epoll_event *ev)
{
	struct epoll_item *item;

	if (atomic_add(&epoll_items, 1) > EPOLL_MAX_ITEMS) {
		atomic_sub(&epoll_items, 1);
		return err_ptr(-ENOSPC);
	}
	item = kzalloc(sizeof(*item));
	if (!item) {
		atomic_sub(&epoll_items, 1);
		return err_ptr(-ENOMEM);
	}
	ref_init(&item->ref);
	ref_get(&ep->ref);
	item->ep = ep;
	item->file = file;
	item->fd = fd;
	item->events = ev->events;
	item->data = ev->data;
	item->adding = true;
	item->taken = true;
	list_init(&item->ep_node);
	list_init(&item->ready_node);
	list_init(&item->nest_child);
	list_init(&item->nest_parent);
	if (file->ops == &epoll_ops)
		item->target = file->priv;
	if (file->ops == &signalfd_ops) {
		item->sighand = current->sighand;
		sighand_get(item->sighand);
	}
	return item;
}

static void item_discard(struct epoll_item *item)
{
	if (item->sighand)
		sighand_put(item->sighand);
	item_put(item);
}

/* After ADD (first) or MOD: what is ready already counts as an event. */
static void item_check(struct epoll_item *item, u32 ready, bool first)
{
	struct epoll *ep = item->ep;
	bool fired = false, woke;

	mutex_lock(&ep->ready_lock);
	ready &= item->events & ~EPOLL_PRIVATE;
	if (first) {
		item->taken = false;
		ready |= item->again;
	}
	if (!item->dead && ready)
		fired = item_fire(item, &woke);
	mutex_unlock(&ep->ready_lock);
	if (fired)
		epoll_announce(ep);
}

static int epoll_add(struct epoll *ep, struct file *file, int fd, const struct epoll_event *ev)
{
	struct epoll_table t;
	struct epoll_item *item = item_new(ep, file, fd, ev);
	u32 ready;
	int ret;

	if (is_err(item))
		return (int)ptr_err(item);
	if (item->target) {
		ret = epoll_nest_add(item);
		if (ret) {
			item_discard(item);
			return ret;
		}
	}
	mutex_lock(&ep->lock);
	if (epoll_find_locked(ep, file, fd)) {
		mutex_unlock(&ep->lock);
		if (item->target)
			epoll_nest_del(item);
		item_discard(item);
		return -EEXIST;
	}
	epoll_grow_locked(ep);
	hlist_add(&item->hash, epoll_bucket(ep, file, fd));
	list_add_tail(&item->ep_node, &ep->items);
	ep->count++;
	item_link(item);
	mutex_unlock(&ep->lock);

	/*
	 * Until `adding` falls, DEL and MOD do not see the item: it is ours. So no event of it may get out before
	 * that either (who receives it may answer with MOD): callbacks find it taken.
	 */
	t.pt.queue = epoll_queue;
	t.pt.events = poll_wake_mask(ev->events & ~EPOLL_PRIVATE);
	t.item = item;
	t.error = 0;
	current->met_host_socket = false;
	ready = file_poll(file, &t.pt);
	if (current->met_host_socket)
		atomic_store_relaxed(&ep->outside, true);
	if (t.error) {
		mutex_lock(&ep->lock);
		item_unhash_locked(item);
		mutex_unlock(&ep->lock);
		item_detach(item);
		return t.error;
	}
	ref_get(&item->ref);
	mutex_lock(&ep->lock);
	item->adding = false;
	mutex_unlock(&ep->lock);
	item_check(item, ready, true);
	item_put(item);
	return 0;
}

static int epoll_del(struct epoll *ep, struct file *file, int fd)
{
	struct epoll_item *item;

	mutex_lock(&ep->lock);
	item = epoll_find_locked(ep, file, fd);
	if (!item || item->adding) {
		mutex_unlock(&ep->lock);
		return -ENOENT;
	}
	item_unhash_locked(item);
	mutex_unlock(&ep->lock);
	item_detach(item);
	return 0;
}

static int epoll_mod(struct epoll *ep, struct file *file, int fd, const struct epoll_event *ev)
{
	struct poll_table pt = { .queue = NULL };
	struct epoll_item *item;

	mutex_lock(&ep->lock);
	item = epoll_find_locked(ep, file, fd);
	if (!item || item->adding) {
		mutex_unlock(&ep->lock);
		return -ENOENT;
	}
	mutex_lock(&ep->ready_lock);
	if (item->events & EPOLLEXCLUSIVE) {
		mutex_unlock(&ep->ready_lock);
		mutex_unlock(&ep->lock);
		return -EINVAL;
	}
	ref_get(&item->ref);
	item->events = ev->events;
	item->data = ev->data;
	item->changes++;
	mutex_unlock(&ep->ready_lock);
	mutex_unlock(&ep->lock);

	/* Against a waker: it fires under the new events, or what it did is seen here. */
	atomic_fence();
	pt.events = poll_wake_mask(ev->events & ~EPOLL_PRIVATE);
	item_check(item, file_poll(file, &pt), false);
	item_put(item);
	return 0;
}

static int epoll_control_files(struct file *epf, struct file *file, int op, int fd, const struct epoll_event *user)
{
	struct epoll_event ev = { 0 };
	struct epoll *ep;

	if (!file->ops->poll)
		return -EPERM;
	if (epf == file || epf->ops != &epoll_ops)
		return -EINVAL;
	ep = epf->priv;
	if (op != EPOLL_CTL_DEL) {
		ev = *user;
		ev.events &= ~EPOLLWAKEUP; /* needs CAP_BLOCK_SUSPEND, otherwise quietly dropped: nothing suspends here */
		if (ev.events & EPOLLEXCLUSIVE) {
			if (op == EPOLL_CTL_MOD)
				return -EINVAL;
			if (op == EPOLL_CTL_ADD && (file->ops == &epoll_ops || (ev.events & ~EPOLL_EXCLUSIVE_OK)))
				return -EINVAL;
		}
		ev.events |= EPOLLERR | EPOLLHUP;
	}
	switch (op) {
	case EPOLL_CTL_ADD:
		return epoll_add(ep, file, fd, &ev);
	case EPOLL_CTL_DEL:
		return epoll_del(ep, file, fd);
	case EPOLL_CTL_MOD:
		return epoll_mod(ep, file, fd, &ev);
	}
	return -EINVAL;
}

int epoll_control(int epfd, int op, int fd, const struct epoll_event *ev)
{
	struct file *epf = fd_get(epfd), *file;
	int ret = -EBADF;

	if (!epf)
		return -EBADF;
	file = fd_get(fd);
	if (file) {
		ret = epoll_control_files(epf, file, op, fd, ev);
		file_put(file);
	}
	file_put(epf);
	return ret;
}

/*
 * A file's last reference is gone: nobody else can remove its items (see the top), new ones cannot come.
 */
void epoll_file_release(struct file *file)
{
	struct mutex *m = link_lock_of(file);

	for (;;) {
		struct epoll_item *item;

		mutex_lock(m);
		if (!file->epoll_links) {
			mutex_unlock(m);
			return;
		}
		item = container_of(file->epoll_links, struct epoll_item, link);
		mutex_unlock(m);
		mutex_lock(&item->ep->lock);
		item_unhash_locked(item);
		mutex_unlock(&item->ep->lock);
		item_detach(item);
	}
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->priv;

	for (;;) {
		struct epoll_item *item;
		struct file *file;

		mutex_lock(&ep->lock);
		item = list_first_entry_or_null(&ep->items, struct epoll_item, ep_node);
		if (!item) {
			mutex_unlock(&ep->lock);
			break;
		}
		file = item->file;
		if (!ref_get_unless_zero(&file->ref)) {
			/* Dying: epoll_file_release removes it, and waits for ep->lock at most. */
			list_del(&item->ep_node);
			mutex_unlock(&ep->lock);
			continue;
		}
		item_unhash_locked(item);
		mutex_unlock(&ep->lock);
		item_detach(item);
		file_put(file);
	}
	epoll_put(ep);
}

/* What a waiting task holds while it judges items. */
struct epoll_batch {
	u32 n;
	struct epoll_item *item[EPOLL_BATCH]; /* referenced, taken */
	struct file *file[EPOLL_BATCH]; /* referenced */
	u32 changes[EPOLL_BATCH];
	u32 events[EPOLL_BATCH]; /* asked for */
	u32 found[EPOLL_BATCH]; /* that hold */
	struct epoll_event out[EPOLL_BATCH]; /* of those with found != 0, in order */
	u32 nout;
};

static void batch_take(struct epoll *ep, struct epoll_batch *b, u32 max)
{
	b->n = 0;
	mutex_lock(&ep->ready_lock);
	while (b->n < max && !list_empty(&ep->ready)) {
		struct epoll_item *item = list_first_entry(&ep->ready, struct epoll_item, ready_node);

		list_del(&item->ready_node);
		/* The item is not detached, so its file's memory is there. */
		if (!ref_get_unless_zero(&item->file->ref))
			continue;
		ref_get(&item->ref);
		item->taken = true;
		item->again = false;
		ep->harvested++;
		b->item[b->n] = item;
		b->file[b->n] = item->file;
		b->changes[b->n] = item->changes;
		b->events[b->n] = item->events;
		b->out[b->n].data = item->data;
		b->n++;
	}
	mutex_unlock(&ep->ready_lock);
}

static void batch_ask(struct epoll_batch *b)
{
	struct poll_table pt = { .queue = NULL };

	b->nout = 0;
	for (u32 i = 0; i < b->n; i++) {
		u64 data = b->out[i].data;

		b->found[i] = 0;
		if (!(b->events[i] & ~EPOLL_PRIVATE))
			continue;
		pt.events = poll_wake_mask(b->events[i] & ~EPOLL_PRIVATE);
		b->found[i] = file_poll(b->file[i], &pt) & b->events[i] & ~EPOLL_PRIVATE;
		if (b->found[i])
			b->out[b->nout++] = (struct epoll_event){ b->found[i], data };
	}
}

/* Caller holds ready_lock. An item is judged: back to the list by way of done, or idle. */
static void item_judge(struct epoll_item *item, u32 found, u32 changes, bool delivered, struct list_head *done)
{
	bool back = item->again;

	if (!delivered) {
		back = true;
	} else if (found) {
		if (item->changes != changes)
			; /* MOD came meanwhile: it has looked itself, and set again */
		else if (item->events & EPOLLONESHOT) {
			item->events &= EPOLL_PRIVATE;
			back = false;
		} else if (!(item->events & EPOLLET)) {
			back = true;
		}
	}
	if (back && !item->dead) {
		ref_get(&item->ref);
		list_add_tail(&item->ready_node, done); /* still taken */
	} else {
		item->taken = false;
		item->ep->harvested--;
	}
}

/* Caller holds ready_lock. What was judged and stays ready comes back; true when pollers must hear of it. */
static bool epoll_bring_back(struct epoll *ep, struct list_head *done, struct list_head *dead)
{
	struct epoll_item *item, *next;
	bool announce;

	list_for_each_entry_safe(item, next, done, ready_node) {
		item->taken = false;
		ep->harvested--;
		if (item->dead) {
			list_move_tail(&item->ready_node, dead);
			continue;
		}
		list_move_tail(&item->ready_node, &ep->ready);
		ref_put(&item->ref); /* not the last: the interest list has one */
	}
	announce = ep->poll_missed && !list_empty(&ep->ready);
	if (announce)
		ep->poll_missed = false;
	if (!list_empty(&ep->ready))
		epoll_wake_one(ep);
	return announce;
}

/* Takes ready events to the program: how many, or -EFAULT. Each item comes at most once. */
static long epoll_harvest(struct epoll *ep, struct uptr events, u32 maxevents)
{
	struct epoll_batch b;
	struct epoll_item *item, *next;
	struct list_head done, dead;
	bool announce = false, last = false;
	u32 total = 0;
	long ret = 0;

	list_init(&done);
	list_init(&dead);
	while (!last) {
		batch_take(ep, &b, min(maxevents - total, (u32)EPOLL_BATCH));
		batch_ask(&b);
		if (b.nout && copy_out(uptr_add(events, (u64)total * sizeof(struct epoll_event)), b.out,
				       b.nout * sizeof(struct epoll_event)))
			ret = -EFAULT;
		else
			total += b.nout;
		mutex_lock(&ep->ready_lock);
		for (u32 i = 0; i < b.n; i++)
			item_judge(b.item[i], b.found[i], b.changes[i], !ret || !b.found[i], &done);
		last = ret || total == maxevents || list_empty(&ep->ready);
		if (last)
			announce = epoll_bring_back(ep, &done, &dead);
		mutex_unlock(&ep->ready_lock);
		for (u32 i = 0; i < b.n; i++) {
			item_put(b.item[i]);
			file_put(b.file[i]);
		}
	}
	list_for_each_entry_safe(item, next, &dead, ready_node) {
		list_del(&item->ready_node);
		item_put(item);
	}
	if (announce)
		epoll_announce(ep);
	return total ? (long)total : ret;
}

static bool epoll_maybe_ready(struct epoll *ep)
{
	return atomic_load(&ep->ready.next) != &ep->ready;
}

/* Sleeps until somebody fires or the deadline: -ETIMEDOUT or 0. */
static int epoll_sleep(struct epoll *ep, s64 deadline)
{
	struct epoll_sleeper s = { .task = current };
	int ret;

	task_prepare_sleep();
	mutex_lock(&ep->ready_lock);
	if (!list_empty(&ep->ready)) {
		mutex_unlock(&ep->ready_lock);
		return 0;
	}
	list_add(&s.node, &ep->sleepers);
	mutex_unlock(&ep->ready_lock);
	if (atomic_load_relaxed(&ep->outside))
		ret = wait_block_polling(deadline);
	else
		ret = wait_block(WAIT_INTERRUPTIBLE, deadline);
	mutex_lock(&ep->ready_lock);
	list_del(&s.node);
	mutex_unlock(&ep->ready_lock);
	return ret == -ETIMEDOUT ? ret : 0;
}

static long epoll_wait_on(struct epoll *ep, struct uptr events, u32 maxevents, s64 deadline)
{
	bool timed_out = deadline == 0;

	for (;;) {
		/* Also after a signal or time-out: a wake-up that came as well must not be lost. */
		if (epoll_maybe_ready(ep)) {
			long n = epoll_harvest(ep, events, maxevents);

			if (n)
				return n;
		}
		if (timed_out)
			return 0;
		if (signal_pending_current())
			return -EINTR;
		timed_out = epoll_sleep(ep, deadline) != 0;
	}
}

long epoll_wait_events(int epfd, struct uptr events, int maxevents, s64 deadline)
{
	struct file *f;
	long ret = -EINVAL;

	if (maxevents <= 0 || maxevents > (int)(INT32_MAX / sizeof(struct epoll_event)))
		return -EINVAL;
	if (!user_range_ok(events, (u64)maxevents * sizeof(struct epoll_event)))
		return -EFAULT;
	f = fd_get(epfd);
	if (!f)
		return -EBADF;
	if (f->ops == &epoll_ops)
		ret = epoll_wait_on(f->priv, events, (u32)maxevents, deadline);
	file_put(f);
	return ret;
}

/* Is an item that stands first on the ready list really ready? Idle ones are taken off on the way. */
static u32 epoll_poll(struct file *f, struct poll_table *table)
{
	struct epoll *ep = f->priv;
	struct poll_table pt = { .queue = NULL };

	poll_wait(table, &ep->poll_wait);
	for (;;) {
		struct epoll_item *item;
		struct file *file;
		u32 calls, events, found;

		mutex_lock(&ep->ready_lock);
		item = list_first_entry_or_null(&ep->ready, struct epoll_item, ready_node);
		if (!item) {
			ep->poll_missed = ep->harvested != 0;
			mutex_unlock(&ep->ready_lock);
			return 0;
		}
		file = item->file;
		if (!ref_get_unless_zero(&file->ref)) {
			list_del(&item->ready_node);
			mutex_unlock(&ep->ready_lock);
			continue;
		}
		ref_get(&item->ref);
		calls = item->calls;
		events = item->events & ~EPOLL_PRIVATE;
		mutex_unlock(&ep->ready_lock);

		pt.events = poll_wake_mask(events);
		found = events ? file_poll(file, &pt) & events : 0;
		mutex_lock(&ep->ready_lock);
		if (!found && !item->taken && item->calls == calls)
			list_del(&item->ready_node);
		mutex_unlock(&ep->ready_lock);
		item_put(item);
		file_put(file);
		if (found)
			return POLLIN | POLLRDNORM;
	}
}

static int epoll_fdinfo(struct file *f, char *buf, size_t size)
{
	struct epoll *ep = f->priv;
	struct epoll_item *item;
	size_t len = 0;

	mutex_lock(&ep->lock);
	list_for_each_entry(item, &ep->items, ep_node) {
		struct inode *inode = item->file->inode;

		len += ksnprintf(buf + min(len, size), size - min(len, size),
				 "tfd: %8d events: %8x data: %16llx  pos:%lld ino:%llx sdev:%llx\n", item->fd,
				 item->events, (unsigned long long)item->data, (long long)item->file->pos,
				 inode ? (unsigned long long)inode->ino : 0,
				 inode && inode->sb ? (unsigned long long)inode->sb->dev : 0);
		if (len >= size)
			break;
	}
	mutex_unlock(&ep->lock);
	return (int)min(len, size);
}

static const struct file_ops epoll_ops = {
	.name = "eventpoll",
	.poll = epoll_poll,
	.release = epoll_release,
	.show_fdinfo = epoll_fdinfo,
};

int epoll_create_fd(bool cloexec)
{
	struct epoll *ep = kzalloc(sizeof(*ep));
	struct file *f;

	if (!ep)
		return -ENOMEM;
	ref_init(&ep->ref);
	mutex_init(&ep->lock, LOCK_EPOLL);
	mutex_init(&ep->ready_lock, LOCK_LEAF);
	ep->hash = ep->hash_first;
	ep->hash_size = EPOLL_HASH_MIN;
	list_init(&ep->items);
	list_init(&ep->ready);
	list_init(&ep->sleepers);
	list_init(&ep->children);
	list_init(&ep->parents);
	wait_queue_init(&ep->poll_wait);
	f = file_alloc_anon("[eventpoll]", &epoll_ops, ep, O_RDWR, 0);
	if (is_err(f))
		kfree(ep);
	return fd_install_new(f, cloexec);
}
