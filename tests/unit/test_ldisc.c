/*
 * The line discipline on its own: editing, echo, signals, flow control, output processing.
 *
 * build: kernel/fs/tty/ldisc.c kernel/fs/tty/ldisc_echo.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/tty/ldisc.h"

struct line {
	struct ldisc l;
	char out[8192];
	size_t used, limit;
	int signal;
	bool flushed, stopped;
};

static size_t room(void *ctx)
{
	struct line *t = ctx;

	return t->limit - t->used;
}

static void put(void *ctx, const u8 *bytes, size_t n)
{
	struct line *t = ctx;

	assert_true(n <= t->limit - t->used);
	memcpy(t->out + t->used, bytes, n);
	t->used += n;
}

static void on_signal(void *ctx, int sig, bool flush)
{
	struct line *t = ctx;

	t->signal = sig;
	t->flushed = flush;
}

static void on_flow(void *ctx, bool stop) { ((struct line *)ctx)->stopped = stop; }

static const struct ldisc_ops ops = { .room = room, .put = put, .signal = on_signal, .flow = on_flow };

static struct line t;

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	t.limit = sizeof(t.out);
	ldisc_init(&t.l, &ops, &t);
	return 0;
}

static void type(const char *s) { assert_int_equal(ldisc_receive(&t.l, (const u8 *)s, strlen(s)), strlen(s)); }

static void expect_echo(const char *s)
{
	assert_int_equal(t.used, strlen(s));
	assert_memory_equal(t.out, s, t.used);
	t.used = 0;
}

static void expect_read(const char *s)
{
	u8 buf[5000];
	bool done;
	size_t n = ldisc_read(&t.l, buf, sizeof(buf), &done);

	assert_int_equal(n, strlen(s));
	assert_memory_equal(buf, s, n);
}

static void set_flags(u32 clear_l, u32 set_l, u32 set_i)
{
	struct termios2 m = t.l.t;

	m.c_lflag = (m.c_lflag & ~clear_l) | set_l;
	m.c_iflag |= set_i;
	ldisc_set_termios(&t.l, &m);
}

static void lines(void **state)
{
	type("hello");
	assert_false(ldisc_readable(&t.l, 1));
	expect_echo("hello");
	type("\r");
	expect_echo("\r\n");
	assert_true(ldisc_readable(&t.l, 1));
	type("two\nthree");
	assert_int_equal(ldisc_inq(&t.l), 10);
	expect_read("hello\n");
	expect_read("two\n");
	assert_false(ldisc_readable(&t.l, 1));
}

static void end_of_file(void **state)
{
	u8 buf[16];
	bool done;

	type("abc\004");
	assert_int_equal(ldisc_inq(&t.l), 3);
	/* A read that takes exactly the bytes takes the end of file as well. */
	assert_int_equal(ldisc_read(&t.l, buf, 3, &done), 3);
	assert_true(done);
	assert_false(ldisc_readable(&t.l, 1));
	type("\004");
	assert_true(ldisc_readable(&t.l, 1));
	assert_int_equal(ldisc_read(&t.l, buf, sizeof(buf), &done), 0);
	assert_true(done);
	type("long line\n");
	assert_int_equal(ldisc_read(&t.l, buf, 4, &done), 4);
	assert_false(done);
	assert_int_equal(ldisc_read(&t.l, buf, 16, &done), 6);
	assert_true(done);
}

static void editing(void **state)
{
	type("ab\177");
	expect_echo("ab\b \b");
	type("c d_e\027"); /* werase */
	t.used = 0;
	type("x\n");
	expect_read("ac x\n");
	t.used = 0;
	type("\177"); /* nothing to erase */
	expect_echo("");
	type("a\001\177"); /* a control character takes two columns */
	expect_echo("a^A\b \b\b \b");
	type("\025"); /* kill */
	expect_echo("\b \b");
	type("ab\t\177"); /* back over a tab to column 2 */
	expect_echo("ab\t\b\b\b\b\b\b");
	type("\026\003\n"); /* literal ^C */
	assert_int_equal(t.signal, 0);
	expect_read("ab\003\n");
}

static void utf8(void **state)
{
	set_flags(0, 0, IUTF8);
	type("\xc3\xa9x\177\177");
	expect_echo("\xc3\xa9x\b \b\b \b");
	type("y\n");
	expect_read("y\n");
}

static void signals(void **state)
{
	type("abc");
	t.used = 0;
	type("\003");
	assert_int_equal(t.signal, 2);
	assert_true(t.flushed);
	expect_echo("^C");
	type("x\n");
	expect_read("x\n");
	set_flags(0, NOFLSH, 0);
	type("keep\032");
	assert_int_equal(t.signal, 20);
	assert_false(t.flushed);
	type("\n");
	expect_read("keep\n");
	set_flags(ISIG, 0, 0);
	t.signal = 0;
	type("\003\n");
	assert_int_equal(t.signal, 0);
	expect_read("\003\n");
}

static void flow(void **state)
{
	type("\023");
	assert_true(t.stopped);
	assert_int_equal(ldisc_output(&t.l, (const u8 *)"x", 1), 0);
	type("\021");
	assert_false(t.stopped);
	assert_int_equal(ldisc_output(&t.l, (const u8 *)"x", 1), 1);
	expect_echo("x");
	type("\023");
	set_flags(0, 0, IXANY);
	type("a");
	assert_false(t.stopped);
}

static void output(void **state)
{
	struct termios2 m = t.l.t;

	assert_int_equal(ldisc_output(&t.l, (const u8 *)"a\nb\tc", 5), 5);
	expect_echo("a\r\nb\tc");
	m.c_oflag |= TAB3 | ONOCR;
	ldisc_set_termios(&t.l, &m);
	assert_int_equal(ldisc_output(&t.l, (const u8 *)"\n\rab\tc\r", 7), 7);
	expect_echo("\r\nab      c\r");
	/* Programs leave room for echo. */
	t.limit = 300;
	assert_true(ldisc_output(&t.l, (const u8 *)"0123456789012345678901234567890123456789", 40) < 40);
	type("e");
	t.used = 0;
	t.limit = 0;
	type("lost echo is no error\n");
}

static void raw(void **state)
{
	struct termios2 m = t.l.t;

	type("pending");
	m.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	m.c_iflag = 0;
	ldisc_set_termios(&t.l, &m);
	t.used = 0;
	assert_true(ldisc_readable(&t.l, 1));
	expect_read("pending");
	type("\003\r\177");
	expect_echo("");
	assert_false(ldisc_readable(&t.l, 4));
	assert_true(ldisc_readable(&t.l, 3));
	m.c_lflag |= ICANON;
	ldisc_set_termios(&t.l, &m);
	assert_true(ldisc_readable(&t.l, 1));
	expect_read("\003\r\177");
}

static void overflow(void **state)
{
	u8 buf[5000];
	bool done;
	int i;

	for (i = 0; i < 9000; i++)
		type("a");
	assert_false(ldisc_readable(&t.l, 1));
	t.used = 0;
	type("b\n");
	assert_int_equal(ldisc_receive_room(&t.l), 0);
	assert_int_equal(ldisc_receive(&t.l, (const u8 *)"x", 1), 0);
	assert_int_equal(ldisc_read(&t.l, buf, sizeof(buf), &done), LDISC_SIZE);
	assert_int_equal(buf[LDISC_SIZE - 1], '\n');
	assert_int_equal(buf[LDISC_SIZE - 2], 'b');
	set_flags(ICANON, 0, 0);
	memset(buf, 'r', sizeof(buf));
	assert_int_equal(ldisc_receive(&t.l, buf, sizeof(buf)), LDISC_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines, setup),	cmocka_unit_test_setup(end_of_file, setup),
		cmocka_unit_test_setup(editing, setup), cmocka_unit_test_setup(utf8, setup),
		cmocka_unit_test_setup(signals, setup), cmocka_unit_test_setup(flow, setup),
		cmocka_unit_test_setup(output, setup),	cmocka_unit_test_setup(raw, setup),
		cmocka_unit_test_setup(overflow, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
