/* Reading, writing and polling a terminal; termios(3) on canonical mode, VMIN and VTIME. */
#include "abi/linux/errno.h"
#include "fs/tty/tty.h"
#include "lib/string.h"
#include "proc/task.h"

#define CHUNK 512u /* bytes on the stack, between the user and the discipline */
#define DECISECOND (100 * NSEC_PER_MSEC)

/* What the loop of a read found out under the lock. */
struct read_step {
	size_t got;
	bool readable, canonical, line_done;
	u8 vmin, vtime;
};

static void read_step(struct tty *tty, u8 *buf, size_t n, struct read_step *s)
{
	mutex_lock(&tty->lock);
	s->canonical = ldisc_lflag(&tty->ld, ICANON) && !ldisc_lflag(&tty->ld, EXTPROC);
	s->vmin = tty->ld.t.c_cc[VMIN];
	s->vtime = tty->ld.t.c_cc[VTIME];
	s->line_done = false;
	s->got = 0;
	s->readable = ldisc_readable(&tty->ld, 1);
	if (s->readable) {
		s->got = ldisc_read(&tty->ld, buf, n, &s->line_done);
		tty_pump_locked(tty);
		if (wait_queue_active(&tty->master_write_wait))
			wake_up_poll(&tty->master_write_wait, POLLOUT | POLLWRNORM);
	}
	tty_unlock_kick(tty);
	if (s->readable && tty->driver->input_room)
		tty->driver->input_room(tty);
}

static bool readable(struct tty_file *tf)
{
	bool ready;

	if (tty_file_dead(tf))
		return true;
	mutex_lock(&tf->tty->lock);
	ready = ldisc_readable(&tf->tty->ld, 1);
	mutex_unlock(&tf->tty->lock);
	return ready;
}

/* One read at a time, so that lines and VMIN counts stay together. */
static bool claim(struct tty *tty, bool *flag)
{
	bool ok;

	mutex_lock(&tty->lock);
	ok = !*flag;
	*flag = true;
	mutex_unlock(&tty->lock);
	return ok;
}

static void unclaim(struct tty *tty, bool *flag, struct wait_queue *wq)
{
	mutex_lock(&tty->lock);
	*flag = false;
	mutex_unlock(&tty->lock);
	if (wait_queue_active(wq))
		wake_up_all(wq);
}

static ssize_t read_claimed(struct tty_file *tf, struct uio *to, bool nonblock)
{
	struct tty *tty = tf->tty;
	s64 deadline = KTIME_MAX;
	bool timed = false;
	struct read_step s;
	size_t done = 0, n;
	u8 buf[CHUNK];
	int err;

	while (to->resid) {
		if (tty_file_dead(tf))
			break;
		read_step(tty, buf, min(to->resid, sizeof(buf)), &s);
		if (s.readable) {
			n = uio_copy_to(to, buf, s.got);
			done += n;
			if (n < s.got)
				return done ? (ssize_t)done : -EFAULT;
			/* A full buffer says that more may be there: that belongs to this read too. */
			if (s.canonical ? s.line_done : s.got < sizeof(buf) && done >= (s.vmin ? s.vmin : 1u))
				break;
			deadline = s.vtime ? ktime_get() + s.vtime * DECISECOND : KTIME_MAX;
			timed = true;
			continue;
		}
		if (done && (s.canonical || done >= (s.vmin ? s.vmin : 1u)))
			break; /* canonical: the rest of the line was flushed */
		if (!s.canonical && !s.vmin) {
			if (!s.vtime)
				break;
			if (!timed)
				deadline = ktime_get() + s.vtime * DECISECOND;
			timed = true;
		}
		if (nonblock)
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event_deadline(&tty->read_wait, readable(tf), s.canonical ? KTIME_MAX : deadline);
		if (err == -ETIMEDOUT)
			break;
		if (err)
			return done ? (ssize_t)done : err;
	}
	return (ssize_t)done;
}

static ssize_t tty_read(struct file *f, struct uio *to, loff_t *pos)
{
	bool nonblock = atomic_load_relaxed(&f->flags) & O_NONBLOCK;
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	ssize_t ret;
	int err;

	if (tty_file_dead(tf))
		return 0;
	err = tty_check_change(tty, SIGTTIN);
	if (err)
		return err;
	if (nonblock) {
		if (!claim(tty, &tty->reading))
			return -EAGAIN;
	} else {
		err = wait_event(&tty->read_wait, claim(tty, &tty->reading));
		if (err)
			return err;
	}
	ret = read_claimed(tf, to, nonblock);
	unclaim(tty, &tty->reading, &tty->read_wait);
	return ret;
}

static bool writable(struct tty_file *tf)
{
	bool ready;

	if (tty_file_dead(tf))
		return true;
	mutex_lock(&tf->tty->lock);
	ready = tty_can_write_locked(tf->tty);
	mutex_unlock(&tf->tty->lock);
	return ready;
}

/* One chunk through the discipline. Bytes taken, or -errno when none were. */
static ssize_t write_chunk(struct tty_file *tf, const u8 *buf, size_t n, bool nonblock)
{
	struct tty *tty = tf->tty;
	size_t done = 0, took;
	int err;

	while (done < n) {
		if (tty_file_dead(tf))
			return done ? (ssize_t)done : -EIO;
		mutex_lock(&tty->lock);
		took = tty_can_write_locked(tty) ? ldisc_output(&tty->ld, buf + done, n - done) : 0;
		tty_unlock_kick(tty);
		done += took;
		if (took)
			continue;
		if (nonblock)
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event(&tty->write_wait, writable(tf));
		if (err)
			return done ? (ssize_t)done : err;
	}
	return (ssize_t)done;
}

static ssize_t write_claimed(struct tty_file *tf, struct uio *from, bool nonblock)
{
	size_t done = 0, n;
	u8 buf[CHUNK];
	ssize_t ret;

	while (from->resid) {
		n = uio_copy_from(from, buf, min(from->resid, sizeof(buf)));
		if (!n)
			return done ? (ssize_t)done : -EFAULT;
		ret = write_chunk(tf, buf, n, nonblock);
		if (ret < 0) {
			uio_revert(from, n);
			return done ? (ssize_t)done : ret;
		}
		done += (size_t)ret;
		if ((size_t)ret < n) {
			uio_revert(from, n - (size_t)ret);
			break;
		}
	}
	return (ssize_t)done;
}

static ssize_t tty_write(struct file *f, struct uio *from, loff_t *pos)
{
	bool nonblock = atomic_load_relaxed(&f->flags) & O_NONBLOCK;
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	ssize_t ret;
	int err;

	if (tty_file_dead(tf))
		return -EIO;
	if (ldisc_lflag(&tty->ld, TOSTOP)) {
		err = tty_check_change(tty, SIGTTOU);
		if (err)
			return err;
	}
	if (nonblock) {
		if (!claim(tty, &tty->writing))
			return -EAGAIN;
	} else {
		err = wait_event(&tty->write_wait, claim(tty, &tty->writing));
		if (err)
			return err;
	}
	ret = write_claimed(tf, from, nonblock);
	unclaim(tty, &tty->writing, &tty->write_wait);
	return ret;
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	u32 mask = 0, need;

	poll_wait(pt, &tty->read_wait);
	poll_wait(pt, &tty->write_wait);
	if (tty_file_dead(tf))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	mutex_lock(&tty->lock);
	need = tty->ld.t.c_cc[VTIME] ? 1 : tty->ld.t.c_cc[VMIN];
	if (ldisc_readable(&tty->ld, need))
		mask |= POLLIN | POLLRDNORM;
	if (tty_can_write_locked(tty))
		mask |= POLLOUT | POLLWRNORM;
	mutex_unlock(&tty->lock);
	return mask;
}

static void tty_release(struct file *f)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	bool last;

	mutex_lock(&tty->lock);
	last = --tty->opens == 0;
	mutex_unlock(&tty->lock);
	if (last && tty->driver->pty)
		pty_slave_closed(tty);
	tty_file_free(tf);
}

const struct file_ops tty_fops = {
	.name = "tty",
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.release = tty_release,
	.async_by_poll = true,
};
