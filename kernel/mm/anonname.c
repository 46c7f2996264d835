/* Names of anonymous mappings: splits VMAs at the ends of the range, names the pieces, merges equal neighbours again. */
#include "mm/anonname.h"

#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "lib/string.h"
#include "mm/vma.h"
#include "proc/task.h"

static int name_range_locked(struct mm *mm, u64 start, u64 end, const char *name)
{
	u64 at = start;
	int err = vma_isolate(mm, start, end);

	if (err)
		return err;
	for (struct vma *v = vma_find(mm, start); v && v->start < end; v = vma_next(v)) {
		char *copy = NULL;

		if (v->start > at)
			err = -ENOMEM; /* a hole: told, but the rest gets its name */
		at = v->end;
		if (v->file)
			return -EBADF;
		if (name) {
			copy = kstrdup(name);
			if (!copy)
				return -ENOMEM;
		}
		kfree(v->anon_name);
		v->anon_name = copy;
	}
	return at < end ? -ENOMEM : err;
}

int mm_set_anon_name(u64 addr, u64 len, const char *name)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	u64 size, end;
	int err;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	size = PAGE_ALIGN_UP(len);
	if ((len && !size) || add_overflow(addr, size, &end) || end > TASK_SIZE)
		return -EINVAL;
	if (!size)
		return 0;
	mutex_lock(&mm->lock);
	err = name_range_locked(mm, addr, end, name);
	vma_merge_range(mm, addr, end, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	return err;
}
