/*
 * The memory of other tasks: process_vm_readv(2), /proc/PID/mem. In the caller's own address space these are user
 * copies; in another one the host copies, between kernel memory and a range that was checked to be a program's.
 *
 * The host holds on to pages while it copies, whatever becomes of their mapping: those calls are counted. Nothing turns
 * executable while somebody writes (code.c), and exec goes on with new memory when nobody is at the old one (a call
 * that begins later finds that the task has another).
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/time.h"
#include "core/wait.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "mm/code.h"
#include "mm/remote.h"
#include "mm/mm.h"
#include "mm/patch.h"
#include "proc/task.h"

#define START_WAIT 100000 /* ns */
#define START_WAITS 20
#define PAUSE 50000 /* ns */

static u32 writing; /* calls in the whole sandbox; atomic */

static int host_pid(struct task *t, bool *starting)
{
	int pid = -ESRCH;
	struct hthread *ht;

	mutex_lock(&tasklist_lock);
	ht = t->ht;
	if (!t->exited && ht && ht->hp)
		pid = ht->hp->host_pid;
	*starting = !t->exited && !ht;
	mutex_unlock(&tasklist_lock);
	return pid > 0 ? pid : -ESRCH;
}

/* A forked task can be asked about before its host thread has begun. One that lends its thread away looks the same. */
int mm_host_pid(struct task *t)
{
	struct wait_queue wq;
	bool starting;
	int pid = host_pid(t, &starting);

	wait_queue_init(&wq);
	for (u32 i = 0; starting && i < START_WAITS; i++) {
		(void)wait_event_full(&wq, false, WAIT_UNINTERRUPTIBLE, ktime_get() + START_WAIT, 0);
		pid = host_pid(t, &starting);
	}
	return pid;
}

bool mm_pause_killable(void)
{
	struct wait_queue wq;

	wait_queue_init(&wq);
	(void)wait_event_full(&wq, false, WAIT_KILLABLE, ktime_get() + PAUSE, 0);
	return !fatal_pending_current();
}

struct mm *mm_get_loaded(struct task *t)
{
	struct mm *mm;

	while ((mm = task_get_mm(t)) && mm != current->mm && atomic_load(&mm->loading)) {
		mm_put(mm);
		if (!mm_pause_killable())
			return err_ptr(-EINTR);
	}
	return mm;
}

struct mm *mm_get_allowed(struct task *t, bool fs_creds)
{
	struct mm *mm = mm_get_loaded(t);

	if (is_err(mm))
		return mm;
	if (task_may_access(t, fs_creds))
		return mm;
	if (mm)
		mm_put(mm);
	return err_ptr(-EPERM);
}

bool mm_remote_wait(struct mm *mm)
{
	while (atomic_load(&mm->remote_users))
		if (!mm_pause_killable())
			return false;
	return true;
}

bool mm_remote_writing(void) { return atomic_load(&writing); }

static void remote_end(struct mm *mm, bool write)
{
	if (write) {
		atomic_sub(&writing, 1);
		atomic_sub(&mm->remote_writers, 1);
	}
	atomic_sub(&mm->remote_users, 1);
}

/* Counted first, then looked at: exec does it the other way round. */
static bool remote_begin(struct task *t, struct mm *mm, bool write)
{
	atomic_add(&mm->remote_users, 1);
	if (write) {
		atomic_add(&mm->remote_writers, 1);
		atomic_add(&writing, 1);
	}
	if (atomic_load(&t->mm) == mm)
		return true;
	remote_end(mm, write);
	return false;
}

static ssize_t access_own(u64 addr, void *buf, size_t len, bool write)
{
	size_t n = write ? copy_out_partial(uptr(addr), buf, len) : copy_in_partial(buf, uptr(addr), len);

	if (!write) {
		patch_unshow(current->mm, addr, buf, n);
		code_unshow(current->mm, addr, buf, n);
	}
	return n ? (ssize_t)n : -EFAULT;
}

ssize_t mm_access_remote(struct task *t, struct mm *mm, u64 addr, void *buf, size_t len, bool write)
{
	struct iovec local = { (u64)buf, len }, remote = { addr, len };
	ssize_t n;
	int pid;

	if (!len)
		return 0;
	if (!user_range_ok(uptr(addr), len)) {
		if (addr >= TASK_SIZE)
			return -EFAULT;
		local.len = remote.len = len = TASK_SIZE - addr;
	}
	if (mm == current->mm)
		return access_own(addr, buf, len, write);
	if (!remote_begin(t, mm, write))
		return -ESRCH;
	n = pid = mm_host_pid(t);
	if (pid > 0)
		n = write ? host_process_vm_writev(pid, &local, 1, &remote, 1, 0) :
			    host_process_vm_readv(pid, &local, 1, &remote, 1, 0);
	remote_end(mm, write);
	return n;
}

/* By way of a kernel buffer: kserver, who makes the host's call, does not have the caller's memory. */
ssize_t mm_process_vm(struct task *t, struct mm *mm, struct uio *local, const struct iovec *remote, u32 count,
		      bool write)
{
	size_t done = 0, got;
	ssize_t n = 0;
	u8 *buf;

	for (u32 i = 0; i < count; i++)
		if (!user_range_ok(uptr(remote[i].base), remote[i].len)) {
			if (!i)
				return -EFAULT;
			count = i;
		}
	if (!local->resid || !count)
		return 0;
	buf = task_bounce();
	if (!buf)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++) {
		for (u64 off = 0; off < remote[i].len && local->resid; off += (u64)n) {
			size_t want = min(min(remote[i].len - off, BOUNCE_SIZE), local->resid);

			got = write ? uio_copy_from(local, buf, want) : want;
			n = got ? mm_access_remote(t, mm, remote[i].base + off, buf, got, write) : -EFAULT;
			if (n > 0 && !write)
				n = (ssize_t)uio_copy_to(local, buf, (size_t)n);
			if (n <= 0)
				return done ? (ssize_t)done : n ? n : -EFAULT;
			done += (size_t)n;
			if ((size_t)n < want)
				return (ssize_t)done;
		}
	}
	return (ssize_t)done;
}
