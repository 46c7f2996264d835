/* Credentials, groups, capabilities, prctl, rlimits, uname, scheduling calls. */
#include "test.h"
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

TEST(ids)
{
	uid_t r, e, s;

	if (geteuid())
		return;
	pid_t pid = fork();

	if (!pid) {
		EQ(setresuid(100, 200, 300), 0);
		EQ(getresuid(&r, &e, &s), 0);
		EQ(r, 100);
		EQ(e, 200);
		EQ(s, 300);
		EQ(seteuid(300), 0);
		ERR(seteuid(0), EPERM);
		EQ(setreuid(-1, 100), 0);
		EQ(getresuid(&r, &e, &s), 0);
		EQ(e, 100);
		ERR(setuid(0), EPERM);
		ERR(setresuid(0, 0, 0), EPERM);
		EQ(setuid(100), 0);
		done();
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		EQ(setegid(5), 0);
		EQ(setresgid(5, 6, 7), 0);
		EQ(setuid(100), 0);
		EQ(getresuid(&r, &e, &s), 0);
		EQ(s, 100); /* root's setuid changes all three */
		ERR(setgroups(1, (gid_t[]){ 9 }), EPERM);
		ERR(setgid(99), EPERM);
		EQ(setgid(7), 0);
		done();
	}
	reap(pid);
}

TEST(groups)
{
	gid_t g[40], want[] = { 30, 10, 20 };

	if (geteuid())
		return;
	EQ(setgroups(3, want), 0);
	EQ(getgroups(0, 0), 3);
	EQ(getgroups(40, g), 3);
	EQ(g[0] + g[1] + g[2], 60);
	ERR(getgroups(1, g), EINVAL);
	ERR(syscall(SYS_setgroups, 70000, g), EINVAL);
	EQ(setgroups(0, 0), 0);
	EQ(getgroups(0, 0), 0);
}

TEST(fsuid)
{
	if (geteuid())
		return;
	EQ(setfsuid(1000), 0);
	EQ(setfsuid(-1), 1000);
	close(open("f", O_CREAT | O_WRONLY, 0644));
	setfsuid(0);
}

static unsigned long long eff(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	EQ(syscall(SYS_capget, &h, d), 0);
	return d[0].effective | (unsigned long long)d[1].effective << 32;
}

TEST(capabilities)
{
	struct __user_cap_header_struct h = { 0x1234, 0 };
	struct __user_cap_data_struct d[2];
	unsigned long long all;
	pid_t pid;

	ERR(syscall(SYS_capget, &h, d), EINVAL);
	EQ(h.version, _LINUX_CAPABILITY_VERSION_3); /* told which */
	EQ(prctl(PR_CAPBSET_READ, CAP_KILL) >= 0, 1);
	ERR(prctl(PR_CAPBSET_READ, 99), EINVAL);
	if (geteuid())
		return;
	all = eff();
	NEED(all);
	pid = fork();
	if (!pid) {
		EQ(setuid(1000), 0);
		EQ(eff(), 0); /* gone with the last root id */
		done();
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
		EQ(setuid(1000), 0);
		EQ(eff(), 0);
		h.pid = 0;
		EQ(syscall(SYS_capget, &h, d), 0);
		CHECK(d[0].permitted != 0);
		d[0].effective = 1 << CAP_CHOWN;
		EQ(syscall(SYS_capset, &h, d), 0);
		EQ(eff(), 1 << CAP_CHOWN);
		d[0].permitted = d[0].effective = 1 << CAP_CHOWN;
		d[1].permitted = d[1].effective = 0;
		EQ(syscall(SYS_capset, &h, d), 0);
		d[0].permitted = 1 << CAP_KILL;
		ERR(syscall(SYS_capset, &h, d), EPERM); /* nothing comes back */
		done();
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		EQ(seteuid(1000), 0);
		EQ(eff(), 0);
		EQ(seteuid(0), 0);
		EQ(eff(), all);
		EQ(prctl(PR_CAPBSET_DROP, CAP_KILL), 0);
		EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 0);
		done();
	}
	reap(pid);
}

TEST(names_and_flags)
{
	char name[20] = "";

	EQ(prctl(PR_SET_NAME, "a very long name indeed"), 0);
	EQ(prctl(PR_GET_NAME, name), 0);
	STR(name, "a very long nam");
	EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	EQ(prctl(PR_GET_DUMPABLE), 0);
	EQ(prctl(PR_SET_DUMPABLE, 1), 0);
	ERR(prctl(PR_SET_DUMPABLE, 5), EINVAL);
	EQ(prctl(PR_GET_KEEPCAPS), 0);
	EQ(prctl(PR_SET_TIMERSLACK, 100000), 0);
	EQ(prctl(PR_GET_TIMERSLACK), 100000);
	ERR(prctl(0x7777), EINVAL);
}

TEST(rlimits)
{
	struct rlimit r, old;

	for (int i = 0; i < RLIM_NLIMITS; i++)
		EQ(getrlimit(i, &r), 0);
	ERR(getrlimit(99, &r), EINVAL);
	getrlimit(RLIMIT_NOFILE, &old);
	r = (struct rlimit){ 30, 20 };
	ERR(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
	pid_t pid = fork();

	if (!pid) {
		r = (struct rlimit){ 40, 50 };
		EQ(setrlimit(RLIMIT_NOFILE, &r), 0);
		EQ(prlimit(getpid(), RLIMIT_NOFILE, 0, &r), 0);
		EQ(r.rlim_cur, 40);
		EQ(r.rlim_max, 50);
		if (geteuid() == 0)
			setresuid(1000, 1000, 1000);
		r = (struct rlimit){ 40, 60 };
		ERR(setrlimit(RLIMIT_NOFILE, &r), EPERM);
		if (!fork()) {
			getrlimit(RLIMIT_NOFILE, &r);
			EQ(r.rlim_cur, 40); /* inherited */
			done();
		}
		wait(0);
		ERR(prlimit(1, RLIMIT_NOFILE, &r, 0), EPERM);
		done();
	}
	reap(pid);
	ERR(prlimit(999999, RLIMIT_NOFILE, 0, &r), ESRCH);
	pid = fork();
	if (!pid) {
		r = (struct rlimit){ 1, 2 };
		setrlimit(RLIMIT_CPU, &r);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		for (;;)
			;
	}
	EQ(wait_status(pid) & 0x7f, SIGXCPU);
}

TEST(system_names)
{
	struct utsname u;
	struct sysinfo si;
	char name[65];

	EQ(uname(&u), 0);
	STR(u.sysname, "Linux");
	STR(u.machine, "x86_64");
	CHECK(atoi(u.release) >= 4);
	EQ(gethostname(name, sizeof name), 0);
	STR(name, u.nodename);
	EQ(sysinfo(&si), 0);
	CHECK(si.totalram > 0 && si.procs > 0 && si.mem_unit > 0);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
	if (geteuid() == 0 && !unshare(CLONE_NEWUTS)) {
		EQ(sethostname("new-name", 8), 0);
		gethostname(name, sizeof name);
		STR(name, "new-name");
		ERR(sethostname(name, 65), EINVAL);
		ERR(sethostname(name, -1), EINVAL);
	}
}

TEST(scheduling)
{
	struct sched_param sp = { 0 };
	cpu_set_t set;
	unsigned int cpu = 999, node;

	EQ(sched_getscheduler(0), SCHED_OTHER);
	EQ(sched_getparam(0, &sp), 0);
	EQ(sp.sched_priority, 0);
	EQ(sched_get_priority_max(SCHED_FIFO), 99);
	EQ(sched_get_priority_min(SCHED_OTHER), 0);
	ERR(sched_get_priority_max(77), EINVAL);
	EQ(sched_getaffinity(0, sizeof set, &set), 0);
	CHECK(CPU_COUNT(&set) >= 1);
	EQ(sched_setaffinity(0, sizeof set, &set), 0);
	CPU_ZERO(&set);
	ERR(sched_setaffinity(0, sizeof set, &set), EINVAL);
	ERR(sched_getaffinity(999999, sizeof set, &set), ESRCH);
	ERR(syscall(SYS_sched_getaffinity, 0, 3, &set), EINVAL);
	EQ(syscall(SYS_getcpu, &cpu, &node, 0), 0);
	CHECK(cpu < 1024);
	EQ(sched_yield(), 0);
	CHECK(getpriority(PRIO_PROCESS, 0) <= 10); /* what the tests were started with */
	EQ(setpriority(PRIO_PROCESS, 0, 11), 0);
	EQ(getpriority(PRIO_PROCESS, 0), 11);
	EQ(nice(2), 13);
	ERR(setpriority(PRIO_PROCESS, 999999, 1), ESRCH);
	ERR(getpriority(77, 0), EINVAL);
	EQ(getpriority(PRIO_PGRP, 0) <= 13, 1);
	sp.sched_priority = 200;
	ERR(sched_setscheduler(0, SCHED_FIFO, &sp), EINVAL);
}

TEST(random_and_misc)
{
	unsigned char a[64] = { 0 }, b[64] = { 0 };

	EQ(syscall(SYS_getrandom, a, 64, 0), 64);
	EQ(syscall(SYS_getrandom, b, 64, 1), 64);
	CHECK(memcmp(a, b, 64) != 0);
	ERR(syscall(SYS_getrandom, a, 64, 0x80), EINVAL);
	EQ(personality(0xffffffff) >= 0, 1);
	ERR(syscall(9999), ENOSYS);
	CHECK(getpagesize() == 4096);
}
