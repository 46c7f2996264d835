/*
 * Host system calls: the only way to the host, used by the rest of the kernel through these wrappers.
 * They return the host's result or -errno. Each has a row in host_calls.h, from which the seccomp filters are made.
 * Pointers are kernel addresses, or guest addresses that the caller has checked (uio_host_iov).
 * Blocking ones return -EINTR when the task is kicked.
 *
 * Few calls do the work of many: reads and writes of all kinds are preadv2 and pwritev2 (offset -1 = the description's
 * own), mprotect is pkey_mprotect with key -1. What is rare is made by kserver (kserver_call), so that the filter of
 * the processes that run programs need not allow it. Its pointers must be shared kernel memory: heap, globals, kernel
 * stacks; never a program's.
 */
#ifndef LIMPET_GATE_HOST_H
#define LIMPET_GATE_HOST_H

#include "abi/linux/errno.h"
#include "abi/linux/unistd.h"
#include "core/time.h"
#include "lib/types.h"
#include "mm/uaccess.h"

static inline long host_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* start.S: the same, for calls that touch programs' memory or may take much of the host's. current must be valid. */
long gate_host_call(long nr, long a, long b, long c, long d, long e, long f);

/*
 * core/service.c: kserver makes the call, the caller waits as in an uninterruptible host call. Locks that may be held
 * over a host call may be held. kserver's own threads make it at once.
 */
long kserver_call(long nr, long a, long b, long c, long d, long e, long f);

static inline long host_read(int fd, void *buf, size_t n)
{
	struct iovec iov = { (u64)buf, n };

	return host_syscall(NR_preadv2, (long)fd, (long)&iov, 1, -1, 0, 0);
}
static inline long host_write(int fd, const void *buf, size_t n)
{
	struct iovec iov = { (u64)buf, n };

	return host_syscall(NR_pwritev2, (long)fd, (long)&iov, 1, -1, 0, 0);
}
static inline long host_pread64(int fd, void *buf, size_t n, loff_t off)
{
	struct iovec iov = { (u64)buf, n };

	return gate_host_call(NR_preadv2, (long)fd, (long)&iov, 1, (long)off, 0, 0);
}
static inline long host_preadv2(int fd, const struct iovec *iov, unsigned long n, unsigned long off_lo, unsigned long off_hi, int flags)
{
	return gate_host_call(NR_preadv2, (long)fd, (long)iov, (long)n, (long)off_lo, (long)off_hi, (long)flags);
}
static inline long host_pwritev2(int fd, const struct iovec *iov, unsigned long n, unsigned long off_lo, unsigned long off_hi, int flags)
{
	return gate_host_call(NR_pwritev2, (long)fd, (long)iov, (long)n, (long)off_lo, (long)off_hi, (long)flags);
}
static inline long host_close(int fd)
{
	return host_syscall(NR_close, (long)fd, 0, 0, 0, 0, 0);
}
static inline long host_openat(int dirfd, const char *path, int flags, u32 mode)
{
	return host_syscall(NR_openat, (long)dirfd, (long)path, (long)flags, (long)mode, 0, 0);
}
static inline long host_statx(int dirfd, const char *path, int flags, u32 mask, void *buf)
{
	return host_syscall(NR_statx, (long)dirfd, (long)path, (long)flags, (long)mask, (long)buf, 0);
}
static inline long host_getdents64(int fd, void *buf, size_t n)
{
	return host_syscall(NR_getdents64, (long)fd, (long)buf, (long)n, 0, 0, 0);
}
static inline long host_lseek(int fd, loff_t off, int whence)
{
	return kserver_call(NR_lseek, (long)fd, (long)off, (long)whence, 0, 0, 0);
}
static inline long host_readlinkat(int dirfd, const char *path, char *buf, size_t n)
{
	return host_syscall(NR_readlinkat, (long)dirfd, (long)path, (long)buf, (long)n, 0, 0);
}
static inline long host_mkdirat(int dirfd, const char *path, u32 mode)
{
	return kserver_call(NR_mkdirat, (long)dirfd, (long)path, (long)mode, 0, 0, 0);
}
static inline long host_mknodat(int dirfd, const char *path, u32 mode, u64 dev)
{
	return kserver_call(NR_mknodat, (long)dirfd, (long)path, (long)mode, (long)dev, 0, 0);
}
static inline long host_symlinkat(const char *target, int dirfd, const char *path)
{
	return kserver_call(NR_symlinkat, (long)target, (long)dirfd, (long)path, 0, 0, 0);
}
static inline long host_linkat(int olddir, const char *oldp, int newdir, const char *newp, int flags)
{
	return kserver_call(NR_linkat, (long)olddir, (long)oldp, (long)newdir, (long)newp, (long)flags, 0);
}
static inline long host_unlinkat(int dirfd, const char *path, int flags)
{
	return host_syscall(NR_unlinkat, (long)dirfd, (long)path, (long)flags, 0, 0, 0);
}
static inline long host_renameat2(int olddir, const char *oldp, int newdir, const char *newp, u32 flags)
{
	return host_syscall(NR_renameat2, (long)olddir, (long)oldp, (long)newdir, (long)newp, (long)flags, 0);
}
static inline long host_fchmodat(int dirfd, const char *path, u32 mode)
{
	return kserver_call(NR_fchmodat, (long)dirfd, (long)path, (long)mode, 0, 0, 0);
}
static inline long host_fchownat(int dirfd, const char *path, u32 uid, u32 gid, int flags)
{
	return kserver_call(NR_fchownat, (long)dirfd, (long)path, (long)uid, (long)gid, (long)flags, 0);
}
static inline long host_utimensat(int dirfd, const char *path, const struct timespec64 *ts, int flags)
{
	return host_syscall(NR_utimensat, (long)dirfd, (long)path, (long)ts, (long)flags, 0, 0);
}
static inline long host_ftruncate(int fd, loff_t len)
{
	return host_syscall(NR_ftruncate, (long)fd, (long)len, 0, 0, 0, 0);
}
static inline long host_fallocate(int fd, int mode, loff_t off, loff_t len)
{
	return kserver_call(NR_fallocate, (long)fd, (long)mode, (long)off, (long)len, 0, 0);
}
static inline long host_fsync(int fd)
{
	return kserver_call(NR_fsync, (long)fd, 0, 0, 0, 0, 0);
}
static inline long host_fdatasync(int fd)
{
	return host_syscall(NR_fdatasync, (long)fd, 0, 0, 0, 0, 0);
}
static inline long host_fstatfs(int fd, void *buf)
{
	return kserver_call(NR_fstatfs, (long)fd, (long)buf, 0, 0, 0, 0);
}
static inline long host_fgetxattr(int fd, const char *name, void *buf, size_t n)
{
	return kserver_call(NR_fgetxattr, (long)fd, (long)name, (long)buf, (long)n, 0, 0);
}
static inline long host_fsetxattr(int fd, const char *name, const void *v, size_t n, int flags)
{
	return kserver_call(NR_fsetxattr, (long)fd, (long)name, (long)v, (long)n, (long)flags, 0);
}
static inline long host_flistxattr(int fd, char *buf, size_t n)
{
	return kserver_call(NR_flistxattr, (long)fd, (long)buf, (long)n, 0, 0, 0);
}
static inline long host_fremovexattr(int fd, const char *name)
{
	return kserver_call(NR_fremovexattr, (long)fd, (long)name, 0, 0, 0, 0);
}
static inline long host_fcntl(int fd, int cmd, u64 arg)
{
	return kserver_call(NR_fcntl, (long)fd, (long)cmd, (long)arg, 0, 0, 0);
}
static inline long host_ioctl(int fd, u32 cmd, u64 arg)
{
	return kserver_call(NR_ioctl, (long)fd, (long)cmd, (long)arg, 0, 0, 0);
}
static inline long host_mmap(void *addr, size_t len, int prot, int flags, int fd, u64 off)
{
	return host_syscall(NR_mmap, (long)addr, (long)len, (long)prot, (long)flags, (long)fd, (long)off);
}
static inline long host_munmap(void *addr, size_t len)
{
	return host_syscall(NR_munmap, (long)addr, (long)len, 0, 0, 0, 0);
}
static inline long host_mprotect(void *addr, size_t len, int prot)
{
	return host_syscall(NR_pkey_mprotect, (long)addr, (long)len, (long)prot, -1, 0, 0);
}
static inline long host_pkey_mprotect(void *addr, size_t len, int prot, int pkey)
{
	return host_syscall(NR_pkey_mprotect, (long)addr, (long)len, (long)prot, (long)pkey, 0, 0);
}
static inline long host_mremap(void *addr, size_t old_len, size_t new_len, int flags, void *new_addr)
{
	return host_syscall(NR_mremap, (long)addr, (long)old_len, (long)new_len, (long)flags, (long)new_addr, 0);
}
static inline long host_madvise(void *addr, size_t len, int advice)
{
	return gate_host_call(NR_madvise, (long)addr, (long)len, (long)advice, 0, 0, 0);
}
static inline long host_mincore(void *addr, size_t len, void *vec)
{
	return host_syscall(NR_mincore, (long)addr, (long)len, (long)vec, 0, 0, 0);
}
static inline long host_mlock2(const void *addr, size_t len, int flags)
{
	return host_syscall(NR_mlock2, (long)addr, (long)len, (long)flags, 0, 0, 0);
}
static inline long host_munlock(const void *addr, size_t len)
{
	return host_syscall(NR_munlock, (long)addr, (long)len, 0, 0, 0, 0);
}
static inline long host_process_vm_readv(int pid, const struct iovec *l, unsigned long nl, const struct iovec *r, unsigned long nr, unsigned long flags)
{
	return kserver_call(NR_process_vm_readv, (long)pid, (long)l, (long)nl, (long)r, (long)nr, (long)flags);
}
static inline long host_process_vm_writev(int pid, const struct iovec *l, unsigned long nl, const struct iovec *r, unsigned long nr, unsigned long flags)
{
	return kserver_call(NR_process_vm_writev, (long)pid, (long)l, (long)nl, (long)r, (long)nr, (long)flags);
}
static inline long host_futex(u32 *word, int op, u32 val, const void *timeout, u32 *word2, u32 val3)
{
	return host_syscall(NR_futex, (long)word, (long)op, (long)val, (long)timeout, (long)word2, (long)val3);
}
static inline long host_clock_gettime(int clock, struct timespec64 *ts)
{
	return host_syscall(NR_clock_gettime, (long)clock, (long)ts, 0, 0, 0, 0);
}
static inline long host_getrandom(void *buf, size_t n, u32 flags)
{
	return host_syscall(NR_getrandom, (long)buf, (long)n, (long)flags, 0, 0, 0);
}
static inline long host_getrusage(int who, void *ru)
{
	return host_syscall(NR_getrusage, (long)who, (long)ru, 0, 0, 0, 0);
}
static inline long host_sched_yield(void)
{
	return host_syscall(NR_sched_yield, 0, 0, 0, 0, 0, 0);
}
static inline long host_sched_getaffinity(int pid, size_t n, void *mask)
{
	return host_syscall(NR_sched_getaffinity, (long)pid, (long)n, (long)mask, 0, 0, 0);
}
static inline long host_sched_setaffinity(int pid, size_t n, const void *mask)
{
	return kserver_call(NR_sched_setaffinity, (long)pid, (long)n, (long)mask, 0, 0, 0);
}
static inline long host_setpriority(int which, int who, int prio)
{
	return kserver_call(NR_setpriority, (long)which, (long)who, (long)prio, 0, 0, 0);
}
static inline long host_membarrier(int cmd, u32 flags, int cpu)
{
	return host_syscall(NR_membarrier, (long)cmd, (long)flags, (long)cpu, 0, 0, 0);
}
static inline long host_arch_prctl(int op, u64 arg)
{
	return host_syscall(NR_arch_prctl, (long)op, (long)arg, 0, 0, 0, 0);
}
static inline long host_prctl(int op, u64 a, u64 b, u64 c, u64 d)
{
	return host_syscall(NR_prctl, (long)op, (long)a, (long)b, (long)c, (long)d, 0);
}
static inline long host_rt_sigaction(int sig, const void *act, void *old, size_t size)
{
	return host_syscall(NR_rt_sigaction, (long)sig, (long)act, (long)old, (long)size, 0, 0);
}
static inline long host_rt_sigprocmask(int how, const u64 *set, u64 *old, size_t size)
{
	return host_syscall(NR_rt_sigprocmask, (long)how, (long)set, (long)old, (long)size, 0, 0);
}
static inline long host_sigaltstack(const void *ss, void *old)
{
	return host_syscall(NR_sigaltstack, (long)ss, (long)old, 0, 0, 0, 0);
}
static inline long host_tgkill(int tgid, int tid, int sig)
{
	return host_syscall(NR_tgkill, (long)tgid, (long)tid, (long)sig, 0, 0, 0);
}
static inline long host_getpid(void)
{
	return host_syscall(NR_getpid, 0, 0, 0, 0, 0, 0);
}
static inline long host_sysinfo(void *info)
{
	return kserver_call(NR_sysinfo, (long)info, 0, 0, 0, 0, 0);
}
static inline long host_ppoll(void *fds, u32 n, const struct timespec64 *ts, const u64 *mask, size_t size)
{
	return host_syscall(NR_ppoll, (long)fds, (long)n, (long)ts, (long)mask, (long)size, 0);
}
static inline long host_memfd_create(const char *name, u32 flags)
{
	return host_syscall(NR_memfd_create, (long)name, (long)flags, 0, 0, 0, 0);
}
static inline long host_wait4(int pid, int *status, int options, void *ru)
{
	return host_syscall(NR_wait4, (long)pid, (long)status, (long)options, (long)ru, 0, 0);
}
static inline long host_epoll_create1(int flags)
{
	return host_syscall(NR_epoll_create1, (long)flags, 0, 0, 0, 0, 0);
}
static inline long host_eventfd2(u32 value, int flags)
{
	return host_syscall(NR_eventfd2, (long)value, (long)flags, 0, 0, 0, 0);
}
static inline long host_epoll_ctl(int ep, int op, int fd, void *ev)
{
	return host_syscall(NR_epoll_ctl, (long)ep, (long)op, (long)fd, (long)ev, 0, 0);
}
static inline long host_epoll_pwait(int ep, void *evs, int n, int timeout, const u64 *mask, size_t size)
{
	return gate_host_call(NR_epoll_pwait, (long)ep, (long)evs, (long)n, (long)timeout, (long)mask, (long)size);
}
static inline long host_socket(int family, int type, int protocol)
{
	return kserver_call(NR_socket, (long)family, (long)type, (long)protocol, 0, 0, 0);
}
static inline long host_bind(int fd, const void *addr, u32 len)
{
	return kserver_call(NR_bind, (long)fd, (long)addr, (long)len, 0, 0, 0);
}
static inline long host_connect(int fd, const void *addr, u32 len)
{
	return kserver_call(NR_connect, (long)fd, (long)addr, (long)len, 0, 0, 0);
}
static inline long host_listen(int fd, u32 backlog)
{
	return kserver_call(NR_listen, (long)fd, (long)backlog, 0, 0, 0, 0);
}
static inline long host_accept4(int fd, void *addr, u32 *len, int flags)
{
	return kserver_call(NR_accept4, (long)fd, (long)addr, (long)len, (long)flags, 0, 0);
}
static inline long host_getsockname(int fd, void *addr, u32 *len)
{
	return kserver_call(NR_getsockname, (long)fd, (long)addr, (long)len, 0, 0, 0);
}
static inline long host_getsockopt(int fd, int level, int name, void *val, u32 *len)
{
	return kserver_call(NR_getsockopt, (long)fd, (long)level, (long)name, (long)val, (long)len, 0);
}
static inline long host_setsockopt(int fd, int level, int name, const void *val, u32 len)
{
	return kserver_call(NR_setsockopt, (long)fd, (long)level, (long)name, (long)val, (long)len, 0);
}
static inline long host_shutdown(int fd, int how)
{
	return kserver_call(NR_shutdown, (long)fd, (long)how, 0, 0, 0, 0);
}
static inline long host_sendmsg(int fd, const void *msg, int flags)
{
	return host_syscall(NR_sendmsg, (long)fd, (long)msg, (long)flags, 0, 0, 0);
}
static inline long host_recvmsg(int fd, void *msg, int flags)
{
	return host_syscall(NR_recvmsg, (long)fd, (long)msg, (long)flags, 0, 0, 0);
}
static inline long host_seccomp(u32 op, u32 flags, const void *args)
{
	return host_syscall(NR_seccomp, (long)op, (long)flags, (long)args, 0, 0, 0);
}
static inline long host_pkey_alloc(u32 flags, u32 rights)
{
	return host_syscall(NR_pkey_alloc, (long)flags, (long)rights, 0, 0, 0, 0);
}
static inline long host_prlimit64(int pid, int res, const void *new, void *old)
{
	return host_syscall(NR_prlimit64, (long)pid, (long)res, (long)new, (long)old, 0, 0);
}

#endif
