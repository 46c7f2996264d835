/* See seccomp.h. */
#include "sys/seccomp.h"

#include "abi/linux/capability.h"
#include "abi/linux/unistd.h"
#include "core/alloc.h"
#include "core/log.h"
#include "fs/file.h"
#include "gate/host.h"
#include "lib/string.h"
#include "proc/internal.h"
#include "sys/dispatch.h"
#include "sys/seccomp_bpf.h"
#include "sys/seccomp_notify.h"
#include "sys/syscall.h"

#define AUDIT_ARCH_X86_64 0xc000003eu
#define PATH_INSNS_MAX 32768u /* of all filters of a task, each counted as a few instructions more */
#define FILTER_COST 4u
#define ERRNO_MAX 4095u
#define LOG_LINES_MAX 200u /* a program must not fill the host's disk with its log */

struct seccomp_filter {
	struct ref ref;
	bool log;
	u32 count; /* filters from here on; set when it is put in front */
	u32 len;
	struct seccomp_listener *listener; /* or NULL; reference */
	struct seccomp_filter *prev; /* reference; set when it is put in front */
	struct sock_filter code[];
};

static u32 logged; /* atomic */

static void filter_put(struct seccomp_filter *f)
{
	while (f && ref_put(&f->ref)) {
		struct seccomp_filter *prev = f->prev;

		if (f->listener)
			seccomp_listener_orphan(f->listener);
		kfree(f);
		f = prev;
	}
}

static struct seccomp_filter *filter_alloc(u32 len, u32 flags)
{
	struct seccomp_filter *f = kmalloc(sizeof(*f) + len * sizeof(f->code[0]));

	if (!f)
		return NULL;
	*f = (struct seccomp_filter){ .log = flags & SECCOMP_FILTER_FLAG_LOG, .len = len };
	ref_init(&f->ref);
	return f;
}

static int filter_check(const struct seccomp_filter *f)
{
	u16 *words = kmalloc(f->len * sizeof(*words));
	int err = words ? bpf_check(f->code, f->len, words) : -ENOMEM;

	kfree(words);
	return err;
}

static struct seccomp_filter *filter_copy_in(u32 flags, struct uptr from)
{
	struct sock_fprog prog;
	struct seccomp_filter *f;
	int err;

	if (copy_in(&prog, from, sizeof(prog)))
		return err_ptr(-EFAULT);
	if (!prog.len || prog.len > BPF_MAXINSNS)
		return err_ptr(-EINVAL);
	if (!current->no_new_privs && !capable(CAP_SYS_ADMIN))
		return err_ptr(-EACCES);
	f = filter_alloc(prog.len, flags);
	if (!f)
		return err_ptr(-ENOMEM);
	err = copy_in(f->code, uptr(prog.filter), f->len * sizeof(f->code[0])) ? -EFAULT : filter_check(f);
	if (err) {
		kfree(f);
		return err_ptr(err);
	}
	return f;
}

/* t's filters are f from now on; f's reference is given away. Returns what it had, to be put. Under tasklist_lock. */
static struct seccomp_filter *assign_locked(struct task *t, struct seccomp_filter *f)
{
	struct seccomp_filter *old = t->seccomp;

	mutex_assert_held(&tasklist_lock);
	atomic_store(&t->seccomp, f);
	atomic_store(&t->seccomp_mode, SECCOMP_MODE_FILTER);
	return old;
}

static bool is_ancestor(const struct seccomp_filter *a, const struct seccomp_filter *of)
{
	while (of && of->count > a->count)
		of = of->prev;
	return of == a;
}

/* The thread that cannot be given the current task's filters, because it has others of its own; NULL = none. */
static struct task *sync_obstacle_locked(void)
{
	const struct seccomp_filter *fine = NULL; /* most threads have the same one */
	struct task *t;

	for_each_thread(current->process, t) {
		if (t == current || t->exited || t->exiting || t->seccomp_mode == SECCOMP_MODE_DISABLED)
			continue;
		if (t->seccomp_mode != SECCOMP_MODE_FILTER)
			return t;
		if (t->seccomp != fine && !is_ancestor(t->seccomp, current->seccomp))
			return t;
		fine = t->seccomp;
	}
	return NULL;
}

/*
 * Each thread gets the current one's filters. What it had is among them (sync_obstacle_locked), and so is not freed
 * while it may be running it.
 */
static void sync_threads_locked(void)
{
	struct seccomp_filter *f = current->seccomp;
	struct task *t;

	for_each_thread(current->process, t) {
		if (t == current || t->exited || t->exiting)
			continue;
		if (current->no_new_privs)
			t->no_new_privs = true;
		if (t->seccomp == f)
			continue;
		ref_get(&f->ref);
		filter_put(assign_locked(t, f));
	}
}

static long attach_locked(struct seccomp_filter *f, u32 flags)
{
	struct task *t = current;
	u32 total = f->len;

	if (t->seccomp_mode == SECCOMP_MODE_STRICT)
		return -EINVAL;
	for (const struct seccomp_filter *p = t->seccomp; p; p = p->prev) {
		total += p->len + FILTER_COST;
		if (p->listener && f->listener)
			return -EBUSY;
	}
	if (total > PATH_INSNS_MAX)
		return -ENOMEM;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC) {
		const struct task *other = sync_obstacle_locked();

		if (other)
			return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : (long)other->pid->nr;
	}
	f->prev = t->seccomp; /* t's reference goes with it */
	f->count = f->prev ? f->prev->count + 1 : 1;
	(void)assign_locked(t, f);
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		sync_threads_locked();
	return 0;
}

static long attach(struct seccomp_filter *f, u32 flags)
{
	long ret;

	mutex_lock(&tasklist_lock);
	ret = attach_locked(f, flags);
	mutex_unlock(&tasklist_lock);
	return ret;
}

/* With a listener: its descriptor, which nobody has seen when it comes to nothing. */
static long attach_listened(struct seccomp_filter *f, u32 flags)
{
	struct file *file;
	int fd = fd_alloc(0, true);
	long ret;

	if (fd < 0)
		return fd;
	f->listener = seccomp_listener_alloc(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	file = f->listener ? seccomp_listener_file(f->listener) : err_ptr(-ENOMEM);
	ret = is_err(file) ? ptr_err(file) : attach(f, flags);
	if (!ret) {
		fd_install(fd, file);
		return fd;
	}
	fd_cancel(fd);
	if (!is_err(file))
		file_put(file);
	if (f->listener)
		seccomp_listener_orphan(f->listener);
	return ret;
}

long seccomp_set_filter(u32 flags, struct uptr fprog)
{
	struct seccomp_filter *f = filter_copy_in(flags, fprog);
	bool listened = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long ret;

	if (is_err(f))
		return ptr_err(f);
	ret = listened ? attach_listened(f, flags) : attach(f, flags);
	if (listened ? ret < 0 : ret != 0)
		kfree(f);
	return ret;
}

long seccomp_set_strict(void)
{
	long ret = -EINVAL;

	mutex_lock(&tasklist_lock);
	if (current->seccomp_mode != SECCOMP_MODE_FILTER) {
		current->seccomp_mode = SECCOMP_MODE_STRICT;
		ret = 0;
	}
	mutex_unlock(&tasklist_lock);
	return ret;
}

static struct seccomp_filter *filter_boot(const struct sock_filter *code, u32 len, u32 flags)
{
	struct seccomp_filter *f;
	int err;

	if (!len || len > BPF_MAXINSNS)
		return err_ptr(-EINVAL);
	f = filter_alloc(len, flags);
	if (!f)
		return err_ptr(-ENOMEM);
	memcpy(f->code, code, len * sizeof(*code));
	err = filter_check(f);
	if (err) {
		kfree(f);
		return err_ptr(err);
	}
	f->count = 1;
	return f;
}

int seccomp_boot(struct task *t, const struct sock_filter *code, u32 len, u32 flags, int listener_fd)
{
	struct seccomp_filter *f = filter_boot(code, len, flags);
	struct seccomp_listener *l = NULL;

	if (!is_err(f) && listener_fd >= 0)
		l = seccomp_listener_remote(listener_fd, flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	if (is_err(f) || is_err(l)) {
		int err = (int)(is_err(f) ? ptr_err(f) : ptr_err(l));

		if (!is_err(f))
			kfree(f);
		if (listener_fd >= 0)
			host_close(listener_fd);
		return err;
	}
	f->listener = l;
	t->seccomp = f;
	t->seccomp_mode = SECCOMP_MODE_FILTER;
	return 0;
}

void seccomp_inherit_locked(struct task *t)
{
	const struct task *from = current;

	mutex_assert_held(&tasklist_lock);
	if (!from->seccomp_mode)
		return;
	/* A TSYNC since the clone began. */
	t->no_new_privs |= from->no_new_privs;
	t->seccomp = from->seccomp;
	if (t->seccomp)
		ref_get(&t->seccomp->ref);
	t->seccomp_mode = from->seccomp_mode;
}

void seccomp_drop(struct task *t)
{
	struct seccomp_filter *f = t->seccomp;

	t->seccomp = NULL;
	filter_put(f);
}

u32 seccomp_count_locked(const struct task *t)
{
	mutex_assert_held(&tasklist_lock);
	return t->seccomp ? t->seccomp->count : 0;
}

static void log_call(const char *what, u64 nr)
{
	const struct syscall_desc *d = syscall_desc((u32)nr);

	if (atomic_add(&logged, 1) <= LOG_LINES_MAX)
		log_info("seccomp: %s of %s[%u]: %s", d ? d->name : "a call", current->comm,
			 current->pid ? current->pid->nr : 0, what);
}

/* The most restrictive answer of all; of equals, the newest filter's. Actions compare as signed numbers. */
static u32 run_filters(const struct seccomp_data *data, const struct seccomp_filter **by)
{
	u32 ret = SECCOMP_RET_ALLOW;

	for (const struct seccomp_filter *f = atomic_load(&current->seccomp); f; f = f->prev) {
		u32 one = bpf_run(f->code, data);

		if ((s32)(one & SECCOMP_RET_ACTION_FULL) < (s32)(ret & SECCOMP_RET_ACTION_FULL)) {
			ret = one;
			*by = f;
		}
	}
	return ret;
}

static void fill_sigsys(struct siginfo *info, u64 nr, u32 reason)
{
	siginfo_init(info, SIGSYS, SYS_SECCOMP);
	info->errno_ = (s32)reason;
	info->sys.call_addr = current->regs.rip;
	info->sys.syscall = (s32)nr;
	info->sys.arch = AUDIT_ARCH_X86_64;
}

static bool alone(void)
{
	bool yes;

	mutex_lock(&tasklist_lock);
	yes = process_single_threaded(current->process);
	mutex_unlock(&tasklist_lock);
	return yes;
}

static bool strict_allows(u64 nr)
{
	return nr == NR_read || nr == NR_write || nr == NR_exit || nr == NR_rt_sigreturn;
}

bool seccomp_check(u64 nr, const struct sysargs *args, long *ret)
{
	const struct seccomp_data data = {
		.nr = (s32)nr,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = current->regs.rip,
		.args = { args->a[0], args->a[1], args->a[2], args->a[3], args->a[4], args->a[5] },
	};
	const struct seccomp_filter *by = NULL;
	struct siginfo info;
	u32 answer;

	if (atomic_load(&current->seccomp_mode) == SECCOMP_MODE_STRICT) {
		if (strict_allows(nr))
			return true;
		log_call("killed, strict mode", nr);
		if (alone())
			do_group_exit(SIGKILL);
		do_exit(SIGKILL);
	}
	answer = run_filters(&data, &by);
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return true;
	case SECCOMP_RET_LOG:
		log_call("allowed", nr);
		return true;
	case SECCOMP_RET_ERRNO:
		if (by && by->log)
			log_call("an error", nr);
		*ret = -(long)min(answer & SECCOMP_RET_DATA, ERRNO_MAX);
		if (*ret <= -ERESTARTSYS)
			current->orig_rax = ~0ull; /* a number like others: it restarts nothing */
		return false;
	case SECCOMP_RET_TRAP:
		if (by && by->log)
			log_call("SIGSYS", nr);
		fill_sigsys(&info, nr, answer & SECCOMP_RET_DATA);
		signal_force(SIGSYS, &info);
		/* The handler finds the registers as the call found them; nothing is restarted. */
		current->orig_rax = ~0ull;
		*ret = (long)nr;
		return false;
	case SECCOMP_RET_USER_NOTIF:
		if (by && by->listener)
			return seccomp_listener_ask(by->listener, &data, ret);
		/* fallthrough */
	case SECCOMP_RET_TRACE: /* nobody can trace */
		*ret = -ENOSYS;
		return false;
	case SECCOMP_RET_KILL_THREAD:
		log_call("thread killed", nr);
		if (!alone())
			do_exit(SIGSYS);
		break;
	default:
		log_call("process killed", nr);
	}
	do_group_exit(SIGSYS);
}
