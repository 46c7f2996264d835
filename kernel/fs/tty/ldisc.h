/*
 * The line discipline, termios(3): what stands between the bytes of a line and the program. Pure: a struct, and
 * three callbacks; no locks, no sleeping, no allocation, so that it can be tested on its own. The tty core calls
 * it with tty->lock held.
 *
 * Input:  ldisc_receive() takes bytes as they come in, edits and echoes them, and stores them in buf.
 * Read:   ldisc_read() hands out a line (canonical mode) or whatever is there.
 * Output: ldisc_output() turns a program's bytes into the line's (OPOST), following the column.
 *
 * buf is a ring; head, canon_head, tail count bytes since the beginning: tail <= canon_head <= head. What lies
 * before canon_head is complete lines; what lies behind can still be edited. A bit in ends marks the last byte of a
 * line; when that byte is 0 it is an end of file and is not handed out.
 */
#ifndef LIMPET_FS_TTY_LDISC_H
#define LIMPET_FS_TTY_LDISC_H

#include "abi/linux/termios.h"
#include "lib/types.h"

#define LDISC_SIZE 4096u
#define LDISC_ECHO_RESERVE 256u /* bytes of output room that programs leave to echo */

struct ldisc_ops {
	/* Room for output in bytes; put is never called for more. */
	size_t (*room)(void *ctx);
	void (*put)(void *ctx, const u8 *bytes, size_t n);
	/* INTR, QUIT, SUSP: to the foreground group, and flush the output when flush is set. */
	void (*signal)(void *ctx, int sig, bool flush);
	/* START and STOP from the line: output goes on, or stops. */
	void (*flow)(void *ctx, bool stop);
};

struct ldisc {
	struct termios2 t;
	const struct ldisc_ops *ops; /* immutable */
	void *ctx; /* immutable */
	u64 head, canon_head, tail;
	u32 column, canon_column; /* of the cursor; where the line being edited began */
	bool lnext; /* the next byte is literal */
	bool erasing; /* between \ and / of ECHOPRT */
	bool stopped; /* output is stopped */
	bool line_stopped; /* by TCOOFF: only TCOON goes on */
	u64 ends[LDISC_SIZE / 64];
	u8 buf[LDISC_SIZE];
};

void ldisc_init(struct ldisc *l, const struct ldisc_ops *ops, void *ctx); /* sane settings of a fresh terminal */
/* Takes bytes until it has no room; returns how many. */
size_t ldisc_receive(struct ldisc *l, const u8 *bytes, size_t n);
/* TIOCSTI and the like: one byte, room or not. */
void ldisc_receive_byte(struct ldisc *l, u8 c);
size_t ldisc_receive_room(const struct ldisc *l); /* bytes ldisc_receive takes for sure */
/* Would a read get something now? min: of non-canonical mode, at least 1. */
bool ldisc_readable(const struct ldisc *l, size_t min);
/*
 * At most n bytes. *line_done: the end of a line was taken, so a read ends here; 0 bytes then is an end of file.
 * Always false in non-canonical mode.
 */
size_t ldisc_read(struct ldisc *l, u8 *to, size_t n, bool *line_done);
size_t ldisc_inq(const struct ldisc *l); /* FIONREAD */
/* Processes output while there is room; returns how many source bytes were consumed. */
size_t ldisc_output(struct ldisc *l, const u8 *bytes, size_t n);
void ldisc_set_termios(struct ldisc *l, const struct termios2 *t);
void ldisc_flush_input(struct ldisc *l);

/* ldisc_echo.c, for ldisc.c. */
void ldisc_put_processed(struct ldisc *l, u8 c); /* a byte of output, after OPOST if set; dropped without room */
void ldisc_echo(struct ldisc *l, u8 c); /* as ECHOCTL wants it */
void ldisc_erase(struct ldisc *l, u8 c); /* ERASE, WERASE or KILL was typed */
void ldisc_finish_erasing(struct ldisc *l);

static inline bool ldisc_iflag(const struct ldisc *l, u32 f) { return l->t.c_iflag & f; }
static inline bool ldisc_oflag(const struct ldisc *l, u32 f) { return l->t.c_oflag & f; }
static inline bool ldisc_lflag(const struct ldisc *l, u32 f) { return l->t.c_lflag & f; }
/* c is the special character of that index; 0 switches one off. */
static inline bool ldisc_is(const struct ldisc *l, u8 c, unsigned index) { return c && c == l->t.c_cc[index]; }
static inline u8 ldisc_at(const struct ldisc *l, u64 pos) { return l->buf[pos % LDISC_SIZE]; }
static inline bool ldisc_iscntrl(u8 c) { return c < 0x20 || c == 0x7f; }
/* A byte inside a UTF-8 sequence: takes no column of its own. */
static inline bool ldisc_is_continuation(const struct ldisc *l, u8 c)
{
	return ldisc_iflag(l, IUTF8) && (c & 0xc0) == 0x80;
}

#endif
