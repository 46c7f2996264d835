/* /proc/PID as a directory: every name is listed, also while descriptors go; an open one stands for a pidfd. */
#include "test.h"

#include <dirent.h>

static int list(const char *dir, const char *want)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int found = 0;

	if (!d)
		return -1;
	while ((e = readdir(d)))
		found += !strcmp(e->d_name, want);
	closedir(d);
	return found;
}

TEST(every_name)
{
	EQ(list("/proc/self", "stat"), 1);
	EQ(list("/proc/self", "status"), 1);
	EQ(list("/proc/self", "maps"), 1);
	EQ(list("/proc/self", "mem"), 1);
	EQ(list("/proc/self", "fd"), 1);
	EQ(list("/proc/self", "fdinfo"), 1);
	EQ(list("/proc", "self"), 1);
	EQ(list("/proc", "stat"), 1);
	EQ(list("/proc", "meminfo"), 1);
	EQ(list("/proc", "cpuinfo"), 1);
	EQ(list("/proc", "mounts"), 1);
	EQ(list("/sys/devices/system/cpu", "cpu0"), 1);
	EQ(list("/sys/devices/system/cpu", "online"), 1);
}

TEST(every_descriptor)
{
	char name[16];

	for (int fd = 10; fd < 20; fd++)
		OK(dup2(0, fd));
	for (int fd = 10; fd < 20; fd++) {
		snprintf(name, sizeof name, "%d", fd);
		EQ(list("/proc/self/fd", name), 1);
		EQ(list("/proc/self/fdinfo", name), 1);
	}
}

/* What closes all descriptors from a list of them, read piece by piece. */
TEST(close_while_listing)
{
	char buf[64];
	int dir, n;

	for (int fd = 10; fd < 40; fd++)
		OK(dup2(0, fd));
	dir = OK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	while ((n = OK(syscall(SYS_getdents64, dir, buf, sizeof buf))) > 0)
		for (int at = 0; at < n;) {
			unsigned short len;

			memcpy(&len, buf + at + 16, 2);
			if (atoi(buf + at + 19) >= 10)
				OK(close(atoi(buf + at + 19)));
			at += len;
		}
	for (int fd = 10; fd < 40; fd++)
		ERR(fcntl(fd, F_GETFD), EBADF);
}

TEST(directory_as_pidfd)
{
	char path[32];
	pid_t child = OK(fork());
	int dir, other, st;

	if (!child) {
		pause();
		_exit(0);
	}
	snprintf(path, sizeof path, "/proc/%d", child);
	dir = OK(open(path, O_RDONLY | O_DIRECTORY));
	other = OK(open("/proc", O_RDONLY | O_DIRECTORY));
	OK(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0));
	ERR(syscall(SYS_pidfd_send_signal, other, 0, NULL, 0), EBADF);
	OK(syscall(SYS_pidfd_send_signal, dir, SIGTERM, NULL, 0));
	EQ(OK(waitpid(child, &st, 0)), child);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
	ERR(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0), ESRCH);
}

