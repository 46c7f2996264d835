/* ioctl_tty(2): settings, window size, flushing, and the requests of pty masters. */
#include "abi/linux/errno.h"
#include "abi/linux/ioctl.h"
#include "fs/tty/tty.h"
#include "lib/string.h"
#include "proc/task.h"

#define CAP_SYS_ADMIN_ 21u
#define NCC_BYTES TERMIO_NCC

static const u32 baud_table[] = { 0,	50,   75,   110,  134,	150,  200,   300,
				  600,	1200, 1800, 2400, 4800, 9600, 19200, 38400 };
static const u32 baud_high[] = { 0,	 57600,	 115200,  230400,  460800,  500000,  576000,  921600,
				 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000 };

/* Bits per second of a CBAUD code; an unknown one leaves what was. */
static u32 baud_of(u32 cflag, u32 before)
{
	u32 code = cflag & CBAUD;

	if (code == BOTHER)
		return before;
	if (code & BOTHER)
		return baud_high[code & 0xf];
	return baud_table[code];
}

static long get_termios(struct tty *tty, u32 cmd, u64 arg)
{
	struct termios2 t;
	struct termio old;

	mutex_lock(&tty->lock);
	t = tty->ld.t;
	mutex_unlock(&tty->lock);
	switch (cmd) {
	case TCGETS:
		return copy_out(uptr(arg), &t, sizeof(struct termios_old));
	case TCGETS2:
		return copy_out(uptr(arg), &t, sizeof(t));
	default:
		old = (struct termio){ (u16)t.c_iflag, (u16)t.c_oflag, (u16)t.c_cflag, (u16)t.c_lflag, t.c_line };
		memcpy(old.c_cc, t.c_cc, NCC_BYTES);
		return copy_out(uptr(arg), &old, sizeof(old));
	}
}

/* What programs may not change stays: a line has 8 bits and receives. */
static int fetch_termios(const struct termios2 *now, u32 cmd, u64 arg, struct termios2 *t)
{
	struct termio old;

	*t = *now;
	switch (cmd) {
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		if (copy_in(t, uptr(arg), sizeof(struct termios_old)))
			return -EFAULT;
		break;
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		if (copy_in(t, uptr(arg), sizeof(*t)))
			return -EFAULT;
		if ((t->c_cflag & CBAUD) == BOTHER)
			return 0;
		break;
	default:
		if (copy_in(&old, uptr(arg), sizeof(old)))
			return -EFAULT;
		t->c_iflag = (t->c_iflag & 0xffff0000u) | old.c_iflag;
		t->c_oflag = (t->c_oflag & 0xffff0000u) | old.c_oflag;
		t->c_cflag = (t->c_cflag & 0xffff0000u) | old.c_cflag;
		t->c_lflag = (t->c_lflag & 0xffff0000u) | old.c_lflag;
		memcpy(t->c_cc, old.c_cc, NCC_BYTES);
		break;
	}
	t->c_ispeed = t->c_ospeed = baud_of(t->c_cflag, now->c_ospeed);
	return 0;
}

static void keep(u32 *flags, u32 old, u32 lock) { *flags = (*flags & ~lock) | (old & lock); }

static void apply_locks(struct termios2 *t, const struct termios2 *old, const struct termios_old *lock)
{
	keep(&t->c_iflag, old->c_iflag, lock->c_iflag);
	keep(&t->c_oflag, old->c_oflag, lock->c_oflag);
	keep(&t->c_cflag, old->c_cflag, lock->c_cflag);
	keep(&t->c_lflag, old->c_lflag, lock->c_lflag);
	if (lock->c_line)
		t->c_line = old->c_line;
	for (u32 i = 0; i < TERMIOS_NCCS; i++)
		if (lock->c_cc[i])
			t->c_cc[i] = old->c_cc[i];
}

static long lock_termios(struct tty *tty, u32 cmd, u64 arg)
{
	struct termios_old locks;

	if (cmd == TIOCGLCKTRMIOS) {
		mutex_lock(&tty->lock);
		locks = tty->locks;
		mutex_unlock(&tty->lock);
		return copy_out(uptr(arg), &locks, sizeof(locks));
	}
	if (!capable(CAP_SYS_ADMIN_))
		return -EPERM;
	if (copy_in(&locks, uptr(arg), sizeof(locks)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	tty->locks = locks;
	mutex_unlock(&tty->lock);
	return 0;
}

static bool drained(struct tty *tty)
{
	bool empty;

	/* A pty's bytes are with the master at once. */
	if (tty->driver->pty)
		return true;
	mutex_lock(&tty->lock);
	empty = !tty_ring_used(&tty->out);
	mutex_unlock(&tty->lock);
	return empty;
}

static long drain(struct tty *tty)
{
	tty->driver->output(tty);
	return wait_event(&tty->write_wait, drained(tty));
}

static void packet_flow_event_locked(struct tty *tty, const struct termios2 *old)
{
	const struct termios2 *t = &tty->ld.t;
	bool was, is;

	was = (old->c_iflag & IXON) && old->c_cc[VSTART] == 17 && old->c_cc[VSTOP] == 19;
	is = (t->c_iflag & IXON) && t->c_cc[VSTART] == 17 && t->c_cc[VSTOP] == 19;
	if (was != is)
		tty_packet_event_locked(tty, is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	if ((old->c_lflag | t->c_lflag) & EXTPROC)
		tty_packet_event_locked(tty, TIOCPKT_IOCTL);
}

static long set_termios(struct tty *tty, u32 cmd, u64 arg)
{
	bool wait = cmd != TCSETS && cmd != TCSETS2 && cmd != TCSETA;
	bool flush = cmd == TCSETSF || cmd == TCSETSF2 || cmd == TCSETAF;
	struct termios2 now, t;
	long err = tty_check_change(tty, SIGTTOU);

	if (err)
		return err;
	mutex_lock(&tty->lock);
	now = tty->ld.t;
	mutex_unlock(&tty->lock);
	err = fetch_termios(&now, cmd, arg, &t);
	if (!err && wait)
		err = drain(tty);
	if (err)
		return err;
	if (tty->driver->pty)
		t.c_cflag = (t.c_cflag & ~(CSIZE | PARENB)) | CS8 | CREAD;
	mutex_lock(&tty->lock);
	if (flush)
		tty_flush_input_locked(tty);
	now = tty->ld.t;
	apply_locks(&t, &now, &tty->locks);
	ldisc_set_termios(&tty->ld, &t);
	packet_flow_event_locked(tty, &now);
	tty_pump_locked(tty);
	/* What was typed before may be a line now, or readable without one. */
	wake_up_poll(&tty->read_wait, POLLIN | POLLRDNORM);
	wake_up_poll(&tty->master_write_wait, POLLOUT | POLLWRNORM);
	tty_unlock_kick(tty);
	return 0;
}

static long set_winsize(struct tty *tty, u64 arg)
{
	struct winsize ws;
	bool changed;

	if (copy_in(&ws, uptr(arg), sizeof(ws)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	changed = memcmp(&ws, &tty->winsize, sizeof(ws)) != 0;
	tty->winsize = ws;
	mutex_unlock(&tty->lock);
	if (changed)
		tty_signal_pgrp(tty, SIGWINCH);
	return 0;
}

static long get_winsize(struct tty *tty, u64 arg)
{
	struct winsize ws;

	mutex_lock(&tty->lock);
	ws = tty->winsize;
	mutex_unlock(&tty->lock);
	return copy_out(uptr(arg), &ws, sizeof(ws));
}

static long flush(struct tty *tty, bool master, u64 queue)
{
	long err = tty_check_change(tty, SIGTTOU);
	bool in, out;

	if (err)
		return err;
	if (queue > TCIOFLUSH)
		return -EINVAL;
	in = queue != TCOFLUSH;
	out = queue != TCIFLUSH;
	mutex_lock(&tty->lock);
	if (master ? out : in)
		tty_flush_input_locked(tty);
	if (master ? in : out)
		tty_flush_output_locked(tty);
	mutex_unlock(&tty->lock);
	return 0;
}

static long flow(struct tty *tty, u64 action)
{
	long err = tty_check_change(tty, SIGTTOU);
	struct ldisc *l = &tty->ld;
	u8 c;

	if (err)
		return err;
	if (action > TCION)
		return -EINVAL;
	mutex_lock(&tty->lock);
	switch (action) {
	case TCOOFF:
		l->line_stopped = l->stopped = true;
		tty_packet_event_locked(tty, TIOCPKT_STOP);
		break;
	case TCOON:
		l->line_stopped = l->stopped = false;
		tty_packet_event_locked(tty, TIOCPKT_START);
		wake_up_poll(&tty->write_wait, POLLOUT | POLLWRNORM);
		break;
	default:
		c = l->t.c_cc[action == TCIOFF ? VSTOP : VSTART];
		if (c && tty_ring_room(&tty->out))
			tty_ring_put(&tty->out, &c, 1);
		break;
	}
	tty_unlock_kick(tty);
	return 0;
}

/* TIOCSTI: a byte as if it had been typed. */
static long fake_input(struct tty *tty, u64 arg)
{
	u8 c;

	if (current->process->tty != tty && !capable(CAP_SYS_ADMIN_))
		return -EPERM;
	if (copy_in(&c, uptr(arg), 1))
		return -EFAULT;
	mutex_lock(&tty->lock);
	ldisc_receive_byte(&tty->ld, c);
	if (ldisc_readable(&tty->ld, 1))
		wake_up_poll(&tty->read_wait, POLLIN | POLLRDNORM);
	tty_unlock_kick(tty);
	return 0;
}

static long put_locked_value(struct tty *tty, u64 arg, const bool *field)
{
	u32 v;

	mutex_lock(&tty->lock);
	v = *field;
	mutex_unlock(&tty->lock);
	return put_user_u32(uptr(arg), v);
}

static long queue_size(struct tty *tty, bool master, u64 arg)
{
	u32 n;

	mutex_lock(&tty->lock);
	n = master ? tty_ring_used(&tty->out) : (u32)ldisc_inq(&tty->ld);
	mutex_unlock(&tty->lock);
	return put_user_u32(uptr(arg), n);
}

static long out_queue(struct tty *tty, bool master, u64 arg)
{
	u32 n = 0;

	if (!master && !tty->driver->pty) {
		mutex_lock(&tty->lock);
		n = tty_ring_used(&tty->out);
		mutex_unlock(&tty->lock);
	}
	return put_user_u32(uptr(arg), n);
}

static long set_discipline(struct tty *tty, u64 arg)
{
	u32 n;

	if (get_user_u32(uptr(arg), &n))
		return -EFAULT;
	return n == N_TTY ? 0 : -EINVAL;
}

static long open_peer(struct tty *tty, u64 flags)
{
	return fd_install_new(tty_open_file(tty, (u32)flags), flags & O_CLOEXEC);
}

static long master_ioctl(struct tty *tty, u32 cmd, u64 arg)
{
	u32 v;

	switch (cmd) {
	case TIOCGPTN:
		return put_user_u32(uptr(arg), tty->index);
	case TIOCGPTLCK:
		return put_locked_value(tty, arg, &tty->locked);
	case TIOCGPKT:
		return put_locked_value(tty, arg, &tty->packet);
	case TIOCSPTLCK:
	case TIOCPKT:
		if (get_user_u32(uptr(arg), &v))
			return -EFAULT;
		mutex_lock(&tty->lock);
		if (cmd == TIOCSPTLCK) {
			tty->locked = v != 0;
		} else {
			if (v && !tty->packet)
				tty->packet_status = 0;
			tty->packet = v != 0;
		}
		mutex_unlock(&tty->lock);
		return 0;
	case TIOCSIG:
		if (arg != SIGINT && arg != SIGQUIT && arg != SIGTSTP)
			return -EINVAL;
		tty_signal_pgrp(tty, (int)arg);
		return 0;
	case TIOCGPTPEER:
		return open_peer(tty, arg);
	default:
		return -ENOTTY;
	}
}

static long set_exclusive(struct tty *tty, bool on)
{
	mutex_lock(&tty->lock);
	tty->exclusive = on;
	mutex_unlock(&tty->lock);
	return 0;
}

static long mode_ioctl(struct tty *tty, bool master, u32 cmd, u64 arg)
{
	u32 clocal;

	switch (cmd) {
	case TCGETS:
	case TCGETS2:
	case TCGETA:
		return get_termios(tty, cmd, arg);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_termios(tty, cmd, arg);
	case TIOCGLCKTRMIOS:
	case TIOCSLCKTRMIOS:
		return lock_termios(tty, cmd, arg);
	case TIOCGWINSZ:
		return get_winsize(tty, arg);
	case TIOCSWINSZ:
		return set_winsize(tty, arg);
	case TIOCINQ:
		return queue_size(tty, master, arg);
	case TIOCOUTQ:
		return out_queue(tty, master, arg);
	case TCFLSH:
		return flush(tty, master, arg);
	case TCXONC:
		return flow(tty, arg);
	case TIOCGSOFTCAR:
		mutex_lock(&tty->lock);
		clocal = (tty->ld.t.c_cflag & CLOCAL) != 0;
		mutex_unlock(&tty->lock);
		return put_user_u32(uptr(arg), clocal);
	default:
		return -ENOIOCTLCMD;
	}
}

long tty_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	long ret;

	if (!tf->master && tty_file_dead(tf))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	ret = tty_jobctl_ioctl(tty, tf, f, cmd, arg);
	if (ret == -ENOIOCTLCMD)
		ret = mode_ioctl(tty, tf->master, cmd, arg);
	if (ret != -ENOIOCTLCMD)
		return ret;
	switch (cmd) {
	case TIOCSTI:
		return fake_input(tty, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		return set_exclusive(tty, cmd == TIOCEXCL);
	case TIOCGEXCL:
		return put_locked_value(tty, arg, &tty->exclusive);
	case TIOCGETD:
		return put_user_u32(uptr(arg), N_TTY);
	case TIOCSETD:
		ret = tty_check_change(tty, SIGTTOU);
		return ret ? ret : set_discipline(tty, arg);
	case TIOCGDEV:
		return put_user_u32(uptr(arg), (u32)dev_encode(tf->master ? MKDEV(TTY_MAJOR_AUX, 2) : tty_dev(tty)));
	case TCSBRK: /* arg 0 would send a break, which no terminal here can show; else wait only */
	case TCSBRKP:
	case TIOCSBRK:
	case TIOCCBRK:
		ret = tty_check_change(tty, SIGTTOU);
		return ret || cmd == TIOCCBRK ? ret : drain(tty);
	case TIOCVHANGUP:
		if (!capable(CAP_SYS_ADMIN_))
			return -EPERM;
		tty_hangup(tty);
		return 0;
	}
	return tf->master ? master_ioctl(tty, cmd, arg) : -ENOTTY;
}
