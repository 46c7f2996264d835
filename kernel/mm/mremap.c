/*
 * mremap. A mapping is shrunk by unmapping its tail, grown by mapping more behind it, and moved by the host's mremap
 * of its pages, always to a place chosen here.
 */
#include "abi/linux/errno.h"
#include "core/alloc.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/image.h"
#include "mm/patch.h"
#include "mm/vma.h"
#include "proc/task.h"

struct remap {
	u64 addr, old_len, new_len, new_addr;
	u32 flags;
	struct file *file; /* whose pieces these are; reference held */
	u64 tail_offset; /* file offset of the pieces */
	struct map_pieces tail; /* what a longer mapping has more */
	struct vma *dead;
	u64 populate_at; /* grown part of a locked mapping; 0 = none */
};

static int check_args(const struct remap *r)
{
	if (r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
		return -EINVAL;
	if ((r->addr & ~PAGE_MASK) || !r->new_len)
		return -EINVAL;
	if (r->addr > TASK_SIZE || r->old_len > TASK_SIZE - r->addr || r->new_len > MM_TOP)
		return -EINVAL;
	if (!(r->flags & MREMAP_FIXED))
		return 0;
	if ((r->new_addr & ~PAGE_MASK) || r->new_addr > MM_TOP - r->new_len)
		return -EINVAL;
	if (r->new_addr < USER_MIN)
		return -EPERM;
	return r->addr < r->new_addr + r->new_len && r->new_addr < r->addr + r->old_len ? -EINVAL : 0;
}

/* The one VMA that holds the whole old range, or an errno. */
static struct vma *find_source(struct mm *mm, const struct remap *r)
{
	struct vma *v = vma_find(mm, r->addr);

	if (!v || v->start > r->addr || r->old_len > v->end - r->addr)
		return err_ptr(-EFAULT);
	if (v->flags & VMA_SEALED)
		return err_ptr(-EPERM);
	if (!r->old_len && !(v->flags & MAP_SHARED))
		return err_ptr(-EINVAL);
	return v;
}

/* Fetches the pieces that a longer file mapping needs; asks the file without the lock. */
static int fetch_tail(struct mm *mm, struct remap *r)
{
	u64 more = r->new_len - r->old_len;
	struct file *file = NULL;
	u32 prot = 0, flags = 0;
	struct vma *v;
	int err = 0;

	if (r->new_len <= r->old_len)
		return 0;
	mutex_lock(&mm->lock);
	v = find_source(mm, r);
	if (is_err(v)) {
		err = ptr_err(v);
	} else if (v->file) {
		file = file_get(v->file);
		prot = v->prot;
		flags = v->flags;
		r->tail_offset = v->offset + (r->addr - v->start) + r->old_len;
		if (r->tail_offset > INT64_MAX - more)
			err = -EINVAL;
	}
	mutex_unlock(&mm->lock);
	r->file = file;
	/* What can be run as it is shall be so with what it grows by: the file may have another layer's data now. */
	if (flags & VMA_STABLE)
		prot |= PROT_EXEC;
	if (file && !err)
		err = mm_pieces_get(file, r->tail_offset, more, prot, flags & (MAP_SHARED | MAP_PRIVATE), &r->tail);
	return err;
}

/* The tail is to be mapped beside v: is it what v says it is? */
static bool tail_stable(const struct vma *v, const struct remap *r)
{
	return r->tail.stable && (!r->tail.denied || (v->flags & VMA_DENY));
}

static int check_growth(struct mm *mm, struct vma *v, const struct remap *r)
{
	u64 pages = (r->new_len - r->old_len) >> PAGE_SHIFT;

	/* The mapping was changed while its file was asked. */
	if (v->file != r->file || (v->file && v->offset + (r->addr - v->start) + r->old_len != r->tail_offset))
		return -EAGAIN;
	if ((v->flags & VMA_STABLE) && !tail_stable(v, r)) {
		if (v->prot & PROT_EXEC)
			return -EAGAIN;
		v->flags &= ~VMA_STABLE; /* it is copied when it turns executable */
	}
	if ((v->flags & MAP_LOCKED) && mm_lock_allowed(mm, pages, -EAGAIN))
		return -EAGAIN;
	return mm_may_grow(mm, pages, mm_is_data(v->prot, v->flags) ? pages : 0);
}

/* Maps the grown part at addr, as v is. */
static int map_tail(const struct vma *v, struct remap *r, u64 addr)
{
	int err;

	if (v->flags & VMA_COPIED)
		r->tail.stable = false;
	err = mm_pieces_map(&r->tail, addr, r->new_len - r->old_len, v->prot, v->flags);

	if (!err && (v->flags & VMA_WIPEONFORK))
		mm_host_advise(addr, r->new_len - r->old_len, MADV_WIPEONFORK);
	if (!err && (v->flags & VMA_DONTFORK))
		mm_host_advise(addr, r->new_len - r->old_len, MADV_DONTFORK);
	return err;
}

static int unmap_range(struct mm *mm, u64 start, u64 end, struct vma **dead)
{
	int err;

	if (!vma_overlap(mm, start, end))
		return 0;
	if (mm_sealed(mm, start, end))
		return -EPERM;
	err = vma_isolate(mm, start, end);
	if (!err)
		err = mm_host_unmap(start, end - start);
	if (!err)
		vma_remove_range(mm, start, end, dead);
	return err;
}

static int grow_in_place(struct mm *mm, struct vma *v, struct remap *r)
{
	u64 end = r->addr + r->old_len, new_end = r->addr + r->new_len;
	int err;

	err = map_tail(v, r, end);
	if (err) {
		int ignored = mm_host_unmap(end, new_end - end);

		(void)ignored;
		return err;
	}
	v->end = new_end;
	vma_touch(mm, v);
	mm_account(mm, v->prot, v->flags, (new_end - end) >> PAGE_SHIFT);
	if ((v->flags & (MAP_LOCKED | VMA_LOCKONFAULT)) == MAP_LOCKED)
		r->populate_at = end;
	vma_merge_range(mm, r->addr, new_end, &r->dead);
	return 0;
}

/* A VMA like v for the new place. */
static struct vma *clone_at(const struct vma *v, const struct remap *r)
{
	struct vma *n = vma_alloc(r->new_addr, r->new_addr + r->new_len, v->prot, v->flags & ~VMA_TEXT);

	if (!n)
		return NULL;
	if (v->anon_name) {
		n->anon_name = kstrdup(v->anon_name);
		if (!n->anon_name) {
			kfree(n);
			return NULL;
		}
	}
	n->name = v->name && !strcmp(v->name, "[heap]") ? NULL : v->name;
	if (v->file)
		vma_share_file(n, v, v->offset + (r->addr - v->start));
	return n;
}

/* The host's part of a move; new_addr is free. On failure the old place is as it was. */
static int move_host(const struct vma *v, struct remap *r)
{
	u64 keep = min(r->old_len, r->new_len);
	int err = 0, ignored;

	if (r->new_len > r->old_len)
		err = map_tail(v, r, r->new_addr + r->old_len);
	if (!err && keep && (v->prot & PROT_EXEC))
		patch_drop_locked(current->mm, r->addr, r->addr + keep);
	if (!err && keep)
		err = mm_host_move(r->addr, keep, r->new_addr, v->prot, r->flags & MREMAP_DONTUNMAP);
	if (err && r->new_len > r->old_len) {
		ignored = mm_host_unmap(r->new_addr + r->old_len, r->new_len - r->old_len);
		(void)ignored;
	}
	return err;
}

static int move(struct mm *mm, struct vma *v, struct remap *r)
{
	u64 end = r->addr + r->old_len;
	struct vma *n;
	int err;

	if (mm->vma_count + 3 >= MAX_MAP_COUNT)
		return -ENOMEM;
	/* A mapping that stays needs room of its own. */
	if ((r->flags & MREMAP_DONTUNMAP) &&
	    mm_may_grow(mm, r->new_len >> PAGE_SHIFT, mm_is_data(v->prot, v->flags) ? r->new_len >> PAGE_SHIFT : 0))
		return -ENOMEM;
	if (!(r->flags & MREMAP_FIXED)) {
		r->new_addr = mm_find_free(mm, 0, r->new_len, 0, !v->file && !(r->addr & (HUGE_SIZE - 1)));
		if (!r->new_addr)
			return -ENOMEM;
	} else {
		err = unmap_range(mm, r->new_addr, r->new_addr + r->new_len, &r->dead);
		if (err)
			return err;
		v = vma_find(mm, r->addr); /* it may have been cut there */
	}
	n = clone_at(v, r);
	if (!n)
		return -ENOMEM;
	err = r->old_len ? vma_isolate(mm, r->addr, end) : 0;
	if (!err)
		err = move_host(v, r);
	if (err) {
		n->node.right = r->dead;
		r->dead = n;
		return err;
	}
	if (r->old_len && !(r->flags & MREMAP_DONTUNMAP))
		vma_remove_range(mm, r->addr, end, &r->dead);
	vma_insert(mm, n);
	mm_account(mm, n->prot, n->flags, r->new_len >> PAGE_SHIFT);
	if ((n->flags & (MAP_LOCKED | VMA_LOCKONFAULT)) == MAP_LOCKED && r->new_len > r->old_len)
		r->populate_at = r->new_addr + r->old_len;
	vma_merge_range(mm, r->new_addr, r->new_addr + r->new_len, &r->dead);
	return 0;
}

/* Shrinks the source to the new length; it keeps its address. */
static int shrink(struct mm *mm, struct remap *r)
{
	int err = unmap_range(mm, r->addr + r->new_len, r->addr + r->old_len, &r->dead);

	if (!err)
		r->old_len = r->new_len;
	return err;
}

static s64 remap_locked(struct mm *mm, struct remap *r)
{
	u64 end = r->addr + r->old_len;
	struct vma *v = find_source(mm, r);
	int err;

	if (is_err(v))
		return ptr_err(v);
	if (r->new_len < r->old_len) {
		err = shrink(mm, r);
		if (err)
			return err;
		v = vma_find(mm, r->addr);
	}
	if (r->new_len > r->old_len) {
		err = check_growth(mm, v, r);
		if (err)
			return err;
	}
	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
		if (r->new_len == r->old_len)
			return r->addr;
		if (r->old_len && end == v->end && r->new_len <= MM_TOP - r->addr &&
		    vma_range_free(mm, end, r->addr + r->new_len)) {
			err = grow_in_place(mm, v, r);
			return err ? err : (s64)r->addr;
		}
		if (!(r->flags & MREMAP_MAYMOVE))
			return -ENOMEM;
	}
	err = move(mm, v, r);
	return err ? err : (s64)r->new_addr;
}

s64 mm_mremap(u64 addr, u64 old_len, u64 new_len, u32 flags, u64 new_addr)
{
	struct mm *mm = current->mm;
	struct remap r = { .addr = addr, .new_addr = new_addr, .flags = flags };
	u64 grown = 0;
	s64 ret;

	if (old_len > TASK_SIZE || new_len > TASK_SIZE)
		return -EINVAL;
	r.old_len = PAGE_ALIGN_UP(old_len);
	r.new_len = PAGE_ALIGN_UP(new_len);
	if (r.new_len > r.old_len)
		grown = r.new_len - r.old_len;
	ret = check_args(&r);
	if (!ret)
		ret = fetch_tail(mm, &r);
	for (bool images = true; images && !ret;) {
		mutex_lock(&mm->lock);
		images = image_in(mm, addr, addr + r.old_len) && !mm_sealed(mm, addr, addr + r.old_len);
		if (!images)
			ret = remap_locked(mm, &r);
		mutex_unlock(&mm->lock);
		if (images)
			ret = image_leave(mm, addr, addr + r.old_len);
	}
	vma_free_chain(r.dead);
	mm_pieces_put(&r.tail);
	if (r.file)
		file_put(r.file);
	if (ret > 0 && r.populate_at)
		mm_populate(r.populate_at, grown, PROT_WRITE);
	return ret;
}
