/* See terminal.h. */
#include "runtime/supervisor/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

static struct termios cooked;
static bool have_terminal, raw;
static int file_flags[3] = {-1, -1, -1};

void terminal_resume(void)
{
	struct termios t = cooked;

	if (!have_terminal || raw)
		return;
	/* Continued in the background: the terminal is the shell's until it continues us again in the foreground. */
	if (tcgetpgrp(STDIN_FILENO) >= 0 && tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	cfmakeraw(&t);
	raw = !tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
}

void terminal_enter(bool use_terminal)
{
	/* The guest may set O_NONBLOCK on descriptions that it shares with the shell. */
	for (int fd = 0; fd <= 2; fd++)
		file_flags[fd] = fcntl(fd, F_GETFL);
	have_terminal = use_terminal && !tcgetattr(STDIN_FILENO, &cooked);
	terminal_resume();
}

void terminal_leave(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (file_flags[fd] >= 0)
			fcntl(fd, F_SETFL, file_flags[fd]);
	if (raw && (tcgetpgrp(STDIN_FILENO) < 0 || tcgetpgrp(STDIN_FILENO) == getpgrp()))
		tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
	raw = false;
}

bool terminal_is_raw(void)
{
	return raw;
}
