/*
 * madvise, and the names of anonymous memory. Advice about contents goes to the host, whose mappings are the same as
 * the list's; advice that a VMA remembers (fork, dump, huge pages) is kept in the list too.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "lib/string.h"
#include "gate/host.h"
#include "mm/code.h"
#include "mm/vma.h"
#include "proc/task.h"

enum advice_kind { ADVICE_BAD, ADVICE_HOST, ADVICE_DISCARD, ADVICE_REMOVE, ADVICE_FLAG };

static enum advice_kind advice_kind(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_COLLAPSE:
		return ADVICE_HOST;
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		return ADVICE_DISCARD;
	case MADV_REMOVE:
		return ADVICE_REMOVE;
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
		return ADVICE_FLAG;
	default:
		return ADVICE_BAD;
	}
}

/* The flags after the advice, and whether the host has to know. -EINVAL: not for this kind of memory. */
static int new_flags(const struct vma *v, int advice, u32 *flags, bool *host)
{
	u32 f = v->flags;

	*host = false;
	switch (advice) {
	case MADV_DONTFORK:
	case MADV_DOFORK:
		f = advice == MADV_DONTFORK ? f | VMA_DONTFORK : f & ~VMA_DONTFORK;
		*host = true;
		break;
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		if (v->file || (f & MAP_SHARED))
			return -EINVAL;
		f = advice == MADV_WIPEONFORK ? f | VMA_WIPEONFORK : f & ~VMA_WIPEONFORK;
		*host = true;
		break;
	case MADV_DONTDUMP:
		f |= VMA_DONTDUMP;
		break;
	case MADV_DODUMP:
		f &= ~VMA_DONTDUMP;
		break;
	case MADV_MERGEABLE: /* remembered only: the host joining pages would tell others what is in them */
		f |= VMA_MERGEABLE;
		break;
	case MADV_UNMERGEABLE:
		f &= ~VMA_MERGEABLE;
		break;
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
		f = (f & ~VMA_HUGE_MASK) | (advice == MADV_HUGEPAGE ? VMA_HUGEPAGE : VMA_NOHUGEPAGE);
		*host = true;
		break;
	}
	*flags = f;
	return 0;
}

/* mseal(2): contents that the program could not write may not be thrown away either, nor kept from a child. */
static bool discards_sealed(const struct vma *v)
{
	return (v->flags & VMA_SEALED) && !v->file && !(v->prot & PROT_WRITE);
}

static int flag_locked(struct mm *mm, u64 start, u64 end, int advice)
{
	int err = vma_isolate(mm, start, end), ret = 0;
	u64 at = start;

	if (err)
		return err;
	for (struct vma *v = vma_find(mm, start); v && v->start < end; at = v->end, v = vma_next(v)) {
		bool host;
		u32 flags;

		if (v->start > at)
			ret = -ENOMEM;
		err = new_flags(v, advice, &flags, &host);
		if (!err && (advice == MADV_DONTFORK || advice == MADV_WIPEONFORK) && discards_sealed(v))
			err = -EPERM;
		if (err)
			return err;
		if (flags == v->flags)
			continue;
		if (host) {
			long r = mm_host_advise(v->start, v->end - v->start, advice);

			/* A host without huge pages: advice all the same. */
			if (r && advice != MADV_HUGEPAGE && advice != MADV_NOHUGEPAGE)
				return r;
		}
		v->flags = flags;
	}
	return at < end ? -ENOMEM : ret;
}

static int discard_allowed(struct mm *mm, u64 start, u64 end)
{
	int err = 0;

	mutex_lock(&mm->lock);
	for (struct vma *v = vma_find(mm, start); v && v->start < end && !err; v = vma_next(v))
		if (discards_sealed(v))
			err = -EPERM;
	mutex_unlock(&mm->lock);
	return err;
}

/* Punches holes into the files below, one VMA after the other, each without the lock. */
static int remove_range(struct mm *mm, u64 start, u64 end)
{
	int err = 0;

	while (start < end && !err) {
		struct file *f = NULL;
		u64 off = 0, to = end;
		struct vma *v;

		mutex_lock(&mm->lock);
		v = vma_find(mm, start);
		if (!v || v->start > start) {
			err = -ENOMEM;
		} else if ((v->flags & MAP_LOCKED) || !v->file) {
			err = -EINVAL;
		} else if (!(v->flags & MAP_SHARED) || (v->flags & VMA_NOWRITE)) {
			err = -EACCES;
		} else {
			f = file_get(v->file);
			off = v->offset + (start - v->start);
			to = min(end, v->end);
		}
		mutex_unlock(&mm->lock);
		if (!f)
			break;
		err = f->ops->fallocate ? f->ops->fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
							    to - start) :
					  -EOPNOTSUPP;
		file_put(f);
		start = to;
	}
	return err;
}

/*
 * Contents that go away, or come anew from their files, which were looked at as they are now. All under the lock, for a
 * mapping that turned executable or became another one meanwhile would show what nobody has looked at.
 */
static int discard_looked_at(struct mm *mm, u64 start, u64 end, int advice)
{
	u64 at = start;
	int err = 0, ret = 0;

	for (struct vma *v = vma_find(mm, start); v && v->start < end && !err; v = vma_next(v)) {
		u64 from = max(v->start, start), to = min(v->end, end);

		if (from > at)
			ret = -ENOMEM;
		at = to;
		/* A copy of a file's contents has nothing to come back from: it stays. */
		if (v->flags & VMA_COPIED)
			continue;
		if (mm->fix_count)
			code_restore(mm, from, to - from);
		/* The next fetch has it looked at again. */
		if ((v->prot & PROT_EXEC) && v->file && host_mprotect((void *)from, to - from, PROT_READ))
			err = -ENOMEM;
		if (!err)
			err = (int)mm_host_advise(from, to - from, advice);
	}
	return err ? err : at < end ? -ENOMEM : ret;
}

int mm_madvise(u64 addr, u64 len, int advice)
{
	enum advice_kind kind = advice_kind(advice);
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	u64 end;
	int err;

	if (kind == ADVICE_BAD || (addr & ~PAGE_MASK) || len > ~0ull - PAGE_SIZE)
		return -EINVAL;
	len = PAGE_ALIGN_UP(len);
	if (add_overflow(addr, len, &end))
		return -EINVAL;
	if (!len)
		return 0;
	if (!mm_range_is_guests(addr, len))
		return -ENOMEM;
	if (kind == ADVICE_DISCARD) {
		err = discard_allowed(mm, addr, end);
		if (err)
			return err;
		if (code_scanned()) {
			mutex_lock(&mm->lock);
			err = discard_looked_at(mm, addr, end, advice);
			mutex_unlock(&mm->lock);
			return err;
		}
	}
	if (kind == ADVICE_HOST || kind == ADVICE_DISCARD)
		return mm_host_advise(addr, len, advice);
	if (kind == ADVICE_REMOVE)
		return remove_range(mm, addr, end);
	mutex_lock(&mm->lock);
	err = flag_locked(mm, addr, end, advice);
	vma_merge_range(mm, addr, end, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	return err;
}

static int name_locked(struct mm *mm, u64 start, u64 end, const char *name)
{
	int err = vma_isolate(mm, start, end), ret = 0;
	u64 at = start;

	if (err)
		return err;
	for (struct vma *v = vma_find(mm, start); v && v->start < end; at = v->end, v = vma_next(v)) {
		char *copy = NULL;

		if (v->start > at)
			ret = -ENOMEM;
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
	return at < end ? -ENOMEM : ret;
}

int mm_set_anon_name(u64 addr, u64 len, const char *name)
{
	struct mm *mm = current->mm;
	struct vma *dead = NULL;
	int err;

	if ((addr & ~PAGE_MASK) || len > TASK_SIZE)
		return -EINVAL;
	len = PAGE_ALIGN_UP(len);
	if (!len)
		return 0;
	if (!mm_range_is_guests(addr, len))
		return -ENOMEM;
	mutex_lock(&mm->lock);
	err = name_locked(mm, addr, addr + len, name);
	vma_merge_range(mm, addr, addr + len, &dead);
	mutex_unlock(&mm->lock);
	vma_free_chain(dead);
	return err;
}
