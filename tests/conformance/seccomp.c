/* seccomp(2): modes, filters and their answers, inheritance, threads, what is refused. */
#include "test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>

#define NR_LOAD BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ANSWER(v) BPF_STMT(BPF_RET | BPF_K, (v))
#define ON(nr_, v) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr_), 0, 1), ANSWER(v)
#define install(flags, ...) ({ \
	struct sock_filter code_[] = { __VA_ARGS__ }; \
	struct sock_fprog prog_ = { sizeof(code_) / sizeof(*code_), code_ }; \
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (flags), &prog_); \
})
#define NO_PRIVS() OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
/* In a child of its own: what it installs goes with it. */
#define CHILD for (pid_t pid_ = fork(); pid_ >= 0; pid_ = -2) if (pid_) reap(pid_); else
#define DIES(sig, body) do { \
	pid_t pid_ = fork(); \
	if (!pid_) { \
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }); \
		body; \
		_exit(0); \
	} \
	EQ(wait_status(pid_) & ~0x80, (sig)); \
} while (0)

static long status_line(const char *key)
{
	char *text = get_file("/proc/thread-self/status"), *p = strstr(text, key);
	long v = p ? atol(p + strlen(key)) : -1;

	free(text);
	return v;
}

TEST(errors)
{
	CHILD {
		NO_PRIVS();
		EQ(prctl(PR_GET_SECCOMP), 0);
		EQ(status_line("\nSeccomp:"), 0);
		EQ(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_ERRNO | 77), ON(SYS_mkdir, SECCOMP_RET_ERRNO),
			   ON(SYS_getuid, SECCOMP_RET_ERRNO | 0xffff), ON(SYS_getgid, SECCOMP_RET_ERRNO | 512),
			   ON(SYS_geteuid, SECCOMP_RET_ERRNO | 516), ANSWER(SECCOMP_RET_ALLOW)), 0);
		EQ(prctl(PR_GET_SECCOMP), 2);
		EQ(status_line("\nSeccomp:"), 2);
		EQ(status_line("\nSeccomp_filters:"), 1);
		ERR(syscall(SYS_getppid), 77);
		EQ(syscall(SYS_mkdir, "d", 0755), 0); /* says it was made */
		ERR(access("d", F_OK), ENOENT);
		EQ(syscall(SYS_getuid), -1);
		EQ(errno, 4095);
		/* Numbers that mean "once more" inside the kernel. */
		ERR(syscall(SYS_getgid), 512);
		ERR(syscall(SYS_geteuid), 516);
		CHECK(syscall(SYS_getpid) > 0);
		/* Hot call sites, too. */
		for (int i = 0; i < 2000; i++)
			if (syscall(SYS_getppid) != -1 || errno != 77)
				test_fail(__LINE__, "call %d was made", i);
		done();
	}
}

TEST(data)
{
	CHILD {
		NO_PRIVS();
		/* The upper half of the third argument, the architecture. */
		EQ(install(0, NR_LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lseek, 0, 3),
			   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4),
			   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x1234, 0, 1), ANSWER(SECCOMP_RET_ERRNO | 71),
			   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
			   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), ANSWER(SECCOMP_RET_KILL_PROCESS),
			   ANSWER(SECCOMP_RET_ALLOW)), 0);
		ERR(syscall(SYS_lseek, -1, 0x123400000001, 0), 71);
		ERR(syscall(SYS_lseek, -1, 1, 0), EBADF);
		done();
	}
}

TEST(most_restrictive)
{
	CHILD {
		NO_PRIVS();
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_ERRNO | 1), ON(SYS_getuid, SECCOMP_RET_ERRNO | 2),
			   ON(SYS_getgid, SECCOMP_RET_LOG), ON(SYS_geteuid, SECCOMP_RET_TRACE), ANSWER(SECCOMP_RET_ALLOW)));
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_ALLOW), ON(SYS_getuid, SECCOMP_RET_ERRNO | 3),
			   ANSWER(SECCOMP_RET_ALLOW)));
		EQ(status_line("\nSeccomp_filters:"), 2);
		ERR(syscall(SYS_getppid), 1); /* the older one's */
		ERR(syscall(SYS_getuid), 3); /* of equals the newer one's */
		CHECK(syscall(SYS_getgid) >= 0);
		ERR(syscall(SYS_geteuid), ENOSYS); /* no tracer */
		done();
	}
}

TEST(kills)
{
	DIES(SIGSYS, {
		NO_PRIVS();
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW)));
		signal(SIGSYS, SIG_IGN);
		syscall(SYS_getppid);
	});
	DIES(SIGSYS, {
		NO_PRIVS();
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_KILL_THREAD), ANSWER(SECCOMP_RET_ALLOW)));
		syscall(SYS_getppid);
	});
	/* An answer that there is not; a division by 0. */
	DIES(SIGSYS, {
		NO_PRIVS();
		OK(install(0, NR_LOAD, ON(SYS_getppid, 0x12340000), ANSWER(SECCOMP_RET_ALLOW)));
		syscall(SYS_getppid);
	});
	DIES(SIGSYS, {
		NO_PRIVS();
		OK(install(0, NR_LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
			   BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), ANSWER(SECCOMP_RET_ALLOW)));
		syscall(SYS_getppid);
	});
}

static volatile int traps, trap_ok;
static void on_trap(int sig, siginfo_t *si, void *uc)
{
	ucontext_t *u = uc;
	long nr = u->uc_mcontext.gregs[REG_RAX];

	traps++;
	trap_ok = sig == SIGSYS && si->si_code == 1 && si->si_errno == 0x4321 && si->si_syscall == SYS_getppid &&
		  si->si_arch == AUDIT_ARCH_X86_64 && nr == SYS_getppid &&
		  (unsigned long)si->si_call_addr == (unsigned long)u->uc_mcontext.gregs[REG_RIP];
	u->uc_mcontext.gregs[REG_RAX] = 12345;
}

TEST(trap)
{
	CHILD {
		NO_PRIVS();
		handle_info(SIGSYS, on_trap, 0);
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_TRAP | 0x4321), ANSWER(SECCOMP_RET_ALLOW)));
		for (int i = 1; i <= 300; i++) {
			EQ(syscall(SYS_getppid), 12345);
			EQ(traps, i);
			CHECK(trap_ok);
		}
		done();
	}
	/* Blocked: it kills. */
	DIES(SIGSYS, {
		sigset_t set;

		NO_PRIVS();
		handle_info(SIGSYS, on_trap, 0);
		sigemptyset(&set);
		sigaddset(&set, SIGSYS);
		sigprocmask(SIG_BLOCK, &set, NULL);
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_TRAP), ANSWER(SECCOMP_RET_ALLOW)));
		syscall(SYS_getppid);
	});
}

TEST(strict)
{
	pid_t pid;

	ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
	ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, "x"), EINVAL);
	pid = fork();
	if (!pid) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0 && write(1, "", 0) == 0)
			syscall(SYS_exit, 7);
		syscall(SYS_exit, 8);
	}
	reap_exit(pid, 7);
	DIES(SIGKILL, {
		syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
		syscall(SYS_getpid);
	});
}

TEST(fork_and_exec)
{
	char *argv[] = { test_self, "--helper", NULL };

	CHILD {
		NO_PRIVS();
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_ERRNO | 77), ANSWER(SECCOMP_RET_ALLOW)));
		CHILD {
			ERR(syscall(SYS_getppid), 77);
			done();
		}
		pid_t pid = vfork();
		if (!pid)
			_exit(syscall(SYS_getppid) == -1 && errno == 77 ? 5 : 6);
		reap_exit(pid, 5);
		pid = fork();
		if (!pid) {
			execv(test_self, argv);
			_exit(99);
		}
		reap_exit(pid, 42);
		done();
	}
}

int test_helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return syscall(SYS_getppid) == -1 && errno == 77 && prctl(PR_GET_SECCOMP) == 2 ? 42 : 1;
}

static volatile int step, seen[2];
static volatile pid_t other;
static void *thread(void *arg)
{
	(void)arg;
	other = (pid_t)syscall(SYS_gettid);
	if (step == 10)
		OK(install(0, ANSWER(SECCOMP_RET_ALLOW)));
	__atomic_store_n(&seen[0], 1, __ATOMIC_SEQ_CST);
	while (step != 1)
		syscall(SYS_getuid);
	seen[1] = syscall(SYS_getppid) == -1 ? errno : 0;
	return NULL;
}

TEST(own_thread_only)
{
	CHILD {
		pthread_t t;

		NO_PRIVS();
		EQ(pthread_create(&t, NULL, thread, NULL), 0);
		SOON(seen[0]);
		OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_ERRNO | 77), ANSWER(SECCOMP_RET_ALLOW)));
		step = 1;
		pthread_join(t, NULL);
		EQ(seen[1], 0);
		/* A thread made later has it. */
		EQ(pthread_create(&t, NULL, thread, NULL), 0);
		pthread_join(t, NULL);
		EQ(seen[1], 77);
		done();
	}
}

TEST(tsync)
{
	CHILD {
		pthread_t t;

		NO_PRIVS();
		EQ(pthread_create(&t, NULL, thread, NULL), 0);
		SOON(seen[0]);
		for (int i = 0; i < 50; i++)
			EQ(install(SECCOMP_FILTER_FLAG_TSYNC, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_ERRNO | 77),
				   ANSWER(SECCOMP_RET_ALLOW)), 0);
		step = 1;
		pthread_join(t, NULL);
		EQ(seen[1], 77);
		done();
	}
	CHILD {
		pthread_t t;

		NO_PRIVS();
		step = 10;
		EQ(pthread_create(&t, NULL, thread, NULL), 0);
		SOON(seen[0]);
		EQ(install(SECCOMP_FILTER_FLAG_TSYNC, ANSWER(SECCOMP_RET_ALLOW)), other);
		EQ(prctl(PR_GET_SECCOMP), 0);
		step = 1;
		pthread_join(t, NULL);
		done();
	}
}

static void *killed_thread(void *arg)
{
	OK(install(0, NR_LOAD, ON(SYS_getppid, SECCOMP_RET_KILL_THREAD), ANSWER(SECCOMP_RET_ALLOW)));
	syscall(SYS_getppid);
	*(int *)arg = 1;
	return NULL;
}

TEST(kill_thread)
{
	CHILD {
		pthread_t t;
		int lived = 0;

		NO_PRIVS();
		EQ(pthread_create(&t, NULL, killed_thread, &lived), 0);
		pthread_join(t, NULL);
		EQ(lived, 0);
		done();
	}
}

TEST(refused)
{
	struct sock_fprog prog = { 0, NULL };
	struct sock_filter end = ANSWER(SECCOMP_RET_ALLOW);
	unsigned action = SECCOMP_RET_ERRNO;

	ERR(syscall(SYS_seccomp, 99, 0, NULL), EINVAL);
	ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0x8000, &prog), EINVAL);
	ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
	ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), EINVAL);
	ERR(prctl(PR_SET_SECCOMP, 0), EINVAL);
	ERR(prctl(PR_SET_SECCOMP, 3), EINVAL);
	EQ(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), 0);
	action = 0x12340000;
	ERR(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action), EOPNOTSUPP);
	ERR(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, &action), EINVAL);
	CHILD {
		if (geteuid() == 0) {
			OK(setgid(65534));
			OK(setuid(65534));
		}
		ERR(install(0, ANSWER(SECCOMP_RET_ALLOW)), EACCES);
		NO_PRIVS();
		prog = (struct sock_fprog){ 2, (void *)-4096ul };
		ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), EFAULT);
		prog = (struct sock_fprog){ 4097, &end };
		ERR(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), EINVAL);
		ERR(install(0, NR_LOAD), EINVAL);
		ERR(install(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_JUMP(BPF_JMP | BPF_JA, -1, 0, 0), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 2), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_LD | BPF_MEM, 0), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_ST, 16), ANSWER(0)), EINVAL);
		ERR(install(0, BPF_STMT(BPF_RET | BPF_X, 0)), EINVAL);
		EQ(prctl(PR_GET_SECCOMP), 0);
		/* Filters one in front of the other, until they are too many. */
		static struct sock_filter longest[4096];
		int n = 0;

		for (int i = 0; i < 4096; i++)
			longest[i] = end;
		prog = (struct sock_fprog){ 4096, longest };
		while (n < 20 && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0)
			n++;
		CHECK(n >= 3 && n < 20); /* Linux counts what it translates them to */
		EQ(errno, ENOMEM);
		ERR(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), EINVAL);
		done();
	}
}
