/* The system call table, made from the family tables, and the way through it. */
#include "sys/dispatch.h"

#include "abi/linux/unistd.h"
#include "core/boot.h"
#include "core/log.h"
#include "core/strace.h"
#include "core/time.h"
#include "gate/host.h"
#include "proc/task.h"
#include "sys/seccomp.h"
#include "sys/syscall.h"

#define SYS(nr, name, args, note) long sys_##name(const struct sysargs *);
#define SYS_PARTIAL(nr, name, args, note) long sys_##name(const struct sysargs *);
#define SYS_NONE(nr, name, note)
#define SYS_ERR(nr, name, err, note)
#include "sys/table.h"
#undef SYS
#undef SYS_PARTIAL
#undef SYS_NONE
#undef SYS_ERR

#define SYS(nr_, name_, args_, note_)                                                                        \
	[nr_] = { .nr = nr_, .status = SYSCALL_DONE, .name = #name_, .handler = sys_##name_, .args = args_, .note = note_ },
#define SYS_PARTIAL(nr_, name_, args_, note_)                                                                \
	[nr_] = { .nr = nr_, .status = SYSCALL_PARTIAL, .name = #name_, .handler = sys_##name_, .args = args_, .note = note_ },
#define SYS_NONE(nr_, name_, note_) [nr_] = { .nr = nr_, .status = SYSCALL_NONE, .name = #name_, .args = "", .note = note_ },
#define SYS_ERR(nr_, name_, err_, note_)                                                                     \
	[nr_] = { .nr = nr_, .status = SYSCALL_ERROR, .err = err_, .name = #name_, .args = "", .note = note_ },
static const struct syscall_desc table[NR_SYSCALLS] = {
#include "sys/table.h"
};

const struct syscall_desc *syscall_desc(u32 nr)
{
	return nr < NR_SYSCALLS && table[nr].name ? &table[nr] : NULL;
}

static u32 missing_seen[NR_SYSCALLS]; /* atomic counters: a line in the log for each call's first use */

static long call(const struct syscall_desc *d, const struct sysargs *args)
{
	if (likely(d && d->handler))
		return d->handler(args);
	if (d && d->status == SYSCALL_ERROR)
		return -d->err;
	if (d && atomic_add(&missing_seen[d->nr], 1) == 1)
		log_warn("%s (system call %u) is not there: ENOSYS%s%s", d->name, d->nr, *d->note ? ": " : "", d->note);
	return -ENOSYS;
}

#ifdef LIMPET_DEBUG
/* A host call as it is, made from the kernel's text: what somebody could do who has taken over the kernel. */
static bool debug_host_call(struct gate_regs *r, const struct sysargs *a)
{
	long nr = (long)(r->rax & 0x7fff);
	const u64 *v = a->a;

	if (defence(DEFENCE_CALLS) || (r->rax & ~0xffffull) != DEBUG_HOST_CALL)
		return false;
	r->rax = (u64)(r->rax & DEBUG_ASK ?
			       kserver_call(nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4], (long)v[5]) :
			       gate_host_call(nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4], (long)v[5]));
	return true;
}
#else
static bool debug_host_call(struct gate_regs *r __unused, const struct sysargs *a __unused) { return false; }
#endif

void syscall_dispatch(struct task *t)
{
	struct gate_regs *r = &t->regs;
	const struct sysargs args = { { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 } };
	u64 nr = r->rax;
	const struct syscall_desc *d = nr < NR_SYSCALLS && table[nr].name ? &table[nr] : NULL;
	long ret;

	t->orig_rax = nr;
	t->syscalls++;
	if (debug_host_call(r, &args))
		return;
	if (unlikely(t->seccomp_mode) && !seccomp_check(nr, &args, &ret)) {
		if (unlikely(strace_fd >= 0)) {
			strace_enter(d, &args, nr);
			strace_exit(d, &args, ret, 0);
		}
		r->rax = (u64)ret;
		return;
	}
	if (unlikely(strace_fd >= 0)) {
		s64 start;

		strace_enter(d, &args, nr);
		start = ktime_get();
		ret = call(d, &args);
		strace_exit(d, &args, ret, ktime_get() - start);
	} else {
		ret = call(d, &args);
	}
	r->rax = (u64)ret;
}
