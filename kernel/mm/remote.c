/*
 * The memory of other tasks: process_vm_readv(2), /proc/PID/mem. In the caller's own address space these are user
 * copies; in another one the host copies, between ranges that were checked to be programs' memory on both sides.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "core/time.h"
#include "core/wait.h"
#include "gate/gate.h"
#include "gate/host.h"
#include "mm/remote.h"
#include "mm/mm.h"
#include "mm/patch.h"
#include "proc/task.h"

#define START_WAIT 100000 /* ns */
#define START_WAITS 20

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

static ssize_t access_own(u64 addr, void *buf, size_t len, bool write)
{
	size_t n = write ? copy_out_partial(uptr(addr), buf, len) : copy_in_partial(buf, uptr(addr), len);

	if (!write)
		patch_unshow(current->mm, addr, buf, n);
	return n ? (ssize_t)n : -EFAULT;
}

ssize_t mm_access_remote(struct task *t, u64 addr, void *buf, size_t len, bool write)
{
	struct iovec local = { (u64)buf, len }, remote = { addr, len };
	int pid;

	if (!len)
		return 0;
	if (!user_range_ok(uptr(addr), len)) {
		if (addr >= TASK_SIZE)
			return -EFAULT;
		local.len = remote.len = len = TASK_SIZE - addr;
	}
	if (t->mm == current->mm)
		return access_own(addr, buf, len, write);
	pid = mm_host_pid(t);
	if (pid < 0)
		return pid;
	return write ? host_process_vm_writev(pid, &local, 1, &remote, 1, 0) :
		       host_process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

/* Both sides are the caller's: by way of a kernel buffer. */
static ssize_t copy_own(struct uio *local, const struct iovec *remote, u32 count, bool write)
{
	char *buf = kmalloc(PAGE_SIZE);
	size_t done = 0;

	if (!buf)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++) {
		for (u64 off = 0; off < remote[i].len && local->resid;) {
			struct uptr at = uptr(remote[i].base + off);
			size_t want = min(remote[i].len - off, PAGE_SIZE), n;

			want = min(want, local->resid);
			if (write) {
				n = uio_copy_from(local, buf, want);
				n = copy_out_partial(at, buf, n);
			} else {
				n = copy_in_partial(buf, at, want);
				n = uio_copy_to(local, buf, n);
			}
			done += n;
			off += n;
			if (n < want)
				goto out;
		}
	}
out:
	kfree(buf);
	return done || !local->resid || !count ? (ssize_t)done : -EFAULT;
}

ssize_t mm_process_vm(struct task *t, struct uio *local, const struct iovec *remote, u32 count, bool write)
{
	struct iovec *host;
	size_t bytes;
	ssize_t ret;
	u32 pieces;
	int pid;

	for (u32 i = 0; i < count; i++)
		if (!user_range_ok(uptr(remote[i].base), remote[i].len)) {
			if (!i)
				return -EFAULT;
			count = i;
		}
	if (!local->resid || !count)
		return 0;
	if (t->mm == current->mm)
		return copy_own(local, remote, count, write);
	pid = mm_host_pid(t);
	if (pid < 0)
		return pid;
	host = kmalloc(local->iov_count * sizeof(*host));
	if (!host)
		return -ENOMEM;
	pieces = uio_host_iov(local, host, local->iov_count, local->resid, &bytes);
	if (!pieces)
		ret = -EFAULT;
	else
		ret = write ? host_process_vm_writev(pid, host, pieces, remote, count, 0) :
			      host_process_vm_readv(pid, host, pieces, remote, count, 0);
	kfree(host);
	return ret;
}
