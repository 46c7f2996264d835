/*
 * poll(2) and select(2).
 *
 * A call looks at all its files, hanging a waiter on every queue that their poll operations name, sleeps until one of
 * them fires, and looks again. Calls with few descriptors look once without queueing first: when something is ready
 * (the usual case in an event loop) no queue's lock is taken. Waiters for few queues live on the stack, more in pages.
 *
 * A waiter keeps a reference to its file, so that the queue lives as long as the waiter hangs on it. The flag
 * `triggered` rather than the task's wake word says that something happened: poll operations may sleep on locks of
 * their own between the queueing and the sleep.
 */
#include "abi/linux/poll.h"
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/event/event.h"
#include "lib/string.h"
#include "proc/task.h"

#define POLL_INLINE_FDS 12
#define POLL_INLINE_WAITERS 8
#define SELECT_INLINE_WORDS 8 /* per set: 512 descriptors */
#define SELECT_SETS 6

struct poll_waiters;

struct poll_entry {
	struct waiter w;
	struct file *file; /* reference held */
	struct poll_waiters *owner;
};

#define POLL_CHUNK_ENTRIES ((PAGE_SIZE - 16) / sizeof(struct poll_entry))
struct poll_chunk {
	struct poll_chunk *next;
	u64 used;
	struct poll_entry entry[POLL_CHUNK_ENTRIES];
};
_Static_assert(sizeof(struct poll_chunk) <= PAGE_SIZE, "a chunk is a page");

struct poll_waiters {
	struct poll_table pt;
	struct file *file; /* the one that is being asked */
	u32 triggered; /* atomic: a queue fired */
	int error; /* a waiter could not be allocated */
	u32 inline_used;
	struct poll_chunk *chunks;
	struct poll_entry inline_entry[POLL_INLINE_WAITERS];
};

static bool poll_wake(struct waiter *w, u32 events)
{
	struct poll_entry *e = container_of(w, struct poll_entry, w);

	atomic_store(&e->owner->triggered, 1);
	task_wake(w->task);
	return true;
}

static struct poll_entry *poll_entry_new(struct poll_waiters *pw)
{
	struct poll_chunk *c = pw->chunks;

	if (pw->inline_used < POLL_INLINE_WAITERS)
		return &pw->inline_entry[pw->inline_used++];
	if (!c || c->used == POLL_CHUNK_ENTRIES) {
		c = kmalloc(sizeof(*c));
		if (!c)
			return NULL;
		c->next = pw->chunks;
		c->used = 0;
		pw->chunks = c;
	}
	return &c->entry[c->used++];
}

static void poll_queue(struct poll_table *pt, struct wait_queue *wq)
{
	struct poll_waiters *pw = container_of(pt, struct poll_waiters, pt);
	struct poll_entry *e = poll_entry_new(pw);

	if (!e) {
		pw->error = -ENOMEM;
		return;
	}
	e->file = file_get(pw->file);
	e->owner = pw;
	waiter_init(&e->w);
	e->w.task = current;
	e->w.events = pt->events;
	e->w.func = poll_wake;
	wait_add(wq, &e->w);
}

static void poll_entry_drop(struct poll_entry *e)
{
	wait_remove(&e->w);
	file_put(e->file);
}

static void poll_waiters_init(struct poll_waiters *pw)
{
	pw->pt.queue = NULL;
	pw->pt.events = 0;
	pw->triggered = 0;
	pw->error = 0;
	pw->inline_used = 0;
	pw->chunks = NULL;
}

static void poll_waiters_done(struct poll_waiters *pw)
{
	struct poll_chunk *c, *next;

	for (u32 i = 0; i < pw->inline_used; i++)
		poll_entry_drop(&pw->inline_entry[i]);
	for (c = pw->chunks; c; c = next) {
		next = c->next;
		for (u64 i = 0; i < c->used; i++)
			poll_entry_drop(&c->entry[i]);
		kfree(c);
	}
}

/* What a file is ready for, of the events asked for. */
static u32 poll_file(struct poll_waiters *pw, struct file *f, u32 events)
{
	u32 mask;

	pw->file = f;
	pw->pt.events = poll_wake_mask(events);
	mask = file_poll(f, &pw->pt) & (events | POLLERR | POLLHUP);
	return mask;
}

static u32 poll_one(struct poll_waiters *pw, const struct pollfd *p)
{
	struct file *f;
	u32 mask;

	if (p->fd < 0)
		return 0;
	f = fd_get(p->fd);
	if (!f)
		return POLLNVAL;
	mask = poll_file(pw, f, p->events);
	file_put(f);
	return mask;
}

/* Sleeps until a queue fires; 0, or -ETIMEDOUT. A signal is seen by the caller's next round. */
static int poll_sleep(struct poll_waiters *pw, s64 deadline)
{
	int ret = 0;

	task_prepare_sleep();
	if (!atomic_load(&pw->triggered) && wait_block(WAIT_INTERRUPTIBLE, deadline) == -ETIMEDOUT)
		ret = -ETIMEDOUT;
	atomic_store(&pw->triggered, 0);
	atomic_fence();
	return ret;
}

/* One look of a call at its files: how many are ready. */
struct poll_scan {
	struct poll_waiters pw;
	long (*look)(struct poll_scan *s);
};

/* The rounds that poll and select have in common. The number of ready files, or -EINTR, -ENOMEM, look's error. */
static long poll_rounds(struct poll_scan *s, u32 nfds, s64 deadline)
{
	bool timed_out = deadline == 0, queued = false;
	long count;

	if (!timed_out && nfds > POLL_INLINE_FDS) {
		s->pw.pt.queue = poll_queue;
		queued = true;
	}
	for (;;) {
		count = s->look(s);
		if (count)
			break;
		count = s->pw.error;
		if (count)
			break;
		if (signal_pending_current()) {
			count = -EINTR;
			break;
		}
		if (timed_out)
			break;
		if (!queued) {
			s->pw.pt.queue = poll_queue;
			queued = true;
			continue;
		}
		s->pw.pt.queue = NULL;
		timed_out = poll_sleep(&s->pw, deadline) != 0;
	}
	poll_waiters_done(&s->pw);
	return count;
}

struct poll_call {
	struct poll_scan scan;
	struct pollfd *fds;
	u32 nfds;
};

static long poll_look(struct poll_scan *s)
{
	struct poll_call *c = container_of(s, struct poll_call, scan);
	long count = 0;

	for (u32 i = 0; i < c->nfds; i++) {
		u32 mask = poll_one(&s->pw, &c->fds[i]);

		c->fds[i].revents = (u16)mask;
		if (mask) {
			count++;
			s->pw.pt.queue = NULL; /* it will not sleep */
		}
	}
	return count;
}

long poll_fds(struct uptr ufds, u32 nfds, s64 deadline)
{
	struct pollfd few[POLL_INLINE_FDS];
	struct poll_call c;
	long ret;

	if (nfds > rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	c.fds = few;
	c.nfds = nfds;
	if (nfds > POLL_INLINE_FDS) {
		c.fds = kmalloc((size_t)nfds * sizeof(struct pollfd));
		if (!c.fds)
			return -ENOMEM;
	}
	ret = copy_in(c.fds, ufds, (size_t)nfds * sizeof(struct pollfd));
	if (ret)
		goto out;
	poll_waiters_init(&c.scan.pw);
	c.scan.look = poll_look;
	ret = poll_rounds(&c.scan, nfds, deadline);
	/* Only revents are written: the program may change the rest meanwhile. */
	for (u32 i = 0; i < nfds; i++) {
		struct uptr to = uptr_add(ufds, i * sizeof(struct pollfd) + offsetof(struct pollfd, revents));

		if (copy_out(to, &c.fds[i].revents, sizeof(c.fds[i].revents))) {
			ret = -EFAULT;
			break;
		}
	}
out:
	if (c.fds != few)
		kfree(c.fds);
	return ret;
}

static long poll_restart(struct restart_block *r)
{
	return poll_restartable(uptr(r->arg[0]), (u32)r->arg[1], (s64)r->arg[2]);
}

long poll_restartable(struct uptr ufds, u32 nfds, s64 deadline)
{
	struct restart_block *r = &current->restart;
	long ret = poll_fds(ufds, nfds, deadline);

	if (ret != -EINTR)
		return ret;
	r->func = poll_restart;
	r->arg[0] = ufds.addr;
	r->arg[1] = nfds;
	r->arg[2] = (u64)deadline;
	return -ERESTART_RESTARTBLOCK;
}

#define SELECT_IN (POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL)
#define SELECT_OUT (POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL)
#define SELECT_EX (POLLPRI | POLLNVAL)

/* set: in, out, ex as asked; in, out, ex as found. words of 64 descriptors each. */
struct select_call {
	struct poll_scan scan;
	u64 *set[SELECT_SETS];
	u32 n, words;
	bool checked; /* a bad descriptor is an error in the first round only */
};

static int select_one(struct select_call *c, u32 fd, u32 events, u32 *mask)
{
	struct file *f = fd_get((int)fd);

	if (f) {
		*mask = poll_file(&c->scan.pw, f, events | POLLNVAL);
		file_put(f);
		return 0;
	}
	*mask = POLLNVAL;
	if (c->checked)
		return 0;
	f = fd_get_any((int)fd); /* O_PATH: open, but no more */
	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

static long select_word(struct select_call *c, u32 w)
{
	u64 all = c->set[0][w] | c->set[1][w] | c->set[2][w];
	long count = 0;

	c->set[3][w] = c->set[4][w] = c->set[5][w] = 0;
	if (w == c->words - 1 && c->n % 64)
		all &= (1ull << (c->n % 64)) - 1;
	while (all) {
		u32 bit = (u32)__builtin_ctzll(all);
		u64 b = 1ull << bit;
		u32 events = 0, mask;

		all &= all - 1;
		if (c->set[0][w] & b)
			events |= SELECT_IN;
		if (c->set[1][w] & b)
			events |= SELECT_OUT;
		if (c->set[2][w] & b)
			events |= SELECT_EX;
		if (select_one(c, w * 64 + bit, events, &mask))
			return -EBADF;
		if ((mask & SELECT_IN) && (c->set[0][w] & b)) {
			c->set[3][w] |= b;
			count++;
		}
		if ((mask & SELECT_OUT) && (c->set[1][w] & b)) {
			c->set[4][w] |= b;
			count++;
		}
		if ((mask & SELECT_EX) && (c->set[2][w] & b)) {
			c->set[5][w] |= b;
			count++;
		}
		if (count)
			c->scan.pw.pt.queue = NULL;
	}
	return count;
}

static long select_look(struct poll_scan *s)
{
	struct select_call *c = container_of(s, struct select_call, scan);
	long count = 0;

	for (u32 w = 0; w < c->words; w++) {
		long r = select_word(c, w);

		if (r < 0)
			return r;
		count += r;
	}
	c->checked = true;
	return count;
}

long select_fds(int n, struct uptr in, struct uptr out, struct uptr ex, s64 deadline)
{
	struct uptr user[3] = { in, out, ex };
	u64 few[SELECT_SETS * SELECT_INLINE_WORDS];
	struct select_call c;
	u64 *bits = few;
	size_t bytes;
	long ret;

	if (n < 0)
		return -EINVAL;
	/* Descriptors beyond the table's end cannot be open; Linux ignores them too. */
	c.n = min((u32)n, atomic_load_relaxed(&current->files->capacity));
	c.words = (c.n + 63) / 64;
	c.checked = false;
	bytes = c.words * sizeof(u64);
	if (c.words > SELECT_INLINE_WORDS) {
		bits = kmalloc(SELECT_SETS * bytes);
		if (!bits)
			return -ENOMEM;
	}
	memset(bits, 0, SELECT_SETS * bytes);
	for (u32 i = 0; i < SELECT_SETS; i++)
		c.set[i] = bits + i * c.words;
	ret = 0;
	for (u32 i = 0; i < 3 && !ret; i++)
		if (!uptr_null(user[i]))
			ret = copy_in(c.set[i], user[i], bytes);
	if (ret)
		goto out;
	poll_waiters_init(&c.scan.pw);
	c.scan.look = select_look;
	ret = poll_rounds(&c.scan, c.n, deadline);
	if (ret == -EINTR)
		ret = -ERESTARTNOHAND;
	for (u32 i = 0; i < 3 && ret >= 0; i++)
		if (!uptr_null(user[i]) && copy_out(user[i], c.set[i + 3], bytes))
			ret = -EFAULT;
out:
	if (bits != few)
		kfree(bits);
	return ret;
}
