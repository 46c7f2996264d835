/* The line discipline: input, reading, settings; see ldisc.h. */
#include "fs/tty/ldisc.h"

#include "abi/linux/signal.h"
#include "lib/string.h"

static const u8 default_cc[TERMIOS_NCCS] = {
	[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19,
	[VSUSP] = 26, [VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
};

void ldisc_init(struct ldisc *l, const struct ldisc_ops *ops, void *ctx)
{
	memset(l, 0, sizeof(*l));
	l->ops = ops;
	l->ctx = ctx;
	l->t.c_iflag = ICRNL | IXON;
	l->t.c_oflag = OPOST | ONLCR;
	l->t.c_cflag = B38400 | CS8 | CREAD;
	l->t.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
	memcpy(l->t.c_cc, default_cc, sizeof(default_cc));
	l->t.c_ispeed = l->t.c_ospeed = 38400;
}

static bool canonical(const struct ldisc *l) { return ldisc_lflag(l, ICANON) && !ldisc_lflag(l, EXTPROC); }

static bool end_at(const struct ldisc *l, u64 pos)
{
	return l->ends[(pos % LDISC_SIZE) / 64] >> (pos % 64) & 1;
}

static void set_end(struct ldisc *l, u64 pos, bool on)
{
	u64 bit = 1ull << (pos % 64), *word = &l->ends[(pos % LDISC_SIZE) / 64];

	*word = on ? *word | bit : *word & ~bit;
}

/*
 * A full line without its end must still be able to get one: the last place is used again and again. That place
 * is also kept free for the newline.
 */
static void store(struct ldisc *l, u8 c)
{
	if (l->head - l->tail >= LDISC_SIZE - 1) {
		if (l->head == l->canon_head || !ldisc_lflag(l, ICANON))
			return;
		l->head--;
	}
	l->buf[l->head % LDISC_SIZE] = c;
	set_end(l, l->head, false);
	l->head++;
}

static void end_line(struct ldisc *l, u8 c)
{
	if (l->head - l->tail >= LDISC_SIZE) {
		if (l->head == l->canon_head)
			return;
		l->head--;
	}
	l->buf[l->head % LDISC_SIZE] = c;
	set_end(l, l->head, true);
	l->head++;
	l->canon_head = l->head;
}

size_t ldisc_receive_room(const struct ldisc *l)
{
	size_t used = (size_t)(l->head - l->tail), left = used < LDISC_SIZE - 1 ? LDISC_SIZE - 1 - used : 0;

	if (ldisc_iflag(l, PARMRK))
		left /= 2;
	/* A line that is too long goes on being edited, so that its end comes through. */
	if (!left && ldisc_lflag(l, ICANON) && l->canon_head == l->tail)
		return 1;
	return left;
}

static void start_output(struct ldisc *l)
{
	if (!l->stopped || l->line_stopped)
		return;
	l->stopped = false;
	l->ops->flow(l->ctx, false);
}

static void stop_output(struct ldisc *l)
{
	if (l->stopped)
		return;
	l->stopped = true;
	l->ops->flow(l->ctx, true);
}

static void send_signal(struct ldisc *l, int sig, u8 c)
{
	bool flush = !ldisc_lflag(l, NOFLSH);

	if (flush)
		ldisc_flush_input(l);
	l->ops->signal(l->ctx, sig, flush);
	if (ldisc_iflag(l, IXON))
		start_output(l);
	if (ldisc_lflag(l, ECHO))
		ldisc_echo(l, c);
}

static void reprint(struct ldisc *l, u8 c)
{
	u64 pos;

	ldisc_finish_erasing(l);
	ldisc_echo(l, c);
	ldisc_put_processed(l, '\n');
	for (pos = l->canon_head; pos != l->head; pos++)
		ldisc_echo(l, ldisc_at(l, pos));
}

/* An ordinary byte. */
static void take(struct ldisc *l, u8 c)
{
	if (ldisc_lflag(l, ECHO)) {
		ldisc_finish_erasing(l);
		if (c == '\n') {
			ldisc_put_processed(l, '\n');
		} else {
			if (l->canon_head == l->head)
				l->canon_column = l->column;
			ldisc_echo(l, c);
		}
	}
	if (c == 0xff && ldisc_iflag(l, PARMRK))
		store(l, c);
	store(l, c);
}

/* Flow control and signals: true when c was one of them. */
static bool control_char(struct ldisc *l, u8 c)
{
	if (ldisc_iflag(l, IXON)) {
		if (ldisc_is(l, c, VSTART)) {
			/* One character for both toggles. */
			if (ldisc_is(l, c, VSTOP) && !l->stopped)
				stop_output(l);
			else
				start_output(l);
			return true;
		}
		if (ldisc_is(l, c, VSTOP)) {
			stop_output(l);
			return true;
		}
	}
	if (ldisc_lflag(l, ISIG)) {
		int sig = ldisc_is(l, c, VINTR) ? SIGINT :
			  ldisc_is(l, c, VQUIT) ? SIGQUIT :
			  ldisc_is(l, c, VSUSP) ? SIGTSTP :
						  0;
		if (sig) {
			send_signal(l, sig, c);
			return true;
		}
	}
	return false;
}

/* Editing and line ends of canonical mode: true when c was one of them. */
static bool canonical_char(struct ldisc *l, u8 c)
{
	bool ext = ldisc_lflag(l, IEXTEN);

	if (ldisc_is(l, c, VERASE) || ldisc_is(l, c, VKILL) || (ext && ldisc_is(l, c, VWERASE))) {
		ldisc_erase(l, c);
		return true;
	}
	if (ext && ldisc_is(l, c, VLNEXT)) {
		l->lnext = true;
		if (ldisc_lflag(l, ECHO)) {
			ldisc_finish_erasing(l);
			if (ldisc_lflag(l, ECHOCTL)) {
				ldisc_put_processed(l, '^');
				ldisc_put_processed(l, '\b');
			}
		}
		return true;
	}
	if (ext && ldisc_lflag(l, ECHO) && ldisc_is(l, c, VREPRINT)) {
		reprint(l, c);
		return true;
	}
	if (c == '\n') {
		if (ldisc_lflag(l, ECHO | ECHONL))
			ldisc_put_processed(l, '\n');
		end_line(l, c);
		return true;
	}
	if (ldisc_is(l, c, VEOF)) {
		end_line(l, 0);
		return true;
	}
	if (ldisc_is(l, c, VEOL) || (ext && ldisc_is(l, c, VEOL2))) {
		if (ldisc_lflag(l, ECHO)) {
			if (l->canon_head == l->head)
				l->canon_column = l->column;
			ldisc_echo(l, c);
		}
		if (c == 0xff && ldisc_iflag(l, PARMRK))
			store(l, c);
		end_line(l, c);
		return true;
	}
	return false;
}

void ldisc_receive_byte(struct ldisc *l, u8 c)
{
	if (ldisc_iflag(l, ISTRIP))
		c &= 0x7f;
	if (ldisc_iflag(l, IUCLC) && ldisc_lflag(l, IEXTEN) && c >= 'A' && c <= 'Z')
		c += 'a' - 'A';
	if (ldisc_lflag(l, EXTPROC)) {
		store(l, c);
		return;
	}
	if (l->lnext) {
		l->lnext = false;
		take(l, c);
		return;
	}
	if (control_char(l, c))
		return;
	if (l->stopped && ldisc_iflag(l, IXON) && ldisc_iflag(l, IXANY))
		start_output(l);
	if (c == '\r') {
		if (ldisc_iflag(l, IGNCR))
			return;
		if (ldisc_iflag(l, ICRNL))
			c = '\n';
	} else if (c == '\n' && ldisc_iflag(l, INLCR)) {
		c = '\r';
	}
	if (ldisc_lflag(l, ICANON) && canonical_char(l, c))
		return;
	take(l, c);
}

size_t ldisc_receive(struct ldisc *l, const u8 *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n && ldisc_receive_room(l); i++)
		ldisc_receive_byte(l, bytes[i]);
	return i;
}

bool ldisc_readable(const struct ldisc *l, size_t min_bytes)
{
	if (canonical(l))
		return l->canon_head != l->tail;
	return l->head - l->tail >= (min_bytes ? min_bytes : 1);
}

static size_t read_line(struct ldisc *l, u8 *to, size_t n, bool *line_done)
{
	size_t got = 0;

	*line_done = false;
	while (l->tail != l->canon_head) {
		bool end = end_at(l, l->tail);
		u8 c = ldisc_at(l, l->tail);

		/* An end of file right behind a full buffer belongs to this read. */
		if (got == n && !(end && !c))
			break;
		set_end(l, l->tail, false);
		l->tail++;
		if (!end || c)
			to[got++] = c;
		if (end) {
			*line_done = true;
			break;
		}
	}
	return got;
}

size_t ldisc_read(struct ldisc *l, u8 *to, size_t n, bool *line_done)
{
	size_t got = 0;

	if (canonical(l))
		return read_line(l, to, n, line_done);
	*line_done = false;
	while (got < n && l->tail != l->head) {
		set_end(l, l->tail, false);
		to[got++] = ldisc_at(l, l->tail);
		l->tail++;
	}
	/* Without lines nothing is left to edit. */
	l->canon_head = l->tail;
	return got;
}

size_t ldisc_inq(const struct ldisc *l)
{
	size_t n = 0;
	u64 pos;

	if (!canonical(l))
		return (size_t)(l->head - l->tail);
	for (pos = l->tail; pos != l->canon_head; pos++)
		n += ldisc_at(l, pos) || !end_at(l, pos);
	return n;
}

void ldisc_set_termios(struct ldisc *l, const struct termios2 *t)
{
	u32 changed = l->t.c_lflag ^ t->c_lflag;

	l->t = *t;
	if (changed & (ICANON | EXTPROC)) {
		memset(l->ends, 0, sizeof(l->ends));
		if (ldisc_lflag(l, ICANON) && l->head != l->tail) {
			/* What was typed before is handed out as it is. */
			set_end(l, l->head - 1, true);
			l->canon_head = l->head;
		} else {
			l->canon_head = l->tail;
		}
		l->lnext = false;
		l->erasing = false;
	}
	if (!ldisc_iflag(l, IXON))
		start_output(l);
}

void ldisc_flush_input(struct ldisc *l)
{
	l->tail = l->canon_head = l->head;
	memset(l->ends, 0, sizeof(l->ends));
	l->lnext = false;
	l->erasing = false;
}
