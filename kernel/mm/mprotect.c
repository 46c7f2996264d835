/* mprotect and mseal: changes to VMAs in place. */
#include "abi/linux/errno.h"
#include "mm/code.h"
#include "mm/image.h"
#include "mm/patch.h"
#include "mm/vma.h"
#include "proc/task.h"

static int protect_one(struct mm *mm, struct vma *v, u32 prot)
{
	u64 pages = (v->end - v->start) >> PAGE_SHIFT;
	int err;

	if (v->prot == prot)
		return 0;
	if (v->flags & VMA_SEALED)
		return -EPERM;
	if (((prot & PROT_WRITE) && (v->flags & VMA_NOWRITE)) || ((prot & PROT_EXEC) && (v->flags & VMA_NOEXEC)))
		return -EACCES;
	if (mm_is_data(prot, v->flags) && !mm_is_data(v->prot, v->flags) && mm_may_grow(mm, 0, pages))
		return -ENOMEM;
	/* What others could change after a look at it. */
	if ((prot & PROT_EXEC) && v->file && code_copied() && !(v->flags & (VMA_STABLE | VMA_COPIED))) {
		err = code_make_private(mm, v->start, v->end - v->start);
		if (err)
			return err;
		v->flags |= VMA_COPIED;
	}
	if ((v->prot & PROT_EXEC) && (prot & (PROT_EXEC | PROT_WRITE)) != PROT_EXEC)
		patch_drop_locked(mm, v->start, v->end);
	err = mm_host_protect(v->start, v->end - v->start, prot);
	if (err)
		return err;
	mm_account(mm, v->prot, v->flags, -(s64)pages);
	v->prot = prot;
	v->flags &= ~VMA_TEXT;
	mm_account(mm, v->prot, v->flags, pages);
	return 0;
}

static int protect_locked(struct mm *mm, u64 start, u64 end, u32 prot)
{
	struct vma *v = vma_find(mm, start);
	u64 at;
	int err;

	if (prot & PROT_GROWSDOWN) {
		if (!v || v->start >= end)
			return -ENOMEM;
		if (!(v->flags & MAP_GROWSDOWN))
			return -EINVAL;
		start = v->start;
	}
	prot &= PROT_READ | PROT_WRITE | PROT_EXEC;
	if (mm_sealed(mm, start, end))
		return -EPERM;
	err = vma_isolate(mm, start, end);
	if (err)
		return err;
	/* Up to the first hole, as Linux does it. */
	for (at = start, v = vma_find(mm, start); at < end; at = v->end, v = vma_next(v)) {
		if (!v || v->start > at)
			return -ENOMEM;
		err = protect_one(mm, v, prot);
		if (err)
			return err;
	}
	return 0;
}

int mm_mprotect(u64 addr, u64 len, u32 prot)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	bool images;
	u64 end;
	int err = 0;

	if ((prot & (PROT_GROWSDOWN | PROT_GROWSUP)) == (PROT_GROWSDOWN | PROT_GROWSUP) || (addr & ~PAGE_MASK))
		return -EINVAL;
	if (!len)
		return 0;
	if (len > TASK_SIZE || addr > TASK_SIZE - PAGE_ALIGN_UP(len))
		return -ENOMEM;
	/* No mapping grows upwards here. */
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN))
		return -EINVAL;
	end = addr + PAGE_ALIGN_UP(len);
	do {
		mutex_lock(&mm->lock);
		images = image_in(mm, addr, end) && !mm_sealed(mm, addr, end);
		if (!images) {
			err = protect_locked(mm, addr, end, prot);
			vma_merge_range(mm, addr, end, &dead);
		}
		mutex_unlock(&mm->lock);
		vma_free_chain(dead);
		if (images)
			err = image_leave(mm, addr, end);
	} while (images && !err);
	return err;
}

int mm_mseal(u64 addr, u64 len)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL, *v;
	u64 at, end;
	int err = 0;

	if ((addr & ~PAGE_MASK) || len > TASK_SIZE || addr > TASK_SIZE - PAGE_ALIGN_UP(len))
		return -EINVAL;
	end = addr + PAGE_ALIGN_UP(len);
	if (end == addr)
		return 0;
	mutex_lock(&mm->lock);
	for (at = addr, v = vma_find(mm, addr); at < end && !err; at = v->end, v = vma_next(v)) {
		if (!v || v->start > at) {
			err = -ENOMEM;
			break;
		}
	}
	if (!err)
		err = vma_isolate(mm, addr, end);
	if (!err)
		for (v = vma_find(mm, addr); v && v->start < end; v = vma_next(v))
			v->flags |= VMA_SEALED;
	vma_merge_range(mm, addr, end, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	return err;
}
