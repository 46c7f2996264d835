/*
 * System call definitions.
 *
 *   SYSCALL3(read, int, fd, struct uptr, buf, u64, count) { ... return bytes or -errno; }
 *
 * defines sys_read, which fetches its arguments from the saved registers; each argument type takes the low bytes of
 * its register, as Linux's wrappers do (int: the low 32 bits). Handlers decode, validate, call the subsystem, copy out.
 * A row in the family's table file (sys/table_*.h) makes it reachable:
 *
 *   SYS(0, read, "fd fd, out buf, size count", "")          there
 *   SYS_PARTIAL(16, ioctl, "fd fd, ioctl cmd, hex arg", "what is missing")
 *   SYS_NONE(101, ptrace, "why not yet")                   answers ENOSYS, counted and logged
 *   SYS_ERR(250, keyctl, ENOSYS|EPERM..., "why")           answers that error for good
 *
 * Argument kinds for the strace: fd int uint hex oct size off ptr str path out in flags:NAME mode sig timespec
 * iov stat sigset sockaddr pollfd ... (core/strace.c knows them; unknown ones print as hex).
 */
#ifndef LIMPET_SYS_SYSCALL_H
#define LIMPET_SYS_SYSCALL_H

#include "abi/linux/errno.h"
#include "gate/regs.h"
#include "mm/uaccess.h"

struct sysargs {
	u64 a[6];
};

#define SYSARG_(type, v) (*(const type *)&(v))
#define SYSCALL0(name)                                                                                       \
	long sys_##name(const struct sysargs *s_ __unused);                                                  \
	long sys_##name(const struct sysargs *s_ __unused)
#define SYSCALL_BODY_(name, decl, call)                                                                      \
	static inline long do_sys_##name decl;                                                               \
	long sys_##name(const struct sysargs *s_);                                                           \
	long sys_##name(const struct sysargs *s_) { return do_sys_##name call; }                             \
	static inline long do_sys_##name decl
#define SYSCALL1(name, t0, n0) SYSCALL_BODY_(name, (t0 n0), (SYSARG_(t0, s_->a[0])))
#define SYSCALL2(name, t0, n0, t1, n1)                                                                       \
	SYSCALL_BODY_(name, (t0 n0, t1 n1), (SYSARG_(t0, s_->a[0]), SYSARG_(t1, s_->a[1])))
#define SYSCALL3(name, t0, n0, t1, n1, t2, n2)                                                               \
	SYSCALL_BODY_(name, (t0 n0, t1 n1, t2 n2),                                                           \
		      (SYSARG_(t0, s_->a[0]), SYSARG_(t1, s_->a[1]), SYSARG_(t2, s_->a[2])))
#define SYSCALL4(name, t0, n0, t1, n1, t2, n2, t3, n3)                                                       \
	SYSCALL_BODY_(name, (t0 n0, t1 n1, t2 n2, t3 n3),                                                    \
		      (SYSARG_(t0, s_->a[0]), SYSARG_(t1, s_->a[1]), SYSARG_(t2, s_->a[2]),                  \
		       SYSARG_(t3, s_->a[3])))
#define SYSCALL5(name, t0, n0, t1, n1, t2, n2, t3, n3, t4, n4)                                               \
	SYSCALL_BODY_(name, (t0 n0, t1 n1, t2 n2, t3 n3, t4 n4),                                             \
		      (SYSARG_(t0, s_->a[0]), SYSARG_(t1, s_->a[1]), SYSARG_(t2, s_->a[2]),                  \
		       SYSARG_(t3, s_->a[3]), SYSARG_(t4, s_->a[4])))
#define SYSCALL6(name, t0, n0, t1, n1, t2, n2, t3, n3, t4, n4, t5, n5)                                       \
	SYSCALL_BODY_(name, (t0 n0, t1 n1, t2 n2, t3 n3, t4 n4, t5 n5),                                      \
		      (SYSARG_(t0, s_->a[0]), SYSARG_(t1, s_->a[1]), SYSARG_(t2, s_->a[2]),                  \
		       SYSARG_(t3, s_->a[3]), SYSARG_(t4, s_->a[4]), SYSARG_(t5, s_->a[5])))

#endif
