/* See console.h. */
#include "runtime/container/console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "runtime/lib/handover.h"
#include "runtime/lib/util.h"

int console_attach(const char *path, unsigned rows, unsigned cols, struct error *err)
{
	cleanup_close int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	cleanup_close int slave = -1;
	struct winsize ws = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
	char name[64];

	if (master < 0 || grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)))
		return error_errno(err, "cannot make a pseudoterminal");
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return error_errno(err, "%s", name);
	if (rows || cols)
		ioctl(slave, TIOCSWINSZ, &ws);
	if (ioctl(slave, TIOCSCTTY, 0))
		return error_errno(err, "cannot make %s the controlling terminal", name);
	if (hand_over("console socket", path, name, master, err))
		return -1;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave, fd) < 0)
			return error_errno(err, "dup2");
	return 0;
}
