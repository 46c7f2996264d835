/* /proc/PID/limits has Linux's columns; /proc/PID/coredump_filter keeps what was written. */
#include "test.h"

static void slurp(const char *path, char *buf, size_t size)
{
	int fd = OK(open(path, O_RDONLY));
	ssize_t n = OK(read(fd, buf, size - 1));

	buf[n > 0 ? n : 0] = 0;
	close(fd);
}

TEST(limits_columns)
{
	struct rlimit r;
	char buf[4096], line[200];

	slurp("/proc/self/limits", buf, sizeof buf);
	CHECK(!strncmp(buf, "Limit                     Soft Limit           Hard Limit           Units     \n", 79));
	OK(getrlimit(RLIMIT_NICE, &r));
	NEED(r.rlim_cur != RLIM_INFINITY && r.rlim_max != RLIM_INFINITY);
	snprintf(line, sizeof line, "\n%-25s %-20lu %-20lu \n", "Max nice priority", (long)r.rlim_cur, (long)r.rlim_max);
	CHECK(strstr(buf, line));
}

static void put(const char *text, int error)
{
	int fd = OK(open("/proc/self/coredump_filter", O_WRONLY));

	if (error)
		ERR(write(fd, text, strlen(text)), error);
	else
		EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

TEST(coredump_filter)
{
	char buf[64];
	pid_t child;

	put("0x33", 0);
	slurp("/proc/self/coredump_filter", buf, sizeof buf);
	STR(buf, "00000033\n");
	put("x", EINVAL);
	put("0xffff", 0);
	child = OK(fork());
	if (!child) {
		slurp("/proc/self/coredump_filter", buf, sizeof buf);
		STR(buf, "000001ff\n");
		done();
	}
	reap(child);
	put("0\n", 0);
	slurp("/proc/self/coredump_filter", buf, sizeof buf);
	STR(buf, "00000000\n");
}
