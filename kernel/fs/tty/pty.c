/*
 * Pseudo-terminals, pts(4): the master's side of a pair. What the master writes is typed at the terminal; what the
 * terminal puts out waits in its `out` ring for the master. Closing the master hangs the terminal up.
 */
#include "abi/linux/errno.h"
#include "fs/tty/tty.h"
#include "lib/string.h"
#include "proc/task.h"

#define CHUNK 1024u
/* Writers of the terminal sleep until this much is free: not one switch for each line. */
#define WRITER_ROOM 2048u

static void pty_output(struct tty *tty)
{
	wake_up_poll(&tty->master_read_wait, POLLIN | POLLRDNORM);
}

static const struct tty_driver pty_driver = {
	.name = "pts",
	.pty = true,
	.output = pty_output,
};

static bool master_readable_locked(struct tty *tty)
{
	return tty_ring_used(&tty->out) || (tty->packet && tty->packet_status) || tty->slave_gone;
}

static bool master_readable(struct tty *tty)
{
	bool ready;

	mutex_lock(&tty->lock);
	ready = master_readable_locked(tty);
	mutex_unlock(&tty->lock);
	return ready;
}

/* A chunk, with the packet mode's first byte. 0 = nothing there; -EIO when the other side is gone. */
static ssize_t master_chunk(struct tty *tty, u8 *buf, size_t n, bool first)
{
	ssize_t got = 0;

	mutex_lock(&tty->lock);
	if (tty->packet && first && tty->packet_status) {
		buf[0] = tty->packet_status;
		tty->packet_status = 0;
		mutex_unlock(&tty->lock);
		return -1;
	}
	if (tty_ring_used(&tty->out)) {
		if (tty->packet && first)
			buf[got++] = TIOCPKT_DATA;
		got += (ssize_t)tty_ring_get(&tty->out, buf + got, n - (size_t)got);
		if (tty_ring_room(&tty->out) >= WRITER_ROOM && wait_queue_active(&tty->write_wait))
			wake_up_poll(&tty->write_wait, POLLOUT | POLLWRNORM);
	} else if (tty->slave_gone) {
		got = -EIO;
	}
	mutex_unlock(&tty->lock);
	return got;
}

static ssize_t master_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct tty *tty = ((struct tty_file *)f->priv)->tty;
	size_t done = 0, copied;
	u8 buf[CHUNK];
	ssize_t n;
	int err;

	while (to->resid) {
		n = master_chunk(tty, buf, min(to->resid, sizeof(buf)), done == 0);
		if (n == -1) /* a status byte of packet mode stands alone */
			return uio_copy_to(to, buf, 1) == 1 ? 1 : -EFAULT;
		if (n > 0) {
			copied = uio_copy_to(to, buf, (size_t)n);
			done += copied;
			if (copied < (size_t)n)
				return done ? (ssize_t)done : -EFAULT;
			continue;
		}
		if (done)
			break;
		if (n < 0)
			return n;
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&tty->master_read_wait, master_readable(tty));
		if (err)
			return err;
	}
	return (ssize_t)done;
}

static bool master_writable(struct tty *tty)
{
	bool ready;

	mutex_lock(&tty->lock);
	tty_pump_locked(tty);
	ready = tty_input_room_locked(tty) > 0;
	tty_unlock_kick(tty);
	return ready;
}

static ssize_t master_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct tty *tty = ((struct tty_file *)f->priv)->tty;
	size_t done = 0, n, took;
	u8 buf[CHUNK];
	int err;

	while (from->resid) {
		n = uio_copy_from(from, buf, min(from->resid, sizeof(buf)));
		if (!n)
			return done ? (ssize_t)done : -EFAULT;
		mutex_lock(&tty->lock);
		took = tty_input_locked(tty, buf, n);
		tty_unlock_kick(tty);
		done += took;
		if (took == n)
			continue;
		uio_revert(from, n - took);
		if (took)
			continue;
		if (atomic_load_relaxed(&f->flags) & O_NONBLOCK)
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event(&tty->master_write_wait, master_writable(tty));
		if (err)
			return done ? (ssize_t)done : err;
	}
	return (ssize_t)done;
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct tty *tty = ((struct tty_file *)f->priv)->tty;
	u32 mask = 0;

	poll_wait(pt, &tty->master_read_wait);
	poll_wait(pt, &tty->master_write_wait);
	mutex_lock(&tty->lock);
	if (tty_ring_used(&tty->out))
		mask |= POLLIN | POLLRDNORM;
	if (tty->packet && tty->packet_status)
		mask |= POLLPRI | POLLIN | POLLRDNORM;
	if (tty->slave_gone)
		mask |= POLLHUP;
	if (tty_input_room_locked(tty))
		mask |= POLLOUT | POLLWRNORM;
	mutex_unlock(&tty->lock);
	return mask;
}

static void master_release(struct file *f)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	bool last;

	mutex_lock(&tty->lock);
	tty->master_open = false;
	last = !tty->opens;
	mutex_unlock(&tty->lock);
	tty_hangup(tty);
	devpts_remove(tty);
	if (last)
		devpts_release(tty);
	tty_file_free(tf);
}

const struct file_ops pty_master_fops = {
	.name = "ptmx",
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = tty_ioctl,
	.release = master_release,
	.async_by_poll = true,
};

void pty_slave_closed(struct tty *tty)
{
	bool gone, release;

	mutex_lock(&tty->lock);
	gone = !tty->opens; /* somebody may have opened it again */
	release = gone && !tty->master_open;
	if (gone)
		tty->slave_gone = true;
	mutex_unlock(&tty->lock);
	if (!gone)
		return;
	wake_up_all(&tty->master_read_wait);
	wake_up_all(&tty->master_write_wait);
	tty_session_clear(tty, false);
	if (release)
		devpts_release(tty);
}

int ptmx_open(struct inode *inode, struct file *file)
{
	struct devpts *pts = devpts_of_inode(inode);
	struct tty_file *tf;
	struct tty *tty;
	int index, err;

	if (!pts)
		return -ENODEV;
	err = index = devpts_alloc_index(pts);
	if (err < 0)
		goto put;
	err = -ENOMEM;
	tty = tty_alloc(&pty_driver, (u32)index);
	if (!tty)
		goto free_index;
	tf = tty_file_alloc(tty, true);
	if (!tf)
		goto put_tty;
	tty->master_open = true;
	tty->locked = true;
	err = devpts_add(pts, tty);
	if (err)
		goto free_file;
	file->ops = &pty_master_fops;
	file->priv = tf;
	tty_put(tty);
	devpts_put(pts);
	return 0;
free_file:
	tty_file_free(tf);
put_tty:
	tty_put(tty);
free_index:
	devpts_free_index(pts, (u32)index);
put:
	devpts_put(pts);
	return err;
}
