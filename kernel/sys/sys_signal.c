/* System calls on signals: decoding for kernel/proc's signal code. */
#include "abi/linux/ucontext.h"
#include "core/time.h"
#include "proc/sigcalls.h"
#include "proc/task.h"
#include "sys/syscall.h"

#define SIGSET_SIZE 8

SYSCALL4(rt_sigaction, int, sig, struct uptr, uact, struct uptr, uold, u64, size)
{
	struct sigaction new, old;
	int err;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (!uptr_null(uact) && copy_in(&new, uact, sizeof(new)))
		return -EFAULT;
	err = signal_action(sig, uptr_null(uact) ? NULL : &new, uptr_null(uold) ? NULL : &old);
	if (!err && !uptr_null(uold))
		err = copy_out(uold, &old, sizeof(old));
	return err;
}

SYSCALL4(rt_sigprocmask, int, how, struct uptr, uset, struct uptr, uold, u64, size)
{
	u64 old = current->blocked, set;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (!uptr_null(uset)) {
		if (copy_in(&set, uset, sizeof(set)))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			set |= old;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_blocked(set);
	}
	return uptr_null(uold) ? 0 : copy_out(uold, &old, sizeof(old));
}

SYSCALL0(rt_sigreturn)
{
	struct task *t = current;

	t->restart.func = NULL;
	/* Whatever is in rax now is the program's own and no result. */
	t->orig_rax = ~0ull;
	if (sigframe_restore())
		signal_force(SIGSEGV, NULL);
	return (long)t->regs.rax;
}

SYSCALL0(pause) { return signal_pause(); }

SYSCALL2(kill, int, pid, int, sig)
{
	struct siginfo info;

	siginfo_kill(&info, sig);
	return signal_kill(pid, sig, &info);
}

SYSCALL2(rt_sigpending, struct uptr, uset, u64, size)
{
	u64 set = signal_pending_set() & current->blocked;

	if (size > SIGSET_SIZE)
		return -EINVAL;
	return copy_out(uset, &set, size);
}

SYSCALL4(rt_sigtimedwait, struct uptr, uset, struct uptr, uinfo, struct uptr, utimeout, u64, size)
{
	struct timespec64 ts;
	struct siginfo info;
	s64 deadline = KTIME_MAX;
	u64 set;
	long ret;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (copy_in(&set, uset, sizeof(set)))
		return -EFAULT;
	if (!uptr_null(utimeout)) {
		if (copy_in(&ts, utimeout, sizeof(ts)))
			return -EFAULT;
		if (!timespec64_valid(&ts))
			return -EINVAL;
		deadline = ts.tv_sec || ts.tv_nsec ? ktime_add_sat(ktime_get(), timespec64_to_ns(&ts)) : 0;
	}
	ret = signal_timedwait(set, &info, deadline);
	if (ret > 0 && !uptr_null(uinfo) && siginfo_copy_out(uinfo, &info))
		return -EFAULT;
	return ret;
}

/* Nobody may pretend to be kill, tgkill or the kernel to others. */
static bool may_claim(const struct siginfo *info, int tid)
{
	return (info->code < 0 && info->code != SI_TKILL) || tid == (int)current->pid->nr;
}

SYSCALL3(rt_sigqueueinfo, int, pid, int, sig, struct uptr, uinfo)
{
	struct siginfo info;
	int err = siginfo_copy_in(&info, uinfo, sig);

	if (err)
		return err;
	if (!may_claim(&info, pid))
		return -EPERM;
	return pid > 0 ? signal_kill(pid, sig, &info) : -ESRCH;
}

SYSCALL4(rt_tgsigqueueinfo, int, tgid, int, tid, int, sig, struct uptr, uinfo)
{
	struct siginfo info;
	int err = siginfo_copy_in(&info, uinfo, sig);

	if (err)
		return err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	if (!may_claim(&info, tid))
		return -EPERM;
	return signal_kill_thread(tgid, tid, sig, &info);
}

SYSCALL2(rt_sigsuspend, struct uptr, uset, u64, size)
{
	u64 set;

	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (copy_in(&set, uset, sizeof(set)))
		return -EFAULT;
	return signal_suspend(set);
}

SYSCALL2(sigaltstack, struct uptr, unew, struct uptr, uold)
{
	struct task *t = current;
	const struct altstack cur = t->altstack;
	struct linux_stack s;

	if (!uptr_null(unew)) {
		struct altstack as;
		int err;

		if (copy_in(&s, unew, sizeof(s)))
			return -EFAULT;
		as = (struct altstack){ .sp = s.sp, .size = s.size, .flags = (u32)s.flags };
		err = altstack_set(&as, t->regs.rsp);
		if (err)
			return err;
	}
	if (uptr_null(uold))
		return 0;
	s = (struct linux_stack){ .sp = cur.sp, .size = cur.size };
	s.flags = (s32)(altstack_state(&cur, t->regs.rsp) | (cur.flags & SS_AUTODISARM));
	return copy_out(uold, &s, sizeof(s));
}

static long kill_thread(int tgid, int tid, int sig)
{
	struct siginfo info;

	siginfo_kill(&info, sig);
	info.code = SI_TKILL;
	return signal_kill_thread(tgid, tid, sig, &info);
}

SYSCALL2(tkill, int, tid, int, sig) { return tid <= 0 ? -EINVAL : kill_thread(0, tid, sig); }

SYSCALL3(tgkill, int, tgid, int, tid, int, sig)
{
	return tid <= 0 || tgid <= 0 ? -EINVAL : kill_thread(tgid, tid, sig);
}

SYSCALL0(restart_syscall)
{
	struct restart_block *r = &current->restart;

	return r->func ? r->func(r) : -EINTR;
}
