/* execve: scripts, arguments, environment, what is kept, what is reset, errors, set-id under no_new_privs. */
#include "test.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

extern char **environ;

int test_helper(int argc, char **argv)
{
	const char *what = argc ? argv[0] : "";

	if (!strcmp(what, "args")) {
		for (int i = 1; i < argc; i++)
			printf("[%s]", argv[i]);
		for (char **e = environ; *e; e++)
			printf("{%s}", *e);
		return 0;
	}
	if (!strcmp(what, "signals")) {
		struct sigaction a, b;
		sigset_t m, p;
		stack_t ss;

		sigaction(SIGUSR1, 0, &a);
		sigaction(SIGUSR2, 0, &b);
		sigprocmask(0, 0, &m);
		sigpending(&p);
		sigaltstack(0, &ss);
		return !(a.sa_handler == SIG_DFL && b.sa_handler == SIG_IGN && sigismember(&m, SIGTERM) == 1 &&
			sigismember(&p, SIGTERM) == 1 && ss.ss_flags == SS_DISABLE && alarm(0) > 0);
	}
	if (!strcmp(what, "auxv")) {
		const char *platform = (char *)getauxval(AT_PLATFORM), *fn = (char *)getauxval(AT_EXECFN);
		const unsigned char *random = (void *)getauxval(AT_RANDOM);
		int bad = 0;

		bad |= getauxval(AT_PAGESZ) != 4096;
		bad |= getauxval(AT_CLKTCK) != 100 ? 2 : 0;
		bad |= getauxval(AT_UID) != getuid() || getauxval(AT_EGID) != getegid() ? 4 : 0;
		bad |= !platform || strcmp(platform, "x86_64") ? 8 : 0;
		bad |= !fn || strcmp(fn, argv[1]) ? 16 : 0;
		bad |= !random || !(random[0] | random[1] | random[2] | random[3]) ? 32 : 0;
		bad |= !getauxval(AT_PHDR) || !getauxval(AT_PHNUM) || !getauxval(AT_ENTRY) ? 64 : 0;
		bad |= getauxval(AT_SECURE) ? 128 : 0;
		return bad;
	}
	if (!strcmp(what, "ids")) {
		printf("%d %d %d", getuid(), geteuid(), getauxval(AT_SECURE) != 0);
		return 0;
	}
	if (!strcmp(what, "comm")) {
		char name[17] = "";

		prctl(PR_GET_NAME, name);
		printf("%s", name);
		return 0;
	}
	return 1;
}

/* What a child prints that execs as told. */
static char *output_of(const char *path, char **argv, char **envp)
{
	static char buf[1 << 20];
	size_t n = 0;
	ssize_t got;
	int p[2];
	pid_t pid;

	pipe(p);
	pid = fork();
	if (!pid) {
		dup2(p[1], 1);
		close(p[0]);
		execve(path, argv, envp);
		_exit(errno);
	}
	close(p[1]);
	while ((got = read(p[0], buf + n, sizeof buf - 1 - n)) > 0)
		n += got;
	buf[n] = 0;
	close(p[0]);
	reap(pid);
	return buf;
}

TEST(arguments_and_environment)
{
	char *argv[] = { "anything", "--helper", "args", "a b", "", "c", 0 }, *envp[] = { "X=1", "Y=", 0 };

	STR(output_of(test_self, argv, envp), "[a b][][c]{X=1}{Y=}");
}

static void script(const char *name, const char *text, int mode)
{
	put_file(name, text);
	chmod(name, mode);
}

TEST(scripts)
{
	char line[5000], want[5000];
	char *argv[] = { "zero", "one", 0 }, *none[] = { 0 };

	snprintf(line, sizeof line, "#!%s --helper\n", test_self);
	script("s1", line, 0755);
	/* The kernel passes one argument and the path: "--helper", "./s1", "one": the helper's first is the path. */
	strcpy(line, "#! /bin/echo  two words \t\nrest");
	script("s2", line, 0755);
	STR(output_of("./s2", argv, none), "two words ./s2 one\n");
	script("s3", "#!./s2\n", 0755);
	STR(output_of("./s3", argv, none), "two words ./s2 ./s3 one\n");
	script("s4", "#!/bin/echo", 0755);
	STR(output_of("./s4", argv, none), "./s4 one\n");
	script("bad1", "#!/no/such/interpreter\n", 0755);
	ERR(execve("./bad1", argv, none), ENOENT);
	script("bad2", "#!\n", 0755);
	ERR(execve("./bad2", argv, none), ENOEXEC);
	script("bad3", "echo plain text\n", 0755);
	ERR(execve("./bad3", argv, none), ENOEXEC);
	script("bad4", "", 0755);
	ERR(execve("./bad4", argv, none), ENOEXEC);
	script("bad5", "#!/bin/echo\n", 0644);
	ERR(execve("./bad5", argv, none), EACCES);
	script("loop", "#!./loop\n", 0755);
	ERR(execve("./loop", argv, none), ELOOP);
	memset(line, 'x', sizeof line);
	memcpy(line, "#!/", 3);
	line[400] = '\n';
	line[401] = 0;
	script("long", line, 0755);
	ERR(execve("./long", argv, none), ENOEXEC);
	(void)want;
}

TEST(errors)
{
	char *argv[] = { "x", 0 }, *none[] = { 0 };

	ERR(execve("none", argv, none), ENOENT);
	ERR(execve("", argv, none), ENOENT);
	ERR(execve("/", argv, none), EACCES);
	put_file("f", "");
	ERR(execve("f/x", argv, none), ENOTDIR);
	ERR(execve("f", argv, none), EACCES);
	script("elf", "\x7f" "ELF", 0755);
	ERR(execve("./elf", argv, none), ENOEXEC);
	ERR(execve((char *)8, argv, none), EFAULT);
	ERR(execve("/bin/true", (char **)8, none), EFAULT);
	ERR(execve("/bin/true", (char *[]){ (char *)8, 0 }, none), EFAULT);
	mkfifo("fifo", 0755);
	ERR(execve("./fifo", argv, none), EACCES);
}

TEST(too_long)
{
	char *big = malloc(3 << 20), *argv[600], *none[] = { 0 };
	int i;

	memset(big, 'a', 3 << 20);
	big[131072] = 0;
	argv[0] = "x";
	argv[1] = big;
	argv[2] = 0;
	ERR(execve("/bin/true", argv, none), E2BIG); /* one string of more than 32 pages */
	big[131000] = 0;
	for (i = 1; i < 599; i++)
		argv[i] = big;
	argv[i] = 0;
	ERR(execve("/bin/true", argv, none), E2BIG); /* all together */
	argv[10] = 0;
	output_of("/bin/true", argv, none); /* a megabyte is fine */
}

TEST(signal_state)
{
	char *argv[] = { "x", "--helper", "signals", 0 };
	stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
	pid_t pid = fork();

	if (!pid) {
		sigset_t s;

		sigemptyset(&s);
		sigaddset(&s, SIGTERM);
		sigprocmask(SIG_BLOCK, &s, 0);
		raise(SIGTERM);
		handle(SIGUSR1, (void (*)(int))done, 0);
		signal(SIGUSR2, SIG_IGN);
		sigaltstack(&ss, 0);
		alarm(100);
		execve(test_self, argv, environ);
		_exit(1);
	}
	reap(pid);
}

TEST(auxiliary_vector)
{
	char *argv[] = { "x", "--helper", "auxv", test_self, 0 };
	pid_t pid = fork();

	if (!pid) {
		execve(test_self, argv, environ);
		_exit(99);
	}
	reap(pid);
}

TEST(name_of_the_process)
{
	char *argv[] = { "x", "--helper", "comm", 0 }, want[17], *none[] = { 0 };

	snprintf(want, 16, "%s", strrchr(test_self, '/') + 1);
	STR(output_of(test_self, argv, none), want);
}

TEST(set_user_id)
{
	char *argv[] = { "x", "--helper", "ids", 0 }, *none[] = { 0 };
	char cmd[PATH_MAX + 20];

	if (geteuid())
		return;
	snprintf(cmd, sizeof cmd, "cp %s suid", test_self);
	EQ(system(cmd), 0);
	chown("suid", 1234, 0);
	EQ(chmod("suid", 04755), 0);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		return; /* the sandbox itself forbids it */
	STR(output_of("./suid", argv, none), "0 1234 1");
	EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	ERR(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	STR(output_of("./suid", argv, none), "0 0 0");
}

TEST(fexecve_and_execveat)
{
	int fd = OK(open(test_self, O_RDONLY | O_CLOEXEC)), d;
	char *argv[] = { "x", "--helper", "args", "hi", 0 }, *none[] = { 0 };
	pid_t pid;

	pid = fork();
	if (!pid) {
		syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH);
		_exit(1);
	}
	reap(pid);
	d = open("/bin", O_RDONLY | O_DIRECTORY);
	pid = fork();
	if (!pid) {
		syscall(SYS_execveat, d, "true", argv, none, 0);
		_exit(1);
	}
	reap(pid);
	ERR(syscall(SYS_execveat, d, "true", argv, none, 0x8000), EINVAL);
	ERR(syscall(SYS_execveat, 999, "true", argv, none, 0), EBADF);
	symlink("/bin/true", "l");
	ERR(syscall(SYS_execveat, AT_FDCWD, "l", argv, none, AT_SYMLINK_NOFOLLOW), ELOOP);
	script("s", "#!/bin/echo\n", 0755);
	fd = open("s", O_RDONLY | O_CLOEXEC);
	ERR(syscall(SYS_execveat, fd, "", argv, none, AT_EMPTY_PATH), ENOENT); /* the script would be closed */
}

TEST(deleted_program)
{
	char cmd[PATH_MAX + 20], buf[PATH_MAX] = "";
	pid_t pid;

	snprintf(cmd, sizeof cmd, "cp /bin/sleep prog");
	system(cmd);
	pid = fork();
	if (!pid) {
		execl("./prog", "prog", "100", (char *)0);
		_exit(1);
	}
	snprintf(cmd, sizeof cmd, "/proc/%d/exe", pid);
	for (int i = 0; i < 5000 && !strstr(buf, "/prog"); i++) {
		msleep(1);
		CHECK(readlink(cmd, buf, sizeof buf - 1) > 0);
	}
	unlink("prog");
	memset(buf, 0, sizeof buf);
	CHECK(readlink(cmd, buf, sizeof buf - 1) > 0);
	CHECK(strstr(buf, "/prog (deleted)") != 0);
	kill(pid, SIGKILL);
	reap_signal(pid, SIGKILL);
}

TEST(repeated)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (!pid) {
			execl("/bin/true", "true", (char *)0);
			_exit(1);
		}
		reap(pid);
	}
}
