/*
 * msync(2). The host finds what was written through a mapping when the file is synced, by whichever descriptor; so the
 * files of the range are synced, whole. Memory without a file has nothing to be synced to.
 */
#include "abi/linux/errno.h"
#include "fs/file.h"
#include "mm/vma.h"
#include "proc/task.h"

struct msync_step {
	u64 next; /* where to look on */
	bool gap; /* nothing was mapped before it */
	struct file *file; /* to be synced; reference held; NULL = none */
};

/* The first mapping at or behind at. -ENOMEM: none before end. */
static int step(struct mm *mm, u64 at, u64 end, u32 flags, struct msync_step *s)
{
	struct vma *v;
	int err = 0;

	*s = (struct msync_step){ .next = end, .gap = true };
	mutex_lock(&mm->lock);
	v = vma_find(mm, at);
	if (!v || v->start >= end) {
		err = -ENOMEM;
	} else {
		s->next = v->end;
		s->gap = v->start > at;
		if ((flags & MS_INVALIDATE) && (v->flags & MAP_LOCKED))
			err = -EBUSY;
		else if ((flags & MS_SYNC) && (v->flags & MAP_SHARED) && v->file)
			s->file = file_get(v->file);
	}
	mutex_unlock(&mm->lock);
	return err;
}

int mm_msync(u64 addr, u64 end, u32 flags)
{
	struct msync_step s;
	bool gap = false;
	int err;

	for (u64 at = addr; at < end; at = s.next) {
		err = step(current->mm, at, end, flags, &s);
		if (err)
			return err;
		gap |= s.gap;
		if (!s.file)
			continue;
		err = s.file->ops && s.file->ops->fsync ? s.file->ops->fsync(s.file, false) : 0;
		file_put(s.file);
		if (err)
			return err;
	}
	return gap ? -ENOMEM : 0;
}
