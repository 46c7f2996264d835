/* The line discipline: output processing with column tracking, echo, and how erased characters disappear. */
#include "fs/tty/ldisc.h"

#include "lib/string.h"

#define OUT_MAX 8u /* the most bytes one byte of output becomes: a tab's spaces */

/* What c becomes on the line, and where the cursor goes. Returns the number of bytes in out. */
static size_t process(struct ldisc *l, u8 c, u8 *out)
{
	size_t n = 0, spaces;

	switch (c) {
	case '\n':
		if (ldisc_oflag(l, ONLRET))
			l->column = 0;
		if (ldisc_oflag(l, ONLCR)) {
			l->column = 0;
			out[n++] = '\r';
		}
		l->canon_column = l->column;
		break;
	case '\r':
		if (ldisc_oflag(l, ONOCR) && l->column == 0)
			return 0;
		if (ldisc_oflag(l, OCRNL)) {
			c = '\n';
			if (!ldisc_oflag(l, ONLRET))
				break;
		}
		l->column = l->canon_column = 0;
		break;
	case '\t':
		spaces = 8 - (l->column & 7);
		l->column += (u32)spaces;
		if ((l->t.c_oflag & TABDLY) == TAB3) {
			memset(out, ' ', spaces);
			return spaces;
		}
		break;
	case '\b':
		if (l->column > 0)
			l->column--;
		break;
	default:
		if (ldisc_iscntrl(c))
			break;
		if (ldisc_oflag(l, OLCUC) && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if (!ldisc_is_continuation(l, c))
			l->column++;
		break;
	}
	out[n++] = c;
	return n;
}

size_t ldisc_output(struct ldisc *l, const u8 *bytes, size_t n)
{
	size_t room, i, used = 0;
	u8 out[256];

	if (l->stopped)
		return 0;
	room = l->ops->room(l->ctx);
	room = room > LDISC_ECHO_RESERVE ? room - LDISC_ECHO_RESERVE : 0;
	if (!ldisc_oflag(l, OPOST)) {
		n = min(n, room);
		if (n)
			l->ops->put(l->ctx, bytes, n);
		return n;
	}
	for (i = 0; i < n && room - used >= OUT_MAX; i++) {
		if (used + OUT_MAX > sizeof(out)) {
			l->ops->put(l->ctx, out, used);
			room -= used;
			used = 0;
			if (room < OUT_MAX)
				break;
		}
		used += process(l, bytes[i], out + used);
	}
	if (used)
		l->ops->put(l->ctx, out, used);
	return i;
}

static void put_raw(struct ldisc *l, const void *bytes, size_t n)
{
	if (l->ops->room(l->ctx) >= n)
		l->ops->put(l->ctx, bytes, n);
}

void ldisc_put_processed(struct ldisc *l, u8 c)
{
	u8 out[OUT_MAX];
	size_t n;

	if (!ldisc_oflag(l, OPOST)) {
		put_raw(l, &c, 1);
		return;
	}
	n = process(l, c, out);
	if (n)
		put_raw(l, out, n);
}

void ldisc_echo(struct ldisc *l, u8 c)
{
	if (ldisc_lflag(l, ECHOCTL) && ldisc_iscntrl(c) && c != '\t') {
		ldisc_put_processed(l, '^');
		ldisc_put_processed(l, c ^ 0100);
	} else {
		ldisc_put_processed(l, c);
	}
}

void ldisc_finish_erasing(struct ldisc *l)
{
	if (!l->erasing)
		return;
	ldisc_put_processed(l, '/');
	l->erasing = false;
}

static void rub_out(struct ldisc *l)
{
	put_raw(l, "\b \b", 3);
	if (l->column > 0)
		l->column--;
}

/* Back over a tab: to where the text before it ends. pos = the tab's place. */
static void rub_out_tab(struct ldisc *l, u64 pos)
{
	u32 columns = 0, back;
	bool after_tab = false;
	u8 c;

	while (pos != l->canon_head) {
		c = ldisc_at(l, --pos);
		if (c == '\t') {
			after_tab = true;
			break;
		}
		if (ldisc_iscntrl(c))
			columns += ldisc_lflag(l, ECHOCTL) ? 2 : 0;
		else if (!ldisc_is_continuation(l, c))
			columns++;
	}
	if (!after_tab)
		columns += l->canon_column;
	for (back = 8 - (columns & 7); back; back--) {
		put_raw(l, "\b", 1);
		if (l->column > 0)
			l->column--;
	}
}

/* Shows that the bytes from pos to the old head are gone. key = what was typed. */
static void show_erased(struct ldisc *l, u8 key, u64 pos, u64 old_head)
{
	u8 c = ldisc_at(l, pos);

	if (!ldisc_lflag(l, ECHO))
		return;
	if (ldisc_lflag(l, ECHOPRT)) {
		if (!l->erasing) {
			ldisc_put_processed(l, '\\');
			l->erasing = true;
		}
		ldisc_echo(l, c);
		while (++pos != old_head)
			ldisc_put_processed(l, ldisc_at(l, pos));
	} else if (ldisc_is(l, key, VERASE) && !ldisc_lflag(l, ECHOE)) {
		ldisc_echo(l, key);
	} else if (c == '\t') {
		rub_out_tab(l, pos);
	} else {
		if (ldisc_iscntrl(c) && ldisc_lflag(l, ECHOCTL))
			rub_out(l);
		if (!ldisc_iscntrl(c) || ldisc_lflag(l, ECHOCTL))
			rub_out(l);
	}
}

static bool word_char(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

void ldisc_erase(struct ldisc *l, u8 key)
{
	bool one = ldisc_is(l, key, VERASE), line = !one && ldisc_is(l, key, VKILL), seen_word = false;
	u64 pos, old;
	u8 c;

	if (l->head == l->canon_head)
		return;
	if (line && (!ldisc_lflag(l, ECHO) || !ldisc_lflag(l, ECHOK) || !ldisc_lflag(l, ECHOKE) || !ldisc_lflag(l, ECHOE))) {
		l->head = l->canon_head;
		if (!ldisc_lflag(l, ECHO))
			return;
		ldisc_finish_erasing(l);
		ldisc_echo(l, key);
		if (ldisc_lflag(l, ECHOK))
			ldisc_put_processed(l, '\n');
		return;
	}
	while (l->head != l->canon_head) {
		pos = l->head;
		do {
			c = ldisc_at(l, --pos);
		} while (ldisc_is_continuation(l, c) && pos != l->canon_head);
		if (ldisc_is_continuation(l, c))
			break; /* half a character: leave it */
		if (!one && !line) {
			if (word_char(c))
				seen_word = true;
			else if (seen_word)
				break;
		}
		old = l->head;
		l->head = pos;
		show_erased(l, key, pos, old);
		if (one)
			break;
	}
	if (l->head == l->canon_head && ldisc_lflag(l, ECHO))
		ldisc_finish_erasing(l);
}
