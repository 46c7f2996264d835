/* The tty core: struct tty, its rings, input from the line, opening and hangup, the devices; see tty.h. */
#include "fs/tty/tty.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/dev/dev.h"
#include "lib/string.h"
#include "proc/container.h"
#include "proc/cred.h"
#include "proc/task.h"

#define CAP_SYS_ADMIN_ 21u

void tty_ring_put(struct tty_ring *r, const u8 *bytes, size_t n)
{
	size_t at = r->head & (r->size - 1), first = min(n, (size_t)r->size - at);

	memcpy(r->buf + at, bytes, first);
	memcpy(r->buf, bytes + first, n - first);
	r->head += n;
}

size_t tty_ring_get(struct tty_ring *r, u8 *bytes, size_t n)
{
	size_t at = r->tail & (r->size - 1), first;

	n = min(n, (size_t)tty_ring_used(r));
	first = min(n, (size_t)r->size - at);
	memcpy(bytes, r->buf + at, first);
	memcpy(bytes + first, r->buf, n - first);
	r->tail += n;
	return n;
}

/* The discipline's way out; all under tty->lock. */
static size_t ld_room(void *ctx) { return tty_ring_room(&((struct tty *)ctx)->out); }

static void ld_put(void *ctx, const u8 *bytes, size_t n)
{
	tty_ring_put(&((struct tty *)ctx)->out, bytes, n);
}

static void ld_signal(void *ctx, int sig, bool flush)
{
	struct tty *tty = ctx;

	if (flush) {
		tty->in.tail = tty->in.head;
		tty_packet_event_locked(tty, TIOCPKT_FLUSHREAD);
		tty_flush_output_locked(tty);
	}
	tty_signal_pgrp(tty, sig);
}

static void ld_flow(void *ctx, bool stop)
{
	struct tty *tty = ctx;

	tty_packet_event_locked(tty, stop ? TIOCPKT_STOP : TIOCPKT_START);
	if (!stop)
		wake_up_poll(&tty->write_wait, POLLOUT | POLLWRNORM);
}

static const struct ldisc_ops tty_ldisc_ops = {
	.room = ld_room,
	.put = ld_put,
	.signal = ld_signal,
	.flow = ld_flow,
};

struct tty *tty_alloc(const struct tty_driver *driver, u32 index)
{
	struct tty *tty = kzalloc(sizeof(*tty));

	if (!tty)
		return NULL;
	tty->in = (struct tty_ring){ .buf = kmalloc(TTY_IN_SIZE), .size = TTY_IN_SIZE };
	tty->out = (struct tty_ring){ .buf = kmalloc(TTY_OUT_SIZE), .size = TTY_OUT_SIZE };
	if (!tty->in.buf || !tty->out.buf) {
		kfree(tty->in.buf);
		kfree(tty->out.buf);
		kfree(tty);
		return NULL;
	}
	ref_init(&tty->ref);
	tty->driver = driver;
	tty->index = index;
	mutex_init(&tty->lock, LOCK_TTY);
	ldisc_init(&tty->ld, &tty_ldisc_ops, tty);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	wait_queue_init(&tty->master_read_wait);
	wait_queue_init(&tty->master_write_wait);
	return tty;
}

void tty_put(struct tty *tty)
{
	if (!ref_put(&tty->ref))
		return;
	if (tty->session)
		pid_put(tty->session);
	if (tty->pgrp)
		pid_put(tty->pgrp);
	kfree(tty->in.buf);
	kfree(tty->out.buf);
	kfree(tty);
}

struct tty_file *tty_file_alloc(struct tty *tty, bool master)
{
	struct tty_file *tf = kzalloc(sizeof(*tf));

	if (!tf)
		return NULL;
	tty_get(tty);
	tf->tty = tty;
	tf->gen = atomic_load(&tty->gen);
	tf->master = master;
	return tf;
}

void tty_file_free(struct tty_file *tf)
{
	tty_put(tf->tty);
	kfree(tf);
}

struct tty *tty_of_file(struct file *f)
{
	if (f->ops != &tty_fops && f->ops != &pty_master_fops)
		return NULL;
	return ((struct tty_file *)f->priv)->tty;
}

int tty_open(struct tty *tty, struct file *file)
{
	struct tty_file *tf = tty_file_alloc(tty, false);
	int err = 0;

	if (!tf)
		return -ENOMEM;
	mutex_lock(&tty->lock);
	if (tty->driver->pty && (!tty->master_open || tty->locked))
		err = -EIO;
	else if (tty->exclusive && !capable(CAP_SYS_ADMIN_))
		err = -EBUSY;
	if (!err) {
		tf->gen = tty->gen;
		tty->opens++;
		tty->slave_gone = false;
	}
	mutex_unlock(&tty->lock);
	if (err) {
		tty_file_free(tf);
		return err;
	}
	file->ops = &tty_fops;
	file->priv = tf;
	if (!(file->flags & O_NOCTTY))
		tty_open_controlling(tty, file);
	return 0;
}

struct file *tty_open_file(struct tty *tty, u32 flags)
{
	struct inode *inode = devpts_inode(tty);
	struct path path = { 0 };
	struct file *f;
	char name[32];
	int err;

	if (!inode)
		return err_ptr(-EIO);
	ksnprintf(name, sizeof(name), "/dev/pts/%u", tty->index);
	path.dentry = dentry_alloc_anon(inode, name); /* the reference is gone in any case */
	if (!path.dentry)
		return err_ptr(-ENOMEM);
	f = file_alloc(&path, flags & ~(u32)O_CLOEXEC, NULL);
	dentry_put(path.dentry);
	if (is_err(f))
		return f;
	/* file_alloc may hide O_NOCTTY from the description's flags. */
	f->flags |= flags & O_NOCTTY;
	err = tty_open(tty, f);
	atomic_and(&f->flags, ~(u32)O_NOCTTY);
	if (err) {
		file_put(f);
		return err_ptr(err);
	}
	return f;
}

void tty_pump_locked(struct tty *tty)
{
	struct tty_ring *r = &tty->in;
	size_t n, took;

	while ((n = tty_ring_used(r))) {
		n = min(n, (size_t)(r->size - (r->tail & (r->size - 1))));
		took = ldisc_receive(&tty->ld, r->buf + (r->tail & (r->size - 1)), n);
		if (r->head == r->tail)
			break; /* a signal character flushed it */
		r->tail += took;
		if (took < n)
			break;
	}
}

u32 tty_input_room_locked(struct tty *tty) { return tty_ring_room(&tty->in); }

size_t tty_input_locked(struct tty *tty, const u8 *bytes, size_t n)
{
	size_t took = 0, more;

	tty_pump_locked(tty);
	if (!tty_ring_used(&tty->in))
		took = ldisc_receive(&tty->ld, bytes, n);
	more = min(n - took, (size_t)tty_ring_room(&tty->in));
	if (more) {
		tty_ring_put(&tty->in, bytes + took, more);
		tty_pump_locked(tty);
	}
	if (ldisc_readable(&tty->ld, 1))
		wake_up_poll(&tty->read_wait, POLLIN | POLLRDNORM);
	return took + more;
}

void tty_unlock_kick(struct tty *tty)
{
	bool output = tty_ring_used(&tty->out) || tty->packet_status;

	mutex_unlock(&tty->lock);
	if (output)
		tty->driver->output(tty);
}

bool tty_can_write_locked(struct tty *tty)
{
	return !tty->ld.stopped && tty_ring_room(&tty->out) >= LDISC_ECHO_RESERVE + 64;
}

void tty_packet_event_locked(struct tty *tty, u8 status)
{
	if (!tty->packet)
		return;
	/* The newer of two opposites counts. */
	if (status & (TIOCPKT_STOP | TIOCPKT_START))
		tty->packet_status &= (u8)~(TIOCPKT_STOP | TIOCPKT_START);
	if (status & (TIOCPKT_DOSTOP | TIOCPKT_NOSTOP))
		tty->packet_status &= (u8)~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	tty->packet_status |= status;
	wake_up_poll(&tty->master_read_wait, POLLPRI | POLLIN | POLLRDNORM);
}

void tty_flush_input_locked(struct tty *tty)
{
	ldisc_flush_input(&tty->ld);
	tty->in.tail = tty->in.head;
	tty_packet_event_locked(tty, TIOCPKT_FLUSHREAD);
	wake_up_poll(&tty->master_write_wait, POLLOUT | POLLWRNORM);
}

void tty_flush_output_locked(struct tty *tty)
{
	tty->out.tail = tty->out.head;
	tty_packet_event_locked(tty, TIOCPKT_FLUSHWRITE);
	wake_up_poll(&tty->write_wait, POLLOUT | POLLWRNORM);
}

void tty_hangup(struct tty *tty)
{
	mutex_lock(&tty->lock);
	atomic_store(&tty->gen, tty->gen + 1);
	ldisc_flush_input(&tty->ld);
	tty->in.tail = tty->in.head;
	tty->ld.stopped = tty->ld.line_stopped = false;
	mutex_unlock(&tty->lock);
	tty_session_clear(tty, true);
	wake_up_all(&tty->read_wait);
	wake_up_all(&tty->write_wait);
	wake_up_all(&tty->master_read_wait);
	wake_up_all(&tty->master_write_wait);
}

/* /dev/tty, /dev/console */
static int dev_tty_open(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_current();
	int err;

	if (!tty)
		return -ENXIO;
	file->flags |= O_NOCTTY;
	err = tty_open(tty, file);
	file->flags &= ~(u32)O_NOCTTY;
	tty_put(tty);
	return err;
}

static int dev_console_open(struct inode *inode, struct file *file)
{
	struct tty *tty;
	int err;

	mutex_lock(&tasklist_lock);
	tty = current_container()->console;
	if (tty)
		tty_get(tty);
	mutex_unlock(&tasklist_lock);
	if (!tty)
		return -ENXIO;
	file->flags |= O_NOCTTY;
	err = tty_open(tty, file);
	file->flags &= ~(u32)O_NOCTTY;
	tty_put(tty);
	return err;
}

static const struct chrdev tty_devices[] = {
	{ .name = "tty", .major = TTY_MAJOR_AUX, .minor = 0, .count = 1, .mode = 0666, .open = dev_tty_open },
	{ .name = "console", .major = TTY_MAJOR_AUX, .minor = 1, .count = 1, .mode = 0600, .open = dev_console_open },
	{ .name = "ptmx", .major = TTY_MAJOR_AUX, .minor = 2, .count = 1, .mode = 0666, .open = ptmx_open },
};

int tty_init(void)
{
	int err = devpts_init();
	u32 i;

	for (i = 0; !err && i < ARRAY_SIZE(tty_devices); i++)
		err = chrdev_register(&tty_devices[i]);
	return err;
}
