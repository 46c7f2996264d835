/* What a program can ask about the system, and namespaces: uname(2), sysinfo(2), getrandom(2), kcmp(2), unshare(2). */
#include "abi/linux/capability.h"
#include "abi/linux/sched.h"
#include "abi/linux/sysinfo.h"
#include "core/boot.h"
#include "fs/file.h"
#include "fs/filemem.h"
#include "gate/host.h"
#include "ipc/sysv.h"
#include "lib/string.h"
#include "proc/ns.h"
#include "proc/container.h"
#include "proc/task.h"
#include "proc/uts.h"
#include "sys/syscall.h"

#define GRND_NONBLOCK 1u
#define GRND_RANDOM 2u
#define GRND_INSECURE 4u
#define SYSLOG_READ_ALL 3
#define SYSLOG_SIZE_UNREAD 9
#define SYSLOG_SIZE_BUFFER 10

SYSCALL1(uname, struct uptr, out)
{
	struct new_utsname u;
	u32 per = current->personality;

	uts_read(&u);
	if ((per & PER_MASK) == PER_LINUX32)
		strlcpy(u.machine, "i686", sizeof(u.machine));
	/* For programs that cannot believe in a Linux 3 or later: 2.6.(60 + minor). */
	if (per & UNAME26)
		strlcpy(u.release, "2.6.61-limpet", sizeof(u.release));
	return copy_out(out, &u, sizeof(u));
}

static long set_uts_name(struct uptr from, int len, int (*set)(const char *, u32))
{
	char name[UTS_LEN];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (len < 0 || len > UTS_LEN)
		return -EINVAL;
	if (copy_in(name, from, (u32)len))
		return -EFAULT;
	return set(name, (u32)len);
}

SYSCALL2(sethostname, struct uptr, name, int, len) { return set_uts_name(name, len, uts_set_hostname); }
SYSCALL2(setdomainname, struct uptr, name, int, len) { return set_uts_name(name, len, uts_set_domainname); }

static u16 count_tasks(void)
{
	u32 n = 0, tid = 1;
	struct task *t;

	mutex_lock(&tasklist_lock);
	while ((t = task_next(tid))) {
		tid = t->pid->nr + 1;
		n++;
	}
	mutex_unlock(&tasklist_lock);
	return min(n, 0xffffu);
}

SYSCALL1(sysinfo, struct uptr, out)
{
	struct sysinfo si = { 0 };
	u64 limit = current_container()->memory_limit, used;
	long err = host_sysinfo(&si);

	if (err)
		return err;
	if (si.mem_unit > 1) {
		si.totalram *= si.mem_unit;
		si.freeram *= si.mem_unit;
		si.sharedram *= si.mem_unit;
		si.bufferram *= si.mem_unit;
		si.mem_unit = 1;
	}
	/* A limited sandbox sees its limit as the machine; what it uses beside file memory is the host's to know. */
	if (limit && limit < si.totalram) {
		used = filemem_resident();
		si.totalram = limit;
		si.freeram = min(si.freeram, limit > used ? limit - used : 0);
		si.bufferram = min(si.bufferram, limit);
	}
	si.sharedram = min(filemem_resident(), si.totalram);
	si.totalswap = si.freeswap = 0;
	si.totalhigh = si.freehigh = 0;
	si.procs = count_tasks();
	si.uptime = ktime_get_boottime() / NSEC_PER_SEC;
	return copy_out(out, &si, sizeof(si));
}

/* n random bytes into buf. */
static int random_bytes(u8 *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		long got = host_getrandom(buf + done, n - done, 0);

		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got ? (int)got : -EIO;
		done += (size_t)got;
	}
	return 0;
}

SYSCALL3(getrandom, struct uptr, buf, u64, count, u32, flags)
{
	u8 small[256], *tmp = small;
	size_t room = sizeof(small);
	u64 done = 0;
	int err = 0;

	if ((flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	count = min(count, (u64)INT32_MAX);
	if (count > room && task_bounce()) {
		tmp = task_bounce();
		room = PAGE_SIZE;
	}
	while (done < count) {
		size_t n = min(count - done, (u64)room), copied;

		err = random_bytes(tmp, n);
		if (err)
			break;
		copied = copy_out_partial(uptr_add(buf, done), tmp, n);
		done += copied;
		if (copied < n) {
			err = -EFAULT;
			break;
		}
		if (done < count && signal_pending_current()) {
			err = -ERESTARTSYS;
			break;
		}
	}
	memset(tmp, 0, min(count, (u64)room));
	__asm__ volatile("" : : "r"(tmp) : "memory"); /* the clearing must not be optimised away */
	return done ? (long)done : err;
}

/* The kernel's ring buffer is empty for programs: limpet's own log is not theirs to read. */
SYSCALL3(syslog, int, type, struct uptr, buf, int, len)
{
	switch (type) {
	case SYSLOG_READ_ALL:
		return uptr_null(buf) || len < 0 ? -EINVAL : 0;
	case SYSLOG_SIZE_BUFFER:
		return 0;
	case SYSLOG_SIZE_UNREAD:
		return capable(CAP_SYSLOG) ? 0 : -EPERM;
	}
	return type < 0 || type > SYSLOG_SIZE_BUFFER ? -EINVAL : -EPERM;
}

SYSCALL1(personality, u32, persona)
{
	u32 old = current->personality;

	if (persona != PER_QUERY)
		current->personality = persona;
	return old;
}

/* An order of kernel objects that gives away neither addresses nor a hint at them. */
static int kcmp_order(const void *a, const void *b, u32 type)
{
	static u64 secret[2];
	u64 x, y;

	if (!atomic_load(&secret[0])) {
		u64 fresh[2];

		if (random_bytes((u8 *)fresh, sizeof(fresh)))
			return -EIO;
		atomic_cas(&secret[1], 0, fresh[1]);
		atomic_cas(&secret[0], 0, fresh[0] | 1);
	}
	x = ((u64)a ^ (atomic_load(&secret[1]) + type)) * atomic_load(&secret[0]);
	y = ((u64)b ^ (atomic_load(&secret[1]) + type)) * atomic_load(&secret[0]);
	return x == y ? 0 : x < y ? 1 : 2;
}

static int kcmp_file(struct task *a, u32 fd1, struct task *b, u32 fd2)
{
	struct files *fa = task_get_files(a), *fb = task_get_files(b);
	struct file *x = fa ? files_lookup(fa, fd1) : NULL, *y = fb ? files_lookup(fb, fd2) : NULL;
	int ret = x && y ? kcmp_order(x, y, KCMP_FILE) : -EBADF;

	if (x)
		file_put(x);
	if (y)
		file_put(y);
	if (fa)
		files_put(fa);
	if (fb)
		files_put(fb);
	return ret;
}

/* The part of a task that a type compares, NULL when it has none. Only its address is used: no reference is needed. */
static const void *kcmp_part(const struct task *t, int type)
{
	switch (type) {
	case KCMP_VM:
		return t->mm;
	case KCMP_FILES:
		return t->files;
	case KCMP_FS:
		return t->fs;
	case KCMP_SIGHAND:
		return t->sighand;
	case KCMP_IO: /* an I/O context of its own comes with a priority of its own */
		return t->ioprio ? t : NULL;
	case KCMP_SYSVSEM:
		return sem_has_undo(t->process) ? t->process : NULL;
	}
	return NULL;
}

static int kcmp_tasks(struct task *a, struct task *b, int type, u64 idx1, u64 idx2)
{
	switch (type) {
	case KCMP_FILE:
		return kcmp_file(a, (u32)idx1, b, (u32)idx2);
	case KCMP_VM:
	case KCMP_FILES:
	case KCMP_FS:
	case KCMP_SIGHAND:
	case KCMP_IO:
	case KCMP_SYSVSEM:
		return kcmp_order(kcmp_part(a, type), kcmp_part(b, type), (u32)type);
	case KCMP_EPOLL_TFD:
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}

SYSCALL5(kcmp, int, pid1, int, pid2, int, type, u64, idx1, u64, idx2)
{
	struct task *a, *b;
	int ret;

	if (pid1 <= 0 || pid2 <= 0)
		return -ESRCH;
	a = task_lookup((u32)pid1);
	b = task_lookup((u32)pid2);
	if (!a || !b)
		ret = -ESRCH;
	else if (!task_may_access(a, false) || !task_may_access(b, false))
		ret = -EPERM;
	else
		ret = kcmp_tasks(a, b, type, idx1, idx2);
	if (a)
		task_put(a);
	if (b)
		task_put(b);
	return ret;
}

SYSCALL1(unshare, u64, flags) { return ns_unshare(flags); }

SYSCALL2(setns, int, fd, u32, type)
{
	struct file *f = fd_get_any(fd);
	int err;

	if (!f)
		return -EBADF;
	err = ns_enter(f, type);
	file_put(f);
	return err;
}
