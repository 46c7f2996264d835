/* /proc: a process seen by itself and by others. */
#include "test.h"
#include <dirent.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

static char *field(const char *file, const char *name)
{
	static char value[256];
	char *text = get_file(file), *p = text;
	size_t n = strlen(name);

	value[0] = 0;
	for (; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : 0)
		if (!strncmp(p, name, n) && p[n] == ':') {
			p += n + 1;
			p += strspn(p, " \t");
			snprintf(value, sizeof value, "%.*s", (int)strcspn(p, "\n"), p);
			break;
		}
	free(text);
	return value;
}

static char *link_of(const char *path)
{
	static char buf[PATH_MAX];
	ssize_t n = readlink(path, buf, sizeof buf - 1);

	buf[n < 0 ? 0 : n] = 0;
	return buf;
}

TEST(links)
{
	char buf[PATH_MAX], path[64];
	int fd;

	sprintf(buf, "%d", getpid());
	STR(link_of("/proc/self"), buf);
	sprintf(buf, "%d/task/%d", getpid(), getpid());
	STR(link_of("/proc/thread-self"), buf);
	STR(link_of("/proc/self/exe"), test_self);
	getcwd(buf, sizeof buf);
	STR(link_of("/proc/self/cwd"), buf);
	STR(link_of("/proc/self/root"), "/");
	put_file("file", "x");
	fd = open("file", O_RDONLY);
	sprintf(path, "/proc/self/fd/%d", fd);
	strcat(buf, "/file");
	STR(link_of(path), buf);
	unlink("file");
	strcat(buf, " (deleted)");
	STR(link_of(path), buf);
	CHECK(open(path, O_RDONLY) >= 0); /* opens what was deleted */
	sprintf(path, "/proc/self/fd/%d", OK(eventfd(0, 0)));
	EQ(strncmp(link_of(path), "anon_inode:", 11), 0);
	CHECK(!strncmp(link_of("/proc/self/ns/mnt"), "mnt:[", 5));
}

TEST(descriptors)
{
	int n = 0, fd = dup2(0, 77);
	struct dirent *e;
	bool found = false;
	DIR *d = opendir("/proc/self/fd");
	char *text;

	NEED(d);
	while ((e = readdir(d))) {
		n++;
		found |= !strcmp(e->d_name, "77");
	}
	closedir(d);
	CHECK(found && n >= 4);
	fd = open("f", O_RDWR | O_CREAT | O_APPEND, 0644);
	write(fd, "12345", 5);
	char path[64];

	sprintf(path, "/proc/self/fdinfo/%d", fd);
	text = get_file(path);
	CHECK(!strncmp(text, "pos:\t5\nflags:\t0", 15));
	CHECK(strstr(text, "02002") || strstr(text, "0102002"));
}

TEST(status_fields)
{
	char buf[64];

	prctl(PR_SET_NAME, "my name)");
	STR(field("/proc/self/status", "Name"), "my name)");
	sprintf(buf, "%d", getpid());
	STR(field("/proc/self/status", "Pid"), buf);
	STR(field("/proc/self/status", "Tgid"), buf);
	sprintf(buf, "%d", getppid());
	STR(field("/proc/self/status", "PPid"), buf);
	sprintf(buf, "%d\t%d\t%d\t%d", getuid(), geteuid(), geteuid(), geteuid());
	STR(field("/proc/self/status", "Uid"), buf);
	EQ(field("/proc/self/status", "State")[0], 'R');
	STR(field("/proc/self/status", "Threads"), "1");
	CHECK(atoi(field("/proc/self/status", "VmRSS")) > 0);
	CHECK(atoi(field("/proc/self/status", "VmSize")) > 0);
	signal(SIGUSR1, SIG_IGN);
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	sigprocmask(SIG_BLOCK, &s, 0);
	EQ(strtoull(field("/proc/self/status", "SigBlk"), 0, 16), 1ull << (SIGUSR2 - 1));
	CHECK(strtoull(field("/proc/self/status", "SigIgn"), 0, 16) & 1ull << (SIGUSR1 - 1));
	raise(SIGUSR2);
	CHECK((strtoull(field("/proc/self/status", "SigPnd"), 0, 16) |
		strtoull(field("/proc/self/status", "ShdPnd"), 0, 16)) & 1ull << (SIGUSR2 - 1));
	CHECK(strlen(field("/proc/self/status", "CapEff")) == 16);
}

TEST(stat_line)
{
	char *text, *p;
	int pid, ppid, pgrp, sid;
	char state;

	prctl(PR_SET_NAME, "a (b) c");
	text = get_file("/proc/self/stat");
	EQ(atoi(text), getpid());
	p = strrchr(text, ')');
	NEED(p);
	CHECK(!strncmp(strchr(text, '('), "(a (b) c)", 9));
	EQ(sscanf(p + 1, " %c %d %d %d", &state, &ppid, &pgrp, &sid), 4);
	EQ(state, 'R');
	EQ(ppid, getppid());
	EQ(pgrp, getpgrp());
	EQ(sid, getsid(0));
	int fields = 2;

	for (p++; *p; p++)
		fields += *p == ' ';
	EQ(fields, 52);
	EQ(sscanf(get_file("/proc/self/statm"), "%d %d", &pid, &ppid), 2);
	CHECK(pid > 0 && ppid > 0 && ppid <= pid);
}

int test_helper(int argc, char **argv)
{
	char *text = get_file("/proc/self/cmdline"), *env = get_file("/proc/self/environ");

	(void)argc, (void)argv;
	text += strlen(text) + 1;
	if (strcmp(text, "--helper"))
		return 1;
	text += strlen(text) + 1;
	if (strcmp(text, "arg with space") || *(text + 15))
		return 2;
	return strcmp(env, "ONLY=this") ? 3 : 0;
}

TEST(command_line)
{
	char *envp[] = { "ONLY=this", 0 };
	pid_t pid = fork();

	if (!pid) {
		execle(test_self, "zero", "--helper", "arg with space", (char *)0, envp);
		_exit(9);
	}
	reap(pid);
}

TEST(maps)
{
	char *p = mmap(0, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), line[64], *text, *f;
	int fd;

	put_file("mapped", "x");
	fd = open("mapped", O_RDONLY);
	f = mmap(0, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	mprotect(p + PAGE, PAGE, PROT_READ);
	text = get_file("/proc/self/maps");
	sprintf(line, "%lx-%lx r--p 00000000 00:00 0", (long)p + PAGE, (long)p + 2 * PAGE);
	CHECK(strstr(text, line) != 0);
	sprintf(line, "%lx-%lx r--s 00000000 ", (long)f, (long)f + PAGE);
	CHECK(strstr(text, line) != 0);
	CHECK(strstr(text, "/mapped\n") != 0);
	CHECK(strstr(text, "[stack]\n") != 0);
	CHECK(strstr(text, "[heap]\n") != 0);
	CHECK(strstr(text, test_self) != 0);
	CHECK(strstr(text, "7e0000000000") == 0); /* no sign of what is above the program */
	text = get_file("/proc/self/smaps");
	CHECK(strstr(text, "Rss:") != 0);
}

TEST(memory_file)
{
	static char secret[] = "secret";
	char buf[8] = "", path[64];
	int fd = OK(open("/proc/self/mem", O_RDWR));
	struct turn t = turn_new();
	pid_t pid;

	EQ(pread(fd, buf, 6, (long)secret), 6);
	STR(buf, "secret");
	EQ(pwrite(fd, "SECRET", 6, (long)secret), 6);
	STR(secret, "SECRET");
	ERR(pread(fd, buf, 6, 8), EIO);
	pid = fork();
	if (!pid) {
		hold(t);
		_exit(strcmp(secret, "other!"));
	}
	sprintf(path, "/proc/%d/mem", pid);
	fd = OK(open(path, O_RDWR));
	EQ(pwrite(fd, "other!", 6, (long)secret), 6);
	letgo(t);
	reap(pid);
}

TEST(tasks)
{
	pthread_t t;
	struct dirent *e;
	int n = 0;
	DIR *d;

	pthread_create(&t, 0, thread_pause, 0);
	d = opendir("/proc/self/task");
	NEED(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	EQ(n, 2);
	STR(field("/proc/self/status", "Threads"), "2");
	pthread_cancel(t);
	pthread_join(t, 0);
}

TEST(others)
{
	char path[64];
	int fd, st;
	pid_t pid = fork();

	if (!pid)
		thread_pause(0);
	SOON(proc_state(pid) == 'S');
	sprintf(path, "/proc/%d/status", pid);
	fd = open(path, O_RDONLY);
	kill(pid, SIGSTOP);
	waitpid(pid, &st, WUNTRACED);
	EQ(proc_state(pid), 'T');
	kill(pid, SIGKILL);
	SOON(proc_state(pid) == 'Z');
	sprintf(path, "/proc/%d/cmdline", pid);
	STR(get_file(path), "");
	reap_signal(pid, SIGKILL);
	ERR(read(fd, path, 10), ESRCH);
	sprintf(path, "/proc/%d", pid);
	ERR(access(path, F_OK), ENOENT);
	ERR(open("/proc/999999/stat", O_RDONLY), ENOENT);
}

TEST(comm_is_writable)
{
	char name[17] = "";
	int fd = OK(open("/proc/self/comm", O_RDWR));

	EQ(write(fd, "newname", 7), 7);
	prctl(PR_GET_NAME, name);
	STR(name, "newname");
	STR(get_file("/proc/self/comm"), "newname\n");
}

TEST(mounts_and_system)
{
	static const char *const files[] = { "meminfo", "cpuinfo", "stat", "uptime", "loadavg", "version", "filesystems",
		"mounts", "sys/kernel/hostname", "sys/kernel/osrelease", "sys/kernel/pid_max", "sys/vm/overcommit_memory",
		"sys/kernel/random/uuid", "sys/kernel/random/boot_id", "sys/fs/file-max", "self/mountinfo", "self/limits",
		"self/oom_score_adj", "self/cgroup", "self/io", "self/wchan", "self/personality", "self/loginuid" };
	char path[64], *text;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "/proc/%s", files[i]);
		text = get_file(path);
		if (!*text && strcmp(files[i], "self/cgroup") && strcmp(files[i], "self/wchan") &&
			strcmp(files[i], "self/loginuid") && strcmp(files[i], "self/io") && strcmp(files[i], "self/personality"))
			test_fail(__LINE__, "%s is empty or not there", path);
	}
	text = get_file("/proc/self/mountinfo");
	CHECK(strstr(text, " /proc ") && strstr(text, " - proc "));
	CHECK(strstr(text, " / ") != 0);
	CHECK(strstr(get_file("/proc/meminfo"), "MemTotal:") != 0);
	CHECK(strstr(get_file("/proc/cpuinfo"), "processor\t: 0") != 0);
	CHECK(strstr(get_file("/proc/self/limits"), "Max open files") != 0);
}

TEST(reading_in_pieces)
{
	char a[4096] = "", b[4096] = "", *p = b;
	int fd = open("/proc/self/limits", O_RDONLY);
	ssize_t n;

	CHECK(read(fd, a, sizeof a - 1) > 0);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, p, 7)) > 0)
		p += n;
	STR(b, a);
	ERR(write(fd, "x", 1), EBADF);
	ERR(open("/proc/self/limits", O_WRONLY | O_CREAT, 0644) >= 0 ? -1 : -1, errno);
	ERR(open("/proc/newfile", O_WRONLY | O_CREAT, 0644), ENOENT);
	ERR(mkdir("/proc/newdir", 0755), ENOENT);
	ERR(unlink("/proc/self/status"), EPERM);
}
