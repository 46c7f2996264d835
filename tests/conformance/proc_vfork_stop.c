/* vfork(2): a child that is stopped before its exec does not make its parent deaf to signals. */
#include "test.h"

#include <sys/mman.h>

static char state_of(pid_t pid)
{
	char path[64], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	read(fd, text, sizeof(text) - 1);
	close(fd);
	return strrchr(text, ')') ? strrchr(text, ')')[2] : 0;
}

static void stopped_by(int sig)
{
	volatile pid_t *child = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = fork();
	int status;

	if (!parent) {
		/* In the same group and session as its parent: not orphaned, so the terminal's signals stop. */
		if (!vfork()) {
			*child = getpid();
			kill(getpid(), sig);
			execl("/bin/sleep", "sleep", "100", NULL);
			_exit(1);
		}
		for (;;)
			pause();
	}
	SOON(*child && state_of(*child) == 'T');
	EQ(kill(parent, SIGTERM), 0);
	EQ(waitpid(parent, &status, 0), parent);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	kill(*child, SIGKILL);
	SOON(state_of(*child) == 0 || state_of(*child) == 'Z');
	munmap((void *)child, 4096);
}

TEST(stop) { stopped_by(SIGSTOP); }

/* Continued before or after its exec, it runs. */
TEST(goes_on)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pid_t c = vfork();

		if (!c) {
			kill(getpid(), SIGSTOP);
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		_exit(waitpid(c, &status, 0) == c && status == 0 ? 0 : 1);
	}
	/* Whoever it is that has stopped, the whole group goes on. */
	for (int i = 0; i < 100 && waitpid(pid, &status, WNOHANG) == 0; i++) {
		usleep(20000);
		signal(SIGCONT, SIG_IGN);
		kill(0, SIGCONT);
	}
	EQ(status, 0);
}
