/* mlock and friends: the list and RLIMIT_MEMLOCK are exact; the host is asked too, and may refuse. */
#include "abi/linux/capability.h"
#include "abi/linux/errno.h"
#include "gate/host.h"
#include "mm/vma.h"
#include "proc/task.h"

#define LOCK_FLAGS (MAP_LOCKED | VMA_LOCKONFAULT)

static void set_lock(struct mm *mm, struct vma *v, u32 lock)
{
	s64 pages = (v->end - v->start) >> PAGE_SHIFT;

	if (v->flags & VMA_SEALED && v->start >= MM_TOP)
		return; /* the vDSO's pages are nobody's to lock */
	mm_account(mm, v->prot, v->flags, -pages);
	v->flags = (v->flags & ~LOCK_FLAGS) | lock;
	mm_account(mm, v->prot, v->flags, pages);
}

static u64 locked_in(struct mm *mm, u64 start, u64 end)
{
	u64 pages = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v))
		if (v->flags & MAP_LOCKED)
			pages += (min(v->end, end) - max(v->start, start)) >> PAGE_SHIFT;
	return pages;
}

static int lock_locked(struct mm *mm, u64 start, u64 end, u32 lock)
{
	u64 at = start;
	int err;

	if (lock) {
		err = mm_lock_allowed(mm, ((end - start) >> PAGE_SHIFT) - locked_in(mm, start, end), -ENOMEM);
		if (err)
			return err;
	}
	err = vma_isolate(mm, start, end);
	if (err)
		return err;
	for (struct vma *v = vma_find(mm, start); at < end; at = v->end, v = vma_next(v)) {
		if (!v || v->start > at)
			return -ENOMEM;
		set_lock(mm, v, lock);
	}
	return 0;
}

static int lock_range(u64 addr, u64 len, u32 lock)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	u64 start = PAGE_ALIGN_DOWN(addr);
	int err;

	if (len > TASK_SIZE || addr > TASK_SIZE)
		return len > ~0ull - addr ? -EINVAL : -ENOMEM;
	len = PAGE_ALIGN_UP(len + (addr - start));
	if (!len)
		return 0;
	if (!mm_range_is_guests(start, len))
		return -ENOMEM;
	mutex_lock(&mm->lock);
	err = lock_locked(mm, start, start + len, lock);
	vma_merge_range(mm, start, start + len, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	if (err)
		return err;
	if (!lock)
		host_munlock((void *)start, len);
	else if (host_mlock2((void *)start, len, lock & VMA_LOCKONFAULT ? MLOCK_ONFAULT : 0) && !(lock & VMA_LOCKONFAULT))
		mm_host_advise(start, len, MADV_POPULATE_READ); /* at least there now */
	return 0;
}

int mm_mlock(u64 addr, u64 len, bool onfault)
{
	return lock_range(addr, len, MAP_LOCKED | (onfault ? VMA_LOCKONFAULT : 0));
}

int mm_munlock(u64 addr, u64 len) { return lock_range(addr, len, 0); }

/* The host is asked VMA by VMA, from a cursor, since the lock is not held over it. */
static void lock_all_host(struct mm *mm, u32 lock)
{
	u64 at = 0, start, len;

	for (;;) {
		struct vma *v;

		mutex_lock(&mm->lock);
		v = vma_find(mm, at);
		start = v ? v->start : 0;
		len = v ? v->end - start : 0;
		at = start + len;
		mutex_unlock(&mm->lock);
		if (!len || !mm_range_is_guests(start, len))
			return;
		if (lock)
			host_mlock2((void *)start, len, lock & VMA_LOCKONFAULT ? MLOCK_ONFAULT : 0);
		else
			host_munlock((void *)start, len);
	}
}

int mm_mlockall(u32 flags)
{
	u32 lock = flags ? MAP_LOCKED | (flags & MCL_ONFAULT ? VMA_LOCKONFAULT : 0) : 0;
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	int err = 0;

	if ((flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	mutex_lock(&mm->lock);
	if (flags) {
		err = mm_lock_allowed(mm, 0, 0);
		if (!err && (flags & MCL_CURRENT))
			err = mm_lock_allowed(mm, mm->total_pages - mm->locked_pages, -ENOMEM);
	}
	if (!err) {
		mm->def_flags = flags & MCL_FUTURE ? lock : 0;
		if (!flags || (flags & MCL_CURRENT)) {
			for (struct vma *v = vma_first(mm); v; v = vma_next(v))
				set_lock(mm, v, lock);
			vma_merge_range(mm, 0, TASK_SIZE, &dead);
		}
	}
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	if (!err && (!flags || (flags & MCL_CURRENT)))
		lock_all_host(mm, lock);
	return err;
}
