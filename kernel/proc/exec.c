/* execve(2), execveat(2). The shape of it is in exec.h. */
#include "proc/exec.h"
#include "proc/sched.h"

#include "abi/linux/errno.h"
#include "abi/linux/mount.h"
#include "core/alloc.h"
#include "core/log.h"
#include "fs/file.h"
#include "gate/gate.h"
#include "ipc/futex.h"
#include "lib/string.h"
#include "sys/syscall.h"

static void exec_args_free(struct exec_args *a)
{
	if (!a)
		return;
	exec_file_put(a->exe);
	exec_file_put(a->interp);
	for (u32 i = 0; i < a->nlead; i++)
		kfree(a->lead[i]);
	kfree(a->filename);
	kfree(a->strings);
	if (a->cred)
		cred_put(a->cred);
	if (a->mm)
		mm_put(a->mm);
	kfree(a);
}

/* A descriptor table shared with other processes is no longer shared. */
static int unshare_files(void)
{
	struct files *copy;

	if (atomic_load(&current->files->ref.count) == 1)
		return 0;
	copy = files_copy(current->files);
	if (!copy)
		return -ENOMEM;
	files_put(task_swap_files(copy));
	return 0;
}

static void swap_exe(struct process *p, struct file *exe)
{
	struct file *old;

	file_get(exe);
	mutex_lock(&tasklist_lock);
	old = p->exe;
	p->exe = exe;
	p->did_exec = true;
	p->exec_id++;
	mutex_unlock(&tasklist_lock);
	if (old)
		file_put(old);
}

/* The new address space becomes current; nothing of the old one is needed any more. */
static int commit_mm(struct exec_args *a)
{
	struct mm *new = a->mm, *old;
	int err;

	new->exe = file_get(a->exe);
	atomic_sub(&a->exe->inode->write_count, 1); /* denied by a already */
	a->mm = NULL;
	old = task_swap_mm(new);
	err = old && !mm_remote_wait(old) ? -EINTR : mm_exec_reset(new);
	if (old) {
		atomic_sub(&old->users, 1);
		mm_put(old);
	}
	vfork_release(current->process);
	return err;
}

static void commit_process(struct exec_args *a)
{
	struct process *p = current->process;
	bool changed = a->secure || a->ids_changed;
	bool dumpable = a->readable && !a->ids_changed;

	sighand_exec(current);
	current->altstack = (struct altstack){ .flags = SS_DISABLE };
	current->restart.func = NULL;
	current->restore_blocked = false;
	current->robust_list = uptr(0);
	current->robust_list_len = 0;
	current->clear_child_tid = current->set_child_tid = uptr(0);
	files_close_on_exec(current->files);
	task_set_comm(current, a->comm);
	swap_exe(p, a->exe);
	if (changed)
		current->pdeath_signal = 0;
	cred_install(a->cred);
	p->dumpable = dumpable;
	atomic_store(&current->mm->loading, false);
}

static int commit(struct exec_args *a)
{
	u64 sp;
	int err = commit_mm(a);

	if (!err)
		err = unshare_files();
	if (!err)
		err = elf_load(a->exe, a->interp, &a->image);
	if (!err)
		err = exec_build_stack(a, &sp);
	if (err)
		return err;
	commit_process(a);
	a->cred = NULL;
	memset(&current->regs, 0, sizeof(current->regs));
	current->regs.rip = a->image.entry;
	current->regs.rsp = sp;
	current->regs.rflags = 0x202; /* interrupts on, and the bit that is always 1 */
	current->orig_rax = ~0ull;
	gate_set_fsbase(0);
	gate_fpstate_reset();
	return 0;
}

/* On a fresh kernel stack, in a host process that is the task's own. */
static void exec_commit(void *arg)
{
	struct exec_args *a = arg;
	int err = commit(a);

	if (err)
		log_info("exec of %s failed past the point of no return: error %d", a->filename, -err);
	exec_args_free(a);
	if (err)
		do_group_exit(SIGSEGV);
	/* A fresh host process knows nothing of the task's nice value and CPUs. */
	sched_apply(current);
	signal_recalc(); /* what signal_held kept back */
	gate_enter_program(false);
}

/* Phase 1. */
static struct exec_args *prepare(int dirfd, const char *path, const struct exec_vector *argv,
				 const struct exec_vector *envp, int flags)
{
	struct exec_args *a = kzalloc(sizeof(*a));
	int err;

	if (!a)
		return err_ptr(-ENOMEM);
	err = exec_find(a, dirfd, path, flags);
	if (!err)
		err = exec_compute_cred(a);
	if (!err)
		err = exec_copy_strings(a, argv, envp);
	if (!err) {
		a->mm = mm_alloc();
		if (a->mm)
			a->mm->loading = true;
		else
			err = -ENOMEM;
	}
	if (err) {
		exec_args_free(a);
		return err_ptr(err);
	}
	return a;
}

/* What of the program's old memory others wait for, while it is still there. */
static void release_old_memory(void)
{
	struct task *t = current;

	if (!t->mm)
		return;
	futex_exit_robust(t);
	if (!uptr_null(t->clear_child_tid) && atomic_load(&t->mm->users) > 1 && !put_user_u32(t->clear_child_tid, 0))
		(void)futex_wake(t->clear_child_tid, FUTEX_F_SHARED, 1, ~0u);
}

static void exec_args_drop(void *arg) { exec_args_free(arg); }

/* Takes a over. */
static long exec_go(struct exec_args *a, int flags)
{
	int err = 0;

	if (!(flags & AT_EXECVE_CHECK))
		err = exec_dethread();
	if (err || (flags & AT_EXECVE_CHECK)) {
		exec_args_free(a);
		return err;
	}
	release_old_memory();
	hthread_exec(exec_commit, exec_args_drop, a);
}

long exec_boot(const char *path, char *const argv[], u32 argc, char *const envp[], u32 envc,
	       void (*loaded)(void *), void *arg)
{
	struct exec_vector av = { .kernel = true, .strings = argv, .count = argc };
	struct exec_vector ev = { .kernel = true, .strings = envp, .count = envc };
	struct exec_args *a = prepare(AT_FDCWD, path, &av, &ev, 0);

	if (is_err(a))
		return ptr_err(a);
	loaded(arg);
	return exec_go(a, 0);
}

long do_execve(int dirfd, struct uptr upath, struct uptr argv, struct uptr envp, int flags)
{
	struct exec_vector av = { .user = argv }, ev = { .user = envp };
	struct exec_args *a = NULL;
	char *path;
	ssize_t n;

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK))
		return -EINVAL;
	path = kmalloc(PATH_MAX);
	if (!path)
		return -ENOMEM;
	n = copy_in_str(path, upath, PATH_MAX);
	if (!n && !(flags & AT_EMPTY_PATH))
		n = -ENOENT;
	if (n >= 0)
		a = prepare(dirfd, path, &av, &ev, flags);
	kfree(path);
	if (n < 0)
		return n;
	return is_err(a) ? ptr_err(a) : exec_go(a, flags);
}

SYSCALL3(execve, struct uptr, path, struct uptr, argv, struct uptr, envp)
{
	return do_execve(AT_FDCWD, path, argv, envp, 0);
}

SYSCALL5(execveat, int, dirfd, struct uptr, path, struct uptr, argv, struct uptr, envp, int, flags)
{
	return do_execve(dirfd, path, argv, envp, flags);
}
