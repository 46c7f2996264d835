/*
 * clone(2), clone3(2), fork(2), vfork(2).
 *
 *   CLONE_VM without CLONE_VFORK   a new host thread in the same host process
 *   CLONE_VM with CLONE_VFORK      no host call at all: the child runs on the parent's host thread (hthread_lend)
 *                                  until it execs or exits; the parent sleeps by not being served
 *   neither                        a copy of the host process; the VMA list is copied under mm->lock
 */
#include "abi/layout.h"
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "abi/linux/sched.h"
#include "core/alloc.h"
#include "core/log.h"
#include "fs/event/event.h"
#include "fs/file.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/container.h"
#include "proc/task.h"
#include "proc/uts.h"
#include "sys/syscall.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define CLONE_NAMESPACES_MISSING (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWTIME)

static int check_flags(const struct clone_args *a)
{
	u64 f = a->flags;

	if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
		return -EINVAL;
	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & (CLONE_NEWNS | CLONE_FS)) == (CLONE_NEWNS | CLONE_FS))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_PIDFD) && (f & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL;
	if (f & CLONE_NAMESPACES_MISSING)
		return -EINVAL; /* as a kernel built without them */
	if ((f & CLONE_PARENT) && !current->process->parent)
		return -EINVAL;
	if ((f & (CLONE_NEWNS | CLONE_NEWUTS)) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (a->exit_signal > NSIG)
		return -EINVAL;
	/* As arch_prctl(ARCH_SET_FS) has it; loading an address that is not canonical would fault in the kernel. */
	if ((f & CLONE_SETTLS) && a->tls >= TASK_SIZE)
		return -EPERM;
	return 0;
}

/* What the child holds besides its address space. On failure task_put undoes what was done. */
static int copy_parts(struct task *t, const struct clone_args *a)
{
	struct task *me = current;

	if (a->flags & CLONE_FILES) {
		t->files = me->files;
		ref_get(&t->files->ref);
	} else {
		t->files = files_copy(me->files);
	}
	if (!t->files)
		return -ENOMEM;
	if (a->flags & CLONE_FS) {
		t->fs = me->fs;
		ref_get(&t->fs->ref);
	} else {
		t->fs = fs_context_copy(me->fs);
	}
	if (!t->fs)
		return -ENOMEM;
	if (a->flags & CLONE_SIGHAND) {
		t->sighand = me->sighand;
		sighand_get(t->sighand);
	} else {
		t->sighand = sighand_copy(me->sighand);
	}
	if (!t->sighand)
		return -ENOMEM;
	if (a->flags & CLONE_CLEAR_SIGHAND)
		for (u32 i = 0; i < NSIG; i++)
			if (t->sighand->action[i].handler != SIG_IGN)
				t->sighand->action[i] = (struct sigaction){ 0 };
	if (a->flags & CLONE_NEWNS) {
		struct mount_ns *ns = mount_ns_copy(me->mnt_ns);

		if (is_err(ns))
			return (int)ptr_err(ns);
		t->mnt_ns = ns;
		fs_context_rebase(t->fs, ns);
	} else {
		t->mnt_ns = me->mnt_ns;
		ref_get(&t->mnt_ns->ref);
	}
	if (a->flags & CLONE_NEWUTS) {
		t->uts_ns = uts_ns_copy(me->uts_ns);
		if (!t->uts_ns)
			return -ENOMEM;
	} else {
		t->uts_ns = uts_ns_get(me->uts_ns);
	}
	return 0;
}

static void copy_fields(struct task *t, const struct clone_args *a)
{
	struct task *me = current;

	task_inherit(t, me);
	t->regs = me->regs;
	t->regs.rax = 0;
	if (a->stack.addr)
		t->regs.rsp = a->stack.addr;
	t->orig_rax = ~0ull;
	if (!(a->flags & CLONE_VM) || (a->flags & CLONE_VFORK))
		t->altstack = me->altstack;
	else
		t->altstack.flags = SS_DISABLE;
	if (a->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = a->child_tid;
	if (a->flags & CLONE_CHILD_SETTID)
		t->set_child_tid = a->child_tid;
	t->tls = (a->flags & CLONE_SETTLS) ? a->tls : gate_get_fsbase();
}

/*
 * A child exists for the host before it does for the guest, so that a refused clone leaves no trace. Whoever comes first
 * publishes it, its maker or itself: were it always the maker, then on one CPU, where the host runs the child first,
 * every fork would cost two more context switches. t->go, a futex word, says how far that is.
 */
enum { GO_NOT_YET, GO_BUSY, GO_AWAITED, GO_DONE };
#define GO_SPINS 50

static void wait_published(struct task *t)
{
	for (int i = 0; i < GO_SPINS && atomic_load(&t->go) != GO_DONE; i++)
		__builtin_ia32_pause();
	(void)atomic_cas(&t->go, GO_BUSY, GO_AWAITED);
	while (atomic_load(&t->go) != GO_DONE)
		host_futex(&t->go, FUTEX_WAIT, GO_AWAITED, NULL, NULL, 0);
}

/* Its maker or t itself; the maker does not go on before it is done, so that it stays there for t. */
static void publish(struct task *t)
{
	struct task *maker = t->maker;
	struct process *parent;

	if (maker->process == t->process || t->made_sibling) {
		mutex_lock(&tasklist_lock);
		parent = maker->process->parent;
		if (parent)
			process_get(parent);
		mutex_unlock(&tasklist_lock);
	} else {
		parent = maker->process;
		process_get(parent);
	}
	task_publish(t, parent, maker);
	if (parent)
		process_put(parent);
	if (atomic_xchg(&t->go, GO_DONE) == GO_AWAITED)
		host_futex(&t->go, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void publish_once(struct task *t)
{
	if (atomic_cas(&t->go, GO_NOT_YET, GO_BUSY))
		publish(t);
	else
		wait_published(t);
}

/* The child's first kernel code, on its own host thread (or, for vfork, on the parent's). */
static void child_start(void *arg __unused)
{
	struct task *t = current;

	publish_once(t);
	gate_set_fsbase(t->tls);
	if (!uptr_null(t->set_child_tid) && put_user_u32(t->set_child_tid, t->pid->nr))
		log_debug("clone: child tid address is not writable");
	gate_enter_program(false);
}

static int start_copy(struct task *t)
{
	struct mm *mm = current->mm;
	int err;

	image_adopt(mm, 0);
	mutex_lock(&mm->lock);
	t->mm = mm_copy(mm);
	err = t->mm ? hproc_fork(t, child_start, NULL) : -ENOMEM;
	mutex_unlock(&mm->lock);
	return err;
}

static void share_mm(struct task *t)
{
	t->mm = current->mm;
	mm_get(t->mm);
	atomic_add(&t->mm->users, 1);
}

/* pidfd for the parent: reserved before the child exists, installed after. */
static int prepare_pidfd(const struct clone_args *a, struct task *t, struct file **file)
{
	int fd;

	*file = NULL;
	if (!(a->flags & CLONE_PIDFD))
		return -1;
	fd = fd_alloc(0, true);
	if (fd < 0)
		return fd;
	*file = pidfd_create(t->pid, 0);
	if (is_err(*file) || put_user_u32(a->pidfd, (u32)fd)) {
		int err = is_err(*file) ? (int)ptr_err(*file) : -EFAULT;

		if (!is_err(*file))
			file_put(*file);
		fd_cancel(fd);
		return err;
	}
	return fd;
}

/* RLIMIT_NPROC: tasks of the real user, setrlimit(2). Counted when asked: only users who are held to it pay. */
static bool over_nproc(void)
{
	u64 limit = rlimit(RLIMIT_NPROC), count = 0;
	u32 uid = current->cred->uid;

	if (limit == RLIM_INFINITY || uid == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN))
		return false;
	mutex_lock(&tasklist_lock);
	for (struct task *t = task_next_any(0); t && count < limit; t = task_next_any(task_place(t) + 1))
		count += t->cred->uid == uid;
	mutex_unlock(&tasklist_lock);
	return count >= limit;
}

static struct task *make_child(const struct clone_args *a)
{
	struct process *p = current->process;
	struct task *t;
	int err;

	if (a->flags & CLONE_THREAD) {
		process_get(p);
	} else {
		p = process_alloc();
		if (!p)
			return err_ptr(-ENOMEM);
		process_inherit(p, current->process);
		p->exit_signal = (a->flags & CLONE_PARENT) ? current->process->exit_signal : a->exit_signal;
	}
	t = task_alloc(p);
	process_put(p);
	if (!t)
		return err_ptr(-ENOMEM);
	copy_fields(t, a);
	t->maker = current;
	t->made_sibling = a->flags & CLONE_PARENT;
	err = copy_parts(t, a);
	if (!err)
		err = task_alloc_pid(t, 0);
	if (err) {
		task_put(t);
		return err_ptr(err);
	}
	return t;
}

/* CLONE_VFORK with an address space of its own: nobody was lent, so wait for the exec or the end. */
static void wait_vfork(struct process *p)
{
	while (atomic_load(&p->vforked)) {
		task_prepare_sleep();
		if (atomic_load(&p->vforked) && wait_block(WAIT_KILLABLE, KTIME_MAX))
			break;
	}
	mutex_lock(&tasklist_lock);
	p->vfork_parent = NULL;
	mutex_unlock(&tasklist_lock);
}

long do_clone(const struct clone_args *a)
{
	struct task *me = current, *t;
	struct file *pidfd_file = NULL;
	struct process *p;
	int pidfd, err;
	long tid;

	err = check_flags(a);
	if (err)
		return err;
	if (me->process->group_exiting || container_full(me->process->container) || over_nproc())
		return -EAGAIN;
	/* A fork that a signal would have to wait for is started anew after its handler. */
	if (signal_pending_current() && !(a->flags & CLONE_THREAD))
		return -ERESTARTNOINTR;
	if (!(a->flags & CLONE_VM))
		hproc_fork_wait();
	t = make_child(a);
	if (is_err(t))
		return ptr_err(t);
	pidfd = prepare_pidfd(a, t, &pidfd_file);
	if (pidfd < -1 || (pidfd < 0 && (a->flags & CLONE_PIDFD))) {
		task_put(t);
		return pidfd;
	}
	tid = t->pid->nr;
	if ((a->flags & CLONE_PARENT_SETTID) && put_user_u32(a->parent_tid, (u32)tid))
		log_debug("clone: parent tid address is not writable");
	if (a->flags & CLONE_VM)
		share_mm(t);
	if ((a->flags & CLONE_VM) && (a->flags & CLONE_VFORK) && !(a->flags & CLONE_THREAD)) {
		if (pidfd_file)
			fd_install(pidfd, pidfd_file);
		publish(t);
		me->regs.rax = (u64)tid;
		me->orig_rax = ~0ull;
		task_rusage_start(t);
		hthread_lend(t);
		child_start(NULL);
	}
	p = t->process;
	process_get(p);
	if ((a->flags & CLONE_VFORK) && !(a->flags & CLONE_THREAD)) {
		p->vforked = true;
		p->vfork_parent = me;
	}
	if ((a->flags & CLONE_VM) && hthread_reserve(t)) {
		publish(t);
		hthread_call(t, child_start, NULL);
		goto started;
	}
	/* A child that shares the descriptors may look for the pidfd: it is not to be ahead of us. */
	if (pidfd_file)
		t->go = GO_BUSY;
	task_get(t); /* it may be done with itself before we are */
	err = (a->flags & CLONE_VM) ? hthread_spawn(t, child_start, NULL) : start_copy(t);
	if (err) {
		if (pidfd_file) {
			file_put(pidfd_file);
			fd_cancel(pidfd);
		}
		task_put(t);
		task_put(t);
		process_put(p);
		return err;
	}
	if (pidfd_file) {
		fd_install(pidfd, pidfd_file);
		pidfd_file = NULL;
		publish(t);
	} else {
		publish_once(t);
	}
	task_put(t);
started:
	if (pidfd_file)
		fd_install(pidfd, pidfd_file);
	if ((a->flags & CLONE_VFORK) && !(a->flags & CLONE_THREAD))
		wait_vfork(p);
	process_put(p);
	return tid;
}

SYSCALL5(clone, u64, flags, u64, stack, u64, parent_tid, u64, child_tid, u64, tls)
{
	struct clone_args a = {
		.flags = flags & 0xffffff00u,
		.exit_signal = flags & 0xff,
		.stack = uptr(stack),
		.tls = tls,
		.parent_tid = uptr(parent_tid),
		.child_tid = uptr(child_tid),
		.pidfd = uptr(parent_tid),
	};

	if ((a.flags & (CLONE_PIDFD | CLONE_PARENT_SETTID)) == (CLONE_PIDFD | CLONE_PARENT_SETTID))
		return -EINVAL;
	return do_clone(&a);
}

SYSCALL0(fork)
{
	const struct clone_args a = { .exit_signal = SIGCHLD };

	return do_clone(&a);
}

SYSCALL0(vfork)
{
	const struct clone_args a = { .flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD };

	return do_clone(&a);
}

SYSCALL2(clone3, struct uptr, uargs, u64, size)
{
	struct clone3_args u = { 0 };
	u8 rest[64];

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (copy_in(&u, uargs, min(size, sizeof(u))))
		return -EFAULT;
	/* Fields of a later Linux must be zero. */
	for (u64 off = sizeof(u); off < size; off += sizeof(rest)) {
		u64 n = min(size - off, sizeof(rest));

		if (copy_in(rest, uptr_add(uargs, off), n))
			return -EFAULT;
		for (u64 i = 0; i < n; i++)
			if (rest[i])
				return -E2BIG;
	}
	if (u.flags & (CLONE_DETACHED | 0xff) || u.flags >> 34 || u.exit_signal > NSIG)
		return -EINVAL;
	if ((u.flags & (CLONE_THREAD | CLONE_PARENT)) && u.exit_signal)
		return -EINVAL;
	if ((!u.stack) != (!u.stack_size))
		return -EINVAL;
	if (u.stack && !user_range_ok(uptr(u.stack), u.stack_size))
		return -EINVAL;
	if (u.flags & CLONE_INTO_CGROUP)
		return -EOPNOTSUPP;
	if (u.set_tid_size)
		return u.set_tid_size > 32 || !u.set_tid ? -EINVAL : -EPERM;

	struct clone_args a = {
		.flags = u.flags,
		.exit_signal = (u32)u.exit_signal,
		.stack = uptr(u.stack ? u.stack + u.stack_size : 0),
		.tls = u.tls,
		.parent_tid = uptr(u.parent_tid),
		.child_tid = uptr(u.child_tid),
		.pidfd = uptr(u.pidfd),
	};

	return do_clone(&a);
}
