/*
 * leash SECONDS OUTPUT COMMAND...: runs a command with a time limit, stdout and stderr in a file, stdin empty. As the
 * reaper of everything below it, it notices processes that the command leaves behind, kills them, and says so. Exit
 * status: the command's (128 + N for a signal), 124 out of time, 123 something was left running.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* Kills every child; those of killed ones come to us and are next. */
static int kill_children(int tell)
{
	char path[64], buf[4096];
	int fd, count = 0;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return 0;
	buf[n] = 0;
	for (char *p = strtok(buf, " "); p; p = strtok(NULL, " ")) {
		char comm[64] = "?";
		pid_t pid = atoi(p);

		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		fd = open(path, O_RDONLY);
		if (fd >= 0) {
			n = read(fd, comm, sizeof comm - 1);
			comm[n > 0 ? n - 1 : 0] = 0;
			close(fd);
		}
		if (tell)
			dprintf(2, "leash: left running: %s (%d)\n", comm, pid);
		kill(pid, SIGKILL);
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	long long end;
	int st, status = -1, left = 0, timed_out = 0, fd;
	pid_t pid, got;

	if (argc < 4)
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	if (fd < 0)
		return 2;
	dup2(fd, 1);
	dup2(fd, 2);
	close(fd);
	pid = fork();
	if (pid == 0) {
		setsid();
		fd = open("/dev/null", O_RDONLY);
		dup2(fd, 0);
		close(fd);
		execvp(argv[3], argv + 3);
		dprintf(2, "%s: %s\n", argv[3], strerror(errno));
		_exit(127);
	}
	end = now_ms() + atoi(argv[1]) * 1000ll;
	while (status == -1) {
		got = waitpid(-1, &st, WNOHANG);
		if (got == pid)
			status = WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
		else if (got == 0) {
			if (now_ms() > end) {
				dprintf(2, "leash: killed after %s s\n", argv[1]);
				timed_out = 1;
				kill(-pid, SIGKILL);
				kill(pid, SIGKILL);
				break;
			}
			usleep(2000);
		}
	}
	/* What dies within a second of its own accord is not left behind. */
	end = now_ms() + 1000;
	while ((got = waitpid(-1, &st, WNOHANG)) >= 0) {
		if (got == 0 && (timed_out || now_ms() > end)) {
			int n = kill_children(!timed_out);

			left += n && !timed_out;
		}
		if (got == 0)
			usleep(2000);
	}
	return timed_out ? 124 : left ? 123 : status;
}
