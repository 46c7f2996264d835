/*
 * A terminal of the host as a terminal of the guest. The host's side is in raw mode: bytes pass it unchanged, and all
 * editing, echo and signals happen in our own line discipline.
 *
 * Input comes through the poller. Output is put into the ring and written out by whoever put it there; when the host
 * would block, the poller goes on. The description is shared with programs outside (a shell): it must never become
 * non-blocking, so readiness is asked before each piece. A terminal that says it is writable takes a small piece
 * without blocking, which is what the poller thread writes; a program's thread may block a moment in a large one,
 * and is interrupted there by its signals.
 */
#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "core/alloc.h"
#include "core/log.h"
#include "core/poller.h"
#include "fs/tty/tty.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/task.h"

#define IN_CHUNK 512u
#define OUT_CHUNK 1024u
#define OUT_CHUNK_POLLER 128u
#define DRAIN_WAIT (2 * NSEC_PER_SEC)

struct hosttty {
	struct list_head node; /* under hosttty_lock */
	struct tty *tty; /* reference held */
	int in_fd, out_fd; /* immutable; -1 = none */
	struct poller_watch in, out;
	struct poller_watch *out_watch; /* immutable: &out, or &in when it is one descriptor */
	/* Under tty->lock. */
	bool dead; /* released: the descriptors are closed. h itself stays, programs may have the terminal open */
	bool draining; /* somebody writes to the host */
	bool throttled; /* input waits for a reader */
	bool paused; /* the terminal is somebody else's at the moment, and not raw: no input, and no CR before LF */
};

static struct mutex hosttty_lock = MUTEX_INIT(LOCK_LEAF);
static struct list_head hostttys = LIST_HEAD_INIT(hostttys); /* under hosttty_lock; they stay for good */

static void out_progress_locked(struct tty *tty)
{
	if (wait_queue_active(&tty->write_wait) && (tty_can_write_locked(tty) || !tty_ring_used(&tty->out)))
		wake_up_all(&tty->write_wait);
}

static u8 out_byte(const struct tty_ring *r, u64 pos)
{
	return r->buf[pos & (r->size - 1)];
}

static bool crlf_at(const struct tty_ring *r, u64 pos)
{
	return r->head - pos >= 2 && out_byte(r, pos) == '\r' && out_byte(r, pos + 1) == '\n';
}

/*
 * How many bytes to write next, and from which on. A terminal that is not raw puts a CR before LF by itself: *skip = 1
 * leaves ours out, and the piece ends before the next one.
 */
static size_t next_piece_locked(const struct hosttty *h, size_t max, const u8 **from, u32 *skip)
{
	const struct tty_ring *r = &h->tty->out;
	u64 start = r->tail + (*skip = h->paused && crlf_at(r, r->tail));
	size_t n = (size_t)(r->head - start), at = start & (r->size - 1);

	n = min(min(n, max), (size_t)r->size - at);
	for (size_t i = 1; h->paused && i < n; i++)
		if (crlf_at(r, start + i))
			n = i;
	*from = r->buf + at;
	return n;
}

/* Writes one piece. False = stop: nothing left, somebody else is at it, or the poller goes on later. */
static bool drain_piece(struct hosttty *h, size_t max)
{
	struct tty *tty = h->tty;
	struct tty_ring *r = &tty->out;
	const u8 *from;
	long ret = -EAGAIN;
	size_t n;
	u64 tail;
	u32 skip;

	mutex_lock(&tty->lock);
	if (!tty_ring_used(r) || h->draining || h->dead) {
		mutex_unlock(&tty->lock);
		return false;
	}
	h->draining = true;
	tail = r->tail;
	n = next_piece_locked(h, max, &from, &skip);
	mutex_unlock(&tty->lock);

	/* The bytes stay where they are until the tail moves, and nobody else moves it but a flush. */
	if (poller_host_events(h->out_fd, POLLOUT))
		ret = host_write(h->out_fd, from, n);

	mutex_lock(&tty->lock);
	h->draining = false;
	if (ret > 0 && r->tail == tail)
		r->tail += (u64)ret + skip;
	else if (ret < 0 && ret != -EAGAIN && ret != -EINTR)
		r->tail = r->head; /* the host's terminal is gone: nobody will ever see it */
	out_progress_locked(tty);
	n = tty_ring_used(r);
	mutex_unlock(&tty->lock);
	if (ret == -EAGAIN || ret == -EINTR || !ret) {
		poller_rearm(h->out_watch, POLLOUT);
		return false;
	}
	return n > 0;
}

static void hosttty_output(struct tty *tty)
{
	struct hosttty *h = tty->driver_priv;
	bool service = !current->process;

	if (h->out_fd < 0)
		return;
	while (drain_piece(h, service ? OUT_CHUNK_POLLER : OUT_CHUNK))
		;
}

static void hosttty_input_room(struct tty *tty)
{
	struct hosttty *h = tty->driver_priv;
	bool was;

	mutex_lock(&tty->lock);
	was = h->throttled;
	h->throttled = false;
	mutex_unlock(&tty->lock);
	if (was)
		poller_rearm(&h->in, POLLIN);
}

static const struct tty_driver hosttty_driver = {
	.name = "console",
	.output = hosttty_output,
	.input_room = hosttty_input_room,
};

/* On the poller thread. */
static void take_input(struct hosttty *h)
{
	struct tty *tty = h->tty;
	u8 buf[IN_CHUNK];
	u32 room;
	long n;

	for (;;) {
		mutex_lock(&tty->lock);
		room = h->paused ? 0 : tty_input_room_locked(tty);
		h->throttled = !h->paused && !room;
		mutex_unlock(&tty->lock);
		if (!room)
			return;
		n = poller_host_events(h->in_fd, POLLIN) ? host_read(h->in_fd, buf, min((size_t)room, sizeof(buf))) : -EAGAIN;
		if (n == -EAGAIN || n == -EINTR) {
			poller_rearm(&h->in, POLLIN);
			return;
		}
		if (n <= 0) {
			log_info("the terminal hung up: %ld", n);
			tty_hangup(tty);
			return;
		}
		mutex_lock(&tty->lock);
		(void)tty_input_locked(tty, buf, (size_t)n);
		tty_unlock_kick(tty);
	}
}

static void in_event(struct poller_watch *w, u32 events)
{
	struct hosttty *h = container_of(w, struct hosttty, in);

	if (events & (POLLOUT | POLLERR))
		hosttty_output(h->tty);
	if (events & (POLLIN | POLLERR | POLLHUP))
		take_input(h);
}

static void out_event(struct poller_watch *w, u32 events)
{
	hosttty_output(container_of(w, struct hosttty, out)->tty);
}

static struct hosttty *hosttty_alloc(int in_fd, int out_fd)
{
	struct hosttty *h = kzalloc(sizeof(*h));

	if (!h)
		return NULL;
	h->tty = tty_alloc(&hosttty_driver, 0);
	if (!h->tty) {
		kfree(h);
		return NULL;
	}
	h->tty->driver_priv = h;
	h->in_fd = in_fd;
	h->out_fd = out_fd;
	h->paused = in_fd < 0; /* only terminals that we read from are made raw */
	h->in.func = in_event;
	h->out.func = out_event;
	h->out_watch = in_fd == out_fd ? &h->in : &h->out;
	return h;
}

static int start_watching(struct hosttty *h)
{
	int err;

	if (h->in_fd >= 0) {
		err = poller_add(&h->in, h->in_fd, POLLIN);
		if (err)
			return err;
	}
	if (h->out_fd >= 0 && h->out_watch == &h->out) {
		err = poller_add(&h->out, h->out_fd, 0);
		if (err) {
			poller_remove(&h->in);
			return err;
		}
	}
	return 0;
}

int hosttty_create(int in_fd, int out_fd, const struct winsize *size, const struct termios2 *settings,
		   struct file **out)
{
	struct devpts *pts = devpts_of_inode(NULL);
	struct hosttty *h = NULL;
	int err = -ENOMEM, index;
	struct file *f;

	if (!pts)
		return -ENOMEM;
	h = hosttty_alloc(in_fd, out_fd);
	if (!h)
		goto put;
	err = index = devpts_alloc_index(pts);
	if (err < 0)
		goto free;
	h->tty->index = (u32)index;
	h->tty->winsize = *size;
	if (!size->ws_row && !size->ws_col)
		(void)host_ioctl(out_fd, TIOCGWINSZ, (u64)&h->tty->winsize);
	if (settings)
		ldisc_set_termios(&h->tty->ld, settings);
	else
		h->tty->ld.t.c_iflag |= IUTF8;
	err = devpts_add(pts, h->tty);
	if (err) {
		devpts_free_index(pts, (u32)index);
		goto free;
	}
	f = tty_open_file(h->tty, O_RDWR | O_NOCTTY);
	err = is_err(f) ? (int)ptr_err(f) : start_watching(h);
	if (err) {
		if (!is_err(f))
			file_put(f);
		devpts_release(h->tty);
		goto free;
	}
	mutex_lock(&hosttty_lock);
	list_add_tail(&h->node, &hostttys);
	mutex_unlock(&hosttty_lock);
	devpts_put(pts);
	*out = f;
	return 0;
free:
	tty_put(h->tty);
	kfree(h);
put:
	devpts_put(pts);
	return err;
}

void hosttty_pause(struct tty *tty, bool paused)
{
	struct hosttty *h = tty->driver_priv;

	mutex_lock(&tty->lock);
	h->paused = paused;
	mutex_unlock(&tty->lock);
	if (!paused && h->in_fd >= 0)
		poller_rearm(&h->in, POLLIN);
}

void hosttty_set_winsize(struct tty *tty, u16 rows, u16 cols)
{
	bool changed;

	mutex_lock(&tty->lock);
	changed = tty->winsize.ws_row != rows || tty->winsize.ws_col != cols;
	tty->winsize.ws_row = rows;
	tty->winsize.ws_col = cols;
	mutex_unlock(&tty->lock);
	if (changed)
		tty_signal_pgrp(tty, SIGWINCH);
}

static bool drained(struct tty *tty)
{
	bool empty;

	mutex_lock(&tty->lock);
	empty = !tty_ring_used(&tty->out) && !((struct hosttty *)tty->driver_priv)->draining;
	mutex_unlock(&tty->lock);
	return empty;
}

void hosttty_drain(struct tty *tty)
{
	hosttty_output(tty);
	(void)wait_event_full(&tty->write_wait, drained(tty), WAIT_UNINTERRUPTIBLE, ktime_get() + DRAIN_WAIT, 0);
}

void hosttty_release(struct tty *tty)
{
	struct hosttty *h = tty->driver_priv;

	tty_hangup(tty);
	mutex_lock(&tty->lock);
	h->dead = true;
	tty->out.tail = tty->out.head;
	mutex_unlock(&tty->lock);
	poller_remove(&h->in);
	if (h->out_watch == &h->out)
		poller_remove(&h->out);
	/* A writer that is past its look at h->dead ends soon: it asked for room first. */
	(void)wait_event_full(&tty->write_wait, drained(tty), WAIT_UNINTERRUPTIBLE, KTIME_MAX, 0);
	if (h->in_fd >= 0)
		host_close(h->in_fd);
	if (h->out_fd >= 0 && h->out_fd != h->in_fd)
		host_close(h->out_fd);
	mutex_lock(&hosttty_lock);
	list_del(&h->node);
	mutex_unlock(&hosttty_lock);
	tty_put(tty); /* h's own */
}
