/* See handover.h. */
#include "runtime/lib/handover.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "runtime/lib/util.h"

int hand_over(const char *what, const char *path, const char *text, int fd, struct error *err)
{
	cleanup_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, "%s %s: the path is too long", what, path);
	strcpy(addr.sun_path, path);
	if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)))
		return error_errno(err, "cannot connect to %s %s", what, path);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
		return error_errno(err, "sending to %s %s", what, path);
	return 0;
}
