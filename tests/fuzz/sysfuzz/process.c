/* Operations that make processes and threads, and the choice among all operations. */
#include "sysfuzz.h"

void note_pid(int p) { shared->pids[below(64)] = p; }

/* What a forked child does before its end: things that would spoil a worker. */
void child_life(void)
{
	for (unsigned n = below(40); n--;) {
		switch (only_mounts ? 6 + 2 * below(2) : below(24)) {
		case 0:
			C0(SYS_setsid);
			break;
		case 1:
			C1(SYS_chroot, path());
			break;
		case 2: {
			uint64_t *l = (void *)param(16);

			l[0] = below(1 << 16);
			l[1] = 1 << 20;
			C4(SYS_prlimit64, 0, below(16), l, 0);
			break;
		}
		case 3:
			C3(SYS_setresuid, 1000, 1000, one_in(2) ? 0 : 1000);
			break;
		case 4:
			C2(SYS_capset, buffer(), buffer());
			break;
		case 5: {
			static const uint64_t f[] = { CLONE_NEWNS, CLONE_FILES, CLONE_FS, CLONE_SYSVSEM, CLONE_NEWUTS, CLONE_NEWNET, CLONE_SIGHAND };

			C1(SYS_unshare, SUBSET(f));
			break;
		}
		case 6:
			if (!C1(SYS_unshare, CLONE_NEWNS)) {
				static const char *const t[] = { "tmpfs", "proc", "devpts", "sysfs", "overlay", "mqueue" };
				static const uint64_t fl[] = { MS_BIND, MS_REC, MS_RDONLY, MS_REMOUNT, MS_MOVE, MS_NOEXEC, MS_PRIVATE, MS_SHARED };

				C6(SYS_mount, path(), path(), PICK(t), SUBSET(fl), one_in(2) ? 0 : buffer(), 0);
				C6(SYS_mount, "x", "mnt", "tmpfs", 0, one_in(2) ? 0 : (long)"size=1m", 0);
				C6(SYS_mount, "mnt", "dir", 0, MS_BIND, 0, 0);
				random_op();
				C2(SYS_umount2, "mnt", below(9));
			}
			break;
		case 7:
			C1(SYS_brk, 0x7e0000000000ull + below(1 << 30));
			break;
		case 8:
			C2(SYS_pivot_root, path(), path());
			break;
		case 9:
			C2(SYS_setns, fd(), 0);
			break;
		default:
			random_op();
		}
	}
}

void op_fork(void)
{
	static const uint64_t fl[] = { CLONE_FS, CLONE_FILES, CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID, CLONE_SYSVSEM,
				       CLONE_NEWNS, CLONE_NEWUTS, CLONE_PARENT, CLONE_VFORK, CLONE_IO, CLONE_UNTRACED };
	uint64_t child_rng = rnd();
	long p;

	p = C6(SYS_clone, SUBSET(fl) | (one_in(4) ? below(65) : SIGCHLD), 0, word(), word(), 0, 0);
	if (p == 0) {
		rng.s = child_rng;
		child_life();
		if (one_in(4))
			op_exec();
		_exit((int)below(256));
	}
	if (p > 0)
		note_pid((int)p);
}

void op_exec(void)
{
	char *const argv[] = { self_exe, "child", NULL };
	char *const envp[] = { "A=b", NULL };
	uint64_t p = one_in(6) ? path() : (uint64_t)self_exe;

	C6(one_in(2) ? SYS_execve : SYS_execveat, 0, 0, 0, 0, 0, 0);
	C3(SYS_execve, p, one_in(8) ? buffer() : (uint64_t)argv, one_in(8) ? buffer() : (uint64_t)envp);
}

/* The child of a vfork shares this stack: it may only exec or leave. */
void op_vfork(void)
{
	char *argv[] = { self_exe, "child", NULL };
	volatile int how = (int)below(3);
	pid_t p = vfork();

	if (p == 0) {
		if (how)
			execv(how == 1 ? self_exe : "/nonexistent", argv);
		_exit(3);
	}
	if (p > 0)
		note_pid(p);
}

void *short_thread(void *arg)
{
	rng.s = (uint64_t)arg;
	note_pid((int)syscall(SYS_gettid));
	for (unsigned n = below(30); n--;)
		random_op();
	if (one_in(30))
		op_exec();
	if (one_in(30))
		C1(SYS_exit_group, 1);
	return NULL;
}

void op_thread(void)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&a, 64 << 10);
	pthread_create(&t, &a, short_thread, (void *)rnd());
	pthread_attr_destroy(&a);
}

void random_op(void)
{
	unsigned k = below(1000);

	if (k < 110)
		op_open();
	else if (k < 230)
		op_fd();
	else if (k < 430)
		op_io();
	else if (k < 590)
		op_path();
	else if (k < 690)
		op_event();
	else if (k < 770)
		op_mem();
	else if (k < 810)
		op_futex();
	else if (k < 850)
		op_signal();
	else if (k < 920)
		op_socket();
	else if (k < 950)
		op_ipc();
	else if (k < 985)
		op_misc();
	else
		op_sigaction();
}
