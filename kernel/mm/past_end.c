/*
 * Mappings of file memory and the file's end. The host raises SIGBUS for what lies behind the end of a file by itself,
 * but our files share one memfd that has no such ends. So pages behind a file's end are mapped from behind the end of
 * that memfd (filemem_beyond). When the file grows, the next fault there maps what it has now; when it shrinks, all who
 * map it are asked to do the same the other way round, before they go back to their programs.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "fs/filemem.h"
#include "mm/code.h"
#include "mm/vma.h"
#include "proc/task.h"

#define AHEAD_MAX (16ull << 20) /* a mapping that grows is caught up with in such steps */

bool map_source_beyond(const struct map_source *s)
{
	return s->host_fd == filemem_fd() && s->host_offset >= FILEMEM_SIZE;
}

/* The flags that a mapping of file made of these pieces gets. */
u32 mm_pieces_flags(const struct map_pieces *p, struct file *file)
{
	if (!file || !p->count || p->piece[0].host_fd != filemem_fd() || !S_ISREG_(file->inode->mode))
		return 0;
	atomic_store(&file->inode->mapped, true);
	return VMA_FILEMEM;
}

/* What a faulting page and, if none of it can hold private copies, those behind it could be mapped from now. */
static struct file *find_file(struct mm *mm, u64 page, u64 *offset, u64 *len, u32 *prot, u32 *flags)
{
	struct file *f = NULL;
	struct vma *v;

	mutex_lock(&mm->lock);
	v = vma_find(mm, page);
	if (v && v->start <= page && (v->flags & VMA_FILEMEM)) {
		f = file_get(v->file);
		*offset = v->offset + (page - v->start);
		*len = v->flags & MAP_SHARED ? min(v->end - page, AHEAD_MAX) : PAGE_SIZE;
		*prot = v->prot;
		*flags = v->flags & (MAP_SHARED | MAP_PRIVATE);
	}
	mutex_unlock(&mm->lock);
	return f;
}

static bool map_grown(struct mm *mm, struct file *f, u64 page, u64 offset, const struct map_source *s)
{
	struct vma *v = vma_find(mm, page);
	u64 len;

	if (!v || v->start > page || v->file != f || v->offset + (page - v->start) != offset)
		return true; /* changed meanwhile: look again */
	/* Another thread was here first, and may have written: a private copy must stay. */
	if (!mm_host_advise(page, PAGE_SIZE, MADV_POPULATE_READ))
		return true;
	if (mm_retries_used_up(mm, page))
		return false;
	len = v->flags & MAP_SHARED ? min(v->end - page, s->len) : PAGE_SIZE;
	if ((v->prot & PROT_EXEC) || (v->flags & VMA_COPIED))
		return !code_map_piece(&(struct map_pieces){ 0 }, s, page, len, v->prot, v->flags);
	return !mm_host_map(page, len, v->prot, v->flags, s->host_fd, s->host_offset);
}

bool mm_fault_past_end(u64 addr)
{
	u64 page = PAGE_ALIGN_DOWN(addr), offset, len;
	struct mm *mm = current->mm;
	struct map_source s;
	bool mended = false;
	u32 prot, flags;
	struct file *f;

	f = mm ? find_file(mm, page, &offset, &len, &prot, &flags) : NULL;
	if (!f)
		return false;
	if (!f->ops->mmap(f, offset, len, prot, flags, &s) && !map_source_beyond(&s)) {
		mutex_lock(&mm->lock);
		mended = map_grown(mm, f, page, offset, &s);
		mutex_unlock(&mm->lock);
	}
	file_put(f);
	return mended;
}

/* Takes away what inode's mappings (NULL = all files') show behind the end. */
static void cut_locked(struct mm *mm, const struct inode *inode)
{
	for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
		u64 end, from;
		int err;

		if (!(v->flags & VMA_FILEMEM) || (v->flags & VMA_COPIED) || (inode && v->file->inode != inode))
			continue;
		end = PAGE_ALIGN_UP(atomic_load(&v->file->inode->size));
		from = end > v->offset ? end - v->offset : 0;
		if (from >= v->end - v->start)
			continue;
		from += v->start;
		err = mm_host_map(from, v->end - from, v->prot & ~PROT_EXEC, v->flags, filemem_fd(),
				  filemem_beyond(v->offset + (from - v->start)));
		(void)err; /* these pages were cleared: they read as zeros then */
	}
}

static bool maps(struct mm *mm, const struct inode *inode)
{
	bool found = false;

	mutex_lock(&mm->lock);
	for (struct vma *v = vma_first(mm); v && !found; v = vma_next(v))
		found = (v->flags & VMA_FILEMEM) && v->file->inode == inode;
	mutex_unlock(&mm->lock);
	return found;
}

void mm_task_work(void)
{
	struct mm *mm = current->mm;

	if (!mm || !atomic_xchg(&mm->truncated, 0))
		return;
	mutex_lock(&mm->lock);
	cut_locked(mm, NULL);
	mutex_unlock(&mm->lock);
}

void mm_file_truncated(struct inode *inode)
{
	u64 tid = 0;

	if (!atomic_load(&inode->mapped))
		return;
	if (current->mm) {
		mutex_lock(&current->mm->lock);
		cut_locked(current->mm, inode);
		mutex_unlock(&current->mm->lock);
	}
	for (;;) {
		struct task *t;
		struct mm *mm;

		mutex_lock(&tasklist_lock);
		t = task_next_any(tid);
		if (t) {
			tid = task_place(t) + 1;
			task_get(t);
		}
		mutex_unlock(&tasklist_lock);
		if (!t)
			return;
		mm = task_get_mm(t);
		if (mm && mm != current->mm && maps(mm, inode)) {
			atomic_store(&mm->truncated, 1);
			task_set_work(t, WORK_TASK);
		}
		if (mm)
			mm_put(mm);
		task_put(t);
	}
}
