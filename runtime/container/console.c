/* See console.h. */
#include "runtime/container/console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "runtime/lib/util.h"

static int send_master(const char *path, int master, const char *name, struct error *err)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)name, strlen(name)};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, "console socket %s: the path is too long", path);
	strcpy(addr.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return error_errno(err, "cannot connect to console socket %s", path);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &master, sizeof(int));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? error_errno(err, "sending to console socket %s", path) : 0;
}

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
	if (send_master(path, master, name, err))
		return -1;
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(slave, fd) < 0)
			return error_errno(err, "dup2");
	return 0;
}
