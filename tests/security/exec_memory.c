/*
 * A program that may write into another one's memory goes on doing so while that one executes a set-user-ID program,
 * whose memory is not its business: by process_vm_writev, whose permission is asked for once, and by /proc/PID/mem. And
 * what it has opened of the process before tells nothing of the new program.
 *
 * defence: none, it is the order of things in exec and nothing that could be switched off
 */
#include "attack.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#define NAME "/tmp/exec_memory"
#define WAS 0x1d1d1d1d
#define SECONDS 4
#define VECTORS 1024
#define TOUCHED 9

/* At the same address before and behind exec. */
static volatile unsigned value = WAS;

static int victim(void)
{
	for (int i = 0; i < 200; i++)
		if (value != WAS)
			return TOUCHED;
	usleep(1000);
	return value != WAS ? TOUCHED : geteuid() ? 3 : 0;
}

static void copy_self(void)
{
	static char buf[1 << 16];
	int from = open("/proc/self/exe", O_RDONLY), to = open(NAME, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			exit(2);
	if (n || to < 0 || fchown(to, 0, 0) || fchmod(to, 04755))
		exit(2);
	close(from);
	close(to);
}

/* One program after the other, as many as can be: are they ever touched? */
static void attack(bool mem)
{
	unsigned bad = 0x6b6b6b6b;
	struct iovec l[VECTORS], r[VECTORS];
	time_t end = time(NULL) + SECONDS;
	int status, runs = 0, refused = 0;

	for (int i = 0; i < VECTORS; i++) {
		l[i] = (struct iovec){ &bad, sizeof(bad) };
		r[i] = (struct iovec){ (void *)&value, sizeof(bad) };
	}
	while (time(NULL) < end) {
		pid_t pid = fork();
		char path[64];
		int fd = -1;

		if (!pid) {
			execl(NAME, NAME, "victim", (char *)NULL);
			_exit(4);
		}
		if (mem) {
			snprintf(path, sizeof(path), "/proc/%d/mem", pid);
			fd = open(path, O_RDWR);
		}
		while (waitpid(pid, &status, WNOHANG) != pid)
			if (mem)
				(void)!pwrite(fd, &bad, sizeof(bad), (off_t)&value);
			else
				refused += process_vm_writev(pid, l, VECTORS, r, VECTORS, 0) < 0;
		close(fd);
		runs++;
		if (WIFEXITED(status) && WEXITSTATUS(status) == TOUCHED) {
			broken("a set-user-ID program's memory was written to by %s",
			       mem ? "/proc/PID/mem" : "process_vm_writev");
			break;
		}
		if (status) {
			broken("a set-user-ID program ended with %#x", status);
			break;
		}
	}
	printf("%d programs\n", runs);
}

/* The list of mappings, opened when it was allowed and read when it is another program's. */
static void list(const char *name)
{
	int go[2], fd, status;
	char path[64], buf[512];
	pid_t pid;

	(void)!pipe(go);
	pid = fork();
	if (!pid) {
		(void)!read(go[0], buf, 1);
		execl(NAME, NAME, "still", (char *)NULL);
		_exit(4);
	}
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		broken("%s cannot be opened", name);
	(void)!write(go[1], "x", 1);
	for (int i = 0, again; i < 1000 && (again = open(path, O_RDONLY)) >= 0; i++) {
		close(again);
		usleep(10000);
	}
	if (read(fd, buf, sizeof(buf)) > 0)
		broken("%s of a set-user-ID program can be read", name);
	close(fd);
	waitpid(pid, &status, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "still") ? victim() : (int)sleep(2);
	if (!getenv("PLATFORM") || geteuid()) {
		printf("SKIP for the inside of a sandbox\n");
		return 77;
	}
	copy_self();
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000) || prctl(PR_SET_DUMPABLE, 1))
		return 2;
	attack(false);
	attack(true);
	list("maps");
	list("smaps");
	return attack_result("memory of a program behind exec");
}
